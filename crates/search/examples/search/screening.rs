//! Screening on recorded learning curves: all learners on a few rows, a shortlist of them on all.

use std::collections::BTreeMap;
use std::path::Path;

use eyas_search::screening::shortlist;
use serde_json::json;

/// Rows of the short runs, learners of the shortlist, and rows that a data set must have.
const ROWS: u64 = 256;
const N: usize = 3;
const LEAST_ROWS: u64 = 2000;

/// Error on validation and test rows, and seconds, by number of rows.
type Curve = BTreeMap<u64, [f64; 3]>;

/// Regret of test error and cost, as a share of that of all learners on all rows: a line for every
/// data set, for the shortlist and for the plain best three.
pub fn run(file: &Path) -> Result<(), String> {
    let told = |problem: String| format!("{}: {problem}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| told(error.to_string()))?;
    let mut sets: BTreeMap<u64, BTreeMap<&str, Curve>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let [set, learner, rest @ ..] = &cells[..] else { return Err(told(format!("`{line}`"))) };
        let numbers: Vec<f64> = rest.iter().filter_map(|cell| cell.parse().ok()).collect();
        let (Ok(set), [rows, valid, test, seconds]) = (set.parse(), &numbers[..]) else {
            return Err(told(format!("no numbers: `{line}`")));
        };
        let curve = sets.entry(set).or_default().entry(learner).or_default();
        curve.insert(*rows as u64, [1.0 - valid, 1.0 - test, *seconds]);
    }
    for (set, learners) in &sets {
        let Some(top) = learners.values().filter_map(|c| c.keys().last()).max() else { continue };
        let curves: Vec<&Curve> = learners.values().filter(|c| c.contains_key(top)).collect();
        if *top < LEAST_ROWS {
            continue;
        }
        let short: Vec<[f64; 3]> = curves.iter().filter_map(|curve| at(curve, ROWS)).collect();
        let losses: Vec<f64> = short.iter().map(|point| point[0]).collect();
        let mut plain: Vec<usize> = (0..losses.len()).collect();
        plain.sort_by(|&a, &b| losses[a].total_cmp(&losses[b]));
        plain.truncate(N);
        for (system, kept) in [("shortlist", shortlist(&losses, N)), ("best three", plain)] {
            let (regret, cost) = judged(&curves, *top, &short, &kept);
            println!("{}", json!({"set": set, "system": system, "regret": regret, "cost": cost}));
        }
    }
    Ok(())
}

/// The point at the most rows up to a number, or at the fewest.
fn at(curve: &Curve, rows: u64) -> Option<[f64; 3]> {
    let by = curve.range(..=rows).next_back().or_else(|| curve.iter().next());
    by.map(|(_, point)| *point)
}

fn judged(curves: &[&Curve], top: u64, short: &[[f64; 3]], kept: &[usize]) -> (f64, f64) {
    let full: Vec<[f64; 3]> = curves.iter().map(|curve| curve[&top]).collect();
    let by_valid = |&a: &usize, &b: &usize| full[a][0].total_cmp(&full[b][0]);
    let chosen = kept.iter().copied().min_by(by_valid);
    let best = (0..full.len()).min_by(by_valid);
    let test = |at: Option<usize>| at.map_or(f64::NAN, |at| full[at][1]);
    let all: f64 = full.iter().map(|point| point[2]).sum();
    let spent: f64 = short.iter().map(|point| point[2]).sum::<f64>()
        + kept.iter().map(|&at| full[at][2]).sum::<f64>();
    (test(chosen) - test(best), spent / all)
}
