//! One tree of a LightGBM model.

use eyas_model::TreeOutput;
use eyas_model::encoder::ZERO;

use super::text::Section;
use crate::ensemble::{ForeignNode, ForeignTest, ForeignTree};
use crate::error::Error;
use crate::levels::Columns;

/// Bit of a split's type: it asks for a set of categories.
const CATEGORICAL: u8 = 1;
/// Bit of a split's type: missing values go left.
const DEFAULT_LEFT: u8 = 2;

/// Splits of a tree, array by array as the file holds them.
struct Splits {
    features: Vec<usize>,
    thresholds: Vec<f64>,
    kinds: Vec<u8>,
    left: Vec<i64>,
    right: Vec<i64>,
    /// Empty in files that leave them out.
    gains: Vec<f32>,
    /// Borders of the sets in `words`.
    borders: Vec<usize>,
    /// Sets of categories as bits.
    words: Vec<u32>,
}

/// Reads a tree whose leaf values are added to an output. Row `l` of its values is LightGBM's leaf
/// `l`.
///
/// # Errors
/// [`Error::BadFile`] or, for linear trees, [`Error::Unsupported`].
pub(super) fn read(
    section: &Section<'_>,
    columns: &Columns,
    output: u32,
) -> Result<ForeignTree, Error> {
    if !matches!(section.find("is_linear"), None | Some("0")) {
        return Err(Error::Unsupported(
            "linear models in leaves: train with linear_tree=false".into(),
        ));
    }
    let n_leaves: usize = section.number("num_leaves")?;
    if n_leaves == 0 || n_leaves > i32::MAX as usize {
        return Err(Error::BadFile(format!("it has {n_leaves} leaves")));
    }
    let values = leaf_values(&section.list("leaf_value", n_leaves)?)?;
    let n_splits = n_leaves - 1;
    let mut nodes = Vec::with_capacity(n_splits + n_leaves);
    if n_splits > 0 {
        let splits = Splits::read(section, n_splits)?;
        for split in 0..n_splits {
            nodes.push(splits.node(split, columns)?);
        }
    }
    nodes.extend((0..n_leaves as u32).map(|value| ForeignNode::Leaf { value }));
    Ok(ForeignTree { nodes, values, output: TreeOutput::One(output) })
}

fn leaf_values(wide: &[f64]) -> Result<Vec<f32>, Error> {
    let narrow = |&value: &f64| match value as f32 {
        narrow if narrow.is_finite() => Ok(narrow),
        _ => Err(Error::Unsupported(format!("the leaf value {value}, beyond 32-bit floats"))),
    };
    wide.iter().map(narrow).collect()
}

impl Splits {
    fn read(section: &Section<'_>, n: usize) -> Result<Splits, Error> {
        let n_sets: usize = section.number("num_cat")?;
        let (borders, words) = if n_sets == 0 {
            (vec![], vec![])
        } else {
            let borders: Vec<usize> = section.list("cat_boundaries", n_sets.saturating_add(1))?;
            let n_words = borders.last().copied().unwrap_or(0);
            (borders, section.list("cat_threshold", n_words)?)
        };
        let gains = if section.find("split_gain").is_some() {
            section.list("split_gain", n)?
        } else {
            vec![]
        };
        Ok(Splits {
            features: section.list("split_feature", n)?,
            thresholds: section.list("threshold", n)?,
            kinds: section.list("decision_type", n)?,
            left: section.list("left_child", n)?,
            right: section.list("right_child", n)?,
            gains,
            borders,
            words,
        })
    }

    fn node(&self, at: usize, columns: &Columns) -> Result<ForeignNode, Error> {
        let column = self.features[at];
        let gain = self.gains.get(at).copied().unwrap_or(0.0);
        let (left, right) = (self.child(self.left[at])?, self.child(self.right[at])?);
        let (kind, threshold) = (self.kinds[at], self.thresholds[at]);
        if kind & CATEGORICAL == 0 {
            let test = number_test(threshold, kind)?;
            return Ok(ForeignNode::Split { column, test, left, right, gain });
        }
        let set = self.set(threshold)?;
        // Members of the set go left; a test sends "yes" right.
        let test = columns
            .test(column, codes(set), false)
            .unwrap_or_else(|| ForeignTest::Inside { spans: spans(set), missing_right: false });
        Ok(ForeignNode::Split { column, test, left: right, right: left, gain })
    }

