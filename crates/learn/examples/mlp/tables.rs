//! Rates and schedules of nets on tables.
//!
//! A table is cut in three parts by a seed: three fifths to learn from, a fifth to choose by, a fifth to
//! judge with. Losses are log losses or root mean squared errors.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use eyas_learn::data::read_csv;
use eyas_learn::data::types::{KindOverride, ReadOptions};
use eyas_learn::dataset::{BuildOptions, Target};
use eyas_learn::learners::mlp::Mlp;
use eyas_learn::learners::{FittedModel, Learner, NeverStop};
use eyas_learn::metrics::{Metric, Scored, Truth, metric};
use eyas_learn::predict::predict;
use eyas_learn::random::Stream;
use eyas_learn::{Dataset, FitInput, Task, TaskOptions, Threads};
use eyas_model::TaskKind;
use eyas_search::Config;
use serde_json::{Value, json};

use crate::Arguments;

/// Constant rates that are tuned over, from 1e-4 to 0.3 in equal ratios.
const N_RATES: u32 = 12;
const LOWEST_RATE: f64 = 1e-4;
const HIGHEST_RATE: f64 = 0.3;
/// Base rates of the pairs of a falling and a constant rate.
const PAIRED_RATES: [f64; 5] = [3e-4, 1e-3, 3e-3, 1e-2, 3e-2];

struct Bench<'a> {
    arguments: &'a Arguments,
    data: Dataset,
    metric: &'static Metric,
    threads: Threads,
}

/// What one fit gave.
struct Run {
    /// Least loss on the validation rows, and the loss on the test rows of the same weights.
    valid: f64,
    test: f64,
    /// Loss on the test rows of the last weights.
    last_test: f64,
    seconds: f64,
}

/// For each seed: the default, Adam at 0.001, and the best of the constant rates.
pub(super) fn rates(arguments: &Arguments) -> Result<Value, Box<dyn Error>> {
    let bench = Bench::new(arguments)?;
    let mut seeds = Vec::new();
    for seed in 0..arguments.seeds {
        let default = bench.run(&bench.default_config(), seed)?;
        let adam = bench.run(&bench.constant("adam", 1e-3), seed)?;
        let (mut tuned, mut seconds) = (Vec::new(), 0.0);
        for step in 0..N_RATES {
            let share = f64::from(step) / f64::from(N_RATES - 1);
            let rate = LOWEST_RATE * (HIGHEST_RATE / LOWEST_RATE).powf(share);
            let run = bench.run(&bench.constant("adamw", rate), seed)?;
            seconds += run.seconds;
            tuned.push((rate, run));
        }
        let by_valid = |a: &&(f64, Run), b: &&(f64, Run)| a.1.valid.total_cmp(&b.1.valid);
        let (rate, best) = tuned.iter().min_by(by_valid).ok_or("no rates")?;
        seeds.push(json!({
            "default": default.test, "default_seconds": default.seconds,
            "adam": adam.test,
            "tuned": best.test, "tuned_rate": rate, "tuned_seconds": seconds,
        }));
    }
    Ok(json!({"metric": bench.metric.name, "seeds": seeds}))
}

/// For each seed and base rate: the loss of the last weights under a constant rate, a rate that falls
/// to zero, and Schedule-Free.
pub(super) fn pairs(arguments: &Arguments) -> Result<Value, Box<dyn Error>> {
    let bench = Bench::new(arguments)?;
    let mut pairs = Vec::new();
    for seed in 0..arguments.seeds {
        for rate in PAIRED_RATES {
            let constant = bench.constant("adamw", rate);
            let falling = constant.clone().with("schedule", "linear");
            let free = constant.clone().with("optimizer", "schedule_free_adamw");
            pairs.push(json!({
                "seed": seed,
                "rate": rate,
                "constant": bench.run(&constant, seed)?.last_test,
                "falling": bench.run(&falling, seed)?.last_test,
                "free": bench.run(&free, seed)?.last_test,
            }));
        }
    }
    Ok(json!({"metric": bench.metric.name, "pairs": pairs}))
}

