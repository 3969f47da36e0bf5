//! Attributes and tensors of an ONNX file as plain numbers and texts.

use crate::error::Error;
use crate::onnx::messages::{AttributeProto, NodeProto, TensorProto, element};

fn bad(problem: String) -> Error {
    Error::BadFile(problem)
}

/// The attributes of a node.
pub struct Attributes<'a> {
    node: &'a NodeProto,
}

impl<'a> Attributes<'a> {
    /// Of a node.
    pub fn of(node: &'a NodeProto) -> Attributes<'a> {
        Attributes { node }
    }

    fn find(&self, name: &str) -> Option<&'a AttributeProto> {
        self.node.attribute.iter().find(|attribute| attribute.name == name)
    }

    /// An integer.
    pub fn int(&self, name: &str) -> Option<i64> {
        self.find(name).map(|attribute| attribute.i)
    }

    /// Integers, or the integers of a tensor; empty if it is not there.
    ///
    /// # Errors
    /// [`Error::BadFile`] if it is a tensor that holds something else.
    pub fn ints(&self, name: &str) -> Result<Vec<i64>, Error> {
        let Some(attribute) = self.find(name) else { return Ok(vec![]) };
        match &attribute.t {
            None => Ok(attribute.ints.clone()),
            Some(tensor) => integers(tensor).map_err(|problem| self.bad(name, &problem)),
        }
    }

    /// A text.
    ///
    /// # Errors
    /// [`Error::BadFile`] if it is no UTF-8.
    pub fn text(&self, name: &str) -> Result<Option<String>, Error> {
        let text = |attribute: &AttributeProto| {
            String::from_utf8(attribute.s.clone()).map_err(|_| self.bad(name, "it is no UTF-8"))
        };
        self.find(name).map(text).transpose()
    }

    /// Texts; empty if they are not there.
    ///
    /// # Errors
    /// [`Error::BadFile`] if one is no UTF-8.
    pub fn texts(&self, name: &str) -> Result<Vec<String>, Error> {
        let Some(attribute) = self.find(name) else { return Ok(vec![]) };
        let text = |bytes: &Vec<u8>| {
            String::from_utf8(bytes.clone()).map_err(|_| self.bad(name, "a text is no UTF-8"))
        };
        attribute.strings.iter().map(text).collect()
    }

    /// Floats of the attribute `name` or of the tensor `name_as_tensor`; empty if neither is there.
    ///
    /// # Errors
    /// [`Error::BadFile`] if the tensor does not hold floats.
    pub fn floats(&self, name: &str) -> Result<Vec<f64>, Error> {
        let as_tensor = format!("{name}_as_tensor");
        let find = self.find(name).or_else(|| self.find(&as_tensor));
        let Some(attribute) = find else { return Ok(vec![]) };
        match &attribute.t {
            None => Ok(attribute.floats.iter().map(|float| f64::from(*float)).collect()),
            Some(tensor) => numbers(tensor).map_err(|problem| self.bad(name, &problem)),
        }
    }

    /// A tensor.
    pub fn tensor(&self, name: &str) -> Option<&'a TensorProto> {
        self.find(name).and_then(|attribute| attribute.t.as_ref())
    }

    fn bad(&self, name: &str, problem: &str) -> Error {
        bad(format!("node {}: attribute `{name}`: {problem}", self.node.op_type))
    }
}

/// The values of a tensor of floats or integers, in row-major order.
///
/// # Errors
/// What is wrong with it.
pub fn numbers(tensor: &TensorProto) -> Result<Vec<f64>, String> {
    match tensor.data_type {
        element::FLOAT => {
            let raw = raw::<4>(tensor)?.map(|bytes| f64::from(f32::from_le_bytes(bytes)));
            Ok(tensor.float_data.iter().map(|float| f64::from(*float)).chain(raw).collect())
        }
        element::DOUBLE => {
            let raw = raw::<8>(tensor)?.map(f64::from_le_bytes);
            Ok(tensor.double_data.iter().copied().chain(raw).collect())
        }
        _ => Ok(integers(tensor)?.into_iter().map(|integer| integer as f64).collect()),
    }
}

/// The values of a tensor of integers, in row-major order.
///
/// # Errors
/// What is wrong with it.
pub fn integers(tensor: &TensorProto) -> Result<Vec<i64>, String> {
    match tensor.data_type {
        element::INT64 => {
            let raw = raw::<8>(tensor)?.map(i64::from_le_bytes);
            Ok(tensor.int64_data.iter().copied().chain(raw).collect())
        }
        element::INT32 => {
            let raw = raw::<4>(tensor)?.map(|bytes| i64::from(i32::from_le_bytes(bytes)));
            Ok(tensor.int32_data.iter().map(|int| i64::from(*int)).chain(raw).collect())
        }
        element::UINT8 => {
            let raw = raw::<1>(tensor)?.map(|bytes| i64::from(bytes[0]));
            Ok(tensor.int32_data.iter().map(|int| i64::from(*int)).chain(raw).collect())
        }
        other => Err(format!("a tensor of the element type {other}, expected numbers")),
    }
}

/// Values that are stored as bytes.
fn raw<const N: usize>(tensor: &TensorProto) -> Result<impl Iterator<Item = [u8; N]>, String> {
    if tensor.data_location != 0 {
        return Err("its values lie in another file".into());
    }
    let (values, rest) = tensor.raw_data.as_chunks::<N>();
    if rest.is_empty() {
        Ok(values.iter().copied())
    } else {
        Err(format!("{} bytes do not fill values of {N}", tensor.raw_data.len()))
    }
}