    /// Index of a child among splits and leaves; leaves are written as `-1 - leaf`.
    fn child(&self, child: i64) -> Result<u32, Error> {
        let n_splits = self.left.len() as i64;
        let index = match !child {
            leaf if child < 0 => (leaf <= n_splits).then_some(leaf).map(|leaf| n_splits + leaf),
            _ => (child < n_splits).then_some(child),
        };
        // At most twice the number of leaves, which 31 bits hold.
        index
            .map(|index| index as u32)
            .ok_or_else(|| Error::BadFile(format!("a split has the child {child}")))
    }

    /// The words of the set that a categorical split's threshold counts.
    fn set(&self, threshold: f64) -> Result<&[u32], Error> {
        let bad = || Error::BadFile(format!("a split asks for the set {threshold}"));
        if threshold.fract() != 0.0 || !(0.0..4e9).contains(&threshold) {
            return Err(bad());
        }
        let index = threshold as usize;
        let borders = self.borders.get(index).zip(self.borders.get(index + 1));
        borders.and_then(|(&from, &to)| self.words.get(from..to)).ok_or_else(bad)
    }
}

/// A numerical split: greater goes right.
fn number_test(threshold: f64, kind: u8) -> Result<ForeignTest, Error> {
    // Rows reach a model without their zeros, and what is near to zero counts as zero.
    let edge = match threshold {
        t if (-ZERO..0.0).contains(&t) => (-ZERO).next_down(),
        t if (0.0..=ZERO).contains(&t) => ZERO,
        t => t,
    };
    let default_right = kind & DEFAULT_LEFT == 0;
    let (missing_right, zero_is_missing) = match kind >> 2 & 3 {
        0 => (0.0 > threshold, false),
        1 => (default_right, true),
        2 => (default_right, false),
        _ => return Err(Error::BadFile(format!("a split has the type {kind}"))),
    };
    Ok(ForeignTest::Above { edge, missing_right, zero_is_missing })
}

/// Codes whose bit is set, ascending.
fn codes(words: &[u32]) -> impl Iterator<Item = u32> + '_ {
    let bits = |(at, word): (usize, &u32)| {
        let (at, word) = (at as u32, *word);
        (0..32).filter(move |bit| word >> bit & 1 == 1).map(move |bit| at * 32 + bit)
    };
    words.iter().enumerate().flat_map(bits)
}

/// Numbers that are cut off to a code in the set: those in `[code, code + 1)`, and for zero those
/// above -1. Neighbours are joined.
fn spans(words: &[u32]) -> Vec<(f64, f64)> {
    let mut spans: Vec<(f64, f64)> = Vec::new();
    for code in codes(words) {
        let code = f64::from(code);
        let above = if code == 0.0 { -1.0 } else { code.next_down() };
        let up_to = (code + 1.0).next_down();
        match spans.last_mut().filter(|last| last.1 == above) {
            Some(last) => last.1 = up_to,
            None => spans.push((above, up_to)),
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_become_spans() {
        assert_eq!(codes(&[0b1011, 1]).collect::<Vec<_>>(), [0, 1, 3, 32]);
        let up_to = |code: f64| code.next_down();
        let expected = [(-1.0, up_to(2.0)), (up_to(3.0), up_to(4.0)), (up_to(32.0), up_to(33.0))];
        assert_eq!(spans(&[0b1011, 1]), expected);
        assert_eq!(spans(&[u32::MAX, 1]), [(-1.0, up_to(33.0))]);
        assert_eq!(spans(&[]), []);
    }

    #[test]
    fn missing_values_by_type() {
        let test = |threshold, kind| match number_test(threshold, kind) {
            Ok(ForeignTest::Above { edge, missing_right, zero_is_missing }) => {
                (edge, missing_right, zero_is_missing)
            }
            other => panic!("{other:?}"),
        };
        // Type None: a missing value is a zero, whatever the default.
        assert_eq!(test(3.0, 0), (3.0, false, false));
        assert_eq!(test(-3.0, 2), (-3.0, true, false));
        assert_eq!(test(0.0, 0), (ZERO, false, false));
        assert_eq!(test(-ZERO, 2), ((-ZERO).next_down(), true, false));
        // Zero, NaN.
        assert_eq!(test(3.0, 4), (3.0, true, true));
        assert_eq!(test(3.0, 6), (3.0, false, true));
        assert_eq!(test(3.0, 8), (3.0, true, false));
        assert_eq!(test(3.0, 10), (3.0, false, false));
        assert!(number_test(3.0, 12).is_err());
    }
}
