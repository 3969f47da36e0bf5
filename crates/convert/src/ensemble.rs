//! Trees as other libraries write them, and how they become a model.
//!
//! Other libraries compare raw values with thresholds of their own. Here the thresholds of a column
//! are collected and become the edges of its features. A feature has at most 254 edges; a column
//! with more thresholds becomes several features, each over a slice of them, so that every test
//! still reads one byte.

use std::collections::BTreeMap;

use eyas_model::encoder::{MAX_EDGES, MAX_LEVELS};
use eyas_model::{
    BinSet, Bins, ColumnKind, Derive, Feature, InputColumn, Link, Member, Model, Node, Part,
    Schema, TaskKind, Test, Tree, TreeOutput, Trees,
};

use crate::error::Error;

/// A sum of trees over named columns.
#[derive(Debug, Clone)]
pub struct Ensemble {
    /// Columns by their index in tests.
    pub columns: Vec<Column>,
    /// What is predicted.
    pub task: TaskKind,
    /// Name of the target.
    pub target: String,
    /// Class labels; empty for regression.
    pub classes: Vec<String>,
    /// From scores to predictions.
    pub link: Link,
    /// Start of the sum `(n_outputs,)`.
    pub base: Vec<f64>,
    /// Factor on every leaf value.
    pub scale: f64,
    /// Trees in the order of the sum.
    pub trees: Vec<ForeignTree>,
    /// Where the model comes from, as JSON.
    pub notes: String,
}

/// A column that tests may ask about.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Names of its categories; none if it holds numbers.
    pub levels: Option<Vec<String>>,
}

/// A tree; node 0 is the root. Nodes may come in any order.
#[derive(Debug, Clone, PartialEq)]
pub struct ForeignTree {
    /// Nodes.
    pub nodes: Vec<ForeignNode>,
    /// Leaf values `(n_leaves, width)`.
    pub values: Vec<f32>,
    /// What the leaves hold.
    pub output: TreeOutput,
}

/// A node of a [`ForeignTree`].
#[derive(Debug, Clone, PartialEq)]
pub enum ForeignNode {
    /// Asks a question; "yes" goes right.
    Split {
        /// Index of the column.
        column: usize,
        /// The question.
        test: ForeignTest,
        /// Node for "no".
        left: u32,
        /// Node for "yes".
        right: u32,
        /// Decrease of the training loss, 0 if unknown.
        gain: f32,
    },
    /// Answers with a row of [`ForeignTree::values`].
    Leaf {
        /// The row.
        value: u32,
    },
}

/// A question about the raw value of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum ForeignTest {
    /// `v > edge`, compared in f64. Infinity: no value passes; minus infinity: every value does.
    Above {
        /// The edge, not NaN.
        edge: f64,
        /// Where a missing value goes.
        missing_right: bool,
        /// Whether zero (up to 1e-35 from it) counts as missing.
        zero_is_missing: bool,
    },
    /// The category is in a set.
    In {
        /// Indices into [`Column::levels`].
        levels: Vec<u32>,
        /// Where a missing value goes.
        missing_right: bool,
        /// Where a category that is not among the levels goes.
        unseen_right: bool,
    },
    /// The number lies in one of several spans: the code of a category that is in a set.
    Inside {
        /// Spans `(above, up_to)`: `above < v <= up_to`, compared in f64, not NaN.
        spans: Vec<(f64, f64)>,
        /// Where a missing value goes.
        missing_right: bool,
    },
}

/// What the edges of a column are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reading {
    Number,
    NonZero,
    Spans,
}

/// Edges of one column, read in one way.
type Key = (usize, Reading);

impl Ensemble {
    /// The model that predicts the same.
    ///
    /// # Errors
    /// [`Error::BadFile`] if an index, threshold or shape is wrong; [`Error::Unsupported`] if
    /// splits tell more than 253 categories of a column apart.
    pub fn into_model(self) -> Result<Model, Error> {
        let mut layout = Layout::new(&self.columns);
        for (index, tree) in self.trees.iter().enumerate() {
            layout.collect(tree).map_err(|problem| in_tree(index, &problem))?;
        }
        layout.settle(&self.columns)?;
        let mut trees = Vec::with_capacity(self.trees.len());
        let mut outputs = Vec::with_capacity(self.trees.len());
        for (index, tree) in self.trees.into_iter().enumerate() {
            outputs.push(tree.output);
            trees.push(layout.tree(tree).map_err(|problem| in_tree(index, &problem))?);
        }
        let columns = self.columns.into_iter().map(|column| InputColumn {
            kind: if column.levels.is_some() { ColumnKind::Category } else { ColumnKind::Number },
            name: column.name,
        });
        let schema = Schema {
            task: self.task,
            target: self.target,
            classes: self.classes,
            columns: columns.collect(),
        };
        let part = Part::Trees(Trees { base: self.base, trees, outputs, scale: self.scale });
        let members = vec![Member { weight: 1.0, link: self.link, part }];
        Ok(Model { schema, features: layout.features, members, notes: self.notes })
    }
}

