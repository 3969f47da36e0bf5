//! What a model costs to predict one row, from its shape alone.

/// The countable parts of a model, known before it is trained or exactly after.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Shape {
    /// Numeric features binned for trees.
    pub n_binned: f64,
    /// Categorical features looked up.
    pub n_looked_up: f64,
    /// Trees.
    pub n_trees: f64,
    /// Tests on the longest path, summed over trees: the steps that the branchless walk takes.
    pub n_steps: f64,
    /// Nodes of all trees.
    pub n_nodes: f64,
    /// Leaf values added to scores: trees times the width of their leaves.
    pub n_added: f64,
    /// Multiply-adds of linear members.
    pub n_products: f64,
    /// Bytes that a prediction may touch.
    pub bytes: f64,
}
