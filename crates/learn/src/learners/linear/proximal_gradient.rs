//! Elastic net where there are too many columns for curvature matrices.
//!
//! Accelerated proximal gradient steps, each weight scaled by the curvature of its column, with
//! restarts. A step takes two passes over the rows; extrapolation works on scores.
//!
//! Reference: Beck, A.; Teboulle, M. (2009). A fast iterative shrinkage-thresholding algorithm for
//! linear inverse problems. doi:10.1137/080716542; O'Donoghue, B.; Candes, E. (2015). Adaptive
//! restart for accelerated gradient schemes. doi:10.1007/s10208-013-9150-3

use super::design::{add_scaled, dot};
use super::objective::{Penalty, Problem};
use super::proximal_newton::soft_threshold;
use super::quasi_newton::End;
use crate::learners::Stop;

/// Most steps for one penalty.
const MAX_STEPS: usize = 300;

/// A point and its scores.
#[derive(Clone)]
struct Point {
    weights: Vec<f64>,
    scores: Vec<f64>,
}

/// Minimises from `weights` on; they hold the last point at any time.
pub(super) fn minimise(
    problem: &Problem,
    penalty: Penalty,
    weights: &mut [f64],
    stop: &dyn Stop,
) -> End {
    let mut scores = vec![0.0; problem.design.n_rows * problem.stride()];
    problem.design.scores(weights, problem.stride(), &mut scores);
    let mut last = Point { weights: weights.to_vec(), scores };
    let mut ahead = last.clone();
    let curvatures = column_curvatures(problem, &last.scores);
    let (mut momentum, mut scale) = (1.0_f64, 1.0_f64);
    for _ in 0..MAX_STEPS {
        let next = descend(problem, penalty, &curvatures, &ahead, &mut scale);
        let stopped = stop.spent(3 * problem.pass_work());
        let restart = overshoots(&ahead.weights, &next.weights, &last.weights);
        let rest = size(&next.weights, &last.weights, &curvatures) * scale < problem.tolerance;
        let new_momentum = 0.5 * (1.0 + (1.0 + 4.0 * momentum * momentum).sqrt());
        let factor = if restart { 0.0 } else { (momentum - 1.0) / new_momentum };
        momentum = if restart { 1.0 } else { new_momentum };
        ahead = extrapolate(&next, &last, factor);
        last = next;
        weights.copy_from_slice(&last.weights);
        if stopped {
            return End::Stopped;
        }
        if rest && !restart {
            return End::Done;
        }
    }
    End::Done
}

/// One proximal step from `from`; `scale` grows until the quadratic bound holds.
fn descend(
    problem: &Problem,
    penalty: Penalty,
    curvatures: &[f64],
    from: &Point,
    scale: &mut f64,
) -> Point {
    let stride = problem.stride();
    let mut residuals = vec![0.0; from.scores.len()];
    let start = problem.evaluate(&from.scores, &mut residuals);
    let mut gradient = vec![0.0; from.weights.len()];
    problem.design.gradient(&residuals, stride, &mut gradient);
    loop {
        let weights = step(problem, penalty, curvatures, from, &gradient, *scale);
        let mut scores = vec![0.0; from.scores.len()];
        problem.design.scores(&weights, stride, &mut scores);
        let moved: Vec<f64> = weights.iter().zip(&from.weights).map(|(a, b)| a - b).collect();
        let squares = moved.iter().zip(curvatures).map(|(m, c)| 0.5 * *scale * c * m * m);
        let bound = start + dot(&gradient, &moved) + squares.sum::<f64>();
        if problem.evaluate(&scores, &mut residuals) <= bound + 1e-12 * start.abs() || *scale > 1e12
        {
            return Point { weights, scores };
        }
        *scale *= 2.0;
    }
}

fn step(
    problem: &Problem,
    penalty: Penalty,
    curvatures: &[f64],
    from: &Point,
    gradient: &[f64],
    scale: f64,
) -> Vec<f64> {
    let n = problem.n_penalised();
    let entry = |(j, weight): (usize, &f64)| {
        let curvature = scale * curvatures[j];
        let target = curvature * weight - gradient[j];
        if j < n {
            soft_threshold(target, penalty.l1) / (curvature + penalty.l2)
        } else {
            target / curvature
        }
    };
    from.weights.iter().enumerate().map(entry).collect()
}

fn column_curvatures(problem: &Problem, scores: &[f64]) -> Vec<f64> {
    let mut residuals = vec![0.0; scores.len()];
    problem.evaluate(scores, &mut residuals);
    let mut curvatures = problem.diagonal(&residuals);
    curvatures.iter_mut().for_each(|curvature| *curvature = curvature.max(1e-9));
    curvatures
}

fn extrapolate(next: &Point, last: &Point, factor: f64) -> Point {
    let mut ahead = next.clone();
    for (ahead, last) in [(&mut ahead.weights, &last.weights), (&mut ahead.scores, &last.scores)] {
        ahead.iter_mut().for_each(|entry| *entry *= 1.0 + factor);
        add_scaled(ahead, last, -factor);
    }
    ahead
}

/// Whether the step from `ahead` goes against the way from `last`.
fn overshoots(ahead: &[f64], next: &[f64], last: &[f64]) -> bool {
    let terms = ahead.iter().zip(next).zip(last);
    terms.map(|((ahead, next), last)| (ahead - next) * (next - last)).sum::<f64>() > 0.0
}

fn size(a: &[f64], b: &[f64], curvatures: &[f64]) -> f64 {
    a.iter().zip(b).zip(curvatures).map(|((a, b), c)| c * (a - b) * (a - b)).sum()
}
