//! The first pass: what columns hold.

use std::sync::Mutex;

use super::StreamOptions;
use super::sample::{RowSample, Threshold, draw};
use crate::data::csv::header_only;
use crate::data::names::Names;
use crate::data::stream::{Cells, Chunk, Mode, Source};
use crate::data::table::MISSING_CODE;
use crate::dataset::edges::few_distinct;
use crate::error::Error;

/// Most distinct names of a column that are told apart while it is read.
pub(super) const MOST_NAMES: usize = 1 << 20;

/// What is known of a column.
#[derive(Debug, Default)]
pub(super) struct Summary {
    /// Whether chunks held numbers, dates and names.
    pub kinds: [bool; 3],
    /// Cells with a value.
    pub n_present: u64,
    /// The distinct numbers, ascending; `None` if there are too many for a bin each.
    pub distinct: Option<Vec<f64>>,
    /// Whether all numbers are whole.
    pub whole: bool,
    /// The names, and how often each was seen.
    pub names: Names,
    /// Rows of each name, by its code.
    pub counts: Vec<u64>,
    /// Whether there are more than [`MOST_NAMES`] names.
    pub overflows: bool,
}

impl Summary {
    fn new() -> Summary {
        Summary { distinct: Some(Vec::new()), whole: true, ..Summary::default() }
    }

    /// Whether chunks disagree about what the column holds.
    fn is_mixed(&self) -> bool {
        self.kinds.iter().filter(|&&seen| seen).count() > 1
    }

    fn add(&mut self, of_chunk: OfChunk) {
        match of_chunk {
            OfChunk::Nothing => {}
            OfChunk::Numbers { is_dates, n_present, distinct, whole } => {
                self.kinds[usize::from(is_dates)] |= n_present > 0;
                self.n_present += n_present;
                self.whole &= whole;
                self.distinct = self
                    .distinct
                    .take()
                    .and_then(|known| few_distinct(&[known, distinct?].concat()));
            }
            OfChunk::Names { names, counts } => {
                self.kinds[2] |= !names.levels().is_empty();
                self.n_present += counts.iter().sum::<u64>();
                for (name, count) in names.levels().iter().zip(counts) {
                    if self.overflows {
                        return;
                    }
                    let code = self.names.code(name) as usize;
                    self.counts.resize(self.names.levels().len(), 0);
                    self.counts[code] += count;
                    self.overflows = self.names.levels().len() > MOST_NAMES;
                }
            }
        }
    }
}

/// What a chunk says about a column.
enum OfChunk {
    Nothing,
    Numbers { is_dates: bool, n_present: u64, distinct: Option<Vec<f64>>, whole: bool },
    Names { names: Names, counts: Vec<u64> },
}

impl OfChunk {
    fn new(cells: Cells) -> OfChunk {
        match cells {
            Cells::Skipped | Cells::Missing(_) | Cells::Mixed => OfChunk::Nothing,
            Cells::Numbers(values) => OfChunk::numbers(&values, false),
            Cells::Dates(values) => OfChunk::numbers(&values, true),
            Cells::Names { codes, names } => {
                let mut counts = vec![0; names.levels().len()];
                let present = codes.iter().filter(|&&code| code != MISSING_CODE);
                present.for_each(|&code| counts[code as usize] += 1);
                OfChunk::Names { names, counts }
            }
        }
    }

    fn numbers(values: &[f64], is_dates: bool) -> OfChunk {
        let n_present = values.iter().filter(|value| !value.is_nan()).count() as u64;
        let whole = values.iter().all(|value| value.is_nan() || value.fract() == 0.0);
        OfChunk::Numbers { is_dates, n_present, distinct: few_distinct(values), whole }
    }
}

/// What the first pass found.
pub(super) struct Scan {
    /// Rows of each chunk.
    pub chunk_rows: Vec<usize>,
    /// Columns of the file.
    pub summaries: Vec<Summary>,
    /// Rows to make thresholds from, in the order of the file.
    pub sample: RowSample,
    /// How columns are read from now on.
    pub modes: Vec<Mode>,
}

impl Scan {
    /// Rows of the file.
    pub fn n_rows(&self) -> usize {
        self.chunk_rows.iter().sum()
    }
}

/// What threads share while a pass goes on.
struct Shared {
    chunk_rows: Vec<(usize, usize)>,
    summaries: Vec<Summary>,
    sample: RowSample,
    n_read: u64,
}

/// Reads the file once, and mixed columns again.
pub(super) fn scan(
    source: &dyn Source,
    mut modes: Vec<Mode>,
    n_sampled: usize,
    options: &StreamOptions<'_>,
) -> Result<Scan, Error> {
    let n_columns = modes.len();
    let sample = RowSample::new(options.build.seed, n_sampled, n_columns);
    let mut found = pass(source, &modes, sample, 1, options)?;
    if found.chunk_rows.iter().all(|(_, n_rows)| *n_rows == 0) {
        return Err(header_only(source.name()));
    }
    settle_modes(source, &mut modes, &mut found, options)?;
    found.sample.prune();
    found.chunk_rows.sort_unstable();
    let chunk_rows = found.chunk_rows.into_iter().map(|(_, n_rows)| n_rows).collect();
    Ok(Scan { chunk_rows, summaries: found.summaries, sample: found.sample, modes })
}

/// Says how each column is read from now on; those that chunks disagree about are read as names.
fn settle_modes(
    source: &dyn Source,
    modes: &mut [Mode],
    found: &mut Shared,
    options: &StreamOptions<'_>,
) -> Result<(), Error> {
    let mixed: Vec<Mode> = found
        .summaries
        .iter()
        .map(|summary| if summary.is_mixed() { Mode::Names } else { Mode::Skip })
        .collect();
    if mixed.contains(&Mode::Names) {
        let empty = RowSample::new(options.build.seed, 0, modes.len());
        let again = pass(source, &mixed, empty, 2, options)?;
        for (summary, fresh) in found.summaries.iter_mut().zip(again.summaries) {
            if summary.is_mixed() {
                *summary = fresh;
            }
        }
    }
    for (mode, summary) in modes.iter_mut().zip(&found.summaries) {
        if *mode == Mode::Find {
            *mode = match summary.kinds {
                [_, true, _] => Mode::DateTime,
                [_, _, true] => Mode::Names,
                _ => Mode::Number,
            };
        }
    }
    Ok(())
}

fn pass(
    source: &dyn Source,
    modes: &[Mode],
    sample: RowSample,
    number: usize,
    options: &StreamOptions<'_>,
) -> Result<Shared, Error> {
    const HELD: &str = "no thread panics while it holds the lock";
    let summaries = modes.iter().map(|_| Summary::new()).collect();
    let (seed, threshold) = (sample.seed(), Threshold::default());
    let shared = Mutex::new(Shared { chunk_rows: Vec::new(), summaries, sample, n_read: 0 });
    source.pass(modes, &|chunk: Chunk| {
        let Chunk { index, n_rows, columns } = chunk;
        let drawn = draw(seed, index as u32, &columns, n_rows, &threshold);
        let of_chunk: Vec<OfChunk> = columns.into_iter().map(OfChunk::new).collect();
        let mut shared = shared.lock().expect(HELD);
        shared.chunk_rows.push((index, n_rows));
        shared.sample.add(drawn, &threshold);
        for (summary, of_chunk) in shared.summaries.iter_mut().zip(of_chunk) {
            summary.add(of_chunk);
        }
        shared.n_read += n_rows as u64;
        (options.progress)(number, shared.n_read);
        Ok(())
    })?;
    Ok(shared.into_inner().expect(HELD))
}
