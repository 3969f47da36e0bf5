//! The searched part of a space as axes of the unit cube, prepared once per decision, so that a
//! long history is read in one pass.
//!
//! An axis is a parameter that is not nested. A place has a coordinate in `[0, 1]` per axis: that of
//! [`Domain::unit`], or NaN where the parameter does not count.

use crate::random::Stream;
use crate::space::{Config, Domain, Parameter, Space, Value};

/// Attempts to leave the forbidden combinations.
const N_REPAIRS: usize = 64;
/// Whole numbers of up to this many values are cells; above they are as good as continuous.
const MAX_CELLS: u64 = 64;

/// A parameter that is searched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Axis {
    /// Its place in the space.
    pub parameter: usize,
    /// Whether its values have an order.
    pub is_ordered: bool,
    /// How many values it has, if they are few.
    pub n_cells: Option<usize>,
    /// Its default's coordinate.
    pub default: f64,
    /// Of a logarithmic scale: what is added, the logarithm of the low end, and the width.
    log: Option<(f64, f64, f64)>,
}

/// A space's axes, and what activity and equality need.
#[derive(Debug)]
pub(crate) struct Axes<'a> {
    /// The space.
    pub space: &'a Space,
    /// One a parameter that is not nested.
    pub axes: Vec<Axis>,
    /// Parameters by name.
    by_name: Vec<usize>,
    /// The parameter that a condition names, and the values it allows.
    conditions: Vec<Option<(usize, &'static [&'static str])>>,
    /// Parameters, those with conditions after the ones they name; those of circles are missing.
    order: Vec<usize>,
}

