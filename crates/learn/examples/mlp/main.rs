//! Measures the learner `mlp`, for `cargo xtask bench nets`. Prints JSON.
//!
//! `mlp images FOLDER [--batch N] [--epochs N] [--seed N] [--threads N] [PARAMETER=VALUE]...`: seconds an
//! epoch of a net on MNIST, its accuracy on the test images, and the latency of one row.
//! `mlp rates|pairs DATA.csv TARGET [--task KIND] [--category COLUMN]... [--seeds N] [--threads N]
//! [PARAMETER=VALUE]...`: the default rate beside tuned ones, and falling rates beside constant ones.

use std::error::Error;

use eyas_model::TaskKind;
use eyas_search::{Config, Value};

mod images;
mod tables;

/// What the command line says.
struct Arguments {
    mode: String,
    /// Words without a name.
    places: Vec<String>,
    batch: i64,
    epochs: i64,
    seed: u64,
    seeds: u64,
    threads: usize,
    kind: Option<TaskKind>,
    categories: Vec<String>,
    given: Vec<(String, Value)>,
}

impl Arguments {
    /// A configuration with what the command line says.
    fn with_given(&self, config: Config) -> Config {
        self.given.iter().fold(config, |config, (name, value)| config.with(name, value.clone()))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = arguments()?;
    let told = match arguments.mode.as_str() {
        "images" => images::run(&arguments)?,
        "rates" => tables::rates(&arguments)?,
        "pairs" => tables::pairs(&arguments)?,
        _ => return Err("images, rates or pairs is expected".into()),
    };
    println!("{told}");
    Ok(())
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let mut out = Arguments {
        mode: words.next().unwrap_or_default(),
        places: Vec::new(),
        batch: 32,
        epochs: 3,
        seed: 0,
        seeds: 3,
        threads: 1,
        kind: None,
        categories: Vec::new(),
        given: Vec::new(),
    };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--batch" => out.batch = value()?.parse()?,
            "--epochs" => out.epochs = value()?.parse()?,
            "--seed" => out.seed = value()?.parse()?,
            "--seeds" => out.seeds = value()?.parse()?,
            "--threads" => out.threads = value()?.parse()?,
            "--category" => out.categories.push(value()?),
            "--task" => {
                out.kind = Some(match value()?.as_str() {
                    "regression" => TaskKind::Regression,
                    "binary" => TaskKind::Binary,
                    _ => TaskKind::Multiclass,
                });
            }
            place => match place.split_once('=') {
                Some((name, text)) => out.given.push((name.to_owned(), parsed(name, text))),
                None => out.places.push(word),
            },
        }
    }
    Ok(out)
}

fn parsed(name: &str, text: &str) -> Value {
    match (text.parse::<i64>(), text.parse::<f64>(), text.parse::<bool>()) {
        _ if name == "hidden_layer_sizes" => Value::Text(text.to_owned()),
        (Ok(whole), ..) => Value::Int(whole),
        (_, Ok(number), _) => Value::Float(number),
        (.., Ok(flag)) => Value::Bool(flag),
        _ => Value::Text(text.to_owned()),
    }
}
