//! One trial: a strategy fitted on every fold, each fit scoring all its truncations.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use eyas_learn::learners::{FitInput, FittedModel, Step, learner};
use eyas_learn::metrics::{Metric, Scored, Truth};
use eyas_learn::predict::predict;
use eyas_learn::prune;
use eyas_learn::random::Stream;
use eyas_learn::splits::Split;
use eyas_learn::{Dataset, Target, Threads};
use eyas_model::{CostModel, Shape};
use eyas_search::{Config, Origin, Outcome, Point, Proposal, Trial};

use crate::budget::FitLimit;
use crate::checkpoints::{Identity, Keeper, Place};
use crate::strategies;

/// What all trials of a run share.
pub(crate) struct TrialContext<'a> {
    pub data: &'a Dataset,
    pub splits: &'a [Split],
    pub metric: &'static Metric,
    pub cost: &'a CostModel,
    /// Threads of one fit.
    pub fit_threads: &'a Threads,
    /// Largest predicted p99 allowed, in nanoseconds.
    pub limit_ns: f64,
    /// Whether truncations are chosen; otherwise models stay whole.
    pub pruning: bool,
    /// Where states of fits under way are kept.
    pub keeper: &'a Keeper<'a>,
}

/// One fit of a trial.
#[derive(Clone, Copy)]
pub(crate) struct FitOf<'a> {
    pub proposal: &'a Proposal,
    pub place: Place,
    /// When the trial began, in seconds of the run, as if it had never been cut off.
    pub began: f64,
    pub train: &'a [u32],
    pub valid: &'a [u32],
    pub last_truncation: Option<usize>,
    pub threads: &'a Threads,
}

/// A fitted strategy that the final model may use.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub trial: u64,
    pub origin: Origin,
    pub config: Config,
    pub label: String,
    /// Index of the chosen truncation.
    pub truncation: usize,
    /// One fitted model a fold.
    pub models: Vec<Arc<dyn FittedModel>>,
    /// Predictions on the pooled validation rows `(n_pooled, n_outputs)`.
    pub predictions: Vec<f64>,
    pub loss: f64,
    pub loss_se: f64,
    /// Shape of one fold's model, and its predicted p99 in nanoseconds.
    pub shape: Shape,
    pub ns: f64,
    pub seconds: f64,
    /// Loss on each fold, for stopping others early.
    pub fold_losses: Vec<f64>,
    /// Loss and predicted p99 of the whole fit, before any truncation.
    pub whole: (f64, f64),
}

/// How a trial ended.
pub(crate) struct TrialEnd {
    pub trial: Trial,
    pub candidate: Option<Candidate>,
    pub steps: Vec<Step>,
}

struct FoldFit {
    model: Arc<dyn FittedModel>,
    stopped: bool,
}

/// Runs a trial. `incumbent` are the fold losses of the best candidate so far: a trial whose mean
/// on the folds done is clearly worse ends there. `began`, in seconds of the run, is before now if
/// the trial goes on where it was cut off.
pub(crate) fn run_trial(
    context: &TrialContext<'_>,
    proposal: &Proposal,
    incumbent: Option<&[f64]>,
    limit: &FitLimit<'_>,
    began: f64,
    clock: impl Fn() -> f64,
) -> TrialEnd {
    let full = proposal.fidelity >= 1.0;
    let n_folds = if full { context.splits.len() } else { 1 };
    let mut fits = Vec::with_capacity(n_folds);
    let mut outcome = Outcome::Completed;
    let mut hopeless = false;
    for fold in 0..n_folds {
        match fit_fold(context, (proposal, began), fold, limit) {
            Ok(fit) => {
                let stopped = fit.stopped;
                fits.push(fit.model);
                if stopped {
                    outcome = Outcome::Stopped;
                    break;
                }
            }
            Err(problem) => {
                outcome = Outcome::Failed(problem);
                fits.clear();
                break;
            }
        }
        if full && fold + 1 < n_folds && is_hopeless(context, &fits, incumbent) {
            outcome = Outcome::Stopped;
            hopeless = true;
            break;
        }
    }
    let steps = fits.first().map(|model| model.steps().to_vec()).unwrap_or_default();
    let (curve, candidate) = match (hopeless, incumbent) {
        (true, Some(incumbent)) => (partial_curve(context, &fits, incumbent), None),
        _ if fits.len() == n_folds => judge(context, proposal, &fits),
        // Some folds alone are not comparable with all of them.
        _ => (Vec::new(), None),
    };
    if curve.is_empty() && fits.len() == n_folds {
        outcome = Outcome::Diverged;
    }
    let seconds = clock() - began;
    let trial = Trial {
        id: proposal.id,
        config: proposal.config.clone(),
        fidelity: proposal.fidelity,
        seed: proposal.seed,
        origin: proposal.origin,
        outcome,
        curve,
        seconds,
        work: limit.work(),
    };
    let candidate = candidate.map(|candidate| Candidate { seconds, ..candidate });
    TrialEnd { trial, candidate, steps }
}

