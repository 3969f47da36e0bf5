//! Values of a configuration against the declaration of their parameters.

use eyas_search::{Config, Domain, Parameter, Space, Value};

use crate::error::Error;

/// The values of all parameters of a space, each in its domain; absent ones take their defaults,
/// and what the space does not know is left out.
///
/// # Errors
/// [`Error::Parameter`] for a value out of its domain.
pub(super) fn checked(space: &Space, config: &Config) -> Result<Config, Error> {
    let mut values = space.default_config();
    for parameter in &space.parameters {
        if let Some(value) = config.values.get(parameter.name) {
            check(parameter, value)?;
            values.values.insert(parameter.name.to_owned(), value.clone());
        }
    }
    Ok(values)
}

/// Whether a value is in the domain of a parameter.
///
/// # Errors
/// [`Error::Parameter`] if it is not: it names the parameter, the value and what is expected.
pub(super) fn check(parameter: &Parameter, value: &Value) -> Result<(), Error> {
    let number = match value {
        Value::Int(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        Value::Bool(_) | Value::Text(_) => None,
    };
    let (fits, expected) = match parameter.domain {
        Domain::Float { low, high, .. } => {
            let fits = number.is_some_and(|number| (low..=high).contains(&number));
            (fits, format!("must be a number from {low} to {high}"))
        }
        Domain::Int { low, high, .. } => {
            let fits =
                |number: f64| number.fract() == 0.0 && (low as f64..=high as f64).contains(&number);
            (number.is_some_and(fits), format!("must be a whole number from {low} to {high}"))
        }
        Domain::Category(names) | Domain::Ordinal(names) => {
            let fits = matches!(value, Value::Text(name) if names.contains(&name.as_str()));
            // Names such as `64,32` are told apart by another sign.
            let between = if names.iter().any(|name| name.contains(',')) { "; " } else { ", " };
            (fits, format!("must be one of {}", names.join(between)))
        }
        Domain::Bool => (matches!(value, Value::Bool(_)), "must be true or false".to_owned()),
    };
    if fits {
        return Ok(());
    }
    let value = match value {
        Value::Text(value) => format!("`{value}`"),
        value => value.to_string(),
    };
    Err(Error::Parameter { name: parameter.name.to_owned(), value, expected })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(domain: Domain, value: Value) -> String {
        let default = Value::Int(1);
        let parameter =
            Parameter { name: "size", domain, default, nested: false, when: None, help: "" };
        check(&parameter, &value).map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn values_are_in_their_domains_or_named() {
        let int = Domain::Int { low: 1, high: 9, log: false };
        assert_eq!(message(int, Value::Int(9)), "");
        assert_eq!(message(int, Value::Float(3.0)), "");
        let error = "parameter `size` is 10, but must be a whole number from 1 to 9";
        assert_eq!(message(int, Value::Int(10)), error);
        assert!(message(int, Value::Bool(true)).contains("is true"));
        let float = Domain::Float { low: 0.0, high: 1.0, log: false };
        assert_eq!(message(float, Value::Int(1)), "");
        assert!(message(float, Value::Float(f64::NAN)).contains("NaN"));
        assert_eq!(message(Domain::Category(&["a", "b"]), "b".into()), "");
        assert!(message(Domain::Category(&["a", "b"]), "c".into()).contains("`c`"));
        assert!(message(Domain::Category(&["1", "1,2"]), Value::Int(1)).ends_with("1; 1,2"));
        assert_eq!(message(Domain::Bool, Value::Bool(false)), "");
        assert!(message(Domain::Bool, Value::Int(0)).ends_with("true or false"));
    }
}
