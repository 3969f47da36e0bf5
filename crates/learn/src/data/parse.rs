//! One block of records as typed cells.

use super::blocks::{Block, data_error};
use super::infer::parse_number;
use super::names::Names;
use super::scan::{Scanner, count_breaks};
pub(crate) use super::stream::{Cells, Mode};
use super::table::MISSING_CODE;
use super::types::is_missing;
use crate::error::Error;

/// A column of a block.
#[derive(Debug, Default)]
pub(crate) struct ParsedColumn {
    pub cells: Cells,
    /// Line and text of the first number that is not finite.
    pub infinite: Option<(u64, String)>,
}

/// A block, read.
#[derive(Debug)]
pub(crate) struct ParsedBlock {
    pub columns: Vec<ParsedColumn>,
    pub n_rows: usize,
}

/// What all blocks of a file have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout<'a> {
    pub path: &'a str,
    pub header: &'a [String],
    pub delimiter: u8,
}

impl Layout<'_> {
    /// Reads a block, columns by their modes.
    ///
    /// # Errors
    /// A line with too few or too many cells; a cell that a stated kind does not allow.
    pub fn parse(&self, block: &Block, modes: &[Mode]) -> Result<ParsedBlock, Error> {
        let mut parsed = self.parse_once(block, modes)?;
        let again: Vec<Mode> = parsed.columns.iter().map(second_mode).collect();
        if again.contains(&Mode::Names) {
            let names = self.parse_once(block, &again)?;
            for (column, fresh) in parsed.columns.iter_mut().zip(names.columns) {
                if matches!(column.cells, Cells::Mixed) {
                    *column = fresh;
                }
            }
        }
        Ok(parsed)
    }

    fn parse_once(&self, block: &Block, modes: &[Mode]) -> Result<ParsedBlock, Error> {
        let capacity = count_breaks(block.text.as_bytes()) as usize + 1;
        let mut columns: Vec<ParsedColumn> =
            modes.iter().map(|&mode| ParsedColumn::new(mode, capacity)).collect();
        let mut scanner = Scanner::new(&block.text, 0, self.delimiter);
        let mut n_rows = 0;
        while scanner.next_record() {
            let start = scanner.at();
            self.parse_record(block, &mut scanner, &mut columns, modes, (start, capacity))?;
            n_rows += 1;
        }
        Ok(ParsedBlock { columns, n_rows })
    }

    fn parse_record(
        &self,
        block: &Block,
        scanner: &mut Scanner<'_>,
        columns: &mut [ParsedColumn],
        modes: &[Mode],
        (start, capacity): (usize, usize),
    ) -> Result<(), Error> {
        let line = || line_of(block, start);
        let mut at = 0;
        loop {
            let field = scanner.next_field();
            if let Some(column) = columns.get_mut(at) {
                let cell = scanner.text(field);
                if !column.push(modes[at], cell, capacity, line) {
                    return Err(self.unfit(line(), at, modes[at], cell));
                }
            }
            at += 1;
            if field.last {
                break;
            }
        }
        if at == columns.len() { Ok(()) } else { Err(self.ragged(line(), at)) }
    }

    /// The error of a line that has `found` cells.
    pub fn ragged(&self, line: u64, found: usize) -> Error {
        let cells = if found == 1 { "cell" } else { "cells" };
        let problem = format!(
            "{found} {cells}, but the header names {} columns; quote cells that hold the delimiter \
             {:?}, or name another with --delimiter",
            self.header.len(),
            char::from(self.delimiter),
        );
        data_error(self.path, Some(line), None, problem)
    }

    fn unfit(&self, line: u64, column: usize, mode: Mode, cell: &str) -> Error {
        let wanted = match mode {
            Mode::DateTime => "a date such as 2024-05-31 or 2024-05-31T12:30:00",
            _ => "a number",
        };
        let problem = format!(
            "`{}` is no {}; leave the cell empty if the value is missing, or state another type",
            shortened(cell),
            wanted.trim_start_matches("a "),
        );
        data_error(self.path, Some(line), Some(&self.header[column]), problem)
    }
}

