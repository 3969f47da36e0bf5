//! Losses against their derivatives and against their best constants.

use super::*;
use crate::random::Stream;

const REGRESSION: [Loss; 7] = [
    Loss::Squared,
    Loss::Absolute,
    Loss::Huber,
    Loss::Quantile,
    Loss::Poisson,
    Loss::Gamma,
    Loss::Tweedie,
];

fn objective(loss: Loss) -> Objective {
    Objective {
        loss,
        base: Vec::new(),
        scale: 1.0,
        alpha: 0.3,
        power: 1.4,
        classes: Vec::new(),
        numbers: Vec::new(),
        weights: None,
    }
}

/// What a score costs, from the definitions.
fn cost(objective: &Objective, y: f64, score: f64) -> f64 {
    let (alpha, p) = (objective.alpha, f64::from(objective.power));
    let size = (score - y).abs();
    match objective.loss {
        Loss::Squared => 0.5 * size * size,
        Loss::Absolute => size,
        Loss::Huber if size <= alpha => 0.5 * size * size,
        Loss::Huber => alpha * (size - 0.5 * alpha),
        Loss::Quantile => {
            if y > score {
                alpha * size
            } else {
                (1.0 - alpha) * size
            }
        }
        Loss::Poisson => libm::exp(score) - y * score,
        Loss::Gamma => y * libm::exp(-score) + score,
        Loss::Tweedie => {
            libm::exp((2.0 - p) * score) / (2.0 - p) - y * libm::exp((1.0 - p) * score) / (1.0 - p)
        }
        Loss::Logistic => libm::log(1.0 + libm::exp(score)) - y * score,
        Loss::Softmax => panic!("it has several scores"),
    }
}

/// Gradient and hessian of one row.
fn pair(loss: Loss, y: f64, score: f64) -> Pair {
    let mut objective = objective(loss);
    objective.base = vec![0.0];
    objective.numbers = vec![y as f32];
    objective.classes = vec![y as u32];
    let mut out = [vec![[0.0; 2]]];
    objective.pairs(&[vec![score]], &mut out, &ONE_THREAD);
    out[0][0]
}

#[test]
fn gradients_and_hessians_are_the_derivatives() {
    let mut random = Stream::new(&[1]);
    for loss in REGRESSION.into_iter().chain([Loss::Logistic]) {
        for _ in 0..40 {
            let y = if loss == Loss::Logistic { 1.0 } else { 0.2 + 2.0 * random.uniform() };
            let score = 2.0 * random.uniform() - 0.5;
            let step = 1e-4;
            let at = |s: f64| cost(&objective(loss), y, s);
            let slope = (at(score + step) - at(score - step)) / (2.0 * step);
            let curve = (at(score + step) - 2.0 * at(score) + at(score - step)) / (step * step);
            let [gradient, hessian] = pair(loss, y, score).map(f64::from);
            assert!((gradient - slope).abs() < 1e-3, "{loss:?} {y} {score}: {gradient} {slope}");
            let curve = match loss {
                Loss::Absolute | Loss::Huber | Loss::Quantile => 1.0,
                Loss::Poisson => curve * libm::exp(0.7),
                _ => curve,
            };
            assert!((hessian - curve).abs() < 1e-3 * (1.0 + curve), "{loss:?} {y} {score}");
        }
    }
}

#[test]
fn softmax_gradients_are_the_derivatives() {
    let mut objective = objective(Loss::Softmax);
    (objective.base, objective.classes) = (vec![0.0; 3], vec![2]);
    let scores = [0.3, -0.4, 1.1];
    let cost = |s: [f64; 3]| libm::log(s.iter().map(|&s| libm::exp(s)).sum::<f64>()) - s[2];
    let mut out = vec![vec![[0.0; 2]]; 3];
    objective.pairs(&scores.map(|s| vec![s]), &mut out, &ONE_THREAD);
    for k in 0..3 {
        let moved = |by: f64| {
            let mut scores = scores;
            scores[k] += by;
            cost(scores)
        };
        let (slope, middle) = ((moved(1e-4) - moved(-1e-4)) / 2e-4, cost(scores));
        let curve = (moved(1e-4) - 2.0 * middle + moved(-1e-4)) / 1e-8;
        assert!((f64::from(out[k][0][0]) - slope).abs() < 1e-4);
        assert!((f64::from(out[k][0][1]) - 1.5 * curve).abs() < 1e-4);
    }
}

#[test]
fn no_constant_is_better_than_the_base() {
    let mut random = Stream::new(&[2]);
    let numbers: Vec<f64> = (0..301).map(|_| 0.1 + 5.0 * random.uniform().powi(3)).collect();
    let weights: Vec<f64> = (0..301).map(|_| random.uniform()).collect();
    for loss in REGRESSION {
        for weights in [None, Some(&weights[..])] {
            let mut found = objective(loss);
            found.set_numbers(&numbers, weights);
            let total = |constant: f64| -> f64 {
                let cost = |(row, &y): (usize, &f64)| {
                    weights.map_or(1.0, |w| w[row]) * cost(&objective(loss), y, constant)
                };
                numbers.iter().enumerate().map(cost).sum()
            };
            let best = total(found.base[0]);
            for step in [-0.3, -0.01, 0.01, 0.3] {
                assert!(total(found.base[0] + step) > best, "{loss:?} {step}");
            }
        }
    }
}

#[test]
fn targets_that_a_loss_is_not_for_are_named() {
    for (loss, wrong) in [(Loss::Gamma, 0.0), (Loss::Tweedie, -1.0), (Loss::Poisson, -0.5)] {
        let error = objective(loss).check(&[1.0, wrong]).expect_err("it is wrong").to_string();
        assert!(error.contains("objective") && error.contains(&wrong.to_string()), "{error}");
    }
}

#[test]
fn medians_of_odd_even_and_weighted_numbers() {
    assert_eq!(weighted_quantile(&mut [(3.0, 1.0), (1.0, 1.0), (2.0, 1.0)], 0.5), 2.0);
    assert_eq!(weighted_quantile(&mut [(3.0, 1.0), (1.0, 1.0)], 0.5), 2.0);
    assert_eq!(weighted_quantile(&mut [(3.0, 5.0), (1.0, 1.0)], 0.5), 3.0);
}

#[test]
fn shares_as_scores() {
    let odds = log_shares(&[0, 1, 1, 1], None, 1);
    assert!((odds[0] - libm::log(3.0)).abs() < 1e-12);
    let shares = log_shares(&[0, 1, 1, 2], Some(&[2.0, 1.0, 1.0, 4.0]), 3);
    assert!((shares[2] - libm::log(0.5)).abs() < 1e-12);
}
