//! The clock, what it costs to read, and how quiet the machine is.

use std::time::Instant;

/// What reading the clock twice costs, and how long the machine goes away at worst.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Timer {
    /// Median nanoseconds between two readings with nothing in between.
    pub cost_ns: f64,
    /// The longest such time.
    pub worst_ns: f64,
}

impl Timer {
    /// Reads the clock some thousand times.
    pub fn new() -> Self {
        let mut samples: Vec<f64> = (0..4096).map(|_| nanoseconds(Instant::now())).collect();
        samples.sort_unstable_by(f64::total_cmp);
        Timer { cost_ns: samples[samples.len() / 2], worst_ns: samples[samples.len() - 1] }
    }

    /// Nanoseconds that `work` takes, those of the clock taken off.
    #[inline]
    pub fn time(&self, work: impl FnOnce()) -> f64 {
        let start = Instant::now();
        work();
        (nanoseconds(start) - self.cost_ns).max(0.0)
    }
}

/// Nanoseconds since `start`.
#[inline]
pub(crate) fn nanoseconds(start: Instant) -> f64 {
    start.elapsed().as_nanos() as f64
}
