//! The parameters of forests: declared, read and checked here.

use eyas_model::TaskKind;
use eyas_search::{Config, Domain, Parameter, Space, Value};

use super::grow::Growth;
use super::limits::Limits;
use super::sample::Draw;
use crate::error::Error;
use crate::task::Facts;

/// Largest depth; trees that deep are not limited in practice.
pub(in crate::learners) const MAX_DEPTH: i64 = 64;
const MAX_TREES: i64 = 1000;
/// Largest depth and number of trees that a grid may ask for.
const GRID_DEPTH: i64 = 60_000;
const GRID_TREES: i64 = 10_000;
/// So many leaves no tree has.
const NO_LIMIT: i64 = i64::MAX;
const MAX_FEATURES: &[&str] = &["sqrt", "log2", "0.1", "0.3", "0.5", "0.7", "1.0"];
/// Parameters that may be `none`: no limit.
const UNLIMITED: [&str; 2] = ["max_depth", "max_leaf_nodes"];
const OOB_SCORE: &str = "oob_score";
const CRITERIA: &[&str] = &["gini", "entropy"];

/// What the two kinds of forest do differently unless told otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::learners) struct Kind {
    /// Name of the learner.
    pub name: &'static str,
    /// Whether thresholds are drawn.
    pub random_thresholds: bool,
    /// Default of `bootstrap`.
    pub bootstrap: bool,
    /// Default of `max_features` for classes.
    pub max_features: &'static str,
    /// Default of `max_features` for numbers.
    pub max_features_regression: &'static str,
}

/// All parameters of a fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::learners) struct Settings {
    /// Trees.
    pub n_estimators: usize,
    /// Whether impurity of classes is entropy.
    pub entropy: bool,
    /// How the rows of a tree are drawn.
    pub draw: Draw,
    /// How trees grow; its limits are those of `limits`.
    pub growth: Growth,
    /// What ends their growth.
    pub limits: Limits,
    /// Whether truncations are scored on the rows that trees leave out.
    pub oob_score: bool,
}

impl Settings {
    /// Fails if out-of-bag rows are to be scored, and there are none or others to be scored.
    ///
    /// # Errors
    /// As said, by the name of the parameter.
    pub fn check_oob(&self, n_valid: usize) -> Result<(), Error> {
        let wrong = |expected: &str| Error::Parameter {
            name: OOB_SCORE.to_owned(),
            value: "true".to_owned(),
            expected: expected.to_owned(),
        };
        match self.oob_score {
            true if !self.draw.leaves_out() => Err(wrong(
                "each tree learns from all rows, so that none is out of its bag; set \
                 `bootstrap` to true, or `max_samples` below 1",
            )),
            true if n_valid > 0 => Err(wrong(
                "rows are held out for scores already; score either those or the ones that trees \
                 leave out",
            )),
            _ => Ok(()),
        }
    }
}

impl Kind {
    /// The parameters for a task.
    pub fn space(&self, facts: &Facts) -> Space {
        let regression = facts.kind == TaskKind::Regression;
        let max_features =
            if regression { self.max_features_regression } else { self.max_features };
        let smoothing = match facts.kind {
            TaskKind::Regression => 0.0,
            TaskKind::Binary => 2.0,
            TaskKind::Multiclass => 0.1,
        };
        let ordinary = |name, domain, default, help| Parameter {
            name,
            domain,
            default,
            nested: false,
            when: None,
            help,
        };
        let nested = |parameter: Parameter| Parameter { nested: true, ..parameter };
        let whole = |low, high| Domain::Int { low, high, log: true };
        let share = |low, high| Domain::Float { low, high, log: false };
        let mut parameters = vec![
            nested(ordinary(
                "n_estimators",
                Domain::Int { low: 1, high: MAX_TREES, log: true },
                Value::Int(100),
                "number of trees",
            )),
            nested(ordinary(
                "max_depth",
                whole(1, MAX_DEPTH),
                Value::Int(MAX_DEPTH),
                "longest path from the root",
            )),
            ordinary(
                "max_features",
                Domain::Category(MAX_FEATURES),
                Value::from(max_features),
                "features tried at a node, by root, logarithm or share",
            ),
            ordinary("min_samples_leaf", whole(1, 100), Value::Int(1), "fewest rows of a leaf"),
            ordinary(
                "min_samples_split",
                whole(2, 100),
                Value::Int(2),
                "fewest rows of a node that is split",
            ),
            ordinary(
                "leaf_smoothing",
                Domain::Float { low: 0.0, high: 20.0, log: false },
                Value::Float(smoothing),
                "rows like the parent mixed into each node's value",
            ),
            ordinary(
                "bootstrap",
                Domain::Bool,
                Value::Bool(self.bootstrap),
                "whether the rows of a tree are drawn with replacement",
            ),
            ordinary(
                "max_samples",
                share(0.1, 1.0),
                Value::Float(1.0),
                "rows drawn for a tree, as a share of all",
            ),
        ];
        if !regression {
            let domain = Domain::Category(CRITERIA);
            let help = "impurity that splits decrease";
            parameters.push(ordinary("criterion", domain, Value::from("gini"), help));
        }
        Space { learner: self.name, parameters, forbidden: Vec::new() }
    }

