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
}

/// Edges of one column, read in one way.
type Key = (usize, bool);

impl Ensemble {
    /// The model that predicts the same.
    ///
    /// # Errors
    /// [`Error::BadFile`] if an index, threshold or shape is wrong; [`Error::Unsupported`] if a
    /// column has more than 253 categories.
    pub fn into_model(self) -> Result<Model, Error> {
        let mut layout = Layout::new(&self.columns)?;
        for (index, tree) in self.trees.iter().enumerate() {
            layout.collect(tree).map_err(|problem| in_tree(index, &problem))?;
        }
        layout.settle(&self.columns);
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
    /// Number of levels by column; none for numbers.
    n_levels: Vec<Option<usize>>,
    /// All edges, ascending once settled.
    edges: BTreeMap<Key, Vec<f64>>,
    /// First feature of a key.
    first: BTreeMap<Key, usize>,
    features: Vec<Feature>,
}

impl Layout {
    fn new(columns: &[Column]) -> Result<Layout, Error> {
        for column in columns {
            let n_levels = column.levels.as_ref().map_or(0, Vec::len);
            if n_levels > MAX_LEVELS {
                return Err(Error::Unsupported(format!(
                    "column `{}` has {n_levels} categories, at most {MAX_LEVELS} can be told apart",
                    column.name
                )));
            }
        }
        let n_levels = columns.iter().map(|column| column.levels.as_ref().map(Vec::len)).collect();
        Ok(Layout {
            n_levels,
            edges: BTreeMap::new(),
            first: BTreeMap::new(),
            features: Vec::new(),
        })
    }

    /// Notes the edges that a tree asks for.
    fn collect(&mut self, tree: &ForeignTree) -> Result<(), String> {
        for node in &tree.nodes {
            let ForeignNode::Split { column, test, .. } = node else { continue };
            let n_levels = self.n_levels.get(*column).ok_or_else(|| {
                format!("it asks about column {column} of {}", self.n_levels.len())
            })?;
            match (test, n_levels) {
                (ForeignTest::Above { edge, zero_is_missing, .. }, None) => {
                    if edge.is_nan() {
                        return Err("a threshold is NaN".into());
                    }
                    let edges = self.edges.entry((*column, *zero_is_missing)).or_default();
                    if edge.is_finite() {
                        edges.push(if *edge == 0.0 { 0.0 } else { *edge });
                    }
                }
                (ForeignTest::In { levels, .. }, Some(n_levels)) => {
                    if levels.iter().any(|&level| level as usize >= *n_levels) {
                        return Err(format!("a set of categories of column {column} is too large"));
                    }
                }
                (ForeignTest::Above { .. }, Some(_)) => {
                    return Err(format!("a threshold for column {column}, which has categories"));
                }
                (ForeignTest::In { .. }, None) => {
                    return Err(format!("a set of categories for column {column} of numbers"));
                }
            }
        }
        Ok(())
    }

    /// Makes the features, column by column.
    fn settle(&mut self, columns: &[Column]) {
        for (&(column, zero_is_missing), edges) in &mut self.edges {
            edges.sort_unstable_by(f64::total_cmp);
            edges.dedup();
            self.first.insert((column, zero_is_missing), self.features.len());
            let derive = if zero_is_missing { Derive::NonZero } else { Derive::Itself };
            let slices = edges.chunks(MAX_EDGES).map(<[f64]>::to_vec);
            // A feature without edges still tells missing values apart.
            let slices = if edges.is_empty() { vec![vec![]] } else { slices.collect() };
            self.features.extend(slices.into_iter().map(|slice| Feature {
                column: column as u32,
                derive,
                name: columns[column].name.clone(),
                bins: Bins::Edges(slice),
            }));
        }
        for (column, Column { name, levels }) in columns.iter().enumerate() {
            let Some(levels) = levels else { continue };
            self.first.insert((column, false), self.features.len());
            self.features.push(Feature {
                column: column as u32,
                derive: Derive::Itself,
                name: name.clone(),
                bins: Bins::Levels(levels.clone()),
            });
        }
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
        match test {
            ForeignTest::Above { edge, missing_right, zero_is_missing } => {
                let key = (column, *zero_is_missing);
                let (edges, first) = (&self.edges[&key], self.first[&key]);
                let missing_right = *missing_right;
                if *edge == f64::NEG_INFINITY {
                    return (first as u32, Test::Above { threshold: 0, missing_right });
                }
                // Above an edge that no number is above: only a missing value may go right.
                let above = edges.partition_point(|known| known < edge);
                if above == edges.len() {
                    return (first as u32, Test::Above { threshold: u8::MAX, missing_right });
                }
                let threshold = (above % MAX_EDGES) as u8 + 1;
                ((first + above / MAX_EDGES) as u32, Test::Above { threshold, missing_right })
            }
            ForeignTest::In { levels, missing_right, unseen_right } => {
                let n_levels = self.n_levels[column].unwrap_or(0);
                let mut set = BinSet::default();
                levels.iter().for_each(|&level| set.insert(level as u8 + 1));
                if *missing_right {
                    set.insert(0);
                }
                if *unseen_right {
                    set.insert(n_levels as u8 + 1);
                }
                (self.first[&(column, false)] as u32, Test::In(set))
            }
        }
    }
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
        let message = check(|e| e.columns[0].levels = Some(vec!["x".into(); 300]));
        assert!(message.contains("300 categories"), "{message}");
    }
}
