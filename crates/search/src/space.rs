//! Spaces of strategies: which parameters a learner has, and a configuration of them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

mod forbidden;
pub mod text;

pub use forbidden::Forbidden;

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
    /// One of some names in their order: a step leads to the next one.
    Ordinal(&'static [&'static str]),
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
    /// Combinations of values that no configuration may have.
    pub forbidden: Vec<Forbidden>,
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

impl From<i32> for Value {
    fn from(value: i32) -> Value {
        Value::Int(i64::from(value))
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

/// Why a configuration is not one of a space.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ConfigError {
    /// It is of another learner than the space.
    OtherLearner {
        /// Learner of the space.
        expected: String,
        /// Learner of the configuration.
        found: String,
    },
    /// The learner has no such parameter.
    UnknownParameter {
        /// The learner.
        learner: String,
        /// The name that it does not know.
        name: String,
        /// The names that it knows.
        known: Vec<&'static str>,
    },
    /// A value is of another type than the parameter's, or out of its domain.
    OutOfDomain {
        /// The learner.
        learner: String,
        /// The parameter.
        name: &'static str,
        /// The value given.
        value: Value,
        /// The values it may take.
        domain: Domain,
    },
    /// The values are fine each, but not together.
    Forbidden {
        /// The learner.
        learner: String,
        /// The combination.
        combination: Forbidden,
    },
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::OtherLearner { expected, found } => {
                write!(
                    f,
                    "configuration of learner `{found}` where one of `{expected}` is expected"
                )
            }
            ConfigError::UnknownParameter { learner, name, known } => {
                write!(
                    f,
                    "learner `{learner}` has no parameter `{name}`; it has {}",
                    known.join(", ")
                )
            }
            ConfigError::OutOfDomain { learner, name, value, domain } => {
                write!(f, "parameter `{name}` of learner `{learner}` is {value}, expected {domain}")
            }
            ConfigError::Forbidden { learner, combination } => {
                write!(f, "learner `{learner}` forbids {combination}; change one of them")
            }
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(value) => write!(f, "{value}"),
            Value::Int(value) => write!(f, "{value}"),
            Value::Float(value) => write!(f, "{value}"),
            Value::Text(value) => f.write_str(value),
        }
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Domain::Float { low, high, .. } => write!(f, "a number from {low} to {high}"),
            Domain::Int { low, high, .. } => write!(f, "a whole number from {low} to {high}"),
            Domain::Category(names) | Domain::Ordinal(names) => {
                write!(f, "one of {}", names.join(", "))
            }
            Domain::Bool => f.write_str("true or false"),
        }
    }
}

impl Domain {
    /// Whether a value is one of the domain; whole numbers count as floats and whole floats as
    /// whole numbers.
    pub fn contains(&self, value: &Value) -> bool {
        match (self, value) {
            (Domain::Float { low, high, .. }, Value::Float(v)) => low <= v && v <= high,
            (Domain::Float { low, high, .. }, Value::Int(v)) => {
                *low <= *v as f64 && *v as f64 <= *high
            }
            (Domain::Int { low, high, .. }, Value::Int(v)) => low <= v && v <= high,
            (Domain::Int { low, high, .. }, Value::Float(v)) => {
                v.fract() == 0.0 && *low as f64 <= *v && *v <= *high as f64
            }
            (Domain::Category(names) | Domain::Ordinal(names), Value::Text(v)) => {
                names.contains(&v.as_str())
            }
            (Domain::Bool, Value::Bool(_)) => true,
            _ => false,
        }
    }
}

impl Space {
    /// Checks that a configuration is one of this space; absent parameters are fine, they take
    /// their defaults.
    ///
    /// # Errors
    /// The first parameter, by name, that is unknown or has a value out of its domain; else the
    /// first forbidden combination that the configuration has.
    pub fn check(&self, config: &Config) -> Result<(), ConfigError> {
        if config.learner != self.learner {
            let (expected, found) = (self.learner.to_owned(), config.learner.clone());
            return Err(ConfigError::OtherLearner { expected, found });
        }
        config.values.iter().try_for_each(|(name, value)| self.check_value(name, value))?;
        match self.forbidden.iter().find(|combination| combination.holds(self, config)) {
            None => Ok(()),
            Some(combination) => {
                let (learner, combination) = (self.learner.to_owned(), combination.clone());
                Err(ConfigError::Forbidden { learner, combination })
            }
        }
    }

