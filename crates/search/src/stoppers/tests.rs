//! All stoppers on recorded and made-up curves.

use super::learning_curve::extrapolate;
use super::*;
use crate::random::Stream;

/// How a simulated run went.
struct Run {
    /// Loss of the trial that is best at the end of its curve, above the least there is.
    regret: f64,
    /// Steps taken, of those of all curves.
    cost: f64,
    curves: Vec<Curve>,
}

/// Runs trials with given curves, `n_workers` at a time, a point of each in turn.
fn run(stopper: &dyn Stopper, course: &Course, known: &[Vec<(u64, f64)>], n_workers: usize) -> Run {
    let mut curves: Vec<Curve> = Vec::new();
    loop {
        let mut moved = false;
        let course = Course { is_last: curves.len() == known.len(), ..*course };
        let n_running = |curves: &[Curve]| {
            let runs = |trial: &usize| {
                !curves[*trial].is_over && stopper.verdict(&course, curves, *trial) != Verdict::Wait
            };
            (0..curves.len()).filter(runs).count()
        };
        while curves.len() < known.len() && n_running(&curves) < n_workers {
            curves.push(Curve::default());
            moved = true;
        }
        for trial in 0..curves.len() {
            if curves[trial].is_over {
                continue;
            }
            match stopper.verdict(&course, &curves, trial) {
                Verdict::Wait => {}
                Verdict::Stop => {
                    curves[trial].is_over = true;
                    moved = true;
                }
                Verdict::Continue => {
                    let at = curves[trial].points.len();
                    let next = known[trial].get(at);
                    next.iter().for_each(|point| curves[trial].points.push(**point));
                    curves[trial].is_over = at + 1 >= known[trial].len();
                    moved = true;
                }
            }
        }
        if !moved {
            break;
        }
    }
    assert_eq!(curves.len(), known.len(), "every trial is started");
    assert!(curves.iter().all(|curve| curve.is_over), "nobody waits for ever");
    let end = |curve: &[(u64, f64)]| curve.last().map_or(f64::INFINITY, |p| p.1);
    let least = known.iter().map(|c| end(c)).fold(f64::INFINITY, f64::min);
    // Of what was seen the least loss is chosen, at whatever step; it is judged by its end.
    let chosen =
        (0..known.len()).min_by(|&a, &b| end(&curves[a].points).total_cmp(&end(&curves[b].points)));
    let all: u64 = known.iter().map(|c| c.last().map_or(0, |p| p.0)).sum();
    let taken: u64 = curves.iter().map(Curve::steps).sum();
    Run { regret: end(&known[chosen.unwrap()]) - least, cost: taken as f64 / all as f64, curves }
}

type Points = Vec<(u64, f64)>;

/// Power laws with noise, some of which cross.
fn made_up(seed: u64, n: usize) -> Vec<Vec<(u64, f64)>> {
    let mut stream = Stream::new(&[seed, 0x57]);
    let curve = |_| {
        let (a, b) = (0.1 + 0.3 * stream.uniform(), 0.5 * stream.uniform());
        let c = 0.4 + 0.6 * stream.uniform();
        (1..=81u64).map(|t| (t, a + b * libm::pow(t as f64, -c) + 0.002 * stream.bell())).collect()
    };
    (0..n).map(curve).collect()
}

/// Learning curves of LCDB (Mohr, Viering, Loog, van Rijn 2022, doi:10.1007/978-3-031-26419-1_1):
/// one minus the mean validation accuracy of learners by number of rows, of some data sets.
/// Written by testdata/search/curves.py.
fn recorded() -> Vec<Vec<Vec<(u64, f64)>>> {
    let mut sets: Vec<(String, Vec<Points>)> = Vec::new();
    for line in include_str!("../../../../testdata/search/curves.csv").lines() {
        let mut cells = line.split(',');
        let set = cells.next().unwrap().to_owned();
        let numbers: Vec<f64> = cells.skip(1).map(|cell| cell.parse().unwrap()).collect();
        let curve = numbers.chunks(2).map(|pair| (pair[0] as u64, pair[1])).collect();
        match sets.last_mut().filter(|(name, _)| *name == set) {
            Some((_, curves)) => curves.push(curve),
            None => sets.push((set, vec![curve])),
        }
    }
    sets.into_iter().map(|(_, curves)| curves).collect()
}

