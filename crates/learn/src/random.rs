//! Random numbers that depend on their key only; the same ones the search uses.

pub use eyas_search::random::{Stream, key, longer};
