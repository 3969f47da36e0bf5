//! The prediction engine: a model packed for speed.
//!
//! ```text
//! cells --encode--> bytes, bins, numbers --walk / linear--> scores --link, weights--> predictions
//! ```
//!
//! Every prediction equals [`Model::predict_by`] bit for bit: sums run in f64 in the order that
//! [`Trees`] defines, whatever order the trees are looked at in. One row is predicted
//! without an allocation, and next to no branch depends on its numbers, so what it costs follows
//! from the model's [`Shape`].
//!
//! A model is packed for a [`Tier`]: with vectors as [`packing`] lays out, or to be [`walked`] in
//! portable code. Kernels for a processor are in [`arch`].

mod arch;
mod batch;
mod binned;
pub(crate) mod chains;
mod columns;
mod edges;
pub(crate) mod encode;
#[cfg(test)]
pub(crate) mod examples;
pub(crate) mod flat;
mod linear;
mod names;
mod narrow;
pub(crate) mod net;
pub(crate) mod pack;
pub(crate) mod packing;
mod rows;
pub(crate) mod sections;
pub(crate) mod slots;
mod stored;
mod tier;
pub(crate) mod usage;
mod validate;
pub(crate) mod vectors;
pub(crate) mod walked;

use std::path::Path;

pub use binned::{BinnedNet, BinnedNetScratch, BinnedScratch, BinnedTrees};
pub use encode::MAX_SLOTS;
pub use rows::{FlatRows, RowSource};
pub use tier::Tier;

pub(crate) use arch::max_slots as max_vector_slots;

use crate::cost::Shape;
use crate::error::Error;
use crate::file::stored::StoredModel;
use crate::members::{Link, Model, Part};
use crate::schema::Schema;
use crate::tree::Trees;
use crate::value::Value;
use arch::Rows;
use columns::ROWS;
use encode::{Encoded, Encoder};
use flat::Forest;
use linear::PackedLinear;
use net::{NetRoom, PackedNet};
use pack::{PackedTrees, Room, stride_of};
use slots::Slots;
use usage::Usage;

/// A model ready to predict. Made by [`Predictor::compile`] or [`Predictor::load`]; shared freely
/// between threads, each with its own [`Scratch`].
#[derive(Debug, Clone)]
pub struct Predictor {
    schema: Schema,
    notes: String,
    encoder: Encoder,
    members: Vec<PackedMember>,
    shape: Shape,
    tier: Tier,
    /// Bytes from row to row of encoded slots.
    stride: usize,
    /// Whether batches are encoded slot by slot, and whether some member reads rows even then.
    reads_columns: bool,
    needs_rows: bool,
}

#[derive(Debug, Clone)]
struct PackedMember {
    weight: f64,
    link: Link,
    part: PackedPart,
}

#[derive(Debug, Clone)]
enum PackedPart {
    Trees(Box<PackedTrees>),
    Linear(PackedLinear),
    Net(Box<PackedNet>),
    Constant(Vec<f64>),
}

impl PackedPart {
    /// Whether a batch needs rows of slots.
    fn reads_rows(&self) -> bool {
        matches!(self, PackedPart::Trees(trees) if trees.reads_rows())
    }
}

/// Memory that a prediction writes to. Fits itself to a predictor at the first row.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    slots: Vec<u8>,
    /// Slots of rows side by side.
    columns: Vec<[u8; ROWS]>,
    numbers: Vec<f64>,
    bins: Vec<u8>,
    room: Room,
    net: NetRoom,
    scores: Vec<f64>,
}

impl Predictor {
    /// Packs a model.
    ///
    /// # Errors
    /// [`Error::BadModel`] if its parts do not fit together ([`Model::check`]), or if it asks more
    /// than [`MAX_SLOTS`] kinds of question.
    pub fn compile(model: Model) -> Result<Predictor, Error> {
        Predictor::compile_for(model, Tier::best())
    }

    /// Packs a model for a tier; predictions are the same, bit for bit.
    ///
    /// # Errors
    /// As [`Predictor::compile`].
    pub fn compile_for(model: Model, tier: Tier) -> Result<Predictor, Error> {
        model.check()?;
        let mut usage = Usage::new(&model.features);
        model.members.iter().for_each(|member| usage.add_part(&member.part));
        Predictor::assemble(model, &usage, tier, |trees, slots| {
            let n_nodes = trees.trees.iter().map(|tree| tree.nodes.len()).sum();
            let n_values = trees.trees.iter().map(|tree| tree.values.len()).sum();
            let mut forest = Forest::with_capacity(trees.trees.len(), n_nodes, n_values);
            trees.trees.iter().for_each(|tree| forest.add(tree, |f, test| slots.of(f, test)));
            forest
        })
    }

