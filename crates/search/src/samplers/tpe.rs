//! The tree-structured Parzen estimator.

use super::known::Known;
use super::{Draw, Sampler};
use crate::history::Origin;
use crate::random::Stream;
use crate::space::Config;

/// Estimates the density of the best tenth of the trials (at most 25) and that of the others, draws
/// places from the first and takes the one where the ratio of the two is greatest.
///
/// The densities are mixtures of one kernel a trial over all axes together (multivariate), normal
/// and cut at the walls on ordered axes, with width `0.2 n^(-1/(d+4))`, and of a wide one that
/// stands for what is not known. On axes without order a kernel is mostly its own value. Axes that
/// do not count in a trial are uniform in its kernel. Trials over the latency limit are among the
/// others, the least over first, so that the limit is learned as a constraint. The first trials
/// (5, and one for each two axes) are quasi-random.
///
/// Reference: Bergstra, Bardenet, Bengio, Kegl 2011, Algorithms for Hyper-Parameter Optimization,
/// NeurIPS 24; Falkner, Klein, Hutter 2018, arXiv:1807.01774 (multivariate); Watanabe, Hutter 2022,
/// arXiv:2211.14411 (constraints).
#[derive(Debug, Clone, Copy)]
pub struct Tpe;

/// Places of which one is taken.
const N_PLACES: usize = 24;
/// Trials of the second density.
const N_OTHERS: usize = 120;

impl Sampler for Tpe {
    fn name(&self) -> &'static str {
        "tpe"
    }

    fn origin(&self) -> Origin {
        Origin::Model
    }

    fn references(&self) -> &'static [&'static str] {
        &[
            "Bergstra, Bardenet, Bengio, Kegl 2011, Algorithms for Hyper-Parameter Optimization, NeurIPS 24",
            "Watanabe, Hutter 2022, c-TPE, arXiv:2211.14411",
        ]
    }

    fn draw(&self, draw: &Draw<'_>) -> Option<Config> {
        let known = Known::new(draw);
        let mut stream = Stream::new(&[draw.seed, draw.id, draw.attempt, 0x79E]);
        let n_usable = known.losses.iter().filter(|loss| loss.is_finite()).count();
        if n_usable < 2 || known.n() < 5 + known.axes.n() / 2 {
            return super::sobol::place(draw, &known, &mut stream);
        }
        let mut ranked = known.ranked();
        let n_best = known.n().div_ceil(10).min(25).min(n_usable);
        let mut others = ranked.split_off(n_best);
        if others.len() > N_OTHERS {
            stream.shuffle(&mut others);
            others.truncate(N_OTHERS);
        }
        let (best, others) = (Density::new(&known, &ranked), Density::new(&known, &others));
        let places = (0..N_PLACES).map(|_| best.draw(&known, &mut stream));
        let mut places: Vec<(f64, Vec<f64>)> = places
            .map(|place| (best.ln(&known, &place) - others.ln(&known, &place), place))
            .collect();
        places.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let is_new = |(_, place): &&(f64, Vec<f64>)| !known.is_tried(place);
        let (_, place) = places.iter().find(is_new).unwrap_or(&places[0]);
        known.config(place, &mut stream)
    }
}

/// A mixture of kernels on trials, and of a wide one.
struct Density {
    trials: Vec<usize>,
    /// Standard deviation of a kernel on an ordered axis.
    sd: Vec<f64>,
    /// `ln` of what a kernel's bell sums to inside the walls, `(trials, axes)`.
    ln_mass: Vec<f64>,
    /// Share of a kernel on an axis without order that is not on its own value.
    astray: f64,
}

impl Density {
    fn new(known: &Known<'_>, trials: &[usize]) -> Density {
        let (n, d) = (trials.len().max(1) as f64, known.axes.n());
        let width = 0.2 * libm::pow(n, -1.0 / (d as f64 + 4.0));
        // Not narrower than half a cell.
        let sd: Vec<f64> = (0..d)
            .map(|axis| known.axes.axes[axis].n_cells.map_or(0.0, |n| 0.5 / n as f64).max(width))
            .collect();
        let mut ln_mass = Vec::with_capacity(trials.len() * d);
        for &trial in trials {
            for (unit, sd) in known.place(trial).iter().zip(&sd) {
                let mass = below((1.0 - unit) / sd) - below(-unit / sd);
                ln_mass.push(if unit.is_nan() { 0.0 } else { libm::log(mass * sd * SQRT_2PI) });
            }
        }
        Density { trials: trials.to_vec(), sd, ln_mass, astray: 1.0 / (n + 1.0) }
    }

    /// A place from the mixture; all coordinates are given.
    fn draw(&self, known: &Known<'_>, stream: &mut Stream) -> Vec<f64> {
        let kernel = stream.below(self.trials.len() + 1);
        let Some(&trial) = self.trials.get(kernel) else { return known.axes.random_place(stream) };
        let mut place: Vec<f64> = Vec::with_capacity(self.sd.len());
        for (axis, &unit) in known.place(trial).iter().enumerate() {
            let is_ordered = known.axes.axes[axis].is_ordered;
            let stays = !unit.is_nan() && (is_ordered || stream.uniform() >= self.astray);
            let drawn = match stays {
                true if is_ordered => cut_normal(unit, self.sd[axis], stream),
                true => unit,
                false => stream.uniform(),
            };
            place.push(known.axes.snap(axis, drawn));
        }
        known.axes.canonical(&mut place);
        place
    }

    /// Logarithm of the density at a place.
    fn ln(&self, known: &Known<'_>, place: &[f64]) -> f64 {
        let d = self.sd.len();
        let inverse: Vec<f64> = self.sd.iter().map(|sd| 1.0 / sd).collect();
        let own: Vec<f64> = (0..d).map(|axis| ln_share(known, axis, self.astray)).collect();
        let flat = libm::log(self.astray.max(1e-12));
        // The wide kernel has density 1 everywhere.
        let mut terms = vec![0.0];
        for (at, &trial) in self.trials.iter().enumerate() {
            let mass = &self.ln_mass[at * d..(at + 1) * d];
            let mut ln = 0.0;
            for (axis, &unit) in known.place(trial).iter().enumerate() {
                if unit.is_nan() {
                    continue;
                }
                if known.axes.axes[axis].is_ordered {
                    let z = (place[axis] - unit) * inverse[axis];
                    ln -= 0.5 * z * z + mass[axis];
                } else {
                    ln += if unit == place[axis] { own[axis] } else { flat };
                }
            }
            terms.push(ln);
        }
        let top = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = terms.iter().map(|term| libm::exp(term - top)).sum();
        top + libm::log(sum / terms.len() as f64)
    }
}

const SQRT_2PI: f64 = 2.506_628_274_631_000_5;

/// Density, against uniform, of a kernel's own value on an axis of `k` values without order.
fn ln_share(known: &Known<'_>, axis: usize, astray: f64) -> f64 {
    let k = known.axes.axes[axis].n_cells.unwrap_or(1) as f64;
    libm::log(k * (1.0 - astray) + astray)
}

/// Share of the standard normal below `z`.
fn below(z: f64) -> f64 {
    0.5 * libm::erfc(-z / std::f64::consts::SQRT_2)
}

/// A normal value inside `[0, 1]`, by drawing again; the mean where that takes too long.
fn cut_normal(mean: f64, sd: f64, stream: &mut Stream) -> f64 {
    let drawn = (0..32).map(|_| mean + sd * stream.bell()).find(|v| (0.0..=1.0).contains(v));
    drawn.unwrap_or_else(|| mean.clamp(0.0, 1.0))
}
