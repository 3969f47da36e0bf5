//! Tables in, models out: data, metrics, kernels, learners, schedules and pruning.
//!
//! ```text
//! file --data--> Table --task--> Task --dataset--> Dataset (bins and numbers, once, shared by all trials)
//! Dataset + rows + Config --learners--> Fit (every truncation scored) --prune--> eyas_model::Part
//! ```

pub mod checkpoints;
pub mod data;
pub mod dataset;
mod error;
pub mod kernels;
pub mod learners;
pub mod metrics;
pub mod predict;
pub mod prune;
pub mod random;
pub mod schedules;
pub mod splits;
pub mod step_sizes;
pub mod sweep;
pub mod task;
pub mod threads;

pub use checkpoints::{Checkpoints, NoCheckpoints};
pub use data::{Column, ColumnData, Table};
pub use dataset::{Dataset, Target};
pub use error::Error;
pub use learners::{Fit, FitInput, LEARNERS, Learner, Stop};
pub use metrics::{METRICS, Metric};
pub use task::{Task, TaskOptions};
pub use threads::{ONE_THREAD, Threads};