fn fit_fold(
    context: &TrialContext<'_>,
    (proposal, began): (&Proposal, f64),
    fold: usize,
    limit: &FitLimit<'_>,
) -> Result<FoldFit, String> {
    let split = &context.splits[fold];
    let train = sample_rows(&split.train, proposal.fidelity, proposal.seed);
    let fit = FitOf {
        proposal,
        place: Place::Fold(fold),
        began,
        train: &train,
        valid: &split.valid,
        last_truncation: None,
        threads: context.fit_threads,
    };
    fit_rows(context, fit, limit).map(|(model, stopped)| FoldFit { model, stopped })
}

/// Fits a strategy on rows; a panic is turned into words.
pub(crate) fn fit_rows(
    context: &TrialContext<'_>,
    fit: FitOf<'_>,
    limit: &FitLimit<'_>,
) -> Result<(Arc<dyn FittedModel>, bool), String> {
    let FitOf { proposal, train, valid, last_truncation, .. } = fit;
    let name = &proposal.config.learner;
    let learner = learner(name).ok_or_else(|| format!("there is no learner `{name}`"))?;
    let (data, metric) = (context.data, context.metric);
    let run = || {
        let features = strategies::choose_features(data, train, &proposal.config);
        let config = strategies::of_learner(&proposal.config);
        let (features, config, seed) = (features.as_slice(), &config, proposal.seed);
        let metric_name = metric.name;
        let identity =
            Identity { train, valid, features, metric_name, config, seed, last_truncation };
        let checkpoints = context.keeper.fit(proposal, fit.place, fit.began, identity);
        let input = FitInput {
            data,
            train,
            valid,
            features,
            metric,
            config,
            seed,
            stop: limit,
            threads: fit.threads,
            last_truncation,
            checkpoints: &checkpoints,
        };
        learner.fit(&input)
    };
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(fit)) => Ok((Arc::from(fit.model), fit.stopped)),
        Ok(Err(error)) => Err(error.to_string()),
        Err(panic) => Err(format!("panicked: {}", panic_text(panic.as_ref()))),
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else {
        panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "without a message".into())
    }
}

/// A share of the rows, at least 200 of them, ascending.
fn sample_rows(rows: &[u32], share: f64, seed: u64) -> Vec<u32> {
    let wanted = ((rows.len() as f64 * share).ceil() as usize).max(200);
    if share >= 1.0 || wanted >= rows.len() {
        return rows.to_vec();
    }
    let mut sample = rows.to_vec();
    Stream::new(&[seed, 0xF1DE]).shuffle(&mut sample);
    sample.truncate(wanted);
    sample.sort_unstable();
    sample
}

/// Whether the folds done so far are worse than the incumbent's by more than luck explains: by
/// over 1.5 standard errors of the paired difference, and by over 1 % of the loss, or by over 10 %.
fn is_hopeless(
    context: &TrialContext<'_>,
    fits: &[Arc<dyn FittedModel>],
    incumbent: Option<&[f64]>,
) -> bool {
    let Some(incumbent) = incumbent else { return false };
    let least = |model: &Arc<dyn FittedModel>| {
        let points = model.truncations().iter();
        let feasible =
            points.filter(|point| context.cost.predict_p99_ns(&point.shape) <= context.limit_ns);
        feasible.map(|point| point.loss).filter(|loss| loss.is_finite()).fold(f64::NAN, f64::min)
    };
    let differences: Vec<f64> =
        fits.iter().zip(incumbent).map(|(model, best)| least(model) - best).collect();
    let n = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / n;
    if !mean.is_finite() {
        return false;
    }
    let scale = incumbent.iter().map(|loss| loss.abs()).sum::<f64>() / incumbent.len() as f64;
    let spread = differences.iter().map(|d| (d - mean) * (d - mean)).sum::<f64>();
    let se = if n > 1.0 { (spread / (n - 1.0) / n).sqrt() } else { f64::INFINITY };
    mean > 0.1 * scale || (mean > 1.5 * se && mean > 0.01 * scale)
}

