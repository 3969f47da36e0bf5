//! The library in a few lines: `cargo run --release --example fit -- DATA.csv TARGET SECONDS`.

use std::time::Instant;

use eyas::event::{Event, Observer};
use eyas::{Budget, FitOptions, Interrupt, Validation};
use eyas_learn::TaskOptions;
use eyas_learn::data::csv::read_csv;

struct Print;

impl Observer for Print {
    fn event(&self, event: &Event) {
        match event {
            Event::TrialEnded { elapsed, trial } => {
                let loss = trial.best().map_or(f64::NAN, |point| point.loss);
                let label = trial.best().map_or("", |point| point.label.as_str());
                eprintln!(
                    "{elapsed:6.2} s  trial {} {} {:?} x{:.2} {:.2} s  loss {loss:.5} {label} {:?}",
                    trial.id,
                    trial.config.learner,
                    trial.origin,
                    trial.fidelity,
                    trial.seconds,
                    trial.outcome
                );
            }
            Event::Stage { elapsed, stage } => eprintln!("{elapsed:6.2} s  {stage}"),
            _ => {}
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let started = Instant::now();
    let arguments: Vec<String> = std::env::args().collect();
    let [_, data, target, seconds] = arguments.as_slice() else {
        return Err("usage: fit DATA.csv TARGET SECONDS".into());
    };
    let (table, _) = read_csv(data.as_ref(), &Default::default())?;
    let options = FitOptions {
        task: TaskOptions { target: target.clone(), ..TaskOptions::default() },
        stated_columns: Vec::new(),
        latency_ns: Some(50_000.0),
        size_bytes: None,
        memory_bytes: None,
        budget: Budget::Wall { started, seconds: seconds.parse()? },
        validation: Validation::Auto,
        threads: 2,
        seed: 0,
        without: Vec::new(),
        out: std::env::temp_dir().join("example.eyas"),
        run_dir: std::env::temp_dir().join(format!("eyas-example-{}", std::process::id())),
        checkpoint_seconds: Some(60.0),
        data_name: data.clone(),
        sampler: None,
        caller_state: String::new(),
    };
    let report = eyas::fit(&table, &options, None, &Interrupt::new(), &Print)?;
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(())
}
