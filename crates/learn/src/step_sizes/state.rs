//! States of rules and optimizers as bytes.
//!
//! ```text
//! "EYSS" | version u8 = 1 | length of the name u8 | name | the numbers, little-endian
//! ```

use crate::error::Error;

const MAGIC: &[u8; 4] = b"EYSS";
const VERSION: u8 = 1;
/// No training takes more steps; a larger count is a broken file, and would overflow.
const MAX_COUNT: u64 = 1 << 53;

/// Is shown every number of a state, and may change it.
pub trait StateVisitor {
    /// Numbers of the size of the parameters.
    fn f32s(&mut self, values: &mut [f32]);
    /// A number.
    fn f64(&mut self, value: &mut f64);
    /// A count, or a flag as 0 or 1.
    fn u64(&mut self, value: &mut u64);
    /// A flag.
    fn flag(&mut self, value: &mut bool) {
        let mut number = u64::from(*value);
        self.u64(&mut number);
        *value = number != 0;
    }
    /// Several numbers.
    fn f64s(&mut self, values: &mut [f64]) {
        for value in values {
            self.f64(value);
        }
    }
}

struct Writer(Vec<u8>);

impl StateVisitor for Writer {
    fn f32s(&mut self, values: &mut [f32]) {
        self.0.extend((values.len() as u64).to_le_bytes());
        for value in values {
            self.0.extend(value.to_le_bytes());
        }
    }

    fn f64(&mut self, value: &mut f64) {
        self.0.extend(value.to_le_bytes());
    }

    fn u64(&mut self, value: &mut u64) {
        self.0.extend(value.to_le_bytes());
    }
}

/// Checks the lengths, and changes values if asked to.
struct Reader<'a> {
    left: &'a [u8],
    fits: bool,
    changes: bool,
}

impl Reader<'_> {
    fn word(&mut self) -> Option<[u8; 8]> {
        let (word, left) = self.left.split_first_chunk::<8>()?;
        self.left = left;
        Some(*word)
    }
}

impl StateVisitor for Reader<'_> {
    fn f32s(&mut self, values: &mut [f32]) {
        let n_bytes = 4 * values.len();
        let fits = self.word().is_some_and(|word| u64::from_le_bytes(word) == values.len() as u64);
        if !fits || self.left.len() < n_bytes {
            self.fits = false;
            return;
        }
        let (own, left) = self.left.split_at(n_bytes);
        self.left = left;
        if self.changes {
            for (value, bytes) in values.iter_mut().zip(own.as_chunks::<4>().0) {
                *value = f32::from_le_bytes(*bytes);
            }
        }
    }

    fn f64(&mut self, value: &mut f64) {
        match self.word() {
            Some(word) if self.changes => *value = f64::from_le_bytes(word),
            Some(_) => {}
            None => self.fits = false,
        }
    }

    fn u64(&mut self, value: &mut u64) {
        match self.word().map(u64::from_le_bytes) {
            Some(count) if count > MAX_COUNT => self.fits = false,
            Some(count) if self.changes => *value = count,
            Some(_) => {}
            None => self.fits = false,
        }
    }
}

/// The bytes of a state.
pub(super) fn save(name: &str, visit: impl FnOnce(&mut dyn StateVisitor)) -> Vec<u8> {
    let mut writer = Writer(Vec::new());
    writer.0.extend(MAGIC);
    writer.0.extend([VERSION, name.len() as u8]);
    writer.0.extend(name.as_bytes());
    visit(&mut writer);
    writer.0
}

/// Reads a state: once to see whether it fits, once to take it over.
pub(super) fn load(
    name: &str,
    bytes: &[u8],
    mut visit: impl FnMut(&mut dyn StateVisitor),
) -> Result<(), Error> {
    let header = [MAGIC, &[VERSION, name.len() as u8][..], name.as_bytes()].concat();
    let body = bytes.strip_prefix(&header[..]).ok_or_else(|| mistake(name, "another state"))?;
    let mut reader = Reader { left: body, fits: true, changes: false };
    visit(&mut reader);
    if !reader.fits || !reader.left.is_empty() {
        return Err(mistake(name, "of another size, or cut off"));
    }
    visit(&mut Reader { left: body, fits: true, changes: true });
    Ok(())
}

fn mistake(name: &str, what: &str) -> Error {
    Error::Parameter {
        name: "state".to_owned(),
        value: what.to_owned(),
        expected: format!("must be one that `{name}` saved with the same layout"),
    }
}
