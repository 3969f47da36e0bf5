//! Whole fits under constraints, penalties and named objectives.

use std::collections::BTreeSet;

use eyas_model::{Node, TaskKind, Test, Tree};
use eyas_search::Config;
use proptest::prelude::*;

use super::tests::{Case, KINDS, config, data, last, trees};
use crate::dataset::{Dataset, Target};
use crate::learners::NeverStop;
use crate::predict::predict;

fn policies() -> [Config; 3] {
    [
        config(20).with("num_leaves", 16i64),
        config(20).with("grow_policy", "depthwise").with("max_depth", 4i64),
        config(20).with("grow_policy", "oblivious").with("max_depth", 4i64),
    ]
}

/// Predictions of rows whose bins of a feature are all `bin`.
fn with_bin(case: &Case, config: &Config, feature: usize, n_bins: u8) -> Vec<Vec<f64>> {
    let fit = case.fit(config);
    let part = fit.model.part(last(&fit));
    let rows: Vec<u32> = (0..case.data.n_rows as u32).collect();
    let predict_at = |bin: u8| {
        let mut moved: Dataset = case.data.clone();
        moved.bins[feature].fill(bin);
        predict(&part, fit.model.link(), &moved, &rows)
    };
    (1..n_bins).map(predict_at).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn predictions_follow_the_directions(seed in any::<u64>(), place in 0usize..3, binary in any::<bool>()) {
        let kind = if binary { TaskKind::Binary } else { TaskKind::Regression };
        let case = Case::new(data(kind, 300, seed));
        let more = policies()[place].clone();
        for (text, feature, n_bins, sign) in [("0,1,0,0,0,0", 1, 40, 1.0), ("f0:-1,f1:1", 0, 12, -1.0)] {
            let config = more.clone().with("monotone_constraints", text);
            for pair in with_bin(&case, &config, feature, n_bins).windows(2) {
                let holds = pair[0].iter().zip(&pair[1]).all(|(a, b)| sign * (b - a) >= -1e-12);
                prop_assert!(holds, "{text} {config:?}");
            }
        }
    }
}

#[test]
fn medians_follow_the_directions_too() {
    let case = Case::new(data(TaskKind::Regression, 400, 3));
    let config = config(20)
        .with("objective", "quantile")
        .with("alpha", 0.7)
        .with("path_smooth", 2.0)
        .with("monotone_constraints", "0,-1,0,0,0,0");
    for pair in with_bin(&case, &config, 1, 40).windows(2) {
        assert!(pair[0].iter().zip(&pair[1]).all(|(a, b)| b - a <= 1e-12));
    }
}

/// Features on each path of a tree.
fn paths(tree: &Tree) -> Vec<BTreeSet<u32>> {
    let mut above = vec![BTreeSet::new(); tree.nodes.len()];
    let mut paths = Vec::new();
    for (index, node) in tree.nodes.iter().enumerate() {
        match *node {
            Node::Leaf { .. } => paths.push(above[index].clone()),
            Node::Split { feature, left, right, .. } => {
                let mut below = above[index].clone();
                below.insert(feature);
                above[left as usize] = below.clone();
                above[right as usize] = below;
            }
        }
    }
    paths
}

#[test]
fn a_path_asks_features_of_one_group() {
    let groups: [&[u32]; 3] = [&[0, 1], &[1, 3], &[4]];
    for kind in KINDS {
        let case = Case::new(data(kind, 500, 4));
        for more in policies() {
            let config = more.with("interaction_constraints", "[0,f1],[1,3],[4]");
            let fit = case.fit(&config);
            let all: Vec<BTreeSet<u32>> =
                trees(&fit, last(&fit)).trees.iter().flat_map(paths).collect();
            for path in &all {
                let inside = |group: &&[u32]| path.iter().all(|feature| group.contains(feature));
                assert!(groups.iter().any(inside), "{path:?}");
            }
            assert!(all.iter().any(|path| path.len() == 2));
        }
    }
}

#[test]
fn a_level_asks_its_share_of_the_features() {
    let case = Case::new(data(TaskKind::Regression, 500, 5));
    let config = config(10).with("feature_fraction_bylevel", 0.2).with("num_leaves", 16i64);
    let fit = case.fit(&config);
    let mut seen = BTreeSet::new();
    for tree in trees(&fit, last(&fit)).trees {
        let mut depths = vec![0; tree.nodes.len()];
        let mut asked = vec![BTreeSet::new(); 20];
        for (index, node) in tree.nodes.iter().enumerate() {
            if let Node::Split { feature, left, right, .. } = *node {
                asked[depths[index]].insert(feature);
                seen.insert(feature);
                depths[left as usize] = depths[index] + 1;
                depths[right as usize] = depths[index] + 1;
            }
        }
        assert!(asked.iter().all(|features| features.len() <= 1));
    }
    assert!(seen.len() > 2);
}

