//! A comparison of methods as text: while it goes on, and what it found.

use std::cell::Cell;
use std::path::Path;
use std::time::Instant;

use eyas::Budget;
use eyas::compare::{CompareOptions, Comparison, Effect, Estimate, MethodResult, Step};
use eyas::compare::{VariantResult, Verdict};

use crate::console::{self, Style};
use crate::quantities::{counted, show_bytes, show_ns, show_seconds};
use crate::report::{align_right, digits, plain_table, se};

/// Tells on standard error what a comparison does.
pub struct Told {
    is_quiet: bool,
    /// Seconds of a run; `None` for work units.
    seconds: Option<f64>,
    work: Option<u64>,
    n_runs: Cell<usize>,
    /// Runs that were known at the start, and that have ended since.
    n_known: Cell<usize>,
    n_ended: Cell<usize>,
    began: Instant,
}

impl Told {
    /// For a comparison with these options.
    pub fn new(options: &CompareOptions, is_quiet: bool) -> Told {
        let (seconds, work) = match options.fit.budget {
            Budget::Wall { seconds, .. } => (Some(seconds), None),
            Budget::Work(units) => (None, Some(units)),
        };
        let zero = || Cell::new(0);
        let (n_runs, n_known, n_ended) = (zero(), zero(), zero());
        Told { is_quiet, seconds, work, n_runs, n_known, n_ended, began: Instant::now() }
    }

    /// Tells of a step.
    pub fn step(&self, step: &Step<'_>) {
        match step {
            Step::Planned { n_variants, n_seeds, n_folds, n_known, .. } => {
                self.n_runs.set(n_variants * n_seeds * n_folds);
                self.n_known.set(*n_known);
            }
            Step::Ended { .. } => self.n_ended.set(self.n_ended.get() + 1),
            _ => {}
        }
        if !self.is_quiet {
            console::tell(&self.words(step));
        }
    }

    fn words(&self, step: &Step<'_>) -> String {
        let n_runs = self.n_runs.get();
        match step {
            Step::Planned { n_variants, n_seeds, n_folds, n_known, sealed, notices } => {
                let each = match (self.seconds, self.work) {
                    (Some(seconds), _) => show_seconds(seconds),
                    (None, work) => counted(work.unwrap_or_default(), "work unit"),
                };
                let parts = [
                    counted(*n_variants as u64, "variant"),
                    counted(*n_seeds as u64, "seed"),
                    counted(*n_folds as u64, if *n_folds > 1 { "fold" } else { "split" }),
                ];
                let time = self.seconds.map(|seconds| {
                    format!(", at most {}", show_seconds(seconds * (n_runs - n_known) as f64))
                });
                let known =
                    if *n_known > 0 { format!(", {n_known} done before") } else { "".into() };
                let mut lines = vec![
                    format!("sealed for the score: {sealed}"),
                    format!(
                        "{} x {each}: {}{known}{}",
                        parts.join(" x "),
                        counted(n_runs as u64, "run"),
                        time.unwrap_or_default()
                    ),
                ];
                let note = |notice| format!("{} {notice}", Style::of_stderr().yellow("note:"));
                lines.splice(0..0, notices.iter().map(note));
                lines.join("\n")
            }
            Step::Started { number, variant, fold, seed } => {
                format!("[{number}/{n_runs}] {variant}, fold {}, seed {seed}", fold + 1)
            }
            Step::Ended { report: None, .. } => "  no model".into(),
            Step::Ended { report: Some(report), .. } => {
                let latency = report.latency.as_ref();
                format!(
                    "  {}, {} inside, p50 {}, {} in {}{}",
                    report.chosen,
                    digits(report.score.value, report.score.se),
                    latency.map_or_else(|| "-".into(), |latency| show_ns(latency.p50_ns)),
                    counted(report.n_trials as u64, "trial"),
                    show_seconds(report.seconds),
                    self.left()
                )
            }
            Step::Scoring => "scoring on the sealed rows, measuring in turns".into(),
        }
    }

    /// What is left, by what the runs took so far.
    fn left(&self) -> String {
        let n_ended = self.n_ended.get();
        let n_left = self.n_runs.get().saturating_sub(self.n_known.get() + n_ended);
        if n_left == 0 || n_ended == 0 {
            return String::new();
        }
        let each = self.began.elapsed().as_secs_f64() / n_ended as f64;
        format!("; about {} left", show_seconds(each * n_left as f64))
    }
}

/// The tables and what follows from them.
pub fn text(comparison: &Comparison) -> String {
    let direction = if comparison.higher_is_better { "higher" } else { "lower" };
    let title = format!(
        "{} on sealed rows ({direction} is better): {}",
        comparison.metric, comparison.sealed
    );
    let notes = [
        format!("± standard errors {}.", comparison.errors),
        format!("p50 and p99 of one row: {}.", comparison.latency),
    ];
    let lines: Vec<String> =
        comparison.methods.iter().map(|method| method_line(comparison, method)).collect();
    let table = table_of(comparison);
    format!(
        "{title}\n{table}\n{}\n\n{}\n\n{}",
        notes.join("\n"),
        lines.join("\n"),
        advice(comparison)
    )
}