impl Bench<'_> {
    fn new(arguments: &Arguments) -> Result<Bench<'_>, Box<dyn Error>> {
        let [path, target] = &arguments.places[..] else { return Err("DATA TARGET".into()) };
        let category = |name: &String| (name.clone(), KindOverride::Category);
        let types = arguments.categories.iter().map(category).collect();
        let options = ReadOptions { types, ..ReadOptions::default() };
        let (table, _) = read_csv(Path::new(path), &options)?;
        let options =
            TaskOptions { target: target.clone(), kind: arguments.kind, ..TaskOptions::default() };
        let (task, _) = Task::new(&table, &options)?;
        let (data, _) = Dataset::build(&table, &task, &BuildOptions::default())?;
        let name = if task.kind == TaskKind::Regression { "rmse" } else { "log_loss" };
        let metric = metric(name).ok_or("no metric")?;
        Ok(Bench { arguments, data, metric, threads: Threads::new(arguments.threads) })
    }

    /// As a run of the engine starts.
    fn default_config(&self) -> Config {
        let facts = self.data.facts(self.data.n_rows * 3 / 5);
        self.arguments.with_given(Mlp.portfolio(&facts).swap_remove(0))
    }

    /// The default with a constant rate, and no average of weights.
    fn constant(&self, optimizer: &str, rate: f64) -> Config {
        self.default_config()
            .with("schedule", "constant")
            .with("averaging", false)
            .with("optimizer", optimizer)
            .with("learning_rate_init", rate)
    }

    fn run(&self, config: &Config, seed: u64) -> Result<Run, Box<dyn Error>> {
        let mut rows: Vec<u32> = (0..self.data.n_rows as u32).collect();
        Stream::new(&[seed, 0xBE7]).shuffle(&mut rows);
        let fifth = rows.len() / 5;
        let mut parts =
            [rows[..fifth].to_vec(), rows[fifth..2 * fifth].to_vec(), rows[2 * fifth..].to_vec()];
        parts.iter_mut().for_each(|part| part.sort_unstable());
        let [test, valid, train] = parts;
        let features: Vec<u32> = (0..self.data.n_features() as u32).collect();
        let start = Instant::now();
        let fit = Mlp.fit(&FitInput {
            data: &self.data,
            train: &train,
            valid: &valid,
            features: &features,
            metric: self.metric,
            config,
            seed,
            stop: &NeverStop,
            threads: &self.threads,
            checkpoints: &eyas_learn::NoCheckpoints,
            last_truncation: None,
        })?;
        let seconds = start.elapsed().as_secs_f64();
        let truncations = fit.model.truncations();
        let losses = || truncations.iter().map(|truncation| truncation.loss).enumerate();
        let best = losses().filter(|(_, loss)| loss.is_finite());
        let best = best.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(index, _)| index);
        let last = truncations.len() - 1;
        let of = |index| self.loss(&*fit.model, index, &test);
        let (valid, test, last_test) = (truncations[best].loss, of(best), of(last));
        Ok(Run { valid: finite(valid), test, last_test, seconds })
    }

    /// Loss on rows; infinite where the training diverged.
    fn loss(&self, model: &dyn FittedModel, truncation: usize, rows: &[u32]) -> f64 {
        let predictions = predict(&model.part(truncation), model.link(), &self.data, rows);
        let at = || rows.iter().map(|&row| row as usize);
        let (numbers, classes): (Vec<f64>, Vec<u32>);
        let truth = match &self.data.target {
            Target::Numbers(y) => {
                numbers = at().map(|row| y[row]).collect();
                Truth::Numbers(&numbers)
            }
            Target::Classes(y) => {
                classes = at().map(|row| y[row]).collect();
                Truth::Classes(&classes)
            }
        };
        let n_outputs = self.data.n_outputs();
        let scored = Scored { truth, predictions: &predictions, n_outputs, weights: None };
        finite((self.metric.loss)(&scored))
    }
}

fn finite(loss: f64) -> f64 {
    if loss.is_finite() { loss } else { f64::MAX }
}