    fn check_value(&self, name: &str, value: &Value) -> Result<(), ConfigError> {
        let learner = self.learner.to_owned();
        let Some(parameter) = self.parameters.iter().find(|p| p.name == name) else {
            let known = self.parameters.iter().map(|p| p.name).collect();
            return Err(ConfigError::UnknownParameter { learner, name: name.to_owned(), known });
        };
        if parameter.domain.contains(value) {
            return Ok(());
        }
        let (name, domain, value) = (parameter.name, parameter.domain, value.clone());
        Err(ConfigError::OutOfDomain { learner, name, value, domain })
    }

    /// The configuration with absent parameters at their defaults.
    pub fn complete(&self, config: &Config) -> Config {
        let mut full = self.default_config();
        full.values.extend(config.values.iter().map(|(name, value)| (name.clone(), value.clone())));
        full
    }

    /// Whether a parameter counts in a configuration: its `when` holds, and so does that of the
    /// parameter it names, and so on. A `when` on a parameter that does not exist never holds.
    pub fn is_active(&self, parameter: &Parameter, config: &Config) -> bool {
        let mut current = parameter;
        // A chain without a circle is shorter than the number of parameters.
        for _ in 0..self.parameters.len() {
            let Some((name, allowed)) = current.when else { return true };
            let Some(other) = self.parameters.iter().find(|p| p.name == name) else { return false };
            let holds = match config.values.get(name).unwrap_or(&other.default) {
                Value::Text(text) => allowed.contains(&text.as_str()),
                value => allowed.contains(&value.to_string().as_str()),
            };
            if !holds {
                return false;
            }
            current = other;
        }
        current.when.is_none()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A parameter for tests.
    pub(crate) fn parameter(name: &'static str, domain: Domain, default: Value) -> Parameter {
        Parameter { name, domain, default, nested: false, when: None, help: "" }
    }

    /// A space with one parameter of each sort.
    pub(crate) fn sample_space() -> Space {
        let rate = Domain::Float { low: 1e-4, high: 1.0, log: true };
        let mut momentum =
            parameter("momentum", Domain::Float { low: 0.0, high: 1.0, log: false }, 0.9.into());
        momentum.when = Some(("optimizer", &["sgd"]));
        let mut trees =
            parameter("n_estimators", Domain::Int { low: 1, high: 1000, log: true }, 100.into());
        trees.nested = true;
        Space {
            learner: "sample",
            parameters: vec![
                parameter("learning_rate", rate, 0.1.into()),
                parameter("depth", Domain::Int { low: 1, high: 8, log: false }, 6.into()),
                parameter("optimizer", Domain::Category(&["adam", "sgd"]), "adam".into()),
                momentum,
                parameter("bagging", Domain::Bool, false.into()),
                parameter("size", Domain::Ordinal(&["s", "m", "l"]), "m".into()),
                trees,
            ],
            forbidden: vec![Forbidden::new(&[
                ("bagging", &[Value::Bool(true)]),
                ("size", &[Value::from("l")]),
            ])],
        }
    }

    #[test]
    fn check_names_what_is_wrong() {
        let space = sample_space();
        let config = space.default_config();
        assert_eq!(space.check(&config), Ok(()));
        assert_eq!(space.check(&config.clone().with("depth", 6.0)), Ok(()));
        let message = |config: Config| space.check(&config).unwrap_err().to_string();
        assert_eq!(
            message(config.clone().with("depth", 9)),
            "parameter `depth` of learner `sample` is 9, expected a whole number from 1 to 8"
        );
        assert!(message(config.clone().with("dept", 2)).contains("no parameter `dept`; it has"));
        assert!(message(config.clone().with("learning_rate", f64::NAN)).contains("is NaN"));
        assert!(message(config.clone().with("optimizer", "lion")).contains("adam, sgd"));
        assert!(message(config.clone().with("bagging", 1)).contains("true or false"));
        assert!(message(config.clone().with("size", "xl")).contains("one of s, m, l"));
        assert_eq!(
            message(config.clone().with("bagging", true).with("size", "l")),
            "learner `sample` forbids bagging = true with size = l; change one of them"
        );
        let other = Config { learner: "other".to_owned(), ..config };
        assert!(message(other).contains("`other`"));
    }

    #[test]
    fn conditions_follow_the_configuration_and_its_defaults() {
        let space = sample_space();
        let momentum = &space.parameters[3];
        let absent = Config { learner: "sample".to_owned(), values: BTreeMap::new() };
        assert!(!space.is_active(momentum, &absent));
        assert!(space.is_active(momentum, &absent.with("optimizer", "sgd")));
    }

    #[test]
    fn a_circle_of_conditions_is_never_active() {
        let mut space = sample_space();
        space.parameters[2].when = Some(("momentum", &["0.9"]));
        let config = space.default_config().with("optimizer", "sgd");
        assert!(!space.is_active(&space.parameters[3], &config));
    }
}