/// The curve of a trial that was ended after some folds: what its folds lost against the incumbent,
/// added to the incumbent's loss on all folds.
fn partial_curve(
    context: &TrialContext<'_>,
    fits: &[Arc<dyn FittedModel>],
    incumbent: &[f64],
) -> Vec<Point> {
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len().max(1) as f64;
    let shift = mean(incumbent) - mean(&incumbent[..fits.len()]);
    let points = average_curve(context, fits).into_iter();
    undominated(points.map(|(_, p)| Point { loss: p.loss + shift, ..p }).collect())
}

/// The curve of a trial, averaged over its folds, and the candidate if it is a full one.
fn judge(
    context: &TrialContext<'_>,
    proposal: &Proposal,
    fits: &[Arc<dyn FittedModel>],
) -> (Vec<Point>, Option<Candidate>) {
    let points = average_curve(context, fits);
    if points.iter().all(|point| !point.1.loss.is_finite()) {
        return (Vec::new(), None);
    }
    let is_full = proposal.fidelity >= 1.0;
    let candidate = is_full.then(|| candidate(context, proposal, fits, &points));
    let se = candidate.as_ref().map_or(0.0, |candidate| candidate.loss_se);
    let curve = points.iter().map(|(_, point)| Point { loss_se: se, ..point.clone() }).collect();
    (undominated(curve), candidate)
}

fn average_curve(context: &TrialContext<'_>, fits: &[Arc<dyn FittedModel>]) -> Vec<(Shape, Point)> {
    let n_points = fits.iter().map(|model| model.truncations().len()).min().unwrap_or(0);
    let sizes: Vec<f64> = context.splits.iter().map(|split| split.valid.len() as f64).collect();
    let total: f64 = sizes[..fits.len()].iter().sum();
    let average = |index: usize| {
        let folds =
            fits.iter().zip(&sizes).map(|(model, size)| (&model.truncations()[index], size));
        let loss = folds.map(|(point, size)| point.loss * size / total).sum();
        let costliest = fits.iter().map(|model| &model.truncations()[index].shape);
        let shape = *costliest
            .max_by(|a, b| {
                context.cost.predict_p99_ns(a).total_cmp(&context.cost.predict_p99_ns(b))
            })
            .expect("a curve has at least one fold");
        let ns = context.cost.predict_p99_ns(&shape);
        let label = fits[0].truncations()[index].label.clone();
        let bytes = shape.file_bytes as u64;
        (shape, Point { truncation: index, label, loss, loss_se: 0.0, ns, bytes })
    };
    (0..n_points).map(average).collect()
}

fn candidate(
    context: &TrialContext<'_>,
    proposal: &Proposal,
    fits: &[Arc<dyn FittedModel>],
    points: &[(Shape, Point)],
) -> Candidate {
    let best = least_loss(points, context.limit_ns);
    let mut predictions = pooled_predictions(context, fits, best);
    let (_, se) = score(context, &predictions);
    let chosen = if context.pruning {
        cheapest_within(points, best, se, context.limit_ns)
    } else {
        points.len() - 1
    };
    if chosen != best {
        predictions = pooled_predictions(context, fits, chosen);
    }
    let (shape, point) = &points[chosen];
    let whole = &points[points.len() - 1].1;
    Candidate {
        trial: proposal.id,
        origin: proposal.origin,
        config: proposal.config.clone(),
        label: point.label.clone(),
        truncation: chosen,
        models: fits.to_vec(),
        predictions,
        loss: point.loss,
        loss_se: se,
        shape: *shape,
        ns: point.ns,
        seconds: 0.0,
        fold_losses: fits.iter().map(|model| model.truncations()[chosen].loss).collect(),
        whole: (whole.loss, whole.ns),
    }
}

