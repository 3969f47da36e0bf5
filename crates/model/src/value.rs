//! One raw cell of a row, as a caller sends it.

/// One raw cell of a row. Text is borrowed, so that a prediction allocates nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// No value: an empty cell, a null, a NaN.
    Missing,
    /// A number; NaN is treated as [`Value::Missing`].
    Number(f64),
    /// Text: a category's name, a date, or a number written out.
    Text(&'a str),
}
