//! Universal Binary JSON, draft 12, in which XGBoost stores models.
//!
//! ```text
//! value     = 'Z' | 'T' | 'F' | number | 'S' text | 'C' byte | '{' ... '}' | '[' ... ']'
//! number    = 'i' i8 | 'U' u8 | 'I' i16 | 'l' i32 | 'L' i64 | 'd' f32 | 'D' f64      (big-endian)
//! text      = number bytes                 (the number counts the bytes)
//! container = ['$' type] ['#' number] items; without a count it ends with its bracket
//! ```
//! Reference: <https://ubjson.org>.

use crate::document::{Document, MAX_DEPTH, Number};
use crate::error::Error;

/// Reads one value and nothing after it.
///
/// # Errors
/// [`Error::BadFile`] with the byte at which reading ended.
pub(crate) fn parse(bytes: &[u8]) -> Result<Document, Error> {
    let mut reader = Reader { bytes, at: 0 };
    let value = reader.marker().and_then(|marker| reader.value(marker, 0));
    let value = value.and_then(|value| {
        let ended = reader.at == bytes.len();
        if ended { Ok(value) } else { Err("something follows the end".into()) }
    });
    value.map_err(|problem| Error::BadFile(format!("{problem} (at byte {} of UBJSON)", reader.at)))
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, n_bytes: usize) -> Result<&'a [u8], String> {
        let end = self.at.checked_add(n_bytes);
        let taken = end.and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or("it ends too early")?;
        self.at += n_bytes;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let taken = self.take(N)?;
        Ok(std::array::from_fn(|at| taken[at]))
    }

    /// The next marker; `N` stands for nothing at all.
    fn marker(&mut self) -> Result<u8, String> {
        loop {
            let [marker] = self.array()?;
            if marker != b'N' {
                return Ok(marker);
            }
        }
    }

    /// Whether the next byte is this one, which is then skipped.
    fn skip(&mut self, expected: u8) -> bool {
        let found = self.bytes.get(self.at) == Some(&expected);
        self.at += usize::from(found);
        found
    }

    fn number(&mut self, marker: u8) -> Result<Option<Number>, String> {
        let wide = match marker {
            b'i' => f64::from(i8::from_be_bytes(self.array()?)),
            b'U' => f64::from(u8::from_be_bytes(self.array()?)),
            b'I' => f64::from(i16::from_be_bytes(self.array()?)),
            b'l' => f64::from(i32::from_be_bytes(self.array()?)),
            b'L' => i64::from_be_bytes(self.array()?) as f64,
            b'd' => f64::from(f32::from_be_bytes(self.array()?)),
            b'D' => f64::from_be_bytes(self.array()?),
            _ => return Ok(None),
        };
        Ok(Some(Number { wide, narrow: wide as f32 }))
    }

    fn count(&mut self) -> Result<usize, String> {
        let [marker] = self.array()?;
        let count = self.number(marker)?.map(|number| number.wide);
        let count = count.filter(|count| count.fract() == 0.0 && (0.0..9e15).contains(count));
        count.map(|count| count as usize).ok_or_else(|| "a count is expected".into())
    }

    fn text(&mut self) -> Result<String, String> {
        let length = self.count()?;
        let bytes = self.take(length)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| "text is no UTF-8".into())
    }

    fn value(&mut self, marker: u8, depth: usize) -> Result<Document, String> {
        if depth > MAX_DEPTH {
            return Err(format!("values are nested deeper than {MAX_DEPTH}"));
        }
        if let Some(number) = self.number(marker)? {
            return Ok(Document::Number(number));
        }
        match marker {
            b'Z' => Ok(Document::Null),
            b'T' => Ok(Document::Bool(true)),
            b'F' => Ok(Document::Bool(false)),
            b'S' => self.text().map(Document::Text),
            b'C' => {
                let [byte] = self.array()?;
                Ok(Document::Text(char::from(byte).into()))
            }
            b'[' => self.list(depth),
            b'{' => self.map(depth),
            _ => Err(format!("the marker {marker:#04x} is unknown")),
        }
    }

    /// The type and the number of items of a container, where they are given.
    fn header(&mut self) -> Result<(Option<u8>, Option<usize>), String> {
        let kind = if self.skip(b'$') { Some(self.array::<1>()?[0]) } else { None };
        let count = if self.skip(b'#') { Some(self.count()?) } else { None };
        if kind.is_some() && count.is_none() {
            return Err("a list of one type has no count".into());
        }
        // An item without bytes of its own would let a short file ask for any amount of memory.
        let empty = kind.is_some_and(|kind| b"ZTFN".contains(&kind));
        if empty && count.is_some_and(|count| count > self.bytes.len()) {
            return Err("a list has more items than the file has bytes".into());
        }
        Ok((kind, count))
    }

    fn list(&mut self, depth: usize) -> Result<Document, String> {
        let (kind, count) = self.header()?;
        let mut list = Document::Numbers(Vec::new());
        for at in 0.. {
            if count.is_some_and(|count| at >= count) {
                break;
            }
            let marker = if let Some(kind) = kind { kind } else { self.marker()? };
            if count.is_none() && marker == b']' {
                break;
            }
            list.push(self.value(marker, depth + 1)?);
        }
        Ok(list)
    }

    fn map(&mut self, depth: usize) -> Result<Document, String> {
        let (kind, count) = self.header()?;
        let mut entries = Vec::new();
        for at in 0.. {
            if count.is_some_and(|count| at >= count) || count.is_none() && self.skip(b'}') {
                break;
            }
            let name = self.text()?;
            let marker = if let Some(kind) = kind { kind } else { self.marker()? };
            entries.push((name, self.value(marker, depth + 1)?));
        }
        Ok(Document::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;
    use proptest::prelude::*;

    #[test]
    fn every_marker_by_hand() {
        let bytes = b"{i\x01a[i\x05U\xffI\xff\xfel\x00\x01\x00\x00L\0\0\0\0\0\0\0\x07]\
                      i\x01b[$d#i\x02\x3f\x80\0\0\xbf\x80\0\0i\x01cD\x3f\xf8\0\0\0\0\0\0\
                      i\x01d[#i\x03TFZi\x01eSU\x02hii\x01fCxi\x01gN{$i#i\x01i\x01k\x09}";
        let expected = r#"{"a":[5,255,-2,65536,7],"b":[1,-1],"c":1.5,"d":[true,false,null],
                           "e":"hi","f":"x","g":{"k":9}}"#;
        assert_eq!(parse(bytes).expect("sound"), json::parse(expected.as_bytes()).expect("sound"));
    }

    #[test]
    fn what_is_broken_is_said() {
        for (bytes, expected) in [
            (&b"{L\0\0\0\0\0\0\0\x09ab"[..], "ends too early"),
            (b"[$d#L\x7f\xff\xff\xff\xff\xff\xff\xff", "a count is expected"),
            (b"[$d#l\x7f\xff\xff\xff\0\0", "ends too early"),
            (b"[$Z#l\x7f\xff\xff\xff", "more items than the file has bytes"),
            (b"[$di\x01", "has no count"),
            (b"[#i\xff", "a count is expected"),
            (b"ZZ", "something follows the end"),
            (b"?", "the marker 0x3f is unknown"),
            (b"", "ends too early (at byte 0"),
        ] {
            let message = parse(bytes).expect_err("broken").to_string();
            assert!(message.contains(expected), "{bytes:?}: {message}");
        }
        let message = parse(&[b'['; 100_000]).expect_err("too deep").to_string();
        assert!(message.contains("nested deeper"), "{message}");
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_value_or_an_error(
            bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"{}[]$#iUlLdSTZN\x01".to_vec())], 0..60),
        ) {
            let _ = parse(&bytes);
        }
    }
}
