//! What a fitted model is, how it is stored, how it predicts and what it costs.
//!
//! A model is data: a [`Schema`] (what a caller must send), a list of [`Feature`]s (how raw values
//! become bins and numbers) and weighted [`Member`]s (what is computed from them). This crate knows
//! no training; everything a prediction needs is here, and nothing else.
//!
//! ```text
//! Model (logical, what learners build)  --compile-->  Predictor (packed, what users run)
//!       \--> file bytes --load--> Predictor
//! ```

pub mod cost;
pub mod datetime;
pub mod encoder;
pub mod engine;
mod error;
pub mod file;
pub mod linear;
pub mod measure;
pub mod members;
pub mod net;
pub mod oracle;
mod random;
pub mod schema;
pub mod tree;
mod value;

pub use cost::{CostModel, Shape, ShapeCounter};
pub use encoder::{Bins, Derive, Feature};
pub use engine::{FlatRows, Predictor, RowSource, Scratch, Tier};
pub use error::Error;
pub use linear::{Linear, Term};
pub use members::{Link, Member, Model, Part};
pub use net::{Activation, Curve, Input, Layer, Net};
pub use schema::{ColumnKind, InputColumn, Schema, TaskKind};
pub use tree::{BinSet, LaneSums, Node, Test, Tree, TreeOutput, Trees};
pub use value::Value;
