//! Models of a wanted shape with random contents, and rows for them.
//!
//! Their predictions mean nothing; what they cost does. Rows take every path with some chance, so
//! that no processor learns them by heart.

use std::collections::VecDeque;

use crate::encoder::{Bins, Derive, Feature};
use crate::engine::RowSource;
use crate::linear::{Linear, Term};
use crate::members::{Link, Member, Model, Part};
use crate::net::{Activation, Input, Layer, Net};
use crate::random::Random;
use crate::schema::{ColumnKind, InputColumn, Schema, TaskKind};
use crate::tree::{BinSet, Node, Test, Tree, TreeOutput, Trees};
use crate::value::Value;

/// What a synthetic model is made of. Numeric columns come before categorical ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Synthetic {
    /// Numeric columns.
    pub n_numeric: usize,
    /// Edges of each numeric feature, at most 254.
    pub n_edges: usize,
    /// Categorical columns.
    pub n_categorical: usize,
    /// Levels of each categorical feature, at most 253.
    pub n_levels: usize,
    /// Trees.
    pub n_trees: usize,
    /// Leaves of each tree.
    pub n_leaves: usize,
    /// Whether trees grow level by level (balanced) or at a random leaf (deeper).
    pub balanced: bool,
    /// Whether there is a linear member over all features.
    pub linear: bool,
    /// Rectified units of the hidden layer of a net over all features; 0 is none.
    pub n_hidden: usize,
    /// Outputs: 1 is a regression; more are classes, with a row of numbers in every leaf.
    pub n_outputs: usize,
    /// Seed of the contents.
    pub seed: u64,
}

impl Default for Synthetic {
    fn default() -> Self {
        Synthetic {
            n_numeric: 10,
            n_edges: 254,
            n_categorical: 0,
            n_levels: 20,
            n_trees: 100,
            n_leaves: 31,
            balanced: false,
            linear: false,
            n_hidden: 0,
            n_outputs: 1,
            seed: 0,
        }
    }
}

impl Synthetic {
    /// The model.
    pub fn model(&self) -> Model {
        let mut random = Random(self.seed);
        let features = self.features();
        let mut members = Vec::new();
        let mut add = |part| members.push(Member { weight: 1.0, link: Link::Identity, part });
        if self.n_trees > 0 || !self.linear && self.n_hidden == 0 {
            add(Part::Trees(self.trees(&features, &mut random)));
        }
        if self.linear {
            add(Part::Linear(self.linear(&features, &mut random)));
        }
        if self.n_hidden > 0 {
            add(Part::Net(self.net(&features, &mut random)));
        }
        Model { schema: self.schema(), features, members, notes: String::new() }
    }

    fn schema(&self) -> Schema {
        let kinds = std::iter::repeat_n(ColumnKind::Number, self.n_numeric)
            .chain(std::iter::repeat_n(ColumnKind::Category, self.n_categorical));
        let columns = kinds
            .enumerate()
            .map(|(i, kind)| InputColumn { name: format!("x{i}"), kind })
            .collect();
        let classes = (0..self.n_outputs).map(|class| format!("class {class}")).collect();
        let (task, classes) = match self.n_outputs {
            1 => (TaskKind::Regression, Vec::new()),
            _ => (TaskKind::Multiclass, classes),
        };
        Schema { task, target: "y".into(), classes, columns }
    }

    fn features(&self) -> Vec<Feature> {
        let n_features = self.n_numeric + self.n_categorical;
        let bins_of = |column| {
            if column < self.n_numeric {
                let step = 1.0 / (self.n_edges + 1) as f64;
                Bins::Edges((1..=self.n_edges).map(|edge| edge as f64 * step).collect())
            } else {
                Bins::Levels((0..self.n_levels).map(level_name).collect())
            }
        };
        let feature = |column| {
            let name = format!("x{column}");
            Feature { column: column as u32, derive: Derive::Itself, name, bins: bins_of(column) }
        };
        (0..n_features).map(feature).collect()
    }

    fn trees(&self, features: &[Feature], random: &mut Random) -> Trees {
        let output = if self.n_outputs == 1 { TreeOutput::One(0) } else { TreeOutput::All };
        Trees {
            base: vec![0.0; self.n_outputs],
            trees: (0..self.n_trees).map(|_| self.tree(features, random)).collect(),
            outputs: vec![output; self.n_trees],
            scale: 1.0,
        }
    }

    fn tree(&self, features: &[Feature], random: &mut Random) -> Tree {
        let mut nodes = vec![Node::Leaf { value: 0 }];
        let mut leaves = VecDeque::from([0usize]);
        while leaves.len() < self.n_leaves && !features.is_empty() {
            // The oldest leaf is the shallowest one, so taking it keeps the tree balanced.
            let taken = match self.balanced {
                true => leaves.pop_front(),
                false => leaves.swap_remove_back(random.below(leaves.len())),
            };
            let node = taken.expect("there is always a leaf");
            let feature = random.below(features.len());
            let test = any_test(&features[feature].bins, random);
            let (left, right) = (nodes.len() as u32, nodes.len() as u32 + 1);
            nodes[node] = Node::Split { feature: feature as u32, test, left, right, gain: 1.0 };
            leaves.extend([left as usize, right as usize]);
            nodes.extend([Node::Leaf { value: 0 }; 2]);
        }
        for (row, &leaf) in leaves.iter().enumerate() {
            nodes[leaf] = Node::Leaf { value: row as u32 };
        }
        let values = (0..leaves.len() * self.n_outputs).map(|_| random.unit() as f32 - 0.5);
        Tree { nodes, values: values.collect() }
    }

