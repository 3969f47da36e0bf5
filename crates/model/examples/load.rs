//! Milliseconds to load a model of so many trees and leaves from memory, median of many.
//! `cargo run --release -p eyas-model --example load [N_TREES] [N_LEAVES]`

use std::time::Instant;

use eyas_model::measure::synthetic::Synthetic;
use eyas_model::{Model, Predictor};

fn main() -> Result<(), eyas_model::Error> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse().ok());
    let mut next = |otherwise| arguments.next().flatten().unwrap_or(otherwise);
    let (n_trees, n_leaves) = (next(1000), next(31));
    let bytes =
        Synthetic { n_numeric: 30, n_trees, n_leaves, ..Synthetic::default() }.model().to_bytes();
    let (mut read, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..101 {
        let start = Instant::now();
        std::hint::black_box(Model::from_bytes(&bytes)?);
        read.push(start.elapsed().as_secs_f64());
        let start = Instant::now();
        std::hint::black_box(Predictor::from_bytes(&bytes)?);
        whole.push(start.elapsed().as_secs_f64());
    }
    for (name, mut seconds) in [("read", read), ("read and pack", whole)] {
        seconds.sort_unstable_by(f64::total_cmp);
        println!("{name}: {:.3} ms of {} kB", 1e3 * seconds[50], bytes.len() / 1000);
    }
    Ok(())
}
