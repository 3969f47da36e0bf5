//! What a program prints: values on the way, and its result on the last line.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::Error;

/// A line that says how good a trial is.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Said {
    /// A number alone on its line.
    number: Option<f64>,
    /// `loss`: lower is better.
    loss: Option<f64>,
    /// `score`: higher is better.
    score: Option<f64>,
    /// `step`.
    pub step: Option<u64>,
    /// Other numbers, by name.
    pub notes: BTreeMap<String, f64>,
}

/// Reads a line: a number, or a JSON object with `loss` or `score` (`NaN` and `Infinity`
/// are numbers too). `None` for anything else.
pub(super) fn parse(line: &str) -> Option<Said> {
    let line = line.trim();
    if let Ok(number) = line.parse::<f64>() {
        return Some(Said { number: Some(number), ..Said::default() });
    }
    if !line.starts_with('{') {
        return None;
    }
    let value = serde_json::from_str(line).or_else(|_| serde_json::from_str(&without_nan(line)));
    let Ok(Value::Object(fields)) = value else { return None };
    let mut said = Said::default();
    for (name, value) in &fields {
        // What is not a number where one should be is none: the trial diverged.
        let number = value.as_f64().unwrap_or(f64::NAN);
        match name.as_str() {
            "loss" => said.loss = Some(number),
            "score" => said.score = Some(number),
            "step" => said.step = step(number),
            _ if number.is_finite() => drop(said.notes.insert(name.clone(), number)),
            _ => {}
        }
    }
    (said.loss.is_some() || said.score.is_some()).then_some(said)
}

fn step(number: f64) -> Option<u64> {
    (number >= 0.0 && number.fract() == 0.0 && number < 9e15).then_some(number as u64)
}

impl Said {
    /// The value in the direction of the search.
    ///
    /// # Errors
    /// The line has the other direction in its name.
    pub fn value(&self, maximize: bool) -> Result<f64, Error> {
        let named = if maximize { self.score } else { self.loss };
        named.or(self.number).ok_or_else(|| self.other_direction(maximize))
    }

    fn other_direction(&self, maximize: bool) -> Error {
        let expected = match maximize {
            true => {
                "the program prints a `loss`, which is the better the lower it is; leave \
                 --maximize out, or print a `score`"
            }
            false => {
                "the program prints a `score`, which is the better the higher it is; add \
                 --maximize, or print a `loss`"
            }
        };
        let value = if maximize { "given" } else { "not given" };
        Error::Option { option: "--maximize", value: value.into(), expected: expected.into() }
    }
}

/// JSON without the numbers that JSON does not know, which Python writes: they become `null`.
fn without_nan(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let (mut in_text, mut escaped) = (false, false);
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let foreign = ["NaN", "-Infinity", "Infinity"].iter().find(|word| rest.starts_with(**word));
        if let Some(word) = foreign.filter(|_| !in_text) {
            out.push_str("null");
            rest = &rest[word.len()..];
            continue;
        }
        if c == '"' && !escaped {
            in_text = !in_text;
        }
        escaped = in_text && c == '\\' && !escaped;
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_objects_are_values_and_nothing_else_is() {
        let value = |line: &str| parse(line).map(|said| said.value(false).unwrap());
        assert_eq!(value(" 0.25 \r"), Some(0.25));
        assert_eq!(value("-1e-3"), Some(-1e-3));
        assert_eq!(value(r#"{"loss": 0.5, "score": 2}"#), Some(0.5));
        assert!(value("nan").unwrap().is_nan());
        assert!(value(r#"{"loss": NaN}"#).unwrap().is_nan());
        assert!(value(r#"{"loss": null}"#).unwrap().is_nan());
        assert!(value(r#"{"loss": "low"}"#).unwrap().is_nan());
        for line in ["", "loss 0.5", "[1]", "{\"los\": 1}", "{\"loss\": 1", "{}", "0,5"] {
            assert_eq!(value(line), None, "{line}");
        }
    }

    #[test]
    fn steps_and_other_numbers_are_kept() {
        let said = parse(
            r#"{"step": 3, "score": 0.5, "NaN \"": NaN, "rows": 10, "by": "me", "up": -Infinity}"#,
        );
        let said = said.unwrap();
        assert_eq!((said.step, said.value(true).unwrap()), (Some(3), 0.5));
        assert_eq!(said.notes, BTreeMap::from([("rows".to_owned(), 10.0)]));
        for step in ["-1", "1.5", "1e300", "\"3\""] {
            let said = parse(&format!("{{\"loss\": 1, \"step\": {step}}}")).unwrap();
            assert_eq!(said.step, None, "{step}");
        }
    }

    #[test]
    fn the_other_direction_is_an_error_and_not_a_guess() {
        let said = parse(r#"{"score": 1}"#).unwrap();
        assert!(said.value(false).unwrap_err().to_string().contains("add --maximize"));
        let said = parse(r#"{"loss": 1}"#).unwrap();
        assert!(said.value(true).unwrap_err().to_string().contains("leave --maximize out"));
    }
}
