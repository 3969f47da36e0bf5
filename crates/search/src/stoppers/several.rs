//! Stopping with several objectives.

use super::{Course, Verdict};
use crate::hypervolume::ranking;

/// What a trial has told of several objectives, lower is better in each.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct VectorCurve {
    /// `(step, objectives)` by ascending step.
    pub points: Vec<(u64, Vec<f64>)>,
}

/// Asynchronous successive halving by fronts: at each rung a trial goes on if it is among the first of
/// each `eta` that have come there so far, in the order of [`ranking`]; the first few go on.
///
/// All vectors must have the same number of objectives; a value that is not finite is worst.
///
/// Reference: Schmucker, Donini, Zafar, Salinas, Archambeau 2021, Multi-objective Asynchronous
/// Successive Halving, arXiv:2106.12639.
pub fn verdict(course: &Course, curves: &[VectorCurve], trial: usize) -> Verdict {
    let at = |curve: &VectorCurve, rung: u64| {
        let point = curve.points.iter().find(|(step, _)| *step >= rung)?;
        Some(point.1.clone())
    };
    let rungs = course.rungs();
    let reached = rungs.into_iter().rev().find(|rung| at(&curves[trial], *rung).is_some());
    let Some(rung) = reached else { return Verdict::Continue };
    let here: Vec<(usize, Vec<f64>)> = curves
        .iter()
        .enumerate()
        .filter_map(|(other, curve)| Some((other, at(curve, rung)?)))
        .collect();
    let eta = course.eta.max(2) as usize;
    if here.len() < eta {
        return Verdict::Continue;
    }
    let vectors: Vec<Vec<f64>> = here.iter().map(|(_, vector)| worst_if_nan(vector)).collect();
    let kept = &ranking(&vectors)[..here.len() / eta];
    let is_kept = kept.iter().any(|&place| here[place].0 == trial);
    if is_kept { Verdict::Continue } else { Verdict::Stop }
}

fn worst_if_nan(vector: &[f64]) -> Vec<f64> {
    vector.iter().map(|v| if v.is_nan() { f64::INFINITY } else { *v }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    #[test]
    fn dominated_trials_end_and_the_ends_of_the_front_go_on() {
        let course = Course { min_steps: 1, max_steps: 9, eta: 3, is_last: false };
        let vectors = [[0.1, 0.9], [0.9, 0.1], [0.5, 0.5], [0.95, 0.95], [0.6, 0.7], [0.7, 0.6]];
        let curves = vectors.map(|v| VectorCurve { points: vec![(1, v.to_vec())] });
        let verdicts: Vec<Verdict> = (0..6).map(|trial| verdict(&course, &curves, trial)).collect();
        let n_kept = verdicts.iter().filter(|v| **v == Verdict::Continue).count();
        assert_eq!((n_kept, verdicts[3], verdicts[4]), (2, Verdict::Stop, Verdict::Stop));
        assert_eq!(verdict(&course, &curves[3..5], 0), Verdict::Continue, "too few to compare");
        let nan = [[f64::NAN, 0.0], [0.1, 0.1], [0.2, 0.2]];
        let curves = nan.map(|v| VectorCurve { points: vec![(1, v.to_vec())] });
        assert_eq!(verdict(&course, &curves, 0), Verdict::Stop);
        assert_eq!(verdict(&course, &[VectorCurve::default()], 0), Verdict::Continue);
    }

    #[test]
    fn most_of_the_volume_is_kept_for_a_part_of_the_steps() {
        let (mut kept_share, mut cost) = (0.0, 0.0);
        for seed in 0..20 {
            let mut stream = Stream::new(&[seed, 0x5E]);
            let ends: Vec<[f64; 2]> = (0..60)
                .map(|_| {
                    let (x, worse) = (stream.uniform(), 0.5 * stream.uniform());
                    [x + worse, 1.0 - x.sqrt() + worse]
                })
                .collect();
            let course = Course { min_steps: 1, max_steps: 27, eta: 3, is_last: false };
            let mut curves: Vec<VectorCurve> = Vec::new();
            let (mut steps, mut done) = (0u64, Vec::new());
            for end in &ends {
                curves.push(VectorCurve::default());
                let trial = curves.len() - 1;
                let slope = 0.2 * stream.uniform();
                for step in 1..=27 {
                    let off = slope / step as f64;
                    curves[trial].points.push((step, end.iter().map(|v| v + off).collect()));
                    steps += 1;
                    if verdict(&course, &curves, trial) == Verdict::Stop {
                        break;
                    }
                    if step == 27 {
                        done.push(end.to_vec());
                    }
                }
            }
            let all: Vec<Vec<f64>> = ends.iter().map(|end| end.to_vec()).collect();
            let volume = |points: &[Vec<f64>]| crate::hypervolume::hypervolume(points, &[1.5, 1.5]);
            kept_share += volume(&done) / volume(&all) / 20.0;
            cost += steps as f64 / (27.0 * 60.0 * 20.0);
        }
        println!("hypervolume kept {kept_share:.3} at {cost:.3} of the steps");
        assert!(kept_share > 0.85 && cost < 0.35, "{kept_share} at {cost}");
    }
}
