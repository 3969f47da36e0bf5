//! Differential evolution.

use super::acquire::reflect;
use super::known::Known;
use super::{Draw, Sampler};
use crate::history::Origin;
use crate::random::Stream;
use crate::space::Config;

/// Mutates the member whose turn it is, `x + F (pbest - x) + F (a - b)`, and crosses it with itself:
/// `pbest` is one of the best fifth, `a` and `b` are members drawn at random, `F` and the share of
/// coordinates that cross over are drawn for each trial (normal around 0.6, uniform in 0.5..1).
///
/// The population is replayed from the history: the first `4 + d` trials (at most 24) are its
/// members, quasi-random; the trial after them challenges the first member and takes its place if
/// it is at least as good, and so on in turn. Coordinates without order are taken from one of the
/// four.
///
/// Reference: Storn, Price 1997, Differential Evolution, doi:10.1023/A:1008202821328; Zhang,
/// Sanderson 2009, JADE, doi:10.1109/TEVC.2009.2014613 (current to pbest).
#[derive(Debug, Clone, Copy)]
pub struct DifferentialEvolution;

impl Sampler for DifferentialEvolution {
    fn name(&self) -> &'static str {
        "de"
    }

    fn origin(&self) -> Origin {
        Origin::Local
    }

    fn references(&self) -> &'static [&'static str] {
        &[
            "Storn, Price 1997, Differential Evolution, doi:10.1023/A:1008202821328",
            "Zhang, Sanderson 2009, JADE, doi:10.1109/TEVC.2009.2014613",
        ]
    }

    fn draw(&self, draw: &Draw<'_>) -> Option<Config> {
        let known = Known::new(draw);
        let mut stream = Stream::new(&[draw.seed, draw.id, draw.attempt, 0xDE]);
        let size = (4 + known.axes.n()).min(24);
        if known.n() < size {
            return super::sobol::place(draw, &known, &mut stream);
        }
        let members = population(&known.losses, size);
        let mut best = members.clone();
        best.sort_by(|&a, &b| known.losses[a].total_cmp(&known.losses[b]).then(a.cmp(&b)));
        let pbest = best[stream.below(size.div_ceil(5))];
        let target = members[known.n() % size];
        let (a, b) = (members[stream.below(size)], members[stream.below(size)]);
        let place = child(&known, [target, pbest, a, b], &mut stream);
        known.config(&place, &mut stream)
    }
}

/// The members after all challenges.
fn population(losses: &[f64], size: usize) -> Vec<usize> {
    let mut members: Vec<usize> = (0..size).collect();
    for trial in size..losses.len() {
        let member = &mut members[trial % size];
        if losses[trial] <= losses[*member] {
            *member = trial;
        }
    }
    members
}

/// A challenger of the first of four trials.
fn child(known: &Known<'_>, of: [usize; 4], stream: &mut Stream) -> Vec<f64> {
    let [x, pbest, a, b] = of.map(|trial| known.axes.filled(known.place(trial)));
    let f = (0.6 + 0.15 * stream.bell()).clamp(0.1, 1.0);
    let share = 0.5 + 0.5 * stream.uniform();
    let certain = stream.below(x.len().max(1));
    let coordinate = |axis: usize| {
        if axis != certain && stream.uniform() >= share {
            return x[axis];
        }
        let moved = match known.axes.axes[axis].is_ordered {
            true => reflect(x[axis] + f * (pbest[axis] - x[axis]) + f * (a[axis] - b[axis])),
            false => [pbest[axis], a[axis], b[axis], x[axis]][stream.below(4)],
        };
        known.axes.snap(axis, moved)
    };
    (0..x.len()).map(coordinate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challengers_take_the_place_of_worse_members_in_turn() {
        let losses = [5.0, 4.0, 3.0, 6.0, 3.5, 3.0, 4.5, f64::INFINITY];
        assert_eq!(population(&losses, 3), [6, 4, 5]);
        assert_eq!(population(&losses[..3], 3), [0, 1, 2]);
    }
}
