//! The second pass: bins of all rows, and the columns that are kept whole.

use std::sync::Mutex;

use eyas_model::{Bins, ColumnKind, Derive, Schema, datetime};

use super::plan::Plan;
use super::scan::Scan;
use super::{StreamOptions, Streamed};
use crate::data::blocks::data_error;
use crate::data::csv::{Joined, column_of, joined};
use crate::data::names::Names;
use crate::data::stream::{Cells, Chunk, Mode, Source};
use crate::data::table::MISSING_CODE;
use crate::data::{Column, ColumnData, Table};
use crate::dataset::columns::Made;
use crate::dataset::edges::bins_of_numbers;
use crate::dataset::{Dataset, add, no_features};
use crate::error::Error;
use crate::task::{Task, TaskOptions};

/// What threads share while the pass goes on.
struct Shared {
    /// Bins of each plan's features `(n_plans)` x `(n_parts)` x `(n_rows,)`.
    bins: Vec<Vec<Vec<u8>>>,
    /// Chunks of the columns that are kept whole.
    kept: Vec<Vec<(usize, Cells)>>,
    /// Cells of raw rows, by plan: chunk and place, and the cells.
    raw: Vec<Vec<RawCells>>,
    n_read: u64,
}

/// Some cells of a chunk, taken for the raw rows.
struct RawCells {
    chunk: usize,
    cells: Cells,
}

/// What the second pass needs to know.
struct Pass<'a> {
    scan: &'a Scan,
    plans: &'a [Plan],
    /// First row of each chunk.
    starts: Vec<usize>,
    /// Columns that are kept whole.
    kept: Vec<usize>,
    /// Chunk and place of the raw rows, ascending.
    raw_rows: Vec<(u32, u32)>,
}

/// Makes the dataset.
pub(super) fn encode(
    source: &dyn Source,
    scan: &Scan,
    plans: Vec<Plan>,
    options: &StreamOptions<'_>,
) -> Result<Streamed, Error> {
    const HELD: &str = "no thread panics while it holds the lock";
    let pass = Pass::new(source, scan, &plans, options);
    let n_rows = scan.n_rows();
    let shared = Mutex::new(Shared {
        bins: plans.iter().map(|plan| vec![vec![0; n_rows]; plan.parts.len()]).collect(),
        kept: pass.kept.iter().map(|_| Vec::new()).collect(),
        raw: plans.iter().map(|_| Vec::new()).collect(),
        n_read: 0,
    });
    source.pass(&pass.modes(), &|chunk| {
        if scan.chunk_rows.get(chunk.index) != Some(&chunk.n_rows) {
            return Err(changed(source));
        }
        let encoded = pass.encode(&chunk);
        let mut shared = shared.lock().expect(HELD);
        let n_rows = chunk.n_rows as u64;
        pass.store(&mut shared, chunk, encoded);
        shared.n_read += n_rows;
        (options.progress)(2, shared.n_read);
        Ok(())
    })?;
    let shared = shared.into_inner().expect(HELD);
    if shared.n_read != n_rows as u64 {
        return Err(changed(source));
    }
    pass.assemble(source, shared, options, &plans)
}

fn changed(source: &dyn Source) -> Error {
    let problem = "the file changed while it was read; read it again";
    data_error(source.name(), None, None, problem)
}

