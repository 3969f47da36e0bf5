//! The parameters of boosting: declared, read and checked here only.

use eyas_model::TaskKind;
use eyas_model::cost::{CostModel, Shape};
use eyas_search::{Config, Domain, Parameter, Space, Value};

use super::objective::Loss;
use super::portfolio;
use crate::error::Error;
use crate::schedules::SCHEDULE_NAMES;
use crate::task::Facts;

/// Name of the learner.
pub(super) const NAME: &str = "boosting";
/// Name of the parameter that cuts the last levels off.
pub(super) const MAX_DEPTH_KEPT: &str = "max_depth_kept";

/// In which order leaves are split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GrowPolicy {
    /// The leaf of largest gain first.
    Leafwise,
    /// Shallow leaves first.
    Depthwise,
    /// All leaves of a level by one question.
    Oblivious,
}

/// How rows are drawn for a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sampling {
    /// Each row with the same probability.
    Bernoulli,
    /// Rows of large gradients more often, weighted so that sums are unbiased.
    Mvs,
    /// All rows of the largest gradients, and some of the others, weighted likewise.
    Goss,
}

/// Everything a fit is told.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parameters {
    pub n_estimators: usize,
    pub learning_rate: f64,
    pub rate_auto: bool,
    /// Name of a listed schedule.
    pub schedule: &'static str,
    pub grow_policy: GrowPolicy,
    pub num_leaves: usize,
    pub max_depth: usize,
    pub min_data_in_leaf: u64,
    pub min_sum_hessian: f64,
    pub lambda_l2: f64,
    pub min_gain_to_split: f64,
    pub feature_fraction: f64,
    pub feature_fraction_bynode: f64,
    pub subsample: f64,
    pub sampling: Sampling,
    pub extra_trees: bool,
    pub path_smooth: f64,
    pub max_cat_to_onehot: usize,
    pub cat_smooth: f64,
    pub cat_l2: f64,
    pub max_cat_threshold: usize,
    pub min_data_per_group: u64,
    pub vector_leaves: bool,
    pub early_stopping_rounds: usize,
    /// What is minimised; `None` follows from the metric.
    pub objective: Option<Loss>,
    /// Where Huber's loss turns from a square to a line, in units of the target; the quantile.
    pub alpha: f64,
    /// Power of the mean that the variance of Tweedie's distribution follows.
    pub tweedie_variance_power: f64,
    pub lambda_l1: f64,
    pub feature_fraction_bylevel: f64,
    /// Directions by feature, see [`super::constraints`].
    pub monotone_constraints: String,
    /// Groups of features, see [`super::constraints`].
    pub interaction_constraints: String,
    /// Gain that a nanosecond of prediction must be worth; 0 asks for nothing.
    pub cegb_tradeoff: f64,
    /// Nanoseconds of a feature that the model does not use yet.
    pub cegb_penalty_feature: f64,
    /// Nanoseconds of a threshold (or set of levels) that the model does not use yet.
    pub cegb_penalty_threshold: f64,
    /// Questions on a path that are kept of each tree, see [`super::depth`].
    pub max_depth_kept: usize,
    /// Whether a fit keeps what its nodes would answer as leaves.
    pub keeps_nodes: bool,
    /// Share of all rows that `goss` takes for their gradients.
    pub top_rate: f64,
}

