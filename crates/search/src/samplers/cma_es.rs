//! The covariance matrix adaptation evolution strategy.

use super::acquire::reflect;
use super::known::Known;
use super::matrix::{Lower, dot};
use super::{Draw, Sampler};
use crate::history::Origin;
use crate::random::Stream;
use crate::space::Config;

/// Draws from a normal distribution whose mean, step size and covariance follow the better half of
/// each generation of `4 + 3 ln d` trials; the worse half takes from the covariance (active).
///
/// The distribution is replayed from the history, generation by generation, whoever proposed its
/// trials; steps that are longer than its own could have been are shortened (injection). The
/// Cholesky factor stands for the square root of the covariance. When the steps fall below what
/// four digits can tell, it starts anew from a random mean with generations twice as large. Axes
/// without order are drawn by how often the better half had each value.
///
/// Reference: Hansen 2016, The CMA Evolution Strategy: A Tutorial, arXiv:1604.00772; Hansen 2011,
/// Injecting External Solutions, arXiv:1110.4181; Krause, Arbones, Igel 2016, NeurIPS 29 (Cholesky
/// factors); Auger, Hansen 2005, doi:10.1109/CEC.2005.1554902 (restarts).
#[derive(Debug, Clone, Copy)]
pub struct CmaEs;

/// First step size, in the unit cube.
const SIGMA: f64 = 0.25;
/// Steps below this cannot be told apart by values of four digits.
const LEAST_SIGMA: f64 = 1e-5;
/// Share of an axis without order that stays uniform.
const UNIFORM: f64 = 0.2;

impl Sampler for CmaEs {
    fn name(&self) -> &'static str {
        "cma-es"
    }

    fn origin(&self) -> Origin {
        Origin::Local
    }

    fn references(&self) -> &'static [&'static str] {
        &[
            "Hansen 2016, The CMA Evolution Strategy: A Tutorial, arXiv:1604.00772",
            "Hansen 2011, Injecting External Solutions Into CMA-ES, arXiv:1110.4181",
        ]
    }

    fn draw(&self, draw: &Draw<'_>) -> Option<Config> {
        let known = Known::new(draw);
        let mut stream = Stream::new(&[draw.seed, draw.id, draw.attempt, 0xC3A]);
        let evolved = Evolved::replay(&known, draw.seed);
        let ordered = evolved.state.draw(&mut stream);
        let mut place = vec![0.0; known.axes.n()];
        for (&axis, unit) in evolved.ordered.iter().zip(ordered) {
            place[axis] = known.axes.snap(axis, reflect(unit));
        }
        for (axis, better) in &evolved.others {
            let is_uniform = better.is_empty() || stream.uniform() < UNIFORM;
            let unit =
                if is_uniform { stream.uniform() } else { better[stream.below(better.len())] };
            place[*axis] = known.axes.snap(*axis, unit);
        }
        known.config(&place, &mut stream)
    }
}

/// The distribution after all complete generations.
struct Evolved {
    /// Axes that have an order.
    ordered: Vec<usize>,
    state: State,
    /// Axes without order, with the coordinates of the better half of the last generations.
    others: Vec<(usize, Vec<f64>)>,
}

impl Evolved {
    fn replay(known: &Known<'_>, seed: u64) -> Evolved {
        let has_order = |axis: &usize| known.axes.axes[*axis].is_ordered;
        let (ordered, rest): (Vec<usize>, Vec<usize>) = (0..known.axes.n()).partition(has_order);
        let first = ordered.iter().map(|&axis| known.axes.axes[axis].default).collect();
        let mut state = State::new(first, population(ordered.len()));
        let mut others: Vec<(usize, Vec<f64>)> =
            rest.into_iter().map(|axis| (axis, Vec::new())).collect();
        let mut from = 0;
        while from + state.size <= known.n() {
            let mut generation: Vec<usize> = (from..from + state.size).collect();
            from += state.size;
            generation
                .sort_by(|&a, &b| known.losses[a].total_cmp(&known.losses[b]).then(a.cmp(&b)));
            let place = |&trial: &usize| {
                let filled = known.axes.filled(known.place(trial));
                ordered.iter().map(|&axis| filled[axis]).collect()
            };
            let ranked: Vec<Vec<f64>> = generation.iter().map(place).collect();
            generation.truncate(state.size / 2);
            for (axis, values) in &mut others {
                values.truncate(state.size / 2);
                let new = generation.iter().map(|&t| known.place(t)[*axis]).filter(|u| !u.is_nan());
                values.splice(0..0, new);
            }
            let is_alive = state.advance(&ranked);
            if !is_alive || state.spread() < LEAST_SIGMA {
                let mut stream = Stream::new(&[seed, from as u64, 0xC3B]);
                let mean = ordered.iter().map(|_| stream.uniform()).collect();
                state = State::new(mean, 2 * state.size);
            }
        }
        Evolved { ordered, state, others }
    }
}

fn population(d: usize) -> usize {
    4 + (3.0 * libm::log(d.max(1) as f64)).floor() as usize
}

