//! Cost-frugal local search.

use super::acquire::reflect;
use super::known::Known;
use super::{Draw, Sampler};
use crate::history::Origin;
use crate::random::Stream;
use crate::space::Config;

/// Steps from the best place in a random direction of unit length times the step size; if that is
/// no better, in the opposite one; each improvement becomes the new place. After `2 d` steps in a row
/// without one the step size shrinks by `sqrt(last improvement / now)`; below a hundredth it
/// starts anew from a random place.
///
/// Since it begins at the defaults, which are cheap in most spaces, and walks by small steps, it
/// seldom asks for a trial that is much dearer than those before. The walk is replayed from the
/// history; axes without order take another value with a probability of the step size.
///
/// Reference: Wu, Wang, Huang 2021, Frugal Optimization for Cost-related Hyperparameters,
/// arXiv:2005.01571.
#[derive(Debug, Clone, Copy)]
pub struct Flow2;

/// First step size, and the one at which the walk starts anew.
const FIRST_STEP: f64 = 0.25;
const LEAST_STEP: f64 = 0.01;

impl Sampler for Flow2 {
    fn name(&self) -> &'static str {
        "flow2"
    }

    fn origin(&self) -> Origin {
        Origin::Local
    }

    fn references(&self) -> &'static [&'static str] {
        &[
            "Wu, Wang, Huang 2021, Frugal Optimization for Cost-related Hyperparameters, arXiv:2005.01571",
        ]
    }

    fn draw(&self, draw: &Draw<'_>) -> Option<Config> {
        let known = Known::new(draw);
        let mut stream = Stream::new(&[draw.seed, draw.id, draw.attempt, 0xF102]);
        if known.n() == 0 {
            return known.axes.settle(draw.space.default_config(), &mut stream);
        }
        let walk = Walk::replay(&known);
        let Some(from) = walk.at.filter(|_| walk.step >= LEAST_STEP) else {
            let place = known.axes.random_place(&mut stream);
            return known.config(&place, &mut stream);
        };
        let from = known.axes.filled(known.place(from));
        // A refused draw is drawn again: another direction.
        let tried = walk.tried.filter(|_| draw.attempt == 0);
        let place = match tried {
            Some(trial) => opposite(&known, &from, trial),
            None => forward(&known, &from, walk.step, &mut stream),
        };
        known.config(&place, &mut stream)
    }
}

/// Where the walk stands.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Walk {
    /// The trial it stands at; `None` where nothing has a loss since it started anew.
    at: Option<usize>,
    step: f64,
    /// Steps in a row without improvement.
    n_failed: usize,
    /// The last trial, if it was a step forward that failed, so that the opposite one is next.
    tried: Option<usize>,
    started: usize,
    improved: usize,
}

impl Walk {
    fn replay(known: &Known<'_>) -> Walk {
        let patience = 2 * known.axes.n().max(1);
        let anew = |started| Walk {
            at: None,
            step: FIRST_STEP,
            n_failed: 0,
            tried: None,
            started,
            improved: started,
        };
        let mut walk = anew(0);
        for (trial, &loss) in known.losses.iter().enumerate() {
            if walk.step < LEAST_STEP {
                walk = anew(trial);
            }
            let stands = walk.at.map_or(f64::INFINITY, |at| known.losses[at]);
            if loss < stands {
                walk = Walk { at: Some(trial), n_failed: 0, tried: None, improved: trial, ..walk };
                continue;
            }
            walk.tried = if walk.tried.is_none() && walk.at.is_some() { Some(trial) } else { None };
            walk.n_failed += 1;
            if walk.n_failed >= patience {
                let share =
                    (walk.improved - walk.started + 1) as f64 / (trial - walk.started + 1) as f64;
                walk.step *= share.sqrt().min(0.8);
                walk.n_failed = 0;
            }
        }
        walk
    }
}

fn forward(known: &Known<'_>, from: &[f64], step: f64, stream: &mut Stream) -> Vec<f64> {
    let bells: Vec<f64> = from.iter().map(|_| stream.bell()).collect();
    let length = bells.iter().map(|b| b * b).sum::<f64>().sqrt().max(1e-12);
    // In the cube a step is as long as its dimension allows.
    let size = step * (from.len() as f64).sqrt();
    let moved = |(axis, (unit, bell)): (usize, (&f64, &f64))| {
        if known.axes.axes[axis].is_ordered {
            known.axes.snap(axis, reflect(unit + size * bell / length))
        } else if stream.uniform() < step {
            known.axes.snap(axis, stream.uniform())
        } else {
            *unit
        }
    };
    from.iter().zip(&bells).enumerate().map(moved).collect()
}

/// The place on the other side; axes without order stay.
fn opposite(known: &Known<'_>, from: &[f64], trial: usize) -> Vec<f64> {
    let there = known.axes.filled(known.place(trial));
    let mirrored = |(axis, (unit, there)): (usize, (&f64, &f64))| match known.axes.axes[axis] {
        of if of.is_ordered => known.axes.snap(axis, reflect(2.0 * unit - there)),
        _ => *unit,
    };
    from.iter().zip(&there).enumerate().map(mirrored).collect()
}
