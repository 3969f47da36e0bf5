//! Axes of a grid from text, as users write them.

use eyas_search::{Domain, Parameter, Space, Value};

use super::Axis;
use super::hints::hint;
use crate::data::nearest::nearest_name;
use crate::error::Error;

/// The axis `name` of values such as `10`, `0.5`, `gini`, `true` or, for no limit, `none`.
///
/// # Errors
/// [`Error::Parameter`] for a name that the space does not have, or a value out of its domain; it
/// names the nearest known one.
pub fn axis(space: &Space, name: &str, values: &[&str]) -> Result<Axis, Error> {
    let Some(parameter) = space.parameters.iter().find(|parameter| parameter.name == name) else {
        return Err(unknown(space, name));
    };
    let read = |text: &&str| value(parameter, text.trim());
    let values = values.iter().map(read).collect::<Result<Vec<Value>, Error>>()?;
    Ok(Axis { name: name.to_owned(), values })
}

fn unknown(space: &Space, name: &str) -> Error {
    let names = || space.parameters.iter().map(|parameter| parameter.name);
    let hinted = hint(space.learner, name).map(|what| format!("{what}; "));
    let near = || nearest_name(name, names()).map(|near| format!("did you mean `{near}`? "));
    let meant = hinted.or_else(near);
    let known = names().collect::<Vec<_>>().join(", ");
    Error::Parameter {
        name: "param".to_owned(),
        value: format!("`{name}`"),
        expected: format!(
            "learner `{}` has no such parameter; {}it has {known}",
            space.learner,
            meant.unwrap_or_default()
        ),
    }
}

fn value(parameter: &Parameter, text: &str) -> Result<Value, Error> {
    let wrong = || wrong(parameter, text);
    if text == "none" {
        return match parameter.name {
            // Where 0 is no limit, it is that.
            "max_depth" if parameter.domain.contains(&Value::Int(0)) => Ok(Value::Int(0)),
            "max_depth" | "max_leaf_nodes" => Ok(Value::from("none")),
            "max_features" => Ok(Value::from("1.0")),
            _ => Err(wrong()),
        };
    }
    let value = match parameter.domain {
        Domain::Int { .. } => text.parse().map(Value::Int).map_err(|_| wrong())?,
        Domain::Float { .. } => text.parse().map(Value::Float).map_err(|_| wrong())?,
        Domain::Bool => match text.to_ascii_lowercase().as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => return Err(wrong()),
        },
        Domain::Category(_) | Domain::Ordinal(_) => Value::from(text),
    };
    let is_share = parameter.name == "max_features"
        && text.parse::<f64>().is_ok_and(|share| share > 0.0 && share <= 1.0);
    if is_share || parameter.domain.contains(&value) { Ok(value) } else { Err(wrong()) }
}

fn wrong(parameter: &Parameter, text: &str) -> Error {
    let expected = match parameter.domain {
        Domain::Int { low, high, .. } if high >= i64::from(u32::MAX) => {
            format!("a whole number of at least {low}")
        }
        Domain::Float { low, high, .. } if high == f64::MAX => {
            format!("a number of at least {low}")
        }
        domain => domain.to_string(),
    };
    let meant = match parameter.domain {
        Domain::Category(names) | Domain::Ordinal(names) => {
            nearest_name(text, names.iter().copied())
        }
        _ => None,
    };
    let meant = meant.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
    Error::Parameter {
        name: parameter.name.to_owned(),
        value: format!("`{text}`"),
        expected: format!("it must be {expected}{meant}"),
    }
}
