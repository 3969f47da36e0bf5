//! Features and bins for what foreign trees ask.

use std::collections::BTreeMap;

use eyas_model::encoder::{MAX_EDGES, MAX_LEVELS};
use eyas_model::{BinSet, Bins, Derive, Feature, Node, Test, Tree};

use super::{Column, ForeignNode, ForeignTest, ForeignTree};
use crate::error::Error;

/// What the edges of a column are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reading {
    Number,
    NonZero,
    Spans,
}

/// Edges of one column, read in one way.
type Key = (usize, Reading);

/// Where tests find their feature and threshold.
pub(super) struct Layout {
    /// Levels by column; none for numbers.
    levels: Vec<Option<Levels>>,
    /// All edges, ascending once settled.
    edges: BTreeMap<Key, Vec<f64>>,
    /// First feature of a key; that of levels is a `Number`.
    first: BTreeMap<Key, usize>,
    /// What the model asks of its columns.
    pub features: Vec<Feature>,
}

/// What is asked of the levels of a column, and the bins that they get.
struct Levels {
    /// Whether a set holds the level.
    is_asked: Vec<bool>,
    /// Whether a set holds the levels that are not listed.
    asks_unseen: bool,
    /// Bins of the levels, once settled.
    bins: Vec<u8>,
    /// Bin of levels that are not listed, once settled.
    unseen: u8,
}

impl Levels {
    fn new(n_levels: usize) -> Levels {
        let is_asked = vec![false; n_levels];
        Levels { is_asked, asks_unseen: false, bins: Vec::new(), unseen: 0 }
    }

    /// Gives bins and the names that get one of their own: all if they are few, else those that a
    /// set holds; the others then go where unseen levels go.
    fn settle(&mut self, column: &str, names: &[String]) -> Result<Vec<String>, Error> {
        let all = names.len() <= MAX_LEVELS;
        let n_own = self.is_asked.iter().filter(|&&asked| all || asked).count();
        if n_own > MAX_LEVELS || !all && self.asks_unseen {
            return Err(Error::Unsupported(format!(
                "column `{column}` has {} categories of which splits ask for {n_own}; at most \
                 {MAX_LEVELS} can be told apart: train with rare categories merged",
                names.len()
            )));
        }
        self.unseen = n_own as u8 + 1;
        let mut own = Vec::with_capacity(n_own);
        for (name, &asked) in names.iter().zip(&self.is_asked) {
            if all || asked {
                own.push(name.clone());
                self.bins.push(own.len() as u8);
            } else {
                self.bins.push(self.unseen);
            }
        }
        Ok(own)
    }
}

impl Layout {
    pub fn new(columns: &[Column]) -> Layout {
        let levels_of = |column: &Column| Some(Levels::new(column.levels.as_ref()?.len()));
        Layout {
            levels: columns.iter().map(levels_of).collect(),
            edges: BTreeMap::new(),
            first: BTreeMap::new(),
            features: Vec::new(),
        }
    }

    /// Notes what a tree asks for.
    pub fn collect(&mut self, tree: &ForeignTree) -> Result<(), String> {
        for node in &tree.nodes {
            let ForeignNode::Split { column, test, .. } = node else { continue };
            let n_columns = self.levels.len();
            let levels = self.levels.get_mut(*column);
            let levels =
                levels.ok_or_else(|| format!("it asks about column {column} of {n_columns}"))?;
            match (test, levels) {
                (ForeignTest::Above { edge, .. }, None) => {
                    let key = (*column, test.reading());
                    note(self.edges.entry(key).or_default(), [*edge])?;
                }
                (ForeignTest::Inside { spans, .. }, None) => {
                    let edges = self.edges.entry((*column, Reading::Spans)).or_default();
                    note(edges, spans.iter().flat_map(|&(above, up_to)| [above, up_to]))?;
                }
                (ForeignTest::In { levels, unseen_right, .. }, Some(known)) => {
                    for &level in levels {
                        let asked = known.is_asked.get_mut(level as usize);
                        *asked.ok_or_else(|| format!("category {level} of column {column}"))? =
                            true;
                    }
                    known.asks_unseen |= unseen_right;
                }
                (ForeignTest::In { .. }, None) => {
                    return Err(format!("a set of categories for column {column} of numbers"));
                }
                (_, Some(_)) => {
                    return Err(format!("a threshold for column {column}, which has categories"));
                }
            }
        }
        Ok(())
    }

