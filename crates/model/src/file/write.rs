//! From a model to the bytes of its file.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_64;

use crate::encoder::{Bins, Feature};
use crate::file::layout::{
    ALIGNMENT, ALL_OUTPUTS, BinsKind, CHECKSUM, Code, ENTRY, HEADER, InputKind, MAGIC, PLAIN_NETS,
    PartKind, SECTIONS, Section, TermKind, VERSION, WITHOUT_NETS, n_sections, node,
};
use crate::linear::Term;
use crate::members::{Member, Model, Part};
use crate::net::{Input, Layer, Net};
use crate::schema::Schema;
use crate::tree::{BinSet, Node, Test, Tree, TreeOutput};

impl Model {
    /// The bytes of its file; equal models have equal bytes. A model without nets is written as
    /// version 1, which older programs read.
    ///
    /// Layout: `docs/FORMAT.md`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.schema(&self.schema);
        self.features.iter().for_each(|feature| writer.feature(feature));
        self.members.iter().for_each(|member| writer.member(member));
        writer.bytes(Section::Notes, self.notes.as_bytes());
        let needed = |member: &Member| match &member.part {
            Part::Net(net) if is_plain(net) => PLAIN_NETS,
            Part::Net(_) => VERSION,
            _ => WITHOUT_NETS,
        };
        assemble(&writer.sections, self.members.iter().map(needed).max().unwrap_or(WITHOUT_NETS))
    }
}

/// Whether version 2 has all that a net has.
fn is_plain(net: &Net) -> bool {
    let has_curve = net.inputs.iter().any(|input| matches!(input, Input::Curve { .. }));
    !has_curve && net.layers.iter().all(|layer| !layer.half)
}

/// Sections that grow.
#[derive(Default)]
struct Writer {
    sections: [Vec<u8>; SECTIONS.len()],
    /// Place of each set that was written.
    sets: BTreeMap<BinSet, u32>,
}

impl Writer {
    fn bytes(&mut self, section: Section, bytes: &[u8]) {
        self.sections[section as usize - 1].extend_from_slice(bytes);
    }

    fn count(&mut self, section: Section, count: usize) {
        self.u32(section, count as u32);
    }

    fn u32(&mut self, section: Section, number: u32) {
        self.bytes(section, &number.to_le_bytes());
    }

    fn f64s(&mut self, section: Section, numbers: &[f64]) {
        numbers.iter().for_each(|number| self.bytes(section, &number.to_le_bytes()));
    }

    fn f32s(&mut self, section: Section, numbers: &[f32]) {
        numbers.iter().for_each(|number| self.bytes(section, &number.to_le_bytes()));
    }

    fn text(&mut self, text: &str) {
        self.bytes(Section::Texts, text.as_bytes());
        let end = self.sections[Section::Texts as usize - 1].len();
        self.count(Section::TextEnds, end);
    }

    fn schema(&mut self, schema: &Schema) {
        self.bytes(Section::Schema, &[schema.task.code(), 0, 0, 0]);
        self.count(Section::Schema, schema.classes.len());
        self.text(&schema.target);
        schema.classes.iter().for_each(|class| self.text(class));
        for column in &schema.columns {
            self.text(&column.name);
            self.bytes(Section::Columns, &[column.kind.code()]);
        }
    }

    fn feature(&mut self, feature: &Feature) {
        let (kind, count) = match &feature.bins {
            Bins::Edges(edges) => (BinsKind::Edges, edges.len()),
            Bins::Levels(levels) => (BinsKind::Levels, levels.len()),
        };
        self.u32(Section::Features, feature.column);
        self.bytes(Section::Features, &[feature.derive.code(), kind.code(), 0, 0]);
        self.count(Section::Features, count);
        self.text(&feature.name);
        match &feature.bins {
            Bins::Edges(edges) => self.f64s(Section::Edges, edges),
            Bins::Levels(levels) => levels.iter().for_each(|level| self.text(level)),
        }
    }

    fn member(&mut self, member: &Member) {
        let (kind, n_numbers, n_items) = match &member.part {
            Part::Trees(trees) => (PartKind::Trees, trees.base.len() + 1, trees.trees.len()),
            Part::Linear(linear) => (PartKind::Linear, linear.intercept.len(), linear.terms.len()),
            Part::Net(net) => (PartKind::Net, net.base.len() + 1, net.inputs.len()),
            Part::Constant(values) => (PartKind::Constant, values.len(), 0),
        };
        let n_layers = if let Part::Net(net) = &member.part { net.layers.len() } else { 0 };
        self.f64s(Section::Members, &[member.weight]);
        self.bytes(Section::Members, &[member.link.code(), kind.code(), 0, 0]);
        self.count(Section::Members, n_numbers);
        self.count(Section::Members, n_items);
        self.count(Section::Members, n_layers);
        match &member.part {
            Part::Constant(values) => self.f64s(Section::Numbers, values),
            Part::Linear(linear) => {
                self.f64s(Section::Numbers, &linear.intercept);
                linear.terms.iter().for_each(|term| self.term(term));
            }
            Part::Net(net) => {
                self.f64s(Section::Numbers, &net.base);
                self.f64s(Section::Numbers, &[net.scale]);
                net.inputs.iter().for_each(|input| self.input(input));
                net.layers.iter().for_each(|layer| self.layer(layer));
            }
            Part::Trees(trees) => {
                self.f64s(Section::Numbers, &trees.base);
                self.f64s(Section::Numbers, &[trees.scale]);
                let outputs =
                    trees.outputs.iter().copied().chain(std::iter::repeat(TreeOutput::All));
                trees.trees.iter().zip(outputs).for_each(|(tree, output)| self.tree(tree, output));
            }
        }
    }

