//! The bytes of a CSV file as records and fields (RFC 4180, read as the `csv` crate reads it).
//!
//! Rules: a field that begins with `"` ends at the next lone `"` and may hold delimiters, line
//! breaks and `""` for a quote; text after the closing quote is added as it is; a quote elsewhere
//! is an ordinary letter. A record ends at LF, CR LF or CR; empty lines are skipped.

/// Walks over the fields of a piece of text that begins at a record.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    delimiter: u8,
    scratch: String,
}

/// Where a field's text is, and what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field {
    /// Range in the text; ignored if `rewritten`.
    start: usize,
    end: usize,
    /// The text is in the scanner's scratch space: quotes had to be taken out.
    rewritten: bool,
    /// Whether this is the last field of its record.
    pub last: bool,
    /// The text ends inside the quotes of this field.
    pub unclosed: bool,
}

impl<'a> Scanner<'a> {
    /// A scanner at byte `at` of `text`, which must be the beginning of a record.
    pub fn new(text: &'a str, at: usize, delimiter: u8) -> Scanner<'a> {
        Scanner { text, at, delimiter, scratch: String::new() }
    }

    /// Byte at which the next field or record begins.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Moves to the next record; false where there is none.
    pub fn next_record(&mut self) -> bool {
        let bytes = self.text.as_bytes();
        while self.at < bytes.len() && is_break(bytes[self.at]) {
            self.at += 1;
        }
        self.at < bytes.len()
    }

    /// The next field of the record; to be called until one is `last`.
    pub fn next_field(&mut self) -> Field {
        let bytes = self.text.as_bytes();
        if bytes.get(self.at) == Some(&b'"') {
            return self.quoted();
        }
        let start = self.at;
        let end = self.run_of_plain(start);
        self.ended(start, end, end, false)
    }

    /// The text of the field that [`Scanner::next_field`] gave last.
    pub fn text(&self, field: Field) -> &str {
        if field.rewritten { &self.scratch } else { &self.text[field.start..field.end] }
    }

    fn run_of_plain(&self, from: usize) -> usize {
        let (bytes, delimiter) = (self.text.as_bytes(), self.delimiter);
        let tail = &bytes[from..];
        from + tail.iter().position(|&b| b == delimiter || is_break(b)).unwrap_or(tail.len())
    }

    /// A field of `start..end` whose delimiter or line break is at `stop`.
    fn ended(&mut self, start: usize, end: usize, stop: usize, rewritten: bool) -> Field {
        let last = self.text.as_bytes().get(stop) != Some(&self.delimiter);
        self.at = (stop + 1).min(self.text.len());
        Field { start, end, rewritten, last, unclosed: false }
    }

    fn quoted(&mut self) -> Field {
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        let Some(length) = bytes[start..].iter().position(|&b| b == b'"') else {
            self.at = bytes.len();
            return Field { start, end: bytes.len(), rewritten: false, last: true, unclosed: true };
        };
        let end = start + length;
        match bytes.get(end + 1) {
            Some(&b) if b != self.delimiter && !is_break(b) => self.rewrite(start),
            _ => self.ended(start, end, end + 1, false),
        }
    }

    /// A quoted field with `""` in it or text after the closing quote.
    fn rewrite(&mut self, start: usize) -> Field {
        let bytes = self.text.as_bytes();
        self.scratch.clear();
        let mut from = start;
        loop {
            let Some(length) = bytes[from..].iter().position(|&b| b == b'"') else {
                self.at = bytes.len();
                let end = bytes.len();
                return Field { start, end, rewritten: true, last: true, unclosed: true };
            };
            let quote = from + length;
            self.scratch.push_str(&self.text[from..quote]);
            if bytes.get(quote + 1) == Some(&b'"') {
                self.scratch.push('"');
                from = quote + 2;
                continue;
            }
            let end = self.run_of_plain(quote + 1);
            self.scratch.push_str(&self.text[quote + 1..end]);
            return self.ended(start, end, end, true);
        }
    }
}

pub(crate) fn is_break(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

/// Number of line breaks; a file that has CR only counts those.
pub(crate) fn count_breaks(bytes: &[u8]) -> u64 {
    let count = |wanted: u8| {
        // Sums of bytes over short chunks: the compiler makes vector code of it.
        bytes
            .chunks(255)
            .map(|chunk| u64::from(chunk.iter().map(|&b| u8::from(b == wanted)).sum::<u8>()))
            .sum::<u64>()
    };
    count(b'\n').max(count(b'\r'))
}

/// Follows quotes over a growing buffer to find where records end.
#[derive(Debug, Clone)]
pub(crate) struct Boundary {
    state: State,
    delimiter: u8,
    /// Bytes seen.
    at: usize,
    /// End of the last whole record (just behind its LF), if there is one.
    pub last: Option<usize>,
    /// Where the open quote began, if the bytes end within quotes.
    pub open_quote: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    FieldStart,
    Plain,
    Quoted,
    /// Behind a quote within quotes: the field's end, or half of `""`.
    QuoteInQuoted,
}

impl Boundary {
    /// At the beginning of a record.
    pub fn new(delimiter: u8) -> Boundary {
        Boundary { state: State::FieldStart, delimiter, at: 0, last: None, open_quote: 0 }
    }

    /// Takes in the bytes of `buffer` that were not seen yet.
    pub fn advance(&mut self, buffer: &[u8]) {
        let fresh = &buffer[self.at..];
        let quiet = matches!(self.state, State::FieldStart | State::Plain);
        if quiet && !fresh.contains(&b'"') {
            if let Some(end) = fresh.iter().rposition(|&b| b == b'\n') {
                self.last = Some(self.at + end + 1);
            }
            if let Some(&b) = fresh.last() {
                self.state = self.after_plain(b);
            }
        } else {
            for (i, &byte) in fresh.iter().enumerate() {
                self.step(self.at + i, byte);
            }
        }
        self.at = buffer.len();
    }

    /// Whether the bytes seen end within quotes.
    pub fn is_open(&self) -> bool {
        self.state == State::Quoted
    }

    fn after_plain(&self, byte: u8) -> State {
        if byte == self.delimiter || is_break(byte) { State::FieldStart } else { State::Plain }
    }

    fn step(&mut self, at: usize, byte: u8) {
        self.state = match (self.state, byte) {
            (State::FieldStart, b'"') => {
                self.open_quote = at;
                State::Quoted
            }
            (State::Quoted, b'"') => State::QuoteInQuoted,
            (State::Quoted, _) => State::Quoted,
            (State::QuoteInQuoted, b'"') => State::Quoted,
            (_, byte) => {
                if byte == b'\n' {
                    self.last = Some(at + 1);
                }
                self.after_plain(byte)
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn records(text: &str, delimiter: u8) -> Vec<Vec<String>> {
        let mut scanner = Scanner::new(text, 0, delimiter);
        let mut records = Vec::new();
        while scanner.next_record() {
            let mut record = Vec::new();
            loop {
                let field = scanner.next_field();
                record.push(scanner.text(field).to_string());
                if field.last {
                    break;
                }
            }
            records.push(record);
        }
        records
    }

    fn oracle(text: &str, delimiter: u8) -> Vec<Vec<String>> {
        csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .from_reader(text.as_bytes())
            .records()
            .map(|record| record.unwrap().iter().map(str::to_string).collect())
            .collect()
    }

    #[test]
    fn known_cases() {
        for text in [
            "a,b\n1,2\n",
            "a,b\r\n1,2\r\n",
            "a,b\r1,2",
            "\n\na\n\n1\n",
            "a,\n,\n,,\n",
            "\"a\"\"b\",\"c\nd\"\n",
            "\"a\"b\"c,d\n",
            "a\"b\"\"c,d\"\n",
            "\"\"\n",
            "\"\",\"\"\"\"\n",
        ] {
            assert_eq!(records(text, b','), oracle(text, b','), "{text:?}");
        }
    }

    #[test]
    fn unclosed_quotes_are_told() {
        for text in ["\"abc", "\"a\"\"b", "\""] {
            let mut scanner = Scanner::new(text, 0, b',');
            assert!(scanner.next_record());
            assert!(scanner.next_field().unclosed, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn fields_are_those_of_the_csv_crate(text in "[ab\",;\n\r]{0,40}") {
            for delimiter in [b',', b';'] {
                let mut boundary = Boundary::new(delimiter);
                boundary.advance(text.as_bytes());
                // What is open at the end is an error here and text there.
                if !boundary.is_open() {
                    prop_assert_eq!(records(&text, delimiter), oracle(&text, delimiter));
                }
            }
        }

        #[test]
        fn boundaries_split_between_records(text in "[ab\",\n]{0,60}", step in 1usize..9) {
            let mut boundary = Boundary::new(b',');
            for end in (0..text.len()).step_by(step).chain([text.len()]) {
                boundary.advance(&text.as_bytes()[..end]);
                if let Some(split) = boundary.last {
                    let mut halves = records(&text[..split], b',');
                    halves.extend(records(&text[split..], b','));
                    prop_assert_eq!(halves, records(&text, b','));
                }
            }
            let mut whole = Boundary::new(b',');
            whole.advance(text.as_bytes());
            prop_assert_eq!(whole.last, boundary.last);
            prop_assert_eq!(whole.is_open(), boundary.is_open());
        }
    }
}