/// The line of a place in a block.
pub(crate) fn line_of(block: &Block, at: usize) -> u64 {
    block.first_line + count_breaks(&block.text.as_bytes()[..at])
}

/// A cell for a message.
pub(crate) fn shortened(cell: &str) -> String {
    match cell.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &cell[..end]),
        None => cell.to_string(),
    }
}

fn second_mode(column: &ParsedColumn) -> Mode {
    if matches!(column.cells, Cells::Mixed) { Mode::Names } else { Mode::Skip }
}

impl ParsedColumn {
    fn new(mode: Mode, capacity: usize) -> ParsedColumn {
        let cells = match mode {
            Mode::Skip => Cells::Skipped,
            Mode::Find => Cells::Missing(0),
            Mode::Number => Cells::Numbers(Vec::with_capacity(capacity)),
            Mode::DateTime => Cells::Dates(Vec::with_capacity(capacity)),
            Mode::Names => Cells::empty_names(capacity),
        };
        ParsedColumn { cells, infinite: None }
    }

    /// Adds a cell; false if a stated kind does not allow it.
    fn push(&mut self, mode: Mode, cell: &str, capacity: usize, line: impl Fn() -> u64) -> bool {
        match &mut self.cells {
            Cells::Skipped | Cells::Mixed => return true,
            Cells::Names { codes, names } => {
                codes.push(if is_missing(cell) { MISSING_CODE } else { names.code(cell) });
                return true;
            }
            Cells::Numbers(values) => {
                // Numbers first: "nan" is the only missing mark that reads as one, and as NaN.
                if let Some(value) = parse_number(cell) {
                    values.push(value);
                    if value.is_infinite() && self.infinite.is_none() {
                        self.infinite = Some((line(), shortened(cell)));
                    }
                    return true;
                }
            }
            _ => {}
        }
        self.push_rarer(mode, cell, capacity, line)
    }

    fn push_rarer(
        &mut self,
        mode: Mode,
        cell: &str,
        capacity: usize,
        line: impl Fn() -> u64,
    ) -> bool {
        if is_missing(cell) {
            match &mut self.cells {
                Cells::Numbers(values) | Cells::Dates(values) => values.push(f64::NAN),
                Cells::Missing(count) => *count += 1,
                _ => {}
            }
            return true;
        }
        if let Cells::Missing(count) = self.cells {
            self.cells = Cells::first_seen(cell, count, capacity);
            return self.push(mode, cell, capacity, line);
        }
        match (&mut self.cells, eyas_model::datetime::parse(cell)) {
            (Cells::Dates(values), Some(seconds)) => values.push(seconds),
            _ if mode == Mode::Find => self.cells = Cells::Mixed,
            _ => return false,
        }
        true
    }
}

impl Cells {
    fn empty_names(capacity: usize) -> Cells {
        Cells::Names { codes: Vec::with_capacity(capacity), names: Names::default() }
    }

    /// The kind of cells that begins with this one, behind `n_missing` missing ones.
    fn first_seen(cell: &str, n_missing: usize, capacity: usize) -> Cells {
        let missing = || {
            let mut values = Vec::with_capacity(capacity);
            values.resize(n_missing, f64::NAN);
            values
        };
        if parse_number(cell).is_some() {
            return Cells::Numbers(missing());
        }
        if eyas_model::datetime::parse(cell).is_some() {
            return Cells::Dates(missing());
        }
        let mut codes = Vec::with_capacity(capacity);
        codes.resize(n_missing, MISSING_CODE);
        Cells::Names { codes, names: Names::default() }
    }

    /// Bytes held, about.
    pub fn memory_bytes(&self) -> usize {
        match self {
            Cells::Numbers(values) | Cells::Dates(values) => 8 * values.capacity(),
            Cells::Names { codes, names } => 4 * codes.capacity() + names.memory_bytes(),
            _ => 0,
        }
    }
}
