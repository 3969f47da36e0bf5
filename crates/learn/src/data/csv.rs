//! CSV files, plain or gzip, as tables.
//!
//! ```text
//! file -> blocks of whole records (one at a time, under a lock) -> cells (a block a thread)
//!      -> columns (block by block, in order) -> kinds (see `infer`)
//! ```
//! A file is read once; columns that turn out to be names in some blocks and numbers or dates in
//! others are read a second time as names. Neither threads nor the size of blocks change a table.
//! Memory: the table, one column, and a block a thread.

use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::blocks::{BLOCK_BYTES, Block, Blocks, data_error, decompressed, open};
use super::infer::settled_column;
use super::names::Names;
use super::nearest::suggestion;
use super::parse::{Cells, Layout, Mode, ParsedBlock, ParsedColumn};
use super::stream::{Chunk, Sink, Source};
use super::table::{Column, ColumnData, MISSING_CODE, Table};
use super::types::{KindOverride, Notice, ReadOptions};
use crate::error::Error;

/// Reads a CSV file; gzip is recognised by its contents.
///
/// The first line is the header. Cells of [`super::types::MISSING`] are missing. Kinds are found
/// over the whole file, see [`super::infer`]. An unnamed column is called `column_` and its number,
/// counted from 1, with a notice.
///
/// # Errors
/// No such file, a directory, an empty file, a header without rows, duplicate names, a line with
/// too few or too many cells, bad UTF-8, an unclosed quote, infinite numbers, cells against a
/// stated kind, a stated kind of no column, the memory limit.
pub fn read_csv(path: &Path, options: &ReadOptions) -> Result<(Table, Vec<Notice>), Error> {
    let name = path.display().to_string();
    let regular = std::fs::metadata(path).is_ok_and(|data| data.is_file());
    if regular || path.is_dir() {
        return read(&name, &|| open(path), options, BLOCK_BYTES);
    }
    // A pipe can be read once only.
    let mut bytes = Vec::new();
    open(path)?
        .read_to_end(&mut bytes)
        .map_err(|e| data_error(&name, None, None, e.to_string()))?;
    read_csv_bytes(&name, bytes, options)
}

/// Reads the bytes of a CSV file, as [`read_csv`] does; `name` is what messages call it.
///
/// # Errors
/// See [`read_csv`].
pub fn read_csv_bytes(
    name: &str,
    bytes: Vec<u8>,
    options: &ReadOptions,
) -> Result<(Table, Vec<Notice>), Error> {
    read_bytes(name, bytes, options, BLOCK_BYTES)
}

fn read_bytes(
    name: &str,
    bytes: Vec<u8>,
    options: &ReadOptions,
    block_bytes: usize,
) -> Result<(Table, Vec<Notice>), Error> {
    let bytes: std::sync::Arc<[u8]> = bytes.into();
    let again = || decompressed(name, Box::new(Cursor::new(bytes.clone())));
    read(name, &again, options, block_bytes)
}

/// Opens the file from its beginning.
type Reopen<'a> = &'a dyn Fn() -> Result<Box<dyn Read + Send>, Error>;

fn read(
    name: &str,
    reopen: Reopen<'_>,
    options: &ReadOptions,
    block_bytes: usize,
) -> Result<(Table, Vec<Notice>), Error> {
    let (mut blocks, header) = Blocks::start(name, reopen()?, options.delimiter, block_bytes)?;
    let (header, notices) = checked_header(name, header)?;
    let mut modes = stated_modes(name, &header, options)?;
    let layout = Layout { path: name, header: &header, delimiter: blocks.delimiter() };
    let Some(first) = blocks.next_block()? else { return Err(header_only(name)) };
    let first_parsed = layout.parse(&first, &modes)?;
    drop(first);
    hint(&mut modes, &first_parsed);
    let mut parsed = vec![first_parsed];
    parsed.extend(parse_all(&layout, blocks, &modes, options)?);
    let n_rows = parsed.iter().map(|block| block.n_rows).sum();
    if n_rows == 0 {
        return Err(header_only(name));
    }
    read_mixed_again(&layout, &mut parsed, reopen, (options, block_bytes))?;
    let columns = join(&layout, parsed, n_rows, options)?;
    Ok((Table { columns }, notices))
}

pub(crate) fn header_only(path: &str) -> Error {
    data_error(path, None, None, "the file has a header but no rows; data lines are expected")
}

