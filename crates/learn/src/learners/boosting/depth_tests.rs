//! Truncations by depth against fits of their own, and against their definition.

use eyas_model::{Node, Part, TaskKind, Tree};
use eyas_search::{Config, Value};

use super::Boosting;
use super::tests::{KINDS, config, data};
use crate::dataset::{Dataset, Target};
use crate::learners::{Fit, FitInput, Learner, NeverStop};
use crate::metrics::metric;
use crate::sweep::{self, Axis};
use crate::threads::{ONE_THREAD, Threads};

fn axis(name: &str, values: &[i64]) -> Axis {
    Axis { name: name.to_owned(), values: values.iter().map(|&value| Value::Int(value)).collect() }
}

fn axes() -> [Axis; 2] {
    [axis("max_depth_kept", &[0, 1, 2, 3, 5]), axis("n_estimators", &[9, 1, 6])]
}

struct Case<'a> {
    data: &'a Dataset,
    seed: u64,
    threads: &'a Threads,
}

impl Case<'_> {
    fn fit(&self, config: &Config, axes: &[Axis]) -> Fit {
        let (valid, train): (Vec<u32>, Vec<u32>) =
            (0..self.data.n_rows as u32).partition(|row| row % 4 == 0);
        let features: Vec<u32> = (0..self.data.n_features() as u32).collect();
        let name = if self.data.task() == TaskKind::Regression { "mse" } else { "log_loss" };
        let input = FitInput {
            data: self.data,
            train: &train,
            valid: &valid,
            features: &features,
            metric: metric(name).expect("it is listed"),
            config,
            seed: self.seed,
            stop: &NeverStop,
            threads: self.threads,
            checkpoints: &crate::NoCheckpoints,
            last_truncation: None,
        };
        let fit = match axes {
            [] => Boosting.fit(&input),
            _ => sweep::fit(&Boosting, &input, axes),
        };
        fit.expect("the configuration is allowed")
    }

    /// Every point of a grid is the model trained alone; returns the losses.
    fn check(&self, base: &Config, axes: &[Axis], points: impl Fn(usize) -> bool) -> Vec<u64> {
        let grid = self.fit(base, axes);
        let all = sweep::points(axes);
        assert_eq!(grid.model.truncations().len(), all.len());
        let mut losses = Vec::new();
        for (place, point) in all.iter().enumerate().filter(|(place, _)| points(*place)) {
            let named = axes.iter().zip(point);
            let config =
                named.fold(base.clone(), |c, (a, value)| c.with(&a.name, (*value).clone()));
            let alone = self.fit(&config, &[]);
            let last = alone.model.truncations().len() - 1;
            let of_grid = &grid.model.truncations()[place];
            let of_alone = &alone.model.truncations()[last];
            let what = format!("{base:?} seed {} {}", self.seed, of_grid.label);
            assert_eq!(grid.model.part(place), alone.model.part(last), "{what}");
            assert_eq!(of_grid.loss.to_bits(), of_alone.loss.to_bits(), "{what}");
            assert_eq!(of_grid.shape, of_alone.shape, "{what}");
            losses.push(of_grid.loss.to_bits());
        }
        losses
    }
}

/// Ways to grow, to draw and to value leaves.
fn base(seed: u64, kind: TaskKind) -> Config {
    let config = config(9).with("min_data_in_leaf", 2i64);
    match (seed % 8, kind) {
        (1, _) => config.with("grow_policy", "depthwise").with("num_leaves", 12i64),
        (2, _) => config.with("grow_policy", "oblivious").with("max_depth", 3i64),
        (3, _) => config.with("path_smooth", 4.0).with("feature_fraction_bynode", 0.5),
        (4, _) => config.with("subsample", 0.5).with("sampling", "mvs"),
        (5, _) => config.with("subsample", 0.5).with("sampling", "goss").with("lambda_l1", 0.3),
        (6, TaskKind::Multiclass) => config.with("multi_strategy", "vector"),
        (6, TaskKind::Regression) => config.with("objective", "quantile").with("alpha", 0.7),
        (7, _) => config.with("monotone_constraints", "0,1,0,-1,0,0"),
        _ => config,
    }
}

#[test]
fn every_point_is_the_model_trained_alone() {
    let mut n_distinct = 0;
    for which in 0..6 {
        let kind = KINDS[which % 3];
        for seed in 0..20 {
            let mut data = data(kind, 240, seed);
            if which >= 3 {
                let weight = |row: usize| [1.0, 0.5, 2.0, 0.25][row % 4];
                data.weights = Some((0..data.n_rows).map(weight).collect());
            }
            let case = Case { data: &data, seed, threads: &ONE_THREAD };
            // Every point is met for some seeds.
            let met = |place| place % 4 == seed as usize % 4;
            let mut losses = case.check(&base(seed, kind), &axes(), met);
            losses.sort_unstable();
            losses.dedup();
            n_distinct += losses.len();
        }
    }
    assert!(n_distinct > 350, "only {n_distinct} points differ from the others");
}

#[test]
fn rates_that_know_the_end_are_fits_of_their_own() {
    let data = data(TaskKind::Regression, 240, 3);
    let case = Case { data: &data, seed: 1, threads: &ONE_THREAD };
    for schedule in ["cosine", "linear", "inverse_sqrt"] {
        case.check(&config(9).with("schedule", schedule), &axes(), |_| true);
    }
    let auto = config(9).with("learning_rate_rule", "auto");
    case.check(&auto, &[axis("n_estimators", &[4, 9])], |_| true);
}

