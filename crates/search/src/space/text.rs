//! Spaces of users' own programs, as text. [`SpaceText`] is what a file holds, in any format that
//! serde reads (TOML, JSON); [`SpaceText::space`] checks it.
//!
//! ```toml
//! learner = "my program"
//!
//! [[parameter]]
//! name = "rate"
//! type = "float"       # or int, category, ordinal, bool
//! low = 1e-4
//! high = 1.0
//! log = true           # steps are ratios
//! default = 0.01       # the middle if not given
//!
//! [[parameter]]
//! name = "optimizer"
//! type = "category"
//! values = ["adam", "sgd"]
//!
//! [[parameter]]
//! name = "momentum"
//! type = "float"
//! low = 0.0
//! high = 1.0
//! when = { name = "optimizer", is = ["sgd"] }
//!
//! [[forbidden]]        # these values must not meet
//! optimizer = ["sgd"]
//! rate = [1.0]
//! ```

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Domain, Forbidden, Parameter, Space, Value};

/// A space as a file holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpaceText {
    /// Name of what is tuned.
    pub learner: String,
    /// Its parameters.
    #[serde(rename = "parameter", default)]
    pub parameters: Vec<ParameterText>,
    /// Combinations that no configuration may have: values by name.
    #[serde(default)]
    pub forbidden: Vec<BTreeMap<String, Vec<Value>>>,
}

/// A parameter as a file holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParameterText {
    /// Name.
    pub name: String,
    /// `float`, `int`, `category`, `ordinal` or `bool`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Smallest number.
    pub low: Option<f64>,
    /// Largest number.
    pub high: Option<f64>,
    /// Whether steps are ratios.
    #[serde(default)]
    pub log: bool,
    /// Names, of a category or an ordinal.
    #[serde(default)]
    pub values: Vec<String>,
    /// Value used when nothing is known.
    pub default: Option<Value>,
    /// Whether every smaller value is a truncation of one run.
    #[serde(default)]
    pub nested: bool,
    /// When the parameter counts.
    pub when: Option<WhenText>,
    /// One line of help.
    #[serde(default)]
    pub help: String,
}

/// When a parameter counts: another one has one of these values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhenText {
    /// The other parameter.
    pub name: String,
    /// Its values.
    pub is: Vec<Value>,
}

/// What is wrong with a space.
#[derive(Debug, Clone, PartialEq)]
pub struct SpaceError {
    /// Where, e.g. ``parameter `rate` ``.
    pub place: String,
    /// What is wrong, and what is expected.
    pub problem: String,
}

impl std::error::Error for SpaceError {}

impl fmt::Display for SpaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)
    }
}

fn wrong<T>(place: &str, problem: impl Into<String>) -> Result<T, SpaceError> {
    Err(SpaceError { place: place.to_owned(), problem: problem.into() })
}

impl SpaceText {
    /// The space. Its names are kept until the process ends, since those of built-in spaces are
    /// constants.
    ///
    /// # Errors
    /// The first parameter or combination that makes no sense.
    pub fn space(&self) -> Result<Space, SpaceError> {
        let mut parameters: Vec<Parameter> = Vec::with_capacity(self.parameters.len());
        for text in &self.parameters {
            let parameter = text.parameter()?;
            if parameters.iter().any(|p| p.name == parameter.name) {
                return wrong(&text.place(), "is there twice; give one of them another name");
            }
            parameters.push(parameter);
        }
        let space = Space { learner: kept(&self.learner), parameters, forbidden: Vec::new() };
        space.check_conditions()?;
        let forbidden: Result<Vec<Forbidden>, SpaceError> =
            self.forbidden.iter().map(|combination| forbidden(&space, combination)).collect();
        let space = Space { forbidden: forbidden?, ..space };
        match space.check(&space.default_config()) {
            Ok(()) => Ok(space),
            Err(problem) => wrong("the defaults", problem.to_string()),
        }
    }
}