/// Names of the columns: unnamed ones get a name and a notice.
///
/// # Errors
/// Duplicate names.
pub fn checked_header(
    path: &str,
    mut header: Vec<String>,
) -> Result<(Vec<String>, Vec<Notice>), Error> {
    let mut notices = Vec::new();
    for (index, name) in header.iter_mut().enumerate() {
        if name.trim().is_empty() {
            *name = format!("column_{}", index + 1);
            notices.push(Notice::new(name, "has no name in the header and was given this one"));
        }
    }
    let mut sorted: Vec<(&str, usize)> =
        header.iter().enumerate().map(|(index, name)| (name.as_str(), index)).collect();
    sorted.sort_unstable();
    let twice = sorted.windows(2).filter(|pair| pair[0].0 == pair[1].0).min_by_key(|p| p[1].1);
    if let Some(pair) = twice {
        let problem = format!(
            "the header names it twice, as columns {} and {}; rename one",
            pair[0].1 + 1,
            pair[1].1 + 1
        );
        return Err(data_error(path, Some(1), Some(pair[0].0), problem));
    }
    Ok((header, notices))
}

/// Checks that every column with a stated type exists.
///
/// # Errors
/// It does not; the nearest name is suggested.
pub fn check_stated(path: &str, header: &[String], options: &ReadOptions) -> Result<(), Error> {
    for (name, _) in &options.types {
        if !header.contains(name) {
            let hint = suggestion(name, header.iter().map(String::as_str));
            let problem = format!("a type is stated for it, but there is no such column{hint}");
            return Err(data_error(path, None, Some(name), problem));
        }
    }
    Ok(())
}

fn stated_modes(path: &str, header: &[String], options: &ReadOptions) -> Result<Vec<Mode>, Error> {
    check_stated(path, header, options)?;
    let mode = |name: &String| match options.kind_of(name) {
        None => Mode::Find,
        Some(KindOverride::Drop) => Mode::Skip,
        Some(KindOverride::Number) => Mode::Number,
        Some(KindOverride::DateTime) => Mode::DateTime,
        Some(KindOverride::Boolean | KindOverride::Category | KindOverride::Text) => Mode::Names,
    };
    if options.types.is_empty() {
        return Ok(vec![Mode::Find; header.len()]);
    }
    Ok(header.iter().map(mode).collect())
}

/// Columns that are names in the first block are names in all: no need to try.
fn hint(modes: &mut [Mode], first: &ParsedBlock) {
    for (mode, column) in modes.iter_mut().zip(&first.columns) {
        if *mode == Mode::Find && matches!(column.cells, Cells::Names { .. }) {
            *mode = Mode::Names;
        }
    }
}

/// Blocks handed out, and the error that is first in the file.
struct Progress {
    blocks: Blocks,
    error: Option<(usize, Error)>,
    n_started: usize,
}

impl Progress {
    /// The next block, unless something failed before.
    fn next(&mut self) -> Option<Block> {
        if self.error.is_some() {
            return None;
        }
        match self.blocks.next_block() {
            Ok(Some(block)) => {
                self.n_started = block.index + 1;
                Some(block)
            }
            Ok(None) => None,
            Err(error) => {
                self.fail(self.n_started, error);
                None
            }
        }
    }

    /// Keeps the error that is first in the file.
    fn fail(&mut self, index: usize, error: Error) {
        if self.error.as_ref().is_none_or(|(first, _)| index < *first) {
            self.error = Some((index, error));
        }
    }
}

const HELD: &str = "no thread panics while it holds the lock";

