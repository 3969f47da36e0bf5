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
/// How many values a column can be in, and how many sums a tree: converters need two or three. More
/// would let a small file fill the memory.
const MAX_COPIES: usize = 16;

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
    let mut reader =
        Reader { values: HashMap::new(), names: Vec::new(), n_nodes: 0, n_summed: 0, n_columns: 0 };
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
    /// Nodes of trees read so far.
    n_nodes: usize,
    /// Nodes of trees that are in sums so far.
    n_summed: usize,
    /// Columns in values so far.
    n_columns: usize,
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
            ("Identity" | "Cast", first) => self.cast(node, first),
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
        let scores = Scores::of(forest)?;
        self.n_nodes += n_nodes(&scores);
        Ok(Meaning::Scores(Rc::new(scores)))
    }

    /// Whether there may be one more value of so many columns.
    fn fits(&mut self, n_columns: usize) -> Option<()> {
        self.n_columns += n_columns;
        (self.n_columns <= MAX_COPIES * self.names.len()).then_some(())
    }

    fn cast(&mut self, node: &NodeProto, first: Meaning) -> Option<Meaning> {
        let to = Attributes::of(node).int("to").and_then(|to| i32::try_from(to).ok());
        let is_float = to == Some(element::DOUBLE) || to == Some(element::FLOAT);
        match (node.op_type.as_str(), first) {
            ("Identity", meaning) | (_, meaning @ Meaning::Labels) => Some(meaning),
            (_, Meaning::Columns(columns)) if to == Some(element::FLOAT) => {
                let round = |column: &Compared| Compared { rounded: true, ..*column };
                self.fits(columns.len())?;
                Some(Meaning::Columns(Rc::new(columns.iter().map(round).collect())))
            }
            (_, meaning @ (Meaning::Columns(_) | Meaning::Scores(_))) if is_float => Some(meaning),
            _ => None,
        }
    }

    fn concat(&mut self, node: &NodeProto) -> Option<Meaning> {
        if node.op_type == "Concat" && !matches!(Attributes::of(node).int("axis"), Some(1 | -1)) {
            return None;
        }
        let mut all = Vec::new();
        for place in 0..node.input.len() {
            let Meaning::Columns(columns) = self.operand(node, place) else { return None };
            self.fits(columns.len())?;
            all.extend_from_slice(&columns);
        }
        Some(Meaning::Columns(Rc::new(all)))
    }

    /// The sum of forests, or of a forest and a constant.
    fn sum(&mut self, node: &NodeProto, first: &Scores) -> Option<Meaning> {
        if node.input.len() == 2 && matches!(self.operand(node, 1), Meaning::Constant(_)) {
            return self.arithmetic(node);
        }
        let mut sum = first.clone();
        let mut trees = Vec::new();
        sum.base[0] = 0.0;
        for place in 0..node.input.len() {
            let Meaning::Scores(scores) = self.operand(node, place) else { return None };
            self.n_summed += n_nodes(&scores);
            let fits = is_plain_number(&scores)
                && scores.scale == sum.scale
                && self.n_summed <= MAX_COPIES * self.n_nodes;
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
        // Converters multiply by one to give a value another name.
        let is_same = match node.op_type.as_str() {
            "Mul" | "Div" => constant == Some(1.0),
            "Add" | "Sub" => constant == Some(0.0),
            _ => false,
        };
        if is_same {
            return Some(Meaning::Scores(scores));
        }
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

fn n_nodes(scores: &Scores) -> usize {
    scores.trees.iter().map(|tree| tree.nodes.len()).sum()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::export::builder::{floats, int, ints, text, texts};
    use crate::onnx::messages::{
        AttributeProto, DimensionProto, TensorShapeProto, TensorTypeProto, TypeProto,
    };

    fn value(name: &str, n_columns: Option<i64>) -> ValueInfoProto {
        let dim = |dim_value| DimensionProto { dim_value, dim_param: String::new() };
        let shape = Some(TensorShapeProto { dim: vec![dim(None), dim(n_columns)] });
        let tensor_type = Some(TensorTypeProto { elem_type: element::DOUBLE, shape });
        ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type }) }
    }

    fn node(operator: &str, input: &[&str], output: &str) -> NodeProto {
        NodeProto {
            input: input.iter().map(|name| name.to_string()).collect(),
            output: vec![output.into()],
            op_type: operator.into(),
            ..NodeProto::default()
        }
    }

    /// A stump of feature 1.
    fn stump(input: &str, output: &str, change: impl Fn(&mut Vec<AttributeProto>)) -> NodeProto {
        let mut attribute = vec![
            ints("nodes_treeids", vec![0; 3]),
            ints("nodes_nodeids", vec![0, 1, 2]),
            ints("nodes_featureids", vec![1, 0, 0]),
            texts("nodes_modes", [&b"BRANCH_LEQ"[..], b"LEAF", b"LEAF"].map(Vec::from).to_vec()),
            floats("nodes_values", vec![0.5, 0.0, 0.0]),
            ints("nodes_truenodeids", vec![1, 0, 0]),
            ints("nodes_falsenodeids", vec![2, 0, 0]),
            ints("target_treeids", vec![0, 0]),
            ints("target_nodeids", vec![1, 2]),
            ints("target_ids", vec![0, 0]),
            floats("target_weights", vec![1.0, 2.0]),
            int("n_targets", 1),
        ];
        change(&mut attribute);
        let domain = "ai.onnx.ml".into();
        NodeProto { attribute, domain, ..node("TreeEnsembleRegressor", &[input], output) }
    }

    fn graph(n_columns: Option<i64>, node: Vec<NodeProto>) -> GraphProto {
        let (input, output) = (vec![value("x", n_columns)], vec![value("y", Some(1))]);
        GraphProto { node, input, output, ..GraphProto::default() }
    }

    fn n_trees(graph: &GraphProto) -> Result<usize, String> {
        read(graph).map(|(_, scores)| scores.trees.len()).map_err(|error| error.to_string())
    }

    #[test]
    fn columns_are_counted_where_the_input_does_not_say() {
        let names = |n_columns| {
            let graph = graph(n_columns, vec![stump("x", "y", |_| {})]);
            read(&graph).map(|(names, _)| names.join(" ")).map_err(|error| error.to_string())
        };
        assert_eq!(names(None), Ok("f0 f1".into()));
        assert_eq!(names(Some(4)), Ok("f0 f1 f2 f3".into()));
        assert!(names(Some(1)).expect_err("too few").contains("feature 1 of 1"));
        assert!(names(Some(i64::MAX)).expect_err("too many").contains("input columns, at most"));
    }

    #[test]
    fn chains_of_nodes_cannot_fill_the_memory() {
        // Sums of sums double; casts and concatenations copy a wide input.
        let mut nodes = vec![stump("x", "s0", |_| {})];
        for index in 0..60 {
            let [from, to] = [format!("s{index}"), format!("s{}", index + 1)];
            nodes.push(node("Sum", &[&from, &from], &to));
        }
        nodes.push(node("Identity", &["s60"], "y"));
        let message = n_trees(&graph(None, nodes)).expect_err("too large");
        assert!(message.contains("what Sum makes"), "{message}");
        let mut nodes = Vec::new();
        for _ in 0..10_000 {
            let mut cast = node("Cast", &["x"], "c");
            cast.attribute = vec![int("to", 1)];
            nodes.push(cast);
        }
        nodes.push(stump("c", "y", |_| {}));
        let message = n_trees(&graph(Some(100_000), nodes)).expect_err("too large");
        assert!(message.contains("what Cast makes"), "{message}");
        let mut nodes = Vec::new();
        for index in 0..60 {
            let [from, to] = [format!("c{index}"), format!("c{}", index + 1)];
            let mut wide = node("Concat", &[&from, &from], &to);
            wide.attribute = vec![int("axis", 1)];
            nodes.push(wide);
        }
        nodes[0].input = vec!["x".into(), "x".into()];
        nodes.push(stump("c60", "y", |_| {}));
        let message = n_trees(&graph(None, nodes)).expect_err("too large");
        assert!(message.contains("what Concat makes"), "{message}");
    }

    #[test]
    fn what_is_broken_is_said() {
        let broken = |change: &dyn Fn(&mut Vec<AttributeProto>)| {
            n_trees(&graph(Some(2), vec![stump("x", "y", change)])).expect_err("broken")
        };
        type Change = fn(&mut Vec<AttributeProto>);
        let cases: [(Change, &str); 10] = [
            (|a| a[0].ints.truncate(1), "different lengths"),
            (|a| a[1].ints[1] = 0, "node (0, 0) is there twice"),
            (|a| a[5].ints[0] = 7, "node (0, 0) has no child 7"),
            (|a| a[5].ints[0] = 0, "tree 0: node 0 is below itself"),
            (|a| a[3].strings[0] = b"BRANCH_MEMBER".to_vec(), "the mode BRANCH_MEMBER"),
            (|a| a[3].strings[0] = vec![0xff], "no UTF-8"),
            (|a| a[4].floats[0] = f32::NAN, "tree 0: a threshold is NaN"),
            (|a| a[8].ints[0] = 0, "a weight for (0, 0), which is no leaf"),
            (|a| a[9].ints[0] = 1, "output 1 of 1"),
            (|a| a[11].i = i64::MIN, "n_targets is"),
        ];
        for (change, expected) in cases {
            let message = broken(&change);
            assert!(message.contains(expected), "{expected}: {message}");
        }
        let message = broken(&|a| a.push(text("aggregate_function", "MIN")));
        assert!(message.contains("aggregate_function MIN"), "{message}");
    }

    #[test]
    fn arithmetic_on_numbers_is_followed() {
        let constant = |name: &str, value: f64| TensorProto {
            name: name.into(),
            data_type: element::DOUBLE,
            double_data: vec![value],
            ..TensorProto::default()
        };
        let mut graph = graph(
            Some(2),
            vec![
                stump("x", "a", |_| {}),
                node("Mul", &["a", "two"], "b"),
                node("Add", &["three", "b"], "c"),
                node("Exp", &["c"], "d"),
                node("Mul", &["two", "d"], "y"),
            ],
        );
        graph.initializer = vec![constant("two", 2.0), constant("three", 3.0)];
        let (_, scores) = read(&graph).expect("sound");
        assert_eq!((scores.scale, scores.link), (2.0, Link::Exp));
        assert_eq!(scores.base, [3.0 + 2f64.ln()]);
        graph.initializer[0].double_data[0] = -2.0;
        let message = read(&graph).expect_err("no logarithm").to_string();
        assert!(message.contains("what Mul makes"), "{message}");
    }
}
