//! From the models of all runs to means, differences and verdicts.

use std::collections::BTreeMap;

use eyas_learn::{Metric, Table, Task};

use super::Known;
use super::estimate::{Estimate, Pair, mean};
use super::folder::{Folder, Record};
use super::report::{Effect, MethodResult, RunResult, VariantResult};
use super::scoring::{Loaded, measured_in_turns};
use super::sealing::Fold;
use super::variants::Variant;
use super::verdict::{Seen, Verdict, judge};
use crate::error::Error;
use crate::options::Method;

/// What the results are made of.
pub(super) struct Ended<'a> {
    pub table: &'a Table,
    pub task: &'a Task,
    pub folds: &'a [Fold],
    pub seeds: &'a [u64],
    pub variants: &'a [Variant],
    pub folder: &'a Folder,
    pub by_work: bool,
    pub latency_ns: Option<f64>,
    pub size_bytes: Option<u64>,
    /// Times that each model is measured.
    pub n_rounds: usize,
}

/// All runs scored, and the errors of their differences that come from the rows.
pub(super) struct Scores {
    pub runs: Vec<RunResult>,
    /// By (variant, fold, seed): of the difference from the variant's reference, and from `all`.
    rows_se: BTreeMap<(String, usize, u64), (f64, f64)>,
    metric: &'static Metric,
    /// Sealed rows over rows that are learned from.
    test_share: f64,
}

/// A run that has ended with what it predicts.
struct Scored {
    variant: Variant,
    record: Record,
    model: Loaded,
    predictions: Vec<f64>,
}

impl Ended<'_> {
    /// Scores and measures every run that has ended.
    ///
    /// # Errors
    /// A model cannot be read, or cannot predict the sealed rows.
    pub fn scores(&self) -> Result<Scores, Error> {
        let of = |rows: fn(&Fold) -> usize| self.folds.iter().map(rows).sum::<usize>() as f64;
        let test_share = of(|fold| fold.sealed.len()) / of(|fold| fold.learned.len());
        let metric = self.task.metric;
        let mut scores = Scores { runs: Vec::new(), rows_se: BTreeMap::new(), metric, test_share };
        for &seed in self.seeds {
            for fold in 0..self.folds.len() {
                self.score_block(fold, seed, &mut scores)?;
            }
        }
        Ok(scores)
    }

    fn score_block(&self, fold: usize, seed: u64, scores: &mut Scores) -> Result<(), Error> {
        let sealed = &self.folds[fold].sealed;
        let known = Known::of_rows(self.task, sealed);
        let mut block: Vec<Scored> = Vec::new();
        for &variant in self.variants {
            let name = variant.name();
            let Some(record) = self.folder.find(&name, fold, seed).cloned() else { continue };
            if record.failed.is_some() {
                scores.runs.push(failed(record));
                continue;
            }
            let model = Loaded::open(&self.folder.model(&name, fold, seed))?;
            let predictions = model.predict(self.table, sealed)?;
            block.push(Scored { variant, record, model, predictions });
        }
        let models: Vec<&Loaded> = block.iter().map(|run| &run.model).collect();
        let measured = measured_in_turns(&models, self.table, &self.task.rows, self.n_rounds);
        let metric = self.task.metric;
        for (run, measured) in block.iter().zip(measured) {
            let n_outputs = run.model.predictor.n_outputs();
            let ours = known.scored(&run.predictions, n_outputs);
            let (loss, se) = metric.loss_and_se(&ours);
            let priced = run.model.priced();
            let used = if self.by_work { Some(priced) } else { measured };
            let paired = |other: Variant| {
                let other = block.iter().find(|run| run.variant == other);
                other.map_or(f64::NAN, |other| {
                    metric.paired_se(&ours, &known.scored(&other.predictions, n_outputs))
                })
            };
            let errors = (paired(run.variant.reference()), paired(Variant::All));
            scores.rows_se.insert((run.variant.name(), fold, seed), errors);
            let record = run.record.clone();
            scores.runs.push(RunResult {
                score: Some(metric.value(loss)).filter(|score| score.is_finite()),
                score_se: Some(se).filter(|se| se.is_finite()),
                p50_ns: used.map(|used| used.p50_ns),
                p99_ns: used.map(|used| used.p99_ns),
                measured_p50_ns: measured.map(|measured| measured.p50_ns),
                measured_p99_ns: measured.map(|measured| measured.p99_ns),
                bytes: Some(run.model.bytes),
                met: if self.by_work { self.is_met(&run.model) } else { record.met },
                ..failed(record)
            });
        }
        Ok(())
    }

    /// Whether a model meets the limits by price and size: by work units nothing may depend on
    /// what was measured.
    fn is_met(&self, model: &Loaded) -> bool {
        self.latency_ns.is_none_or(|limit| model.priced().p99_ns <= limit)
            && self.size_bytes.is_none_or(|limit| model.bytes <= limit)
    }

    /// What each method contributes.
    pub fn methods(&self, scores: &Scores, methods: &[Method]) -> Vec<MethodResult> {
        let one = |&method: &Method| {
            let without = Variant::Without(method);
            let added = scores.effect(Variant::All, without);
            let verdict = match &added {
                None => Verdict::NotKnown,
                Some(effect) => judge(&Seen {
                    score: effect.score.sign(),
                    ns: effect.p50_ns.sign(),
                    met_with: scores.share_met(Variant::All, without),
                    met_without: scores.share_met(without, Variant::All),
                    has_limit: self.latency_ns.is_some(),
                }),
            };
            let alone = scores.effect(Variant::Alone(method), Variant::Plain);
            MethodResult { method: method.name().into(), verdict, added, alone }
        };
        methods.iter().map(one).collect()
    }
}