/// Parses all blocks that are left and hands them to `take`, in any order, by several threads.
fn parse_each(
    layout: &Layout<'_>,
    blocks: Blocks,
    modes: &[Mode],
    n_threads: usize,
    take: impl Fn(usize, ParsedBlock) -> Result<(), Error> + Sync,
) -> Result<(), Error> {
    let progress = Mutex::new(Progress { blocks, error: None, n_started: 0 });
    let work = || {
        loop {
            let Some(block) = progress.lock().expect(HELD).next() else { break };
            let index = block.index;
            let parsed = layout.parse(&block, modes);
            drop(block);
            if let Err(error) = parsed.and_then(|parsed| take(index, parsed)) {
                let is_memory = matches!(error, Error::Memory { .. });
                progress
                    .lock()
                    .expect(HELD)
                    .fail(if is_memory { usize::MAX } else { index }, error);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..n_threads {
            scope.spawn(work);
        }
        work();
    });
    progress.into_inner().expect(HELD).error.map_or(Ok(()), |(_, error)| Err(error))
}

/// Parses all blocks that are left, in the order of the file.
fn parse_all(
    layout: &Layout<'_>,
    blocks: Blocks,
    modes: &[Mode],
    options: &ReadOptions,
) -> Result<Vec<ParsedBlock>, Error> {
    let taken = Mutex::new((Vec::new(), 0_u64));
    parse_each(layout, blocks, modes, options.n_threads(), |index, block| {
        let bytes: usize = block.columns.iter().map(|c| c.cells.memory_bytes()).sum();
        let mut taken = taken.lock().expect(HELD);
        taken.1 += bytes as u64;
        taken.0.push((index, block));
        match options.memory_limit_bytes {
            Some(limit_bytes) if taken.1 > limit_bytes => {
                let what = "the table".to_string();
                Err(Error::Memory { what, needed_bytes: taken.1, limit_bytes })
            }
            _ => Ok(()),
        }
    })?;
    let (mut parsed, _) = taken.into_inner().expect(HELD);
    parsed.sort_unstable_by_key(|(index, _)| *index);
    Ok(parsed.into_iter().map(|(_, block)| block).collect())
}

/// A CSV file, plain or gzip, that is read in passes.
#[derive(Debug)]
pub struct CsvSource {
    path: PathBuf,
    name: String,
    header: Vec<String>,
    delimiter: u8,
    n_threads: usize,
}

impl CsvSource {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// As [`read_csv`]; also a pipe, which cannot be read twice.
    pub fn open(path: &Path, options: &ReadOptions) -> Result<(CsvSource, Vec<Notice>), Error> {
        let name = path.display().to_string();
        let source = open(path)?;
        if !std::fs::metadata(path).is_ok_and(|data| data.is_file()) {
            let problem = "it is no regular file, and must be read more than once; save it first";
            return Err(data_error(&name, None, None, problem));
        }
        let (blocks, header) = Blocks::start(&name, source, options.delimiter, BLOCK_BYTES)?;
        let (header, notices) = checked_header(&name, header)?;
        check_stated(&name, &header, options)?;
        let (delimiter, n_threads) = (blocks.delimiter(), options.n_threads());
        Ok((CsvSource { path: path.to_owned(), name, header, delimiter, n_threads }, notices))
    }
}

impl Source for CsvSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn header(&self) -> &[String] {
        &self.header
    }

    fn pass(&self, modes: &[Mode], sink: &Sink<'_>) -> Result<(), Error> {
        let layout = Layout { path: &self.name, header: &self.header, delimiter: self.delimiter };
        let source = open(&self.path)?;
        let (blocks, _) = Blocks::start(&self.name, source, Some(self.delimiter), BLOCK_BYTES)?;
        parse_each(&layout, blocks, modes, self.n_threads, |index, block| {
            for (column, name) in block.columns.iter().zip(&self.header) {
                refuse_infinite(&layout, name, std::slice::from_ref(column))?;
            }
            let n_rows = block.n_rows;
            let columns = block.columns.into_iter().map(|column| column.cells).collect();
            sink(Chunk { index, n_rows, columns })
        })
    }
}

/// Whether blocks disagree about what a column holds.
fn is_mixed(parsed: &[ParsedBlock], column: usize) -> bool {
    let mut kinds = [false; 3];
    for block in parsed {
        match &block.columns[column].cells {
            Cells::Numbers(_) => kinds[0] = true,
            Cells::Dates(_) => kinds[1] = true,
            Cells::Names { .. } => kinds[2] = true,
            Cells::Skipped | Cells::Missing(_) | Cells::Mixed => {}
        }
    }
    kinds.iter().filter(|&&seen| seen).count() > 1
}

fn read_mixed_again(
    layout: &Layout<'_>,
    parsed: &mut [ParsedBlock],
    reopen: Reopen<'_>,
    (options, block_bytes): (&ReadOptions, usize),
) -> Result<(), Error> {
    let mode = |column| if is_mixed(parsed, column) { Mode::Names } else { Mode::Skip };
    let modes: Vec<Mode> = (0..layout.header.len()).map(mode).collect();
    if !modes.contains(&Mode::Names) {
        return Ok(());
    }
    for block in parsed.iter_mut() {
        let columns = block.columns.iter_mut().zip(&modes);
        columns.filter(|(_, mode)| **mode == Mode::Names).for_each(|(column, _)| {
            *column = ParsedColumn::default();
        });
    }
    let (blocks, _) = Blocks::start(layout.path, reopen()?, Some(layout.delimiter), block_bytes)?;
    let names = parse_all(layout, blocks, &modes, options)?;
    let same = names.len() == parsed.len()
        && names.iter().zip(parsed.iter()).all(|(a, b)| a.n_rows == b.n_rows);
    if !same {
        let problem = "the file changed while it was read; read it again";
        return Err(data_error(layout.path, None, None, problem));
    }
    for (block, fresh) in parsed.iter_mut().zip(names) {
        for ((column, fresh), mode) in block.columns.iter_mut().zip(fresh.columns).zip(&modes) {
            if *mode == Mode::Names {
                *column = fresh;
            }
        }
    }
    Ok(())
}

