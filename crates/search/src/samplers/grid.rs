//! Grid search on grids that get finer.

use super::{Draw, Sampler};
use crate::axes::Axes;
use crate::history::Origin;
use crate::random::{Stream, key};
use crate::space::Config;

/// Goes through a full grid: every value of axes with few values, else 3 values at even distances;
/// then through one with 5 values, 9, 17 and so on. Within a grid the order jumps about, so that
/// a grid that is not finished has been everywhere.
///
/// A point of a finer grid that a coarser one had is drawn again; the search passes over what was
/// tried. `None` once every grid of up to 2^12 + 1 values is through.
#[derive(Debug, Clone, Copy)]
pub struct Grid;

/// Finenesses of the grid.
const N_STAGES: u32 = 12;

impl Sampler for Grid {
    fn name(&self) -> &'static str {
        "grid"
    }

    fn origin(&self) -> Origin {
        Origin::Random
    }

    fn references(&self) -> &'static [&'static str] {
        &[]
    }

    fn draw(&self, draw: &Draw<'_>) -> Option<Config> {
        let axes = Axes::new(draw.space);
        let tried = draw.history.trials.iter().filter(|t| t.config.learner == draw.space.learner);
        // Trials that the grid did not make are counted too, so that it goes on past what it was
        // refused; what is left out thereby comes again on the next finer grid.
        let index = (tried.count() as u64).max(draw.id) + draw.attempt;
        let place = point(&axes, index, draw.seed)?;
        axes.config(&place, None, &mut Stream::new(&[draw.seed, draw.id, draw.attempt, 0x61D]))
    }
}

/// The point of a number, over all grids.
fn point(axes: &Axes<'_>, mut index: u64, seed: u64) -> Option<Vec<f64>> {
    for stage in 1..=N_STAGES {
        let n_values = (1u64 << stage) + 1;
        let levels = |axis: usize| match axes.axes[axis].n_cells.map(|n| n as u64) {
            Some(n) if n <= n_values || !axes.axes[axis].is_ordered => n,
            _ => n_values,
        };
        let size = (0..axes.n()).fold(1u64, |size, axis| size.saturating_mul(levels(axis)));
        if index >= size {
            index -= size;
            continue;
        }
        let mut number = jumped(index, size, key(&[seed, u64::from(stage)]));
        let place = (0..axes.n()).map(|axis| {
            let n = levels(axis);
            let level = number % n;
            number /= n;
            let is_cell = axes.axes[axis].n_cells.is_some_and(|cells| cells as u64 == n);
            let unit = if is_cell {
                (level as f64 + 0.5) / n as f64
            } else {
                level as f64 / (n - 1) as f64
            };
            let cells = if is_cell { axes.cells(axis) } else { None };
            cells.map_or(unit, |cells| cells[level as usize])
        });
        return Some(place.collect());
    }
    None
}

/// Another number below `size`, each once: steps of about the golden section of `size`, without a
/// common divisor.
fn jumped(index: u64, size: u64, seed: u64) -> u64 {
    let mut step = ((size as f64 * 0.618_033_988_75) as u64).clamp(1, size);
    while gcd(step, size) != 1 {
        step += 1;
    }
    let product = u128::from(index) * u128::from(step) + u128::from(seed);
    (product % u128::from(size)) as u64
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::space::tests::parameter;
    use crate::space::{Domain, Space, Value};

    #[test]
    fn a_grid_has_every_point_once_before_it_gets_finer() {
        let rate = Domain::Float { low: 0.0, high: 1.0, log: false };
        let parameters = vec![
            parameter("rate", rate, 0.5.into()),
            parameter("kind", Domain::Category(&["a", "b"]), "a".into()),
            parameter("depth", Domain::Int { low: 1, high: 2, log: false }, 1.into()),
        ];
        let space = Space { learner: "grid", parameters, forbidden: Vec::new() };
        let axes = Axes::new(&space);
        let text = |index: u64| {
            let place = point(&axes, index, 9).unwrap();
            format!("{:?}", axes.config(&place, None, &mut Stream::new(&[1])).unwrap().values)
        };
        let coarse: BTreeSet<String> = (0..12).map(text).collect();
        assert_eq!(coarse.len(), 12);
        let fine: BTreeSet<String> = (12..32).map(text).collect();
        assert_eq!(fine.len(), 20);
        assert!(fine.is_superset(&coarse));
        let ends = [Value::Float(0.0), Value::Float(1.0)].map(|v| format!("{v:?}"));
        assert!(ends.iter().all(|end| coarse.iter().any(|text| text.contains(end))));
        assert_eq!(point(&axes, 4 * 10_000, 9), None);
    }
}