/// The distribution `N(mean, sigma^2 L L^T)` and its paths.
#[derive(Debug, Clone)]
struct State {
    mean: Vec<f64>,
    sigma: f64,
    /// Covariance, full rows of the lower part.
    covariance: Vec<Vec<f64>>,
    factor: Lower,
    path_sigma: Vec<f64>,
    path: Vec<f64>,
    n_generations: i32,
    /// Trials of a generation.
    size: usize,
    /// Of the better half; their sum is 1.
    weights: Vec<f64>,
    /// Of the worse half, below 0; their sum is -1.
    worse: Vec<f64>,
}

impl State {
    fn new(mean: Vec<f64>, size: usize) -> State {
        let d = mean.len();
        let raw: Vec<f64> = (1..=size)
            .map(|rank| libm::log((size as f64 + 1.0) / 2.0) - libm::log(rank as f64))
            .collect();
        let (better, worse) = raw.split_at(size / 2);
        let scaled = |half: &[f64]| {
            let sum = half.iter().sum::<f64>().abs();
            half.iter().map(|w| w / sum).collect::<Vec<f64>>()
        };
        let identity =
            |i: usize| (0..=i).map(|j| f64::from(u8::from(i == j))).collect::<Vec<f64>>();
        State {
            sigma: SIGMA,
            covariance: (0..d).map(identity).collect(),
            factor: Lower::new(d, (0..d).flat_map(identity).collect()),
            path_sigma: vec![0.0; d],
            path: vec![0.0; d],
            n_generations: 0,
            size,
            weights: scaled(better),
            worse: scaled(worse),
            mean,
        }
    }

    fn draw(&self, stream: &mut Stream) -> Vec<f64> {
        let bells: Vec<f64> = self.mean.iter().map(|_| stream.bell()).collect();
        let steps = self.factor.times(&bells);
        self.mean.iter().zip(steps).map(|(m, step)| m + self.sigma * step).collect()
    }

    /// Largest standard deviation of an axis.
    fn spread(&self) -> f64 {
        let variances = self.covariance.iter().map(|row| row[row.len() - 1]);
        self.sigma * variances.fold(0.0, f64::max).sqrt()
    }