fn table_of(comparison: &Comparison) -> String {
    let score = format!("{} ± se", comparison.metric);
    let has_limits = comparison.latency_limit_ns.is_some() || comparison.size_limit_bytes.is_some();
    let mut header =
        vec!["variant", &score, "gain over all ± se", "p50", "p99", "bytes", "seconds", "trials"];
    if has_limits {
        header.push("limits met");
    }
    let mut table = plain_table(&header);
    for variant in &comparison.variants {
        let mut cells = cells(variant);
        if has_limits {
            cells.push(format!("{} of {}", variant.n_met, variant.n_runs));
        }
        table.add_row(cells);
    }
    align_right(&mut table, 1..header.len());
    table.trim_fmt()
}

fn cells(variant: &VariantResult) -> Vec<String> {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
    let failed = match variant.n_failed {
        0 => String::new(),
        n => format!(" ({} without a model)", counted(n as u64, "run")),
    };
    vec![
        format!("{}{failed}", variant.variant),
        or_dash(variant.score.as_ref().map(|score| with_error(score, digits))),
        or_dash(variant.gain.as_ref().map(|gain| with_error(gain, signed))),
        or_dash(variant.p50_ns.map(show_ns)),
        or_dash(variant.p99_ns.map(show_ns)),
        or_dash(variant.bytes.map(|bytes| show_bytes(bytes.round() as u64))),
        or_dash(variant.seconds.map(show_seconds)),
        or_dash(variant.n_trials.map(|n| format!("{n:.0}"))),
    ]
}

fn signed(value: f64, error: f64) -> String {
    let text = digits(value, error);
    // What is rounded to zero has no sign.
    let is_zero = !text.contains(|c: char| c.is_ascii_digit() && c != '0');
    match text.strip_prefix('-') {
        Some(zero) if is_zero => zero.into(),
        None if !is_zero => format!("+{text}"),
        _ => text,
    }
}

fn with_error(estimate: &Estimate, value: fn(f64, f64) -> String) -> String {
    let error = estimate.se.unwrap_or(f64::NAN);
    format!("{} ± {}", value(estimate.value, error), se(error))
}

/// What one method contributes, in one line.
fn method_line(comparison: &Comparison, result: &MethodResult) -> String {
    let method = &result.method;
    let verdict = match result.verdict {
        Verdict::Needed => "needed here, without it the limits are missed",
        Verdict::Worth => "worth it here",
        Verdict::Trade => "a trade between score and latency",
        Verdict::NoDifference => "no difference seen",
        Verdict::Harms => "better left out here",
        Verdict::NotKnown => return format!("{method}: not known, no runs with and without it"),
        Verdict::CannotHelpYet => {
            return format!("{method}: cannot help yet, the memory has no other task of this kind");
        }
    };
    let Some(added) = &result.added else { return format!("{method}: {verdict}") };
    let alone = match &result.alone {
        Some(alone) => format!(" (alone: {})", effect_words(&comparison.metric, alone)),
        None => String::new(),
    };
    format!("{method}: {}: {verdict}{alone}", effect_words(&comparison.metric, added))
}

fn effect_words(metric: &str, effect: &Effect) -> String {
    let Estimate { value, se: error, .. } = effect.score;
    let (size, error) = (value.abs(), error.unwrap_or(f64::NAN));
    let score = match effect.score.sign() {
        _ if value == 0.0 => format!("the same {metric}"),
        1 => format!("{metric} better by {} ± {}", digits(size, error), se(error)),
        -1 => format!("{metric} worse by {} ± {}", digits(size, error), se(error)),
        _ => format!("{} ± {} {metric} (not seen)", signed(value, error), se(error)),
    };
    format!("{score}, {}", ns_words(&effect.p50_ns))
}

/// Of the median: what the model costs. The tail holds what the machine adds.
fn ns_words(ns: &Estimate) -> String {
    let direction = if ns.value < 0.0 { "faster" } else { "slower" };
    let size = show_ns(ns.value.abs());
    match (ns.sign(), ns.se) {
        _ if ns.value == 0.0 => "the same latency".into(),
        (_, None) => format!("{size} {direction} in the one pair (not judged)"),
        (0, Some(error)) => format!("{size} ± {} {direction} (not seen)", show_ns(error)),
        (_, Some(error)) => format!("{size} ± {} {direction}", show_ns(error)),
    }
}