/// Distinct features and distinct thresholds of a fit.
fn n_questions(case: &Case, config: &Config) -> (usize, usize) {
    let fit = case.fit(config);
    let (mut features, mut thresholds) = (BTreeSet::new(), BTreeSet::new());
    for node in trees(&fit, last(&fit)).trees.iter().flat_map(|tree| &tree.nodes) {
        if let Node::Split { feature, test, .. } = *node {
            features.insert(feature);
            if let Test::Above { threshold, .. } = test {
                thresholds.insert((feature, threshold));
            }
        }
    }
    (features.len(), thresholds.len())
}

#[test]
fn priced_questions_are_asked_again() {
    for kind in KINDS {
        let case = Case::new(data(kind, 800, 6));
        for more in policies() {
            let free = n_questions(&case, &more);
            let priced = more.clone().with("cegb_tradeoff", 1.0);
            let thresholds = priced
                .clone()
                .with("cegb_penalty_threshold", 0.6)
                .with("cegb_penalty_feature", 0.0);
            assert!(n_questions(&case, &thresholds).1 < free.1, "{kind:?} {free:?}");
            let features =
                priced.with("cegb_penalty_threshold", 0.0).with("cegb_penalty_feature", 25.0);
            assert!(n_questions(&case, &features).0 < free.0, "{kind:?} {free:?}");
        }
    }
}

/// Mean loss of a fit by an objective relative to that of its first round, on the training rows.
fn progress(objective: &str, targets: fn(f64) -> f64, cost: impl Fn(f64, f64) -> f64) -> f64 {
    let mut data = data(TaskKind::Regression, 800, 8);
    let Target::Numbers(numbers) = &mut data.target else { panic!("numbers") };
    numbers.iter_mut().for_each(|y| *y = targets(*y));
    let y = numbers.clone();
    let case = Case::new(data);
    let fit = case.fit(&config(60).with("objective", objective).with("alpha", 0.8));
    let total = |truncation: usize| -> f64 {
        let part = fit.model.part(truncation);
        let found = predict(&part, fit.model.link(), &case.data, &case.train);
        found.iter().zip(&case.train).map(|(&p, &row)| cost(y[row as usize], p)).sum()
    };
    total(last(&fit)) / total(0)
}

#[test]
fn named_objectives_learn_what_they_are_for() {
    let plain = |y: f64| y;
    let positive = |y: f64| libm::exp(0.3 * y);
    let size = |y: f64, p: f64| (y - p).abs();
    assert!(progress("regression", plain, |y, p| (y - p) * (y - p)) < 0.3);
    assert!(progress("regression_l1", plain, size) < 0.6);
    assert!(progress("huber", plain, |y, p| size(y, p).min(0.8)) < 0.6);
    assert!(progress("quantile", plain, |y, p| (0.8 * (y - p)).max(0.2 * (p - y))) < 0.6);
    assert!(progress("poisson", positive, |y, p| p - y * libm::log(p)).is_finite());
    for objective in ["poisson", "gamma", "tweedie"] {
        assert!(progress(objective, positive, size) < 0.6, "{objective}");
    }
}

#[test]
fn the_share_below_a_quantile_is_the_quantile() {
    let case = Case::new(data(TaskKind::Regression, 2000, 9));
    let config = config(60).with("objective", "quantile").with("alpha", 0.8);
    let fit = case.fit(&config);
    let found = predict(&fit.model.part(last(&fit)), fit.model.link(), &case.data, &case.train);
    let Target::Numbers(y) = &case.data.target else { panic!("numbers") };
    let below = found.iter().zip(&case.train).filter(|&(&p, &row)| y[row as usize] <= p).count();
    let share = below as f64 / found.len() as f64;
    assert!((share - 0.8).abs() < 0.03, "{share}");
}

#[test]
fn a_wrong_constraint_or_objective_is_named() {
    let binary = Case::new(data(TaskKind::Binary, 60, 12));
    let classes = Case::new(data(TaskKind::Multiclass, 60, 12));
    let numbers = Case::new(data(TaskKind::Regression, 60, 12));
    let cases = [
        (&binary, config(5).with("objective", "huber"), "objective"),
        (&numbers, config(5).with("objective", "gamma"), "objective"),
        (&numbers, config(5).with("objective", "quantile").with("alpha", 1.5), "alpha"),
        (&binary, config(5).with("monotone_constraints", "1,0"), "monotone_constraints"),
        (&binary, config(5).with("interaction_constraints", "[9]"), "interaction_constraints"),
        (
            &classes,
            config(5).with("monotone_constraints", "1,0,0,0,0,0").with("multi_strategy", "vector"),
            "monotone_constraints",
        ),
    ];
    for (case, config, name) in cases {
        let error = case.try_fit(&config, &NeverStop).expect_err("it is wrong").to_string();
        assert!(error.contains(name), "{error}");
    }
}
