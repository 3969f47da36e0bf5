//! Functions of numbers in `[0, 1]`, their usual domains mapped to it; the same as in
//! `bench/compare/search_peers.py`.

use std::f64::consts::{E, PI};

pub fn branin(x: &[f64]) -> f64 {
    let (a, b) = (15.0 * x[0] - 5.0, 15.0 * x[1]);
    let c = b - 5.1 / (4.0 * PI * PI) * a * a + 5.0 / PI * a - 6.0;
    c * c + 10.0 * (1.0 - 1.0 / (8.0 * PI)) * a.cos() + 10.0
}

pub fn hartmann6(x: &[f64]) -> f64 {
    const A: [[f64; 6]; 4] = [
        [10.0, 3.0, 17.0, 3.5, 1.7, 8.0],
        [0.05, 10.0, 17.0, 0.1, 8.0, 14.0],
        [3.0, 3.5, 1.7, 10.0, 17.0, 8.0],
        [17.0, 8.0, 0.05, 10.0, 0.1, 14.0],
    ];
    const P: [[f64; 6]; 4] = [
        [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
        [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
        [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
        [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
    ];
    let hill = |(c, (a, p)): (f64, (&[f64; 6], &[f64; 6]))| {
        let squares = a.iter().zip(p).zip(x).map(|((a, p), x)| a * (x - p) * (x - p));
        c * (-squares.sum::<f64>()).exp()
    };
    -[1.0, 1.2, 3.0, 3.2].into_iter().zip(A.iter().zip(&P)).map(hill).sum::<f64>()
}

pub fn sphere(x: &[f64]) -> f64 {
    x.iter().map(|v| (v - 0.3) * (v - 0.3)).sum()
}

pub fn rosenbrock(x: &[f64]) -> f64 {
    let y: Vec<f64> = x.iter().map(|v| 4.0 * v - 2.0).collect();
    y.windows(2).map(|w| 100.0 * (w[1] - w[0] * w[0]).powi(2) + (1.0 - w[0]).powi(2)).sum()
}

pub fn ackley(x: &[f64]) -> f64 {
    let y: Vec<f64> = x.iter().map(|v| 20.0 * v - 8.0).collect();
    let n = y.len() as f64;
    let root = (y.iter().map(|v| v * v).sum::<f64>() / n).sqrt();
    let waves = y.iter().map(|v| (2.0 * PI * v).cos()).sum::<f64>() / n;
    -20.0 * (-0.2 * root).exp() - waves.exp() + 20.0 + E
}

pub fn rastrigin(x: &[f64]) -> f64 {
    let wave = |v: f64| v * v - 10.0 * (2.0 * PI * v).cos();
    10.0 * x.len() as f64 + x.iter().map(|v| wave(7.0 * v - 2.5)).sum::<f64>()
}

pub fn styblinski(x: &[f64]) -> f64 {
    let hill = |v: f64| v.powi(4) - 16.0 * v * v + 5.0 * v;
    0.5 * x.iter().map(|v| hill(10.0 * v - 5.0)).sum::<f64>()
}

pub fn levy(x: &[f64]) -> f64 {
    let w: Vec<f64> = x.iter().map(|v| 1.0 + (17.0 * v - 9.0) / 4.0).collect();
    let last = w[w.len() - 1];
    let middle = w[..w.len() - 1]
        .iter()
        .map(|a| (a - 1.0).powi(2) * (1.0 + 10.0 * (PI * a + 1.0).sin().powi(2)))
        .sum::<f64>();
    let end = (last - 1.0).powi(2) * (1.0 + (2.0 * PI * last).sin().powi(2));
    (PI * w[0]).sin().powi(2) + middle + end
}