    fn term(&mut self, term: &Term) {
        let (feature, kind, n_weights, n_missing) = match term {
            Term::Number { feature, weights, missing, .. } => {
                (feature, TermKind::Number, weights.len(), missing.len())
            }
            Term::Bins { feature, weights } => (feature, TermKind::Bins, weights.len(), 0),
        };
        self.u32(Section::Terms, *feature);
        self.bytes(Section::Terms, &[kind.code(), 0, 0, 0]);
        self.count(Section::Terms, n_weights);
        self.count(Section::Terms, n_missing);
        match term {
            Term::Bins { weights, .. } => self.f64s(Section::Numbers, weights),
            Term::Number { center, scale, clip, weights, missing, .. } => {
                self.f64s(Section::Numbers, &[*center, *scale, *clip]);
                self.f64s(Section::Numbers, weights);
                self.f64s(Section::Numbers, missing);
            }
        }
    }

    fn input(&mut self, input: &Input) {
        let (kind, indicator, n_rows) = match input {
            Input::Number { indicator, .. } => (InputKind::Number, u8::from(*indicator), 0),
            Input::OneHot { .. } => (InputKind::OneHot, 0, 0),
            Input::Embedding { rows, .. } => (InputKind::Embedding, 0, rows.len()),
            Input::Curve { rows, .. } => (InputKind::Curve, 0, rows.len()),
        };
        self.u32(Section::Inputs, input.feature());
        self.bytes(Section::Inputs, &[kind.code(), indicator, 0, 0]);
        self.count(Section::Inputs, input.width());
        self.count(Section::Inputs, n_rows);
        match input {
            Input::Number { center, factor, clip, missing, .. } => {
                self.f64s(Section::Numbers, &[*center, *factor, *clip, *missing]);
            }
            Input::OneHot { .. } => {}
            Input::Embedding { rows, .. } => self.f32s(Section::Weights, rows),
            Input::Curve { knots, rows, .. } => {
                self.f64s(Section::Numbers, knots);
                self.f32s(Section::Weights, rows);
            }
        }
    }

    fn layer(&mut self, layer: &Layer) {
        self.count(Section::Layers, layer.bias.len());
        self.bytes(Section::Layers, &[layer.activation.code(), u8::from(layer.half), 0, 0]);
        self.count(Section::Layers, layer.weights.len());
        self.f32s(Section::Weights, &layer.bias);
        if layer.half {
            let halves = layer.weights.iter().map(|weight| (weight.to_bits() >> 16) as u16);
            halves.for_each(|half| self.bytes(Section::Weights, &half.to_le_bytes()));
        } else {
            self.f32s(Section::Weights, &layer.weights);
        }
    }

    fn tree(&mut self, tree: &Tree, output: TreeOutput) {
        self.count(Section::Trees, tree.nodes.len());
        self.count(Section::Trees, tree.values.len());
        self.u32(
            Section::Trees,
            match output {
                TreeOutput::One(k) => k,
                TreeOutput::All => ALL_OUTPUTS,
            },
        );
        tree.nodes.iter().for_each(|node| self.node(node));
        self.f32s(Section::Values, &tree.values);
    }

    fn node(&mut self, node: &Node) {
        match *node {
            Node::Leaf { value } => {
                self.bytes(Section::Nodes, &[node::LEAF]);
                self.u32(Section::Leaves, value);
            }
            Node::Split { feature, test, left, right, gain } => {
                let (kind, asked) = match test {
                    Test::Above { threshold, missing_right: false } => {
                        (node::ABOVE, threshold.into())
                    }
                    Test::Above { threshold, missing_right: true } => {
                        (node::ABOVE_MISSING_RIGHT, threshold.into())
                    }
                    Test::In(set) => (node::IN, self.set(set)),
                };
                self.bytes(Section::Nodes, &[kind]);
                for number in [feature, asked, left, right] {
                    self.u32(Section::Splits, number);
                }
                self.bytes(Section::Splits, &gain.to_le_bytes());
            }
        }
    }

    /// Place of a set; equal sets are written once.
    fn set(&mut self, set: BinSet) -> u32 {
        let next = self.sets.len() as u32;
        let place = *self.sets.entry(set).or_insert(next);
        if place == next {
            set.0.iter().for_each(|word| self.bytes(Section::Sets, &word.to_le_bytes()));
        }
        place
    }
}

/// Header, table and the sections of a version, padded and with their checksums.
fn assemble(sections: &[Vec<u8>], version: u32) -> Vec<u8> {
    let sections = &sections[..n_sections(version).expect("a version that is written")];
    let mut table = Vec::with_capacity(ENTRY * sections.len());
    let mut body = Vec::new();
    let start = (HEADER + ENTRY * sections.len()).next_multiple_of(ALIGNMENT);
    for (section, bytes) in SECTIONS.iter().zip(sections) {
        body.resize(body.len().next_multiple_of(ALIGNMENT), 0);
        let entry = [(start + body.len()) as u64, bytes.len() as u64, xxh3_64(bytes)];
        table.extend_from_slice(&u64::from(*section as u32).to_le_bytes());
        entry.iter().for_each(|number| table.extend_from_slice(&number.to_le_bytes()));
        body.extend_from_slice(bytes);
    }
    let mut file = Vec::with_capacity(start + body.len());
    file.extend_from_slice(&MAGIC);
    file.extend_from_slice(&version.to_le_bytes());
    file.extend_from_slice(&(sections.len() as u32).to_le_bytes());
    file.extend_from_slice(&((start + body.len()) as u64).to_le_bytes());
    file.resize(HEADER, 0);
    file.extend_from_slice(&table);
    let checksum = xxh3_64(&file);
    file[CHECKSUM].copy_from_slice(&checksum.to_le_bytes());
    file.resize(start, 0);
    file.extend_from_slice(&body);
    file
}
