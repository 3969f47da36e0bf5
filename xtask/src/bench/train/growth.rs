//! How the time of boosting grows with rows, and shrinks with threads.

use serde_json::{Value, json};

use super::versus::growing;
use super::{Tools, median};
use crate::shell::Outcome;

const ROWS: [usize; 3] = [100_000, 1_000_000, 10_000_000];
/// Fewer trees than elsewhere: what grows is the same.
const TREES: usize = 100;
/// Rows that one and several threads are compared on.
const THREADED_ROWS: usize = 1_000_000;

impl Tools {
    /// Seconds for each number of rows, and for one thread.
    pub(super) fn growth(&self, columns: usize) -> Outcome<Value> {
        let mut seconds = Vec::new();
        for rows in ROWS {
            seconds.push(self.seconds(rows, columns, self.threads)?);
        }
        let alone = self.seconds(THREADED_ROWS, columns, 1)?;
        let ratios: Vec<f64> = seconds.windows(2).map(|pair| pair[1] / pair[0]).collect();
        let speedup = alone / seconds[1];
        let summary = format!(
            "{:.2}, {:.2}, {:.2} s for rows times 10: x {:.1}, x {:.1}; one thread {alone:.2} s, x {speedup:.2}",
            seconds[0], seconds[1], seconds[2], ratios[0], ratios[1]
        );
        Ok(json!({
            "rows": ROWS,
            "columns": columns,
            "trees": TREES,
            "seconds": seconds,
            "ratios": ratios,
            "one_thread_seconds": alone,
            "speedup": speedup,
            "summary": summary,
        }))
    }

    fn seconds(&self, rows: usize, columns: usize, threads: usize) -> Outcome<f64> {
        let folder = self.made_up(&format!("made-up-{rows}-{columns}"), rows, columns)?;
        let mut seconds = Vec::new();
        for _ in 0..self.rounds {
            let told = growing(self, &folder, TREES, threads)?;
            seconds.push(told["seconds"].as_f64().unwrap_or(f64::NAN));
        }
        Ok(median(seconds))
    }
}
