//! The parameters of the learner: declared, read and checked.

use eyas_model::Activation;
use eyas_search::{Config, Domain, Parameter, Space, Value};

use crate::error::Error;
use crate::schedules::{self, SCHEDULE_NAMES};

/// Name of the learner.
pub(super) const NAME: &str = "mlp";
/// Shapes of the hidden layers.
const SHAPES: [&str; 10] =
    ["32", "64", "128", "256", "512", "64,32", "128,64", "256,128", "512,256", "256,256,256"];
/// Ways to move the parameters.
const OPTIMIZERS: [&str; 6] = ["adam", "adamw", "nadam", "sgd", "nesterov", "schedule_free_adamw"];

/// How numbers enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numeric {
    /// Mean and standard deviation.
    Standard,
    /// Median and interquartile range, clipped.
    Robust,
    /// Divided by the largest number of all features: pixels and the like, where zero stays zero.
    Common,
}

/// Parameters of a fit.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Options {
    pub hidden: Vec<usize>,
    pub activation: Activation,
    pub optimizer: String,
    pub learning_rate: f64,
    /// As text, see [`schedules::from_text`].
    pub schedule: String,
    /// Share of all steps over which the rate rises from 0.
    pub warmup: f64,
    pub batch_size: usize,
    pub max_epochs: usize,
    /// Epochs without a better validation loss after which the fit ends; 0 is never.
    pub patience: usize,
    pub dropout: f32,
    pub weight_decay: f64,
    pub label_smoothing: f32,
    /// Largest norm of a gradient; 0 is any.
    pub max_grad_norm: f64,
    pub numeric: Numeric,
    /// Whether categories of more than a few levels become a few learned numbers.
    pub embeds: bool,
}

/// The parameters.
pub(super) fn space() -> Space {
    let float = |low, high, log| Domain::Float { low, high, log };
    let int = |low, high| Domain::Int { low, high, log: true };
    let epochs = parameter("max_epochs", int(1, 500), 32_i64.into(), "passes over the rows");
    let parameters = vec![
        Parameter { nested: true, ..epochs },
        parameter(
            "hidden_layer_sizes",
            Domain::Category(&SHAPES),
            "128".into(),
            "units of the hidden layers",
        ),
        parameter(
            "activation",
            Domain::Category(&["relu", "gelu", "silu"]),
            "relu".into(),
            "what hidden units make of their sums",
        ),
        parameter(
            "optimizer",
            Domain::Category(&OPTIMIZERS),
            "adamw".into(),
            "how the weights move along their gradients",
        ),
        parameter(
            "learning_rate_init",
            float(1e-5, 1.0, true),
            1e-3.into(),
            "base rate of the schedule",
        ),
        parameter(
            "schedule",
            Domain::Category(&SCHEDULE_NAMES),
            "cosine".into(),
            "how the learning rate changes from batch to batch",
        ),
        parameter(
            "warmup",
            float(0.0, 0.5, false),
            0.0.into(),
            "share of the batches over which the rate rises from zero",
        ),
        parameter("batch_size", int(8, 4096), 128_i64.into(), "rows of a batch"),
        parameter(
            "n_iter_no_change",
            Domain::Int { low: 0, high: 100, log: false },
            16_i64.into(),
            "epochs without a better validation loss that end the fit; 0 is never",
        ),
        parameter(
            "dropout",
            float(0.0, 0.8, false),
            0.0.into(),
            "share of the hidden units that a row does without",
        ),
        parameter("weight_decay", float(0.0, 1.0, false), 0.01.into(), "decay of the weights"),
        parameter(
            "label_smoothing",
            float(0.0, 0.5, false),
            0.0.into(),
            "share of a class that all classes get",
        ),
        parameter(
            "max_grad_norm",
            float(0.0, 1000.0, false),
            0.0.into(),
            "longest gradient of a batch; 0 is any",
        ),
        parameter(
            "numeric",
            Domain::Category(&["standard", "robust", "common"]),
            "robust".into(),
            "how numbers are scaled: by deviation, by quartiles, or all alike (pixels)",
        ),
        parameter(
            "categorical",
            Domain::Category(&["one_hot", "embedding"]),
            "one_hot".into(),
            "how categories enter: a column a level, or a few learned numbers",
        ),
    ];
    Space { learner: NAME, parameters, forbidden: Vec::new() }
}

fn parameter(name: &'static str, domain: Domain, default: Value, help: &'static str) -> Parameter {
    Parameter { name, domain, default, nested: false, when: None, help }
}

