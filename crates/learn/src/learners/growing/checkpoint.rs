//! Putting a forest down between trees, and taking it up again.
//!
//! The state is the trees and the work that each of them took. A tree depends on (seed, tree) only, so
//! a fit that goes on takes those of the state where it would grow them, and is otherwise the same:
//! bootstraps are drawn and truncations are scored again.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::grow::{Grown, GrownNode};
use crate::checkpoints::{Reader, Writer};
use crate::learners::FitInput;

/// First number of a state.
const KIND: u64 = u64::from_le_bytes(*b"forest 1");
/// More work than a tree can take, so that sums of work cannot overflow.
const MOST_WORK: u64 = 1 << 48;
/// Bytes of a node in a state.
const NODE_BYTES: usize = 28;
/// Deepest node there can be.
const MOST_DEPTH: u16 = u16::MAX - 1;

/// What a forest knows of earlier trees, and of the work of all.
pub(super) struct Checkpoint {
    /// Trees of an earlier fit that are not taken yet, and their work.
    earlier: Mutex<Vec<Option<(Grown, u64)>>>,
    /// Work of each tree so far.
    works: Mutex<Vec<u64>>,
}

impl Checkpoint {
    /// The trees of an earlier fit of this input, if there was one; `most` trees are wanted, with
    /// values of this width.
    pub fn new(input: &FitInput<'_>, most: usize, width: usize) -> Checkpoint {
        let mut earlier = Vec::new();
        if let Some(bytes) = input.checkpoints.earlier() {
            let found = read(&bytes, input.features.len(), width).filter(|t| t.len() <= most);
            let n_trees = found.as_ref().map(|trees| (trees.len(), "trees"));
            input.checkpoints.taken_up(n_trees);
            earlier = found.unwrap_or_default().into_iter().map(Some).collect();
        }
        let works = earlier.iter().flatten().map(|tree: &(Grown, u64)| tree.1).collect();
        Checkpoint { earlier: Mutex::new(earlier), works: Mutex::new(works) }
    }

    /// A tree of the earlier fit and its work.
    pub fn take(&self, tree: usize) -> Option<(Grown, u64)> {
        hold(&self.earlier).get_mut(tree)?.take()
    }

    /// Whether the earlier fit has made this tree: a fit that must end takes what is there.
    pub fn has(&self, tree: usize) -> bool {
        tree < hold(&self.earlier).len()
    }

    /// Notes the work of a tree.
    pub fn note(&self, tree: usize, work: u64) {
        let mut works = hold(&self.works);
        if works.len() <= tree {
            works.resize(tree + 1, 0);
        }
        works[tree] = work;
    }

    /// Keeps the trees so far, if it is time to.
    pub fn keep(&self, input: &FitInput<'_>, trees: &[Grown], ended: bool) {
        // What is taken up is there already.
        if hold(&self.earlier).iter().skip(trees.len()).any(Option::is_some) {
            return;
        }
        let n_bytes = trees.iter().map(n_bytes).sum();
        if input.checkpoints.is_due(n_bytes, ended) {
            input.checkpoints.keep(write(trees, &hold(&self.works), n_bytes));
        }
    }
}

fn hold<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn n_bytes(tree: &Grown) -> usize {
    32 + NODE_BYTES * tree.nodes.len() + 4 * tree.values.len()
}

fn write(trees: &[Grown], works: &[u64], n_bytes: usize) -> Vec<u8> {
    let mut writer = Writer::new(KIND, n_bytes);
    writer.count(trees.len());
    for (tree, &work) in trees.iter().zip(works) {
        writer.u64(work);
        writer.f64(tree.scale);
        writer.count(tree.nodes.len());
        for node in &tree.nodes {
            writer.u32(node.column);
            writer.u32(node.left);
            writer.u32(node.right);
            writer.f64(node.gain);
            writer.u32(node.n_rows);
            writer.u32(u32::from(node.depth) << 16 | u32::from(node.threshold));
            writer.u8(u8::from(node.missing_right));
        }
        tree.values.iter().for_each(|&value| writer.f32(value));
    }
    writer.finish()
}

