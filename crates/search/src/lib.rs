//! What to try next: spaces, history, samplers, stoppers and transfer, as pure functions.
//!
//! (space, history, seed) in, decision out. The history is the only state, so resuming, replaying
//! and simulating come for free. This crate sees no table, no learner, no disk and no clock.

mod axes;
pub mod contribution;
pub mod cube;
pub mod frontier;
pub mod history;
pub mod hypervolume;
pub mod random;
pub mod samplers;
pub mod screening;
pub mod select;
pub mod simulate;
pub mod space;
pub mod stoppers;
pub mod strategy;
pub mod study;
pub mod transfer;

pub use history::{History, Origin, Outcome, Point, Trial};
pub use space::{Config, Domain, Parameter, Space, Value};
pub use strategy::{Decision, Proposal, Rules, StopReason, next};
pub use study::Study;
