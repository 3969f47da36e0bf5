//! The parameters of the learner: declared, read and checked.

use eyas_search::{Config, Domain, Parameter, Space, Value};

use crate::error::Error;
use crate::learners::checked::checked;
use crate::schedules::SCHEDULE_NAMES;

/// Name of the learner.
pub(super) const NAME: &str = "linear";
/// Penalties of the path, strongest first.
const PENALTIES: [f64; 13] =
    [10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001, 0.00001, 0.000001];

/// How numbers enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numeric {
    /// Mean and standard deviation.
    Standard,
    /// Median and interquartile range, clipped.
    Robust,
    /// A step function of at most so many steps.
    Bins(usize),
}

/// How weights are found.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Solver {
    /// To the minimum.
    Exact,
    /// Towards it.
    Sgd { schedule: String, learning_rate: f64, n_epochs: usize, batch_size: usize },
}

/// Parameters of a fit.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Options {
    /// Penalties of the path, strongest first.
    pub penalties: Vec<f64>,
    /// Share of `|w|_1` in the penalty.
    pub l1_ratio: f64,
    /// How numbers enter.
    pub numeric: Numeric,
    /// How weights are found.
    pub solver: Solver,
}

/// The parameters.
pub(super) fn space() -> Space {
    let float = |low, high, log| Domain::Float { low, high, log };
    let int = |low, high| Domain::Int { low, high, log: true };
    let nested = |parameter: Parameter| Parameter { nested: true, ..parameter };
    let when =
        |name, values, parameter: Parameter| Parameter { when: Some((name, values)), ..parameter };
    let sgd = |parameter| when("solver", &["sgd"], parameter);
    let parameters = vec![
        nested(parameter(
            "penalty",
            float(1e-6, 10.0, true),
            1e-6.into(),
            "weakest penalty of the path; of the mean loss",
        )),
        parameter(
            "regularizer",
            Domain::Category(&["l2", "elastic_net"]),
            "l2".into(),
            "what the penalty is on: squares of weights, or their sizes too",
        ),
        when(
            "regularizer",
            &["elastic_net"],
            parameter(
                "l1_ratio",
                float(0.05, 1.0, false),
                0.5.into(),
                "share of absolute weights in the penalty",
            ),
        ),
        parameter(
            "numeric",
            Domain::Category(&["standard", "robust", "quantile_bins"]),
            "standard".into(),
            "how numbers enter: scaled by mean and deviation, by quartiles, or as steps",
        ),
        when(
            "numeric",
            &["quantile_bins"],
            parameter("n_bins", int(4, 64), 24_i64.into(), "most steps of a number"),
        ),
        parameter(
            "solver",
            Domain::Category(&["exact", "sgd"]),
            "exact".into(),
            "to the minimum, or towards it in small batches",
        ),
        sgd(parameter(
            "schedule",
            Domain::Category(&SCHEDULE_NAMES),
            "cosine".into(),
            "how the learning rate changes from batch to batch",
        )),
        sgd(parameter(
            "learning_rate",
            float(0.01, 10.0, true),
            1.0.into(),
            "base rate, relative to the mean curvature of a row",
        )),
        sgd(parameter(
            "max_iter",
            int(1, 50),
            3_i64.into(),
            "passes over the rows for each penalty",
        )),
        sgd(parameter("batch_size", int(8, 1024), 32_i64.into(), "rows of a batch")),
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
        let values = checked(&space(), config)?;
        let float = |name: &str| values.float(name).expect("its type is checked");
        let int = |name: &str| values.int(name).expect("its type is checked") as usize;
        let text = |name: &str| values.text(name).expect("its type is checked").to_owned();
        let numeric = match text("numeric").as_str() {
            "standard" => Numeric::Standard,
            "robust" => Numeric::Robust,
            _ => Numeric::Bins(int("n_bins")),
        };
        let solver = match text("solver").as_str() {
            "exact" => Solver::Exact,
            _ => Solver::Sgd {
                schedule: text("schedule"),
                learning_rate: float("learning_rate"),
                n_epochs: int("max_iter"),
                batch_size: int("batch_size"),
            },
        };
        let l1_ratio = if text("regularizer") == "l2" { 0.0 } else { float("l1_ratio") };
        Ok(Options { penalties: penalties(float("penalty")), l1_ratio, numeric, solver })
    }
}

/// The path down to `weakest`, which is its last point.
fn penalties(weakest: f64) -> Vec<f64> {
    let stronger = |penalty: &f64| *penalty > weakest * (1.0 + 1e-9);
    let mut path: Vec<f64> = PENALTIES.into_iter().filter(stronger).collect();
    path.push(weakest);
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_in_their_domains() {
        let config = space().default_config();
        assert!(Options::new(&config).is_ok());
        let empty = Config { learner: NAME.to_owned(), values: Default::default() };
        assert_eq!(Options::new(&empty), Options::new(&config));
    }

    #[test]
    fn path_ends_at_the_configured_penalty() {
        assert_eq!(penalties(1e-6), PENALTIES);
        assert_eq!(penalties(0.3), [10.0, 3.0, 1.0, 0.3]);
        assert_eq!(penalties(0.5), [10.0, 3.0, 1.0, 0.5]);
        assert_eq!(penalties(10.0), [10.0]);
    }

    #[test]
    fn bad_values_are_named() {
        let config = space().default_config();
        let message = |name: &str, value: Value| {
            Options::new(&config.clone().with(name, value)).unwrap_err().to_string()
        };
        assert_eq!(
            message("penalty", Value::Float(-1.0)),
            "parameter `penalty` is -1, but must be a number from 0.000001 to 10"
        );
        assert_eq!(
            message("solver", "newton".into()),
            "parameter `solver` is `newton`, but must be one of exact, sgd"
        );
        assert_eq!(
            message("n_bins", Value::Float(5.5)),
            "parameter `n_bins` is 5.5, but must be a whole number from 4 to 64"
        );
        assert!(message("penalty", Value::Float(f64::NAN)).contains("NaN"));
    }
}