/// The answer: what to use here.
fn advice(comparison: &Comparison) -> String {
    let of = |wanted: &[Verdict]| -> Vec<&str> {
        let fits = comparison.methods.iter().filter(|it| wanted.contains(&it.verdict));
        fits.map(|it| it.method.as_str()).collect()
    };
    let parts = [
        ("use here", of(&[Verdict::Needed, Verdict::Worth])),
        ("weigh score against latency", of(&[Verdict::Trade])),
        ("leave out", of(&[Verdict::Harms])),
        ("no difference seen", of(&[Verdict::NoDifference])),
        ("not known", of(&[Verdict::NotKnown, Verdict::CannotHelpYet])),
    ];
    let told = parts.iter().filter(|(_, methods)| !methods.is_empty());
    let told: Vec<String> =
        told.map(|(words, methods)| format!("{words}: {}", methods.join(", "))).collect();
    told.join("; ")
}

/// How it ended, and where things are.
pub fn ending(comparison: &Comparison, out: Option<&Path>) -> String {
    let style = Style::of_stderr();
    let mut lines = Vec::new();
    if comparison.n_ended < comparison.n_planned {
        lines.push(format!(
            "{} only {} of {} runs are done; go on with the same command and --run {}",
            style.yellow("note:"),
            comparison.n_ended,
            comparison.n_planned,
            comparison.run_dir
        ));
    }
    if let Some(out) = out {
        lines.push(format!("{} {}", style.bold("Figures"), out.display()));
    }
    lines.push(format!("{} {}", style.bold("Run"), comparison.run_dir));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(value: f64, se: Option<f64>) -> Estimate {
        Estimate { value, se, degrees_of_freedom: Some(2.0), needed: 4.53 }
    }

    fn effect(score: Estimate, ns: Estimate) -> Effect {
        Effect { score, p50_ns: ns, p99_ns: ns, bytes: -1e4, seconds: 0.0, n_pairs: 3 }
    }

    fn result(method: &str, verdict: Verdict, added: Option<Effect>) -> MethodResult {
        MethodResult { method: method.into(), verdict, alone: added.clone(), added }
    }

    fn variant(name: &str, gain: Option<Estimate>) -> VariantResult {
        VariantResult {
            variant: name.into(),
            without: Vec::new(),
            n_runs: 3,
            n_failed: usize::from(name == "none"),
            score: Some(estimate(0.92871, Some(0.0031))),
            gain,
            p50_ns: Some(4_210.0),
            p99_ns: Some(5_400.0),
            bytes: Some(184_000.4),
            seconds: Some(29.6),
            n_trials: Some(41.3),
            n_met: 2,
        }
    }

    fn example() -> Comparison {
        let unseen = estimate(-0.0002, Some(0.0005));
        let faster = estimate(-3_100.0, Some(200.0));
        let better = estimate(0.0121, Some(0.0011));
        let nothing = estimate(120.0, Some(400.0));
        Comparison {
            task: "binary".into(),
            target: "class".into(),
            metric: "roc_auc".into(),
            higher_is_better: true,
            n_rows: 48_842,
            sealed: "12211 of 48842 rows, drawn at random, shares of the target kept".into(),
            errors: "of paired differences over the sealed rows and over 3 seeds".into(),
            latency: "measured on the written models".into(),
            budget_seconds: Some(30.0),
            budget_work: None,
            latency_limit_ns: Some(2e4),
            size_limit_bytes: None,
            seeds: vec![0, 1, 2],
            n_folds: 1,
            n_planned: 30,
            n_ended: 29,
            n_past_tasks: 0,
            variants: vec![
                variant("all", None),
                variant("without pruning", Some(unseen)),
                variant("none", Some(estimate(-0.0121, None))),
            ],
            methods: vec![
                result("rate", Verdict::NoDifference, Some(effect(unseen, nothing))),
                result("selection", Verdict::Worth, Some(effect(better, nothing))),
                result("pruning", Verdict::Worth, Some(effect(unseen, faster))),
                result("transfer", Verdict::CannotHelpYet, None),
            ],
            runs: Vec::new(),
            notices: Vec::new(),
            run_dir: "runs/adult".into(),
        }
    }

    #[test]
    fn a_comparison_reads_well() {
        insta::assert_snapshot!(text(&example()));
    }

    #[test]
    fn what_is_missing_is_said_with_how_to_go_on() {
        let told = ending(&example(), Some(Path::new("all.json")));
        assert!(told.contains("29 of 30") && told.contains("--run runs/adult"), "{told}");
        assert!(told.contains("all.json"), "{told}");
        let whole = Comparison { n_ended: 30, ..example() };
        assert!(!ending(&whole, None).contains("go on"));
    }

    #[test]
    fn gains_have_a_sign_unless_they_are_zero() {
        let signs = [0.0123, -0.0123, 0.00001, -0.00001, 0.0].map(|gain| signed(gain, 0.01));
        assert_eq!(signs, ["+0.012", "-0.012", "0.000", "0.000", "0.000"]);
    }

    #[test]
    fn one_pair_is_not_judged() {
        let words = ns_words(&estimate(-3_000.0, None));
        assert_eq!(words, "3.00 us faster in the one pair (not judged)");
    }
}
