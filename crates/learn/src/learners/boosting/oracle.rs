//! The slow, obvious trainer that the fast one must equal: plain loops over rows, no histograms,
//! no subtraction, no packing.

use eyas_model::{BinSet, Test};

use super::binned::Binned;
use super::gradients::{Gradients, Pair};
use super::grow::{Grower, TreeInput};
use super::parameters::Parameters;
use crate::dataset::{Dataset, Target};
use crate::kernels::histogram::Packing;
use crate::learners::NeverStop;
use crate::random::Stream;
use crate::task::Facts;
use eyas_model::{Bins, Derive, Feature, Node, Schema, TaskKind};
use eyas_search::Config;

/// Rows with whole gradients and hessians.
struct Slow<'a> {
    data: &'a Dataset,
    gradients: Vec<f64>,
    hessians: Vec<f64>,
    parameters: &'a Parameters,
}

impl Slow<'_> {
    fn score(&self, rows: &[u32]) -> f64 {
        let gradient: f64 = rows.iter().map(|&row| self.gradients[row as usize]).sum();
        let hessian: f64 = rows.iter().map(|&row| self.hessians[row as usize]).sum();
        gradient * gradient / (hessian + self.parameters.lambda_l2)
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

    /// The largest gain of these rows.
    fn best(&self, rows: &[u32]) -> f64 {
        let mut best = 0.0f64;
        for feature in 0..self.data.n_features() {
            for test in self.questions(feature) {
                let goes = |row: &u32| test.goes_right(self.data.bins[feature][*row as usize]);
                let (right, left): (Vec<u32>, Vec<u32>) = rows.iter().partition(|row| goes(row));
                if left.len().min(right.len()) as u64 >= self.parameters.min_data_in_leaf {
                    best = best.max(self.score(&left) + self.score(&right) - self.score(rows));
                }
            }
        }
        best
    }

    /// The gain of each split of a best-first tree is the largest that any open leaf has.
    fn check(&self, nodes: &[Node]) {
        let all: Vec<u32> = (0..self.data.n_rows as u32).collect();
        let mut rows = vec![Vec::new(); nodes.len()];
        rows[0] = all;
        let mut open = vec![0];
        // Nodes are numbered in the order of splits: the pair 2 i + 1, 2 i + 2 is the i-th.
        for children in (1..nodes.len()).step_by(2) {
            let is_parent = |node: &Node| matches!(*node, Node::Split { left, .. } if left as usize == children);
            let parent = nodes.iter().position(is_parent).expect("every child has a parent");
            let Node::Split { feature, test, right, gain, .. } = nodes[parent] else { panic!() };
            let bests: Vec<f64> = open.iter().map(|&node: &usize| self.best(&rows[node])).collect();
            let best = bests.iter().fold(0.0f64, |a, &b| a.max(b));
            let found = 2.0 * f64::from(gain);
            assert!((found - best).abs() <= 1e-5 * best, "split {parent}: {found} against {best}");
            let column = &self.data.bins[feature as usize];
            let goes = |row: &u32| test.goes_right(column[*row as usize]);
            let (yes, no) = rows[parent].iter().partition(|row| goes(row));
            (rows[right as usize], rows[children]) = (yes, no);
            open.retain(|&node| node != parent);
            open.extend([children, right as usize]);
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

#[test]
fn every_split_is_the_best_there_is() {
    for seed in 0..12 {
        let data = data(seed);
        let parameters = parameters(&data);
        let rows: Vec<u32> = (0..data.n_rows as u32).collect();
        let binned = Binned::new(&data, &rows, &[0, 1, 2, 3, 4, 5]);
        let mut random = Stream::new(&[seed, 1]);
        let pairs: Vec<Pair> = rows
            .iter()
            .map(|&row| {
                let bins = |f: usize| f32::from(data.bins[f][row as usize]);
                [random.uniform() as f32 + 0.1 * bins(0) - bins(2) * 0.2 + bins(4), 1.0]
            })
            .collect();
        let mut gradients = Gradients::new(1, data.n_rows, Packing::Gradient);
        gradients.set(0, &pairs, None);
        let input = TreeInput { gradients: &gradients, rows: None, key: 5 };
        let grown = Grower::new(&binned, &parameters, &NeverStop).grow(input).expect("not stopped");
        assert_eq!(grown.leaves.len(), 7);
        Slow {
            data: &data,
            gradients: pairs.iter().map(|pair| pair[0].into()).collect(),
            hessians: vec![1.0; data.n_rows],
            parameters: &parameters,
        }
        .check(&grown.nodes);
    }
}

#[test]
fn shared_columns_give_the_cells_of_each_feature() {
    use crate::kernels::histogram::{Cell, Rows, Scratch, add_tile, total};
    let data = data(3);
    let rows: Vec<u32> = (0..data.n_rows as u32).collect();
    let binned = Binned::new(&data, &rows, &[0, 1, 2, 3, 4, 5]);
    assert_eq!(binned.n_stored(), 4, "three sparse features share a column");
    let packed: Vec<u64> =
        rows.iter().map(|&row| Packing::Both.pack(i64::from(row) - 40, row.into())).collect();
    let (mut tiles, mut histogram) = (Vec::new(), vec![Cell::default(); binned.n_cells]);
    binned.tiles(&[0, 1, 2, 3, 4, 5], &mut tiles);
    let some: Vec<u32> = rows.iter().copied().filter(|row| row % 3 > 0).collect();
    for tile in &tiles {
        let list = Rows::Some(&some);
        add_tile(tile, &packed, Packing::Both, list, &mut Scratch::default(), &mut histogram);
    }
    let all = total(&packed, Packing::Both, &some);
    let mut memory = [Cell::default(); 256];
    for (f, column) in binned.columns.iter().enumerate() {
        for (bin, cell) in binned.cells(f, &histogram, all, &mut memory).iter().enumerate() {
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
        let binned = Binned::new(&data, &rows, &[0, 1, 3, 4, 5]);
        let mut random = Stream::new(&[seed, 2]);
        let pairs: Vec<Pair> = rows
            .iter()
            .map(|_| [random.uniform() as f32 - 0.5, 0.2 + random.uniform() as f32])
            .collect();
        let grow = |n_channels: usize| {
            let mut gradients = Gradients::new(n_channels, data.n_rows, Packing::Both);
            (0..n_channels).for_each(|channel| gradients.set(channel, &pairs, None));
            let input = TreeInput { gradients: &gradients, rows: None, key: 5 };
            let grown = Grower::new(&binned, &parameters, &NeverStop).grow(input);
            grown.expect("not stopped").nodes
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
