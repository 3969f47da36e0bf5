//! JSON as model files hold it: RFC 8259, and `NaN` and `Infinity` as Python and XGBoost write them.
//!
//! Reference: T. Bray (2017), RFC 8259.

use crate::document::{Document, MAX_DEPTH, Number};
use crate::error::Error;

/// Reads one value and nothing after it.
///
/// # Errors
/// [`Error::BadFile`] with the byte at which reading ended.
pub(crate) fn parse(bytes: &[u8]) -> Result<Document, Error> {
    let mut reader = Reader { bytes, at: 0 };
    let value = reader.value(0).and_then(|value| match reader.peek() {
        None => Ok(value),
        Some(_) => Err("something follows the end".into()),
    });
    value.map_err(|problem| Error::BadFile(format!("{problem} (at byte {} of JSON)", reader.at)))
}

/// Text as JSON.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if u32::from(c) < 0x20 => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    /// The next byte that is no blank.
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.bytes[self.at..];
        let blanks = rest.iter().take_while(|byte| b" \t\r\n".contains(byte)).count();
        self.at += blanks;
        rest.get(blanks).copied()
    }

    fn take(&mut self, expected: u8) -> bool {
        let found = self.peek() == Some(expected);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Result<Document, String> {
        if depth > MAX_DEPTH {
            return Err(format!("values are nested deeper than {MAX_DEPTH}"));
        }
        match self.peek() {
            Some(b'{') => self.map(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.text().map(Document::Text),
            Some(_) => self.word(),
            None => Err("it ends too early".into()),
        }
    }

    fn map(&mut self, depth: usize) -> Result<Document, String> {
        self.at += 1;
        let mut entries = Vec::new();
        if self.take(b'}') {
            return Ok(Document::Map(entries));
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err("a name in quotes is expected".into());
            }
            let name = self.text()?;
            if !self.take(b':') {
                return Err("`:` is expected".into());
            }
            entries.push((name, self.value(depth + 1)?));
            if self.take(b'}') {
                return Ok(Document::Map(entries));
            }
            if !self.take(b',') {
                return Err("`,` or `}` is expected".into());
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Document, String> {
        self.at += 1;
        let mut list = Document::Numbers(Vec::new());
        if self.take(b']') {
            return Ok(list);
        }
        loop {
            list.push(self.value(depth + 1)?);
            if self.take(b']') {
                return Ok(list);
            }
            if !self.take(b',') {
                return Err("`,` or `]` is expected".into());
            }
        }
    }

    /// A number or a word such as `true`.
    fn word(&mut self) -> Result<Document, String> {
        let rest = &self.bytes[self.at..];
        let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        let length = rest.iter().take_while(is_part).count();
        let word = std::str::from_utf8(&rest[..length]).unwrap_or_default();
        let value = match word {
            "null" => Document::Null,
            "true" => Document::Bool(true),
            "false" => Document::Bool(false),
            _ => match (word.parse(), word.parse()) {
                (Ok(wide), Ok(narrow)) => Document::Number(Number { wide, narrow }),
                _ => return Err("a value is expected".into()),
            },
        };
        self.at += length;
        Ok(value)
    }

    /// Text in quotes; the first is the next byte.
    fn text(&mut self) -> Result<String, String> {
        self.at += 1;
        let mut text = Vec::new();
        loop {
            let rest = &self.bytes[self.at..];
            let length = rest.iter().take_while(|&&byte| byte != b'"' && byte != b'\\').count();
            text.extend_from_slice(&rest[..length]);
            self.at += length + 1;
            match rest.get(length) {
                Some(b'"') => {
                    return String::from_utf8(text).map_err(|_| "text is no UTF-8".into());
                }
                Some(_) => {
                    let c = self.escaped()?;
                    text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                None => {
                    self.at = self.bytes.len();
                    return Err("text ends too early".into());
                }
            }
        }
    }

    /// What follows a backslash.
    fn escaped(&mut self) -> Result<char, String> {
        let escape = self.bytes.get(self.at).copied();
        self.at += usize::from(escape.is_some());
        Ok(match escape {
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let mut code = self.four_digits()?;
                if (0xd800..0xdc00).contains(&code) && self.bytes[self.at..].starts_with(b"\\u") {
                    self.at += 2;
                    let low = self.four_digits()?;
                    code = 0x10000 + ((code - 0xd800) << 10) + (low.wrapping_sub(0xdc00) & 0x3ff);
                }
                char::from_u32(code).ok_or("half a character is escaped")?
            }
            _ => return Err("an unknown escape".into()),
        })
    }

    fn four_digits(&mut self) -> Result<u32, String> {
        let digits = self.bytes.get(self.at..self.at + 4);
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        self.at += if code.is_some() { 4 } else { 0 };
        code.ok_or_else(|| "four digits are expected".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Place;
    use proptest::prelude::*;

    fn number(text: &str) -> Number {
        match parse(text.as_bytes()) {
            Ok(Document::Number(number)) => number,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn values_of_every_kind() {
        let text =
            r#" {"a": [1, -2.5e3, []], "b": {"c": "x\n\"\u00e9\ud83d\ude00"}, "d": [true, null]} "#;
        let document = parse(text.as_bytes()).expect("sound");
        let root = Place::root(&document);
        let c = root.get("b").and_then(|b| b.get("c")).expect("it is there");
        assert_eq!(c.text(), Ok("x\n\"é😀"));
        assert_eq!(root.get("a").expect("there").items().expect("a list").len(), 3);
        assert_eq!(
            root.get("d").expect("there").value,
            &Document::List(vec![Document::Bool(true), Document::Null])
        );
        assert_eq!(number("1E-45").narrow, f32::from_bits(1));
        assert_eq!(number("Infinity").wide, f64::INFINITY);
        assert!(number("NaN").wide.is_nan());
    }

    #[test]
    fn each_width_is_rounded_once() {
        // Halfway between two floats but for the last digit, which f64 does not hold.
        let text = "1.00000005960464477539062500000000001";
        assert_eq!(number(text).narrow, 1f32.next_up());
        assert_eq!(number(text).wide as f32, 1.0);
    }

    #[test]
    fn what_is_broken_is_said() {
        for (text, expected) in [
            ("", "ends too early (at byte 0"),
            ("[1, 2", "`,` or `]` is expected (at byte 5"),
            ("{\"a\" 1}", "`:` is expected"),
            ("{1: 2}", "a name in quotes"),
            ("[1] 2", "something follows the end (at byte 4"),
            ("\"abc", "text ends too early"),
            ("\"\\q\"", "unknown escape"),
            ("\"\\ud800\"", "half a character"),
            ("\"\\u12\"", "four digits"),
            ("[1,]", "a value is expected"),
            ("tru", "a value is expected"),
        ] {
            let message = parse(text.as_bytes()).expect_err(text).to_string();
            assert!(message.contains(expected), "{text}: {message}");
        }
        let message = parse(&[b'['; 100_000]).expect_err("too deep").to_string();
        assert!(message.contains("nested deeper"), "{message}");
    }

    proptest! {
        #[test]
        fn quoted_text_is_read_back(text in any::<String>()) {
            prop_assert_eq!(parse(quote(&text).as_bytes()), Ok(Document::Text(text)));
        }

        #[test]
        fn floats_are_read_back(value in any::<f32>(), wide in any::<f64>()) {
            prop_assume!(value.is_finite() && wide.is_finite());
            prop_assert_eq!(number(&format!("{value:e}")).narrow.to_bits(), value.to_bits());
            prop_assert_eq!(number(&format!("{wide:e}")).wide.to_bits(), wide.to_bits());
        }

        #[test]
        fn any_bytes_give_a_value_or_an_error(
            bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"{}[],:\"\\u1e".to_vec())], 0..60),
        ) {
            let _ = parse(&bytes);
        }
    }
}