    /// Packs a checked model, whose trees `forest_of` flattens.
    fn assemble(
        model: Model,
        usage: &Usage,
        tier: Tier,
        mut forest_of: impl FnMut(&Trees, &Slots<'_>) -> Forest,
    ) -> Result<Predictor, Error> {
        let (encoder, places) = Encoder::new(&model.schema, &model.features, usage)?;
        let slots = Slots::new(usage, &places);
        let mut members = Vec::with_capacity(model.members.len());
        let mut shape = Shape::default();
        shape.add_features(&model.features, usage);
        for member in model.members {
            let part = match member.part {
                Part::Trees(trees) => {
                    let forest = forest_of(&trees, &slots);
                    let packed = PackedTrees::new(&trees, forest, encoder.n_slots, tier)?;
                    shape.join(&packed.shape, 1.0);
                    PackedPart::Trees(Box::new(packed))
                }
                Part::Linear(linear) => {
                    shape.add_linear(&linear, &model.features);
                    PackedPart::Linear(PackedLinear::new(&linear, usage, &places))
                }
                Part::Net(net) => {
                    shape.add_net(&net);
                    PackedPart::Net(Box::new(PackedNet::new(&net, &places, tier)))
                }
                Part::Constant(values) => PackedPart::Constant(values),
            };
            members.push(PackedMember { weight: member.weight, link: member.link, part });
        }
        let stride = stride_of(tier, encoder.n_slots);
        let reads_columns = encoder.is_plain() && encoder.n_slots <= columns::MAX_SLOTS;
        let needs_rows = members.iter().any(|member| member.part.reads_rows());
        let (schema, notes) = (model.schema, model.notes);
        Ok(Predictor {
            schema,
            notes,
            encoder,
            members,
            shape,
            tier,
            stride,
            reads_columns,
            needs_rows,
        })
    }

    /// Loads a model from the bytes of a file, see [`Model::from_bytes`].
    ///
    /// # Errors
    /// [`Error::BadFile`] or [`Error::BadModel`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Predictor, Error> {
        match Predictor::from_stored(bytes)? {
            Some(predictor) => Ok(predictor),
            None => Predictor::compile(Model::read_unchecked(bytes)?),
        }
    }

