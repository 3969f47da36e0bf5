//! What is summed up about the rows of a node, and how cuts are judged by it.

use super::sample::Example;

/// Where a node's bytes of one column lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::learners) struct Range {
    /// Whether some are 0, which is missing.
    pub missing: bool,
    /// Smallest byte above 0.
    pub low: u8,
    /// Largest byte.
    pub high: u8,
}

/// A way to split a node by one column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::learners) struct Cut {
    /// Worth of both sides together.
    pub worth: f64,
    /// Largest byte that goes left.
    pub threshold: u8,
    /// Where a missing value goes.
    pub missing_right: bool,
}

/// What is summed up about rows, and how well a cut tells them apart.
pub(in crate::learners) trait Statistic {
    /// Numbers in the value of a node.
    fn width(&self) -> usize;

    /// Takes up a node of these examples; returns whether their targets differ.
    fn start(&mut self, examples: &[Example]) -> bool;

    /// Worth of the node itself.
    fn worth(&self) -> f64;

    /// Decrease of impurity, times weight, for a unit of worth.
    fn scale(&self) -> f64;

    /// Worth that no cut can exceed; infinite where that is not known.
    fn bound(&self) -> f64;

    /// Appends the node's value: the mean of its targets and of `smoothing` rows like `parent`.
    fn value(&self, parent: &[f32], smoothing: f64, values: &mut Vec<f32>);

    /// The best cut of a column with the bytes of the node's rows, `min_rows` rows a side.
    fn best_cut(
        &mut self,
        bytes: &[u8],
        examples: &[Example],
        range: Range,
        min_rows: usize,
    ) -> Option<Cut>;

    /// The cut of a column of two values, those of `range`, none of them missing: bit `flag` of a
    /// row's word is 1 where its value is the larger one, for some rows and not for others.
    fn cut_of_flag(
        &mut self,
        words: &[u64],
        flag: u32,
        examples: &[Example],
        range: Range,
        min_rows: usize,
    ) -> Option<Cut>;

    /// As [`Statistic::best_cut`], with this threshold: only the side of missing values is chosen.
    fn cut_at(
        &mut self,
        bytes: &[u8],
        examples: &[Example],
        range: Range,
        min_rows: usize,
        threshold: u8,
    ) -> Option<Cut>;
}
