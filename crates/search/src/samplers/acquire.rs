//! Where a model's promise is greatest: random places, places near the best trials, then steps
//! uphill.

use super::known::Known;
use crate::random::Stream;

/// How much a decision may compute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Effort {
    /// Trials that a model is fitted to.
    pub n_known: usize,
    /// Steps of the fit.
    pub n_steps: usize,
    /// Random places, and as many near the best trials.
    pub n_places: usize,
    /// Places from which steps are made.
    pub n_climbs: usize,
    /// Guesses that all steps may take.
    pub n_guesses: usize,
}

impl Effort {
    /// The more trials there are, the less each of them may cost.
    pub fn of(n_trials: usize) -> Effort {
        match n_trials {
            0..=150 => {
                Effort { n_known: 150, n_steps: 16, n_places: 150, n_climbs: 3, n_guesses: 400 }
            }
            151..=500 => {
                Effort { n_known: 80, n_steps: 10, n_places: 80, n_climbs: 2, n_guesses: 150 }
            }
            _ => Effort { n_known: 40, n_steps: 4, n_places: 30, n_climbs: 1, n_guesses: 40 },
        }
    }
}

/// Trials near which places are drawn.
const N_PARENTS: usize = 5;
/// An axis with at most this many cells is searched cell by cell.
const MAX_CELLS: usize = 16;

/// The place, all coordinates given, of greatest promise among those that were not tried; `None`
/// if all that were looked at were.
pub(super) fn most_promising(
    known: &Known<'_>,
    promise: &dyn Fn(&[f64]) -> f64,
    effort: &Effort,
    stream: &mut Stream,
) -> Option<Vec<f64>> {
    let value = |place: &mut Vec<f64>| {
        known.axes.canonical(place);
        promise(place)
    };
    let mut places: Vec<(f64, Vec<f64>)> = Vec::with_capacity(2 * effort.n_places);
    let mut add = |mut place: Vec<f64>| {
        let value = value(&mut place);
        if value.is_finite() {
            places.push((value, place));
        }
    };
    (0..effort.n_places).for_each(|_| add(known.axes.random_place(stream)));
    let parents: Vec<usize> = known.ranked().into_iter().take(N_PARENTS).collect();
    if !parents.is_empty() {
        (0..effort.n_places).for_each(|at| {
            let parent = known.axes.filled(known.place(parents[at % parents.len()]));
            add(neighbour(known, parent, stream));
        });
    }
    places.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    places.dedup_by(|(_, a), (_, b)| a == b);
    let new = places.into_iter().filter(|(_, place)| !known.is_tried(place));
    let starts: Vec<(f64, Vec<f64>)> = new.take(effort.n_climbs.max(1)).collect();
    let mut left = effort.n_guesses;
    let tops: Vec<(f64, Vec<f64>)> =
        starts.into_iter().map(|start| climb(known, &value, start, &mut left, stream)).collect();
    tops.into_iter().max_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, place)| place)
}

/// A place near another one: one axis in `d` moves, at least one.
fn neighbour(known: &Known<'_>, mut place: Vec<f64>, stream: &mut Stream) -> Vec<f64> {
    let d = known.axes.n();
    if d == 0 {
        return place;
    }
    let size = [0.02, 0.1, 0.3][stream.below(3)];
    let certain = stream.below(d);
    for (axis, unit) in place.iter_mut().enumerate() {
        if axis == certain || stream.uniform() * (d as f64) < 1.0 {
            let moved = match known.axes.axes[axis].is_ordered {
                true => reflect(*unit + size * stream.bell()),
                false => stream.uniform(),
            };
            *unit = known.axes.snap(axis, moved);
        }
    }
    place
}

/// Steps uphill along the axes, from a place that was not tried to others that were not.
fn climb(
    known: &Known<'_>,
    value: &dyn Fn(&mut Vec<f64>) -> f64,
    start: (f64, Vec<f64>),
    left: &mut usize,
    stream: &mut Stream,
) -> (f64, Vec<f64>) {
    let (mut top, mut place) = start;
    let mut axes: Vec<usize> = (0..known.axes.n()).collect();
    for pass in 0..4 {
        stream.shuffle(&mut axes);
        let before = top;
        for &axis in &axes {
            for unit in steps(known, axis, place[axis], pass) {
                if *left == 0 {
                    return (top, place);
                }
                *left -= 1;
                let mut next = place.clone();
                next[axis] = unit;
                let found = value(&mut next);
                if found > top && !known.is_tried(&next) {
                    (top, place) = (found, next);
                }
            }
        }
        if top <= before && pass > 0 {
            break;
        }
    }
    (top, place)
}

/// Other coordinates to try on an axis: all cells, or steps that get shorter with each pass.
fn steps(known: &Known<'_>, axis: usize, unit: f64, pass: i32) -> Vec<f64> {
    match known.axes.cells(axis).filter(|cells| cells.len() <= MAX_CELLS) {
        Some(cells) => cells.into_iter().filter(|cell| (cell - unit).abs() > 1e-9).collect(),
        None => {
            let size = 0.15 * libm::pow(0.3, f64::from(pass));
            [-size, size, -0.3 * size, 0.3 * size]
                .map(|by| known.axes.snap(axis, reflect(unit + by)))
                .to_vec()
        }
    }
}

/// Back into `[0, 1]` at the wall that was crossed.
pub(super) fn reflect(unit: f64) -> f64 {
    let folded = unit.abs();
    if folded > 1.0 { (2.0 - folded).clamp(0.0, 1.0) } else { folded }
}