impl Parameters {
    /// Reads a configuration; what it leaves out takes its default for the task.
    pub fn read(config: &Config, facts: &Facts) -> Result<Parameters, Error> {
        let known = space(facts);
        let unsearched = unsearched();
        let is_known = |name: &str| {
            known.parameters.iter().any(|p| p.name == name)
                || unsearched.iter().any(|known| known.0 == name)
        };
        if let Some(name) = config.values.keys().find(|name| !is_known(name)) {
            let expected = "`boosting` has no parameter of this name".to_owned();
            return Err(Error::Parameter {
                name: name.clone(),
                value: show(&config.values[name]),
                expected,
            });
        }
        let mut full = known.default_config();
        full.values.extend(unsearched.map(|(name, value)| (name.to_owned(), value)));
        full.values.extend(config.values.clone());
        let read = Reader(&full);
        let max_depth = read.int("max_depth", 0, 64)?;
        let max_depth_kept = read.int(MAX_DEPTH_KEPT, 0, 64)?;
        Ok(Parameters {
            n_estimators: read.int("n_estimators", 1, 100_000)?,
            learning_rate: read.float("learning_rate", 1e-6, 1.0)?,
            rate_auto: read.choice("learning_rate_rule", RATE_RULES)? == 1,
            schedule: SCHEDULE_NAMES[read.choice("schedule", &SCHEDULE_NAMES)?],
            grow_policy: [GrowPolicy::Leafwise, GrowPolicy::Depthwise, GrowPolicy::Oblivious]
                [read.choice("grow_policy", GROW_POLICIES)?],
            num_leaves: read.int("num_leaves", 2, 65_536)?,
            max_depth: if max_depth == 0 { usize::MAX } else { max_depth },
            min_data_in_leaf: read.int("min_data_in_leaf", 1, 1 << 26)? as u64,
            min_sum_hessian: read.float("min_sum_hessian", 0.0, 1e9)?,
            lambda_l2: read.float("lambda_l2", 0.0, 1e9)?,
            min_gain_to_split: read.float("min_gain_to_split", 0.0, 1e9)?,
            feature_fraction: read.float("feature_fraction", 1e-6, 1.0)?,
            feature_fraction_bynode: read.float("feature_fraction_bynode", 1e-6, 1.0)?,
            subsample: read.float("subsample", 1e-6, 1.0)?,
            sampling: [Sampling::Bernoulli, Sampling::Mvs, Sampling::Goss]
                [read.choice("sampling", SAMPLINGS)?],
            extra_trees: read.bool("extra_trees")?,
            path_smooth: read.float("path_smooth", 0.0, 1e9)?,
            max_cat_to_onehot: read.int("max_cat_to_onehot", 0, 256)?,
            cat_smooth: read.float("cat_smooth", 0.0, 1e9)?,
            cat_l2: read.float("cat_l2", 0.0, 1e9)?,
            max_cat_threshold: read.int("max_cat_threshold", 1, 256)?,
            min_data_per_group: read.int("min_data_per_group", 1, 1 << 26)? as u64,
            vector_leaves: read.choice("multi_strategy", MULTI_STRATEGIES)? == 1,
            early_stopping_rounds: read.int("early_stopping_rounds", 0, 100_000)?,
            objective: read.objective(facts.kind)?,
            alpha: read.float("alpha", 1e-9, 1e9)?,
            tweedie_variance_power: read.float("tweedie_variance_power", 1.001, 1.999)?,
            lambda_l1: read.float("lambda_l1", 0.0, 1e9)?,
            feature_fraction_bylevel: read.float("feature_fraction_bylevel", 1e-6, 1.0)?,
            monotone_constraints: read.text("monotone_constraints")?,
            interaction_constraints: read.text("interaction_constraints")?,
            cegb_tradeoff: read.float("cegb_tradeoff", 0.0, 1e9)?,
            cegb_penalty_feature: read.float("cegb_penalty_feature", 0.0, 1e9)?,
            cegb_penalty_threshold: read.float("cegb_penalty_threshold", 0.0, 1e9)?,
            max_depth_kept: if max_depth_kept == 0 { usize::MAX } else { max_depth_kept },
            keeps_nodes: max_depth_kept > 0,
            top_rate: read.top_rate()?,
        })
    }

    /// Most leaves that a tree can have.
    pub fn most_leaves(&self) -> usize {
        let by_depth = 1usize.checked_shl(self.max_depth.min(60) as u32).unwrap_or(usize::MAX);
        match self.grow_policy {
            GrowPolicy::Oblivious => 1 << self.oblivious_depth(),
            _ => self.num_leaves.min(by_depth),
        }
    }

