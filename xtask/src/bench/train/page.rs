//! Verdicts on what was measured, and the page that shows them.

use serde_json::Value;

use super::{CONTESTS, Contest, Kind};
use crate::bench::results::{markdown, number};

/// Least ratio of scikit-learn's time to that of `eyas grid`.
const GRID_FASTER: f64 = 40.0;
/// Most time of boosting, of the fastest peer's: on real tables, and on many rows and columns.
const BOOSTING: f64 = 0.75;
const WIDE: f64 = 0.9;
/// Most time of a forest, of scikit-learn's.
const FOREST: f64 = 0.2;
/// Most growth of time for ten times the rows, and least for one thread instead of two.
const GROWTH: f64 = 11.0;
const SPEEDUP: f64 = 1.7;

const HOW: &str = "Every system runs in a process of its own, in rounds that alternate between them; \
figures are medians over rounds. Seconds are those of making the library's own data object from the \
table in memory and of training; reading files is in nobody's time, except for `eyas grid`, which is \
timed as a command from start to end beside `GridSearchCV.fit` alone. Memory is the highest resident \
memory in that time, less what was resident before. Boosting: 300 trees of 31 leaves, rate 0.1, other \
settings as each library has them; CatBoost grows trees of depth 5 (32 leaves). Perpetual has no such \
settings and runs with its own: it is shown, but is no yardstick. Scores are of the same test rows; \
`gain` is of Eyas over that library, positive is better, with its standard error.\n\n";

/// Verdicts in a line each, and the page.
pub(super) fn page(rows: &[Value]) -> (String, String) {
    let measured = CONTESTS
        .iter()
        .filter_map(|contest| Some((contest, rows.iter().find(|row| row["key"] == contest.name)?)));
    let (mut lines, mut details) = (Vec::new(), String::new());
    for (contest, row) in measured {
        match row["error"].as_str() {
            Some(problem) => lines.push(line(contest, "failed", problem, "-", "-", false)),
            None => lines.extend(verdicts(contest, row)),
        }
        details += &detail(contest, row);
    }
    let told: Vec<String> = lines.iter().map(|line| line.join("  ")).collect();
    let header = ["what", "figure", "measured", "bar", ""];
    (told.join("\n"), format!("{HOW}{}\n{details}", markdown(&header, lines)))
}

fn line(
    contest: &Contest,
    figure: &str,
    measured: &str,
    bar: &str,
    note: &str,
    met: bool,
) -> Vec<String> {
    let verdict = if met { "met" } else { "MISSED" };
    let measured = if note == "-" { measured.into() } else { format!("{measured} ({note})") };
    vec![contest.name.into(), figure.into(), measured, bar.into(), verdict.into()]
}

fn verdicts(contest: &Contest, row: &Value) -> Vec<Vec<String>> {
    match contest.kind {
        Kind::Grid { .. } => grid(contest, row),
        Kind::Boosting { .. } => versus(contest, row, BOOSTING, false),
        Kind::Wide { .. } => versus(contest, row, WIDE, true),
        Kind::Forest { .. } => versus(contest, row, FOREST, false),
        Kind::Growth { .. } => growth(contest, row),
    }
}

