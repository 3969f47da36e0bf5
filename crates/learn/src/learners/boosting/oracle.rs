//! The slow, obvious trainer that the fast one must equal: plain loops over rows, no histograms,
//! no subtraction, no packing.

use eyas_model::{BinSet, Test};

use super::binned::Binned;
use super::constraints::Constraints;
use super::gradients::{Gradients, Pair};
use super::ground::Ground;
use super::grow::{Grower, Grown, TreeInput};
use super::leaf::FREE;
use super::meter::Meter;
use super::parameters::Parameters;
use super::reuse::Reuse;
use crate::dataset::{Dataset, Target};
use crate::kernels::histogram::Packing;
use crate::learners::NeverStop;
use crate::random::Stream;
use crate::task::Facts;
use crate::threads::ONE_THREAD;
use eyas_model::{Bins, Derive, Feature, Node, Schema, TaskKind};
use eyas_search::Config;

/// Rows with whole gradients and hessians.
struct Slow<'a> {
    data: &'a Dataset,
    gradients: Vec<f64>,
    hessians: Vec<f64>,
    parameters: &'a Parameters,
    constraints: &'a Constraints,
}

/// What is allowed below a node.
#[derive(Clone)]
struct Allowed {
    bounds: [f64; 2],
    path: Vec<usize>,
}

impl Slow<'_> {
    /// The best value of a leaf with these rows, and twice what it decreases the loss by.
    fn value_and_score(&self, rows: &[u32], bounds: [f64; 2]) -> (f64, f64) {
        let gradient: f64 = rows.iter().map(|&row| self.gradients[row as usize]).sum();
        let hessian: f64 = rows.iter().map(|&row| self.hessians[row as usize]).sum();
        let (l1, l2) = (self.parameters.lambda_l1, self.parameters.lambda_l2);
        let worth = |v: f64| -2.0 * (gradient * v + l1 * v.abs()) - (hessian + l2) * v * v;
        // A piecewise parabola is best at a vertex, at 0 or at a bound.
        let candidates = [(l1 - gradient) / (hessian + l2), (-l1 - gradient) / (hessian + l2), 0.0];
        let clamped = candidates.map(|v| v.clamp(bounds[0], bounds[1]));
        let best = clamped.into_iter().max_by(|&a, &b| worth(a).total_cmp(&worth(b)));
        best.map(|v| (v, worth(v))).expect("not empty")
    }

    /// Every question there is about a feature.
    fn questions(&self, feature: usize) -> Vec<Test> {
        let n_bins = self.data.features[feature].bins.n_bins();
        if self.data.features[feature].bins.is_categorical() {
            let set = |members: u64| Test::In(BinSet([members, 0, 0, 0]));
            return (1..1u64 << n_bins).map(set).collect();
        }
        let thresholds = 0..n_bins as u8;
        let both =
            |threshold| [false, true].map(|missing_right| Test::Above { threshold, missing_right });
        thresholds.flat_map(both).collect()
    }

    fn direction(&self, feature: usize) -> f64 {
        self.constraints.monotone.get(feature).map_or(0.0, |&d| f64::from(d))
    }

    fn may_ask(&self, feature: usize, path: &[usize]) -> bool {
        let groups = &self.constraints.groups;
        let together = |group: &Vec<u32>| {
            path.iter().chain([&feature]).all(|&asked| group.contains(&(asked as u32)))
        };
        groups.is_empty() || groups.iter().any(together)
    }

    /// The largest gain of these rows.
    fn best(&self, rows: &[u32], allowed: &Allowed) -> f64 {
        let (mut best, bounds) = (0.0f64, allowed.bounds);
        let features = 0..self.data.n_features();
        for feature in features.filter(|&feature| self.may_ask(feature, &allowed.path)) {
            for test in self.questions(feature) {
                let goes = |row: &u32| test.goes_right(self.data.bins[feature][*row as usize]);
                let (right, left): (Vec<u32>, Vec<u32>) = rows.iter().partition(|row| goes(row));
                let (l, r) =
                    (self.value_and_score(&left, bounds), self.value_and_score(&right, bounds));
                if left.len().min(right.len()) as u64 >= self.parameters.min_data_in_leaf
                    && self.direction(feature) * (r.0 - l.0) >= 0.0
                {
                    best = best.max(l.1 + r.1 - self.value_and_score(rows, bounds).1);
                }
            }
        }
        best
    }

    /// What is allowed left and right of a question.
    fn below(&self, allowed: &Allowed, feature: usize, sides: [&[u32]; 2]) -> [Allowed; 2] {
        let values = sides.map(|rows| self.value_and_score(rows, allowed.bounds).0);
        let middle = 0.5 * (values[0] + values[1]);
        let mut below = [allowed.clone(), allowed.clone()];
        below.iter_mut().for_each(|side| side.path.push(feature));
        let lower = match self.direction(feature) {
            0.0 => return below,
            direction => usize::from(direction < 0.0),
        };
        below[lower].bounds[1] = middle;
        below[1 - lower].bounds[0] = middle;
        below
    }

    /// The gain of each split of a best-first tree is the largest that any open leaf has.
    fn check(&self, grown: &Grown) {
        let nodes = &grown.nodes;
        let all: Vec<u32> = (0..self.data.n_rows as u32).collect();
        let mut rows = vec![Vec::new(); nodes.len()];
        rows[0] = all;
        let mut allowed = vec![Allowed { bounds: FREE, path: Vec::new() }; nodes.len()];
        let mut open = vec![0];
        // Nodes are numbered in the order of splits: the pair 2 i + 1, 2 i + 2 is the i-th.
        for children in (1..nodes.len()).step_by(2) {
            let is_parent = |node: &Node| matches!(*node, Node::Split { left, .. } if left as usize == children);
            let parent = nodes.iter().position(is_parent).expect("every child has a parent");
            let Node::Split { feature, test, right, gain, .. } = nodes[parent] else { panic!() };
            let bests: Vec<f64> =
                open.iter().map(|&node: &usize| self.best(&rows[node], &allowed[node])).collect();
            let best = bests.iter().fold(0.0f64, |a, &b| a.max(b));
            let found = 2.0 * f64::from(gain);
            assert!(
                (found - best).abs() <= 1e-5 * best + 1e-5,
                "split {parent}: {found} against {best}"
            );
            let column = &self.data.bins[feature as usize];
            let goes = |row: &u32| test.goes_right(column[*row as usize]);
            let (yes, no): (Vec<u32>, Vec<u32>) = rows[parent].iter().partition(|row| goes(row));
            let below = self.below(&allowed[parent], feature as usize, [&no, &yes]);
            [allowed[children], allowed[right as usize]] = below;
            (rows[right as usize], rows[children]) = (yes, no);
            open.retain(|&node| node != parent);
            open.extend([children, right as usize]);
        }
        for (place, bounds) in grown.bounds.iter().enumerate() {
            let leaf =
                |node: &Node| matches!(*node, Node::Leaf { value } if value as usize == place);
            let node = nodes.iter().position(leaf).expect("a leaf has a node");
            for (found, expected) in bounds.iter().zip(allowed[node].bounds) {
                assert!(
                    *found == expected || (found - expected).abs() < 1e-4,
                    "{found} {expected}"
                );
            }
        }
    }
}

