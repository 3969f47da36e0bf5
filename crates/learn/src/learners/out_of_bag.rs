//! Predictions of rows by those trees that did not learn from them.

/// What a forest says of each row that some of its trees did not draw: the mean of these trees.
///
/// It is of the largest truncation: all trees, under the limits of the last point of the grid that
/// has so many.
///
/// Reference: Breiman 1996, Out-of-bag estimation, technical report, University of California,
/// Berkeley.
#[derive(Debug, Clone, PartialEq)]
pub struct OutOfBag {
    /// Rows of the data that at least one tree did not draw, ascending.
    pub rows: Vec<u32>,
    /// How many trees predicted each of them `(rows.len(),)`, at least 1.
    pub n_trees: Vec<u32>,
    /// Their predictions `(rows.len(), n_outputs)`, row-major.
    pub predictions: Vec<f64>,
    /// By number of trees, ascending: rows that all of so many trees drew, which were not scored.
    pub n_unscored: Vec<(usize, usize)>,
}
