//! A model of the learning curve.

use super::{Course, Curve, Stopper, Verdict};

/// Extrapolates a trial's curve and stops it if its loss at the last step will be above the least loss
/// of the trials that ran to their end, with a probability of more than 97.5 %.
///
/// The curve is `a + b t^-c`; for each of some `c` the least squares of `a` and `b >= 0` over the later half
/// of the points (four at least). Their answers are weighted by their likelihood; their
/// disagreement and the spread of the points around them make the standard deviation. What a
/// straight line on from the last points would reach is granted in any case: a curve that falls
/// and bends up cannot beat it.
///
/// Reference: Domhan, Springenberg, Hutter 2015, Speeding up Automatic Hyperparameter Optimization
/// of Deep Neural Networks by Extrapolation of Learning Curves, IJCAI; Viering, Loog 2023,
/// doi:10.1109/TPAMI.2022.3220744 (power laws).
#[derive(Debug, Clone, Copy)]
pub struct LearningCurve;

/// Exponents that are tried.
const EXPONENTS: [f64; 8] = [0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.5];
/// Points below which nothing is said.
const MIN_POINTS: usize = 4;
/// Standard deviations that the extrapolation may be off.
const DOUBT: f64 = 2.0;

impl Stopper for LearningCurve {
    fn name(&self) -> &'static str {
        "learning-curve"
    }

    fn references(&self) -> &'static [&'static str] {
        &[
            "Domhan, Springenberg, Hutter 2015, Extrapolation of Learning Curves, IJCAI",
            "Viering, Loog 2023, The Shape of Learning Curves, doi:10.1109/TPAMI.2022.3220744",
        ]
    }

    fn verdict(&self, course: &Course, curves: &[Curve], trial: usize) -> Verdict {
        let curve = &curves[trial];
        let is_full = |c: &&Curve| c.steps() >= course.max_steps;
        let best = curves.iter().filter(is_full).map(|c| c.best_by(u64::MAX));
        let best = best.fold(f64::INFINITY, f64::min);
        let step = curve.steps();
        if best.is_infinite() || step < course.min_steps || step >= course.max_steps {
            return Verdict::Continue;
        }
        match extrapolate(&curve.points, course.max_steps as f64) {
            Some((mean, sd)) if mean - DOUBT * sd > best => Verdict::Stop,
            _ => Verdict::Continue,
        }
    }
}

/// Mean and standard deviation of the loss at a later step; `None` if too little is known.
pub(super) fn extrapolate(points: &[(u64, f64)], step: f64) -> Option<(f64, f64)> {
    let finite = points.iter().filter(|(at, loss)| *at > 0 && loss.is_finite());
    let finite: Vec<(f64, f64)> = finite.map(|(at, loss)| (*at as f64, *loss)).collect();
    if finite.len() < MIN_POINTS {
        return None;
    }
    let n_used = (finite.len() / 2).max(MIN_POINTS);
    let used = &finite[finite.len() - n_used..];
    let fits: Vec<(f64, f64)> = EXPONENTS.iter().map(|&c| power_law(used, c, step)).collect();
    let n = used.len() as f64;
    let least = fits.iter().map(|(rest, _)| *rest).fold(f64::INFINITY, f64::min);
    // The spread of the noise is not known better than by the best fit.
    let variance = least / (n - 2.0) + 1e-18;
    let weight = |rest: f64| libm::exp(-0.5 * (rest - least) / variance);
    let total: f64 = fits.iter().map(|(rest, _)| weight(*rest)).sum();
    let mean = fits.iter().map(|(rest, end)| weight(*rest) * end).sum::<f64>() / total;
    let apart = fits.iter().map(|(rest, end)| weight(*rest) * (end - mean) * (end - mean));
    let sd = (apart.sum::<f64>() / total + 2.0 * variance).sqrt();
    let line = straight(used, step);
    Some((mean.min(line.max(mean - 4.0 * sd)), sd))
}

/// Sum of squared residuals, and the value at a step, of the best `a + b t^-c` with `b >= 0`.
fn power_law(points: &[(f64, f64)], c: f64, step: f64) -> (f64, f64) {
    let n = points.len() as f64;
    let last = points[points.len() - 1].0;
    // Relative to the last step, so that powers stay near 1.
    let x = |t: f64| libm::pow(t / last, -c);
    let (mean_x, mean_y) = (
        points.iter().map(|(t, _)| x(*t)).sum::<f64>() / n,
        points.iter().map(|(_, y)| y).sum::<f64>() / n,
    );
    let xx: f64 = points.iter().map(|(t, _)| (x(*t) - mean_x).powi(2)).sum();
    let xy: f64 = points.iter().map(|(t, y)| (x(*t) - mean_x) * (y - mean_y)).sum();
    let b = if xx > 0.0 { (xy / xx).max(0.0) } else { 0.0 };
    let at = |t: f64| mean_y + b * (x(t) - mean_x);
    (points.iter().map(|(t, y)| (y - at(*t)).powi(2)).sum(), at(step))
}

/// The line through the means of the two halves, at a step; no higher than the last mean.
fn straight(points: &[(f64, f64)], step: f64) -> f64 {
    let (early, late) = points.split_at(points.len() / 2);
    let mean = |half: &[(f64, f64)]| {
        let n = half.len() as f64;
        (half.iter().map(|p| p.0).sum::<f64>() / n, half.iter().map(|p| p.1).sum::<f64>() / n)
    };
    let ((t0, y0), (t1, y1)) = (mean(early), mean(late));
    let slope = if t1 > t0 { ((y1 - y0) / (t1 - t0)).min(0.0) } else { 0.0 };
    y1 + slope * (step - t1)
}
