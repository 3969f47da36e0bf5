//! Columns and features of a model as values of the graph, each made when first asked for.

use std::collections::HashMap;

use eyas_model::encoder::ZERO;
use eyas_model::{BinSet, Bins, ColumnKind, Derive, Model};

use crate::onnx::export::builder::{Builder, int, ints, texts};
use crate::onnx::messages::element;

/// Names of values by column or feature.
pub struct Features<'a> {
    model: &'a Model,
    inputs: HashMap<u32, String>,
    numbers: HashMap<u32, String>,
    bins: HashMap<u32, String>,
}

impl<'a> Features<'a> {
    /// Nothing made yet.
    pub fn new(model: &'a Model) -> Features<'a> {
        let (inputs, numbers, bins) = (HashMap::new(), HashMap::new(), HashMap::new());
        Features { model, inputs, numbers, bins }
    }

    /// Whether a feature has levels.
    pub fn is_categorical(&self, feature: u32) -> bool {
        self.model.features[feature as usize].bins.is_categorical()
    }

    /// A column as an input.
    pub fn input(&mut self, builder: &mut Builder, column: u32) -> String {
        let found = &self.model.schema.columns[column as usize];
        let input = || {
            let is_text = matches!(found.kind, ColumnKind::Category | ColumnKind::Boolean);
            let elem_type = if is_text { element::STRING } else { element::FLOAT };
            builder.input(&found.name, elem_type);
            found.name.clone()
        };
        self.inputs.entry(column).or_insert_with(input).clone()
    }

    /// Any input, to know the number of rows; the first column if there is none yet.
    pub fn any_input(&mut self, builder: &mut Builder) -> String {
        match builder.graph.input.first() {
            Some(input) => input.name.clone(),
            None => self.input(builder, 0),
        }
    }

    /// The number of a feature, `(n_rows, 1)` in 32 bits, NaN if it is missing.
    pub fn number(&mut self, builder: &mut Builder, feature: u32) -> String {
        if let Some(known) = self.numbers.get(&feature) {
            return known.clone();
        }
        let found = &self.model.features[feature as usize];
        let mut value = self.input(builder, found.column);
        if found.derive == Derive::NonZero {
            let size = builder.node("Abs", &[&value]);
            let zero = builder.floats(&[ZERO as f32], &[1]);
            let is_zero = builder.node("LessOrEqual", &[&size, &zero]);
            let missing = builder.floats(&[f32::NAN], &[1]);
            value = builder.node("Where", &[&is_zero, &missing, &value]);
        }
        self.numbers.insert(feature, value.clone());
        value
    }

    /// The bin of a feature, `(n_rows,)` as 64-bit integers.
    pub fn bin(&mut self, builder: &mut Builder, feature: u32) -> String {
        if let Some(known) = self.bins.get(&feature) {
            return known.clone();
        }
        let bins = match &self.model.features[feature as usize].bins {
            Bins::Levels(levels) => {
                let input = self.input(builder, self.model.features[feature as usize].column);
                bin_of_level(builder, &input, levels)
            }
            Bins::Edges(edges) => {
                let number = self.number(builder, feature);
                bin_of_number(builder, &number, edges)
            }
        };
        let shape = builder.integers(&[-1], &[1]);
        let bins = builder.node("Reshape", &[&bins, &shape]);
        self.bins.insert(feature, bins.clone());
        bins
    }

    /// Whether the bin of a feature is in each of some sets: `(n_rows, n_sets)` in 32 bits, 1 if so.
    pub fn sets(&mut self, builder: &mut Builder, feature: u32, sets: &[BinSet]) -> String {
        let n_bins = self.model.features[feature as usize].bins.n_bins();
        let inside = |bin: usize| sets.iter().map(move |set| set.contains(bin as u8) as u8 as f32);
        let table: Vec<f32> = (0..n_bins).flat_map(inside).collect();
        let table = builder.floats(&table, &[n_bins, sets.len()]);
        let bin = self.bin(builder, feature);
        builder.node("Gather", &[&table, &bin])
    }
}

/// `(n_rows, 1)`: 0 for empty text, the place of a level plus one, one more for any other text.
fn bin_of_level(builder: &mut Builder, input: &str, levels: &[String]) -> String {
    let keys = std::iter::once(Vec::new()).chain(levels.iter().map(|l| l.clone().into_bytes()));
    let attributes = vec![
        texts("keys_strings", keys.collect()),
        ints("values_int64s", (0..=levels.len() as i64).collect()),
        int("default_int64", levels.len() as i64 + 1),
    ];
    builder.ml_node("LabelEncoder", &[input], attributes)
}

/// `(n_rows,)`: 0 for NaN, else one plus the number of edges below.
fn bin_of_number(builder: &mut Builder, number: &str, edges: &[f64]) -> String {
    let edges: Vec<f32> = edges.iter().map(|edge| rounded_down(*edge)).collect();
    let edges = builder.floats(&edges, &[1, edges.len()]);
    let above = builder.node("Greater", &[number, &edges]);
    let above = builder.cast(&above, element::INT64);
    let axis = builder.integers(&[1], &[1]);
    let n_above = builder.node_with("ReduceSum", &[&above, &axis], &[("keepdims", 1)]);
    let missing = builder.node("IsNaN", &[number]);
    let missing = builder.cast(&missing, element::INT64);
    let one = builder.integers(&[1], &[1]);
    let first = builder.node("Sub", &[&one, &missing]);
    builder.node("Add", &[&n_above, &first])
}

/// The largest 32-bit float that is not above: a 32-bit float is above both or neither.
pub fn rounded_down(edge: f64) -> f32 {
    let float = edge as f32;
    if f64::from(float) > edge { float.next_down() } else { float }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn floats_are_on_the_same_side_of_a_rounded_edge(edge in any::<f64>(), value in any::<f32>()) {
            prop_assume!(edge.is_finite());
            let rounded = rounded_down(edge);
            for value in [value, rounded, rounded.next_up(), rounded.next_down()] {
                prop_assert_eq!(value > rounded, f64::from(value) > edge, "{}", value);
            }
        }
    }
}
