//! The memory of past tasks, kept in SQLite.

/// An open memory.
#[derive(Debug)]
pub struct Memory {}
