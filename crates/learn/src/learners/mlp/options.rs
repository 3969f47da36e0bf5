//! The parameters of the learner: declared, read and checked.

use eyas_model::Activation;
use eyas_search::{Config, Domain, Parameter, Space, Value};

use crate::error::Error;
use crate::learners::checked::check;
use crate::schedules::{self, N_SEARCHED, SCHEDULES, ScheduleKind, Spec};
use crate::task::Facts;

/// Name of the learner.
pub(super) const NAME: &str = "mlp";
/// Shapes of the hidden layers.
const SHAPES: [&str; 10] =
    ["32", "64", "128", "256", "512", "64,32", "128,64", "256,128", "512,256", "256,256,256"];
/// Ways to move the parameters.
const OPTIMIZERS: [&str; 6] = ["adam", "adamw", "nadam", "sgd", "nesterov", "schedule_free_adamw"];

/// The schedule that follows from what else is said, see [`Options::new`].
const AUTO: &str = "auto";
/// What a schedule may be.
static SCHEDULE_CHOICES: [&str; N_SEARCHED + 1] = {
    let mut names = [AUTO; N_SEARCHED + 1];
    let (mut n, mut at) = (1, 0);
    while at < SCHEDULES.len() {
        if SCHEDULES[at].searched {
            names[n] = SCHEDULES[at].name;
            n += 1;
        }
        at += 1;
    }
    names
};
/// Share of the steps over which the rate rises where the schedule is `auto`.
const AUTO_WARMUP: f64 = 0.05;
/// Share of the steps that an average of the weights reaches back, about.
const AVERAGED_SHARE: f64 = 0.02;

/// How numbers enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numeric {
    /// Mean and standard deviation.
    Standard,
    /// Median and interquartile range, clipped.
    Robust,
    /// Divided by the largest number of all features: pixels and the like, where zero stays zero.
    Common,
    /// Ranks, as normal scores.
    Quantile,
    /// A column for each of some ranges between quantiles.
    Piecewise,
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
    /// Which schedule it is, and why, for reports.
    pub why: String,
    /// Whether the schedule depends on the number of epochs.
    pub knows_end: bool,
    /// Whether an average of the weights of past steps is predicted with.
    pub averages: bool,
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
    /// Whether the model's weights have 16 bits.
    pub half: bool,
}

/// The parameters.
pub(super) fn space() -> Space {
    let float = |low, high, log| Domain::Float { low, high, log };
    let int = |low, high| Domain::Int { low, high, log: true };
    let parameters = vec![
        parameter("max_epochs", int(1, 500), 32_i64.into(), "passes over the rows"),
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
            Domain::Category(&SCHEDULE_CHOICES),
            AUTO.into(),
            "how the learning rate changes from batch to batch; auto: to zero at the end where all \
             epochs are run, else none but an average of the weights (Schedule-Free)",
        ),
        parameter(
            "averaging",
            Domain::Bool,
            true.into(),
            "whether an average of the weights of the last steps is predicted with",
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
            0_i64.into(),
            "epochs without a better validation loss that end the fit; 0: all epochs are run",
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
            Domain::Category(&["standard", "robust", "quantile", "piecewise", "common"]),
            "quantile".into(),
            "how numbers enter: by deviation, by quartiles, as normal scores of their ranks, a column for \
             each of 16 ranges, or all alike (pixels)",
        ),
        parameter(
            "categorical",
            Domain::Category(&["one_hot", "embedding"]),
            "one_hot".into(),
            "how categories enter: a column a level, or a few learned numbers",
        ),
        parameter(
            "weight_bits",
            Domain::Category(&["32", "16"]),
            "32".into(),
            "bits of the weights of the model; training has 32",
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
        let flag = |name: &str| values.bool(name).expect("its type is checked");
        let sizes = text("hidden_layer_sizes");
        let plan = Plan::new(&text("schedule"), &text("optimizer"), int("n_iter_no_change"))?;
        Ok(Options {
            hidden: sizes.split(',').map(|n| n.parse().expect("sizes are numbers")).collect(),
            activation: match text("activation").as_str() {
                "gelu" => Activation::Gelu,
                "silu" => Activation::Silu,
                _ => Activation::Relu,
            },
            // The average of Schedule-Free is its own.
            averages: flag("averaging") && !plan.optimizer.starts_with("schedule_free"),
            optimizer: plan.optimizer,
            learning_rate: float("learning_rate_init"),
            schedule: plan.schedule,
            why: plan.why,
            knows_end: plan.knows_end,
            warmup: f64::max(float("warmup"), plan.warmup),
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
                "quantile" => Numeric::Quantile,
                "piecewise" => Numeric::Piecewise,
                _ => Numeric::Robust,
            },
            embeds: text("categorical") == "embedding",
            half: text("weight_bits") == "16",
        })
    }
}

