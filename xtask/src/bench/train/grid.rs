//! `eyas grid` beside scikit-learn's GridSearchCV.

use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};

use super::{Tools, last_line, median};
use crate::bench::tables::captured;
use crate::shell::{Outcome, read};

const GRID: [&str; 3] =
    ["n_estimators=10,50,100", "max_depth=none,10,20", "min_samples_split=2,5,10"];

impl Tools {
    /// The same grid, folds and metric. Eyas is timed as a command, from its start to its end with
    /// reading the file; of scikit-learn `GridSearchCV.fit` alone is timed.
    pub(super) fn grid(&self, name: &str, table: &str, rows: usize) -> Outcome<Value> {
        let file = self.grid_table(name, table, rows)?;
        let target = if table == "digits" {
            "target".to_string()
        } else {
            let meta = read(&self.data.join(table).join("meta.json"))?;
            let meta: Value = serde_json::from_str(&meta).map_err(|error| error.to_string())?;
            meta["target"].as_str().unwrap_or_default().to_string()
        };
        let (mut eyas, mut seconds) = (Value::Null, Vec::new());
        let (mut peer, mut peer_seconds) = (Value::Null, Vec::new());
        for _ in 0..self.rounds {
            let start = Instant::now();
            eyas = self.eyas_grid(&file, &target)?;
            seconds.push(start.elapsed().as_secs_f64());
            let threads = self.threads.to_string();
            let arguments =
                ["search", &file, &target, "--threads", &threads].map(std::ffi::OsString::from);
            peer = last_line(&self.python.run("grid_peer.py", &arguments)?)?;
            peer_seconds.push(peer["seconds"].as_f64().unwrap_or(f64::NAN));
        }
        let (seconds, peer_seconds) = (median(seconds), median(peer_seconds));
        let summary = format!(
            "{seconds:.2} s, mean {:.4}; scikit-learn {peer_seconds:.2} s, mean {:.4}; {:.1} times \
             faster",
            eyas["best"]["mean"].as_f64().unwrap_or(f64::NAN),
            peer["mean"].as_f64().unwrap_or(f64::NAN),
            peer_seconds / seconds,
        );
        Ok(json!({
            "seconds": seconds,
            "peer_seconds": peer_seconds,
            "best": eyas["best"],
            "peer_best": {"params": peer["best"], "mean": peer["mean"], "std": peer["std"]},
            "version": peer["version"],
            "summary": summary,
        }))
    }

    fn eyas_grid(&self, file: &str, target: &str) -> Outcome<Value> {
        let mut command = Command::new(&self.eyas);
        command.args(["grid", file, "--target", target, "--learner", "forest", "--cv", "5"]);
        command.args(["--scoring", "accuracy", "--task", "multiclass", "--json", "--quiet"]);
        command.args(["--threads", &self.threads.to_string()]);
        for parameter in GRID {
            command.args(["--param", parameter]);
        }
        let told = captured(&mut command)?;
        serde_json::from_str(&told).map_err(|error| format!("eyas grid printed no JSON: {error}"))
    }
}