/// A truncation counts as good as the best one if its loss is within this many standard errors
/// (of the loss itself, which is several times that of a difference between truncations).
pub(crate) const PRUNING_TOLERANCE_SE: f64 = 0.03;

fn least_loss(points: &[(Shape, Point)], limit_ns: f64) -> usize {
    let finite = || points.iter().map(|(_, point)| point).filter(|point| point.loss.is_finite());
    let by_loss = |a: &&Point, b: &&Point| a.loss.total_cmp(&b.loss).then(a.ns.total_cmp(&b.ns));
    let feasible = finite().filter(|point| point.ns <= limit_ns).min_by(by_loss);
    let best = feasible.or_else(|| finite().min_by(|a, b| a.ns.total_cmp(&b.ns)));
    best.expect("judge saw a finite loss").truncation
}

/// The cheapest truncation whose loss is within tolerance of that of `best`.
fn cheapest_within(points: &[(Shape, Point)], best: usize, se: f64, limit_ns: f64) -> usize {
    // If none meets the limit, `best` is the fastest and nothing is to be gained.
    if points[best].1.ns > limit_ns {
        return best;
    }
    let priced = |(_, p): &(Shape, Point)| prune::cheapest::Point {
        loss: if p.ns <= limit_ns { p.loss } else { f64::INFINITY },
        loss_se: se,
        ns: p.ns,
        bytes: p.bytes,
    };
    let priced: Vec<prune::cheapest::Point> = points.iter().map(priced).collect();
    prune::cheapest::cheapest(&priced, PRUNING_TOLERANCE_SE).unwrap_or(best)
}

fn pooled_predictions(
    context: &TrialContext<'_>,
    fits: &[Arc<dyn FittedModel>],
    truncation: usize,
) -> Vec<f64> {
    let folds = fits.iter().zip(context.splits);
    let each = folds.map(|(model, split)| {
        predict(&model.part(truncation), model.link(), context.data, &split.valid)
    });
    each.collect::<Vec<_>>().concat()
}

/// Loss and standard error on the pooled validation rows.
fn score(context: &TrialContext<'_>, predictions: &[f64]) -> (f64, f64) {
    let pooled: Vec<u32> =
        context.splits.iter().flat_map(|split| split.valid.iter().copied()).collect();
    loss_and_se(context.data, context.metric, &pooled, predictions)
}

/// Loss and standard error of predictions `(rows.len(), n_outputs)` on rows.
pub(crate) fn loss_and_se(
    data: &Dataset,
    metric: &Metric,
    rows: &[u32],
    predictions: &[f64],
) -> (f64, f64) {
    with_scored(data, rows, predictions, |scored| metric.loss_and_se(scored))
}

/// Calls `f` with truth and weights of rows.
pub(crate) fn with_scored<R>(
    data: &Dataset,
    rows: &[u32],
    predictions: &[f64],
    f: impl FnOnce(&Scored<'_>) -> R,
) -> R {
    let weights: Option<Vec<f64>> =
        data.weights.as_ref().map(|w| rows.iter().map(|&row| w[row as usize]).collect());
    let weights = weights.as_deref();
    let n_outputs = data.n_outputs();
    match &data.target {
        Target::Numbers(values) => {
            let truth: Vec<f64> = rows.iter().map(|&row| values[row as usize]).collect();
            f(&Scored { truth: Truth::Numbers(&truth), predictions, n_outputs, weights })
        }
        Target::Classes(codes) => {
            let truth: Vec<u32> = rows.iter().map(|&row| codes[row as usize]).collect();
            f(&Scored { truth: Truth::Classes(&truth), predictions, n_outputs, weights })
        }
    }
}

/// The points that no other point of the curve beats in loss at no more ns, by ascending ns.
fn undominated(mut points: Vec<Point>) -> Vec<Point> {
    points.retain(|point| point.loss.is_finite());
    points.sort_by(|a, b| a.ns.total_cmp(&b.ns).then(a.loss.total_cmp(&b.loss)));
    let mut least = f64::INFINITY;
    points.retain(|point| {
        let better = point.loss < least;
        least = least.min(point.loss);
        better
    });
    points
}
