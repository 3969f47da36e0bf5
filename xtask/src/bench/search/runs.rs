//! Runs of searches, and how good what they found is.

use std::path::Path;

use serde_json::Value;

use crate::shell::Outcome;

/// What each trial of a run gave and took.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub task: String,
    pub system: String,
    pub seed: u64,
    pub losses: Vec<f64>,
    pub seconds: Vec<f64>,
}

impl Run {
    /// Runs, a JSON line each.
    pub fn lines(text: &str) -> Outcome<Vec<Run>> {
        text.lines().map(Run::line).collect()
    }

    fn line(line: &str) -> Outcome<Run> {
        let json: Value =
            serde_json::from_str(line).map_err(|error| format!("no run: {error}: {line:.80}"))?;
        let word = |name: &str| json[name].as_str().unwrap_or_default().to_string();
        let list = |name: &str| {
            let values = json[name].as_array().map_or(&[][..], Vec::as_slice);
            values.iter().map(|v| v.as_f64().unwrap_or(f64::INFINITY)).collect()
        };
        Ok(Run {
            task: word("task"),
            system: word("system"),
            seed: json["seed"].as_u64().unwrap_or(0),
            losses: list("losses"),
            seconds: list("seconds"),
        })
    }

    /// Least loss of the first trials.
    pub fn best(&self, n_trials: usize) -> f64 {
        self.losses.iter().take(n_trials).copied().fold(f64::INFINITY, f64::min)
    }

    /// Seconds until a loss is reached; `None` if it never is.
    pub fn seconds_to(&self, loss: f64) -> Option<f64> {
        let at = self.losses.iter().position(|l| *l <= loss)?;
        Some(self.seconds[..=at].iter().sum())
    }

    /// Seconds of all trials.
    pub fn all_seconds(&self) -> f64 {
        self.seconds.iter().sum()
    }
}

/// The losses of a table, ascending.
pub(super) fn sorted_losses(folder: &Path, task: &str) -> Outcome<Vec<f64>> {
    let path = folder.join(format!("{task}.loss"));
    let bytes = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let number = |c: &[u8]| f64::from_le_bytes(c.try_into().expect("eight bytes"));
    let mut losses: Vec<f64> = bytes.chunks_exact(8).map(number).collect();
    losses.sort_unstable_by(f64::total_cmp);
    Ok(losses)
}

/// Rank of a loss among all of a table, the best being 1, in percent of their number.
pub(super) fn percentile(sorted: &[f64], loss: f64) -> f64 {
    100.0 * (sorted.partition_point(|l| *l < loss) + 1) as f64 / sorted.len() as f64
}

pub(super) fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.into_iter().collect();
    values.iter().sum::<f64>() / values.len() as f64
}

pub(super) fn geometric_mean(values: impl IntoIterator<Item = f64>) -> f64 {
    mean(values.into_iter().map(f64::ln)).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_and_times() {
        let sorted = [0.1, 0.2, 0.2, 0.9];
        assert_eq!((percentile(&sorted, 0.1), percentile(&sorted, 0.2)), (25.0, 50.0));
        let text = r#"{"task":"t","system":"s","seed":3,"losses":[0.5,0.2,0.4],"seconds":[1,2,4]}"#;
        let run = &Run::lines(text).unwrap()[0];
        assert_eq!((run.best(1), run.best(9), run.seed), (0.5, 0.2, 3));
        assert_eq!((run.seconds_to(0.3), run.seconds_to(0.1)), (Some(3.0), None));
        assert_eq!(run.all_seconds(), 7.0);
        assert!((geometric_mean([1.0, 4.0]) - 2.0).abs() < 1e-12);
        assert!(Run::lines("x").is_err());
    }
}
