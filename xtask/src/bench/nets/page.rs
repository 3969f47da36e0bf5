//! Verdicts on what was measured, and the page that shows them.

use serde_json::Value;

use crate::bench::results::{markdown, number};

/// Most seconds an epoch, of the peer's: batch, peer, share.
const EPOCHS: [(u64, &str, f64); 4] =
    [(32, "keras", 0.1), (32, "torch", 1.0 / 3.0), (256, "keras", 0.2), (256, "torch", 0.5)];
/// Most points of accuracy apart from a peer.
const ACCURACY: f64 = 0.002;
/// Most microseconds of one row, and points of accuracy that fewer bits may cost.
const ROW_US: f64 = 5.0;
const HALF_ACCURACY: f64 = 0.001;
/// Most loss over the best tuned rate, and the tables that must keep to it, of twelve.
const NEAR: f64 = 1.01;
const NEAR_TABLES: f64 = 10.0 / 12.0;
const TIME_SHARE: f64 = 1.0 / 6.0;
const BETTER_TABLES: f64 = 9.0 / 12.0;
/// Least share of pairs that a falling rate or Schedule-Free wins.
const PAIRS: f64 = 0.7;

const HOW: &str = "Images: MNIST, 784 inputs, 128 rectified units, 10 classes; Adam under \
ExponentialDecay(0.001, 1000, 0.9); every system in a process of its own, in rounds that alternate \
between them, a seed a round; seconds are those of an epoch after the first one, data in memory; accuracy \
is that of the test images after all epochs, the mean over seeds. scikit-learn knows no such schedule and \
is shown only. Tables: three fifths of the training rows to learn from, a fifth to choose epochs and \
rates by, a fifth to judge with, split anew for each seed; log loss or root mean squared error. `tuned` is the \
best of 12 constant rates from 0.0001 to 0.3 with AdamW, chosen on the validation rows; all else is the \
default of that table. In pairs, both nets differ in the schedule alone (no average of weights), and the \
last weights count.\n\n";

/// Verdicts in a line each, and the page.
pub(super) fn page(rows: &[Value]) -> (String, String) {
    let mut lines = Vec::new();
    for row in rows {
        if let Some(problem) = row["error"].as_str() {
            lines.push(line(row["key"].as_str().unwrap_or_default(), problem, "-", false));
        }
    }
    let of = |kind: &str| -> Vec<&Value> {
        let is = |row: &&Value| row["key"].as_str().is_some_and(|key| key.starts_with(kind));
        rows.iter().filter(is).filter(|row| row["error"].is_null()).collect()
    };
    of("images").into_iter().for_each(|row| lines.extend(images(row)));
    of("row").into_iter().for_each(|row| lines.extend(one_row(row)));
    lines.extend(rates(&of("rates")));
    lines.extend(schedules(&of("schedules")));
    let told: Vec<String> = lines.iter().map(|line| line.join("  ")).collect();
    let header = ["what", "measured", "bar", ""];
    let details: String = rows.iter().map(detail).collect();
    (told.join("\n"), format!("{HOW}{}\n{details}", markdown(&header, lines)))
}

fn line(what: &str, measured: &str, bar: &str, met: bool) -> Vec<String> {
    let verdict = if met { "met" } else { "MISSED" };
    vec![what.into(), measured.into(), bar.into(), verdict.into()]
}