    /// Packs trees as they lie in the file; none if one of them is odd.
    fn from_stored(bytes: &[u8]) -> Result<Option<Predictor>, Error> {
        let StoredModel { model, trees } = StoredModel::read(bytes)?;
        model.check_without_trees()?;
        let mut usage = Usage::new(&model.features);
        let others = model.members.iter().filter(|m| !matches!(m.part, Part::Trees(_)));
        others.for_each(|member| usage.add_part(&member.part));
        let width = model.schema.n_outputs();
        if !trees.iter().all(|trees| stored::check(trees, width, &mut usage)) {
            return Ok(None);
        }
        let mut trees = trees.iter();
        let forest_of = |_: &Trees, slots: &Slots<'_>| {
            trees.next().map(|trees| stored::flatten(trees, slots)).unwrap_or_default()
        };
        Predictor::assemble(model, &usage, Tier::best(), forest_of).map(Some)
    }

    /// Loads a model file.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read, else as [`Predictor::from_bytes`].
    pub fn load(path: &Path) -> Result<Predictor, Error> {
        Predictor::from_bytes(&crate::file::read(path)?)
    }

    /// What a row must have, and what the outputs mean.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// How the model was found, as JSON.
    pub fn notes(&self) -> &str {
        &self.notes
    }

    /// Its countable parts, for [`crate::cost::CostModel`].
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The instructions it uses.
    pub fn tier(&self) -> Tier {
        self.tier
    }

    /// Numbers per prediction: 1 for regression and binary, else one a class.
    pub fn n_outputs(&self) -> usize {
        self.schema.n_outputs()
    }

    /// Predicts one row: the number, the probability of the second class, or the probability of
    /// each class.
    ///
    /// `values` are in the order of [`Schema::columns`] `(n_columns,)`, `out` is `(n_outputs,)`.
    /// Columns that no feature uses are not read. Empty text is missing. Nothing is allocated once
    /// `scratch` fits.
    ///
    /// # Errors
    /// [`Error::BadRow`] if text in a column of numbers or dates is neither, or if `values` or
    /// `out` have the wrong length. `out` is then unspecified.
    pub fn predict_row(
        &self,
        values: &[Value<'_>],
        scratch: &mut Scratch,
        out: &mut [f64],
    ) -> Result<(), Error> {
        self.check_lengths(values.len(), out.len())?;
        self.predict_cells(|column| values[column], scratch, out)
    }

    /// Predicts one row of numbers `(n_columns,)`, NaN is missing; as [`Predictor::predict_row`]
    /// with [`Value::Number`], a little faster.
    ///
    /// # Errors
    /// [`Error::BadRow`] if `numbers` or `out` have the wrong length.
    pub fn predict_numbers(
        &self,
        numbers: &[f64],
        scratch: &mut Scratch,
        out: &mut [f64],
    ) -> Result<(), Error> {
        self.check_lengths(numbers.len(), out.len())?;
        self.predict_cells(|column| Value::Number(numbers[column]), scratch, out)
    }

    #[inline(always)]
    fn predict_cells<'v>(
        &self,
        cell: impl Fn(usize) -> Value<'v>,
        scratch: &mut Scratch,
        out: &mut [f64],
    ) -> Result<(), Error> {
        scratch.fit(self, 1);
        let Scratch { slots, numbers, bins, room, net: net_room, scores, .. } = scratch;
        let mut row = Encoded { slots, numbers, bins };
        arch::encode(self.tier, &self.encoder, &self.schema, cell, &mut row)?;
        let scores = &mut scores[..out.len()];
        out.fill(0.0);
        for member in &self.members {
            scores.fill(0.0);
            match &member.part {
                PackedPart::Trees(trees) => {
                    let rows = Rows { slots, stride: self.stride, n_rows: 1 };
                    trees.score(rows, None, room, scores);
                }
                PackedPart::Linear(linear) => linear.score(numbers, bins, scores),
                PackedPart::Net(net) => net.score(numbers, bins, net_room, scores),
                PackedPart::Constant(values) => linear::add(scores, values, 1.0),
            }
            member.add_prediction(scores, out);
        }
        Ok(())
    }

    fn check_lengths(&self, n_values: usize, n_out: usize) -> Result<(), Error> {
        let (n_columns, n_outputs) = (self.schema.columns.len(), self.n_outputs());
        if n_values != n_columns {
            let column = self.schema.columns.get(n_values).map_or("", |column| &column.name);
            let problem = format!("the row has {n_values} values, expected {n_columns}");
            return Err(Error::BadRow { column: column.into(), problem });
        }
        if n_out != n_outputs {
            let problem = format!("there is room for {n_out} outputs, expected {n_outputs}");
            return Err(Error::BadRow { column: self.schema.target.clone(), problem });
        }
        Ok(())
    }
}

impl PackedMember {
    /// Turns scores into this member's share of the prediction.
    fn add_prediction(&self, scores: &mut [f64], out: &mut [f64]) {
        self.link.apply(scores);
        out.iter_mut().zip(scores).for_each(|(out, score)| *out += self.weight * *score);
    }
}

impl Scratch {
    /// Memory for any number of rows of a predictor: with it no prediction allocates.
    pub fn fitted(predictor: &Predictor) -> Scratch {
        let mut scratch = Scratch::default();
        scratch.fit(predictor, pack::MAX_ROWS);
        for member in &predictor.members {
            match &member.part {
                PackedPart::Trees(trees) => trees.make_room(&mut scratch.room),
                PackedPart::Net(net) => net.make_room(&mut scratch.net),
                PackedPart::Linear(_) | PackedPart::Constant(_) => {}
            }
        }
        scratch
    }

    /// Grows to what the predictor needs for `n_rows` rows at once.
    fn fit(&mut self, predictor: &Predictor, n_rows: usize) {
        let encoder = &predictor.encoder;
        grow(&mut self.slots, n_rows * predictor.stride);
        if predictor.reads_columns
            && n_rows >= pack::FEWEST_ROWS
            && self.columns.len() < encoder.n_slots
        {
            self.columns.resize(encoder.n_slots, [0; ROWS]);
        }
        grow(&mut self.numbers, n_rows * encoder.n_numbers);
        grow(&mut self.bins, n_rows * encoder.n_bins);
        grow(&mut self.scores, n_rows * predictor.n_outputs());
    }
}

