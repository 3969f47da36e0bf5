//! A CSV file, plain or gzip, as blocks of bytes that begin and end with a record.

use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::scan::{Boundary, Scanner, count_breaks};
use crate::error::Error;

/// Bytes of a block: large enough to spread the cost of 10,000 columns, small against a table.
pub(crate) const BLOCK_BYTES: usize = 4 << 20;
/// Longest byte-order mark.
const MARK_BYTES: usize = 3;
/// Delimiters that are tried, best guess first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Records looked at to find the delimiter.
const SNIFFED_RECORDS: usize = 50;

/// Whole records of a file.
#[derive(Debug)]
pub(crate) struct Block {
    /// 0, 1, ... in the order of the file.
    pub index: usize,
    /// Line of the first byte, counted from 1.
    pub first_line: u64,
    /// The records, UTF-8.
    pub text: String,
}

/// Reads a file block by block.
pub(crate) struct Blocks {
    path: String,
    source: Box<dyn Read + Send>,
    delimiter: u8,
    block_bytes: usize,
    /// Bytes read and not given out yet.
    held: Vec<u8>,
    ended: bool,
    next_index: usize,
    next_line: u64,
}

/// An [`Error::Data`] of this file.
pub(crate) fn data_error(
    path: &str,
    line: Option<u64>,
    column: Option<&str>,
    problem: impl Into<String>,
) -> Error {
    let column = column.map(str::to_string);
    Error::Data { path: path.to_string(), line, column, problem: problem.into() }
}

fn read_error(path: &str, problem: impl std::fmt::Display) -> Error {
    Error::File { action: "read", path: path.to_string(), problem: problem.to_string() }
}

/// Opens a file for reading; gzip is recognised by its first bytes and decompressed.
///
/// # Errors
/// No such file, a directory, no permission.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Read + Send>, Error> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|e| open_error(&name, &e))?;
    if file.metadata().is_ok_and(|data| data.is_dir()) {
        return Err(read_error(&name, "it is a directory; name a file in it"));
    }
    decompressed(&name, Box::new(file))
}

fn open_error(name: &str, error: &std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::NotFound => read_error(name, "no such file; check the path"),
        _ => read_error(name, error),
    }
}

/// The bytes of `source`, decompressed if they begin as a gzip file does.
pub(crate) fn decompressed(
    name: &str,
    source: Box<dyn Read + Send>,
) -> Result<Box<dyn Read + Send>, Error> {
    let mut source = source;
    let mut magic = Vec::with_capacity(2);
    source.by_ref().take(2).read_to_end(&mut magic).map_err(|e| read_error(name, e))?;
    let is_gzip = magic == [0x1f, 0x8b];
    let whole = Cursor::new(magic).chain(source);
    if is_gzip {
        Ok(Box::new(MultiGzDecoder::new(BufReader::with_capacity(1 << 16, whole))))
    } else {
        Ok(Box::new(whole))
    }
}

impl Blocks {
    /// Begins to read `source`: takes off a byte-order mark, finds the delimiter and the header.
    ///
    /// # Errors
    /// An empty file, a header only, duplicate or broken names, bad UTF-8, an unclosed quote.
    pub fn start(
        path: &str,
        source: Box<dyn Read + Send>,
        delimiter: Option<u8>,
        block_bytes: usize,
    ) -> Result<(Blocks, Vec<String>), Error> {
        let mut blocks = Blocks {
            path: path.to_string(),
            source,
            delimiter: delimiter.unwrap_or(b','),
            block_bytes,
            held: Vec::new(),
            ended: false,
            next_index: 0,
            next_line: 1,
        };
        blocks.check_delimiter(delimiter)?;
        blocks.fill(block_bytes.max(MARK_BYTES))?;
        blocks.take_mark()?;
        if blocks.held.iter().all(u8::is_ascii_whitespace) && blocks.ended {
            return Err(data_error(path, None, None, EMPTY));
        }
        if delimiter.is_none() {
            blocks.delimiter = sniff(&blocks.held);
        }
        let header = blocks.header()?;
        Ok((blocks, header))
    }

    /// The byte between cells.
    pub fn delimiter(&self) -> u8 {
        self.delimiter
    }

    fn check_delimiter(&self, delimiter: Option<u8>) -> Result<(), Error> {
        match delimiter {
            Some(byte) if !byte.is_ascii() || b"\"\n\r".contains(&byte) => Err(Error::Parameter {
                name: "delimiter".to_string(),
                value: format!("{:?}", char::from(byte)),
                expected: "it must be one ASCII character, no quote and no line break".to_string(),
            }),
            _ => Ok(()),
        }
    }

    /// Reads until `target` bytes are held or the file ends.
    fn fill(&mut self, target: usize) -> Result<(), Error> {
        while self.held.len() < target && !self.ended {
            let wanted = (target - self.held.len()) as u64;
            let got = self.source.by_ref().take(wanted).read_to_end(&mut self.held);
            self.ended = got.map_err(|e| self.broken(&e))? == 0;
        }
        Ok(())
    }

    fn broken(&self, error: &std::io::Error) -> Error {
        let line = self.next_line + count_breaks(&self.held);
        let hint = match error.kind() {
            std::io::ErrorKind::UnexpectedEof => "; the gzip file is cut off",
            std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData => {
                "; the gzip file is damaged"
            }
            _ => "",
        };
        data_error(&self.path, Some(line), None, format!("cannot read on: {error}{hint}"))
    }

    fn take_mark(&mut self) -> Result<(), Error> {
        if self.held.starts_with(&[0xEF, 0xBB, 0xBF]) {
            self.held.drain(..3);
        }
        let utf16 = self.held.starts_with(&[0xFF, 0xFE]) || self.held.starts_with(&[0xFE, 0xFF]);
        if utf16 {
            return Err(data_error(&self.path, None, None, "is UTF-16; save it as UTF-8"));
        }
        Ok(())
    }

