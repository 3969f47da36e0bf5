//! Combinations of values that a space forbids.

use std::fmt;

use super::{Config, Space, Value};

/// Values of several parameters that must not meet. Parameters that do not count in a
/// configuration cannot break it.
#[derive(Debug, Clone, PartialEq)]
pub struct Forbidden {
    /// Names of parameters, each with the values that take part.
    pub clauses: Vec<(&'static str, Vec<Value>)>,
}

impl Forbidden {
    /// A combination of these parameters with any of these values each.
    pub fn new(clauses: &[(&'static str, &[Value])]) -> Forbidden {
        let clauses = clauses.iter().map(|(name, values)| (*name, values.to_vec()));
        Forbidden { clauses: clauses.collect() }
    }

    /// Whether a configuration has the combination; absent values are defaults. A combination
    /// without clauses, or of a parameter that does not exist, never holds.
    pub fn holds(&self, space: &Space, config: &Config) -> bool {
        let has = |(name, values): &(&'static str, Vec<Value>)| {
            let Some(parameter) = space.parameters.iter().find(|p| p.name == *name) else {
                return false;
            };
            let value = config.values.get(*name).unwrap_or(&parameter.default);
            values.iter().any(|v| is_same(v, value)) && space.is_active(parameter, config)
        };
        !self.clauses.is_empty() && self.clauses.iter().all(has)
    }
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, values)) in self.clauses.iter().enumerate() {
            let values: Vec<String> = values.iter().map(Value::to_string).collect();
            let joint = if at == 0 { "" } else { " with " };
            write!(f, "{joint}{name} = {}", values.join(" or "))?;
        }
        Ok(())
    }
}

/// Whether two values mean the same; 1 and 1.0 do.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Int(a), Value::Float(b)) | (Value::Float(b), Value::Int(a)) => *a as f64 == *b,
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::tests::sample_space;

    #[test]
    fn all_clauses_must_hold_and_count() {
        let space = sample_space();
        let config = space.default_config();
        let none = Forbidden { clauses: Vec::new() };
        assert!(!none.holds(&space, &config));
        let depth = Forbidden::new(&[("depth", &[Value::Float(6.0), Value::Int(2)])]);
        assert!(depth.holds(&space, &config));
        assert!(!depth.holds(&space, &config.clone().with("depth", 5)));
        // Momentum counts with one optimizer only.
        let momentum = Forbidden::new(&[("momentum", &[Value::Float(0.9)])]);
        assert!(!momentum.holds(&space, &config));
        assert!(momentum.holds(&space, &config.clone().with("optimizer", "sgd")));
        let unknown = Forbidden::new(&[("no_such", &[Value::Bool(true)])]);
        assert!(!unknown.holds(&space, &config));
    }
}
