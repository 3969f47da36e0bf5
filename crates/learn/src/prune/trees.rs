//! Less tree for the very same predictions.

use std::collections::HashMap;

use eyas_model::{BinSet, Node, Test, Tree, TreeOutput, Trees};

use super::Pruner;

/// The pruner, for help and reports.
pub(super) const PRUNER: Pruner = Pruner {
    name: "trees",
    help: "Drops branches that no row can reach and splits that change nothing.",
    references: &["Quinlan 1987, Simplifying decision trees, doi:10.1016/S0020-7373(87)80053-6"],
};

/// The same sum with fewer nodes; predictions are equal bit by bit for every row whose bins are
/// below `n_bins` `(n_features,)`.
///
/// Dropped are: splits that all rows that get there answer alike, splits whose two sides are equal,
/// and trees that add 0 to every row. Gains of dropped splits are lost. `O(nodes * depth)`.
pub fn simplify(trees: &Trees, n_bins: &[usize]) -> Trees {
    let n_outputs = trees.base.len();
    let mut simpler = Trees { trees: Vec::new(), outputs: Vec::new(), ..trees.clone() };
    for (tree, &output) in trees.trees.iter().zip(&trees.outputs) {
        let tree = simplify_tree(tree, width(output, n_outputs), n_bins);
        // A sum that starts at 0 never becomes -0, so adding either zero changes no bit.
        if tree.nodes.len() > 1 || tree.values.iter().any(|&value| value != 0.0) {
            simpler.trees.push(tree);
            simpler.outputs.push(output);
        }
    }
    simpler
}

/// Trees of a single leaf become part of the base. Predictions are equal but for rounding: sums
/// run in another order.
pub fn fold_constants(trees: &Trees) -> Trees {
    let n_outputs = trees.base.len();
    let mut folded = Trees { trees: Vec::new(), outputs: Vec::new(), ..trees.clone() };
    for (tree, &output) in trees.trees.iter().zip(&trees.outputs) {
        let [Node::Leaf { value }] = tree.nodes[..] else {
            folded.trees.push(tree.clone());
            folded.outputs.push(output);
            continue;
        };
        let width = width(output, n_outputs);
        let first = if let TreeOutput::One(k) = output { k as usize } else { 0 };
        let values = &tree.values[value as usize * width..][..width];
        for (k, &value) in values.iter().enumerate() {
            folded.base[first + k] += trees.scale * f64::from(value);
        }
    }
    folded
}

/// The first `n_trees` of a sum, as in boosting.
pub fn prefix(trees: &Trees, n_trees: usize) -> Trees {
    let n_trees = n_trees.min(trees.trees.len());
    Trees {
        base: trees.base.clone(),
        trees: trees.trees[..n_trees].to_vec(),
        outputs: trees.outputs[..n_trees].to_vec(),
        scale: trees.scale,
    }
}

/// The mean of the first `n_trees` of a mean, as in forests: the scale grows as trees go.
pub fn mean_prefix(trees: &Trees, n_trees: usize) -> Trees {
    let mut mean = prefix(trees, n_trees);
    if !mean.trees.is_empty() {
        mean.scale = trees.scale * trees.trees.len() as f64 / mean.trees.len() as f64;
    }
    mean
}

/// Numbers that a leaf holds.
fn width(output: TreeOutput, n_outputs: usize) -> usize {
    match output {
        TreeOutput::One(_) => 1,
        TreeOutput::All => n_outputs,
    }
}

fn simplify_tree(tree: &Tree, width: usize, n_bins: &[usize]) -> Tree {
    let reached = reachable(tree, n_bins);
    let kinds = merge(tree, width, &reached);
    rebuild(tree, width, &kinds)
}

/// What the rows at a node answer to its split.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Answer {
    /// No row gets here.
    Unreached,
    /// All "no".
    Left,
    /// All "yes".
    Right,
    /// Some of each; leaves too.
    Either,
}

/// Bins of one feature that rows at a node can have; the other features are those of `parent`.
struct Context {
    feature: u32,
    bins: BinSet,
    parent: Option<usize>,
}

/// Answers of all nodes, from the root down.
fn reachable(tree: &Tree, n_bins: &[usize]) -> Vec<Answer> {
    let mut answers = vec![Answer::Unreached; tree.nodes.len()];
    let mut contexts: Vec<Context> = Vec::new();
    let mut context_of: Vec<Option<usize>> = vec![None; tree.nodes.len()];
    if let Some(root) = answers.first_mut() {
        *root = Answer::Either;
    }
    for (index, node) in tree.nodes.iter().enumerate() {
        let Node::Split { feature, test, left, right, .. } = *node else { continue };
        if answers[index] == Answer::Unreached {
            continue;
        }
        let possible = possible_bins(&contexts, context_of[index], feature, n_bins);
        let goes_right = right_bins(&test);
        let sides = [and(possible, not(goes_right)), and(possible, goes_right)];
        answers[index] = match sides.map(|side| side == BinSet::default()) {
            [_, true] => Answer::Left,
            [true, false] => Answer::Right,
            [false, false] => Answer::Either,
        };
        for (child, bins) in [left, right].into_iter().zip(sides) {
            if bins != BinSet::default() {
                contexts.push(Context { feature, bins, parent: context_of[index] });
                context_of[child as usize] = Some(contexts.len() - 1);
                answers[child as usize] = Answer::Either;
            }
        }
    }
    answers
}