    /// Takes the first record off the held bytes.
    fn header(&mut self) -> Result<Vec<String>, Error> {
        let first = self.next_block()?.ok_or_else(|| data_error(&self.path, None, None, EMPTY))?;
        let mut scanner = Scanner::new(&first.text, 0, self.delimiter);
        let mut names = Vec::new();
        let mut last = !scanner.next_record();
        while !last {
            let field = scanner.next_field();
            names.push(scanner.text(field).to_string());
            last = field.last;
        }
        // Give the rest back, with its line.
        let at = scanner.at();
        self.next_index = 0;
        self.next_line = first.first_line + count_breaks(&first.text.as_bytes()[..at]);
        let mut held = first.text.into_bytes();
        held.drain(..at);
        held.append(&mut self.held);
        self.held = held;
        Ok(names)
    }

    /// The next block; `None` at the end.
    ///
    /// # Errors
    /// Bad UTF-8, an unclosed quote, a damaged file.
    pub fn next_block(&mut self) -> Result<Option<Block>, Error> {
        let mut boundary = Boundary::new(self.delimiter);
        let mut target = self.block_bytes;
        let end = loop {
            self.fill(target)?;
            boundary.advance(&self.held);
            match boundary.last {
                _ if self.ended => break self.held.len(),
                Some(end) => break end,
                None => target = 2 * self.held.len().max(self.block_bytes),
            }
        };
        if boundary.is_open() && self.ended {
            return Err(self.unclosed(boundary.open_quote));
        }
        if end == 0 {
            return Ok(None);
        }
        let rest = self.held.split_off(end);
        let bytes = std::mem::replace(&mut self.held, rest);
        let first_line = self.next_line;
        self.next_line += count_breaks(&bytes);
        let text = String::from_utf8(bytes).map_err(|e| self.bad_utf8(first_line, &e))?;
        self.next_index += 1;
        Ok(Some(Block { index: self.next_index - 1, first_line, text }))
    }

    fn unclosed(&self, at: usize) -> Error {
        let line = self.next_line + count_breaks(&self.held[..at]);
        let problem = "a quote opens here and is never closed; close it, or double a quote that \
                       belongs to the text";
        data_error(&self.path, Some(line), None, problem)
    }

    fn bad_utf8(&self, first_line: u64, error: &std::string::FromUtf8Error) -> Error {
        let bytes = error.as_bytes();
        let at = error.utf8_error().valid_up_to();
        let line = first_line + count_breaks(&bytes[..at]);
        let start = bytes[..at].iter().rposition(|&b| b == b'\n').map_or(0, |end| end + 1);
        let problem = format!(
            "byte 0x{:02X} at position {} of the line is no UTF-8; save the file as UTF-8",
            bytes[at],
            at - start + 1
        );
        data_error(&self.path, Some(line), None, problem)
    }
}

const EMPTY: &str = "the file is empty; a header line and data lines are expected";

/// The delimiter that splits the first records into equally many fields, most fields first; the
/// header decides where none does.
fn sniff(bytes: &[u8]) -> u8 {
    let end = match std::str::from_utf8(bytes) {
        Ok(text) => text.len(),
        Err(error) => error.valid_up_to(),
    };
    let Ok(text) = std::str::from_utf8(&bytes[..end]) else { return b',' };
    let mut best = (false, 1, b',');
    for delimiter in DELIMITERS {
        let counts = field_counts(text, delimiter);
        let Some((&header, rest)) = counts.split_first() else { continue };
        let even = header > 1 && rest.iter().all(|&count| count == header);
        if (even, header) > (best.0, best.1) {
            best = (even, header, delimiter);
        }
    }
    best.2
}

/// Fields of the first records; the last one is left out unless it is the only one, for it may be
/// cut off.
fn field_counts(text: &str, delimiter: u8) -> Vec<usize> {
    let mut scanner = Scanner::new(text, 0, delimiter);
    let mut counts = Vec::new();
    while counts.len() <= SNIFFED_RECORDS && scanner.next_record() {
        let mut count = 1;
        while !scanner.next_field().last {
            count += 1;
        }
        counts.push(count);
    }
    if counts.len() > 2 {
        counts.pop();
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(text: &[u8], block_bytes: usize) -> Result<(Blocks, Vec<String>), Error> {
        Blocks::start("test.csv", Box::new(Cursor::new(text.to_vec())), None, block_bytes)
    }

    #[test]
    fn delimiters_are_found() {
        for (text, expected) in [
            ("a,b\n1,2\n", b','),
            ("a;b\n1,5;2,5\n", b';'),
            ("a\tb\n1\t2\n", b'\t'),
            ("a|b|c\n1|2|3\n", b'|'),
            ("a\n1\n", b','),
            ("text;note\n\"a, b; c\";x\n\"d, e\";y\n", b';'),
            ("name,a;b\nx,1\ny,2\n", b','),
        ] {
            assert_eq!(sniff(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn blocks_add_up_to_the_file() {
        let text = "\u{feff}a,b\n1,\"x\ny\"\n2,z\n\n3,w";
        for block_bytes in 1..40 {
            let (mut blocks, header) = start(text.as_bytes(), block_bytes).unwrap();
            assert_eq!(header, ["a", "b"]);
            let (mut whole, mut index, mut line) = (String::new(), 0, 2);
            while let Some(block) = blocks.next_block().unwrap() {
                assert_eq!((block.index, block.first_line), (index, line));
                index += 1;
                line += block.text.matches('\n').count() as u64;
                whole += &block.text;
            }
            assert_eq!(whole, "1,\"x\ny\"\n2,z\n\n3,w");
        }
    }
}