/// A run without what a model would tell.
fn failed(record: Record) -> RunResult {
    RunResult {
        variant: record.variant,
        fold: record.fold,
        seed: record.seed,
        score: None,
        score_se: None,
        p50_ns: None,
        p99_ns: None,
        measured_p50_ns: None,
        measured_p99_ns: None,
        bytes: None,
        seconds: record.seconds,
        n_trials: record.n_trials,
        met: record.met,
        chosen: record.chosen,
        stop_reason: record.stop_reason,
        failed: record.failed,
    }
}

impl Scores {
    fn of(&self, variant: Variant) -> impl Iterator<Item = &RunResult> {
        let name = variant.name();
        self.runs.iter().filter(move |run| run.variant == name)
    }

    /// Runs of two variants of the same fold and seed, both with a model.
    fn pairs(&self, with: Variant, without: Variant) -> Vec<(&RunResult, &RunResult)> {
        let partner = |run: &RunResult| {
            self.of(without).find(|other| (other.fold, other.seed) == (run.fold, run.seed))
        };
        let both = self.of(with).filter_map(|run| Some((run, partner(run)?)));
        both.filter(|(a, b)| a.failed.is_none() && b.failed.is_none()).collect()
    }

    /// Share of the runs of a variant, as far as they have a pair, that meet the limits.
    fn share_met(&self, variant: Variant, other: Variant) -> f64 {
        let pairs = self.pairs(variant, other);
        pairs.iter().filter(|(run, _)| run.met).count() as f64 / pairs.len() as f64
    }

    fn gains(&self, with: Variant, without: Variant) -> Option<Estimate> {
        // One of the two is the reference of the other, under which the error is kept.
        let against_all = without == Variant::All;
        let pair = |(a, b): &(&RunResult, &RunResult)| {
            let key = |run: &RunResult| (run.variant.clone(), run.fold, run.seed);
            let kept = |run| self.rows_se.get(&key(run)).copied().unwrap_or((f64::NAN, f64::NAN));
            let rows_se = match (against_all, with == without.reference()) {
                (true, _) => kept(a).1,
                (_, true) => kept(b).0,
                _ => kept(a).0,
            };
            let sign = if self.metric.higher_is_better { 1.0 } else { -1.0 };
            let difference = sign * (a.score? - b.score?);
            Some(Pair { fold: a.fold, difference, rows_se })
        };
        let pairs: Vec<Pair> = self.pairs(with, without).iter().filter_map(pair).collect();
        Estimate::of_scores(&pairs, self.test_share)
    }

    /// With a method minus without it.
    fn effect(&self, with: Variant, without: Variant) -> Option<Effect> {
        let pairs = self.pairs(with, without);
        let differences = |figure: &dyn Fn(&RunResult) -> Option<f64>| -> Vec<f64> {
            pairs.iter().filter_map(|(a, b)| Some(figure(a)? - figure(b)?)).collect()
        };
        let bytes = differences(&|run| run.bytes.map(|bytes| bytes as f64));
        Some(Effect {
            score: self.gains(with, without)?,
            p50_ns: Estimate::of_runs(&differences(&|run| run.p50_ns))?,
            p99_ns: Estimate::of_runs(&differences(&|run| run.p99_ns))?,
            bytes: mean(&bytes),
            seconds: mean(&differences(&|run| Some(run.seconds))),
            n_pairs: pairs.len(),
        })
    }

    /// Means of the runs of a variant.
    pub fn variant(&self, variant: Variant) -> VariantResult {
        let runs: Vec<&RunResult> = self.of(variant).filter(|run| run.failed.is_none()).collect();
        let figure = |of: &dyn Fn(&RunResult) -> Option<f64>| {
            let known: Vec<f64> = runs.iter().filter_map(|run| of(run)).collect();
            (!known.is_empty()).then(|| mean(&known))
        };
        let scores: Vec<Pair> = runs
            .iter()
            .filter_map(|run| {
                let rows_se = run.score_se.unwrap_or(f64::NAN);
                Some(Pair { fold: run.fold, difference: run.score?, rows_se })
            })
            .collect();
        let off = variant.switched_off();
        VariantResult {
            variant: variant.name(),
            without: off.iter().map(|method| method.name().to_owned()).collect(),
            n_runs: runs.len(),
            n_failed: self.of(variant).count() - runs.len(),
            score: Estimate::of_scores(&scores, self.test_share),
            gain: (variant != Variant::All).then(|| self.gains(variant, Variant::All)).flatten(),
            p50_ns: figure(&|run| run.p50_ns),
            p99_ns: figure(&|run| run.p99_ns),
            bytes: figure(&|run| run.bytes.map(|bytes| bytes as f64)),
            seconds: figure(&|run| Some(run.seconds)),
            n_trials: figure(&|run| Some(run.n_trials as f64)),
            n_met: runs.iter().filter(|run| run.met).count(),
        }
    }
}
