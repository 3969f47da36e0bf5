//! Configurations to try first.

use eyas_search::{Config, Value};

use super::parameters::NAME;
use crate::task::Facts;

/// The values of the default configuration that depend on the task.
pub(super) fn default_values(facts: &Facts) -> Vec<(&'static str, Value)> {
    let small = facts.n_rows < 2_000;
    let mut values: Vec<(&'static str, Value)> = vec![("n_estimators", 300i64.into())];
    if small {
        values.extend([
            ("num_leaves", 8i64.into()),
            ("min_data_in_leaf", 5i64.into()),
            ("min_data_per_group", 10i64.into()),
        ]);
    }
    values
}

/// The portfolio; the first is the default.
pub(super) fn portfolio(facts: &Facts) -> Vec<Config> {
    let _ = facts;
    vec![Config { learner: NAME.to_owned(), values: Default::default() }]
}
