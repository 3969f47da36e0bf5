//! A run's report as text.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use eyas::Report;
use eyas::report::{Contribution, MeasuredLatency, PriceRow, Training};

use crate::console::Style;
use crate::quantities::{counted, show_bytes, show_ns, show_seconds};

/// The whole report.
pub fn text(report: &Report, style: Style) -> String {
    let mut parts = vec![price_list(report, style)];
    if !report.more_latency.is_empty() {
        parts.push(report.more_latency.clone());
    }
    parts.push(contributions(report, style));
    parts.extend(trainings(report, style));
    parts.push(outcome(report, style));
    parts.join("\n\n")
}

/// Score against latency, bytes and training time.
fn price_list(report: &Report, style: Style) -> String {
    let metric = format!("{} ± se", report.metric);
    let mut table = plain_table(&["", "model", &metric, "p50", "p99", "bytes", "training"]);
    for row in &report.price_list {
        table.add_row(price_cells(row));
    }
    align_right(&mut table, 2..7);
    let direction = if report.higher_is_better { "higher" } else { "lower" };
    let title = format!(
        "Price list: {} on validation rows ({}), {direction} is better; one row, warm caches; \
         * chosen and measured, the others estimated",
        report.metric, report.validation
    );
    format!("{}\n{}", style.bold(&title), table.trim_fmt())
}

fn price_cells(row: &PriceRow) -> Vec<String> {
    vec![
        if row.chosen { "*" } else { "" }.into(),
        row.model.clone(),
        format!("{} ± {}", digits(row.score, row.score_se), se(row.score_se)),
        show_ns(row.p50_ns),
        show_ns(row.p99_ns),
        show_bytes(row.bytes),
        show_seconds(row.train_seconds),
    ]
}

/// What each method contributed.
fn contributions(report: &Report, style: Style) -> String {
    let gain = format!("{} gained ± se", report.metric);
    let mut table = plain_table(&["method", &gain, "p99 saved", "seconds", "compared"]);
    for row in &report.contributions {
        table.add_row(contribution_cells(row));
    }
    align_right(&mut table, 1..4);
    format!("{}\n{}", style.bold("What each method contributed"), table.trim_fmt())
}

fn contribution_cells(row: &Contribution) -> Vec<String> {
    if !row.on {
        return vec![
            row.method.clone(),
            "off".into(),
            String::new(),
            String::new(),
            row.how.clone(),
        ];
    }
    let gain_se = row.score_gain_se.unwrap_or(f64::NAN);
    let gain = match row.score_gain_se {
        Some(_) => format!("{} ± {}", signed(row.score_gain, gain_se), se(gain_se)),
        None => signed(row.score_gain, gain_se),
    };
    let saved = if row.ns_saved == 0.0 { "0 ns".into() } else { show_ns(row.ns_saved) };
    vec![row.method.clone(), gain, saved, show_seconds(row.seconds), row.how.clone()]
}

/// Rate and loss by step of the members that are trained step by step.
fn trainings(report: &Report, style: Style) -> Option<String> {
    if report.trainings.is_empty() {
        return None;
    }
    let mut lines = vec![style.bold("Learning rate and validation loss by epoch (first fold)")];
    report.trainings.iter().for_each(|training| lines.extend(training_lines(training)));
    Some(lines.join("\n"))
}

fn training_lines(training: &Training) -> Vec<String> {
    let mut lines =
        vec![format!("  {} of trial {}: {}", training.learner, training.trial, training.schedule)];
    let rates = training.steps.iter().map(|(_, rate, _)| *rate).collect::<Vec<f64>>();
    let losses = training.steps.iter().filter_map(|(.., loss)| *loss).collect::<Vec<f64>>();
    for (name, values) in [("rate", rates), ("loss", losses)] {
        let (Some(first), Some(last)) = (values.first(), values.last()) else { continue };
        lines.push(format!("    {name} {}  {first:.3e} to {last:.3e}", spark(&values)));
    }
    if training.n_recovered > 0 {
        lines.push(format!(
            "    it diverged and went back to its last good state, at half the rate: {}",
            counted(training.n_recovered, "time")
        ));
    }
    lines
}

/// Most letters of a line that is drawn.
const SPARK_WIDTH: usize = 60;