    /// Takes a generation in, best first; false if the covariance is lost.
    fn advance(&mut self, ranked: &[Vec<f64>]) -> bool {
        let d = self.mean.len();
        if d == 0 {
            return true;
        }
        let n = d as f64;
        let mu_eff = 1.0 / dot(&self.weights, &self.weights);
        let c_sigma = (mu_eff + 2.0) / (n + mu_eff + 5.0);
        let d_sigma = 1.0 + 2.0 * (((mu_eff - 1.0) / (n + 1.0)).sqrt() - 1.0).max(0.0) + c_sigma;
        let c_c = (4.0 + mu_eff / n) / (n + 4.0 + 2.0 * mu_eff / n);
        let c_1 = 2.0 / ((n + 1.3) * (n + 1.3) + mu_eff);
        let c_mu =
            (2.0 * (mu_eff - 2.0 + 1.0 / mu_eff) / ((n + 2.0) * (n + 2.0) + mu_eff)).min(1.0 - c_1);
        let chi = n.sqrt() * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n * n));

        // Steps in units of sigma, none longer than `sqrt(d) + 2 d / (d + 2)` of its own length.
        let longest = n.sqrt() + 2.0 * n / (n + 2.0);
        let mut lengths = Vec::with_capacity(ranked.len());
        let steps: Vec<Vec<f64>> = ranked
            .iter()
            .map(|x| {
                let y: Vec<f64> =
                    x.iter().zip(&self.mean).map(|(x, m)| (x - m) / self.sigma).collect();
                let z = self.factor.solve(&y);
                let length = dot(&z, &z).sqrt().max(1e-12);
                let shrink = (longest / length).min(1.0);
                lengths.push(length * shrink);
                y.into_iter().map(|v| v * shrink).collect()
            })
            .collect();
        let mut step = vec![0.0; d];
        for (y, w) in steps.iter().zip(&self.weights) {
            step.iter_mut().zip(y).for_each(|(s, y)| *s += w * y);
        }
        self.mean.iter_mut().zip(&step).for_each(|(m, s)| *m += self.sigma * s);
        self.n_generations += 1;

        let white = self.factor.solve(&step);
        let rate = (c_sigma * (2.0 - c_sigma) * mu_eff).sqrt();
        self.path_sigma
            .iter_mut()
            .zip(&white)
            .for_each(|(p, z)| *p = (1.0 - c_sigma) * *p + rate * z);
        let length = dot(&self.path_sigma, &self.path_sigma).sqrt();
        let settled = (1.0 - libm::pow(1.0 - c_sigma, 2.0 * f64::from(self.n_generations))).sqrt();
        let moves = length / settled < (1.4 + 2.0 / (n + 1.0)) * chi;
        let rate = if moves { (c_c * (2.0 - c_c) * mu_eff).sqrt() } else { 0.0 };
        self.path.iter_mut().zip(&step).for_each(|(p, s)| *p = (1.0 - c_c) * *p + rate * s);
        let lost = if moves { 0.0 } else { c_1 * c_c * (2.0 - c_c) };
        let (share, weights) = self.all_weights(c_1, c_mu, mu_eff, &lengths);
        for i in 0..d {
            for j in 0..=i {
                let ranked: f64 = steps.iter().zip(&weights).map(|(y, w)| w * y[i] * y[j]).sum();
                let old = (1.0 - c_1 - c_mu * share + lost) * self.covariance[i][j];
                self.covariance[i][j] = old + c_1 * self.path[i] * self.path[j] + c_mu * ranked;
            }
        }
        self.sigma *= libm::exp((c_sigma / d_sigma * (length / chi - 1.0)).min(1.0));
        self.sigma = self.sigma.min(1.0);
        match Lower::new(d, self.covariance.concat()).cholesky() {
            Some(factor) => self.factor = factor,
            None => return false,
        }
        true
    }

    /// Sum of the weights of all steps, and the weights, those below 0 as if their steps had the
    /// length of a typical one, and no larger together than keeps the covariance definite
    /// (equations 49 to 53 of the tutorial).
    fn all_weights(&self, c_1: f64, c_mu: f64, mu_eff: f64, lengths: &[f64]) -> (f64, Vec<f64>) {
        let n = self.mean.len() as f64;
        let worse_eff = 1.0 / dot(&self.worse, &self.worse).max(1e-12);
        let bounds = [
            1.0 + c_1 / c_mu.max(1e-12),
            1.0 + 2.0 * worse_eff / (mu_eff + 2.0),
            (1.0 - c_1 - c_mu) / (n * c_mu.max(1e-12)),
        ];
        let scale = bounds.into_iter().fold(f64::INFINITY, f64::min);
        let (_, long) = lengths.split_at(self.weights.len());
        let worse = self.worse.iter().map(|w| scale * w);
        let share = 1.0 + worse.clone().sum::<f64>();
        let shortened = worse.zip(long).map(|(w, length)| w * n / (length * length));
        (share, self.weights.iter().copied().chain(shortened).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Evaluations until the loss of the mean is below `goal`.
    fn evaluations(d: usize, goal: f64, seed: u64, loss: &dyn Fn(&[f64]) -> f64) -> usize {
        let mut state = State::new(vec![0.9; d], population(d));
        let mut stream = Stream::new(&[seed]);
        let mut n = 0;
        while loss(&state.mean) > goal && n < 100_000 {
            let mut all: Vec<Vec<f64>> = (0..state.size).map(|_| state.draw(&mut stream)).collect();
            all.sort_by(|a, b| loss(a).total_cmp(&loss(b)));
            assert!(state.advance(&all));
            n += state.size;
        }
        n
    }

    fn sphere(x: &[f64]) -> f64 {
        x.iter().map(|x| (x - 0.3) * (x - 0.3)).sum()
    }

    /// Medians of evaluations of the package `cmaes` 0.13.1 by testdata/search/cma_es.py: sphere
    /// of 5 and 10 axes to 1e-10, ellipsoid of 5 axes and condition 1e4 to 1e-8.
    const RECORDED: [f64; 3] = include!("../../../../testdata/search/cma_es.in");

    #[test]
    fn converges_as_fast_as_the_reference() {
        let ellipsoid = |x: &[f64]| {
            let axes = x.iter().enumerate();
            axes.map(|(i, x)| libm::pow(1e4, i as f64 / 4.0) * (x - 0.3) * (x - 0.3)).sum()
        };
        type Loss<'a> = &'a dyn Fn(&[f64]) -> f64;
        let runs: [(usize, f64, Loss<'_>); 3] =
            [(5, 1e-10, &sphere), (10, 1e-10, &sphere), (5, 1e-8, &ellipsoid)];
        for ((d, goal, loss), recorded) in runs.into_iter().zip(RECORDED) {
            let mut needed: Vec<usize> = (0..21).map(|s| evaluations(d, goal, s, loss)).collect();
            needed.sort_unstable();
            let ratio = needed[10] as f64 / recorded;
            println!("{d} axes to {goal:e}: {} evaluations, {recorded} recorded", needed[10]);
            assert!((0.75..1.25).contains(&ratio), "{} against {recorded}", needed[10]);
        }
    }

    #[test]
    fn shifts_change_nothing_and_weights_sum_to_one() {
        let mut a = State::new(vec![0.5; 3], 8);
        let mut b = State::new(vec![1.5; 3], 8);
        let mut stream = Stream::new(&[6]);
        let ranked: Vec<Vec<f64>> = (0..8).map(|_| a.draw(&mut stream)).collect();
        let moved: Vec<Vec<f64>> =
            ranked.iter().map(|x| x.iter().map(|v| v + 1.0).collect()).collect();
        assert!(a.advance(&ranked) && b.advance(&moved));
        assert!((a.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!((a.worse.iter().sum::<f64>() + 1.0).abs() < 1e-12);
        assert!((a.sigma - b.sigma).abs() < 1e-12);
        for (x, y) in a.covariance.concat().iter().zip(b.covariance.concat()) {
            assert!((x - y).abs() < 1e-9);
        }
    }
}
