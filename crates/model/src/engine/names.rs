//! From a name to its bin: a small open-addressing table, built when a model is loaded.

use std::io::Write;

use xxhash_rust::xxh3::xxh3_64;

/// Bins of the levels of one feature. Looking one up allocates nothing.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    /// `(upper half of the hash, bin)`, power-of-two length, at most half full; bin 0 is empty.
    table: Vec<(u32, u8)>,
    /// Ends of the levels in `text`, the start of the first one included `(n_levels + 1,)`.
    ends: Vec<u32>,
    text: Vec<u8>,
}

impl Names {
    /// Level `i` gets bin `i + 1`. There are at most [`crate::encoder::MAX_LEVELS`], no two alike.
    pub fn new(levels: &[String]) -> Self {
        let n_places = (2 * levels.len()).next_power_of_two().max(2);
        let mut names = Names { table: vec![(0, 0); n_places], ends: vec![0], text: Vec::new() };
        for (index, level) in levels.iter().enumerate() {
            names.text.extend_from_slice(level.as_bytes());
            names.ends.push(names.text.len() as u32);
            let hash = xxh3_64(level.as_bytes());
            let mut place = hash as usize % n_places;
            while names.table[place].1 != 0 {
                place = (place + 1) % n_places;
            }
            names.table[place] = ((hash >> 32) as u32, index as u8 + 1);
        }
        names
    }

    /// Bin of a level; `n_levels + 1` for any other text.
    pub fn bin(&self, name: &[u8]) -> u8 {
        let hash = xxh3_64(name);
        let mask = self.table.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            let (tag, bin) = self.table[place];
            if bin == 0 {
                return self.unseen();
            }
            if tag == (hash >> 32) as u32 && self.level(bin) == name {
                return bin;
            }
            place = (place + 1) & mask;
        }
    }

    /// Bin of the level that is the shortest decimal form of a number: `3`, `-0.25`, never `3.0`,
    /// never an exponent. Minus zero is `0`.
    pub fn bin_of_number(&self, number: f64) -> u8 {
        let mut digits = Digits { bytes: [0; 400], length: 0 };
        let number = if number == 0.0 { 0.0 } else { number };
        // The longest f64 has 327 characters, so this always fits.
        match write!(digits, "{number}") {
            Ok(()) => self.bin(&digits.bytes[..digits.length]),
            Err(_) => self.unseen(),
        }
    }

    /// Bytes of the table and the names.
    pub fn n_bytes(&self) -> usize {
        8 * self.table.len() + 4 * self.ends.len() + self.text.len()
    }

    fn unseen(&self) -> u8 {
        self.ends.len() as u8
    }

    fn level(&self, bin: u8) -> &[u8] {
        let bin = usize::from(bin);
        &self.text[self.ends[bin - 1] as usize..self.ends[bin] as usize]
    }
}

/// A number written on the stack.
struct Digits {
    bytes: [u8; 400],
    length: usize,
}

impl Write for Digits {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        let end = self.length + text.len();
        let free = self.bytes.get_mut(self.length..end).ok_or(std::io::ErrorKind::WriteZero)?;
        free.copy_from_slice(text);
        self.length = end;
        Ok(text.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_level_is_found_and_nothing_else() {
        let levels: Vec<String> = (0..253).map(|level| format!("level {level}")).collect();
        let names = Names::new(&levels);
        for (index, level) in levels.iter().enumerate() {
            assert_eq!(usize::from(names.bin(level.as_bytes())), index + 1);
        }
        for other in ["", "level", "level 253", "Level 1", "level 1 "] {
            assert_eq!(names.bin(other.as_bytes()), 254, "{other:?}");
        }
        assert_eq!(Names::new(&[]).bin(b"anything"), 1);
    }

    #[test]
    fn numbers_are_matched_by_their_shortest_form() {
        let levels = ["3", "-0.25", "0", "100000000000000000000", "NaN"].map(String::from);
        let names = Names::new(&levels);
        let numbers = [3.0, -0.25, -0.0, 1e20, f64::NAN, 3.5, 5e-324, f64::MIN_POSITIVE];
        let bins = numbers.map(|number| names.bin_of_number(number));
        assert_eq!(bins, [1, 2, 3, 4, 5, 6, 6, 6]);
    }

    proptest! {
        #[test]
        fn bins_are_positions(
            levels in prop::collection::btree_set("[a-c]{1,3}", 0..40),
            asked in "[a-c]{0,3}",
        ) {
            let levels: Vec<String> = levels.into_iter().collect();
            let position = levels.iter().position(|level| *level == asked);
            let expected = position.unwrap_or(levels.len()) + 1;
            prop_assert_eq!(usize::from(Names::new(&levels).bin(asked.as_bytes())), expected);
        }

        #[test]
        fn any_number_fits_the_stack(bits in any::<u64>()) {
            let number = f64::from_bits(bits);
            let names = Names::new(&[format!("{number}")]);
            prop_assert_eq!(names.bin_of_number(number), if number == 0.0 && bits != 0 { 2 } else { 1 });
        }
    }
}
