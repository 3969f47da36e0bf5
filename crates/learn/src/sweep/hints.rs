//! What parameters of scikit-learn and other libraries are called here.

/// Parameters of other libraries by learner, and where their meaning is found here.
const HINTS: &[(&[&str], &str, &str)] = &[
    (
        &["linear"],
        "alpha",
        "`penalty` is of the mean loss: alpha of Lasso and ElasticNet, alpha / rows of Ridge",
    ),
    (&["linear"], "C", "`penalty` is of the mean loss: 1 / (C * rows)"),
    (&["linear"], "tol", "fits go to the minimum"),
    (&["boosting"], "max_iter", "it is `n_estimators`"),
    (&["boosting"], "iterations", "it is `n_estimators`"),
    (&["boosting"], "eta", "it is `learning_rate`"),
    (&["boosting"], "depth", "it is `max_depth`"),
    (&["boosting"], "max_leaf_nodes", "it is `num_leaves`"),
    (&["boosting"], "max_leaves", "it is `num_leaves`"),
    (&["boosting"], "min_samples_leaf", "it is `min_data_in_leaf`"),
    (&["boosting"], "min_child_samples", "it is `min_data_in_leaf`"),
    (&["boosting"], "min_child_weight", "it is `min_sum_hessian`"),
    (&["boosting"], "l2_regularization", "it is `lambda_l2`"),
    (&["boosting"], "reg_lambda", "it is `lambda_l2`"),
    (&["boosting"], "gamma", "it is `min_gain_to_split`"),
    (&["boosting"], "min_split_gain", "it is `min_gain_to_split`"),
    (&["boosting"], "colsample_bytree", "it is `feature_fraction`"),
    (&["boosting"], "colsample_bynode", "it is `feature_fraction_bynode`"),
    (&["boosting"], "max_features", "it is `feature_fraction_bynode`, a share"),
    (&["boosting"], "n_iter_no_change", "a grid stops no fit early; give values of `n_estimators`"),
    (&["random_forest", "extra_trees"], "num_leaves", "it is `max_leaf_nodes`"),
    (&["random_forest", "extra_trees"], "min_data_in_leaf", "it is `min_samples_leaf`"),
    (&["random_forest", "extra_trees"], "max_leaves", "it is `max_leaf_nodes`"),
    (&[], "random_state", "it is the option --seed"),
    (&[], "n_jobs", "it is the option --threads"),
    (&[], "class_weight", "classes are balanced by the option --balance-classes"),
    (&[], "sample_weight", "a column of weights is named with --weights"),
    (&[], "scoring", "it is the option --scoring"),
    (&[], "verbose", "progress is told unless --quiet is given"),
];

/// What to say of a parameter of another library.
pub(super) fn hint(learner: &str, name: &str) -> Option<&'static str> {
    let is_it = |(learners, other, _): &&(&[&str], &str, &str)| {
        *other == name && (learners.is_empty() || learners.contains(&learner))
    };
    HINTS.iter().find(is_it).map(|(_, _, what)| *what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learners::LEARNERS;
    use crate::task::Facts;
    use eyas_model::TaskKind;

    #[test]
    fn what_is_named_is_there_and_what_is_hinted_at_is_not() {
        let kind = TaskKind::Binary;
        let facts =
            Facts { kind, n_rows: 9, n_features: 2, n_categorical: 0, n_outputs: 1, n_bins: 9 };
        for learner in LEARNERS {
            let space = learner.grid_space(&facts);
            let has = |name: &str| space.parameters.iter().any(|known| known.name == name);
            for (learners, other, what) in HINTS {
                if !learners.contains(&learner.name()) {
                    continue;
                }
                assert!(!has(other), "{} has `{other}`", learner.name());
                for name in what.split('`').skip(1).step_by(2) {
                    assert!(has(name), "{}: `{name}`", learner.name());
                }
            }
        }
    }
}
