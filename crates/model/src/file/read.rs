//! From the bytes of a file to a model.
//!
//! Sections are consumed from front to back and must end exactly where the model does. A count is
//! believed only as far as its section has bytes, so memory stays within a small multiple of the
//! file's size whatever the file says.

use std::rc::Rc;

use crate::encoder::{Bins, Feature};
use crate::error::Error;
use crate::file::layout::{
    ALL_OUTPUTS, BinsKind, Code, InputKind, PartKind, SECTIONS, Section, TermKind, VERSION, node,
};
use crate::file::sections::{Stream, open, version};
use crate::file::stored::{StoredModel, StoredTree, StoredTrees, is_heap};
use crate::linear::{Linear, Term};
use crate::members::{Member, Model, Part};
use crate::net::{Input, Layer, Net};
use crate::schema::{InputColumn, Schema};
use crate::tree::{BinSet, Node, Test, Tree, TreeOutput, Trees};

impl Model {
    /// Reads the bytes of a file, checks all of them, and checks the model.
    ///
    /// # Errors
    /// [`Error::BadFile`] if the bytes are not whole and unchanged or come from a newer version,
    /// [`Error::BadModel`] if [`Model::check`] fails.
    pub fn from_bytes(bytes: &[u8]) -> Result<Model, Error> {
        let model = Model::read_unchecked(bytes)?;
        model.check()?;
        Ok(model)
    }

    /// Reads the bytes of a file for someone who checks the model.
    pub(crate) fn read_unchecked(bytes: &[u8]) -> Result<Model, Error> {
        let mut reader = Reader::new(bytes)?;
        let model = reader.model()?;
        reader.finish()?;
        Ok(model)
    }
}

/// Reads a file but for its trees, which are left as they lie there.
pub(super) fn read_stored(bytes: &[u8]) -> Result<StoredModel<'_>, Error> {
    let mut reader = Reader { stored: Some(Vec::new()), ..Reader::new(bytes)? };
    let model = reader.model()?;
    reader.finish()?;
    Ok(StoredModel { model, trees: reader.stored.unwrap_or_default() })
}

