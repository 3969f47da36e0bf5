//! Configurations to try first.
//!
//! Chosen greedily among 46, so that the best of the first few is good on as many of 26 real data
//! sets as possible (two splits each; scores on rows that neither fitting nor early stopping saw).
//! Random thresholds and drawn features are ahead of exact search with all features nearly
//! everywhere, on small data by far; falling rates were not better at equal rounds, but reach
//! their best with fewer trees.

use eyas_model::TaskKind;
use eyas_search::{Config, Value};

use super::parameters::{NAME, declared};
use crate::task::Facts;

/// Rows below which data are small.
const SMALL: usize = 2_500;
/// Rows times outputs from which each tree counts.
const LARGE: usize = 1_000_000;

/// The portfolio; the first is the default. Every parameter is given.
pub(super) fn portfolio(facts: &Facts) -> Vec<Config> {
    let values = declared().into_iter().map(|p| (p.name.to_owned(), p.default)).collect();
    let start = Config { learner: NAME.to_owned(), values };
    if facts.n_rows < SMALL {
        small(&start, facts)
    } else if facts.n_rows * facts.n_outputs >= LARGE {
        large(&start, facts)
    } else {
        medium(&start, facts)
    }
}

fn set(start: &Config, values: &[(&str, Value)]) -> Config {
    let config = start.clone();
    values.iter().fold(config, |config, (name, value)| config.with(name, value.clone()))
}

/// Shorthands for the values of a configuration.
macro_rules! config {
    ($start:expr, $($name:ident = $value:expr),* $(,)?) => {
        set($start, &[$((stringify!($name), Value::from($value))),*])
    };
}

fn small(start: &Config, facts: &Facts) -> Vec<Config> {
    let start = &config!(start, min_data_per_group = 10i64, min_data_in_leaf = 5i64);
    let random = config!(
        start,
        num_leaves = 16i64,
        min_data_in_leaf = 3i64,
        extra_trees = true,
        min_data_per_group = 5i64,
        cat_smooth = 5.0,
        lambda_l2 = 3.0,
        subsample = 0.8,
    );
    let oblivious = config!(start, grow_policy = "oblivious", num_leaves = 64i64, max_depth = 6i64);
    let mut all = vec![
        random.clone(),
        config!(start, num_leaves = 6i64, subsample = 0.6, feature_fraction_bynode = 0.4),
        config!(&oblivious, subsample = 0.8, feature_fraction_bynode = 0.5, lambda_l2 = 3.0),
        config!(start, num_leaves = 4i64, min_data_in_leaf = 2i64, subsample = 0.7),
        config!(&random, num_leaves = 8i64, min_data_in_leaf = 2i64, lambda_l2 = 1.0),
        config!(start, num_leaves = 8i64, subsample = 0.7, feature_fraction = 0.5),
        config!(start, min_data_in_leaf = 2i64, extra_trees = true, feature_fraction_bynode = 0.7),
        config!(&oblivious, extra_trees = true, learning_rate = 0.08),
        config!(start, num_leaves = 2i64, learning_rate = 0.1),
        config!(start, num_leaves = 64i64, feature_fraction_bynode = 0.3, lambda_l2 = 3.0),
        config!(
            start,
            num_leaves = 8i64,
            schedule = "cosine",
            learning_rate = 0.15,
            n_estimators = 200i64
        ),
        config!(&random, learning_rate_rule = "auto", num_leaves = 8i64, path_smooth = 5.0),
    ];
    if facts.kind == TaskKind::Multiclass {
        let vector = config!(
            start,
            multi_strategy = "vector",
            learning_rate = 0.1,
            extra_trees = true,
            min_data_in_leaf = 2i64,
            min_data_per_group = 5i64,
        );
        all.insert(2, vector);
    }
    all
}

