//! The loop that joins learning, searching and predicting under two budgets.
//!
//! ```text
//! Table --> Task, Dataset --> [ search::next --> trial (folds, threads) --> History, frontier ]*
//!       --> greedy ensemble --> refit --> measured contract --> model file, report, memory
//! ```
//! Decisions read a clock through [`budget`] only; `contract` times its own measurements.

mod assemble;
pub mod budget;
mod candidates;
mod checkpoints;
pub mod compare;
mod contract;
mod contributions;
mod error;
pub mod event;
mod finish;
mod fit;
pub mod grid;
mod heartbeat;
pub mod journal;
mod lines;
pub mod options;
mod remember;
pub mod report;
mod reporting;
mod run;
mod storage;
mod strategies;
mod trial;
pub mod tune;
mod validation;

pub use budget::{Budget, Interrupt};
pub use error::Error;
pub use event::{Event, Observer};
pub use finish::MEASURED_ROWS;
pub use fit::{Training, fit, resume};
pub use options::{FitOptions, Method, Validation};
pub use report::Report;
