//! The unit cube: values as numbers in `[0, 1]`, for drawing, for distances and for equality.

use crate::random;
use crate::space::{Config, Domain, Parameter, Space, Value};

impl Domain {
    /// The value at a place of the unit interval; a uniform place gives a value uniform in the
    /// domain, on its scale. Floats keep four significant digits, so that reports read well.
    pub fn value_at(&self, unit: f64) -> Value {
        let unit = if unit.is_nan() { 0.0 } else { unit.clamp(0.0, 1.0) };
        match *self {
            Domain::Float { low, high, log } => {
                let value =
                    if log { log_place(low, high, unit) } else { low + unit * (high - low) };
                Value::Float(four_digits(value).clamp(low, high))
            }
            Domain::Int { low, high, log: true } => {
                let value = log_place(low as f64, high as f64, unit);
                Value::Int((value.round() as i64).clamp(low, high))
            }
            Domain::Int { low, high, log: false } => {
                let n_values = high as f64 - low as f64 + 1.0;
                Value::Int((low + (unit * n_values).floor() as i64).min(high))
            }
            Domain::Category(names) | Domain::Ordinal(names) => {
                let index = (unit * names.len() as f64).floor() as usize;
                Value::Text(names[index.min(names.len() - 1)].to_owned())
            }
            Domain::Bool => Value::Bool(unit >= 0.5),
        }
    }

    /// The place of a value in the unit interval; the middle of its cell for values without
    /// order and for whole numbers. A value that is not of the domain goes to the nearer end.
    pub fn unit(&self, value: &Value) -> f64 {
        let number = match value {
            Value::Bool(v) => return if *v { 0.75 } else { 0.25 },
            Value::Text(text) => return self.unit_of_name(text),
            Value::Int(v) => *v as f64,
            Value::Float(v) => *v,
        };
        let place = match *self {
            Domain::Float { low, high, log: true } => log_unit(low, high, number),
            Domain::Float { low, high, log: false } => (number - low) / (high - low),
            Domain::Int { low, high, log: true } => log_unit(low as f64, high as f64, number),
            Domain::Int { low, high, log: false } => {
                (number - low as f64 + 0.5) / (high as f64 - low as f64 + 1.0)
            }
            Domain::Category(_) | Domain::Ordinal(_) | Domain::Bool => 0.0,
        };
        if place.is_nan() { 0.0 } else { place.clamp(0.0, 1.0) }
    }

    fn unit_of_name(&self, text: &str) -> f64 {
        let (Domain::Category(names) | Domain::Ordinal(names)) = self else { return 0.0 };
        let index = names.iter().position(|name| *name == text).unwrap_or(0);
        (index as f64 + 0.5) / names.len() as f64
    }

    /// Whether values have an order, so that one can take a step.
    pub fn is_ordered(&self) -> bool {
        matches!(self, Domain::Float { .. } | Domain::Int { .. } | Domain::Ordinal(_))
    }

    /// How many values there are; `None` for floats.
    pub fn n_values(&self) -> Option<u64> {
        match self {
            Domain::Float { .. } => None,
            Domain::Int { low, high, .. } => Some(high.abs_diff(*low).saturating_add(1)),
            Domain::Category(names) | Domain::Ordinal(names) => Some(names.len() as u64),
            Domain::Bool => Some(2),
        }
    }
}

/// A logarithmic scale that starts at or below 0 counts from 1 above its start.
fn log_shift(low: f64) -> f64 {
    if low > 0.0 { 0.0 } else { 1.0 - low }
}

fn log_place(low: f64, high: f64, unit: f64) -> f64 {
    let shift = log_shift(low);
    let (from, to) = (libm::log(low + shift), libm::log(high + shift));
    libm::exp(from + unit * (to - from)) - shift
}

fn log_unit(low: f64, high: f64, value: f64) -> f64 {
    let shift = log_shift(low);
    let (from, to) = (libm::log(low + shift), libm::log(high + shift));
    (libm::log(value + shift) - from) / (to - from)
}

fn four_digits(value: f64) -> f64 {
    format!("{value:.3e}").parse().expect("a formatted float parses")
}