impl<'a> Axes<'a> {
    pub fn new(space: &'a Space) -> Axes<'a> {
        let mut by_name: Vec<usize> = (0..space.parameters.len()).collect();
        by_name.sort_by_key(|&at| space.parameters[at].name);
        let named = |name: &str| space.parameters.iter().position(|p| p.name == name);
        // A condition on what does not exist names the parameter itself: a circle.
        let condition = |(at, p): (usize, &Parameter)| {
            p.when.map(|(name, allowed)| (named(name).unwrap_or(at), allowed))
        };
        let conditions: Vec<_> = space.parameters.iter().enumerate().map(condition).collect();
        let mut order: Vec<usize> = Vec::with_capacity(space.parameters.len());
        let mut is_placed = vec![false; space.parameters.len()];
        loop {
            let ready = |at: &usize| {
                !is_placed[*at] && conditions[*at].is_none_or(|(above, _)| is_placed[above])
            };
            let next: Vec<usize> = (0..space.parameters.len()).filter(ready).collect();
            if next.is_empty() {
                break;
            }
            next.iter().for_each(|&at| is_placed[at] = true);
            order.extend(next);
        }
        let searched = space.parameters.iter().enumerate().filter(|(_, p)| !p.nested);
        let axes = searched.map(|(parameter, p)| axis(parameter, p)).collect();
        Axes { space, axes, by_name, conditions, order }
    }

    /// Number of axes.
    pub fn n(&self) -> usize {
        self.axes.len()
    }

    /// Appends a configuration's place; false, and nothing is appended, if it is not of the space
    /// (forbidden combinations aside).
    pub fn push_place(&self, config: &Config, places: &mut Vec<f64>) -> bool {
        if config.learner != self.space.learner {
            return false;
        }
        let Some(values) = self.values(config) else { return false };
        let active = self.active(&values);
        places.extend(self.axes.iter().map(|axis| match active[axis.parameter] {
            true => self.unit(axis, values[axis.parameter]),
            false => f64::NAN,
        }));
        true
    }

    /// A configuration's values by parameter; `None` if one of them is not of the space.
    fn values<'c>(&'c self, config: &'c Config) -> Option<Vec<&'c Value>> {
        let parameters = &self.space.parameters;
        let mut values: Vec<&Value> = parameters.iter().map(|p| &p.default).collect();
        let mut names = self.by_name.iter();
        // Both are in the order of names.
        for (name, value) in &config.values {
            let at = *names.by_ref().find(|at| parameters[**at].name >= name.as_str())?;
            if parameters[at].name != name || !parameters[at].domain.contains(value) {
                return None;
            }
            values[at] = value;
        }
        Some(values)
    }

    fn active(&self, values: &[&Value]) -> Vec<bool> {
        let mut active = vec![false; values.len()];
        for &at in &self.order {
            active[at] = self.conditions[at].is_none_or(|(above, allowed)| {
                active[above]
                    && match values[above] {
                        Value::Text(text) => allowed.contains(&text.as_str()),
                        value => allowed.contains(&value.to_string().as_str()),
                    }
            });
        }
        active
    }

    fn unit(&self, axis: &Axis, value: &Value) -> f64 {
        match (axis.log, value) {
            (Some((shift, from, width)), Value::Float(v)) => log_place(*v, shift, from, width),
            (Some((shift, from, width)), Value::Int(v)) => log_place(*v as f64, shift, from, width),
            _ => self.space.parameters[axis.parameter].domain.unit(value),
        }
    }

    /// The coordinate of the value that a coordinate stands for: the middle of its cell.
    pub fn snap(&self, axis: usize, unit: f64) -> f64 {
        let axis = &self.axes[axis];
        match (axis.n_cells, axis.log) {
            (Some(n), None) => {
                ((unit * n as f64).floor().clamp(0.0, n as f64 - 1.0) + 0.5) / n as f64
            }
            (Some(_), Some(_)) => {
                let value = self.space.parameters[axis.parameter].domain.value_at(unit);
                self.unit(axis, &value)
            }
            (None, _) => unit.clamp(0.0, 1.0),
        }
    }

    /// Coordinates of all values of an axis that has few.
    pub fn cells(&self, axis: usize) -> Option<Vec<f64>> {
        let of = &self.axes[axis];
        let n = of.n_cells?;
        if of.log.is_none() {
            return Some((0..n).map(|cell| (cell as f64 + 0.5) / n as f64).collect());
        }
        let Domain::Int { low, high, .. } = self.space.parameters[of.parameter].domain else {
            return None;
        };
        Some((low..=high).map(|value| self.unit(of, &Value::Int(value))).collect())
    }

    /// A place drawn uniformly; every coordinate is given, those that do not count too.
    pub fn random_place(&self, stream: &mut Stream) -> Vec<f64> {
        (0..self.n()).map(|axis| self.snap(axis, stream.uniform())).collect()
    }

    /// The place with the defaults' coordinates where the parameters do not count.
    pub fn filled(&self, place: &[f64]) -> Vec<f64> {
        let fill = |(unit, axis): (&f64, &Axis)| if unit.is_nan() { axis.default } else { *unit };
        place.iter().zip(&self.axes).map(fill).collect()
    }

    /// Puts coordinates that do not count to those of the defaults; all must be given.
    pub fn canonical(&self, place: &mut [f64]) {
        if self.conditions.iter().all(Option::is_none) {
            return;
        }
        let parameters = &self.space.parameters;
        let mut coordinate = vec![None; parameters.len()];
        self.axes
            .iter()
            .zip(&*place)
            .for_each(|(axis, unit)| coordinate[axis.parameter] = Some(*unit));
        let mut active = vec![false; parameters.len()];
        for &at in &self.order {
            active[at] = self.conditions[at].is_none_or(|(above, allowed)| {
                let value = match coordinate[above] {
                    Some(unit) => parameters[above].domain.value_at(unit),
                    None => parameters[above].default.clone(),
                };
                active[above] && allowed.contains(&value.to_string().as_str())
            });
        }
        for (axis, unit) in self.axes.iter().zip(place) {
            if !active[axis.parameter] {
                *unit = axis.default;
            }
        }
    }

    /// The configuration at a place, complete, nested parameters as in `base` (or at their
    /// defaults). A forbidden combination is left by drawing one of its values anew; `None` if
    /// that leads nowhere.
    pub fn config(
        &self,
        place: &[f64],
        base: Option<&Config>,
        stream: &mut Stream,
    ) -> Option<Config> {
        let mut config = self.space.default_config();
        if let Some(base) = base {
            let nested = self.space.parameters.iter().filter(|p| p.nested);
            let given = nested.filter_map(|p| Some((p.name, base.values.get(p.name)?)));
            given.for_each(|(name, value)| {
                config.values.insert(name.to_owned(), value.clone());
            });
        }
        for (axis, &unit) in self.axes.iter().zip(place) {
            if !unit.is_nan() {
                let parameter = &self.space.parameters[axis.parameter];
                let value = parameter.domain.value_at(unit);
                config.values.insert(parameter.name.to_owned(), value);
            }
        }
        self.settle(config, stream)
    }

    /// The configuration without forbidden combinations, and with defaults where its parameters
    /// do not count.
    pub fn settle(&self, mut config: Config, stream: &mut Stream) -> Option<Config> {
        for _ in 0..N_REPAIRS {
            for parameter in &self.space.parameters {
                if parameter.when.is_some() && !self.space.is_active(parameter, &config) {
                    config.values.insert(parameter.name.to_owned(), parameter.default.clone());
                }
            }
            let mut broken = self.space.forbidden.iter().filter(|f| f.holds(self.space, &config));
            let Some(combination) = broken.next() else { return Some(config) };
            let (name, _) = combination.clauses[stream.below(combination.clauses.len())];
            let parameter = self.space.parameters.iter().find(|p| p.name == name)?;
            let value = parameter.domain.value_at(stream.uniform());
            config.values.insert(name.to_owned(), value);
        }
        None
    }
}

fn axis(at: usize, parameter: &Parameter) -> Axis {
    let domain = &parameter.domain;
    let log = match *domain {
        Domain::Float { low, high, log: true } => Some((low, high)),
        Domain::Int { low, high, log: true } => Some((low as f64, high as f64)),
        _ => None,
    };
    let log = log.filter(|(low, high)| low < high).map(|(low, high)| {
        let shift = if low > 0.0 { 0.0 } else { 1.0 - low };
        let from = libm::log(low + shift);
        (shift, from, libm::log(high + shift) - from)
    });
    let n_cells = domain.n_values().filter(|n| *n <= MAX_CELLS || !domain.is_ordered());
    Axis {
        parameter: at,
        is_ordered: domain.is_ordered(),
        n_cells: n_cells.map(|n| n as usize),
        default: domain.unit(&parameter.default),
        log,
    }
}

fn log_place(value: f64, shift: f64, from: f64, width: f64) -> f64 {
    ((libm::log(value + shift) - from) / width).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::tests::sample_space;

    #[test]
    fn places_are_those_of_the_domains_and_mind_conditions() {
        let space = sample_space();
        let axes = Axes::new(&space);
        let mut stream = Stream::new(&[3]);
        let mut n_sgd = 0;
        for _ in 0..500 {
            let place = axes.random_place(&mut stream);
            let config = axes.config(&place, None, &mut stream).unwrap();
            assert_eq!(space.check(&config), Ok(()));
            let mut again = Vec::new();
            assert!(axes.push_place(&config, &mut again));
            for (axis, unit) in axes.axes.iter().zip(&again) {
                let parameter = &space.parameters[axis.parameter];
                let is_active = space.is_active(parameter, &config);
                assert_eq!(is_active, !unit.is_nan(), "{}", parameter.name);
                let expected = parameter.domain.unit(&config.values[parameter.name]);
                assert!(!is_active || (unit - expected).abs() < 1e-12);
            }
            n_sgd += usize::from(!again[3].is_nan());
            // Both ways lead to the same configuration.
            assert_eq!(axes.config(&again, None, &mut stream), Some(config));
        }
        assert!((180..320).contains(&n_sgd), "{n_sgd}");
    }

    #[test]
    fn what_is_not_of_the_space_has_no_place() {
        let space = sample_space();
        let axes = Axes::new(&space);
        let mut places = Vec::new();
        for (name, value) in [("depth", Value::Int(9)), ("zzz", Value::Int(1)), ("a", 1.into())] {
            assert!(!axes.push_place(&space.default_config().with(name, value), &mut places));
        }
        assert!(places.is_empty());
        let empty = Config { learner: "sample".to_owned(), values: Default::default() };
        assert!(axes.push_place(&empty, &mut places));
        assert_eq!(places.len(), axes.n());
    }

    #[test]
    fn cells_are_where_snapping_leads() {
        let mut space = sample_space();
        space.parameters[1].domain = Domain::Int { low: 1, high: 40, log: true };
        let axes = Axes::new(&space);
        for axis in 0..axes.n() {
            let Some(cells) = axes.cells(axis) else { continue };
            assert_eq!(Some(cells.len()), axes.axes[axis].n_cells);
            for cell in cells {
                assert!((axes.snap(axis, cell) - cell).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_space_in_which_all_is_forbidden_has_no_configuration() {
        let mut space = sample_space();
        let both = [Value::Bool(true), Value::Bool(false)];
        space.forbidden = vec![crate::space::Forbidden::new(&[("bagging", &both)])];
        let axes = Axes::new(&space);
        assert_eq!(axes.config(&[], None, &mut Stream::new(&[1])), None);
    }
}
