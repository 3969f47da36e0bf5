//! The end of a run: choose, refit, measure, write, report.

mod refit;

use std::cell::Cell;

use eyas_learn::predict::predict;
use eyas_model::{Model, Predictor};
use eyas_search::strategy::StopReason;

use crate::assemble::{self, Assembly, Chooser, Form};
use crate::budget::Meter;
use crate::contract::{self, Limits, Settled};
use crate::error::Error;
use crate::event::Event;
use crate::fit::{Job, Prepared};
use crate::journal;
use crate::options::Method;
use crate::report::{Report, Score};
use crate::reporting::{self, Facts};
use crate::run::{Run, State};
use crate::trial::{Candidate, loss_and_se};

/// Distinct rows on which the contract is checked.
pub const MEASURED_ROWS: usize = 20_000;
/// Rows of the quick look at latency before the refit.
const PROBED_ROWS: usize = 2_000;
/// Rows of the look at a single candidate.
const PROBED_ROWS_ALONE: usize = 400;
/// Bytes of a model that are written, loaded, packed and written again in a second, about.
const BYTES_A_SECOND: f64 = 10e6;
/// Most times that the choice steps down to something faster.
const MOST_STEPS: usize = 3;
/// Bytes of the file that are kept for the notes.
const NOTES_BYTES: u64 = 6_144;
/// Seconds that writing and reporting may take.
const WRITE_SECONDS: f64 = 0.15;

/// Chooses the model, writes it and says what was found.
///
/// # Errors
/// No candidate exists, or the model cannot be written.
pub(crate) fn finish(
    job: &Job<'_>,
    prepared: &Prepared,
    run: &Run<'_>,
    state: &State,
    reason: StopReason,
    notices: &mut Vec<String>,
) -> Result<Report, Error> {
    let candidates = state.candidates.list();
    if candidates.is_empty() {
        return Err(no_model(state));
    }
    let ending = Ending { job, prepared, run, candidates };
    job.stage("greedy ensemble");
    let factors = ending.measured_factors();
    let (assembly, settled, n_refitted) = ending.settle(&factors)?;
    let held_out = ending.score(&assembly);
    let facts = Facts {
        job,
        prepared,
        run,
        state,
        assembly: &assembly,
        factors: &factors,
        settled: &settled,
        score: held_out,
        n_refitted,
        reason,
    };
    let mut report = reporting::report(&facts, notices);
    write_notes(&settled, &mut report, job)?;
    journal::close(&job.options.run_dir, &notes(&report))?;
    job.observer.event(&Event::Frontier { rows: report.price_list.clone() });
    let contributions = report.contributions.clone();
    job.observer.event(&Event::Contributions { contributions });
    Ok(report)
}

fn no_model(state: &State) -> Error {
    let trials = &state.history.trials;
    if trials.iter().any(|t| t.outcome == eyas_search::Outcome::Diverged) {
        return Error::NoModel(
            "no trial has a finite score on the rows it was checked on: the metric may be undefined \
             there (one class only, too few rows, values out of its range); use fewer folds, more \
             rows or another --metric"
                .into(),
        );
    }
    let failures = state.history.trials.iter().filter_map(|trial| match &trial.outcome {
        eyas_search::Outcome::Failed(why) => Some(format!("{}: {why}", trial.config.learner)),
        _ => None,
    });
    let failures: Vec<String> = failures.take(3).collect();
    let why = if failures.is_empty() {
        "the run ended too early for this data; give a larger --budget (or --work)".into()
    } else {
        format!("every trial failed ({})", failures.join("; "))
    };
    Error::NoModel(why)
}

/// The report goes into the file too, so that `inspect` can tell how the model was found.
fn write_notes(settled: &Settled, report: &mut Report, job: &Job<'_>) -> Result<(), Error> {
    let mut model = contract::simplified(&settled.model);
    let mut kept = report.clone();
    // Room is kept for notes of a usual size; longer ones (thousands of features) are cut short.
    if job.options.size_bytes.is_some() && notes(&kept).len() as u64 > NOTES_BYTES {
        kept.importances.truncate(20);
        kept.price_list.truncate(3);
        kept.notices.truncate(3);
    }
    // The size is in the notes and the notes are in the size: sections are aligned, so this settles.
    let mut bytes = Vec::new();
    for _ in 0..3 {
        model.notes = notes(&kept);
        bytes = model.to_bytes();
        if kept.file_bytes == bytes.len() as u64 {
            break;
        }
        kept.file_bytes = bytes.len() as u64;
    }
    report.file_bytes = bytes.len() as u64;
    eyas_model::file::write_whole(&job.options.out, &bytes)?;
    Ok(())
}

