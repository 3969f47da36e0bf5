//! Spaces of strategies: which parameters a learner has, and a configuration of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The values a parameter may take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Domain {
    /// A number in `[low, high]`, on a logarithmic scale if `log`.
    Float {
        /// Smallest value.
        low: f64,
        /// Largest value.
        high: f64,
        /// Whether steps are ratios.
        log: bool,
    },
    /// A whole number in `[low, high]`, on a logarithmic scale if `log`.
    Int {
        /// Smallest value.
        low: i64,
        /// Largest value.
        high: i64,
        /// Whether steps are ratios.
        log: bool,
    },
    /// One of some names, without order.
    Category(&'static [&'static str]),
    /// Yes or no.
    Bool,
}

/// The value of a parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A name.
    Text(String),
}

/// A parameter of a learner, declared once; command line, docs and reports read this.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Name, scikit-learn's where it has one, LightGBM's next.
    pub name: &'static str,
    /// The values it may take.
    pub domain: Domain,
    /// The value used when nothing is known.
    pub default: Value,
    /// Whether every smaller value is a truncation of one fit, so that a trial scores them all.
    pub nested: bool,
    /// The parameter counts only where another one has one of these values.
    pub when: Option<(&'static str, &'static [&'static str])>,
    /// One line of help.
    pub help: &'static str,
}

/// The parameters of one learner.
#[derive(Debug, Clone, PartialEq)]
pub struct Space {
    /// Name of the learner.
    pub learner: &'static str,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
}

/// One strategy: a learner with a value for each parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Name of the learner.
    pub learner: String,
    /// Values by parameter name.
    pub values: BTreeMap<String, Value>,
}

impl Config {
    /// A number, whole numbers included; `None` if absent or of another type.
    pub fn float(&self, name: &str) -> Option<f64> {
        match self.values.get(name)? {
            Value::Float(value) => Some(*value),
            Value::Int(value) => Some(*value as f64),
            _ => None,
        }
    }

    /// A whole number; a float that is whole counts.
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.values.get(name)? {
            Value::Int(value) => Some(*value),
            Value::Float(value) if value.fract() == 0.0 => Some(*value as i64),
            _ => None,
        }
    }

    /// A name.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.values.get(name)? {
            Value::Text(value) => Some(value),
            _ => None,
        }
    }

    /// Yes or no.
    pub fn bool(&self, name: &str) -> Option<bool> {
        match self.values.get(name)? {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The same strategy with one value changed.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Config {
        self.values.insert(name.to_owned(), value.into());
        self
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Value {
        Value::Float(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Int(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::Text(value.to_owned())
    }
}

impl Space {
    /// The configuration of defaults.
    pub fn default_config(&self) -> Config {
        let values = self.parameters.iter();
        let values = values.map(|p| (p.name.to_owned(), p.default.clone())).collect();
        Config { learner: self.learner.to_owned(), values }
    }
}