    /// The parameters in a grid, where defaults are scikit-learn's: no limit of the depth, no
    /// smoothing of leaves, of numbers all features at a node, and those that are the same in all
    /// rows of a node counted among the ones tried (in trials they are not: better, but slower).
    pub fn grid_space(&self, facts: &Facts) -> Space {
        let mut space = self.all_parameters(facts);
        for parameter in &mut space.parameters {
            match parameter.name {
                "max_depth" => parameter.default = Value::Int(GRID_DEPTH),
                "leaf_smoothing" => parameter.default = Value::Float(0.0),
                "count_constants" => parameter.default = Value::Bool(true),
                "max_features" if facts.kind == TaskKind::Regression => {
                    parameter.default = Value::from("1.0");
                }
                _ => {}
            }
        }
        space
    }

    /// All parameters, also those that only grids name; there more of them are nested than a trial
    /// scores.
    fn all_parameters(&self, facts: &Facts) -> Space {
        let mut space = self.space(facts);
        for parameter in &mut space.parameters {
            match parameter.name {
                "n_estimators" => {
                    parameter.domain = Domain::Int { low: 1, high: GRID_TREES, log: true };
                }
                "max_depth" => {
                    parameter.domain = Domain::Int { low: 1, high: GRID_DEPTH, log: true };
                }
                "min_samples_split" => {
                    parameter.nested = true;
                    parameter.domain = Domain::Int { low: 2, high: i64::MAX, log: true };
                }
                "min_samples_leaf" => {
                    parameter.domain = Domain::Int { low: 1, high: u32::MAX.into(), log: true };
                }
                _ => {}
            }
        }
        let more = |name, domain, default, help| Parameter {
            name,
            domain,
            default,
            nested: true,
            when: None,
            help,
        };
        space.parameters.push(Parameter {
            nested: false,
            ..more(
                "count_constants",
                Domain::Bool,
                Value::Bool(false),
                "whether features that a node's rows agree in count towards max_features",
            )
        });
        space.parameters.push(Parameter {
            nested: false,
            ..more(
                OOB_SCORE,
                Domain::Bool,
                Value::Bool(false),
                "whether rows are scored by the trees that did not draw them, without validation rows",
            )
        });
        let from_zero = Domain::Float { low: 0.0, high: f64::MAX, log: false };
        space.parameters.extend([
            more(
                "min_impurity_decrease",
                from_zero,
                Value::Float(0.0),
                "least decrease of weighted impurity by a split",
            ),
            more(
                "max_leaf_nodes",
                Domain::Int { low: 2, high: NO_LIMIT, log: true },
                Value::Int(NO_LIMIT),
                "most leaves of a tree, whose nodes are split best first",
            ),
            more(
                "ccp_alpha",
                from_zero,
                Value::Float(0.0),
                "least decrease of impurity for a leaf more, in minimal cost-complexity pruning",
            ),
        ]);
        space
    }