fn feature(f: usize, n_bins: usize, categorical: bool) -> Feature {
    let bins = match categorical {
        true => Bins::Levels((0..n_bins - 2).map(|level| level.to_string()).collect()),
        false => Bins::Edges((0..n_bins - 2).map(|edge| edge as f64).collect()),
    };
    Feature { column: f as u32, derive: Derive::Itself, name: format!("f{f}"), bins }
}

/// Dense, sparse (so that columns are shared) and categorical features.
fn data(seed: u64) -> Dataset {
    let mut random = Stream::new(&[seed]);
    let n_rows = 90;
    let mut bins: Vec<Vec<u8>> =
        (0..2).map(|_| (0..n_rows).map(|_| random.below(14) as u8).collect()).collect();
    bins.push((0..n_rows).map(|_| 1 + random.below(6) as u8).collect());
    let owner: Vec<usize> = (0..n_rows).map(|_| random.below(8)).collect();
    for sparse in 0..3 {
        let default = [0, 1, 3][sparse];
        let bin = |&owner: &usize| if owner == sparse { 2 } else { default };
        bins.push(owner.iter().map(bin).collect());
    }
    let n_bins = [14, 14, 8, 4, 4, 4];
    Dataset {
        schema: Schema {
            task: TaskKind::Regression,
            target: "y".to_owned(),
            classes: Vec::new(),
            columns: Vec::new(),
        },
        n_rows,
        features: (0..6).map(|f| feature(f, n_bins[f], f == 2)).collect(),
        bins,
        numbers: vec![Default::default(); 6],
        target: Target::Numbers(vec![0.0; n_rows]),
        weights: None,
    }
}

fn parameters(data: &Dataset) -> Parameters {
    let facts = Facts {
        kind: TaskKind::Regression,
        n_rows: data.n_rows,
        n_features: 6,
        n_categorical: 1,
        n_outputs: 1,
        n_bins: 50,
    };
    let config = Config { learner: "boosting".to_owned(), values: Default::default() }
        .with("num_leaves", 7i64)
        .with("min_data_in_leaf", 4i64)
        .with("min_data_per_group", 1i64)
        .with("max_cat_to_onehot", 2i64)
        .with("cat_smooth", 0.0)
        .with("subsample", 1.0)
        .with("extra_trees", false)
        .with("cat_l2", 0.0)
        .with("min_sum_hessian", 0.0);
    Parameters::read(&config.with("lambda_l2", 0.0), &facts).expect("allowed")
}

fn grow(
    binned: &Binned<'_>,
    parameters: &Parameters,
    constraints: &Constraints,
    gradients: &Gradients,
) -> Grown {
    let meter = Meter::new(&NeverStop);
    let ground = Ground::new(binned, parameters, constraints, &ONE_THREAD, &meter);
    let reuse = &Reuse::default();
    let input = TreeInput { gradients, rows: None, key: 5, reuse };
    Grower::new(&ground).grow(input).expect("not stopped")
}