fn notes(report: &Report) -> String {
    serde_json::to_string(report).expect("plain data serialises")
}

impl Job<'_> {
    pub(crate) fn stage(&self, stage: &'static str) {
        let elapsed = self.meter.elapsed();
        self.meter.beat(elapsed);
        self.observer.event(&Event::Stage { elapsed, stage });
    }
}

struct Ending<'a> {
    job: &'a Job<'a>,
    prepared: &'a Prepared,
    run: &'a Run<'a>,
    candidates: &'a [Candidate],
}

impl Ending<'_> {
    fn meter(&self) -> &Meter<'_> {
        self.job.meter
    }

    /// Chooses, refits, writes and measures; where the written model is too slow after all, it steps
    /// down to faster strategies while there is time.
    fn settle(&self, factors: &[f64]) -> Result<(Assembly, Settled, usize), Error> {
        let (data, job) = (&self.prepared.data, self.job);
        let limits = Limits {
            latency_ns: job.options.latency_ns,
            size_bytes: job.options.size_bytes,
            adjust: !job.meter.by_work(),
            remaining: &|| self.seconds_for_measuring(),
            notes_bytes: NOTES_BYTES,
        };
        let mut corrections = (1.0, 1.0);
        for step in 0.. {
            let (assembly, found) = self.choose(factors, corrections);
            job.stage("refit");
            let refitted = self.refit(&assembly);
            let members = assemble::members(self.candidates, &assembly, &refitted);
            let model = assemble::build_model(data, members, String::new());
            job.stage("measure");
            let model = self.fitted_to_limit(model);
            let cost = self.run.context.cost;
            let settled = contract::settle(model, job.raw, cost, &limits, &job.options.out)?;
            let n_refitted = refitted.iter().flatten().count();
            let bound = settled.latency.as_ref().map_or(f64::NAN, |l| l.p99_upper_ns);
            let too_slow = settled.too_slow && !settled.disturbed && bound.is_finite();
            let again = limits.adjust && step < MOST_STEPS && (too_slow || settled.too_big);
            if !again || self.seconds_for_measuring() < 0.2 {
                return Ok((assembly, settled, n_refitted));
            }
            corrections.0 = found;
            if too_slow {
                corrections.0 *= (1.1 * bound / assembly.ns).max(1.1);
            }
            if settled.too_big {
                let model_bytes = settled.file_bytes.saturating_sub(NOTES_BYTES) as f64;
                corrections.1 =
                    (1.1 * model_bytes / assembly.bytes.max(1.0)).max(1.1 * corrections.1);
            }
        }
        unreachable!("the last step returns")
    }

    /// A refit on more rows has larger trees than what was probed: the model is pruned to the limit
    /// before it is written, since writing and loading a large file takes longer than a look at it.
    fn fitted_to_limit(&self, mut model: Model) -> Model {
        let limit_ns = self.run.context.limit_ns;
        if !limit_ns.is_finite() || self.meter().by_work() {
            return model;
        }
        for _ in 0..MOST_STEPS {
            let Some(measured) = self.probe_model(model.clone(), PROBED_ROWS) else { break };
            if measured <= limit_ns || self.seconds_for_measuring() < 0.1 {
                break;
            }
            let Some(thinned) = assemble::thinned(&model, 0.95 * limit_ns / measured) else {
                break;
            };
            model = thinned;
        }
        model
    }

    /// The time of the run until which the choice may take.
    fn choice_deadline(&self) -> f64 {
        let meter = self.meter();
        if meter.by_work() {
            return f64::INFINITY;
        }
        let now = meter.elapsed();
        let left = (meter.total() - now).max(0.0);
        let share = if self.run.refits { 0.3 } else { 0.5 };
        now + (share * left).clamp(0.02, 0.02 * meter.total() + 0.2)
    }

    /// The combination, and measured over predicted latency.
    fn choose(&self, factors: &[f64], corrections: (f64, f64)) -> (Assembly, f64) {
        let (ns_factor, bytes_factor) = corrections;
        let deadline = Cell::new(self.choice_deadline());
        let out_of_time = || self.meter().elapsed() > deadline.get();
        let options = self.job.options;
        let context = &self.run.context;
        let mut chooser = Chooser {
            factors,
            data: context.data,
            metric: context.metric,
            pooled: &self.prepared.rows.pooled,
            cost: context.cost,
            ns_factor,
            limit_ns: context.limit_ns,
            limit_bytes: self.limit_bytes() / bytes_factor,
            n_folds: context.splits.len(),
            tolerance: self.tolerance(),
            combine: !options.without.contains(&Method::Selection),
            out_of_time: &out_of_time,
        };
        let mut assembly = self.choose_form(&chooser);
        if context.limit_ns.is_finite() && !self.meter().by_work() {
            for _ in 0..3 {
                let Some(measured) = self.probe(&assembly, PROBED_ROWS) else { break };
                let correction = (measured / assembly.ns).clamp(0.2, 10.0);
                assembly.ns *= correction;
                chooser.ns_factor *= correction;
                if assembly.ns <= context.limit_ns {
                    break;
                }
                deadline.set(self.choice_deadline());
                assembly = self.choose_form(&chooser);
            }
        }
        (assembly, chooser.ns_factor)
    }

    /// Measured over predicted latency of the best candidates, each by itself, as far as half the
    /// time of the choice goes: the cost model knows shapes, not what stays in which cache.
    fn measured_factors(&self) -> Vec<f64> {
        let mut factors = vec![1.0; self.candidates.len()];
        if !self.run.context.limit_ns.is_finite() || self.meter().by_work() {
            return factors;
        }
        let (began, deadline) = (self.meter().elapsed(), self.choice_deadline());
        let mut measured_ones = vec![false; self.candidates.len()];
        for (index, factor) in factors.iter_mut().enumerate().take(12) {
            if self.meter().elapsed() > began + 0.5 * (deadline - began) {
                break;
            }
            let candidate = &self.candidates[index];
            let (picks, form) = (vec![(index, 1.0)], Form::Single);
            let alone = Assembly {
                picks,
                form,
                loss: candidate.loss,
                ns: candidate.ns,
                bytes: candidate.shape.file_bytes,
            };
            if let Some(measured) = self.probe(&alone, PROBED_ROWS_ALONE) {
                *factor = (measured / candidate.ns).clamp(0.2, 10.0);
                measured_ones[index] = true;
            }
        }
        let learner = |index: usize| &self.candidates[index].config.learner;
        for index in 0..factors.len() {
            let alike =
                (0..factors.len()).filter(|&i| measured_ones[i] && learner(i) == learner(index));
            let known: Vec<f64> = alike.map(|i| factors[i]).collect();
            if !measured_ones[index] && !known.is_empty() {
                factors[index] = known.iter().sum::<f64>() / known.len() as f64;
            }
        }
        factors
    }

    /// Largest size of the combination: what the user allows, and what can be written, loaded and
    /// measured in the time that is kept for it.
    fn limit_bytes(&self) -> f64 {
        let allowed = self
            .job
            .options
            .size_bytes
            .map_or(f64::INFINITY, |bytes| bytes.saturating_sub(NOTES_BYTES) as f64);
        let seconds = if self.meter().by_work() { f64::INFINITY } else { self.run.reserve_seconds };
        allowed.min(seconds * BYTES_A_SECOND)
    }

    /// Least gain that a member of the ensemble must bring, as a share of the standard error:
    /// larger where no limit says what nanoseconds are worth.
    fn tolerance(&self) -> f64 {
        let share = if self.job.options.latency_ns.is_some() { 0.01 } else { 0.05 };
        let se = self.candidates[0].loss_se;
        if se.is_finite() { share * se } else { 0.0 }
    }

    fn choose_form(&self, chooser: &Chooser<'_>) -> Assembly {
        let bag = chooser.choose(self.candidates, Form::Bag);
        if chooser.n_folds == 1 {
            return bag.unwrap_or_else(|| self.fastest(chooser));
        }
        let single = chooser.choose(self.candidates, Form::Single);
        match (bag, single) {
            (None, None) => self.fastest(chooser),
            (Some(only), None) | (None, Some(only)) => only,
            (Some(bag), Some(single)) => {
                // A bag of the folds' models is better than its out-of-fold loss tells, and needs
                // no refit: a single form must be better by a good part of the standard error.
                let se = self.candidates[bag.picks[0].0].loss_se;
                if single.loss < bag.loss - 0.2 * se { single } else { bag }
            }
        }
    }

    /// The cheapest candidate, where none meets the limits.
    fn fastest(&self, chooser: &Chooser<'_>) -> Assembly {
        let ns_of = |index: usize| chooser.ns(self.candidates, &[index], Form::Single);
        let cheaper = |&a: &usize, &b: &usize| ns_of(a).total_cmp(&ns_of(b));
        let index = (0..self.candidates.len()).min_by(cheaper).expect("finish saw a candidate");
        let candidate = &self.candidates[index];
        let ns = ns_of(index);
        Assembly {
            picks: vec![(index, 1.0)],
            form: Form::Single,
            loss: candidate.loss,
            ns,
            bytes: candidate.shape.file_bytes,
        }
    }

    /// p99 of the combination. A few hundred rows do not tell p99 of the model from that of a busy
    /// machine: there it is the measured median times the usual distance of the two.
    fn probe(&self, assembly: &Assembly, n_rows: usize) -> Option<f64> {
        let members = assemble::members(self.candidates, assembly, &[]);
        let model = assemble::build_model(&self.prepared.data, members, String::new());
        self.probe_model(model, n_rows)
    }

    fn probe_model(&self, model: Model, n_rows: usize) -> Option<f64> {
        let (cost, shape) = (self.run.context.cost, model.shape());
        let tail = cost.predict_p99_ns(&shape) / cost.predict_p50_ns(&shape);
        let predictor = Predictor::compile(model).ok()?;
        let look = || contract::measure_predictor(&predictor, self.job.raw, n_rows, 0).ok();
        let first = look()?;
        let usual = first.p50_ns * tail;
        if n_rows < PROBED_ROWS || first.p99_upper_ns <= 1.5 * usual {
            return Some(usual);
        }
        // Larger than the caches, or disturbed: the lesser of two looks is the model's own.
        let second = look()?;
        Some(first.p99_upper_ns.min(second.p99_upper_ns).max(usual))
    }

    /// Score of the combination on rows that its members were not trained on.
    fn score(&self, assembly: &Assembly) -> Score {
        let rows = &self.prepared.rows;
        let context = &self.run.context;
        let (data, metric) = (context.data, context.metric);
        let (predictions, on, words) = if rows.sealed.is_empty() {
            let words = match &self.job.options.validation {
                crate::Validation::Table(_) => "rows of the validation file",
                _ if context.splits.len() > 1 => "out-of-fold rows, which the choice has seen",
                _ => "held-out rows, which the choice has seen",
            };
            (assemble::mixed_predictions(self.candidates, &assembly.picks), &rows.pooled, words)
        } else {
            let words = "sealed rows, which neither training nor the choice has seen";
            (self.sealed_predictions(assembly), &rows.sealed, words)
        };
        let (loss, se) = loss_and_se(data, metric, on, &predictions);
        Score {
            metric: metric.name.into(),
            value: metric.value(loss),
            se,
            n_rows: on.len(),
            rows: words.into(),
        }
    }

    fn sealed_predictions(&self, assembly: &Assembly) -> Vec<f64> {
        let sealed = &self.prepared.rows.sealed;
        let data = &self.prepared.data;
        let mut mixed = vec![0.0; sealed.len() * data.n_outputs()];
        for member in assemble::members(self.candidates, assembly, &[]) {
            let theirs = predict(&member.part, member.link, data, sealed);
            mixed.iter_mut().zip(theirs).for_each(|(sum, p)| *sum += member.weight * p);
        }
        mixed
    }

    fn seconds_for_measuring(&self) -> f64 {
        if self.meter().by_work() || self.meter().is_interrupted() {
            return 1.0;
        }
        let spare = WRITE_SECONDS + 0.01 * self.meter().total();
        (self.meter().total() - self.meter().elapsed() - spare).max(0.0)
    }

    fn n_folds(&self) -> usize {
        self.run.context.splits.len()
    }
}
