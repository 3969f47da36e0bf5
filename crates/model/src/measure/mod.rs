//! Measurements on this machine: the latency of a model, and the prices of the cost model.
//!
//! Nothing here changes a prediction; nothing else in this crate reads a clock.

mod calibrate;
mod latency;
mod least_squares;
mod machine;
mod made_up;
mod quantile;
mod ready;
pub mod synthetic;
mod timer;

pub use calibrate::calibrate;
pub use latency::{Latency, LatencyOptions, Noise, Spread, measure_latency};
pub use machine::fingerprint;
pub use made_up::MadeUpRows;
pub use ready::ReadyRows;