#[test]
fn fits_that_end_early_give_what_they_reach() {
    let data = data(TaskKind::Binary, 240, 3);
    let case = Case { data: &data, seed: 1, threads: &ONE_THREAD };
    let patient = config(9).with("early_stopping_rounds", 4i64).with("learning_rate", 0.9);
    let axes = [axis("n_estimators", &[90, 3, 57]), axis("max_depth_kept", &[0, 2])];
    case.check(&patient, &axes, |_| true);
    // No split is allowed from some round on.
    let poor = config(9).with("min_gain_to_split", 4.0);
    case.check(&poor, &axes, |_| true);
    case.check(&config(9).with("min_data_in_leaf", 200i64), &axes, |_| true);
}

#[test]
fn threads_change_nothing() {
    let data = data(TaskKind::Multiclass, 30_000, 3);
    let of = |threads: &Threads| {
        let fit = Case { data: &data, seed: 1, threads }
            .fit(&config(3), &[axis("max_depth_kept", &[2, 0])]);
        (fit.model.truncations().to_vec(), fit.model.part(0), fit.model.part(1))
    };
    let one = of(&ONE_THREAD);
    assert_eq!(of(&Threads::new(3)), one);
}

fn trees(part: Part) -> (Vec<Tree>, f64) {
    let Part::Trees(trees) = part else { panic!("boosting makes trees") };
    (trees.trees, trees.base[0])
}

/// Values of the nodes at a depth by their definition: Newton steps of the gradients at the round.
#[test]
fn cut_nodes_answer_with_the_newton_step_of_their_rows() {
    for kind in [TaskKind::Regression, TaskKind::Binary] {
        let data = data(kind, 400, 11);
        let case = Case { data: &data, seed: 1, threads: &ONE_THREAD };
        let axes = [axis("max_depth_kept", &[0, 1, 2, 3])];
        let fit = case.fit(&config(6), &axes);
        let (whole, base) = trees(fit.model.part(0));
        let train: Vec<u32> = (0..400).filter(|row| row % 4 != 0).collect();
        let number = |row: u32| match &data.target {
            Target::Numbers(numbers) => numbers[row as usize],
            Target::Classes(classes) => f64::from(classes[row as usize]),
        };
        let n = train.len() as f64;
        let mean = train.iter().map(|&row| number(row)).sum::<f64>() / n;
        let spread = train.iter().map(|&row| (number(row) - mean).powi(2)).sum::<f64>() / n;
        let spread = if kind == TaskKind::Regression { spread.sqrt() } else { 1.0 };
        let mut scores = vec![0.0; 400];
        let bin = |row: u32| move |feature: u32| (row, feature);
        let bins = |(row, feature): (u32, u32)| data.bins[feature as usize][row as usize];
        let mut n_cut = 0;
        for (round, tree) in whole.iter().enumerate() {
            let pair = |row: u32| {
                let score: f64 = scores[row as usize];
                if kind == TaskKind::Regression {
                    return (score - (number(row) - mean) / spread, 1.0);
                }
                let p = 1.0 / (1.0 + (-(base + score)).exp());
                (p - number(row), p * (1.0 - p))
            };
            for kept in 1..4 {
                let (cut, _) = trees(fit.model.part(kept));
                let cut = &cut[round];
                assert!(cut.depth() <= kept);
                for leaf in 0..cut.n_leaves() as u32 {
                    let reached = |row: &&u32| cut.leaf_by(|f| bins(bin(**row)(f))) == leaf;
                    let rows = train.iter().filter(reached);
                    let (g, h) = rows
                        .map(|&row| pair(row))
                        .fold((0.0, 0.0), |(a, b), (g, h)| (a + g, b + h));
                    let (want, got) = (-0.2 * g / (h + 1.0), f64::from(cut.values[leaf as usize]));
                    assert!((want - got).abs() < 1e-5, "{kind:?} {round} {kept}: {got} for {want}");
                    n_cut += usize::from(cut.nodes.len() < tree.nodes.len());
                }
            }
            for &row in &train {
                let leaf = tree.leaf_by(|f| bins(bin(row)(f)));
                scores[row as usize] += f64::from(tree.values[leaf as usize]);
            }
        }
        assert!(n_cut > 40);
    }
}

#[test]
fn a_cut_keeps_the_questions_above_it() {
    let data = data(TaskKind::Regression, 300, 2);
    let case = Case { data: &data, seed: 4, threads: &ONE_THREAD };
    let fit = case.fit(&config(4), &[axis("max_depth_kept", &[0, 2])]);
    let [(whole, _), (cut, _)] = [0, 1].map(|point| trees(fit.model.part(point)));
    for (whole, cut) in whole.iter().zip(&cut) {
        let questions = |tree: &Tree, most: u32| -> Vec<Node> {
            let depths = tree.depths();
            let asked = |(node, depth): (&Node, u32)| match *node {
                Node::Split { feature, test, gain, .. } if depth < most => {
                    Some(Node::Split { feature, test, gain, left: 0, right: 0 })
                }
                _ => None,
            };
            tree.nodes.iter().zip(depths).filter_map(asked).collect()
        };
        assert_eq!(questions(whole, 2), questions(cut, 64));
    }
}
