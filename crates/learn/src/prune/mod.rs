//! Pruning: smaller and faster models at (nearly) the same loss, one file each and one line in
//! [`PRUNERS`].
//!
//! ```text
//! before the fit: select_k_best  fewer features: which ones tell most about the target
//! after the fit:  trees          less tree for the very same predictions
//! in the choice:  cheapest       the cheapest model that is as good as the best
//! ```

pub mod cheapest;
pub mod k_best;
mod mutual_info;
pub mod select_k_best;
pub mod trees;
mod univariate;

pub use cheapest::{Point, cheapest, cheapest_by};
pub use mutual_info::{
    mutual_info_continuous, mutual_info_discrete, mutual_info_discrete_continuous,
};
pub use select_k_best::{FEATURE_SCORES, FeatureScore, choose_k, rank_features, top_features};
pub use trees::{fold_constants, mean_prefix, prefix, simplify};
pub use univariate::{chi2, f_classif, f_regression};

/// A way to make models smaller, for help and reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruner {
    /// Name in reports and options.
    pub name: &'static str,
    /// One sentence for `--help`.
    pub help: &'static str,
    /// Where the method comes from: authors, year, title, DOI or arXiv id.
    pub references: &'static [&'static str],
}

/// Every pruner, in the order in which a run uses them.
pub static PRUNERS: &[Pruner] = &[select_k_best::PRUNER, trees::PRUNER, cheapest::PRUNER];

/// The pruner of this name.
pub fn pruner(name: &str) -> Option<&'static Pruner> {
    PRUNERS.iter().find(|pruner| pruner.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pruners_are_listed_once_with_help_and_references() {
        for (index, pruner) in PRUNERS.iter().enumerate() {
            assert_eq!(PRUNERS.iter().position(|other| other.name == pruner.name), Some(index));
            assert!(pruner.help.ends_with('.') && !pruner.references.is_empty());
        }
        assert_eq!(pruner("cheapest").map(|found| found.name), Some("cheapest"));
    }
}
