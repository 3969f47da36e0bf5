//! The memory of past tasks, kept in SQLite.
//!
//! One file holds what was tried on each task and what came of it; several processes may read
//! and write it at once (write-ahead log, short transactions, a bounded wait for locks). All that
//! goes wrong is an [`Error`]: a run without a memory is a run without transfer, never a failed
//! run. This crate reads no clock: times are the caller's.

mod error;
mod lines;
mod memory;
mod record;
mod schema;

pub use error::Error;
pub use lines::Imported;
pub use memory::{Forget, MAX_TRIALS, Memory};
pub use record::{StoredTask, StoredTrial, TaskRecord, TrialRecord};
