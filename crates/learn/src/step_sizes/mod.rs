//! Step-size rules.

pub mod plateau;