impl<'a> Pass<'a> {
    fn new(
        source: &dyn Source,
        scan: &'a Scan,
        plans: &'a [Plan],
        options: &StreamOptions<'_>,
    ) -> Pass<'a> {
        let starts = scan.chunk_rows.iter().scan(0, |next, &n_rows| {
            let start = *next;
            *next += n_rows;
            Some(start)
        });
        let TaskOptions { target, groups, weights, time, .. } = options.task;
        let wanted = |name: &String| {
            let is = |other: &Option<String>| other.as_ref() == Some(name);
            name == target || is(groups) || is(weights) || is(time)
        };
        let n_columns = source.header().len();
        Pass {
            scan,
            plans,
            starts: starts.collect(),
            kept: (0..n_columns).filter(|&column| wanted(&source.header()[column])).collect(),
            raw_rows: scan.sample.first(options.n_raw_rows),
        }
    }

    /// Columns that give nothing are not read again.
    fn modes(&self) -> Vec<Mode> {
        let mut modes = vec![Mode::Skip; self.scan.modes.len()];
        let used = self.plans.iter().filter(|plan| !plan.parts.is_empty()).map(|plan| plan.column);
        for column in used.chain(self.kept.iter().copied()) {
            modes[column] = self.scan.modes[column];
        }
        modes
    }

    /// Bins of a chunk, by plan and part.
    fn encode(&self, chunk: &Chunk) -> Vec<Vec<Vec<u8>>> {
        self.plans.iter().map(|plan| plan.encode(&chunk.columns[plan.column])).collect()
    }

    fn store(&self, shared: &mut Shared, mut chunk: Chunk, encoded: Vec<Vec<Vec<u8>>>) {
        let start = self.starts[chunk.index];
        for (bins, encoded) in shared.bins.iter_mut().zip(encoded) {
            for (bins, encoded) in bins.iter_mut().zip(encoded) {
                bins[start..start + encoded.len()].copy_from_slice(&encoded);
            }
        }
        let index = chunk.index as u32;
        let first = self.raw_rows.partition_point(|place| place.0 < index);
        let end = self.raw_rows.partition_point(|place| place.0 <= index);
        let places: Vec<usize> =
            self.raw_rows[first..end].iter().map(|place| place.1 as usize).collect();
        if !places.is_empty() {
            for (plan, raw) in self.plans.iter().zip(&mut shared.raw) {
                let cells = picked(&chunk.columns[plan.column], &places);
                raw.push(RawCells { chunk: chunk.index, cells });
            }
        }
        for (&column, kept) in self.kept.iter().zip(&mut shared.kept) {
            kept.push((chunk.index, std::mem::take(&mut chunk.columns[column])));
        }
    }

    fn assemble(
        &self,
        source: &dyn Source,
        shared: Shared,
        options: &StreamOptions<'_>,
        plans: &[Plan],
    ) -> Result<Streamed, Error> {
        let header = source.header();
        let whole = self.whole_columns(source, shared.kept, options)?;
        let without_drop = TaskOptions { drop: Vec::new(), ..options.task.clone() };
        let (mut task, mut notices) = Task::new(&whole, &without_drop)?;
        task.excluded.extend(options.task.drop.iter().cloned());
        let mut data = empty(&task);
        let all = task.rows.len() == self.scan.n_rows();
        for (plan, bins) in plans.iter().zip(shared.bins) {
            notices.extend(plan.notice.clone());
            if plan.parts.is_empty() {
                continue;
            }
            let name = &header[plan.column];
            data.schema
                .columns
                .push(eyas_model::InputColumn { name: name.clone(), kind: plan.kind });
            for (part, codes) in plan.parts.iter().zip(bins) {
                let codes = if all { codes } else { gathered(&codes, &task.rows) };
                let (bins, numbers) = (part.bins.clone(), part.numbers.clone());
                add(&mut data, name, Made { derive: part.derive, bins, codes, numbers });
            }
        }
        if data.features.is_empty() {
            return Err(no_features(plans.len(), &notices));
        }
        let rows = raw_table(header, plans, shared.raw);
        Ok(Streamed { task, data, rows, notices })
    }

    /// Target, weights, groups and times, all rows.
    fn whole_columns(
        &self,
        source: &dyn Source,
        kept: Vec<Vec<(usize, Cells)>>,
        options: &StreamOptions<'_>,
    ) -> Result<Table, Error> {
        let mut columns = Vec::new();
        for (&column, mut chunks) in self.kept.iter().zip(kept) {
            let name = &source.header()[column];
            chunks.sort_unstable_by_key(|(index, _)| *index);
            let cells = chunks.into_iter().map(|(_, cells)| cells).collect();
            let kind = options.read.kind_of(name);
            let joined = joined(cells, self.scan.n_rows());
            let data = column_of(source.name(), name, kind, joined)?;
            columns.push(Column { name: name.clone(), data });
        }
        Ok(Table { columns })
    }
}