/// The trees of a state and their work, if all are trees over so many columns with values of this
/// width.
fn read(bytes: &[u8], n_columns: usize, width: usize) -> Option<Vec<(Grown, u64)>> {
    let mut reader = Reader::new(KIND, bytes)?;
    let n_trees = reader.count(24 + NODE_BYTES)?;
    let trees = reader.list(n_trees, |reader| {
        let work = reader.u64().filter(|&work| work <= MOST_WORK)?;
        let scale = reader.f64()?;
        let n_nodes = reader.count(NODE_BYTES)?;
        let nodes = reader.list(n_nodes, read_node)?;
        let values = reader.list(n_nodes.checked_mul(width)?, Reader::f32)?;
        let columns_exist = nodes.iter().all(|n| n.left == 0 || (n.column as usize) < n_columns);
        let is_tree = columns_exist && is_preorder(&nodes) && scale.is_finite();
        is_tree.then_some((Grown { nodes, values, scale }, work))
    })?;
    reader.end()?;
    Some(trees)
}

fn read_node(reader: &mut Reader<'_>) -> Option<GrownNode> {
    let [column, left, right] = [reader.u32()?, reader.u32()?, reader.u32()?];
    let gain = reader.f64().filter(|gain| gain.is_finite())?;
    let n_rows = reader.u32()?;
    let packed = reader.u32()?;
    let missing_right = match reader.u8()? {
        0 => false,
        1 => true,
        _ => return None,
    };
    let (depth, threshold) = ((packed >> 16) as u16, u8::try_from(packed & 0xFFFF).ok()?);
    Some(GrownNode { column, left, right, gain, n_rows, depth, threshold, missing_right })
}

