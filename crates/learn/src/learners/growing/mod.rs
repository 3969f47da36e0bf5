//! Decision trees grown over bins, for forests: shared by `random_forest` and `extra_trees`.
//!
//! ```text
//! FitInput --settings--> Settings          parameters, read and checked
//!          --columns--> [Column]           bins, categories replaced by their rank
//!          --sample--> rows and weights    one bootstrap a tree
//!          --grow--> Grown                 a tree whose inner nodes keep their values
//!          --plan--> which truncations; `limits`: where each of them ends a tree
//!          --nested, scoring--> all of them in one walk a row and tree; `truncate` cuts a tree
//! ```
//!
//! Randomness is keyed by (seed, tree, path of the node) and never by the order of visits, so a
//! tree cut by a limit *is* the tree that a fit with that limit would grow, byte for byte.

pub(super) mod blocks;
mod checkpoint;
pub(super) mod classes;
pub(super) mod columns;
mod counts;
pub(super) mod estimate;
mod flags;
pub(super) mod grow;
mod lanes;
pub(super) mod levels;
pub(super) mod limits;
pub(super) mod moments;
pub(super) mod nested;
pub(super) mod plan;
pub(super) mod sample;
pub(super) mod scoring;
pub(super) mod settings;
pub(super) mod statistic;
pub(super) mod truncate;
pub(super) mod validation;

#[cfg(test)]
pub(super) mod fixtures;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod out_of_bag;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod sweeps;