/// Values as a line of blocks, from the least to the largest.
fn spark(values: &[f64]) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let (low, high) =
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &v| (a.min(v), b.max(v)));
    let block = |value: f64| {
        let share = if high > low { (value - low) / (high - low) } else { 0.0 };
        BLOCKS[((share * 8.0) as usize).min(7)]
    };
    let n = values.len().min(SPARK_WIDTH);
    (0..n).map(|at| block(values[at * values.len() / n])).collect()
}

/// The chosen model: its score, its latency, whether the limits are met, where it is.
fn outcome(report: &Report, style: Style) -> String {
    let mut lines = vec![format!("{} {}", style.bold("Chosen"), report.chosen)];
    let score = &report.score;
    lines.push(format!(
        "  {} {} ± {} on {} {}",
        score.metric,
        digits(score.value, score.se),
        se(score.se),
        crate::quantities::show_count(score.n_rows as u64),
        score.rows,
    ));
    if let Some(latency) = &report.latency {
        lines.extend(latency_lines(latency));
    }
    lines.extend(contract_lines(report, style));
    lines.push(format!(
        "  {} ({} failed or infeasible) in {}; ended: {}",
        counted(report.n_trials as u64, "trial"),
        report.n_failed,
        show_seconds(report.seconds),
        report.stop_reason,
    ));
    for notice in &report.notices {
        lines.push(format!("{} {notice}", style.yellow("note:")));
    }
    if let Some(path) = &report.model_path {
        lines.push(format!("{} {path} ({})", style.bold("Model"), show_bytes(report.file_bytes)));
    }
    lines.push(format!("{} {}", style.bold("Run"), report.run_dir));
    lines.join("\n")
}

/// Measured latency in one or two lines.
pub fn latency_lines(latency: &MeasuredLatency) -> Vec<String> {
    let mut lines = vec![format!(
        "  p50 {}, p99 {} (at most {} with 95 % confidence), p99.9 {}, over {} distinct rows",
        show_ns(latency.p50_ns),
        show_ns(latency.p99_ns),
        show_ns(latency.p99_upper_ns),
        show_ns(latency.p999_ns),
        crate::quantities::show_count(latency.n_rows as u64),
    )];
    if let (Some(p50), Some(p99)) = (latency.cold_p50_ns, latency.cold_p99_ns) {
        lines.push(format!("  with cold caches p50 {}, p99 {}", show_ns(p50), show_ns(p99)));
    }
    lines
}

fn contract_lines(report: &Report, style: Style) -> Vec<String> {
    let contract = &report.contract;
    let limits: Vec<String> = [
        contract.latency_limit_ns.map(|ns| format!("p99 up to {}", show_ns(ns))),
        contract.size_limit_bytes.map(|bytes| format!("file up to {}", show_bytes(bytes))),
    ]
    .into_iter()
    .flatten()
    .collect();
    if limits.is_empty() {
        return Vec::new();
    }
    let verdict = if contract.met { style.green("met") } else { style.red("not met") };
    let mut lines = vec![format!("  limits ({}): {verdict}", limits.join(", "))];
    if !contract.explanation.is_empty() {
        lines.push(format!("  {}", contract.explanation));
    }
    lines
}

/// A table without lines.
pub fn plain_table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    if table.width().is_none() {
        table.set_width(120);
    }
    table.set_header(header);
    table
}

