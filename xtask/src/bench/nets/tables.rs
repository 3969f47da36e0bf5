//! Rates and schedules of nets on tables; Eyas alone.

use std::process::Command;

use serde_json::{Value, json};

use super::Tools;
use crate::bench::tables::{captured, split};
use crate::bench::train::last_line;
use crate::shell::Outcome;

impl Tools {
    /// The default beside tuned constant rates, means over seeds.
    pub(super) fn rates(&self, table: &str) -> Outcome<Value> {
        let told = self.of_table("rates", table)?;
        let mean = |field: &str| mean(&told["seeds"], field);
        let (default, tuned, adam) = (mean("default"), mean("tuned"), mean("adam"));
        let share = mean("default_seconds") / mean("tuned_seconds");
        let summary = format!(
            "{} {default:.5}; best of 12 constant rates {tuned:.5} ({:+.2} %), time x {share:.3}; Adam \
             at 0.001 {adam:.5}",
            told["metric"].as_str().unwrap_or_default(),
            100.0 * (default / tuned - 1.0),
        );
        Ok(json!({
            "metric": told["metric"], "default": default, "tuned": tuned, "adam": adam,
            "time_share": share, "each": told["seeds"], "summary": summary,
        }))
    }

    /// How often a falling rate, and Schedule-Free, win over a constant one.
    pub(super) fn schedules(&self, table: &str) -> Outcome<Value> {
        let told = self.of_table("pairs", table)?;
        let pairs = told["pairs"].as_array().map_or(&[][..], Vec::as_slice);
        let of = |pair: &Value, field: &str| pair[field].as_f64().unwrap_or(f64::NAN);
        let wins = |field: &str| {
            pairs.iter().filter(|pair| of(pair, field) < of(pair, "constant")).count()
        };
        let (falling, free) = (wins("falling"), wins("free"));
        let summary = format!(
            "of {} pairs with a constant rate, falling to zero wins {falling}, Schedule-Free {free}",
            pairs.len()
        );
        Ok(json!({
            "metric": told["metric"], "n_pairs": pairs.len(), "falling": falling, "free": free,
            "pairs": pairs, "summary": summary,
        }))
    }

    fn of_table(&self, mode: &str, name: &str) -> Outcome<Value> {
        let table = split(&self.python, &self.options.data, name, &self.work, 0)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        let mut command = Command::new(&self.mlp);
        command.arg(mode).arg(table.file(0, "train.csv")).arg(text(&table.meta["target"]));
        command.args(["--task", &text(&table.meta["task"])]);
        command.args(["--seeds", &self.options.seeds.to_string()]);
        command.args(["--threads", &self.options.threads.to_string()]);
        for column in table.meta["categories_of_numbers"].as_array().into_iter().flatten() {
            command.args(["--category", &text(column)]);
        }
        last_line(&captured(&mut command)?)
    }
}

fn mean(rows: &Value, field: &str) -> f64 {
    let rows = rows.as_array().map_or(&[][..], Vec::as_slice);
    rows.iter().map(|row| row[field].as_f64().unwrap_or(f64::NAN)).sum::<f64>() / rows.len() as f64
}