    fn linear(&self, features: &[Feature], random: &mut Random) -> Linear {
        let mut numbers = |n| (0..n).map(|_| random.unit() - 0.5).collect::<Vec<f64>>();
        let terms = features.iter().enumerate().map(|(index, feature)| {
            let feature_index = index as u32;
            if feature.bins.is_categorical() {
                let weights = numbers(self.n_outputs * feature.bins.n_bins());
                return Term::Bins { feature: feature_index, weights };
            }
            Term::Number {
                feature: feature_index,
                center: 0.5,
                scale: 0.3,
                clip: 3.0,
                weights: numbers(self.n_outputs),
                missing: numbers(self.n_outputs),
            }
        });
        let terms = terms.collect();
        Linear { intercept: numbers(self.n_outputs), terms }
    }

    fn net(&self, features: &[Feature], random: &mut Random) -> Net {
        let input = |(index, feature): (usize, &Feature)| {
            let feature_index = index as u32;
            if feature.bins.is_categorical() {
                let n_bins = feature.bins.n_bins() as u32;
                return Input::OneHot { feature: feature_index, n_bins };
            }
            let (center, factor, clip, missing) = (0.5, 3.0, 3.0, 0.0);
            Input::Number {
                feature: feature_index,
                center,
                factor,
                clip,
                missing,
                indicator: false,
            }
        };
        let inputs: Vec<Input> = features.iter().enumerate().map(input).collect();
        let mut layer = |n_inputs, n_outputs, activation| {
            let mut weights = |n| (0..n).map(|_| random.unit() as f32 - 0.5).collect::<Vec<f32>>();
            Layer {
                bias: weights(n_outputs),
                weights: weights(n_inputs * n_outputs),
                activation,
                half: false,
            }
        };
        let n_inputs = inputs.iter().map(Input::width).sum();
        let hidden = layer(n_inputs, self.n_hidden, Activation::Relu);
        let last = layer(self.n_hidden, self.n_outputs, Activation::Identity);
        Net { base: vec![0.0; self.n_outputs], scale: 1.0, inputs, layers: vec![hidden, last] }
    }

    /// Distinct random rows for the model, one cell in 50 missing.
    pub fn rows(&self, n_rows: usize) -> SyntheticRows {
        let mut random = Random(self.seed ^ 0x5EED);
        let n_columns = self.n_numeric + self.n_categorical;
        let cells = (0..n_rows * n_columns).map(|_| match random.below(50) {
            0 => f64::NAN,
            _ => random.unit(),
        });
        let cells = cells.collect();
        // One level more than the model knows.
        let levels = (0..=self.n_levels).map(level_name).collect();
        SyntheticRows { cells, levels, n_columns, n_numeric: self.n_numeric }
    }
}

fn any_test(bins: &Bins, random: &mut Random) -> Test {
    if !bins.is_categorical() {
        // The middle half of the bins, so that deep nodes are reached too.
        let n_bins = bins.n_bins();
        let threshold = (n_bins / 4 + random.below(n_bins.div_ceil(2))) as u8;
        return Test::Above { threshold, missing_right: false };
    }
    let mut set = BinSet::default();
    // One level against the others, as most splits of real trees have few distinct sets.
    set.insert(1 + random.below(bins.n_bins() - 1) as u8);
    Test::In(set)
}

fn level_name(level: usize) -> String {
    format!("level-{level}")
}

/// Rows of a [`Synthetic`] model.
#[derive(Debug, Clone)]
pub struct SyntheticRows {
    /// Uniform numbers `(n_rows, n_columns)`; NaN is missing.
    cells: Vec<f64>,
    levels: Vec<String>,
    n_columns: usize,
    n_numeric: usize,
}

impl RowSource for SyntheticRows {
    fn n_rows(&self) -> usize {
        self.cells.len().checked_div(self.n_columns).unwrap_or(0)
    }

    fn cell(&self, row: usize, column: usize) -> Value<'_> {
        let number = self.cells[row * self.n_columns + column];
        if number.is_nan() {
            Value::Missing
        } else if column < self.n_numeric {
            Value::Number(number)
        } else {
            Value::Text(&self.levels[(number * self.levels.len() as f64) as usize])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_have_the_wanted_shape() {
        let wanted =
            Synthetic { n_categorical: 5, n_outputs: 3, linear: true, ..Synthetic::default() };
        let model = wanted.model();
        assert_eq!(model.check(), Ok(()));
        let shape = model.shape();
        assert_eq!((shape.n_binned, shape.n_looked_up), (10.0, 5.0));
        assert_eq!((shape.n_trees, shape.n_nodes, shape.n_added), (100.0, 6100.0, 300.0));
        assert_eq!(shape.n_products, 45.0);
        let balanced = Synthetic { n_leaves: 64, balanced: true, ..Synthetic::default() };
        assert_eq!(balanced.model().shape().n_steps, 600.0);
        assert_eq!(balanced.model(), balanced.model());
    }

    #[test]
    fn rows_have_numbers_names_and_gaps() {
        let wanted = Synthetic { n_categorical: 1, ..Synthetic::default() };
        let rows = wanted.rows(500);
        assert_eq!(rows.n_rows(), 500);
        let texts = (0..500).filter(|&row| matches!(rows.cell(row, 10), Value::Text(_))).count();
        let numbers = (0..500).filter(|&row| matches!(rows.cell(row, 9), Value::Number(_))).count();
        assert!((450..500).contains(&texts) && (450..500).contains(&numbers));
    }
}