/// Aligns columns of numbers.
pub fn align_right(table: &mut Table, columns: std::ops::Range<usize>) {
    for at in columns {
        if let Some(column) = table.column_mut(at) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// A score with as many digits as its standard error deserves.
pub fn digits(value: f64, se: f64) -> String {
    let places = places(value, se);
    format!("{value:.places$}")
}

/// A standard error with two digits.
pub fn se(se: f64) -> String {
    let places = places(se, se);
    if se.is_finite() { format!("{se:.places$}") } else { "?".into() }
}

fn signed(value: f64, se: f64) -> String {
    let places = places(value, se);
    format!("{value:+.places$}")
}

/// Decimal places: two digits of a standard error, else four digits of the value.
fn places(value: f64, se: f64) -> usize {
    let (by, n_digits) = if se.is_finite() && se > 0.0 { (se, 1.0) } else { (value.abs(), 3.0) };
    if by > 0.0 { (n_digits - by.log10().floor()).clamp(0.0, 6.0) as usize } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyas::report::{Contract, Score};

    fn example() -> Report {
        Report {
            task: "binary".into(),
            target: "class".into(),
            metric: "roc_auc".into(),
            higher_is_better: true,
            n_rows: 48_842,
            n_features: 14,
            validation: "holdout of 20 %".into(),
            n_trials: 41,
            n_failed: 2,
            price_list: vec![
                PriceRow {
                    model: "linear".into(),
                    trial: Some(3),
                    score: 0.9061,
                    score_se: 0.00312,
                    p50_ns: 190.0,
                    p99_ns: 260.0,
                    bytes: 2_400,
                    train_seconds: 0.41,
                    chosen: false,
                },
                PriceRow {
                    model: "boosting n_estimators=180".into(),
                    trial: Some(9),
                    score: 0.92871,
                    score_se: 0.0027,
                    p50_ns: 2_900.0,
                    p99_ns: 4_100.0,
                    bytes: 184_000,
                    train_seconds: 3.2,
                    chosen: true,
                },
            ],
            more_latency: "20 us more would buy nothing.".into(),
            contributions: vec![
                Contribution {
                    method: "rate".into(),
                    on: true,
                    score_gain: 0.0011,
                    score_gain_se: Some(0.0004),
                    ns_saved: -120.0,
                    seconds: 9.5,
                    how: "best with a schedule against best with a constant rate".into(),
                },
                Contribution {
                    method: "transfer".into(),
                    on: false,
                    score_gain: 0.0,
                    score_gain_se: None,
                    ns_saved: 0.0,
                    seconds: 0.0,
                    how: "switched off".into(),
                },
            ],
            chosen: "boosting n_estimators=180".into(),
            members: vec![(1.0, "boosting".into(), "learning_rate=0.1".into())],
            trainings: vec![],
            score: Score {
                metric: "roc_auc".into(),
                value: 0.92794,
                se: 0.0026,
                n_rows: 4_884,
                rows: "sealed rows".into(),
            },
            latency: Some(MeasuredLatency {
                n_rows: 20_000,
                p50_ns: 2_950.0,
                p99_ns: 4_300.0,
                p99_upper_ns: 4_420.0,
                p999_ns: 9_000.0,
                max_ns: 61_000.0,
                cold_p50_ns: Some(5_100.0),
                cold_p99_ns: Some(8_800.0),
            }),
            predicted_p50_ns: 2_900.0,
            contract: Contract {
                latency_limit_ns: Some(20_000.0),
                size_limit_bytes: None,
                met: true,
                explanation: String::new(),
            },
            file_bytes: 190_112,
            model_path: Some("adult.eyas".into()),
            run_dir: "runs/adult".into(),
            importances: vec![("age".into(), 0.4)],
            references: Vec::new(),
            stop_reason: "the budget is used up".into(),
            budget_seconds: Some(60.0),
            seconds: 58.7,
            seed: 0,
            notices: vec!["column `id` is constant and was left out".into()],
        }
    }

    #[test]
    fn rate_and_loss_of_a_training_are_drawn_with_the_reason() {
        let steps = (0..4).map(|step| (step, 0.004 - 0.001 * step as f64, Some(1.0)));
        let training = Training {
            trial: 7,
            learner: "mlp".into(),
            schedule: "linear: the end is known".into(),
            steps: steps.chain([(4, 0.0, None)]).collect(),
            n_recovered: 1,
        };
        assert_eq!(
            training_lines(&training),
            [
                "  mlp of trial 7: linear: the end is known",
                "    rate █▇▅▃▁  4.000e-3 to 0.000e0",
                "    loss ▁▁▁▁  1.000e0 to 1.000e0",
                "    it diverged and went back to its last good state, at half the rate: 1 time",
            ]
        );
    }

    #[test]
    fn a_report_reads_well() {
        insta::assert_snapshot!(text(&example(), Style::PLAIN));
    }

    #[test]
    fn digits_follow_the_standard_error() {
        assert_eq!(digits(0.928714, 0.00312), "0.9287");
        assert_eq!(se(0.00312), "0.0031");
        assert_eq!(digits(46_512.3, 410.0), "46512");
        assert_eq!(digits(0.5, f64::NAN), "0.5000");
    }
}