fn in_tree(index: usize, problem: &str) -> Error {
    Error::BadFile(format!("tree {index}: {problem}"))
}

/// Where tests find their feature and threshold.
struct Layout {
    /// Levels by column; none for numbers.
    levels: Vec<Option<Levels>>,
    /// All edges, ascending once settled.
    edges: BTreeMap<Key, Vec<f64>>,
    /// First feature of a key; that of levels is a `Number`.
    first: BTreeMap<Key, usize>,
    features: Vec<Feature>,
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
    fn new(columns: &[Column]) -> Layout {
        let levels_of = |column: &Column| Some(Levels::new(column.levels.as_ref()?.len()));
        Layout {
            levels: columns.iter().map(levels_of).collect(),
            edges: BTreeMap::new(),
            first: BTreeMap::new(),
            features: Vec::new(),
        }
    }

    /// Notes what a tree asks for.
    fn collect(&mut self, tree: &ForeignTree) -> Result<(), String> {
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
    fn settle(&mut self, columns: &[Column]) -> Result<(), Error> {
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
    fn tree(&self, tree: ForeignTree) -> Result<Tree, String> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use eyas_model::{Predictor, Scratch, Value};

    fn above(edge: f64, missing_right: bool) -> ForeignTest {
        ForeignTest::Above { edge, missing_right, zero_is_missing: false }
    }

    fn stump(column: usize, test: ForeignTest) -> ForeignTree {
        // The root is followed by its right child, to try other orders.
        let nodes = vec![
            ForeignNode::Split { column, test, left: 2, right: 1, gain: 0.0 },
            ForeignNode::Leaf { value: 1 },
            ForeignNode::Leaf { value: 0 },
        ];
        ForeignTree { nodes, values: vec![0.0, 1.0], output: TreeOutput::One(0) }
    }

    fn ensemble(columns: Vec<Column>, trees: Vec<ForeignTree>) -> Ensemble {
        Ensemble {
            columns,
            task: TaskKind::Regression,
            target: "y".into(),
            classes: vec![],
            link: Link::Identity,
            base: vec![0.0],
            scale: 1.0,
            trees,
            notes: "{}".into(),
        }
    }

    fn number(name: &str) -> Column {
        Column { name: name.into(), levels: None }
    }

    fn predict(model: Model, rows: &[Value<'_>]) -> Vec<f64> {
        let predictor = Predictor::compile(model).expect("sound");
        let mut scratch = Scratch::default();
        let one = |value: &Value<'_>| {
            let mut out = [0.0];
            predictor.predict_row(&[*value], &mut scratch, &mut out).expect("a sound row");
            out[0]
        };
        rows.iter().map(one).collect()
    }

    #[test]
    fn a_thousand_thresholds_of_one_column_are_all_told_apart() {
        let trees = (0..1000).map(|i| stump(0, above(f64::from(i), false))).collect();
        let model = ensemble(vec![number("x")], trees).into_model().expect("sound");
        assert_eq!(model.features.len(), 4);
        let rows: Vec<Value> = [-1.0, 0.0, 0.5, 253.0, 253.5, 254.5, 700.5, 2000.0, f64::NAN]
            .map(Value::Number)
            .to_vec();
        assert_eq!(predict(model, &rows), [0.0, 0.0, 1.0, 253.0, 254.0, 255.0, 701.0, 1000.0, 0.0]);
    }

    #[test]
    fn infinite_thresholds_and_zeros() {
        let values = [Value::Number(-1.0), Value::Number(0.0), Value::Number(7.0), Value::Missing];
        let by = |test| {
            let model = ensemble(vec![number("x")], vec![stump(0, test)]).into_model();
            predict(model.expect("sound"), &values)
        };
        assert_eq!(by(above(f64::INFINITY, false)), [0.0, 0.0, 0.0, 0.0]);
        assert_eq!(by(above(f64::INFINITY, true)), [0.0, 0.0, 0.0, 1.0]);
        assert_eq!(by(above(f64::NEG_INFINITY, false)), [1.0, 1.0, 1.0, 0.0]);
        let zero = ForeignTest::Above { edge: -5.0, missing_right: false, zero_is_missing: true };
        assert_eq!(by(zero), [1.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn sets_of_categories() {
        let column = Column { name: "c".into(), levels: Some(vec!["a".into(), "b".into()]) };
        let test = |missing_right, unseen_right| ForeignTest::In {
            levels: vec![1],
            missing_right,
            unseen_right,
        };
        let values = ["a", "b", "z", ""].map(Value::Text);
        for (missing, unseen) in [(false, false), (true, false), (false, true)] {
            let tree = stump(0, test(missing, unseen));
            let model = ensemble(vec![column.clone()], vec![tree]).into_model().expect("sound");
            let expected = [0.0, 1.0, f64::from(unseen), f64::from(missing)];
            assert_eq!(predict(model, &values), expected);
        }
    }

    #[test]
    fn spans_of_codes() {
        // Codes 0, 2 and 3 as a library that cuts numbers off reads them.
        let spans = vec![(-1.0, 1f64.next_down()), (2f64.next_down(), 4f64.next_down())];
        let values = [-2.0, -1.0, -0.5, 0.0, 0.9, 1.0, 2.0, 3.9, 4.0, 1e9, f64::NAN];
        for missing_right in [false, true] {
            let test = ForeignTest::Inside { spans: spans.clone(), missing_right };
            let model = ensemble(vec![number("x")], vec![stump(0, test)]).into_model();
            let rows = values.map(Value::Number);
            let missing = f64::from(missing_right);
            let expected = [0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, missing];
            assert_eq!(predict(model.expect("sound"), &rows), expected);
        }
        let everything = ForeignTest::Inside {
            spans: vec![(f64::NEG_INFINITY, f64::INFINITY)],
            missing_right: false,
        };
        let model = ensemble(vec![number("x")], vec![stump(0, everything)]).into_model();
        let rows = [Value::Number(-3.0), Value::Missing];
        assert_eq!(predict(model.expect("sound"), &rows), [1.0, 0.0]);
    }

    #[test]
    fn of_many_categories_those_that_splits_ask_for_remain() {
        let names: Vec<String> = (0..1000).map(|level| format!("level {level}")).collect();
        let column = Column { name: "c".into(), levels: Some(names) };
        let of = |n_asked: u32, unseen_right| {
            let levels = (0..n_asked).map(|level| 3 * level).collect();
            let test = ForeignTest::In { levels, missing_right: false, unseen_right };
            ensemble(vec![column.clone()], vec![stump(0, test)]).into_model()
        };
        let values = ["level 3", "level 4", "level 756", "other"].map(Value::Text);
        assert_eq!(predict(of(253, false).expect("sound"), &values), [1.0, 0.0, 1.0, 0.0]);
        for refused in [of(254, false), of(2, true)] {
            let message = refused.expect_err("too many").to_string();
            assert!(message.contains("column `c` has 1000 categories"), "{message}");
        }
    }

    #[test]
    fn what_is_broken_is_said() {
        let check = |change: fn(&mut Ensemble)| {
            let mut broken = ensemble(vec![number("x")], vec![stump(0, above(1.0, false))]);
            change(&mut broken);
            broken.into_model().expect_err("broken").to_string()
        };
        let message = check(|e| e.columns.clear());
        assert!(message.contains("tree 0: it asks about column 0 of 0"), "{message}");
        let message = check(|e| e.trees[0].nodes.clear());
        assert!(message.contains("no nodes"), "{message}");
        let message = check(|e| e.trees[0].nodes.truncate(2));
        assert!(message.contains("child 2"), "{message}");
        let message = check(|e| {
            e.trees[0].nodes[1] = e.trees[0].nodes[0].clone();
        });
        assert!(message.contains("another parent"), "{message}");
        let message = check(|e| e.columns[0].levels = Some(vec!["x".into()]));
        assert!(message.contains("column 0, which has categories"), "{message}");
    }
}
