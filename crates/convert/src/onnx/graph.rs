//! What the values of a graph mean, from its inputs on to its outputs.
//!
//! Exporters put nodes around the trees: casts, concatenations of columns, names of classes, an
//! exponential. Each node is read with what its operands mean; an operator that is not known makes a
//! value that is not known, which only matters if predictions come from it.

use std::collections::HashMap;
use std::rc::Rc;

use eyas_model::Link;

use crate::error::Error;
use crate::onnx::branches::Compared;
use crate::onnx::forest::{forest, largest_feature};
use crate::onnx::messages::{GraphProto, NodeProto, TensorProto, ValueInfoProto, element};
use crate::onnx::scores::Scores;
use crate::onnx::values::{Attributes, numbers};

/// Most columns of a graph's inputs.
const MAX_COLUMNS: usize = 100_000;

/// What a value is.
#[derive(Debug, Clone)]
enum Meaning {
    /// Columns of the rows, `(n_rows, n_columns)`.
    Columns(Rc<Vec<Compared>>),
    /// A number that does not depend on the rows.
    Constant(f64),
    /// Other constants.
    Constants,
    /// Predictions `(n_rows, n_outputs)`.
    Scores(Rc<Scores>),
    /// Names or numbers of the predicted classes.
    Labels,
    /// What this operator makes of something.
    Unknown(String),
}

/// Reads a graph: names of the columns, and the predictions.
///
/// # Errors
/// [`Error::Unsupported`] names the operator that is in the way; [`Error::BadFile`].
pub fn read(graph: &GraphProto) -> Result<(Vec<String>, Rc<Scores>), Error> {
    let mut reader = Reader { values: HashMap::new(), names: Vec::new(), n_trees: 0 };
    for tensor in &graph.initializer {
        reader.values.insert(&tensor.name, constant(tensor));
    }
    reader.inputs(graph)?;
    for node in &graph.node {
        let first = reader.node(node)?;
        let labels_first = node.op_type == "TreeEnsembleClassifier";
        for (place, name) in node.output.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            let meaning = if labels_first && place == 0 { Meaning::Labels } else { first.clone() };
            reader.values.insert(name, meaning);
        }
    }
    let scores = reader.predictions(graph)?;
    Ok((reader.names, scores))
}

fn is_forest(node: &NodeProto) -> bool {
    node.domain == "ai.onnx.ml" && node.op_type.starts_with("TreeEnsemble")
}

fn constant(tensor: &TensorProto) -> Meaning {
    let one = numbers(tensor).ok().filter(|numbers| numbers.len() == 1);
    one.map_or(Meaning::Constants, |numbers| Meaning::Constant(numbers[0]))
}

struct Reader<'a> {
    values: HashMap<&'a str, Meaning>,
    /// Names of the columns.
    names: Vec<String>,
    /// Trees read so far.
    n_trees: usize,
}

impl<'a> Reader<'a> {
    /// Gives every input of numbers its columns.
    fn inputs(&mut self, graph: &'a GraphProto) -> Result<(), Error> {
        let is_input = |input: &&ValueInfoProto| !self.values.contains_key(input.name.as_str());
        let inputs: Vec<&ValueInfoProto> = graph.input.iter().filter(is_input).collect();
        for input in &inputs {
            let Some(rounded) = is_rounded(input) else {
                let what = format!("input `{}`, which holds no numbers", input.name);
                self.values.insert(&input.name, Meaning::Unknown(what));
                continue;
            };
            let width = match width(input) {
                Some(width) => width,
                None => widest(graph)?,
            };
            let total = self.names.len() as u64 + width;
            if total > MAX_COLUMNS as u64 {
                let what = format!("{total} input columns, at most {MAX_COLUMNS} are");
                return Err(Error::Unsupported(what));
            }
            let columns = (0..width as usize)
                .map(|place| Compared { column: self.names.len() + place, rounded })
                .collect();
            self.names.extend((0..width).map(|place| match (width, inputs.len()) {
                (1, 2..) => input.name.clone(),
                (_, 2..) => format!("{}_{place}", input.name),
                _ => format!("f{place}"),
            }));
            self.values.insert(&input.name, Meaning::Columns(Rc::new(columns)));
        }
        Ok(())
    }

    fn operand(&self, node: &NodeProto, place: usize) -> Meaning {
        let name = node.input.get(place).map_or("", String::as_str);
        let unknown = || Meaning::Unknown(node.op_type.clone());
        self.values.get(name).cloned().unwrap_or_else(unknown)
    }