impl Space {
    /// Checks that every condition names a parameter and values that it may take.
    fn check_conditions(&self) -> Result<(), SpaceError> {
        for parameter in &self.parameters {
            let Some((name, values)) = parameter.when else { continue };
            let place = format!("`when` of parameter `{}`", parameter.name);
            let Some(other) = self.parameters.iter().find(|p| p.name == name) else {
                return wrong(&place, format!("there is no parameter `{name}`"));
            };
            if let Domain::Category(names) | Domain::Ordinal(names) = other.domain
                && let Some(value) = values.iter().find(|value| !names.contains(value))
            {
                let problem = format!("`{name}` is never `{value}`, but {}", other.domain);
                return wrong(&place, problem);
            }
            if values.is_empty() || self.is_circle(parameter) {
                return wrong(&place, "can never hold; it needs values, and no circle");
            }
        }
        Ok(())
    }

    /// Whether following the conditions of a parameter never ends.
    fn is_circle(&self, parameter: &Parameter) -> bool {
        let above = |p: &Parameter| {
            p.when.and_then(|(name, _)| self.parameters.iter().find(|p| p.name == name))
        };
        let chain = std::iter::successors(Some(parameter), |p| above(p));
        chain.take(self.parameters.len() + 1).count() > self.parameters.len()
    }
}

fn forbidden(
    space: &Space,
    combination: &BTreeMap<String, Vec<Value>>,
) -> Result<Forbidden, SpaceError> {
    let mut clauses = Vec::new();
    for (name, values) in combination {
        let Some(parameter) = space.parameters.iter().find(|p| p.name == name) else {
            return wrong("a forbidden combination", format!("there is no parameter `{name}`"));
        };
        if let Some(value) = values.iter().find(|value| !parameter.domain.contains(value)) {
            let problem = format!("`{name}` is never {value}, but {}", parameter.domain);
            return wrong("a forbidden combination", problem);
        }
        clauses.push((parameter.name, values.clone()));
    }
    Ok(Forbidden { clauses })
}

impl ParameterText {
    fn place(&self) -> String {
        format!("parameter `{}`", self.name)
    }

    fn parameter(&self) -> Result<Parameter, SpaceError> {
        let domain = self.domain()?;
        let default = self.default.clone().unwrap_or_else(|| domain.value_at(0.5));
        if !domain.contains(&default) {
            return wrong(&self.place(), format!("`default` is {default}, expected {domain}"));
        }
        let when = self.when.as_ref().map(|when| {
            let values: Vec<String> = when.is.iter().map(Value::to_string).collect();
            (kept(&when.name), kept_all(&values))
        });
        let (name, nested, help) = (kept(&self.name), self.nested, kept(&self.help));
        Ok(Parameter { name, domain, default, nested, when, help })
    }

    fn domain(&self) -> Result<Domain, SpaceError> {
        match self.kind.as_str() {
            "float" => {
                let (low, high) = self.bounds()?;
                Ok(Domain::Float { low, high, log: self.log })
            }
            "int" => {
                let (low, high) = self.bounds()?;
                if low.fract() != 0.0 || high.fract() != 0.0 || low.abs().max(high.abs()) > 9e15 {
                    return wrong(&self.place(), "`low` and `high` must be whole numbers");
                }
                Ok(Domain::Int { low: low as i64, high: high as i64, log: self.log })
            }
            "category" => Ok(Domain::Category(self.names()?)),
            "ordinal" => Ok(Domain::Ordinal(self.names()?)),
            "bool" => Ok(Domain::Bool),
            other => wrong(
                &self.place(),
                format!("`type` is `{other}`, expected float, int, category, ordinal or bool"),
            ),
        }
    }