impl Options {
    /// Share of the average that a step leaves, of `n_steps` in all.
    pub fn averaging_decay(&self, n_steps: u64) -> f64 {
        1.0 - 1.0 / (AVERAGED_SHARE * n_steps as f64).max(1.0)
    }
}

/// How the rate moves.
struct Plan {
    schedule: String,
    optimizer: String,
    warmup: f64,
    knows_end: bool,
    why: String,
}

impl Plan {
    /// `auto` is a straight line to zero where the end is known, since all epochs are run; where the
    /// fit may end early, the rate is constant and the optimizer Schedule-Free AdamW.
    ///
    /// Reference: Defazio, A.; Cutkosky, A.; Mehta, H.; Mishchenko, K. (2023). Optimal linear decay
    /// learning rate schedules and further refinements. arXiv:2310.07831; Defazio, A. et al. (2024).
    /// The road less scheduled. arXiv:2405.15682
    fn new(schedule: &str, optimizer: &str, patience: usize) -> Result<Plan, Error> {
        let own = |schedule: &str, warmup: f64, why: String| -> Result<Plan, Error> {
            let knows_end = ScheduleKind::by_name(&Spec::parse(schedule)?.name)?.knows_end;
            let (schedule, optimizer) = (schedule.to_owned(), optimizer.to_owned());
            Ok(Plan { schedule, optimizer, warmup, knows_end, why })
        };
        match (schedule, patience) {
            (AUTO, 0) if !optimizer.starts_with("schedule_free") => {
                let why =
                    "linear, to zero at the last epoch: all epochs are run, so the end is known";
                own("linear", AUTO_WARMUP, why.into())
            }
            (AUTO, _) => {
                let why = "constant with Schedule-Free AdamW: the fit may end early, so its end is \
                           not known";
                let plan = own("constant", AUTO_WARMUP, why.into())?;
                Ok(Plan { optimizer: "schedule_free_adamw".to_owned(), ..plan })
            }
            (schedule, _) => own(schedule, 0.0, format!("{schedule}, as the configuration says")),
        }
    }
}

/// Row visits that a default fit has, about: epochs times rows.
const ROW_VISITS: usize = 1_500_000;

/// Configurations to try first; the first is the default. All are whole.
pub(super) fn portfolio(facts: &Facts) -> Vec<Config> {
    let batch_size = match facts.n_rows {
        0..4_000 => 32,
        4_000..20_000 => 128,
        _ => 256,
    };
    let epochs = (ROW_VISITS / facts.n_rows.max(1)).clamp(4, 64);
    let default =
        space().default_config().with("batch_size", batch_size).with("max_epochs", epochs as i64);
    // Many numbers, and no categories: pixels, spectra and the like.
    let is_image = facts.n_features >= 256 && facts.n_categorical == 0;
    let default = if is_image { default.with("numeric", "common") } else { default };
    let wide = default
        .clone()
        .with("hidden_layer_sizes", "256,128")
        .with("activation", "gelu")
        .with("dropout", 0.1);
    let free = default.clone().with("max_epochs", (2 * epochs) as i64).with("n_iter_no_change", 8);
    let pieces = default.clone().with("numeric", "piecewise").with("weight_bits", "16");
    vec![default, wide, free, pieces]
}

/// The values of all parameters, each in its domain; a schedule may have parameters of its own.
fn checked(config: &Config) -> Result<Config, Error> {
    let space = space();
    let mut values = space.default_config();
    for parameter in &space.parameters {
        let Some(value) = config.values.get(parameter.name) else { continue };
        match value {
            Value::Text(text) if parameter.name == "schedule" && text != AUTO => {
                schedules::from_text(text, 1.0, 1)?;
            }
            _ => check(parameter, value)?,
        }
        values.values.insert(parameter.name.to_owned(), value.clone());
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_follows_from_whether_the_end_is_known() {
        let config = space().default_config();
        let options = Options::new(&config).expect("sound");
        assert_eq!((options.schedule.as_str(), options.knows_end), ("linear", true));
        assert!(options.averages && options.warmup == AUTO_WARMUP, "{options:?}");
        assert!(options.why.contains("the end is known"), "{}", options.why);
        let options = Options::new(&config.clone().with("n_iter_no_change", 5)).expect("sound");
        assert_eq!((options.schedule.as_str(), options.knows_end), ("constant", false));
        assert_eq!(options.optimizer, "schedule_free_adamw");
        assert!(!options.averages, "Schedule-Free has an average of its own");
        let options = Options::new(&config.with("schedule", "cosine")).expect("sound");
        assert_eq!((options.schedule.as_str(), options.warmup), ("cosine", 0.0));
    }

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