struct Reader<'a> {
    sections: [Stream<'a>; SECTIONS.len()],
    version: u32,
    /// Where the next text begins.
    text_start: u32,
    sets: Rc<[BinSet]>,
    /// Trees by member, if they are to be left as they lie.
    stored: Option<Vec<StoredTrees<'a>>>,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, Error> {
        let sections = open(bytes)?;
        let version = version(bytes);
        Ok(Reader { sections, version, text_start: 0, sets: Rc::new([]), stored: None })
    }

    fn of(&mut self, section: Section) -> &mut Stream<'a> {
        &mut self.sections[section as usize - 1]
    }

    fn model(&mut self) -> Result<Model, Error> {
        let sets = self.all(Section::Sets, |reader| {
            let mut set = BinSet::default();
            for word in &mut set.0 {
                *word = reader.of(Section::Sets).u64()?;
            }
            Ok(set)
        })?;
        self.sets = sets.into();
        let schema = self.schema()?;
        let features = self.all(Section::Features, Self::feature)?;
        let members = self.all(Section::Members, Self::member)?;
        let notes = self.of(Section::Notes);
        let length = notes.rest().len();
        let notes = utf8(notes.take(length, 1)?, notes)?;
        Ok(Model { schema, features, members, notes })
    }

    /// Reads items until the section ends.
    fn all<T>(
        &mut self,
        section: Section,
        item: impl Fn(&mut Self) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut items = Vec::new();
        while !self.of(section).rest().is_empty() {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// All sections must be read to their ends.
    fn finish(&self) -> Result<(), Error> {
        match self.sections.iter().find(|section| !section.rest().is_empty()) {
            Some(section) => Err(section.bad("nothing refers to the bytes at its end")),
            None => Ok(()),
        }
    }

    fn code<T: Code>(&mut self, section: Section) -> Result<T, Error> {
        let code = self.of(section).u8()?;
        let value = T::VALUES.get(usize::from(code)).copied();
        value.ok_or_else(|| self.of(section).bad(&format!("there is no {} {code}", T::NAME)))
    }

    fn count(&mut self, section: Section) -> Result<usize, Error> {
        Ok(self.of(section).u32()? as usize)
    }

    fn text(&mut self) -> Result<String, Error> {
        let end = self.of(Section::TextEnds).u32()?;
        let Some(length) = end.checked_sub(self.text_start) else {
            return Err(self.of(Section::TextEnds).bad("a text ends before it begins"));
        };
        self.text_start = end;
        let texts = self.of(Section::Texts);
        utf8(texts.take(length as usize, 1)?, texts)
    }

    fn texts(&mut self, n: usize) -> Result<Vec<String>, Error> {
        // Each text has an end of four bytes, so a wrong count ends with the section.
        let mut texts = Vec::new();
        for _ in 0..n {
            texts.push(self.text()?);
        }
        Ok(texts)
    }

    fn schema(&mut self) -> Result<Schema, Error> {
        let task = self.code(Section::Schema)?;
        self.of(Section::Schema).zeros(3)?;
        let n_classes = self.count(Section::Schema)?;
        let target = self.text()?;
        let classes = self.texts(n_classes)?;
        let columns = self.all(Section::Columns, |reader| {
            let name = reader.text()?;
            Ok(InputColumn { name, kind: reader.code(Section::Columns)? })
        })?;
        Ok(Schema { task, target, classes, columns })
    }

    fn feature(&mut self) -> Result<Feature, Error> {
        let column = self.of(Section::Features).u32()?;
        let derive = self.code(Section::Features)?;
        let kind: BinsKind = self.code(Section::Features)?;
        self.of(Section::Features).zeros(2)?;
        let n_items = self.count(Section::Features)?;
        let name = self.text()?;
        let bins = match kind {
            BinsKind::Edges => Bins::Edges(self.of(Section::Edges).f64s(n_items)?),
            BinsKind::Levels => Bins::Levels(self.texts(n_items)?),
        };
        Ok(Feature { column, derive, name, bins })
    }

    fn member(&mut self) -> Result<Member, Error> {
        let weight = self.of(Section::Members).f64()?;
        let link = self.code(Section::Members)?;
        let kind: PartKind = self.code(Section::Members)?;
        self.of(Section::Members).zeros(2)?;
        let n_numbers = self.count(Section::Members)?;
        let n_items = self.count(Section::Members)?;
        let n_layers = self.count(Section::Members)?;
        if n_layers > 0 && kind != PartKind::Net {
            return Err(self.of(Section::Members).bad("only nets have layers"));
        }
        let numbers = self.of(Section::Numbers).f64s(n_numbers)?;
        let part = match kind {
            PartKind::Trees => Part::Trees(self.trees(numbers, n_items)?),
            PartKind::Linear => {
                let mut terms = Vec::new();
                for _ in 0..n_items {
                    terms.push(self.term()?);
                }
                Part::Linear(Linear { intercept: numbers, terms })
            }
            PartKind::Net => Part::Net(self.net(numbers, n_items, n_layers)?),
            PartKind::Constant if n_items == 0 => Part::Constant(numbers),
            PartKind::Constant => {
                return Err(self.of(Section::Members).bad("constants have items"));
            }
        };
        Ok(Member { weight, link, part })
    }

    fn term(&mut self) -> Result<Term, Error> {
        let feature = self.of(Section::Terms).u32()?;
        let kind: TermKind = self.code(Section::Terms)?;
        self.of(Section::Terms).zeros(3)?;
        let n_weights = self.count(Section::Terms)?;
        let n_missing = self.count(Section::Terms)?;
        let numbers = self.of(Section::Numbers);
        Ok(match kind {
            TermKind::Number => Term::Number {
                feature,
                center: numbers.f64()?,
                scale: numbers.f64()?,
                clip: numbers.f64()?,
                weights: numbers.f64s(n_weights)?,
                missing: numbers.f64s(n_missing)?,
            },
            TermKind::Bins if n_missing == 0 => {
                Term::Bins { feature, weights: numbers.f64s(n_weights)? }
            }
            TermKind::Bins => {
                return Err(self.of(Section::Terms).bad("a term of bins has missing weights"));
            }
        })
    }

    fn net(
        &mut self,
        mut numbers: Vec<f64>,
        n_inputs: usize,
        n_layers: usize,
    ) -> Result<Net, Error> {
        let scale = numbers.pop();
        let scale = scale.ok_or_else(|| self.of(Section::Members).bad("a net has no scale"))?;
        let (mut inputs, mut layers) = (Vec::new(), Vec::new());
        for _ in 0..n_inputs {
            inputs.push(self.input()?);
        }
        for _ in 0..n_layers {
            layers.push(self.layer()?);
        }
        Ok(Net { base: numbers, scale, inputs, layers })
    }

    fn input(&mut self) -> Result<Input, Error> {
        let feature = self.of(Section::Inputs).u32()?;
        let kind: InputKind = self.code(Section::Inputs)?;
        let flag = self.of(Section::Inputs).u8()?;
        self.of(Section::Inputs).zeros(2)?;
        let width = self.of(Section::Inputs).u32()?;
        let n_rows = self.count(Section::Inputs)?;
        let has_curves = self.version >= VERSION;
        let numbers = self.of(Section::Numbers);
        match (kind, flag, width, n_rows) {
            (InputKind::Number, 0 | 1, 1 | 2, 0) if width == 1 + u32::from(flag) => {
                Ok(Input::Number {
                    feature,
                    center: numbers.f64()?,
                    factor: numbers.f64()?,
                    clip: numbers.f64()?,
                    missing: numbers.f64()?,
                    indicator: flag == 1,
                })
            }
            (InputKind::Curve, 0, width, n_rows) if has_curves => {
                let n_knots = (n_rows / (width as usize).max(1)).saturating_sub(1);
                let knots = numbers.f64s(n_knots)?;
                let rows = self.of(Section::Weights).f32s(n_rows)?;
                Ok(Input::Curve { feature, width, knots, rows })
            }
            (InputKind::OneHot, 0, n_bins, 0) => Ok(Input::OneHot { feature, n_bins }),
            (InputKind::Embedding, 0, width, n_rows) => {
                let rows = self.of(Section::Weights).f32s(n_rows)?;
                Ok(Input::Embedding { feature, width, rows })
            }
            _ => Err(self.of(Section::Inputs).bad("an input has what its kind does not")),
        }
    }

    fn layer(&mut self) -> Result<Layer, Error> {
        let n_outputs = self.count(Section::Layers)?;
        let activation = self.code(Section::Layers)?;
        let half = match self.of(Section::Layers).u8()? {
            0 => false,
            1 if self.version >= VERSION => true,
            _ => return Err(self.of(Section::Layers).bad("weights have 16 or 32 bits")),
        };
        self.of(Section::Layers).zeros(2)?;
        let n_weights = self.count(Section::Layers)?;
        let stream = self.of(Section::Weights);
        let bias = stream.f32s(n_outputs)?;
        let weights = if half {
            let halves = stream.take(n_weights, 2)?.as_chunks::<2>().0.iter();
            halves.map(|half| f32::from_bits(u32::from(u16::from_le_bytes(*half)) << 16)).collect()
        } else {
            stream.f32s(n_weights)?
        };
        Ok(Layer { bias, weights, activation, half })
    }

    fn trees(&mut self, mut numbers: Vec<f64>, n_trees: usize) -> Result<Trees, Error> {
        let scale = numbers.pop();
        let scale = scale.ok_or_else(|| self.of(Section::Members).bad("trees have no scale"))?;
        let mut trees = Trees { base: numbers, trees: Vec::new(), outputs: Vec::new(), scale };
        let mut stored = StoredTrees::new(Rc::clone(&self.sets));
        for _ in 0..n_trees {
            let n_nodes = self.count(Section::Trees)?;
            let n_values = self.count(Section::Trees)?;
            let output = match self.of(Section::Trees).u32()? {
                ALL_OUTPUTS => TreeOutput::All,
                k => TreeOutput::One(k),
            };
            trees.outputs.push(output);
            if self.stored.is_some() {
                stored.add(self.stored_tree(n_nodes, n_values, output)?);
            } else {
                trees.trees.push(self.tree(n_nodes, n_values)?);
            }
        }
        if let Some(all) = &mut self.stored {
            all.push(stored);
        }
        Ok(trees)
    }

    fn tree(&mut self, n_nodes: usize, n_values: usize) -> Result<Tree, Error> {
        let kinds = self.of(Section::Nodes).take(n_nodes, 1)?;
        let mut nodes = Vec::with_capacity(kinds.len());
        for &kind in kinds {
            nodes.push(self.node(kind)?);
        }
        Ok(Tree { nodes, values: self.of(Section::Values).f32s(n_values)? })
    }

    fn stored_tree(
        &mut self,
        n_nodes: usize,
        n_values: usize,
        output: TreeOutput,
    ) -> Result<StoredTree<'a>, Error> {
        let kinds = self.of(Section::Nodes).take(n_nodes, 1)?;
        let kind = kinds.iter().fold(0, |most, &kind| most.max(kind));
        if kind > node::IN {
            return Err(self.of(Section::Nodes).bad(&format!("there is no kind of node {kind}")));
        }
        // So few that a byte counts them, which vectors do.
        let leaves_of =
            |kinds: &[u8]| -> u8 { kinds.iter().map(|&kind| u8::from(kind == node::LEAF)).sum() };
        let n_leaves = kinds.chunks(255).map(|kinds| usize::from(leaves_of(kinds))).sum();
        let splits = self.of(Section::Splits).take(n_nodes - n_leaves, 20)?.as_chunks().0;
        let leaves = self.of(Section::Leaves).take(n_leaves, 4)?.as_chunks().0;
        let values = self.of(Section::Values).take(n_values, 4)?.as_chunks().0;
        let is_heap = is_heap(kinds, splits);
        Ok(StoredTree { output, kinds, splits, leaves, values, is_heap })
    }

    fn node(&mut self, kind: u8) -> Result<Node, Error> {
        if kind == node::LEAF {
            return Ok(Node::Leaf { value: self.of(Section::Leaves).u32()? });
        }
        let splits = self.of(Section::Splits);
        let (feature, asked) = (splits.u32()?, splits.u32()?);
        let (left, right, gain) = (splits.u32()?, splits.u32()?, splits.f32()?);
        let test = match kind {
            node::IN => self.sets.get(asked as usize).map(|&set| Test::In(set)),
            node::ABOVE | node::ABOVE_MISSING_RIGHT => {
                let missing_right = kind == node::ABOVE_MISSING_RIGHT;
                u8::try_from(asked).ok().map(|threshold| Test::Above { threshold, missing_right })
            }
            _ => {
                return Err(self
                    .of(Section::Nodes)
                    .bad(&format!("there is no kind of node {kind}")));
            }
        };
        let test = test.ok_or_else(|| {
            self.of(Section::Splits).bad(&format!("there is no threshold or set {asked}"))
        })?;
        Ok(Node::Split { feature, test, left, right, gain })
    }
}

fn utf8(bytes: &[u8], stream: &Stream<'_>) -> Result<String, Error> {
    let text = std::str::from_utf8(bytes);
    text.map(String::from).map_err(|_| stream.bad("a text is no UTF-8"))
}