    /// Levels of an oblivious tree: at most 10.
    pub fn oblivious_depth(&self) -> usize {
        self.max_depth.min(self.num_leaves.ilog2() as usize).min(10)
    }
}

/// Parameters that are read but not searched, with their defaults: they state what is wanted, or
/// would only dilute the search.
fn unsearched() -> [(&'static str, Value); 12] {
    let text = |text: &str| Value::Text(text.to_owned());
    [
        ("objective", text(OBJECTIVES[0].0)),
        ("alpha", Value::Float(0.9)),
        ("tweedie_variance_power", Value::Float(1.5)),
        ("lambda_l1", Value::Float(0.0)),
        ("feature_fraction_bylevel", Value::Float(1.0)),
        ("monotone_constraints", text("")),
        ("interaction_constraints", text("")),
        ("cegb_tradeoff", Value::Float(0.0)),
        ("cegb_penalty_feature", Value::Float(feature_ns())),
        ("cegb_penalty_threshold", Value::Float(THRESHOLD_NS)),
        (MAX_DEPTH_KEPT, Value::Int(0)),
        ("top_rate", Value::Float(0.0)),
    ]
}

/// Nanoseconds of a threshold more: one of the edges that a cell is compared with, and one of the 64
/// tests of a vector.
const THRESHOLD_NS: f64 = 0.25;

/// Nanoseconds of a number more that is to be binned, on the machine of reference.
fn feature_ns() -> f64 {
    let prices = CostModel::reference();
    let ns = |n: f64| {
        prices.predict_p50_ns(&Shape { n_binned: n, n_slots: n, n_trees: 1.0, ..Shape::default() })
    };
    ns(9.0) - ns(8.0)
}

/// Names of losses, for which kind of task each is; the first leaves it to the metric.
const OBJECTIVES: &[(&str, Option<(TaskKind, Loss)>)] = &[
    ("auto", None),
    ("binary", Some((TaskKind::Binary, Loss::Logistic))),
    ("multiclass", Some((TaskKind::Multiclass, Loss::Softmax))),
    ("regression", Some((TaskKind::Regression, Loss::Squared))),
    ("regression_l1", Some((TaskKind::Regression, Loss::Absolute))),
    ("huber", Some((TaskKind::Regression, Loss::Huber))),
    ("quantile", Some((TaskKind::Regression, Loss::Quantile))),
    ("poisson", Some((TaskKind::Regression, Loss::Poisson))),
    ("gamma", Some((TaskKind::Regression, Loss::Gamma))),
    ("tweedie", Some((TaskKind::Regression, Loss::Tweedie))),
];
const RATE_RULES: &[&str] = &["value", "auto"];
/// Schedules that are searched; every listed one may be named.
const SCHEDULES: &[&str] = &["constant", "cosine", "linear", "inverse_sqrt"];
const GROW_POLICIES: &[&str] = &["leafwise", "depthwise", "oblivious"];
const SAMPLINGS: &[&str] = &["bernoulli", "mvs", "goss"];
/// Those that are searched: at an equal share of 0.3 `goss` was worse than `mvs` on three of four real
/// tables (five folds each; losses 2 % higher in the mean), and slower.
const SEARCHED_SAMPLINGS: &[&str] = &["bernoulli", "mvs"];
const MULTI_STRATEGIES: &[&str] = &["one_per_class", "vector"];

/// The declaration, with the defaults for a task of these facts.
pub(super) fn space(facts: &Facts) -> Space {
    let mut parameters = declared();
    if facts.n_outputs == 1 {
        parameters.retain(|parameter| parameter.name != "multi_strategy");
        parameters.push(category(
            "multi_strategy",
            &MULTI_STRATEGIES[..1],
            "Trees of a round: always one here.",
        ));
    }
    let mut default = portfolio::portfolio(facts).swap_remove(0);
    for parameter in &mut parameters {
        if let Some(value) = default.values.remove(parameter.name) {
            parameter.default = value;
        }
    }
    Space { learner: NAME, parameters, forbidden: Vec::new() }
}

/// The declaration for grids: with what is nested but not searched.
pub(super) fn grid_space(facts: &Facts) -> Space {
    let mut space = space(facts);
    for parameter in space.parameters.iter_mut().filter(|parameter| parameter.name == "sampling") {
        parameter.domain = Domain::Category(SAMPLINGS);
    }
    let help = "Questions on a path that are kept of each tree after the fit; 0 keeps all.";
    let kept = int(MAX_DEPTH_KEPT, 0, 64, false, 0, help);
    space.parameters.push(Parameter { nested: true, ..kept });
    space
}

/// The declaration, with the defaults that portfolios start from.
pub(super) fn declared() -> Vec<Parameter> {
    let mut all = growth();
    all.extend(regularisation());
    all.extend(categories());
    all
}

fn growth() -> Vec<Parameter> {
    vec![
        Parameter {
            nested: true,
            ..int("n_estimators", 10, 3000, true, 1000, "Rounds of boosting.")
        },
        when(
            float("learning_rate", 0.005, 0.5, true, 0.05, "Factor on the values of each tree."),
            "learning_rate_rule",
            &RATE_RULES[..1],
        ),
        category(
            "learning_rate_rule",
            RATE_RULES,
            "Whether the rate is given, or follows from rows and rounds.",
        ),
        category("schedule", SCHEDULES, "How the rate changes over the rounds."),
        category(
            "grow_policy",
            GROW_POLICIES,
            "Which leaf is split next: the best, the shallowest, or all of a level by one question.",
        ),
        int("num_leaves", 2, 512, true, 31, "Most leaves of a tree."),
        int("max_depth", 0, 16, false, 0, "Most questions on a path; 0 is no limit."),
        when(
            category(
                "multi_strategy",
                MULTI_STRATEGIES,
                "One tree a class and round, or one tree a round with leaves for all classes.",
            ),
            "",
            &[],
        ),
        int(
            "early_stopping_rounds",
            0,
            500,
            false,
            50,
            "Rounds without a better validation loss after which a fit ends; 0 is never.",
        ),
    ]
}

fn regularisation() -> Vec<Parameter> {
    vec![
        int("min_data_in_leaf", 1, 500, true, 20, "Fewest rows of a leaf."),
        float(
            "min_sum_hessian",
            1e-5,
            30.0,
            true,
            1e-3,
            "Least sum of second derivatives of a leaf.",
        ),
        float(
            "lambda_l2",
            1e-3,
            100.0,
            true,
            1.0,
            "Added to the second derivatives: pulls leaf values to zero.",
        ),
        float("min_gain_to_split", 0.0, 5.0, false, 0.0, "Least gain of a split."),
        float(
            "feature_fraction",
            0.2,
            1.0,
            false,
            1.0,
            "Share of the features that a tree may use.",
        ),
        float(
            "feature_fraction_bynode",
            0.2,
            1.0,
            false,
            1.0,
            "Share of those that a node may use.",
        ),
        float("subsample", 0.3, 1.0, false, 1.0, "Share of the rows that a tree learns from."),
        category(
            "sampling",
            SEARCHED_SAMPLINGS,
            "How rows are drawn: evenly, or large gradients more often.",
        ),
        flag("extra_trees", "One random threshold a feature and node instead of the best."),
        float(
            "path_smooth",
            0.0,
            50.0,
            false,
            0.0,
            "Rows that the value of the parent counts for in a leaf.",
        ),
    ]
}

fn categories() -> Vec<Parameter> {
    vec![
        int(
            "max_cat_to_onehot",
            1,
            32,
            true,
            4,
            "Most levels up to which one level is split off at a time.",
        ),
        float("cat_smooth", 1.0, 100.0, true, 10.0, "Damps the order of rare levels."),
        float("cat_l2", 0.1, 100.0, true, 10.0, "As lambda_l2, for splits by sets of levels."),
        int("max_cat_threshold", 4, 128, true, 32, "Most levels of a set."),
        int("min_data_per_group", 1, 500, true, 100, "Fewest rows of a set of levels."),
    ]
}

fn parameter(name: &'static str, domain: Domain, default: Value, help: &'static str) -> Parameter {
    Parameter { name, domain, default, nested: false, when: None, help }
}

fn int(
    name: &'static str,
    low: i64,
    high: i64,
    log: bool,
    default: i64,
    help: &'static str,
) -> Parameter {
    parameter(name, Domain::Int { low, high, log }, Value::Int(default), help)
}

fn float(
    name: &'static str,
    low: f64,
    high: f64,
    log: bool,
    default: f64,
    help: &'static str,
) -> Parameter {
    parameter(name, Domain::Float { low, high, log }, Value::Float(default), help)
}

fn category(name: &'static str, names: &'static [&'static str], help: &'static str) -> Parameter {
    parameter(name, Domain::Category(names), Value::Text(names[0].to_owned()), help)
}

fn flag(name: &'static str, help: &'static str) -> Parameter {
    parameter(name, Domain::Bool, Value::Bool(false), help)
}

fn when(parameter: Parameter, other: &'static str, values: &'static [&'static str]) -> Parameter {
    let condition = (!values.is_empty()).then_some((other, values));
    Parameter { when: condition, ..parameter }
}

/// Takes values out of a complete configuration.
struct Reader<'a>(&'a Config);

impl Reader<'_> {
    fn float(&self, name: &str, low: f64, high: f64) -> Result<f64, Error> {
        let value = self.0.float(name).filter(|value| (low..=high).contains(value));
        value.ok_or_else(|| self.error(name, format!("it must be a number from {low} to {high}")))
    }

    fn int(&self, name: &str, low: i64, high: i64) -> Result<usize, Error> {
        let value = self.0.int(name).filter(|value| (low..=high).contains(value));
        let expected =
            || self.error(name, format!("it must be a whole number from {low} to {high}"));
        value.map(|value| value as usize).ok_or_else(expected)
    }

    fn choice(&self, name: &str, names: &[&str]) -> Result<usize, Error> {
        let place = self.0.text(name).and_then(|text| names.iter().position(|n| *n == text));
        place.ok_or_else(|| self.error(name, format!("it must be one of {}", names.join(", "))))
    }

    fn objective(&self, kind: TaskKind) -> Result<Option<Loss>, Error> {
        let fits = |(_, of): &&(&str, Option<(TaskKind, Loss)>)| of.is_none_or(|of| of.0 == kind);
        let names: Vec<&str> =
            OBJECTIVES.iter().filter(fits).map(|objective| objective.0).collect();
        let name = names[self.choice("objective", &names)?];
        let found = OBJECTIVES.iter().find(|objective| objective.0 == name);
        let loss = found.and_then(|objective| objective.1).map(|of| of.1);
        if loss == Some(Loss::Quantile) {
            self.float("alpha", 1e-9, 1.0 - 1e-9)?;
        }
        Ok(loss)
    }

    /// Two thirds of `subsample` where it is 0.
    fn top_rate(&self) -> Result<f64, Error> {
        let subsample = self.float("subsample", 1e-6, 1.0)?;
        match self.float("top_rate", 0.0, 1.0)? {
            0.0 => Ok(subsample * 2.0 / 3.0),
            rate if rate < subsample || subsample >= 1.0 => Ok(rate),
            _ => Err(self.error("top_rate", format!("it must be below subsample, {subsample}"))),
        }
    }

    fn text(&self, name: &str) -> Result<String, Error> {
        let text = self.0.text(name).map(str::to_owned);
        text.ok_or_else(|| self.error(name, "it must be a text".to_owned()))
    }

    fn bool(&self, name: &str) -> Result<bool, Error> {
        self.0.bool(name).ok_or_else(|| self.error(name, "it must be true or false".to_owned()))
    }

    fn error(&self, name: &str, expected: String) -> Error {
        let value = self.0.values.get(name).map_or_else(|| "absent".to_owned(), show);
        Error::Parameter { name: name.to_owned(), value, expected }
    }
}

fn show(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Text(value) => format!("`{value}`"),
    }
}