fn medium(start: &Config, facts: &Facts) -> Vec<Config> {
    let drawn = config!(start, feature_fraction_bynode = 0.5, min_data_in_leaf = 10i64);
    let random = config!(start, extra_trees = true, min_data_in_leaf = 2i64);
    let mut all = vec![
        drawn.clone(),
        config!(&random, feature_fraction_bynode = 0.7),
        config!(
            start,
            num_leaves = 64i64,
            path_smooth = 10.0,
            feature_fraction = 0.5,
            feature_fraction_bynode = 0.7,
            min_data_in_leaf = 5i64,
        ),
        config!(start, num_leaves = 128i64, min_data_in_leaf = 10i64, feature_fraction = 0.7),
        config!(&random, feature_fraction = 0.5),
        config!(
            &random,
            num_leaves = 16i64,
            min_data_per_group = 5i64,
            cat_smooth = 5.0,
            lambda_l2 = 3.0,
            subsample = 0.8,
        ),
        config!(start, feature_fraction = 0.5),
        config!(
            start,
            num_leaves = 6i64,
            min_data_in_leaf = 3i64,
            subsample = 0.6,
            feature_fraction_bynode = 0.4
        ),
        config!(
            start,
            grow_policy = "depthwise",
            max_depth = 8i64,
            num_leaves = 128i64,
            learning_rate = 0.03,
            min_data_in_leaf = 5i64,
            feature_fraction = 0.6,
            feature_fraction_bynode = 0.7,
            lambda_l2 = 5.0,
        ),
        config!(&random, num_leaves = 128i64, feature_fraction_bynode = 0.5),
        config!(
            start,
            grow_policy = "oblivious",
            num_leaves = 64i64,
            max_depth = 6i64,
            learning_rate_rule = "auto",
            lambda_l2 = 3.0,
        ),
        config!(&drawn, subsample = 0.7, sampling = "mvs"),
        config!(&drawn, schedule = "cosine", learning_rate = 0.15, n_estimators = 200i64),
    ];
    if facts.kind == TaskKind::Multiclass {
        let vector = config!(
            &random,
            multi_strategy = "vector",
            learning_rate = 0.1,
            min_data_per_group = 5i64
        );
        all.insert(2, vector);
    }
    all
}

/// Fewer, larger trees at a higher rate: about 100 times what one pass over the data costs.
fn large(start: &Config, facts: &Facts) -> Vec<Config> {
    let start = &config!(
        start,
        learning_rate = 0.2,
        n_estimators = 150i64,
        early_stopping_rounds = 20i64,
        min_data_in_leaf = 10i64,
    );
    let sampled = config!(start, num_leaves = 255i64, sampling = "mvs", subsample = 0.3);
    let mut all = vec![
        sampled.clone(),
        config!(start, num_leaves = 64i64, feature_fraction_bynode = 0.7),
        config!(start, num_leaves = 128i64, extra_trees = true, min_data_in_leaf = 5i64),
        config!(start, feature_fraction = 0.5, learning_rate = 0.1, n_estimators = 400i64),
        config!(
            &sampled,
            num_leaves = 512i64,
            min_data_in_leaf = 5i64,
            learning_rate = 0.1,
            n_estimators = 400i64
        ),
        config!(start, grow_policy = "depthwise", max_depth = 8i64, num_leaves = 256i64),
        config!(start, grow_policy = "oblivious", max_depth = 8i64, num_leaves = 256i64),
        config!(start, schedule = "cosine", num_leaves = 128i64, n_estimators = 80i64),
    ];
    if facts.kind == TaskKind::Multiclass {
        let vector = config!(start, multi_strategy = "vector", learning_rate = 0.3);
        all.insert(0, config!(&vector, num_leaves = 255i64));
        all.insert(
            2,
            config!(&vector, num_leaves = 512i64, subsample = 0.5, n_estimators = 300i64),
        );
    }
    all.extend(medium(start, facts).into_iter().take(3));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learners::boosting::parameters::{Parameters, space};

    #[test]
    fn every_configuration_is_complete_allowed_and_different() {
        for (n_rows, n_outputs) in [(300, 1), (300, 5), (9_000, 1), (9_000, 9), (400_000, 7)] {
            let kind = if n_outputs > 1 { TaskKind::Multiclass } else { TaskKind::Binary };
            let (n_features, n_bins) = (10, 400);
            let facts = Facts { kind, n_rows, n_features, n_categorical: 2, n_outputs, n_bins };
            let all = portfolio(&facts);
            assert!(all.len() >= 12);
            assert_eq!(space(&facts).default_config(), all[0]);
            for (place, config) in all.iter().enumerate() {
                Parameters::read(config, &facts).expect("allowed");
                assert_eq!(config.values.len(), space(&facts).parameters.len());
                assert!(!all[..place].contains(config), "{config:?} twice");
            }
        }
    }
}
