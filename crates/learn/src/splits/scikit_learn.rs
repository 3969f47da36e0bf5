//! The folds of scikit-learn's `StratifiedKFold` and `KFold`, row by row.
//!
//! Shuffled ones need the stream of NumPy's `RandomState`: a Mersenne Twister (Matsumoto, Nishimura
//! 1998, doi:10.1145/272991.272995), whole numbers by masking and rejection, and a shuffle from the
//! last place to the first. NumPy's NEP 19 guarantees that this stream never changes.

use super::{Split, SplitInput, splits_of_folds};
use crate::dataset::Target;
use crate::error::Error;

/// Splits rows as scikit-learn does: classes keep their shares (`StratifiedKFold`), numbers are cut
/// in the order of the rows (`KFold`).
///
/// `shuffle` is the `random_state` of shuffled folds; without it rows keep their order.
///
/// # Errors
/// [`Error::Parameter`]: fewer than two folds, more folds than rows, or than rows of every class.
pub fn scikit_learn_folds(
    input: &SplitInput<'_>,
    n_folds: usize,
    shuffle: Option<u32>,
) -> Result<Vec<Split>, Error> {
    let n_rows = input.n_rows();
    let wrong = |expected: String| Error::Parameter {
        name: "cv".to_owned(),
        value: n_folds.to_string(),
        expected,
    };
    if n_folds < 2 || n_folds > n_rows {
        return Err(wrong(format!("a number from 2 to the number of rows, {n_rows}, is expected")));
    }
    let folds = match input.target {
        Target::Numbers(_) => plain(n_rows, n_folds, shuffle),
        Target::Classes(classes) => {
            let most = most_frequent(classes);
            if n_folds > most {
                return Err(wrong(format!("no class has more than {most} rows")));
            }
            stratified(classes, n_folds, shuffle)
        }
    };
    Ok(splits_of_folds(&folds))
}

fn most_frequent(classes: &[u32]) -> usize {
    let mut counts = vec![0; classes.iter().max().map_or(0, |last| *last as usize + 1)];
    classes.iter().for_each(|&class| counts[class as usize] += 1);
    counts.into_iter().max().unwrap_or(0)
}

/// Fold of each row, cut in order: the first folds have a row more where it does not come out even.
fn plain(n_rows: usize, n_folds: usize, shuffle: Option<u32>) -> Vec<u32> {
    let mut rows: Vec<usize> = (0..n_rows).collect();
    if let Some(seed) = shuffle {
        MersenneTwister::new(seed).shuffle(&mut rows);
    }
    let mut folds = vec![0; n_rows];
    let mut rest = &rows[..];
    for fold in 0..n_folds {
        let size = n_rows / n_folds + usize::from(fold < n_rows % n_folds);
        let (own, others) = rest.split_at(size);
        own.iter().for_each(|&row| folds[row] = fold as u32);
        rest = others;
    }
    folds
}

/// Fold of each row, class by class in the order of their first rows. How many rows of a class a
/// fold has follows from dealing out the rows sorted by class, one by one.
fn stratified(classes: &[u32], n_folds: usize, shuffle: Option<u32>) -> Vec<u32> {
    let mut order: Vec<u32> = Vec::new();
    let mut rows: Vec<Vec<usize>> = Vec::new();
    for (row, class) in classes.iter().enumerate() {
        match order.iter().position(|known| known == class) {
            Some(place) => rows[place].push(row),
            None => {
                order.push(*class);
                rows.push(vec![row]);
            }
        }
    }
    let mut twister = shuffle.map(MersenneTwister::new);
    let mut folds = vec![0; classes.len()];
    let mut dealt = 0;
    for rows in &rows {
        let mut of_class: Vec<u32> =
            (dealt..dealt + rows.len()).map(|place| (place % n_folds) as u32).collect();
        of_class.sort_unstable();
        if let Some(twister) = &mut twister {
            twister.shuffle(&mut of_class);
        }
        rows.iter().zip(of_class).for_each(|(&row, fold)| folds[row] = fold);
        dealt += rows.len();
    }
    folds
}

const LENGTH: usize = 624;
const MIDDLE: usize = 397;

/// MT19937 as NumPy seeds it with one number.
struct MersenneTwister {
    state: [u32; LENGTH],
    next: usize,
}

impl MersenneTwister {
    fn new(seed: u32) -> MersenneTwister {
        let mut state = [seed; LENGTH];
        for place in 1..LENGTH {
            let before = state[place - 1];
            let mixed = 1_812_433_253u32.wrapping_mul(before ^ (before >> 30));
            state[place] = mixed.wrapping_add(place as u32);
        }
        MersenneTwister { state, next: LENGTH }
    }

    fn next_u32(&mut self) -> u32 {
        if self.next == LENGTH {
            self.twist();
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9D2C_5680;
        y ^= (y << 15) & 0xEFC6_0000;
        y ^ (y >> 18)
    }

    fn twist(&mut self) {
        for place in 0..LENGTH {
            let upper = self.state[place] & 0x8000_0000;
            let y = upper | (self.state[(place + 1) % LENGTH] & 0x7FFF_FFFF);
            let odd = if y & 1 == 1 { 0x9908_B0DF } else { 0 };
            self.state[place] = self.state[(place + MIDDLE) % LENGTH] ^ (y >> 1) ^ odd;
        }
        self.next = 0;
    }

    /// Uniform in `0..=most`, by masking and rejection.
    fn up_to(&mut self, most: u32) -> u32 {
        let mask = u32::MAX.checked_shr(most.leading_zeros()).unwrap_or(0);
        loop {
            let value = self.next_u32() & mask;
            if value <= most {
                return value;
            }
        }
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            // Row numbers fit 32 bits.
            items.swap(last, self.up_to(last as u32) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Recorded {
        cases: Vec<Case>,
        shuffled: Vec<u32>,
    }

    #[derive(Deserialize)]
    struct Case {
        classes: Vec<u32>,
        n_folds: usize,
        seed: Option<u32>,
        stratified: Vec<u32>,
        plain: Vec<u32>,
    }

    fn recorded() -> Recorded {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/splits/folds.json");
        let text = std::fs::read_to_string(path).expect("it is part of the repository");
        serde_json::from_str(&text).expect("the script wrote it")
    }

    #[test]
    fn folds_are_those_of_scikit_learn() {
        for case in recorded().cases {
            let classes = &case.classes;
            assert_eq!(stratified(classes, case.n_folds, case.seed), case.stratified);
            assert_eq!(plain(classes.len(), case.n_folds, case.seed), case.plain);
            let target = Target::Classes(classes.clone());
            let input = SplitInput { target: &target, groups: None, times: None };
            let splits = scikit_learn_folds(&input, case.n_folds, case.seed).expect("enough rows");
            assert_eq!(splits, splits_of_folds(&case.stratified));
        }
    }

    #[test]
    fn rows_are_shuffled_as_numpy_does() {
        let mut rows: Vec<u32> = (0..1000).collect();
        MersenneTwister::new(7).shuffle(&mut rows);
        assert_eq!(rows, recorded().shuffled);
    }

    #[test]
    fn too_many_folds_are_refused() {
        let target = Target::Classes(vec![0, 1, 0, 1, 2]);
        let input = SplitInput { target: &target, groups: None, times: None };
        for (n_folds, part) in [(1, "from 2 to"), (6, "from 2 to"), (3, "more than 2 rows")] {
            let error = scikit_learn_folds(&input, n_folds, None).expect_err("too many");
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
