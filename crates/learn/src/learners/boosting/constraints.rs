//! What trees must not do: constraints on the direction of features and on which go together.
//!
//! Monotone: along a feature of direction 1 predictions never fall, along one of direction -1 they
//! never rise, all else equal. A split by such a feature is allowed if its sides are in that order,
//! and the middle of their values bounds everything below each side. Missing values have no place in
//! the order. Interaction: a path asks features of one group only.

use super::parameters::Parameters;
use crate::dataset::Dataset;
use crate::error::Error;

/// Constraints by feature of the dataset.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Constraints {
    /// Direction of each feature: 1 rises, -1 falls, 0 is free; empty if all are.
    pub monotone: Vec<i8>,
    /// Groups of features that may be asked on one path; a feature in none is never asked. Empty if
    /// all may.
    pub groups: Vec<Vec<u32>>,
}

impl Constraints {
    /// Reads the parameters `monotone_constraints` (`1,0,-1`, a direction for each feature, or
    /// `NAME:1,OTHER:-1`) and `interaction_constraints` (`[0,1,NAME],[2,3]`).
    ///
    /// # Errors
    /// A text of another form, a feature that there is not, and directions of vector leaves.
    pub fn read(parameters: &Parameters, data: &Dataset) -> Result<Constraints, Error> {
        let names: Vec<&str> = data.features.iter().map(|f| f.name.as_str()).collect();
        let wrong = |name: &str, value: &str, expected: String| Error::Parameter {
            name: name.to_owned(),
            value: format!("`{value}`"),
            expected,
        };
        let text = parameters.monotone_constraints.trim();
        let monotone = directions(text, &names)
            .map_err(|expected| wrong("monotone_constraints", text, expected))?;
        if !monotone.is_empty() && parameters.vector_leaves && data.n_outputs() > 1 {
            let expected = "constraints need multi_strategy `one_per_class`".to_owned();
            return Err(wrong("monotone_constraints", text, expected));
        }
        let text = parameters.interaction_constraints.trim();
        let groups = groups(text, &names)
            .map_err(|expected| wrong("interaction_constraints", text, expected))?;
        Ok(Constraints { monotone, groups })
    }
}

fn directions(text: &str, names: &[&str]) -> Result<Vec<i8>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let direction = |text: &str| match text.trim() {
        "1" | "+1" => Ok(1),
        "-1" => Ok(-1),
        "0" => Ok(0),
        other => Err(format!("a direction must be 1, 0 or -1, not `{other}`")),
    };
    let found = if text.contains(':') {
        let mut all = vec![0; names.len()];
        for entry in text.split(',') {
            let (name, text) = entry.rsplit_once(':').ok_or("entries must be `NAME:DIRECTION`")?;
            all[place(name, names)? as usize] = direction(text)?;
        }
        all
    } else {
        text.split(',').map(direction).collect::<Result<Vec<i8>, String>>()?
    };
    if found.len() != names.len() {
        return Err(format!("{} features need as many directions", names.len()));
    }
    Ok(if found.iter().any(|&direction| direction != 0) { found } else { Vec::new() })
}

fn groups(text: &str, names: &[&str]) -> Result<Vec<Vec<u32>>, String> {
    let mut groups = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let open = rest.strip_prefix('[').ok_or("groups must be in brackets")?;
        let (group, after) = open.split_once(']').ok_or("a bracket is not closed")?;
        let members = group.split(',').map(|name| place(name, names));
        groups.push(members.collect::<Result<Vec<u32>, String>>()?);
        rest = after.trim_start().trim_start_matches(',').trim_start();
    }
    Ok(groups)
}

/// The feature of this name, or of this number.
fn place(text: &str, names: &[&str]) -> Result<u32, String> {
    let text = text.trim();
    let named = names.iter().position(|&name| name == text);
    let numbered = || text.parse::<usize>().ok().filter(|&place| place < names.len());
    let place = named.or_else(numbered).map(|place| place as u32);
    place.ok_or_else(|| format!("there is no feature `{text}` among {}", names.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_by_place_or_by_name() {
        let names = ["age", "a:b", "c"];
        assert_eq!(directions("1, 0,-1", &names), Ok(vec![1, 0, -1]));
        assert_eq!(directions("a:b:-1,age:+1", &names), Ok(vec![1, -1, 0]));
        assert_eq!(directions("0,0,0", &names), Ok(vec![]));
        for wrong in ["1,0", "1,0,2", "age:1,d:1", "age:up"] {
            assert!(directions(wrong, &names).is_err(), "{wrong}");
        }
    }

    #[test]
    fn groups_of_numbers_and_names() {
        let names = ["age", "b", "c"];
        assert_eq!(groups("[0, c], [b]", &names), Ok(vec![vec![0, 2], vec![1]]));
        assert_eq!(groups("", &names), Ok(vec![]));
        for wrong in ["[0", "0,1", "[3]", "[]"] {
            assert!(groups(wrong, &names).is_err(), "{wrong}");
        }
    }
}
