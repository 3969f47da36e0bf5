//! Trees of maps, lists, texts and numbers, as JSON and UBJSON hold them.
//!
//! Lists of numbers are stored without tags, so that memory stays in proportion to the file, and
//! numbers are kept as f64 and as f32: a decimal text that is read as f64 and then rounded may miss
//! the f32 that it was written from.

use crate::error::Error;

/// A number in both widths, each rounded once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Number {
    /// In 64 bits.
    pub wide: f64,
    /// In 32 bits.
    pub narrow: f32,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Document {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A number.
    Number(Number),
    /// Text.
    Text(String),
    /// A list of numbers only, or of nothing.
    Numbers(Vec<Number>),
    /// Any other list.
    List(Vec<Document>),
    /// Values by name, in the order of the file.
    Map(Vec<(String, Document)>),
}

/// Deepest nesting that is read.
pub(crate) const MAX_DEPTH: usize = 64;

impl Document {
    /// Adds to a list, which begins as no numbers.
    pub fn push(&mut self, item: Document) {
        match (&mut *self, item) {
            (Document::Numbers(numbers), Document::Number(number)) => numbers.push(number),
            (Document::List(items), item) => items.push(item),
            (Document::Numbers(numbers), item) => {
                let mut items: Vec<_> = numbers.drain(..).map(Document::Number).collect();
                items.push(item);
                *self = Document::List(items);
            }
            _ => {}
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Document::Null => "null",
            Document::Bool(_) => "true or false",
            Document::Number(_) => "a number",
            Document::Text(_) => "text",
            Document::Numbers(_) | Document::List(_) => "a list",
            Document::Map(_) => "a map",
        }
    }
}

/// A value and the way to it, for errors.
#[derive(Debug, Clone)]
pub(crate) struct Place<'a> {
    /// The value.
    pub value: &'a Document,
    path: String,
}

impl<'a> Place<'a> {
    /// The whole document.
    pub fn root(value: &'a Document) -> Place<'a> {
        Place { value, path: String::new() }
    }

    /// The value of a name, if it is there.
    pub fn find(&self, name: &str) -> Option<Place<'a>> {
        let Document::Map(entries) = self.value else { return None };
        let (_, value) = entries.iter().find(|(known, _)| known == name)?;
        let dot = if self.path.is_empty() { "" } else { "." };
        Some(Place { value, path: format!("{}{dot}{name}", self.path) })
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Result<Place<'a>, Error> {
        self.find(name).ok_or_else(|| {
            let place = if self.path.is_empty() { "the file" } else { &self.path };
            Error::BadFile(format!("{place} has no `{name}`"))
        })
    }

    /// The items of a list of anything but numbers.
    pub fn items(&self) -> Result<Vec<Place<'a>>, Error> {
        match self.value {
            Document::List(items) => Ok(items
                .iter()
                .enumerate()
                .map(|(at, value)| Place { value, path: format!("{}[{at}]", self.path) })
                .collect()),
            Document::Numbers(numbers) if numbers.is_empty() => Ok(Vec::new()),
            _ => Err(self.expected("a list")),
        }
    }

    /// A list of numbers.
    pub fn numbers(&self) -> Result<&'a [Number], Error> {
        match self.value {
            Document::Numbers(numbers) => Ok(numbers),
            _ => Err(self.expected("a list of numbers")),
        }
    }

    /// A list of whole numbers.
    pub fn integers(&self) -> Result<Vec<i64>, Error> {
        self.numbers()?.iter().map(|number| self.integer_of(number.wide)).collect()
    }

    /// A list of true and false, or of 1 and 0.
    pub fn flags(&self) -> Result<Vec<bool>, Error> {
        if let Document::List(items) = self.value {
            let flag = |item: &Document| match item {
                Document::Bool(flag) => Ok(*flag),
                _ => Err(self.expected("a list of true and false")),
            };
            return items.iter().map(flag).collect();
        }
        Ok(self.numbers()?.iter().map(|number| number.wide != 0.0).collect())
    }

    /// Text.
    pub fn text(&self) -> Result<&'a str, Error> {
        match self.value {
            Document::Text(text) => Ok(text),
            _ => Err(self.expected("text")),
        }
    }

    /// A whole number, also written as text.
    pub fn integer(&self) -> Result<i64, Error> {
        match self.value {
            Document::Number(number) => self.integer_of(number.wide),
            Document::Text(text) => {
                text.trim().parse().map_err(|_| self.expected("a whole number"))
            }
            _ => Err(self.expected("a whole number")),
        }
    }

    fn integer_of(&self, number: f64) -> Result<i64, Error> {
        // Every whole number below is exact in f64.
        let exact = number.fract() == 0.0 && number.abs() < 9e15;
        if exact { Ok(number as i64) } else { Err(self.expected("whole numbers")) }
    }

    /// The error that something else is there.
    pub fn expected(&self, what: &str) -> Error {
        let Place { value, path } = self;
        Error::BadFile(format!("`{path}` is {}, expected {what}", value.kind()))
    }

    /// The error that something is wrong with it.
    pub fn bad(&self, problem: impl std::fmt::Display) -> Error {
        Error::BadFile(format!("`{}`: {problem}", self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(value: f64) -> Document {
        Document::Number(Number { wide: value, narrow: value as f32 })
    }

    #[test]
    fn lists_of_numbers_are_compact_until_something_else_comes() {
        let mut list = Document::Numbers(vec![]);
        list.push(number(1.0));
        list.push(number(2.0));
        assert_eq!(Place::root(&list).integers().expect("whole numbers"), [1, 2]);
        list.push(Document::Null);
        assert_eq!(list, Document::List(vec![number(1.0), number(2.0), Document::Null]));
    }

    #[test]
    fn errors_name_the_way() {
        let inner = Document::Map(vec![("b".into(), Document::Text("x".into()))]);
        let outer = Document::Map(vec![("a".into(), inner)]);
        let root = Place::root(&outer);
        let b = root.get("a").and_then(|a| a.get("b")).expect("it is there");
        let message = b.integer().expect_err("text").to_string();
        assert!(message.contains("`a.b` is text, expected a whole number"), "{message}");
        let message = root.get("c").expect_err("nothing there").to_string();
        assert!(message.contains("the file has no `c`"), "{message}");
        let message = root.get("a").and_then(|a| a.get("c")).expect_err("nothing").to_string();
        assert!(message.contains("a has no `c`"), "{message}");
    }
}