impl Plan {
    /// Bins of the cells of a chunk, by part.
    fn encode(&self, cells: &Cells) -> Vec<Vec<u8>> {
        self.parts.iter().map(|part| self.encode_part(part.derive, &part.bins, cells)).collect()
    }

    fn encode_part(&self, derive: Derive, bins: &Bins, cells: &Cells) -> Vec<u8> {
        match (cells, bins) {
            (Cells::Names { codes, names }, _) => {
                let bin =
                    |name: &String| self.bin_of_name.get(name).copied().unwrap_or(self.other_bin);
                let bins: Vec<u8> = names.levels().iter().map(bin).collect();
                codes.iter().map(|&code| bins.get(code as usize).copied().unwrap_or(0)).collect()
            }
            (Cells::Dates(values), Bins::Edges(edges)) => {
                let parts: Vec<f64> = values.iter().map(|&s| datetime::part(s, derive)).collect();
                bins_of_numbers(edges, &parts)
            }
            (Cells::Numbers(values), Bins::Edges(edges)) => bins_of_numbers(edges, values),
            (Cells::Missing(n), _) => vec![0; *n],
            _ => Vec::new(),
        }
    }
}

/// The cells in some places of a chunk.
fn picked(cells: &Cells, places: &[usize]) -> Cells {
    let numbers = |values: &[f64]| places.iter().map(|&place| values[place]).collect();
    match cells {
        Cells::Numbers(values) => Cells::Numbers(numbers(values)),
        Cells::Dates(values) => Cells::Dates(numbers(values)),
        Cells::Names { codes, names } => {
            let mut few = Names::default();
            let code = |&place: &usize| match names.levels().get(codes[place] as usize) {
                Some(name) => few.code(name),
                None => MISSING_CODE,
            };
            let codes = places.iter().map(code).collect();
            Cells::Names { codes, names: few }
        }
        _ => Cells::Missing(places.len()),
    }
}

fn gathered(codes: &[u8], rows: &[u32]) -> Vec<u8> {
    rows.iter().map(|&row| codes[row as usize]).collect()
}

fn empty(task: &Task) -> Dataset {
    Dataset {
        schema: Schema {
            task: task.kind,
            target: task.target_name.clone(),
            classes: task.classes.clone(),
            columns: Vec::new(),
        },
        n_rows: task.n_rows(),
        features: Vec::new(),
        bins: Vec::new(),
        numbers: Vec::new(),
        target: task.target.clone(),
        weights: task.weights.clone(),
    }
}

/// The raw rows, as a table of the columns that give features.
fn raw_table(header: &[String], plans: &[Plan], raw: Vec<Vec<RawCells>>) -> Table {
    let used = plans.iter().zip(raw).filter(|(plan, _)| !plan.parts.is_empty());
    let column = |(plan, mut parts): (&Plan, Vec<RawCells>)| {
        parts.sort_unstable_by_key(|part| part.chunk);
        let cells: Vec<Cells> = parts.into_iter().map(|part| part.cells).collect();
        Column { name: header[plan.column].clone(), data: raw_column(plan, cells) }
    };
    Table { columns: used.map(column).collect() }
}

fn raw_column(plan: &Plan, cells: Vec<Cells>) -> ColumnData {
    let n_rows = cells.iter().map(Cells::n_rows).sum();
    match joined(cells, n_rows) {
        Joined::Dates(values) => ColumnData::DateTime(values),
        Joined::Numbers(values) if plan.kind == ColumnKind::DateTime => {
            ColumnData::DateTime(values)
        }
        Joined::Numbers(values) => ColumnData::Number(values),
        Joined::Names(codes, levels) => {
            ColumnData::Category { codes, levels, boolean: plan.kind == ColumnKind::Boolean }
        }
    }
}