fn check(lambda_l1: f64, constraints: &Constraints) {
    for seed in 0..8 {
        let data = data(seed);
        let parameters = Parameters { lambda_l1, ..parameters(&data) };
        let rows: Vec<u32> = (0..data.n_rows as u32).collect();
        let binned = Binned::new(&data, &rows, &[0, 1, 2, 3, 4, 5], &ONE_THREAD);
        let mut random = Stream::new(&[seed, 1]);
        let pairs: Vec<Pair> = rows
            .iter()
            .map(|&row| {
                let bins = |f: usize| f32::from(data.bins[f][row as usize]);
                [random.uniform() as f32 + 0.1 * bins(0) - bins(2) * 0.2 + bins(4), 1.0]
            })
            .collect();
        let mut gradients = Gradients::new(1, data.n_rows, Packing::Gradient);
        gradients.set(0, &pairs, None, &ONE_THREAD);
        let grown = grow(&binned, &parameters, constraints, &gradients);
        let free = lambda_l1 == 0.0 && *constraints == Constraints::default();
        assert!(grown.leaves.len() == 7 || !free && grown.leaves.len() > 1);
        Slow {
            data: &data,
            gradients: pairs.iter().map(|pair| pair[0].into()).collect(),
            hessians: vec![1.0; data.n_rows],
            parameters: &parameters,
            constraints,
        }
        .check(&grown);
    }
}

#[test]
fn every_split_is_the_best_there_is() {
    check(0.0, &Constraints::default());
}

#[test]
fn every_split_is_the_best_with_a_penalty_on_sizes() {
    check(2.0, &Constraints::default());
}

#[test]
fn every_split_is_the_best_that_constraints_allow() {
    let monotone = vec![1, -1, 0, 0, -1, 0];
    check(0.0, &Constraints { monotone: monotone.clone(), groups: Vec::new() });
    let groups = vec![vec![0, 2], vec![1, 2, 4]];
    check(0.0, &Constraints { monotone: Vec::new(), groups: groups.clone() });
    check(1.0, &Constraints { monotone, groups });
}

#[test]
fn shared_columns_give_the_cells_of_each_feature() {
    use crate::kernels::histogram::{Cell, Rows, Scratch, add_tiles, total};
    let data = data(3);
    let rows: Vec<u32> = (0..data.n_rows as u32).collect();
    let binned = Binned::new(&data, &rows, &[0, 1, 2, 3, 4, 5], &ONE_THREAD);
    assert_eq!(binned.n_stored(), 4, "three sparse features share a column");
    let packed: Vec<u64> =
        rows.iter().map(|&row| Packing::Both.pack(i64::from(row) - 40, row.into())).collect();
    let (mut tiles, mut histogram) = (Vec::new(), vec![Cell::default(); binned.n_cells]);
    let part = &binned.parts(1)[0];
    binned.tiles(&[0, 1, 2, 3, 4, 5], part, &mut tiles);
    let some: Vec<u32> = rows.iter().copied().filter(|row| row % 3 > 0).collect();
    let list = Rows::Some(&some);
    add_tiles(&tiles, &packed, Packing::Both, list, &mut Scratch::default(), &mut histogram);
    let all = total(&packed, Packing::Both, &some);
    let mut memory = [Cell::default(); 256];
    for (f, column) in binned.columns.iter().enumerate() {
        for (bin, cell) in binned.cells(f, &histogram, 0, all, &mut memory).iter().enumerate() {
            let here: Vec<u32> = some
                .iter()
                .copied()
                .filter(|&row| usize::from(column[row as usize]) == bin)
                .collect();
            assert_eq!(*cell, total(&packed, Packing::Both, &here), "feature {f}, bin {bin}");
        }
    }
}

/// The quick search for one channel and the general one find the same.
#[test]
fn two_channels_of_the_same_gradients_split_as_one() {
    for seed in 0..6 {
        let data = data(seed);
        let parameters = parameters(&data);
        let rows: Vec<u32> = (0..data.n_rows as u32).collect();
        let binned = Binned::new(&data, &rows, &[0, 1, 3, 4, 5], &ONE_THREAD);
        let mut random = Stream::new(&[seed, 2]);
        let pairs: Vec<Pair> = rows
            .iter()
            .map(|_| [random.uniform() as f32 - 0.5, 0.2 + random.uniform() as f32])
            .collect();
        let grow = |n_channels: usize| {
            let mut gradients = Gradients::new(n_channels, data.n_rows, Packing::Both);
            (0..n_channels).for_each(|channel| gradients.set(channel, &pairs, None, &ONE_THREAD));
            grow(&binned, &parameters, &Constraints::default(), &gradients).nodes
        };
        let splits = |nodes: Vec<Node>| -> Vec<Option<(u32, Test)>> {
            let split = |node: Node| match node {
                Node::Split { feature, test, .. } => Some((feature, test)),
                Node::Leaf { .. } => None,
            };
            nodes.into_iter().map(split).collect()
        };
        assert_eq!(splits(grow(1)), splits(grow(2)));
    }
}
