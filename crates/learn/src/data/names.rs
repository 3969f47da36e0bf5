//! Distinct names by number, in the order of their first use.

/// Gives each distinct text a code, 0, 1, ...; an open-addressing table over the list of names, so
/// that each name is stored once.
#[derive(Debug, Clone, Default)]
pub struct Names {
    levels: Vec<String>,
    /// `code + 1` by hash, 0 is free; the length is a power of two, at least twice the names.
    slots: Vec<u32>,
    text_bytes: usize,
}

impl Names {
    /// The code of a text, a new one if it was not seen before.
    pub fn code(&mut self, text: &str) -> u32 {
        if self.slots.len() < 2 * (self.levels.len() + 1) {
            self.grow();
        }
        let slot = self.slot(text);
        if self.slots[slot] == 0 {
            self.levels.push(text.to_string());
            self.text_bytes += text.len();
            self.slots[slot] = self.levels.len() as u32;
        }
        self.slots[slot] - 1
    }

    /// The names by code.
    pub fn levels(&self) -> &[String] {
        &self.levels
    }

    /// The names by code.
    pub fn into_levels(self) -> Vec<String> {
        self.levels
    }

    /// Bytes held, about.
    pub fn memory_bytes(&self) -> usize {
        self.levels.len() * (std::mem::size_of::<String>() + 16)
            + self.text_bytes
            + 4 * self.slots.len()
    }

    /// Where this text is, or would be put.
    fn slot(&self, text: &str) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = hash(text) as usize & mask;
        while self.slots[slot] != 0 && self.levels[self.slots[slot] as usize - 1] != text {
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn grow(&mut self) {
        let size = (4 * (self.levels.len() + 1)).next_power_of_two().max(16);
        self.slots = vec![0; size];
        for code in 0..self.levels.len() {
            let slot = self.slot(&self.levels[code]);
            self.slots[slot] = code as u32 + 1;
        }
    }
}

/// A fixed, fast hash of short texts: multiply and rotate, eight bytes at a time.
fn hash(text: &str) -> u64 {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut state = text.len() as u64;
    for chunk in text.as_bytes().chunks(8) {
        let mut word = [0u8; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        state = (state ^ u64::from_le_bytes(word)).wrapping_mul(ODD);
        state ^= state >> 29;
    }
    state ^ (state >> 32)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn codes_are_in_order_of_first_use(texts in prop::collection::vec("[ab]{0,4}", 0..200)) {
            let mut names = Names::default();
            let mut plain = BTreeMap::new();
            for text in &texts {
                let next = plain.len() as u32;
                let expected = *plain.entry(text.clone()).or_insert(next);
                prop_assert_eq!(names.code(text), expected);
            }
            for (text, &code) in &plain {
                prop_assert_eq!(&names.levels()[code as usize], text);
            }
        }
    }
}
