//! A net on the images of MNIST.

use std::ffi::OsString;
use std::process::Command;

use serde_json::{Value, json};

use super::Tools;
use crate::bench::tables::captured;
use crate::bench::train::{last_line, median};
use crate::shell::Outcome;

impl Tools {
    /// All systems in turns, a seed a round.
    pub(super) fn images(&self, batch: usize) -> Outcome<Value> {
        let mut runs: Vec<(String, Vec<Value>, Option<String>)> =
            vec![("eyas".into(), vec![], None)];
        runs.extend(self.options.peers.iter().map(|peer| (peer.clone(), vec![], None)));
        for seed in 0..self.options.seeds {
            for (name, told, problem) in runs.iter_mut().filter(|run| run.2.is_none()) {
                let run = match name.as_str() {
                    "eyas" => self.eyas(batch, seed, &[]),
                    peer => self.peer(peer, batch, seed),
                };
                match run {
                    Ok(run) => told.push(run),
                    Err(error) if name == "eyas" => return Err(error),
                    Err(error) => *problem = Some(error),
                }
            }
        }
        let systems: Vec<Value> = runs
            .iter()
            .map(|(name, told, problem)| system(name, told, problem.as_deref()))
            .collect();
        let one = |system: &Value| match system["problem"].as_str() {
            Some(problem) => {
                format!("{} failed ({problem})", system["name"].as_str().unwrap_or(""))
            }
            None => format!(
                "{} {:.3} s an epoch, accuracy {:.4}",
                system["name"].as_str().unwrap_or_default(),
                system["epoch_seconds"].as_f64().unwrap_or(f64::NAN),
                system["accuracy"].as_f64().unwrap_or(f64::NAN),
            ),
        };
        let summary = systems.iter().map(one).collect::<Vec<_>>().join("; ");
        Ok(
            json!({"batch": batch, "epochs": self.options.epochs, "systems": systems, "summary": summary}),
        )
    }

    /// One row, as trained, with batches of 256.
    pub(super) fn row(&self) -> Outcome<Value> {
        let told = self.eyas(256, 0, &[])?;
        let of = |field: &str| told[field].as_f64().unwrap_or(f64::NAN);
        let summary = format!(
            "one row {:.2} us (p99 {:.2}), accuracy {:.4}; in 16 bits {:.2} us (p99 {:.2}), accuracy \
             {:.4}",
            of("row_us"),
            of("row_us_p99"),
            of("accuracy"),
            of("half_row_us"),
            of("half_row_us_p99"),
            of("half_accuracy"),
        );
        let mut row = told.clone();
        row["summary"] = summary.into();
        Ok(row)
    }

    fn eyas(&self, batch: usize, seed: u64, settings: &[&str]) -> Outcome<Value> {
        let mut command = Command::new(&self.mlp);
        command.arg("images").arg(self.options.data.join("mnist"));
        command.args(["--batch", &batch.to_string(), "--seed", &seed.to_string()]);
        command.args(["--epochs", &self.options.epochs.to_string()]);
        command.args(["--threads", &self.options.threads.to_string()]).args(settings);
        last_line(&captured(&mut command)?)
    }

    fn peer(&self, peer: &str, batch: usize, seed: u64) -> Outcome<Value> {
        let mut arguments: Vec<OsString> =
            vec![peer.into(), self.options.data.join("mnist").into()];
        let numbers = [
            ("--batch", batch as u64),
            ("--epochs", self.options.epochs),
            ("--seed", seed),
            ("--threads", self.options.threads as u64),
        ];
        for (name, number) in numbers {
            arguments.extend([name.into(), number.to_string().into()]);
        }
        last_line(&self.python.run("nets_peers.py", &arguments)?)
    }
}

/// What a system did over its seeds: the median of its times, the mean of its accuracies.
fn system(name: &str, runs: &[Value], problem: Option<&str>) -> Value {
    let of = |field: &str| runs.iter().filter_map(|run| run[field].as_f64()).collect::<Vec<_>>();
    let accuracies = of("accuracy");
    json!({
        "name": name,
        "problem": problem,
        "epoch_seconds": median(of("epoch_seconds")),
        "accuracy": accuracies.iter().sum::<f64>() / accuracies.len() as f64,
        "row_us": median(of("row_us")),
        "all_epoch_seconds": of("epoch_seconds"),
        "all_accuracies": accuracies,
        "version": runs.first().map_or(Value::Null, |run| run["version"].clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_the_median_of_its_times_and_the_mean_of_its_accuracies() {
        let runs = [
            json!({"epoch_seconds": 1.0, "accuracy": 0.97, "version": "2"}),
            json!({"epoch_seconds": 9.0, "accuracy": 0.98}),
            json!({"epoch_seconds": 2.0, "accuracy": 0.99}),
        ];
        let told = system("torch", &runs, None);
        assert_eq!(told["epoch_seconds"], 2.0);
        assert!((told["accuracy"].as_f64().unwrap() - 0.98).abs() < 1e-12);
        assert_eq!(told["version"], "2");
        assert_eq!(system("keras", &[], Some("no wheel"))["problem"], "no wheel");
    }
}
