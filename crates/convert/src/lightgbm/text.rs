//! The parts of LightGBM's text format.
//!
//! ```text
//! tree                      header: lines of KEY=VALUE
//! version=v4
//! ...
//! Tree=0                    a section for each tree
//! num_leaves=7
//! ...
//! end of trees
//! parameters:               lines of [KEY: VALUE]
//! end of parameters
//! pandas_categorical:JSON   written by the Python package
//! ```

use std::str::FromStr;

use crate::error::Error;

/// Lines of `KEY=VALUE`.
#[derive(Debug, Clone, Default)]
pub(super) struct Section<'a> {
    /// Keys and values in the order of the file.
    entries: Vec<(&'a str, &'a str)>,
}

/// A whole file in parts.
#[derive(Debug, Clone, Default)]
pub(super) struct ModelText<'a> {
    /// What holds for the model.
    pub header: Section<'a>,
    /// The trees, in order.
    pub trees: Vec<Section<'a>>,
    /// Indices of the categorical columns that training was told of, if the file says so.
    pub categorical: Option<&'a str>,
    /// Levels of the columns that pandas held as categories, as JSON.
    pub pandas_categorical: Option<&'a str>,
}

impl<'a> ModelText<'a> {
    /// Takes a file apart.
    ///
    /// # Errors
    /// [`Error::BadFile`] if a part is missing or cut off.
    pub fn parse(text: &'a str) -> Result<ModelText<'a>, Error> {
        let mut lines = text.lines();
        if lines.next().map(str::trim_end) != Some("tree") {
            return Err(Error::BadFile("the first line is not `tree`".into()));
        }
        let mut model = ModelText::default();
        let mut section = &mut model.header;
        let mut has_end = false;
        for line in lines.by_ref() {
            let line = line.trim_end();
            if line == "end of trees" {
                has_end = true;
                break;
            }
            if line.starts_with("Tree=") {
                model.trees.push(Section::default());
                let last = model.trees.len() - 1;
                section = &mut model.trees[last];
            } else if !line.is_empty() {
                section.entries.push(line.split_once('=').unwrap_or((line, "")));
            }
        }
        if !has_end {
            return Err(Error::BadFile("it ends before `end of trees`: copy it again".into()));
        }
        model.read_end(lines)?;
        Ok(model)
    }

    /// What follows the trees. The levels are the last line, and a file without them may be sound, so
    /// what could be a part of them is refused.
    fn read_end(&mut self, lines: std::str::Lines<'a>) -> Result<(), Error> {
        let (mut in_parameters, mut is_after) = (false, false);
        for line in lines {
            let line = line.trim_end();
            if let Some(json) = line.strip_prefix("pandas_categorical:") {
                self.pandas_categorical = Some(json).filter(|json| *json != "null");
            } else if line == "parameters:" {
                in_parameters = true;
            } else if line == "end of parameters" {
                (in_parameters, is_after) = (false, true);
            } else if let Some(value) = line.strip_prefix("[categorical_feature: ") {
                self.categorical = value.strip_suffix(']');
            } else if is_after && !line.is_empty() {
                return Err(Error::BadFile(format!(
                    "after `end of parameters` comes `{line}`: copy it again"
                )));
            }
        }
        if in_parameters {
            return Err(Error::BadFile("it ends before `end of parameters`: copy it again".into()));
        }
        Ok(())
    }
}

impl<'a> Section<'a> {
    /// The value of a key, if it is there.
    pub fn find(&self, key: &str) -> Option<&'a str> {
        self.entries.iter().find(|(known, _)| *known == key).map(|(_, value)| *value)
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Result<&'a str, Error> {
        self.find(key).ok_or_else(|| Error::BadFile(format!("it has no `{key}`")))
    }

    /// A number.
    pub fn number<T: FromStr>(&self, key: &str) -> Result<T, Error> {
        let value = self.get(key)?;
        value.trim().parse().map_err(|_| bad_value(key, value))
    }

    /// Numbers with blanks between them, as many as expected.
    pub fn list<T: FromStr>(&self, key: &str, length: usize) -> Result<Vec<T>, Error> {
        let values = self.get(key)?.split_ascii_whitespace();
        let list: Vec<T> = values
            .map(|value| value.parse().map_err(|_| bad_value(key, value)))
            .collect::<Result<_, _>>()?;
        if list.len() != length {
            let found = list.len();
            return Err(Error::BadFile(format!("`{key}` has {found} values, expected {length}")));
        }
        Ok(list)
    }
}

fn bad_value(key: &str, value: &str) -> Error {
    let shown: String = value.chars().take(40).collect();
    Error::BadFile(format!("`{key}` is `{shown}`, which is no number that it may have"))
}
