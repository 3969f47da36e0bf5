//! Numbers of the file format, as drawn in `docs/FORMAT.md`.

/// First bytes of every model file. The odd ones reveal transfers that change line ends or strip
/// the eighth bit.
pub(crate) const MAGIC: [u8; 8] = *b"\x89EYAS\r\n\x1a";
/// The newest version that this code reads; it writes the oldest one that has what a model needs.
pub(crate) const VERSION: u32 = 3;
/// The version of models whose nets have neither curves nor weights of 16 bits.
pub(crate) const PLAIN_NETS: u32 = 2;
/// The version of models without nets.
pub(crate) const WITHOUT_NETS: u32 = 1;
/// Every section starts at a multiple of this.
pub(crate) const ALIGNMENT: usize = 64;
/// Bytes of the header, before the table of sections.
pub(crate) const HEADER: usize = 64;
/// Bytes of an entry of the table of sections.
pub(crate) const ENTRY: usize = 32;
/// Where in the header its checksum is.
pub(crate) const CHECKSUM: std::ops::Range<usize> = 24..32;
/// Sections from this number on may be skipped by readers that do not know them.
pub(crate) const OPTIONAL: u32 = 1000;
/// In a tree's output: a row of numbers, one for each output.
pub(crate) const ALL_OUTPUTS: u32 = u32::MAX;

/// The sections, in the order in which they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// End of each text, in bytes: u32.
    TextEnds = 1,
    /// Texts one after the other, UTF-8.
    Texts = 2,
    /// Task u8, 3 zeros, number of classes u32.
    Schema = 3,
    /// Kind of each column: u8.
    Columns = 4,
    /// Column u32, derive u8, kind of bins u8, 2 zeros, number of edges or levels u32.
    Features = 5,
    /// Edges of the numeric features: f64.
    Edges = 6,
    /// Weight f64, link u8, part u8, 2 zeros, own numbers u32, trees or terms u32, 4 zeros.
    Members = 7,
    /// Numbers of the members and their terms: f64.
    Numbers = 8,
    /// Feature u32, kind u8, 3 zeros, weights u32, missing weights u32.
    Terms = 9,
    /// Nodes u32, values u32, output u32.
    Trees = 10,
    /// Kind of each node: u8.
    Nodes = 11,
    /// Feature u32, threshold or set u32, left u32, right u32, gain f32.
    Splits = 12,
    /// Value of each leaf node: u32.
    Leaves = 13,
    /// Sets of bins: 4 u64.
    Sets = 14,
    /// Leaf values: f32.
    Values = 15,
    /// How the model was found, UTF-8.
    Notes = 16,
    /// Feature u32, kind u8, indicator u8, 2 zeros, columns u32, numbers of the embedding u32.
    Inputs = 17,
    /// Outputs u32, activation u8, whether weights have 16 bits u8, 2 zeros, weights u32.
    Layers = 18,
    /// Embeddings, biases and weights of nets: f32, or the first halves of such.
    Weights = 19,
}

/// All sections; the number of each is its place plus one.
pub(crate) const SECTIONS: [Section; 19] = [
    Section::TextEnds,
    Section::Texts,
    Section::Schema,
    Section::Columns,
    Section::Features,
    Section::Edges,
    Section::Members,
    Section::Numbers,
    Section::Terms,
    Section::Trees,
    Section::Nodes,
    Section::Splits,
    Section::Leaves,
    Section::Sets,
    Section::Values,
    Section::Notes,
    Section::Inputs,
    Section::Layers,
    Section::Weights,
];

/// How many of them a file of this version has; none if the version is unknown.
pub(crate) fn n_sections(version: u32) -> Option<usize> {
    match version {
        WITHOUT_NETS => Some(Section::Notes as usize),
        PLAIN_NETS | VERSION => Some(SECTIONS.len()),
        _ => None,
    }
}

/// Kinds of nodes.
pub(crate) mod node {
    pub(crate) const LEAF: u8 = 0;
    pub(crate) const ABOVE: u8 = 1;
    pub(crate) const ABOVE_MISSING_RIGHT: u8 = 2;
    pub(crate) const IN: u8 = 3;
}

/// A choice of a few values that is stored as a byte, its place in the list.
pub(crate) trait Code: Sized + Copy + PartialEq + 'static {
    const VALUES: &'static [Self];
    const NAME: &'static str;

    fn code(self) -> u8 {
        let place = Self::VALUES.iter().position(|value| *value == self);
        place.expect("every value is listed") as u8
    }
}

macro_rules! codes {
    ($($type:ty, $name:literal: $($value:ident)*;)*) => {
        $(impl Code for $type {
            const VALUES: &'static [Self] = &[$(<$type>::$value),*];
            const NAME: &'static str = $name;
        })*
    };
}

use crate::encoder::Derive;
use crate::members::Link;
use crate::net::Activation;
use crate::schema::{ColumnKind, TaskKind};

/// What a member computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PartKind {
    Trees,
    Linear,
    Constant,
    Net,
}

/// How a value becomes a bin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BinsKind {
    Edges,
    Levels,
}

/// What a term is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TermKind {
    Number,
    Bins,
}

/// What an input of a net is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InputKind {
    Number,
    OneHot,
    Embedding,
    Curve,
}

codes! {
    TaskKind, "task": Regression Binary Multiclass;
    ColumnKind, "kind of column": Number Boolean Category DateTime;
    Derive, "derived part": Itself Year Month Weekday Hour Epoch NonZero;
    Link, "link": Identity Logistic Softmax Exp SignedSquare Softplus Step;
    PartKind, "kind of member": Trees Linear Constant Net;
    BinsKind, "kind of bins": Edges Levels;
    TermKind, "kind of term": Number Bins;
    InputKind, "kind of input": Number OneHot Embedding Curve;
    Activation, "activation": Identity Relu Gelu Silu;
}
