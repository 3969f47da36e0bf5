//! A graph in the making.

use std::collections::HashSet;

use crate::onnx::messages::{
    AttributeProto, DimensionProto, GraphProto, NodeProto, TensorProto, TensorShapeProto,
    TensorTypeProto, TypeProto, ValueInfoProto, attribute, element,
};

/// A graph in the making; values get names of their own.
pub struct Builder {
    /// What is there so far.
    pub graph: GraphProto,
    /// Names of columns, which no other value may have.
    columns: HashSet<String>,
    n_values: usize,
}

impl Builder {
    /// An empty graph for a model with these columns.
    pub fn new(name: &str, columns: HashSet<String>) -> Builder {
        let graph = GraphProto { name: name.into(), ..GraphProto::default() };
        Builder { graph, columns, n_values: 0 }
    }

    /// The name, or a longer one if a column has it.
    pub fn free(&self, name: &str) -> String {
        let mut name = name.to_string();
        while self.columns.contains(&name) {
            name.push('_');
        }
        name
    }

    /// A name that no other value has.
    fn fresh(&mut self) -> String {
        self.n_values += 1;
        self.free(&format!("eyas:{}:", self.n_values))
    }

    /// Adds a node; gives the name of its result.
    pub fn node(&mut self, operator: &str, inputs: &[&str]) -> String {
        self.node_with(operator, inputs, &[])
    }

    /// Adds a node with integer parameters; gives the name of its result.
    pub fn node_with(
        &mut self,
        operator: &str,
        inputs: &[&str],
        parameters: &[(&str, i64)],
    ) -> String {
        let output = self.fresh();
        let attributes = parameters.iter().map(|(name, value)| int(name, *value)).collect();
        self.add("", operator, inputs, &output, attributes);
        output
    }

    /// Adds a node whose result has a name that is given.
    pub fn named(&mut self, output: &str, operator: &str, inputs: &[&str]) {
        self.add("", operator, inputs, output, vec![]);
    }

    /// Adds a node of the operators for machine learning; gives the name of its result.
    pub fn ml_node(
        &mut self,
        operator: &str,
        inputs: &[&str],
        attributes: Vec<AttributeProto>,
    ) -> String {
        let output = self.fresh();
        self.add("ai.onnx.ml", operator, inputs, &output, attributes);
        output
    }

    fn add(
        &mut self,
        domain: &str,
        operator: &str,
        inputs: &[&str],
        output: &str,
        attribute: Vec<AttributeProto>,
    ) {
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|input| input.to_string()).collect(),
            output: vec![output.into()],
            name: format!("node {}", self.graph.node.len()),
            op_type: operator.into(),
            attribute,
            domain: domain.into(),
        });
    }

    /// A value in another element type.
    pub fn cast(&mut self, input: &str, to: i32) -> String {
        self.node_with("Cast", &[input], &[("to", i64::from(to))])
    }

    /// A value in another element type, under a name that is given.
    pub fn cast_to(&mut self, output: &str, input: &str, to: i32) {
        self.add("", "Cast", &[input], output, vec![int("to", i64::from(to))]);
    }

    /// A constant of 64-bit floats.
    pub fn doubles(&mut self, values: &[f64], shape: &[usize]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(element::DOUBLE, bytes, shape)
    }

    /// A constant of 32-bit floats.
    pub fn floats(&mut self, values: &[f32], shape: &[usize]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(element::FLOAT, bytes, shape)
    }

    /// A constant of 64-bit integers.
    pub fn integers(&mut self, values: &[i64], shape: &[usize]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(element::INT64, bytes, shape)
    }

    fn constant(&mut self, data_type: i32, raw_data: Vec<u8>, shape: &[usize]) -> String {
        let name = self.fresh();
        let dims = shape.iter().map(|&size| size as i64).collect();
        let tensor =
            TensorProto { dims, data_type, raw_data, name: name.clone(), ..Default::default() };
        self.graph.initializer.push(tensor);
        name
    }

    /// A constant list of texts.
    pub fn texts(&mut self, texts: &[String]) -> String {
        let name = self.fresh();
        self.graph.initializer.push(TensorProto {
            dims: vec![texts.len() as i64],
            data_type: element::STRING,
            string_data: texts.iter().map(|text| text.clone().into_bytes()).collect(),
            name: name.clone(),
            ..Default::default()
        });
        name
    }

    /// Adds an input `(n_rows, 1)`.
    pub fn input(&mut self, name: &str, elem_type: i32) {
        self.graph.input.push(value_info(name, elem_type, &[None, Some(1)]));
    }

    /// Adds an output; the first dimension that is not given is that of rows.
    pub fn output(&mut self, name: &str, elem_type: i32, shape: &[Option<i64>]) {
        self.graph.output.push(value_info(name, elem_type, shape));
    }
}

fn value_info(name: &str, elem_type: i32, shape: &[Option<i64>]) -> ValueInfoProto {
    let dimension = |size: &Option<i64>| DimensionProto {
        dim_value: *size,
        dim_param: if size.is_none() { "n_rows".into() } else { String::new() },
    };
    let shape = Some(TensorShapeProto { dim: shape.iter().map(dimension).collect() });
    let tensor_type = Some(TensorTypeProto { elem_type, shape });
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type }) }
}

/// An integer parameter.
pub fn int(name: &str, value: i64) -> AttributeProto {
    let name = name.into();
    AttributeProto { name, i: value, kind: attribute::INT, ..Default::default() }
}

/// A parameter of integers.
pub fn ints(name: &str, ints: Vec<i64>) -> AttributeProto {
    let name = name.into();
    AttributeProto { name, ints, kind: attribute::INTS, ..Default::default() }
}

/// A parameter of floats.
pub fn floats(name: &str, floats: Vec<f32>) -> AttributeProto {
    let name = name.into();
    AttributeProto { name, floats, kind: attribute::FLOATS, ..Default::default() }
}

/// A text parameter.
pub fn text(name: &str, text: &str) -> AttributeProto {
    let (name, s) = (name.into(), text.into());
    AttributeProto { name, s, kind: attribute::STRING, ..Default::default() }
}

/// A parameter of texts.
pub fn texts(name: &str, texts: Vec<Vec<u8>>) -> AttributeProto {
    let name = name.into();
    AttributeProto { name, strings: texts, kind: attribute::STRINGS, ..Default::default() }
}