    /// Makes the features, column by column.
    pub fn settle(&mut self, columns: &[Column]) -> Result<(), Error> {
        for (&(column, reading), edges) in &mut self.edges {
            let name = &columns[column].name;
            edges.sort_unstable_by(f64::total_cmp);
            edges.dedup();
            if reading == Reading::Spans && edges.len() > MAX_EDGES {
                return Err(Error::Unsupported(format!(
                    "column `{name}` has category codes that splits part at {} places, at most \
                     {MAX_EDGES} are possible: train with rare categories merged",
                    edges.len()
                )));
            }
            self.first.insert((column, reading), self.features.len());
            let derive = if reading == Reading::NonZero { Derive::NonZero } else { Derive::Itself };
            // A feature without edges still tells missing values apart.
            let slices: Vec<&[f64]> =
                if edges.is_empty() { vec![&[][..]] } else { edges.chunks(MAX_EDGES).collect() };
            self.features.extend(slices.into_iter().map(|slice| Feature {
                column: column as u32,
                derive,
                name: name.clone(),
                bins: Bins::Edges(slice.to_vec()),
            }));
        }
        for (column, (Column { name, levels }, known)) in
            columns.iter().zip(&mut self.levels).enumerate()
        {
            let (Some(levels), Some(known)) = (levels, known) else { continue };
            self.first.insert((column, Reading::Number), self.features.len());
            self.features.push(Feature {
                column: column as u32,
                derive: Derive::Itself,
                name: name.clone(),
                bins: Bins::Levels(known.settle(name, levels)?),
            });
        }
        Ok(())
    }

    /// The tree over bins: nodes that the root reaches, parents first.
    pub fn tree(&self, tree: ForeignTree) -> Result<Tree, String> {
        let n_nodes = tree.nodes.len();
        let mut place = vec![None; n_nodes];
        let mut order = vec![0usize];
        *place.first_mut().ok_or("it has no nodes")? = Some(0u32);
        let mut nodes = Vec::with_capacity(n_nodes);
        let mut at = 0;
        while let Some(&index) = order.get(at) {
            at += 1;
            nodes.push(match &tree.nodes[index] {
                ForeignNode::Leaf { value } => Node::Leaf { value: *value },
                ForeignNode::Split { column, test, left, right, gain } => {
                    let mut child = |child: u32| {
                        let free = place.get_mut(child as usize).filter(|place| place.is_none());
                        let free = free.ok_or_else(|| {
                            format!("node {index} has the child {child}, which is not there or has another parent")
                        })?;
                        *free = Some(order.len() as u32);
                        order.push(child as usize);
                        Ok::<u32, String>(order.len() as u32 - 1)
                    };
                    let (left, right) = (child(*left)?, child(*right)?);
                    let (feature, test) = self.test(*column, test);
                    Node::Split { feature, test, left, right, gain: *gain }
                }
            });
        }
        Ok(Tree { nodes, values: tree.values })
    }

    /// Feature and test of a question that was collected.
    fn test(&self, column: usize, test: &ForeignTest) -> (u32, Test) {
        let key = (column, test.reading());
        let first = self.first[&key] as u32;
        match test {
            ForeignTest::Above { edge, missing_right, .. } => {
                let (place, threshold) = place_of(*edge, &self.edges[&key]);
                (first + place, Test::Above { threshold, missing_right: *missing_right })
            }
            ForeignTest::Inside { spans, missing_right } => {
                let mut set = BinSet::default();
                for &span in spans {
                    bins_inside(span, &self.edges[&key]).for_each(|bin| set.insert(bin as u8));
                }
                if *missing_right {
                    set.insert(0);
                }
                (first, Test::In(set))
            }
            ForeignTest::In { levels, missing_right, unseen_right } => {
                let mut set = BinSet::default();
                if let Some(known) = &self.levels[column] {
                    levels.iter().for_each(|&level| set.insert(known.bins[level as usize]));
                    if *unseen_right {
                        set.insert(known.unseen);
                    }
                }
                if *missing_right {
                    set.insert(0);
                }
                (first, Test::In(set))
            }
        }
    }
}

impl ForeignTest {
    fn reading(&self) -> Reading {
        match self {
            ForeignTest::Above { zero_is_missing: true, .. } => Reading::NonZero,
            ForeignTest::Above { .. } | ForeignTest::In { .. } => Reading::Number,
            ForeignTest::Inside { .. } => Reading::Spans,
        }
    }
}

/// Adds the edges that are finite; there is one zero.
fn note(edges: &mut Vec<f64>, more: impl IntoIterator<Item = f64>) -> Result<(), String> {
    for edge in more {
        if edge.is_nan() {
            return Err("a threshold is NaN".into());
        }
        if edge.is_finite() {
            edges.push(if edge == 0.0 { 0.0 } else { edge });
        }
    }
    Ok(())
}

/// Where a test for more than `edge` is found: the slice of `edges`, and the threshold of bins.
fn place_of(edge: f64, edges: &[f64]) -> (u32, u8) {
    if edge == f64::NEG_INFINITY {
        return (0, 0);
    }
    let above = edges.partition_point(|&known| known < edge);
    if above == edges.len() {
        // Above an edge that no number is above: only a missing value may go right.
        return (0, u8::MAX);
    }
    ((above / MAX_EDGES) as u32, (above % MAX_EDGES) as u8 + 1)
}

/// Bins of the numbers in `(above, up_to]`; both are among the edges or infinite.
fn bins_inside((above, up_to): (f64, f64), edges: &[f64]) -> std::ops::RangeInclusive<usize> {
    let n_up_to = |bound: f64| edges.partition_point(|&edge| edge <= bound);
    let first = 1 + n_up_to(above);
    let last = if up_to == f64::INFINITY { edges.len() + 1 } else { n_up_to(up_to) };
    first..=last
}