impl Space {
    /// A configuration as a point for distances: one coordinate in `[0, 1]` per parameter that
    /// has an order or is a bool, one per name of a category (scaled so that two names are at
    /// distance 1). Absent and inactive parameters stand at their defaults.
    pub fn encode(&self, config: &Config) -> Vec<f64> {
        let mut point = Vec::with_capacity(self.parameters.len());
        for parameter in &self.parameters {
            let value = self.effective(parameter, config);
            match (&parameter.domain, value) {
                (Domain::Category(names), Value::Text(text)) => {
                    let one_hot = |name: &&str| if *name == text { 0.5f64.sqrt() } else { 0.0 };
                    point.extend(names.iter().map(one_hot));
                }
                (Domain::Category(names), _) => point.extend(names.iter().map(|_| 0.0)),
                (Domain::Bool, value) => point.push(f64::from(*value == Value::Bool(true))),
                (domain, value) => point.push(domain.unit(value)),
            }
        }
        point
    }

    /// A number that two configurations share if they are the same but for nested and inactive
    /// parameters, so that trying one tries the other. Others share it with a probability of
    /// 2^-64, which would cost one trial.
    pub fn fingerprint(&self, config: &Config) -> u64 {
        let active = |p: &&Parameter| !p.nested && self.is_active(p, config);
        let mut state = 0;
        for (index, parameter) in self.parameters.iter().enumerate().filter(|(_, p)| active(p)) {
            let value = config.values.get(parameter.name).unwrap_or(&parameter.default);
            state = random::key(&[state, index as u64, value_bits(&parameter.domain, value)]);
        }
        state
    }

    /// The value that counts: the configuration's where the parameter is active, else its default.
    fn effective<'a>(&self, parameter: &'a Parameter, config: &'a Config) -> &'a Value {
        let given = config.values.get(parameter.name).filter(|_| self.is_active(parameter, config));
        given.unwrap_or(&parameter.default)
    }
}

/// Equal for values that mean the same in the domain, such as 1 and 1.0.
fn value_bits(domain: &Domain, value: &Value) -> u64 {
    match value {
        Value::Bool(v) => u64::from(*v),
        Value::Text(text) => match domain {
            Domain::Category(names) | Domain::Ordinal(names) => {
                names.iter().position(|name| name == text).map_or(u64::MAX, |index| index as u64)
            }
            _ => u64::MAX,
        },
        Value::Int(v) => (*v as f64 + 0.0).to_bits(),
        Value::Float(v) => (*v + 0.0).to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::space::tests::sample_space;

    #[test]
    fn ends_and_middles_are_where_they_should_be() {
        let log = Domain::Float { low: 1e-4, high: 1.0, log: true };
        assert_eq!(log.value_at(0.5), Value::Float(0.01));
        assert_eq!(log.value_at(1.0), Value::Float(1.0));
        assert_eq!(log.value_at(f64::NAN), Value::Float(1e-4));
        let from_zero = Domain::Int { low: 0, high: 99, log: true };
        assert_eq!(from_zero.value_at(0.0), Value::Int(0));
        assert_eq!(from_zero.value_at(0.5), Value::Int(9));
        assert_eq!(Domain::Category(&["a", "b", "c"]).value_at(0.99), Value::Text("c".to_owned()));
        assert_eq!(Domain::Int { low: 3, high: 3, log: true }.unit(&Value::Int(3)), 0.0);
    }

    #[test]
    fn nested_and_inactive_parameters_do_not_tell_configurations_apart() {
        let space = sample_space();
        let config = space.default_config();
        let same = |a: &Config, b: &Config| space.fingerprint(a) == space.fingerprint(b);
        assert!(same(&config, &config.clone().with("n_estimators", 7)));
        assert!(same(&config, &config.clone().with("momentum", 0.1)));
        assert!(same(&config, &config.clone().with("depth", 6.0)));
        assert!(!same(&config, &config.clone().with("depth", 5)));
        let sgd = config.clone().with("optimizer", "sgd");
        assert!(!same(&config, &sgd));
        assert!(!same(&sgd, &sgd.clone().with("momentum", 0.1)));
    }

    #[test]
    fn two_names_are_at_distance_one() {
        let space = sample_space();
        let config = space.default_config();
        let (a, b) = (space.encode(&config), space.encode(&config.with("optimizer", "sgd")));
        let squared: f64 = a.iter().zip(&b).map(|(x, y)| (x - y) * (x - y)).sum();
        assert!((squared - 1.0).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn values_go_to_their_place_and_back(unit in 0.0..1.0f64) {
            for parameter in &sample_space().parameters {
                let value = parameter.domain.value_at(unit);
                prop_assert!(parameter.domain.contains(&value));
                let again = parameter.domain.value_at(parameter.domain.unit(&value));
                match (&value, &again) {
                    (Value::Float(a), Value::Float(b)) => prop_assert!((a - b).abs() <= 1e-3 * a.abs()),
                    _ => prop_assert_eq!(&value, &again),
                }
            }
        }
    }
}