    /// Reads a configuration.
    ///
    /// # Errors
    /// A parameter that is out of its range or of the wrong type.
    pub fn settings(&self, facts: &Facts, config: &Config) -> Result<Settings, Error> {
        let space = self.all_parameters(facts);
        let int = |name: &str| whole_number(&space, config, name);
        let float = |name: &str| number(&space, config, name);
        let min_samples_leaf = int("min_samples_leaf")?;
        let leaves = int("max_leaf_nodes")?;
        let limits = Limits {
            max_depth: int("max_depth")?,
            min_samples_split: int("min_samples_split")?,
            min_impurity_decrease: float("min_impurity_decrease")?,
            max_leaf_nodes: if leaves == NO_LIMIT as usize { usize::MAX } else { leaves },
            ccp_alpha: float("ccp_alpha")?,
        };
        let growth = Growth {
            n_tried: n_tried(&space, config, facts.n_features)?,
            count_constants: yes(&space, config, "count_constants")?,
            max_depth: limits.max_depth,
            min_samples_split: limits.min_samples_split,
            min_impurity_decrease: limits.min_impurity_decrease,
            min_samples_leaf,
            smoothing: float("leaf_smoothing")?,
            random_thresholds: self.random_thresholds,
        };
        let draw =
            Draw { bootstrap: yes(&space, config, "bootstrap")?, share: float("max_samples")? };
        let oob_score = yes(&space, config, OOB_SCORE)?;
        let n_estimators = int("n_estimators")?;
        let entropy = match config.values.get("criterion") {
            None => false,
            Some(Value::Text(text)) if text == "gini" => false,
            Some(Value::Text(text)) if text == "entropy" => true,
            Some(value) => return Err(wrong("criterion", value, "it must be `gini` or `entropy`")),
        };
        let entropy = entropy && facts.kind != TaskKind::Regression;
        Ok(Settings { n_estimators, entropy, draw, growth, limits, oob_score })
    }

    /// As [`Kind::settings`]; what cannot be read takes its default.
    pub fn settings_or_default(&self, facts: &Facts, config: &Config) -> Settings {
        let default = self.space(facts).default_config();
        self.settings(facts, config)
            .or_else(|_| self.settings(facts, &default))
            .expect("the default configuration is in its own space")
    }
}

fn value<'a>(space: &'a Space, config: &'a Config, name: &str) -> (&'a Parameter, &'a Value) {
    let parameter = space.parameters.iter().find(|parameter| parameter.name == name);
    let parameter = parameter.expect("only declared parameters are read");
    (parameter, config.values.get(name).unwrap_or(&parameter.default))
}

fn whole_number(space: &Space, config: &Config, name: &str) -> Result<usize, Error> {
    let (parameter, value) = value(space, config, name);
    let Domain::Int { low, high, .. } = parameter.domain else {
        unreachable!("whole numbers are declared as such")
    };
    let number = match value {
        Value::Int(number) => Some(*number),
        Value::Text(none) if none == "none" && UNLIMITED.contains(&name) => Some(high),
        Value::Float(number) if number.fract() == 0.0 => Some(*number as i64),
        _ => None,
    };
    let number = number.filter(|number| (low..=high).contains(number));
    let expected = format!("it must be a whole number from {low} to {high}");
    number.map(|number| number as usize).ok_or_else(|| wrong(name, value, &expected))
}

fn number(space: &Space, config: &Config, name: &str) -> Result<f64, Error> {
    let (parameter, value) = value(space, config, name);
    let Domain::Float { low, high, .. } = parameter.domain else {
        unreachable!("numbers are declared as such")
    };
    let number = match value {
        Value::Int(number) => *number as f64,
        Value::Float(number) => *number,
        _ => f64::NAN,
    };
    let expected = format!("it must be a number from {low} to {high}");
    if (low..=high).contains(&number) { Ok(number) } else { Err(wrong(name, value, &expected)) }
}

fn yes(space: &Space, config: &Config, name: &str) -> Result<bool, Error> {
    match value(space, config, name).1 {
        Value::Bool(yes) => Ok(*yes),
        other => Err(wrong(name, other, "it must be true or false")),
    }
}

fn n_tried(space: &Space, config: &Config, n_features: usize) -> Result<usize, Error> {
    let (_, value) = value(space, config, "max_features");
    let expected = "it must be `sqrt`, `log2` or a share above 0 and at most 1";
    let all = n_features as f64;
    let share = match value {
        Value::Text(name) if name == "sqrt" => all.sqrt() / all,
        Value::Text(name) if name == "log2" => libm::log2(all) / all,
        Value::Text(share) => share.parse().unwrap_or(f64::NAN),
        Value::Float(share) => *share,
        Value::Int(share) => *share as f64,
        Value::Bool(_) => f64::NAN,
    };
    if n_features == 0 {
        return Ok(0);
    }
    if !(0.0..=1.0).contains(&share) || (share == 0.0 && n_features > 1) {
        return Err(wrong("max_features", value, expected));
    }
    // As scikit-learn, the fraction is dropped; a little more undoes rounding of the root.
    Ok(((share * all + 1e-9) as usize).clamp(1, n_features))
}

fn wrong(name: &str, value: &Value, expected: &str) -> Error {
    let value = match value {
        Value::Bool(yes) => yes.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Text(text) => format!("`{text}`"),
    };
    Error::Parameter { name: name.to_owned(), value, expected: expected.to_owned() }
}