    /// What a node computes.
    fn node(&mut self, node: &NodeProto) -> Result<Meaning, Error> {
        let first = self.operand(node, 0);
        if let Meaning::Unknown(_) = first {
            return Ok(first);
        }
        if is_forest(node) {
            return self.forest(node, first);
        }
        let meaning = match (node.op_type.as_str(), first) {
            ("Identity" | "Cast", first) => cast(node, first),
            ("Concat" | "FeatureVectorizer", Meaning::Columns(_)) => self.concat(node),
            ("Reshape" | "Flatten" | "Squeeze" | "Unsqueeze", Meaning::Scores(scores))
                if scores.labels.is_empty() =>
            {
                Some(Meaning::Scores(scores))
            }
            ("ZipMap", Meaning::Scores(scores)) => Some(Meaning::Scores(scores)),
            ("Normalizer", Meaning::Scores(scores)) => normalised(node, scores)?,
            ("ArgMax", Meaning::Scores(_)) => Some(Meaning::Labels),
            ("Reshape" | "Squeeze" | "Flatten", Meaning::Labels) => Some(Meaning::Labels),
            ("ArrayFeatureExtractor" | "Gather", Meaning::Constants) => {
                let is_label = matches!(self.operand(node, 1), Meaning::Labels);
                is_label.then_some(Meaning::Labels)
            }
            ("Sum" | "Add", Meaning::Scores(scores)) => self.sum(node, &scores),
            ("Add" | "Sub" | "Mul" | "Div" | "Exp" | "Sigmoid", _) => self.arithmetic(node),
            _ => None,
        };
        Ok(meaning.unwrap_or_else(|| Meaning::Unknown(node.op_type.clone())))
    }

    fn forest(&mut self, node: &NodeProto, input: Meaning) -> Result<Meaning, Error> {
        let Meaning::Columns(columns) = input else {
            return Ok(Meaning::Unknown(node.op_type.clone()));
        };
        let forest = forest(node, &columns)?;
        self.n_trees += forest.trees.len();
        Ok(Meaning::Scores(Rc::new(Scores::of(forest)?)))
    }

    fn concat(&self, node: &NodeProto) -> Option<Meaning> {
        if node.op_type == "Concat" && !matches!(Attributes::of(node).int("axis"), Some(1 | -1)) {
            return None;
        }
        let mut all = Vec::new();
        for place in 0..node.input.len() {
            let Meaning::Columns(columns) = self.operand(node, place) else { return None };
            // Every column once, so that a chain of nodes cannot grow without bounds.
            if all.len() + columns.len() > self.names.len() {
                return None;
            }
            all.extend_from_slice(&columns);
        }
        Some(Meaning::Columns(Rc::new(all)))
    }

    /// The sum of forests, or of a forest and a constant.
    fn sum(&self, node: &NodeProto, first: &Scores) -> Option<Meaning> {
        if node.input.len() == 2 && matches!(self.operand(node, 1), Meaning::Constant(_)) {
            return self.arithmetic(node);
        }
        let mut sum = first.clone();
        let mut trees = first.trees.to_vec();
        for place in 1..node.input.len() {
            let Meaning::Scores(scores) = self.operand(node, place) else { return None };
            let fits = is_plain_number(&sum)
                && is_plain_number(&scores)
                && scores.scale == sum.scale
                && trees.len() + scores.trees.len() <= self.n_trees;
            if !fits {
                return None;
            }
            trees.extend(scores.trees.iter().cloned());
            sum.base[0] += scores.base[0];
        }
        sum.trees = Rc::new(trees);
        Some(Meaning::Scores(Rc::new(sum)))
    }

    /// A number, changed by a constant or a function.
    fn arithmetic(&self, node: &NodeProto) -> Option<Meaning> {
        let (scores, constant) = match (self.operand(node, 0), self.operand(node, 1)) {
            (Meaning::Scores(scores), Meaning::Constant(constant)) => (scores, Some(constant)),
            (Meaning::Constant(constant), Meaning::Scores(scores))
                if matches!(node.op_type.as_str(), "Add" | "Mul") =>
            {
                (scores, Some(constant))
            }
            (Meaning::Scores(scores), _) if node.input.len() == 1 => (scores, None),
            _ => return None,
        };
        if !scores.labels.is_empty() {
            return None;
        }
        let mut scores = (*scores).clone();
        let constant = constant.filter(|constant| constant.is_finite());
        match (node.op_type.as_str(), scores.link, constant) {
            ("Exp", Link::Identity, None) => scores.link = Link::Exp,
            ("Sigmoid", Link::Identity, None) => scores.link = Link::Logistic,
            ("Add", Link::Identity, Some(constant)) => scores.base[0] += constant,
            ("Sub", Link::Identity, Some(constant)) => scores.base[0] -= constant,
            ("Mul", Link::Identity, Some(constant)) => scores.multiply(constant),
            ("Div", Link::Identity, Some(constant)) if constant != 0.0 => {
                scores.multiply(1.0 / constant);
            }
            ("Mul", Link::Exp, Some(constant)) if constant > 0.0 => {
                scores.base[0] += constant.ln();
            }
            _ => return None,
        }
        Some(Meaning::Scores(Rc::new(scores)))
    }