fn grow<T: Clone + Default>(buffer: &mut Vec<T>, length: usize) {
    if buffer.len() < length {
        buffer.resize(length, T::default());
    }
}

#[cfg(test)]
mod tests {
    use super::examples::{
        AnyCell, any_model, any_row, categorical_feature, model_of, numeric_feature, stump,
    };
    use super::*;
    use crate::linear::{Linear, Term};
    use crate::measure::synthetic::Synthetic;
    use crate::random::Random;
    use crate::schema::TaskKind;
    use crate::tree::{BinSet, Node, Test, TreeOutput};
    use proptest::prelude::*;

    /// What the model predicts for a row when everything is done slowly.
    fn predict_plainly(model: &Model, row: &[AnyCell]) -> Vec<f64> {
        let values: Vec<Value> = row.iter().map(AnyCell::value).collect();
        let row = model.read_row(&values).expect("the row is sound");
        let mut out = vec![0.0; model.schema.n_outputs()];
        model.predict(&row, &mut out);
        out
    }

    fn bits(numbers: &[f64]) -> Vec<u64> {
        numbers.iter().map(|number| number.to_bits()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn predictions_equal_the_oracle_bit_for_bit(seed in any::<u64>(), n_rows in 1usize..150) {
            let model = any_model(seed);
            let mut random = Random(seed ^ 1);
            let rows: Vec<_> = (0..n_rows).map(|_| any_row(&mut random, &model)).collect();
            check_all_tiers(&model, &rows);
        }

        #[test]
        fn every_packing_equals_the_oracle(
            seed in any::<u64>(),
            n_numeric in prop::sample::select(vec![1usize, 15, 40, 70, 130, 300, 600]),
            n_leaves in prop::sample::select(vec![1usize, 2, 5, 8, 16, 31, 32, 33, 64, 150, 700]),
            n_trees in 0usize..40,
            balanced in any::<bool>(),
            n_outputs in prop::sample::select(vec![1usize, 4]),
        ) {
            let n_categorical = if seed % 3 == 0 { 3 } else { 0 };
            let wanted = Synthetic {
                n_numeric, n_leaves, n_trees, balanced, n_outputs, n_categorical, seed,
                ..Synthetic::default()
            };
            let mut model = wanted.model();
            mix_trees(&mut model, &mut Random(seed));
            check_all_tiers(&model, &any_rows_of(&wanted, 70));
        }
    }

    /// Makes some trees oblivious, some one-sided, and some add to one output.
    fn mix_trees(model: &mut Model, random: &mut Random) {
        let n_features = model.features.len();
        let width = model.schema.n_outputs();
        let Part::Trees(trees) = &mut model.members[0].part else { return };
        for (tree, output) in trees.trees.iter_mut().zip(&mut trees.outputs) {
            if random.below(4) == 0 {
                let depth = 1 + random.below(9);
                let feature = || random.below(n_features) as u32;
                let levels = std::iter::repeat_with(feature).take(depth).collect::<Vec<_>>();
                *tree = oblivious_tree(&levels, width);
            }
            if random.below(3) == 0 && *output == TreeOutput::All {
                *output = TreeOutput::One(random.below(width) as u32);
            }
        }
    }

    /// A tree that asks the same of all nodes of a level.
    fn oblivious_tree(levels: &[u32], width: usize) -> crate::Tree {
        let depth = levels.len();
        let n_inner = (1 << depth) - 1;
        let node = |index: u32| {
            if index >= n_inner {
                return Node::Leaf { value: index - n_inner };
            }
            let level = (index + 1).ilog2();
            let feature = levels[level as usize];
            let test = Test::Above { threshold: 1 + feature as u8 % 7, missing_right: level == 1 };
            let (left, right) = (2 * index + 1, 2 * index + 2);
            Node::Split { feature, test, left, right, gain: 0.0 }
        };
        let nodes: Vec<Node> = (0..2 * n_inner + 1).map(node).collect();
        let n_values = (1usize << depth) * width;
        crate::Tree { nodes, values: (0..n_values).map(|value| value as f32 / 7.0).collect() }
    }

    fn any_rows_of(wanted: &Synthetic, n_rows: usize) -> Vec<Vec<AnyCell>> {
        let rows = wanted.rows(n_rows);
        let cell = |row, column| match rows.cell(row, column) {
            Value::Missing => AnyCell::Missing,
            Value::Number(number) => AnyCell::Number(number),
            Value::Text(text) => AnyCell::Text(text.into()),
        };
        let n_columns = wanted.n_numeric + wanted.n_categorical;
        (0..n_rows).map(|row| (0..n_columns).map(|column| cell(row, column)).collect()).collect()
    }

    /// Rows one by one and as a batch, in every tier that the processor has.
    fn check_all_tiers(model: &Model, rows: &[Vec<AnyCell>]) {
        let expected: Vec<f64> = rows.iter().flat_map(|row| predict_plainly(model, row)).collect();
        let values: Vec<Value> = rows.iter().flatten().map(AnyCell::value).collect();
        let n_columns = model.schema.columns.len();
        for tier in Tier::all() {
            let predictor = Predictor::compile_for(model.clone(), tier).expect("it is sound");
            let (shape, exact) = (predictor.shape(), model.shape());
            let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b;
            assert!(close(shape.bytes, exact.bytes) && close(shape.n_vectors, exact.n_vectors));
            assert_eq!((shape.n_hops, shape.n_slots), (exact.n_hops, exact.n_slots));
            assert_eq!(shape.n_gathered, exact.n_gathered);
            assert_eq!((shape.n_products, shape.n_added), (exact.n_products, exact.n_added));
            let n_outputs = predictor.n_outputs();
            let mut scratch = Scratch::default();
            let mut out = vec![f64::NAN; expected.len()];
            for (row, out) in values.chunks(n_columns).zip(out.chunks_mut(n_outputs)) {
                predictor.predict_row(row, &mut scratch, out).expect("the row is sound");
            }
            assert_eq!(bits(&out), bits(&expected), "{tier}");
            let mut out = vec![f64::NAN; expected.len()];
            let rows = FlatRows::new(&values, n_columns);
            predictor.predict_batch(&rows, &mut scratch, &mut out).expect("the rows are sound");
            assert_eq!(bits(&out), bits(&expected), "{tier}, batch");
        }
    }

    fn one_tree() -> Model {
        let features = vec![numeric_feature(0, &[1.0, 2.0]), categorical_feature(1, &["a", "b"])];
        let trees = Trees {
            base: vec![10.0],
            trees: vec![stump(0, 1), stump(1, 1)],
            outputs: vec![TreeOutput::One(0); 2],
            scale: 1.0,
        };
        model_of(TaskKind::Regression, features, vec![Part::Trees(trees)])
    }

    #[test]
    fn a_row_by_hand() {
        let predictor = Predictor::compile(one_tree()).expect("sound");
        let mut scratch = Scratch::default();
        let mut predict = |number, name| {
            let mut out = [0.0];
            let row = [number, Value::Text(name)];
            predictor.predict_row(&row, &mut scratch, &mut out).map(|()| out[0])
        };
        assert_eq!(predict(Value::Number(1.0), "a"), Ok(8.0));
        assert_eq!(predict(Value::Text("1.5"), "a"), Ok(11.0));
        assert_eq!(predict(Value::Missing, "other"), Ok(11.0));
        let message = predict(Value::Text("1,5"), "a").expect_err("no number").to_string();
        assert_eq!(
            message,
            "column `c0`: `1,5` is not a number such as 3 or -0.25; leave the cell empty if it is \
             unknown"
        );
    }

    #[test]
    fn wrong_lengths_are_refused() {
        let predictor = Predictor::compile(one_tree()).expect("sound");
        let mut scratch = Scratch::default();
        let short = predictor.predict_row(&[Value::Missing], &mut scratch, &mut [0.0]);
        let message = short.expect_err("one value is missing").to_string();
        assert_eq!(message, "column `c1`: the row has 1 values, expected 2");
        let row = [Value::Missing; 2];
        assert!(predictor.predict_row(&row, &mut scratch, &mut [0.0; 2]).is_err());
        let rows = FlatRows::new(&row, 2);
        assert!(predictor.predict_batch(&rows, &mut scratch, &mut [0.0; 2]).is_err());
        let bad = [Value::Missing, Value::Missing, Value::Text("x"), Value::Missing];
        let rows = FlatRows::new(&bad, 2);
        let message = predictor.predict_batch(&rows, &mut scratch, &mut [0.0; 2]);
        let message = message.expect_err("x is no number").to_string();
        assert!(message.starts_with("column `c0`: row 1: `x` is not a number"), "{message}");
    }

    #[test]
    fn columns_that_nothing_uses_are_not_read() {
        let mut model = one_tree();
        if let Part::Trees(trees) = &mut model.members[0].part {
            trees.trees.remove(0);
            trees.outputs.remove(0);
        }
        let predictor = Predictor::compile(model).expect("sound");
        let mut out = [0.0];
        let row = [Value::Text("not a number"), Value::Text("b")];
        let result = predictor.predict_row(&row, &mut Scratch::default(), &mut out);
        assert_eq!((result, out[0]), (Ok(()), 12.0));
    }

    #[test]
    fn one_scratch_serves_several_models() {
        let mut scratch = Scratch::default();
        for seed in 0..20 {
            let model = any_model(seed);
            let predictor = Predictor::compile(model.clone()).expect("sound");
            let row = any_row(&mut Random(seed), &model);
            let values: Vec<Value> = row.iter().map(AnyCell::value).collect();
            let mut out = vec![0.0; predictor.n_outputs()];
            predictor.predict_row(&values, &mut scratch, &mut out).expect("sound");
            assert_eq!(bits(&out), bits(&predict_plainly(&model, &row)));
        }
    }

    #[test]
    fn shapes_count_what_is_there() {
        let shape = one_tree().shape();
        // 2 of 64 trees in a vector and their values; 1 block of edges and keys, 3 merged bins; 4
        // bins, a table of 4 names.
        let bytes = 4.0 + 16.0 + (192.0 + 1.0 + 3.0) + (32.0 + 12.0 + 2.0 + 1.0 + 4.0);
        let expected = Shape {
            n_binned: 1.0,
            n_looked_up: 1.0,
            n_slots: 2.0,
            n_trees: 2.0,
            n_vectors: 1.0 / 32.0,
            n_steps: 2.0,
            n_nodes: 6.0,
            n_added: 2.0,
            streamed_bytes: 4.0,
            bytes,
            file_bytes: 78.0,
            ..Shape::default()
        };
        assert_eq!(shape, expected);
        assert_eq!(Predictor::compile(one_tree()).expect("sound").shape(), expected);
    }

    #[test]
    fn parts_that_share_features_pay_for_them_once() {
        let mut model = one_tree();
        let alone = model.shape();
        model.members.push(model.members[0].clone());
        let twice = model.shape();
        assert_eq!((twice.n_binned, twice.n_trees), (alone.n_binned, 2.0 * alone.n_trees));
        assert_eq!(twice.bytes, alone.bytes + 20.0);
        let weights = vec![1.0];
        let number = Term::Number {
            feature: 0,
            center: 0.0,
            scale: 1.0,
            clip: f64::INFINITY,
            weights: weights.clone(),
            missing: weights.clone(),
        };
        let linear = Part::Linear(Linear { intercept: weights, terms: vec![number] });
        let shape = Shape::of_part(&linear, &model.features);
        let expected = Shape {
            n_numbers: 1.0,
            n_products: 1.0,
            bytes: 16.0 + 8.0,
            file_bytes: 16.0,
            ..Shape::default()
        };
        assert_eq!(shape, expected);
    }

    #[test]
    fn too_many_kinds_of_question_are_refused() {
        // Every tree asks for another set of the 200 levels.
        let levels: Vec<String> = (0..200).map(|level| level.to_string()).collect();
        let levels: Vec<&str> = levels.iter().map(String::as_str).collect();
        let model_with = |n_sets: u64| {
            let mut trees = vec![stump(0, 0); n_sets as usize];
            for (number, tree) in trees.iter_mut().enumerate() {
                if let Node::Split { test, .. } = &mut tree.nodes[0] {
                    *test = Test::In(BinSet([number as u64, 0, 0, 0]));
                }
            }
            let outputs = vec![TreeOutput::One(0); trees.len()];
            let trees = Trees { base: vec![0.0], trees, outputs, scale: 1.0 };
            let features = vec![categorical_feature(0, &levels)];
            model_of(TaskKind::Regression, features, vec![Part::Trees(trees)])
        };
        let message = Predictor::compile(model_with(65_537)).expect_err("too many").to_string();
        assert!(message.contains("asks 65537 different kinds of question"), "{message}");
        assert!(Predictor::compile(model_with(65_536)).is_ok());
    }
}