/// Largest mean regret and cost on made-up curves, then on recorded ones.
const BOUNDS: [(&str, [f64; 4]); 6] = [
    ("halving", [0.03, 0.16, 0.02, 0.45]),
    ("hyperband", [0.02, 0.40, 0.02, 0.75]),
    ("asha", [0.03, 0.25, 0.02, 0.60]),
    ("median", [0.02, 0.60, 0.02, 0.80]),
    ("patience", [0.02, 0.95, 0.02, 1.0]),
    ("learning-curve", [0.005, 0.50, 0.005, 0.80]),
];

#[test]
fn each_saves_steps_and_keeps_the_best() {
    let course = Course { min_steps: 1, max_steps: 81, eta: 3, is_last: false };
    for (stopper, (name, bounds)) in STOPPERS.iter().zip(BOUNDS) {
        assert_eq!(stopper.name(), name);
        let (mut regret, mut cost) = (0.0, 0.0);
        for seed in 0..20 {
            let found = run(*stopper, &course, &made_up(seed, 81), 4);
            regret += found.regret / 20.0;
            cost += found.cost / 20.0;
        }
        println!("{name}: made up: regret {regret:.4}, cost {cost:.3}");
        assert!(regret <= bounds[0] && cost <= bounds[1], "{name}: {regret} at {cost}");
        let sets = recorded();
        let (mut regret, mut cost) = (0.0, 0.0);
        for curves in &sets {
            let most = curves.iter().map(|c| c.last().unwrap().0).max().unwrap();
            let course = Course { min_steps: 64, max_steps: most, eta: 3, is_last: false };
            let found = run(*stopper, &course, curves, 4);
            regret += found.regret / sets.len() as f64;
            cost += found.cost / sets.len() as f64;
        }
        println!("{name}: recorded: regret {regret:.4}, cost {cost:.3}");
        assert!(regret <= bounds[2] && cost <= bounds[3], "{name}: {regret} at {cost}");
    }
}

#[test]
fn the_same_facts_give_the_same_verdicts_whatever_is_in_the_curves() {
    let course = Course { min_steps: 2, max_steps: 20, eta: 2, is_last: false };
    let mut known = made_up(3, 12);
    known.iter_mut().for_each(|curve| curve.truncate(20));
    known[1].iter_mut().for_each(|point| point.1 = f64::NAN);
    known[2].truncate(1);
    known[3].clear();
    known[4][5].1 = f64::INFINITY;
    for stopper in STOPPERS {
        for n_workers in [1, 3, 12] {
            let (a, b) = (
                run(*stopper, &course, &known, n_workers),
                run(*stopper, &course, &known, n_workers),
            );
            // As text, since NaN is not equal to itself.
            let text = |run: &Run| format!("{:?}", run.curves);
            assert_eq!(text(&a), text(&b), "{}", stopper.name());
        }
        // Before anything is told nobody is stopped.
        let none = vec![Curve::default(); 3];
        assert_eq!(stopper.verdict(&course, &none, 1), Verdict::Continue, "{}", stopper.name());
    }
}

#[test]
fn a_trial_that_can_still_win_goes_on_and_one_that_cannot_ends() {
    let power =
        |a: f64, b: f64| (1..=30u64).map(move |t| (t, a + b / t as f64)).collect::<Vec<_>>();
    let done =
        Curve { points: (1..=100).map(|t| (t, 0.2 + 0.1 / t as f64)).collect(), is_over: true };
    let course = Course { min_steps: 1, max_steps: 100, eta: 3, is_last: false };
    let verdict = |points| {
        let curves = [done.clone(), Curve { points, is_over: false }];
        LearningCurve.verdict(&course, &curves, 1)
    };
    assert_eq!(verdict(power(0.15, 2.0)), Verdict::Continue, "it will end below");
    assert_eq!(verdict(power(0.3, 0.5)), Verdict::Stop, "it will end at 0.3");
    let (mean, sd) = extrapolate(&power(0.3, 0.5), 100.0).unwrap();
    assert!((mean - 0.305).abs() < 0.01 && sd < 0.02, "{mean} {sd}");
}
