//! The memory of past tasks, kept in SQLite.