impl Options {
    /// Reads a configuration; absent parameters take their defaults.
    ///
    /// # Errors
    /// A value out of its domain.
    pub fn new(config: &Config) -> Result<Options, Error> {
        let values = checked(config)?;
        let float = |name: &str| values.float(name).expect("its type is checked");
        let int = |name: &str| values.int(name).expect("its type is checked") as usize;
        let text = |name: &str| values.text(name).expect("its type is checked").to_owned();
        let sizes = text("hidden_layer_sizes");
        Ok(Options {
            hidden: sizes.split(',').map(|n| n.parse().expect("sizes are numbers")).collect(),
            activation: match text("activation").as_str() {
                "gelu" => Activation::Gelu,
                "silu" => Activation::Silu,
                _ => Activation::Relu,
            },
            optimizer: text("optimizer"),
            learning_rate: float("learning_rate_init"),
            schedule: text("schedule"),
            warmup: float("warmup"),
            batch_size: int("batch_size"),
            max_epochs: int("max_epochs"),
            patience: int("n_iter_no_change"),
            dropout: float("dropout") as f32,
            weight_decay: float("weight_decay"),
            label_smoothing: float("label_smoothing") as f32,
            max_grad_norm: float("max_grad_norm"),
            numeric: match text("numeric").as_str() {
                "standard" => Numeric::Standard,
                "common" => Numeric::Common,
                _ => Numeric::Robust,
            },
            embeds: text("categorical") == "embedding",
        })
    }
}

/// The values of all parameters, each in its domain; a schedule may have parameters of its own.
fn checked(config: &Config) -> Result<Config, Error> {
    let space = space();
    let mut values = space.default_config();
    for parameter in &space.parameters {
        let Some(value) = config.values.get(parameter.name) else { continue };
        match value {
            Value::Text(text) if parameter.name == "schedule" => {
                schedules::from_text(text, 1.0, 1)?;
            }
            _ => check(parameter, value)?,
        }
        values.values.insert(parameter.name.to_owned(), value.clone());
    }
    Ok(values)
}

fn check(parameter: &Parameter, value: &Value) -> Result<(), Error> {
    let number = match value {
        Value::Int(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        Value::Bool(_) | Value::Text(_) => None,
    };
    let (fits, expected) = match parameter.domain {
        Domain::Float { low, high, .. } => {
            let fits = number.is_some_and(|number| (low..=high).contains(&number));
            (fits, format!("must be a number from {low} to {high}"))
        }
        Domain::Int { low, high, .. } => {
            let inside = |n: f64| n.fract() == 0.0 && (low as f64..=high as f64).contains(&n);
            (number.is_some_and(inside), format!("must be a whole number from {low} to {high}"))
        }
        Domain::Category(names) | Domain::Ordinal(names) => {
            let fits = matches!(value, Value::Text(name) if names.contains(&name.as_str()));
            // "128" on a command line is a number.
            (fits, format!("must be one of {}", names.join("; ")))
        }
        Domain::Bool => (matches!(value, Value::Bool(_)), "must be true or false".to_owned()),
    };
    if fits {
        return Ok(());
    }
    let shown = match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Text(value) => format!("`{value}`"),
    };
    Err(Error::Parameter { name: parameter.name.to_owned(), value: shown, expected })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_in_their_domains() {
        let config = space().default_config();
        let options = Options::new(&config).expect("defaults");
        assert_eq!(options.hidden, [128]);
        let empty = Config { learner: NAME.to_owned(), values: Default::default() };
        assert_eq!(Options::new(&empty), Ok(options));
        for shape in SHAPES {
            let config = config.clone().with("hidden_layer_sizes", shape);
            assert!(!Options::new(&config).expect("a shape of the list").hidden.is_empty());
        }
    }

    #[test]
    fn bad_values_are_named() {
        let config = space().default_config();
        let message = |name: &str, value: Value| {
            Options::new(&config.clone().with(name, value)).unwrap_err().to_string()
        };
        assert!(message("dropout", Value::Float(0.9)).contains("`dropout` is 0.9"));
        assert!(message("hidden_layer_sizes", "7".into()).contains("32; 64;"));
        assert!(message("schedule", "cosinus".into()).contains("did you mean"));
        assert!(message("batch_size", Value::Float(32.5)).contains("whole number"));
        let config = config.with("schedule", "exponential(rate=0.5)");
        assert!(Options::new(&config).is_ok());
    }
}
