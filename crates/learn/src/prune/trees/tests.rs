//! Simplified trees against the trees that they were.

use proptest::prelude::*;

use super::*;
use crate::random::Stream;

const N_BINS: [usize; 3] = [4, 7, 256];

/// A random tree: few features and bins, so that contradictions and equal leaves occur.
fn random_tree(stream: &mut Stream, width: usize, n_splits: usize) -> Tree {
    let mut tree = Tree { nodes: vec![Node::Leaf { value: 0 }], values: vec![] };
    for _ in 0..n_splits {
        let index = stream.below(tree.nodes.len());
        if let Node::Leaf { .. } = tree.nodes[index] {
            let feature = stream.below(3);
            let left = tree.nodes.len() as u32;
            let test = random_test(stream, N_BINS[feature]);
            let feature = feature as u32;
            tree.nodes[index] = Node::Split { feature, test, left, right: left + 1, gain: 1.0 };
            tree.nodes.extend([Node::Leaf { value: 0 }; 2]);
        }
    }
    let mut n_leaves = 0;
    for node in &mut tree.nodes {
        if let Node::Leaf { value } = node {
            *value = n_leaves;
            n_leaves += 1;
            tree.values.extend((0..width).map(|_| [0.0, -0.0, 0.1, 0.3][stream.below(4)]));
        }
    }
    tree
}

fn random_test(stream: &mut Stream, n_bins: usize) -> Test {
    if stream.uniform() < 0.5 {
        let threshold = stream.below(n_bins) as u8;
        return Test::Above { threshold, missing_right: stream.uniform() < 0.5 };
    }
    let mut set = BinSet::default();
    for bin in 0..n_bins {
        if stream.uniform() < 0.4 {
            set.insert(bin as u8);
        }
    }
    Test::In(set)
}

fn random_trees(seed: u64) -> Trees {
    let mut stream = Stream::new(&[seed]);
    let n_outputs = 1 + stream.below(3);
    let n_trees = stream.below(6);
    let (mut trees, mut outputs) = (Vec::new(), Vec::new());
    for _ in 0..n_trees {
        let output = match stream.uniform() < 0.5 {
            true => TreeOutput::All,
            false => TreeOutput::One(stream.below(n_outputs) as u32),
        };
        let n_splits = stream.below(40);
        trees.push(random_tree(&mut stream, width(output, n_outputs), n_splits));
        outputs.push(output);
    }
    Trees { base: vec![0.25; n_outputs], trees, outputs, scale: 0.7 }
}

fn scores(trees: &Trees, bins: &[u8]) -> Vec<f64> {
    let mut scores = vec![0.0; trees.base.len()];
    trees.score(bins, &mut scores);
    scores
}

/// All combinations of bins, the wide feature at a few.
fn all_rows() -> impl Iterator<Item = [u8; 3]> {
    (0..4u8)
        .flat_map(|a| (0..7u8).flat_map(move |b| (0..=255u8).step_by(5).map(move |c| [a, b, c])))
}

fn n_nodes(trees: &Trees) -> usize {
    trees.trees.iter().map(|tree| tree.nodes.len()).sum()
}

proptest! {
    #[test]
    fn predictions_stay_equal_bit_by_bit(seed: u64) {
        let trees = random_trees(seed);
        let simpler = simplify(&trees, &N_BINS);
        prop_assert!(n_nodes(&simpler) <= n_nodes(&trees));
        for row in all_rows() {
            let bits = |scores: Vec<f64>| scores.into_iter().map(f64::to_bits).collect::<Vec<_>>();
            prop_assert_eq!(bits(scores(&trees, &row)), bits(scores(&simpler, &row)));
        }
        prop_assert_eq!(simplify(&simpler, &N_BINS), simpler);
    }

    #[test]
    fn every_node_left_is_of_use(seed: u64) {
        for tree in &simplify(&random_trees(seed), &N_BINS).trees {
            let mut reached = vec![false; tree.nodes.len()];
            for a in 0..4u8 {
                for b in 0..7u8 {
                    for c in 0..=255u8 {
                        reached[node_of(tree, [a, b, c])] = true;
                    }
                }
            }
            for (index, node) in tree.nodes.iter().enumerate() {
                match node {
                    Node::Leaf { .. } => prop_assert!(reached[index]),
                    Node::Split { left, right, .. } => {
                        // Children come after their parent.
                        prop_assert!(*left as usize > index && *right as usize > index);
                    }
                }
            }
            prop_assert_eq!(tree.n_leaves() * 2, tree.nodes.len() + 1);
        }
    }

    #[test]
    fn folded_constants_change_rounding_only(seed: u64) {
        let trees = random_trees(seed);
        let folded = fold_constants(&simplify(&trees, &N_BINS));
        prop_assert!(folded.trees.iter().all(|tree| tree.nodes.len() > 1));
        for row in all_rows() {
            for (a, b) in scores(&trees, &row).into_iter().zip(scores(&folded, &row)) {
                prop_assert!((a - b).abs() < 1e-12);
            }
        }
    }
}

/// Index of the leaf that a row reaches.
fn node_of(tree: &Tree, bins: [u8; 3]) -> usize {
    let mut node = 0;
    while let Node::Split { feature, test, left, right, .. } = tree.nodes[node] {
        let goes_right = test.goes_right(bins[feature as usize]);
        node = if goes_right { right } else { left } as usize;
    }
    node
}

fn split(feature: u32, threshold: u8, left: u32, right: u32) -> Node {
    let test = Test::Above { threshold, missing_right: false };
    Node::Split { feature, test, left, right, gain: 1.0 }
}

fn leaf(value: u32) -> Node {
    Node::Leaf { value }
}

#[test]
fn a_contradiction_and_equal_leaves_go() {
    // x > 3 then x > 2 (always), then two equal leaves.
    let nodes = vec![
        split(0, 3, 1, 2),
        leaf(0),
        split(0, 2, 3, 4),
        leaf(1),
        split(1, 5, 5, 6),
        leaf(2),
        leaf(3),
    ];
    let tree = Tree { nodes, values: vec![1.0, 9.0, 2.0, 2.0] };
    let trees =
        Trees { base: vec![0.0], trees: vec![tree], outputs: vec![TreeOutput::One(0)], scale: 1.0 };
    let simpler = simplify(&trees, &[10, 10]);
    assert_eq!(simpler.trees[0].nodes, [split(0, 3, 1, 2), leaf(0), leaf(1)]);
    assert_eq!(simpler.trees[0].values, [1.0, 2.0]);
}

#[test]
fn prefixes_keep_sums_and_means() {
    let trees = random_trees(12);
    let n = trees.trees.len();
    assert!(n > 2, "a seed with trees");
    let row = [1, 2, 3];
    let tree_sum = |part: &Trees| (scores(part, &row)[0] - part.base[0]) / part.scale;
    let (first, mean) = (prefix(&trees, 2), mean_prefix(&trees, 2));
    assert_eq!(first.trees, trees.trees[..2]);
    assert!((tree_sum(&first) - tree_sum(&mean)).abs() < 1e-12);
    assert!((mean.scale - 0.7 * n as f64 / 2.0).abs() < 1e-12);
    assert_eq!(prefix(&trees, 99), trees);
    assert_eq!(mean_prefix(&trees, 0).trees.len(), 0);
}
