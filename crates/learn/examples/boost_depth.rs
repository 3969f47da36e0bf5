//! Are cut trees worth their nanoseconds? `boost_depth FILE TARGET [PARAMETER=VALUE]...`.
//!
//! Six rows of ten are learned from. Under each of some limits of latency the best truncation is chosen
//! on two more: among numbers of rounds, and among rounds and depths. Prints the losses of both
//! choices on the last two, the seconds of both sweeps, and how many points of the frontier are cuts.

use std::path::Path;
use std::time::Instant;

use eyas_learn::data::csv::read_csv;
use eyas_learn::data::types::ReadOptions;
use eyas_learn::dataset::BuildOptions;
use eyas_learn::learners::{NeverStop, Truncation, learner};
use eyas_learn::metrics::{Scored, Truth};
use eyas_learn::predict::predict;
use eyas_learn::random::Stream;
use eyas_learn::sweep::{self, Axis};
use eyas_learn::{
    Dataset, Error, Fit, FitInput, Metric, NoCheckpoints, Target, Task, TaskOptions, Threads,
};
use eyas_model::cost::CostModel;
use eyas_search::{Config, Value};

/// Limits of latency: shares of that of the best number of rounds, uncut.
const SHARES: [f64; 6] = [0.02, 0.05, 0.1, 0.2, 0.5, 1.0];

fn loss(metric: &Metric, data: &Dataset, rows: &[u32], predictions: &[f64]) -> f64 {
    let (mut numbers, mut classes) = (Vec::new(), Vec::new());
    match &data.target {
        Target::Numbers(all) => numbers.extend(rows.iter().map(|&row| all[row as usize])),
        Target::Classes(all) => classes.extend(rows.iter().map(|&row| all[row as usize])),
    }
    let truth = match data.target {
        Target::Numbers(_) => Truth::Numbers(&numbers),
        Target::Classes(_) => Truth::Classes(&classes),
    };
    (metric.loss)(&Scored { truth, predictions, n_outputs: data.n_outputs(), weights: None })
}

fn axis(name: &str, values: impl Iterator<Item = i64>) -> Axis {
    Axis { name: name.to_owned(), values: values.map(Value::Int).collect() }
}

/// The best truncation within a limit.
fn best(truncations: &[Truncation], prices: &CostModel, limit_ns: f64) -> Option<usize> {
    let fits = |at: &usize| prices.predict_p50_ns(&truncations[*at].shape) <= limit_ns;
    (0..truncations.len())
        .filter(fits)
        .min_by(|&a, &b| truncations[a].loss.total_cmp(&truncations[b].loss))
}

/// Points that nothing beats in both loss and time.
fn frontier(truncations: &[Truncation], prices: &CostModel) -> Vec<usize> {
    let ns: Vec<f64> = truncations.iter().map(|t| prices.predict_p50_ns(&t.shape)).collect();
    let mut order: Vec<usize> = (0..truncations.len()).collect();
    order.sort_by(|&a, &b| {
        ns[a].total_cmp(&ns[b]).then(truncations[a].loss.total_cmp(&truncations[b].loss))
    });
    let mut least = f64::INFINITY;
    order.retain(|&at| {
        let better = truncations[at].loss < least;
        least = least.min(truncations[at].loss);
        better
    });
    order
}

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let (Some(path), Some(target)) = (arguments.next(), arguments.next()) else {
        println!("usage: boost_depth FILE TARGET [PARAMETER=VALUE]...");
        return Ok(());
    };
    let mut config = Config { learner: "boosting".to_owned(), values: Default::default() }
        .with("early_stopping_rounds", 0);
    for argument in arguments {
        let (name, text) = argument.split_once('=').expect("PARAMETER=VALUE");
        let value = match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(whole), _) => Value::Int(whole),
            (_, Ok(number)) => Value::Float(number),
            _ => Value::Text(text.to_owned()),
        };
        config = config.with(name, value);
    }
    let (table, _) = read_csv(Path::new(&path), &ReadOptions::default())?;
    let (task, _) = Task::new(&table, &TaskOptions { target, ..TaskOptions::default() })?;
    let (data, _) = Dataset::build(&table, &task, &BuildOptions::default())?;
    let mut parts = [Vec::new(), Vec::new(), Vec::new()];
    for row in 0..data.n_rows as u32 {
        let u = Stream::new(&[1, u64::from(row)]).uniform();
        parts[if u < 0.6 { 0 } else { 1 + usize::from(u < 0.8) }].push(row);
    }
    let [train, valid, test] = parts;
    let features: Vec<u32> = (0..data.n_features() as u32).collect();
    let boosting = learner("boosting").expect("boosting is listed");
    let threads = Threads::new(1);
    let prices = CostModel::reference();
    let fit = |axes: &[Axis]| -> Result<(Fit, f64), Error> {
        let start = Instant::now();
        let input = FitInput {
            data: &data,
            train: &train,
            valid: &valid,
            features: &features,
            metric: task.metric,
            config: &config,
            seed: 1,
            stop: &NeverStop,
            threads: &threads,
            checkpoints: &NoCheckpoints,
            last_truncation: None,
        };
        Ok((sweep::fit(boosting, &input, axes)?, start.elapsed().as_secs_f64()))
    };
    let n = config.int("n_estimators").unwrap_or(300);
    let rounds = axis("n_estimators", (1..=n).filter(|r| *r <= 50 || r % (n / 50).max(1) == 0));
    let depths = axis("max_depth_kept", (0..11).filter(|&depth| depth != 1));
    let (uncut, seconds) = fit(std::slice::from_ref(&rounds))?;
    let (all, seconds_of_all) = fit(&[depths, rounds])?;
    let [of_uncut, of_all] = [uncut.model.truncations(), all.model.truncations()];
    let score = |fit: &Fit, at: usize| {
        let predictions = predict(&fit.model.part(at), fit.model.link(), &data, &test);
        task.metric.value(loss(task.metric, &data, &test, &predictions))
    };
    println!("{seconds:.2} s for {}, {seconds_of_all:.2} s for {}", of_uncut.len(), of_all.len());
    let frontier = frontier(of_all, &prices);
    let is_cut = |at: &&usize| !of_all[**at].label.starts_with("max_depth_kept=0 ");
    let n_cut = frontier.iter().filter(is_cut).count();
    println!("frontier: {n_cut} cuts of {} points", frontier.len());
    let whole = best(of_uncut, &prices, f64::INFINITY).expect("there are points");
    let whole_ns = prices.predict_p50_ns(&of_uncut[whole].shape);
    for share in SHARES {
        let limit_ns = share * whole_ns;
        let (Some(a), Some(b)) =
            (best(of_uncut, &prices, limit_ns), best(of_all, &prices, limit_ns))
        else {
            continue;
        };
        println!(
            "{:7.0} ns: {} uncut {:.5}, cut {:.5} ({})",
            limit_ns,
            task.metric.name,
            score(&uncut, a),
            score(&all, b),
            of_all[b].label
        );
    }
    Ok(())
}