    fn bounds(&self) -> Result<(f64, f64), SpaceError> {
        let (Some(low), Some(high)) = (self.low, self.high) else {
            return wrong(&self.place(), "needs `low` and `high`");
        };
        if !(low.is_finite() && high.is_finite() && low <= high) {
            let problem = format!("`low` is {low} and `high` is {high}, expected low <= high");
            return wrong(&self.place(), problem);
        }
        if self.log && low <= 0.0 && self.kind == "float" {
            let problem = format!("`low` is {low}, expected a number above 0 with `log`");
            return wrong(&self.place(), problem);
        }
        Ok((low, high))
    }

    fn names(&self) -> Result<&'static [&'static str], SpaceError> {
        if self.values.is_empty() {
            return wrong(&self.place(), "needs `values`");
        }
        Ok(kept_all(&self.values))
    }
}

fn kept(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

fn kept_all(texts: &[String]) -> &'static [&'static str] {
    let kept: Vec<&'static str> = texts.iter().map(|text| kept(text)).collect();
    Box::leak(kept.into_boxed_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = r#"
        learner = "my program"
        [[parameter]]
        name = "rate"
        type = "float"
        low = 1e-4
        high = 1.0
        log = true
        [[parameter]]
        name = "layers"
        type = "int"
        low = 1
        high = 9
        default = 2
        [[parameter]]
        name = "optimizer"
        type = "category"
        values = ["adam", "sgd"]
        [[parameter]]
        name = "size"
        type = "ordinal"
        values = ["s", "m", "l"]
        [[parameter]]
        name = "momentum"
        type = "float"
        low = 0.0
        high = 1.0
        when = { name = "optimizer", is = ["sgd"] }
        [[parameter]]
        name = "shuffle"
        type = "bool"
        [[forbidden]]
        optimizer = ["sgd"]
        size = ["l"]
    "#;

    fn space(text: &str) -> Result<Space, SpaceError> {
        toml::from_str::<SpaceText>(text).expect("the text is TOML").space()
    }

    #[test]
    fn a_file_becomes_a_space() {
        let space = space(EXAMPLE).unwrap();
        assert_eq!(space.learner, "my program");
        assert_eq!(space.parameters.len(), 6);
        let config = space.default_config();
        assert_eq!((config.float("rate"), config.int("layers")), (Some(0.01), Some(2)));
        assert!(!space.is_active(&space.parameters[4], &config.clone().with("optimizer", "adam")));
        let broken = config.with("optimizer", "sgd").with("size", "l");
        assert!(
            space.check(&broken).unwrap_err().to_string().contains("optimizer = sgd with size")
        );
        let text: SpaceText = toml::from_str(EXAMPLE).unwrap();
        let again: SpaceText = toml::from_str(&toml::to_string(&text).unwrap()).unwrap();
        assert_eq!(again, text);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let problem = |from: &str, to: &str| {
            assert!(EXAMPLE.contains(from), "{from}");
            space(&EXAMPLE.replacen(from, to, 1)).unwrap_err().to_string()
        };
        assert!(problem("low = 1e-4", "low = 0").contains("parameter `rate`: `low` is 0"));
        assert!(problem("default = 2", "default = 12").contains("whole number from 1 to 9"));
        assert!(problem("\"bool\"", "\"flag\"").contains("`type` is `flag`, expected float"));
        assert!(problem("is = [\"sgd\"]", "is = [\"lion\"]").contains("never `lion`"));
        assert!(problem("name = \"size\"", "name = \"rate\"").contains("there twice"));
        assert!(problem("size = [\"l\"]", "weight = [1]").contains("no parameter `weight`"));
        assert!(problem("low = 1\n", "low = 10\n").contains("expected low <= high"));
        assert!(problem("is = [\"sgd\"]", "is = []").contains("can never hold"));
        let circle = "values = [\"adam\", \"sgd\"]\nwhen = { name = \"momentum\", is = [0.5] }";
        assert!(problem("values = [\"adam\", \"sgd\"]", circle).contains("no circle"));
    }
}