    /// The output that holds predictions.
    fn predictions(&self, graph: &GraphProto) -> Result<Rc<Scores>, Error> {
        let outputs = || graph.output.iter().filter_map(|out| self.values.get(out.name.as_str()));
        let scores = |meaning: &Meaning| match meaning {
            Meaning::Scores(scores) => Some(scores.clone()),
            _ => None,
        };
        if let Some(scores) = outputs().find_map(scores) {
            return Ok(scores);
        }
        if !graph.node.iter().any(is_forest) {
            return Err(Error::Unsupported(
                "a graph without trees: TreeEnsembleClassifier, TreeEnsembleRegressor and \
                 TreeEnsemble are supported"
                    .into(),
            ));
        }
        let unknown = outputs().find_map(|meaning| match meaning {
            Meaning::Unknown(operator) => Some(operator.as_str()),
            _ => None,
        });
        Err(Error::Unsupported(match unknown {
            Some(operator) => format!("what {operator} makes, on which the predictions depend"),
            None => "a graph whose outputs hold no predictions of trees".into(),
        }))
    }
}

impl Scores {
    fn multiply(&mut self, factor: f64) {
        self.scale *= factor;
        self.base[0] *= factor;
    }
}

fn is_plain_number(scores: &Scores) -> bool {
    scores.labels.is_empty() && scores.link == Link::Identity
}

/// Whether values of an input are rounded to 32-bit floats; `None` if it holds no numbers.
fn is_rounded(input: &ValueInfoProto) -> Option<bool> {
    match input.r#type.as_ref()?.tensor_type.as_ref()?.elem_type {
        element::DOUBLE => Some(false),
        element::FLOAT | element::INT32 | element::INT64 => Some(true),
        _ => None,
    }
}

/// Number of columns of an input, if it says.
fn width(input: &ValueInfoProto) -> Option<u64> {
    let shape = input.r#type.as_ref()?.tensor_type.as_ref()?.shape.as_ref()?;
    let [_, columns] = &shape.dim[..] else { return None };
    columns.dim_value.and_then(|value| u64::try_from(value).ok()).filter(|value| *value > 0)
}

/// Columns that the trees of a graph ask about, at least one.
fn widest(graph: &GraphProto) -> Result<u64, Error> {
    let mut widest = 0;
    for node in graph.node.iter().filter(|node| is_forest(node)) {
        widest = widest.max(largest_feature(node)?.unwrap_or(0));
    }
    Ok(u64::try_from(widest).unwrap_or(0).saturating_add(1))
}

fn cast(node: &NodeProto, first: Meaning) -> Option<Meaning> {
    let to = Attributes::of(node).int("to").and_then(|to| i32::try_from(to).ok());
    match (node.op_type.as_str(), first) {
        ("Identity", meaning) | (_, meaning @ Meaning::Labels) => Some(meaning),
        (_, Meaning::Columns(columns)) if to == Some(element::FLOAT) => {
            let round = |column: &Compared| Compared { rounded: true, ..*column };
            Some(Meaning::Columns(Rc::new(columns.iter().map(round).collect())))
        }
        (_, meaning @ (Meaning::Columns(_) | Meaning::Scores(_)))
            if to == Some(element::DOUBLE) || to == Some(element::FLOAT) =>
        {
            Some(meaning)
        }
        _ => None,
    }
}

/// Dividing by the sum changes nothing where the sum is one.
fn normalised(node: &NodeProto, scores: Rc<Scores>) -> Result<Option<Meaning>, Error> {
    let norm = Attributes::of(node).text("norm")?.unwrap_or_else(|| "MAX".into());
    let adds_up = match scores.labels.len() {
        0 => false,
        2 => true,
        _ => matches!(scores.link, Link::Softmax | Link::Identity),
    };
    Ok((norm == "L1" && adds_up).then_some(Meaning::Scores(scores)))
}