/// Whether nodes are a tree in preorder: a left child follows its parent, a right one what is left,
/// and each is one deeper.
fn is_preorder(nodes: &[GrownNode]) -> bool {
    // Ends of the trees below the nodes seen so far, from the last node on.
    let mut ends = vec![0; nodes.len()];
    for (index, node) in nodes.iter().enumerate().rev() {
        ends[index] = index + 1;
        if node.left == 0 {
            continue;
        }
        let (left, right) = (node.left as usize, node.right as usize);
        let follows = left == index + 1 && left < nodes.len() && right == ends[left];
        let deeper = |child: usize| {
            let child = nodes.get(child);
            node.depth <= MOST_DEPTH && child.is_some_and(|child| child.depth == node.depth + 1)
        };
        if !follows || !deeper(left) || !deeper(right) {
            return false;
        }
        ends[index] = ends[right];
    }
    nodes.first().is_some_and(|root| root.depth == 0) && ends[0] == nodes.len()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use eyas_search::{Config, Value};

    use super::super::fixtures::{SQUARES, random};
    use crate::checkpoints::tests::Kept;
    use crate::checkpoints::{Checkpoints, NoCheckpoints};
    use crate::dataset::Dataset;
    use crate::learners::extra_trees::ExtraTrees;
    use crate::learners::forest::RandomForest;
    use crate::learners::{Fit, FitInput, Learner, NeverStop, Stop};
    use crate::threads::{ONE_THREAD, Threads};

    fn fit(
        (learner, data): (&dyn Learner, &Dataset),
        values: &[(&str, Value)],
        checkpoints: &dyn Checkpoints,
        stop: &dyn Stop,
        threads: &Threads,
    ) -> Fit {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let config = Config { learner: String::new(), values: values.collect() };
        let (valid, train): (Vec<u32>, Vec<u32>) =
            (0..data.n_rows as u32).partition(|row| row % 4 == 0);
        let features: Vec<u32> = (0..data.n_features() as u32).collect();
        let fit = learner.fit(&FitInput {
            data,
            train: &train,
            valid: &valid,
            features: &features,
            metric: &SQUARES,
            config: &config,
            seed: 5,
            stop,
            threads,
            last_truncation: None,
            checkpoints,
        });
        fit.expect("the configuration is valid")
    }

    fn configs() -> Vec<Vec<(&'static str, Value)>> {
        let n = ("n_estimators", Value::Int(9));
        let text = |text: &str| Value::Text(text.to_owned());
        vec![
            vec![n.clone()],
            vec![n.clone(), ("max_features", text("1.0")), ("min_samples_leaf", Value::Int(4))],
            vec![n, ("leaf_smoothing", Value::Float(3.0)), ("max_depth", Value::Int(5))],
        ]
    }

    /// Counts work.
    #[derive(Default)]
    struct Count(AtomicU64);

    impl Stop for Count {
        fn spent(&self, work: u64) -> bool {
            self.0.fetch_add(work, Ordering::Relaxed);
            false
        }
    }

    #[test]
    fn a_forest_that_goes_on_after_any_tree_is_the_whole_one() {
        for learner in [&RandomForest as &dyn Learner, &ExtraTrees] {
            for n_classes in [0, 2, 4] {
                let mut data = random(3, 300, n_classes);
                for weighted in [false, true] {
                    data.weights =
                        weighted.then(|| (0..300).map(|row| 0.5 + (row % 3) as f64).collect());
                    for config in configs() {
                        check((learner, &data), &config);
                    }
                }
            }
        }
    }

    fn check(what: (&dyn Learner, &Dataset), config: &[(&str, Value)]) {
        let (whole, work) = (Kept::default(), Count::default());
        let wanted = format!("{:?}", fit(what, config, &whole, &work, &ONE_THREAD).model);
        let plain = fit(what, config, &NoCheckpoints, &NeverStop, &ONE_THREAD);
        assert_eq!(format!("{:?}", plain.model), wanted, "to keep states changes nothing");
        let states = whole.states();
        assert_eq!(states.iter().filter(|state| state.1).count(), 1, "the end is kept once");
        for (place, (state, ended)) in states.iter().enumerate() {
            let n_trees = if *ended { 9 } else { place + 1 };
            for n_threads in [1, 3] {
                let (kept, again) = (Kept::after(state.clone()), Count::default());
                let resumed = fit(what, config, &kept, &again, &Threads::new(n_threads));
                assert_eq!(kept.taken_up(), [Some((n_trees, "trees"))]);
                assert_eq!(format!("{:?}", resumed.model), wanted, "after {n_trees} trees");
                assert_eq!(again.0.into_inner(), work.0.load(Ordering::Relaxed));
                assert_eq!(kept.states().last(), states.last());
            }
        }
    }

    /// Ends a fit at once.
    struct Now;

    impl Stop for Now {
        fn spent(&self, _work: u64) -> bool {
            true
        }
    }

    #[test]
    fn a_forest_that_must_end_while_it_is_taken_up_keeps_what_it_had() {
        let data = random(5, 200, 2);
        let what = (&RandomForest as &dyn Learner, &data);
        let config = [("n_estimators", Value::Int(12))];
        let whole = Kept::default();
        let fit_whole = fit(what, &config, &whole, &NeverStop, &ONE_THREAD);
        let kept = Kept::after(whole.states()[8].0.clone());
        let resumed = fit(what, &config, &kept, &Now, &ONE_THREAD);
        assert!(resumed.stopped);
        let n = resumed.model.truncations().len();
        assert!(resumed.model.truncations()[n - 1].label.starts_with("n_estimators=8 "));
        assert_eq!(resumed.model.truncations(), &fit_whole.model.truncations()[..n]);
        assert_eq!(resumed.model.part(n - 1), fit_whole.model.part(n - 1));
    }

    #[test]
    fn what_is_no_forest_is_left_aside() {
        for n_classes in [0, 4] {
            let data = random(4, 60, n_classes);
            let config = [("n_estimators", Value::Int(3)), ("max_depth", Value::Int(3))];
            let what = (&RandomForest as &dyn Learner, &data);
            let whole = Kept::default();
            let wanted = format!("{:?}", fit(what, &config, &whole, &NeverStop, &ONE_THREAD).model);
            let state = whole.states()[1].0.clone();
            let with = |state: Vec<u8>| {
                let kept = Kept::after(state);
                let fit = fit(what, &config, &kept, &NeverStop, &ONE_THREAD);
                (kept.taken_up(), format!("{:?}", fit.model))
            };
            for n in 0..state.len() {
                assert_eq!(with(state[..n].to_vec()), (vec![None], wanted.clone()), "cut at {n}");
            }
            // A changed byte may be a number like any other, but nothing breaks by it.
            for at in 0..state.len() {
                for change in [1, 0x80, 0xFF] {
                    let mut damaged = state.clone();
                    damaged[at] ^= change;
                    let (taken_up, model) = with(damaged);
                    assert!(taken_up[0].is_some() || model == wanted, "byte {at}");
                }
            }
        }
    }
}