fn possible_bins(
    contexts: &[Context],
    mut at: Option<usize>,
    feature: u32,
    n_bins: &[usize],
) -> BinSet {
    while let Some(index) = at {
        if contexts[index].feature == feature {
            return contexts[index].bins;
        }
        at = contexts[index].parent;
    }
    // Bins 0 to n_bins - 1.
    match n_bins[feature as usize] {
        0 => BinSet::default(),
        n => not(above((n.min(256) - 1) as u8)),
    }
}

/// Bins above `threshold`.
fn above(threshold: u8) -> BinSet {
    let mut set = BinSet::default();
    for (word, bits) in set.0.iter_mut().enumerate() {
        let first = word as i32 * 64;
        *bits = match i32::from(threshold) + 1 - first {
            skip if skip <= 0 => u64::MAX,
            skip if skip >= 64 => 0,
            skip => u64::MAX << skip,
        };
    }
    set
}

/// Bins that a test sends to the right.
fn right_bins(test: &Test) -> BinSet {
    match *test {
        Test::In(set) => set,
        Test::Above { threshold, missing_right } => {
            let mut set = above(threshold);
            if missing_right {
                set.insert(0);
            }
            set
        }
    }
}

fn and(a: BinSet, b: BinSet) -> BinSet {
    BinSet([0, 1, 2, 3].map(|word| a.0[word] & b.0[word]))
}

fn not(a: BinSet) -> BinSet {
    BinSet(a.0.map(|word| !word))
}

/// What a subtree is: equal subtrees have equal kinds.
#[derive(PartialEq, Eq, Hash)]
enum Kind {
    Leaf(Vec<u32>),
    Split(u32, Test, u32, u32),
}

/// What a node becomes, from the leaves up.
struct Merged {
    /// Node that takes its place `(n_nodes,)`: itself, or one below it.
    becomes: Vec<u32>,
}

fn merge(tree: &Tree, width: usize, answers: &[Answer]) -> Merged {
    let mut becomes: Vec<u32> = (0..tree.nodes.len() as u32).collect();
    let mut kind_of = vec![0u32; tree.nodes.len()];
    // Looked up only, never walked, so its order does not matter.
    let mut kinds: HashMap<Kind, u32> = HashMap::new();
    for index in (0..tree.nodes.len()).rev() {
        if answers[index] == Answer::Unreached {
            continue;
        }
        let kind = match tree.nodes[index] {
            Node::Leaf { value } => {
                // -0 and 0 add the same.
                let row = &tree.values[value as usize * width..][..width];
                Kind::Leaf(row.iter().map(|value| (value + 0.0).to_bits()).collect())
            }
            Node::Split { feature, test, left, right, .. } => {
                let kinds = (kind_of[left as usize], kind_of[right as usize]);
                let only = match answers[index] {
                    Answer::Right => Some(right),
                    Answer::Left => Some(left),
                    _ if kinds.0 == kinds.1 => Some(left),
                    _ => None,
                };
                if let Some(child) = only {
                    becomes[index] = becomes[child as usize];
                    kind_of[index] = kind_of[child as usize];
                    continue;
                }
                Kind::Split(feature, test, kinds.0, kinds.1)
            }
        };
        let next = kinds.len() as u32;
        kind_of[index] = *kinds.entry(kind).or_insert(next);
    }
    Merged { becomes }
}

/// The tree of what the nodes became, parents first.
fn rebuild(tree: &Tree, width: usize, merged: &Merged) -> Tree {
    let mut new = Tree::default();
    if tree.nodes.is_empty() {
        return new;
    }
    let mut sources = vec![merged.becomes[0]];
    let mut next = 0;
    while next < sources.len() {
        let node = match tree.nodes[sources[next] as usize] {
            Node::Leaf { value } => {
                new.values.extend(&tree.values[value as usize * width..][..width]);
                Node::Leaf { value: (new.values.len() / width) as u32 - 1 }
            }
            Node::Split { feature, test, left, right, gain } => {
                let first = sources.len() as u32;
                sources.extend([left, right].map(|child| merged.becomes[child as usize]));
                Node::Split { feature, test, left: first, right: first + 1, gain }
            }
        };
        new.nodes.push(node);
        next += 1;
    }
    new
}

#[cfg(test)]
mod tests;