fn figure(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

fn images(row: &Value) -> Vec<Vec<String>> {
    let systems = row["systems"].as_array().map_or(&[][..], Vec::as_slice);
    let find = |name: &str| {
        systems.iter().find(|system| system["name"] == name && system["problem"].is_null())
    };
    let (Some(eyas), batch) = (find("eyas"), figure(&row["batch"]) as u64) else { return vec![] };
    let mut lines = Vec::new();
    for (_, peer, bar) in EPOCHS.iter().filter(|bar| bar.0 == batch) {
        let what = format!("batch {batch}, an epoch, of the time of {peer}");
        let Some(system) = find(peer) else {
            lines.push(line(&what, "not measured", &format!("at most {bar:.2}"), false));
            continue;
        };
        let (ours, theirs) = (figure(&eyas["epoch_seconds"]), figure(&system["epoch_seconds"]));
        let ratio = ours / theirs;
        let told = format!("{ratio:.3} ({ours:.3} s, {theirs:.3} s)");
        lines.push(line(&what, &told, &format!("at most {bar:.3}"), ratio <= *bar));
        let (ours, theirs) = (figure(&eyas["accuracy"]), figure(&system["accuracy"]));
        let what = format!("batch {batch}, accuracy beside {peer}");
        let told = format!("{ours:.4}, {theirs:.4}");
        let met = (ours - theirs).abs() <= ACCURACY;
        lines.push(line(&what, &told, &format!("within {ACCURACY}"), met));
    }
    lines
}

fn one_row(row: &Value) -> Vec<Vec<String>> {
    let us = figure(&row["row_us"]);
    let mut lines = vec![line(
        "one row, median us",
        &format!("{us:.2}"),
        &format!("at most {ROW_US}"),
        us <= ROW_US,
    )];
    if !row["half_row_us"].is_null() {
        let half = figure(&row["half_row_us"]);
        let lost = figure(&row["accuracy"]) - figure(&row["half_accuracy"]);
        let told = format!("{half:.2} us, {lost:+.4} accuracy lost");
        let met = half < us && lost.abs() <= HALF_ACCURACY;
        lines.push(line(
            "one row in 16 bits",
            &told,
            &format!("faster, within {HALF_ACCURACY}"),
            met,
        ));
    }
    lines
}

fn rates(rows: &[&Value]) -> Vec<Vec<String>> {
    if rows.is_empty() {
        return vec![];
    }
    let n = rows.len() as f64;
    let count =
        |holds: &dyn Fn(&Value) -> bool| rows.iter().filter(|row| holds(row)).count() as f64;
    let near = count(&|row| figure(&row["default"]) <= NEAR * figure(&row["tuned"]));
    let better = count(&|row| figure(&row["default"]) < figure(&row["adam"]));
    let slowest = rows.iter().map(|row| figure(&row["time_share"])).fold(0.0, f64::max);
    let of = |count: f64, least: f64| {
        (
            format!("{count} of {n} tables"),
            format!("at least {:.0}", (least * n).ceil()),
            count >= least * n,
        )
    };
    let (told, bar, met) = of(near, NEAR_TABLES);
    let mut lines = vec![line("default within 1 % of the best of 12 rates", &told, &bar, met)];
    let (told, bar) = (format!("{slowest:.3}"), format!("at most {TIME_SHARE:.3}"));
    lines.push(line(
        "time of the default, of tuning, at worst",
        &told,
        &bar,
        slowest <= TIME_SHARE,
    ));
    let (told, bar, met) = of(better, BETTER_TABLES);
    lines.push(line("default better than Adam at 0.001", &told, &bar, met));
    lines
}

fn schedules(rows: &[&Value]) -> Vec<Vec<String>> {
    let sum = |field: &str| rows.iter().map(|row| figure(&row[field])).sum::<f64>();
    let n = sum("n_pairs");
    if n == 0.0 {
        return vec![];
    }
    let (falling, free) = (sum("falling") / n, sum("free") / n);
    let told = format!("falling {falling:.3}, Schedule-Free {free:.3} of {n} pairs");
    let met = falling.max(free) >= PAIRS;
    vec![line("won over a constant rate", &told, &format!("at least {PAIRS}"), met)]
}

fn detail(row: &Value) -> String {
    let key = row["key"].as_str().unwrap_or_default();
    let told = row["error"].as_str().or(row["summary"].as_str()).unwrap_or_default();
    let load = number(&row["load_before"], 1);
    let Some(systems) = row["systems"].as_array() else {
        return format!("## {key}\n\n{told}. Load before: {load}\n\n");
    };
    let one = |system: &Value| {
        let name = system["name"].as_str().unwrap_or_default();
        if let Some(problem) = system["problem"].as_str() {
            return vec![name.into(), format!("failed: {problem}"), "-".into(), "-".into()];
        }
        vec![
            format!("{name} {}", system["version"].as_str().unwrap_or_default()),
            number(&system["epoch_seconds"], 3),
            number(&system["accuracy"], 4),
            number(&system["row_us"], 2),
        ]
    };
    let header = ["system", "seconds an epoch", "accuracy", "one row, us"];
    format!("## {key}\n\nLoad before: {load}\n\n{}\n", markdown(&header, systems.iter().map(one)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_bar_is_judged() {
        let rows = [
            json!({"key": "images-32", "batch": 32, "systems": [
                {"name": "eyas", "epoch_seconds": 0.2, "accuracy": 0.978},
                {"name": "torch", "epoch_seconds": 0.7, "accuracy": 0.979},
                {"name": "keras", "epoch_seconds": 1.9, "accuracy": 0.97},
            ]}),
            json!({"key": "row", "row_us": 4.0, "accuracy": 0.978, "half_row_us": 3.0, "half_accuracy": 0.9779}),
            json!({"key": "rates-a", "default": 1.005, "tuned": 1.0, "adam": 1.1, "time_share": 0.1}),
            json!({"key": "schedules-a", "n_pairs": 10, "falling": 6, "free": 8}),
            json!({"key": "rates-b", "error": "no table"}),
        ];
        let (verdicts, page) = page(&rows);
        let ends: Vec<&str> =
            verdicts.lines().map(|line| line.rsplit("  ").next().unwrap()).collect();
        let expected =
            ["MISSED", "MISSED", "MISSED", "met", "met", "met", "met", "met", "met", "met", "met"];
        assert_eq!(ends, expected, "{verdicts}");
        assert!(page.contains("## rates-b\n\nno table"), "{page}");
    }

    #[test]
    fn a_peer_that_failed_is_said_to_be_missing() {
        let rows = [json!({"key": "images-256", "batch": 256, "systems": [
            {"name": "eyas", "epoch_seconds": 0.1, "accuracy": 0.978},
            {"name": "torch", "problem": "no wheel"},
        ]})];
        let (verdicts, page) = page(&rows);
        assert_eq!(verdicts.matches("not measured").count(), 2, "{verdicts}");
        assert!(page.contains("failed: no wheel"), "{page}");
    }
}
