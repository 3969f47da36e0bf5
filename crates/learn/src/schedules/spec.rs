//! A schedule as text: `name`, or `name(parameter=value; parameter=value)`.

use super::{Schedule, ScheduleKind};
use crate::error::Error;

/// How deep schedules may lie in one another.
const MAX_DEPTH: usize = 8;

/// What a text says, its values not yet read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Name of the schedule.
    pub name: String,
    /// Its parameters, as they were written.
    pub given: Vec<(String, String)>,
}

impl Spec {
    /// Reads one schedule.
    ///
    /// # Errors
    /// Brackets that do not close, or a parameter without `=`.
    pub fn parse(text: &str) -> Result<Spec, Error> {
        let text = text.trim();
        let Some(open) = text.find('(') else {
            return Ok(Spec { name: text.to_owned(), given: Vec::new() });
        };
        let inner = text[open + 1..].strip_suffix(')').ok_or_else(|| malformed(text))?;
        let mut given = Vec::new();
        for part in split(inner, ';')?.iter().filter(|part| !part.trim().is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| malformed(part))?;
            given.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        Ok(Spec { name: text[..open].trim().to_owned(), given })
    }

    /// Reads schedules that are separated by `|`; at least one.
    ///
    /// # Errors
    /// As of [`Spec::parse`].
    pub fn parse_all(text: &str) -> Result<Vec<Spec>, Error> {
        split(text, '|')?.into_iter().map(Spec::parse).collect()
    }

    /// Makes the schedule.
    ///
    /// # Errors
    /// An unknown name or parameter, or a value out of its domain.
    pub fn build(&self, base_rate: f64, n_steps: u64) -> Result<Box<dyn Schedule>, Error> {
        ScheduleKind::by_name(&self.name)?.with(base_rate, n_steps, &self.given)
    }
}

/// Splits at a mark outside of brackets.
fn split(text: &str, mark: char) -> Result<Vec<&str>, Error> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, letter) in text.char_indices() {
        match letter {
            '(' if depth < MAX_DEPTH => depth += 1,
            ')' if depth > 0 => depth -= 1,
            '(' | ')' => return Err(malformed(text)),
            _ if letter == mark && depth == 0 => {
                parts.push(&text[start..at]);
                start = at + letter.len_utf8();
            }
            _ => {}
        }
    }
    if depth > 0 {
        return Err(malformed(text));
    }
    parts.push(&text[start..]);
    Ok(parts)
}

fn malformed(text: &str) -> Error {
    Error::Parameter {
        name: "schedule".to_owned(),
        value: format!("`{text}`"),
        expected: "must read like `cosine` or `cosine(alpha=0.1; steps=80%)`".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_lie_in_one_another() {
        let spec = Spec::parse("sequence(schedules=linear(start=0; end=1)|cosine; milestones=5)");
        let spec = spec.unwrap();
        assert_eq!(spec.given[0].1, "linear(start=0; end=1)|cosine");
        assert_eq!(spec.given[1].1, "5");
        assert!(spec.build(0.1, 20).is_ok());
    }

    #[test]
    fn broken_texts_are_refused() {
        let deep = "product(schedules=".repeat(20) + &")".repeat(20);
        for text in ["cosine(", "cosine)", "cosine(alpha)", "cosine(alpha=1))(", &deep, "", "é("] {
            let made = Spec::parse(text).and_then(|spec| spec.build(0.1, 20));
            assert!(made.is_err(), "{text}");
        }
    }
}