/// Joins the blocks column by column; a block's cells are given back as soon as they are copied.
fn join(
    layout: &Layout<'_>,
    mut parsed: Vec<ParsedBlock>,
    n_rows: usize,
    options: &ReadOptions,
) -> Result<Vec<Column>, Error> {
    let mut columns = Vec::with_capacity(layout.header.len());
    for (index, name) in layout.header.iter().enumerate() {
        let kind = options.kind_of(name);
        if kind == Some(KindOverride::Drop) {
            continue;
        }
        let parts: Vec<ParsedColumn> =
            parsed.iter_mut().map(|block| std::mem::take(&mut block.columns[index])).collect();
        refuse_infinite(layout, name, &parts)?;
        let cells = parts.into_iter().map(|part| part.cells).collect();
        let data = column_of(layout.path, name, kind, joined(cells, n_rows))?;
        columns.push(Column { name: name.clone(), data });
    }
    Ok(columns)
}

fn refuse_infinite(layout: &Layout<'_>, name: &str, parts: &[ParsedColumn]) -> Result<(), Error> {
    let of_numbers = |part: &&ParsedColumn| matches!(part.cells, Cells::Numbers(_));
    let infinite = parts.iter().filter(of_numbers).find_map(|part| part.infinite.as_ref());
    let Some((line, text)) = infinite else { return Ok(()) };
    let problem = format!(
        "`{text}` is not finite; a finite number is expected: leave the cell empty if the value is \
         missing, or cap it"
    );
    Err(data_error(layout.path, Some(*line), Some(name), problem))
}

/// A column in one piece.
pub(crate) enum Joined {
    Numbers(Vec<f64>),
    Dates(Vec<f64>),
    Names(Vec<u32>, Vec<String>),
}

/// Joins the cells of a column, chunk after chunk.
pub(crate) fn joined(mut parts: Vec<Cells>, n_rows: usize) -> Joined {
    if parts.len() == 1 {
        return only(parts.pop().unwrap_or_default(), n_rows);
    }
    let is_names = |part: &Cells| matches!(part, Cells::Names { .. });
    if parts.iter().any(is_names) {
        let (codes, levels) = join_names(parts, n_rows);
        return Joined::Names(codes, levels);
    }
    let dates = parts.iter().any(|part| matches!(part, Cells::Dates(_)));
    let mut all = Vec::with_capacity(n_rows);
    for part in parts {
        match part {
            Cells::Numbers(values) | Cells::Dates(values) => all.extend_from_slice(&values),
            Cells::Missing(count) => all.resize(all.len() + count, f64::NAN),
            _ => {}
        }
    }
    if dates { Joined::Dates(all) } else { Joined::Numbers(all) }
}

fn only(cells: Cells, n_rows: usize) -> Joined {
    match cells {
        Cells::Numbers(mut values) => {
            values.shrink_to_fit();
            Joined::Numbers(values)
        }
        Cells::Dates(values) => Joined::Dates(values),
        Cells::Names { codes, names } => Joined::Names(codes, names.into_levels()),
        Cells::Missing(_) | Cells::Skipped | Cells::Mixed => {
            Joined::Numbers(vec![f64::NAN; n_rows])
        }
    }
}

fn join_names(parts: Vec<Cells>, n_rows: usize) -> (Vec<u32>, Vec<String>) {
    let mut all = Names::default();
    let mut all_codes = Vec::with_capacity(n_rows);
    for part in parts {
        match part {
            Cells::Names { codes, names } => {
                let renamed: Vec<u32> = names.levels().iter().map(|name| all.code(name)).collect();
                let code = |code: u32| renamed.get(code as usize).copied().unwrap_or(MISSING_CODE);
                all_codes.extend(codes.into_iter().map(code));
            }
            Cells::Missing(count) => all_codes.resize(all_codes.len() + count, MISSING_CODE),
            _ => {}
        }
    }
    (all_codes, all.into_levels())
}

/// The final kind of a column.
pub(crate) fn column_of(
    path: &str,
    name: &str,
    kind: Option<KindOverride>,
    cells: Joined,
) -> Result<ColumnData, Error> {
    match cells {
        Joined::Numbers(values) => Ok(ColumnData::Number(values)),
        Joined::Dates(values) => Ok(ColumnData::DateTime(values)),
        Joined::Names(codes, levels) => settled_column(kind, codes, levels)
            .map_err(|problem| data_error(path, None, Some(name), problem)),
    }
}
