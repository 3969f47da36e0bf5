//! Columns, and what the codes of their categories stand for.
//!
//! Categories that are numbers are found by their value, so that `1` and `1.0` are the same; all
//! others by their name: text as it is, truth as Python writes it. Too many numbers for the edges of
//! one feature are found by name too: by their shortest decimal form.

use std::collections::BTreeMap;

use eyas_model::encoder::MAX_EDGES;

use crate::document::{Document, Number};
use crate::ensemble::{Column, ForeignTest};

/// The columns of a model, in the order of its features.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    /// Names, and levels that are found by name.
    pub columns: Vec<Column>,
    /// Numbers that codes stand for, by column.
    numbers: BTreeMap<usize, Vec<f64>>,
}

impl Columns {
    /// Columns of numbers.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Columns {
        let column = |name: &str| Column { name: name.into(), levels: None };
        let columns = names.into_iter().map(column).collect();
        Columns { columns, numbers: BTreeMap::new() }
    }

    /// Says what the codes of a column stand for; an empty list says nothing.
    ///
    /// # Errors
    /// What is wrong with the list, in words.
    pub fn set_levels(&mut self, column: usize, list: &Document) -> Result<(), String> {
        let names = names(list)?;
        let named = self.columns.get_mut(column).ok_or("there is no such column")?;
        match list {
            Document::Numbers(numbers) if numbers.len() <= MAX_EDGES / 2 => {
                if !numbers.is_empty() {
                    let numbers = numbers.iter().map(|number| number.wide).collect();
                    self.numbers.insert(column, numbers);
                }
            }
            _ => named.levels = Some(names),
        }
        Ok(())
    }

    /// The question whether a cell is one of the categories with these codes; none if codes stand
    /// for themselves. Codes that stand for nothing are left out.
    pub fn test(
        &self,
        column: usize,
        codes: impl Iterator<Item = u32>,
        missing_right: bool,
    ) -> Option<ForeignTest> {
        if let Some(numbers) = self.numbers.get(&column) {
            let known = codes.filter_map(|code| numbers.get(code as usize));
            let spans = known.map(|number| (number.next_down(), *number)).collect();
            return Some(ForeignTest::Inside { spans, missing_right });
        }
        let n_levels = self.columns.get(column)?.levels.as_ref()?.len();
        let levels = codes.filter(|&code| (code as usize) < n_levels).collect();
        Some(ForeignTest::In { levels, missing_right, unseen_right: false })
    }
}

/// Names of a list of levels, no two alike.
fn names(list: &Document) -> Result<Vec<String>, String> {
    let names: Vec<String> = match list {
        Document::Numbers(numbers) => {
            numbers.iter().map(number_level).collect::<Result<_, String>>()?
        }
        Document::List(items) => items.iter().map(level).collect::<Result<_, String>>()?,
        _ => return Err("they are no list".into()),
    };
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("two of them are written `{}`", pair[0])),
        None => Ok(names),
    }
}

fn level(item: &Document) -> Result<String, String> {
    match item {
        Document::Number(number) => number_level(number),
        Document::Bool(true) => Ok("True".into()),
        Document::Bool(false) => Ok("False".into()),
        Document::Text(text) if text.is_empty() => {
            Err("one is an empty text, which is read as a missing value: rename it".into())
        }
        Document::Text(text) => Ok(text.clone()),
        _ => Err("one is neither text nor a number".into()),
    }
}

/// The shortest decimal form, by which numbers are matched with names.
fn number_level(number: &Number) -> Result<String, String> {
    // From 2^53 on, whole numbers are not told apart in 64-bit floats.
    if number.wide.abs() >= 9_007_199_254_740_992.0 || number.wide.is_nan() {
        return Err(format!("the number {} is too large to be told from others", number.wide));
    }
    Ok((number.wide + 0.0).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn levels_of(json: &str) -> Result<Vec<String>, String> {
        names(&json::parse(json.as_bytes()).expect("JSON"))
    }

    #[test]
    fn levels_are_written_as_they_are_matched() {
        assert_eq!(
            levels_of("[3, 1.0, -0.25, -0.0]"),
            Ok(["3", "1", "-0.25", "0"].map(String::from).to_vec())
        );
        assert_eq!(
            levels_of(r#"[true, false, "a b"]"#),
            Ok(["True", "False", "a b"].map(String::from).to_vec())
        );
        assert_eq!(levels_of("[]"), Ok(vec![]));
        for (json, expected) in [
            (r#"[1, "1"]"#, "two of them are written `1`"),
            (r#"["a", ""]"#, "empty text"),
            ("[9007199254740993]", "too large"),
            ("[[]]", "neither text nor a number"),
            ("3", "no list"),
        ] {
            let problem = levels_of(json).expect_err(json);
            assert!(problem.contains(expected), "{problem}");
        }
    }

    #[test]
    fn numbers_are_found_by_value_and_texts_by_name() {
        let mut columns = Columns::new(["number", "text", "code"]);
        let list = |json: &str| json::parse(json.as_bytes()).expect("JSON");
        columns.set_levels(0, &list("[1.0, 2.5, -3]")).expect("numbers");
        columns.set_levels(1, &list(r#"["a", "b"]"#)).expect("texts");
        let by_value = columns.test(0, [1, 2, 9].into_iter(), true);
        let spans = vec![(2.5f64.next_down(), 2.5), ((-3f64).next_down(), -3.0)];
        assert_eq!(by_value, Some(ForeignTest::Inside { spans, missing_right: true }));
        let by_name = columns.test(1, [0, 2].into_iter(), false);
        let expected =
            ForeignTest::In { levels: vec![0], missing_right: false, unseen_right: false };
        assert_eq!(by_name, Some(expected));
        assert_eq!(columns.test(2, [0].into_iter(), false), None);
        let many = format!("[{}]", (0..128).map(|n| n.to_string()).collect::<Vec<_>>().join(","));
        columns.set_levels(2, &list(&many)).expect("numbers");
        assert_eq!(columns.columns[2].levels.as_ref().map(Vec::len), Some(128));
    }
}