fn figure(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

fn grid(contest: &Contest, row: &Value) -> Vec<Vec<String>> {
    let faster = figure(&row["peer_seconds"]) / figure(&row["seconds"]);
    let note = format!("{:.2} s of {:.2}", figure(&row["seconds"]), figure(&row["peer_seconds"]));
    let (mean, peer) = (figure(&row["best"]["mean"]), figure(&row["peer_best"]["mean"]));
    // Of a mean over five folds.
    let standard_error = figure(&row["peer_best"]["std"]) / 5f64.sqrt();
    let note_of_score = format!("scikit-learn {peer:.4}, standard error {standard_error:.4}");
    vec![
        line(
            contest,
            "times faster than scikit-learn",
            &format!("{faster:.1}"),
            &format!("at least {GRID_FASTER}"),
            &note,
            faster >= GRID_FASTER,
        ),
        line(
            contest,
            "best mean accuracy",
            &format!("{mean:.4}"),
            "within a standard error",
            &note_of_score,
            mean >= peer - standard_error,
        ),
    ]
}

/// Eyas and the peers that count.
fn split(row: &Value) -> (Option<&Value>, Vec<&Value>) {
    let systems = row["systems"].as_array().map_or(&[][..], Vec::as_slice);
    let counts = |system: &&Value| system["problem"].is_null() && system["own_settings"] != true;
    let eyas = systems.iter().find(|system| system["name"] == "eyas");
    let peers = systems.iter().filter(|system| system["name"] != "eyas").filter(counts);
    (eyas, peers.collect())
}

fn versus(contest: &Contest, row: &Value, bar: f64, with_memory: bool) -> Vec<Vec<String>> {
    let (Some(eyas), peers) = split(row) else { return Vec::new() };
    let least = |field: &str| {
        let of =
            |system: &&Value| system[field].as_f64().map(|value| (value, system["name"].clone()));
        peers.iter().filter_map(of).min_by(|a, b| a.0.total_cmp(&b.0))
    };
    let mut lines = Vec::new();
    let mut ratio_line = |field: &str, title: &str, bar: f64| {
        let Some((peer, name)) = least(field) else { return };
        let (ours, name) = (figure(&eyas[field]), name.as_str().unwrap_or_default().to_string());
        let note = match field {
            "seconds" => format!("{ours:.2} s, {name} {peer:.2} s"),
            _ => format!("{:.0} MB, {name} {:.0} MB", ours / 1e6, peer / 1e6),
        };
        let ratio = ours / peer;
        let told = format!("{ratio:.2}");
        lines.push(line(contest, title, &told, &format!("at most {bar}"), &note, ratio <= bar));
    };
    ratio_line("seconds", "time, of the fastest peer's", bar);
    if with_memory {
        ratio_line("peak_bytes", "memory, of the leanest peer's", 1.0);
    }
    let worst =
        peers.iter().min_by(|a, b| figure(&a["eyas_gains"]).total_cmp(&figure(&b["eyas_gains"])));
    if let Some(best) = worst {
        let (gain, error) = (figure(&best["eyas_gains"]), figure(&best["gain_se"]));
        let note =
            format!("{}, standard error {error:.5}", best["name"].as_str().unwrap_or_default());
        let title = "score gained over the best peer";
        lines.push(line(
            contest,
            title,
            &format!("{gain:+.5}"),
            "no worse by a standard error",
            &note,
            gain >= -error,
        ));
    }
    lines
}

fn growth(contest: &Contest, row: &Value) -> Vec<Vec<String>> {
    let steps = ["100,000 to 1,000,000 rows", "1,000,000 to 10,000,000 rows"];
    let ratios = row["ratios"].as_array().map_or(&[][..], Vec::as_slice);
    let mut lines: Vec<Vec<String>> = steps
        .iter()
        .zip(ratios)
        .map(|(title, ratio)| {
            let (told, bar) = (format!("x {:.2}", figure(ratio)), format!("at most x {GROWTH}"));
            line(contest, title, &told, &bar, "-", figure(ratio) <= GROWTH)
        })
        .collect();
    let speedup = figure(&row["speedup"]);
    let bar = format!("at least x {SPEEDUP}");
    let title = "one thread to two, 1,000,000 rows";
    lines.push(line(contest, title, &format!("x {speedup:.2}"), &bar, "-", speedup >= SPEEDUP));
    lines
}

fn detail(contest: &Contest, row: &Value) -> String {
    let Some(systems) = row["systems"].as_array() else {
        let told = row["summary"].as_str().or(row["error"].as_str()).unwrap_or_default();
        return format!("## {}\n\n{told}\n\n", contest.name);
    };
    let one = |system: &Value| {
        let name = system["name"].as_str().unwrap_or_default().to_string();
        if let Some(problem) = system["problem"].as_str() {
            return vec![name, format!("failed: {problem}")];
        }
        let megabytes = figure(&system["peak_bytes"]) / 1e6;
        vec![
            format!("{name} {}", system["version"].as_str().unwrap_or_default()),
            number(&system["seconds"], 3),
            number(&system["data_seconds"], 3),
            format!("{megabytes:.0}"),
            number(&system["score"], 5),
            number(&system["eyas_gains"], 5),
            number(&system["gain_se"], 5),
        ]
    };
    let metric = row["metric"].as_str().unwrap_or("score");
    let header = ["system", "seconds", "of them data", "peak MB", metric, "gain of Eyas", "its se"];
    let table = markdown(&header, systems.iter().map(one));
    format!("## {}\n\nLoad before: {}\n\n{table}\n", contest.name, number(&row["load_before"], 1))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn peers_with_settings_of_their_own_are_no_yardstick() {
        let row = json!({"key": "boosting-adult", "metric": "roc_auc", "systems": [
            {"name": "eyas", "seconds": 1.4, "peak_bytes": 1e6, "score": 0.90},
            {"name": "lightgbm", "seconds": 2.0, "peak_bytes": 2e6, "score": 0.91, "eyas_gains": -0.01, "gain_se": 0.001, "own_settings": false},
            {"name": "perpetual", "seconds": 1.0, "score": 0.91, "eyas_gains": -0.5, "gain_se": 0.001, "own_settings": true},
            {"name": "xgboost", "problem": "no memory"},
        ]});
        let (verdicts, page) = page(&[row]);
        assert!(
            verdicts.contains("0.70 (1.40 s, lightgbm 2.00 s)  at most 0.75  met"),
            "{verdicts}"
        );
        assert!(verdicts.contains("-0.01000 (lightgbm, standard error 0.00100)"), "{verdicts}");
        assert!(verdicts.ends_with("MISSED"), "{verdicts}");
        assert!(page.contains("failed: no memory"), "{page}");
    }

    #[test]
    fn grids_and_growth_are_judged() {
        let rows = [
            json!({"key": "grid-digits", "seconds": 1.0, "peer_seconds": 39.0,
                   "best": {"mean": 0.95}, "peer_best": {"mean": 0.951, "std": 0.01}, "summary": ""}),
            json!({"key": "growth", "ratios": [10.5, 11.5], "speedup": 1.8, "summary": ""}),
        ];
        let (verdicts, _) = page(&rows);
        let ends: Vec<&str> =
            verdicts.lines().map(|line| line.rsplit("  ").next().unwrap()).collect();
        assert_eq!(ends, ["MISSED", "met", "met", "MISSED", "met"]);
    }
}
