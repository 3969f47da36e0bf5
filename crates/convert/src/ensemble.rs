//! Trees as other libraries write them, and how they become a model.
//!
//! Other libraries compare raw values with thresholds of their own. Here the thresholds of a column
//! are collected and become the edges of its features. A feature has at most 254 edges; a column
//! with more thresholds becomes several features, each over a slice of them, so that every test
//! still reads one byte.

mod layout;

use eyas_model::{
    ColumnKind, InputColumn, Link, Member, Model, Part, Schema, TaskKind, TreeOutput, Trees,
};

use crate::error::Error;
use layout::Layout;

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
