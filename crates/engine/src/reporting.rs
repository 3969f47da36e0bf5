//! What a run found, as a report.

use std::collections::BTreeMap;

use eyas_learn::learners::learner;
use eyas_model::{Member, Net, Node, Part, Term};
use eyas_search::strategy::StopReason;
use eyas_search::{Config, Outcome, Point};

use crate::assemble::{Assembly, Form, mixed_predictions};
use crate::budget::Budget;
use crate::contract::Settled;
use crate::contributions::{self, Ending};
use crate::fit::{Job, Prepared, task_name};
use crate::report::{Contract, PriceRow, Report, Score, Training};
use crate::run::{Run, State};
use crate::trial::{Candidate, with_scored};

/// Everything that a report is made of.
pub(crate) struct Facts<'a> {
    pub job: &'a Job<'a>,
    pub prepared: &'a Prepared,
    pub run: &'a Run<'a>,
    pub state: &'a State,
    pub assembly: &'a Assembly,
    /// Measured over predicted latency of each candidate.
    pub factors: &'a [f64],
    pub settled: &'a Settled,
    pub score: Score,
    pub n_refitted: usize,
    pub reason: StopReason,
}

/// Rows of the price list besides the chosen model.
const PRICE_ROWS: usize = 7;
const MORE_NS: f64 = 20_000.0;

/// Writes the report.
pub(crate) fn report(facts: &Facts<'_>, notices: &mut Vec<String>) -> Report {
    let (job, prepared, state) = (facts.job, facts.prepared, facts.state);
    let metric = prepared.task.metric;
    let history = &state.history;
    if facts.settled.n_thinned > 0 {
        let n = facts.settled.n_thinned;
        notices.push(format!("the written model missed a limit and was pruned further, step {n}"));
    }
    let n_picks = facts.assembly.picks.len();
    if facts.run.refits && facts.n_refitted < n_picks {
        let n = n_picks - facts.n_refitted;
        notices.push(format!(
            "{n} of {n_picks} picked strategies were not fitted again on all rows: {}",
            if facts.job.meter.is_interrupted() { "interrupted" } else { "no time was left" }
        ));
    }
    Report {
        task: task_name(prepared.data.task()).into(),
        target: prepared.data.schema.target.clone(),
        metric: metric.name.into(),
        higher_is_better: metric.higher_is_better,
        n_rows: prepared.data.n_rows,
        n_features: prepared.data.n_features(),
        validation: prepared.rows.words.clone(),
        n_trials: history.trials.len(),
        n_failed: history.trials.iter().filter(|t| has_failed(&t.outcome)).count(),
        price_list: price_list(facts),
        more_latency: more_latency(facts),
        contributions: contributed(facts),
        chosen: chosen_words(facts),
        members: members(facts),
        trainings: trainings(facts),
        score: facts.score.clone(),
        latency: facts.settled.latency.clone(),
        predicted_p50_ns: facts.settled.predicted_p50_ns,
        contract: contract(facts),
        file_bytes: facts.settled.file_bytes,
        model_path: Some(job.options.out.display().to_string()),
        run_dir: job.options.run_dir.display().to_string(),
        importances: importances(facts),
        references: references(facts),
        stop_reason: stop_words(facts).into(),
        budget_seconds: match job.options.budget {
            Budget::Wall { seconds, .. } => Some(seconds),
            Budget::Work(_) => None,
        },
        seconds: job.meter.elapsed(),
        seed: job.options.seed,
        notices: notices.clone(),
    }
}

fn has_failed(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed(_) | Outcome::Diverged | Outcome::Infeasible(_))
}

fn stop_words(facts: &Facts<'_>) -> &'static str {
    match facts.reason {
        _ if facts.job.meter.is_interrupted() => "interrupted",
        StopReason::BudgetSpent => "the budget is spent",
        StopReason::SpaceExhausted => "every strategy has been tried",
    }
}

fn picked<'a>(facts: &Facts<'a>) -> Vec<(&'a Candidate, f64)> {
    let list = facts.state.candidates.list();
    facts.assembly.picks.iter().map(|&(index, weight)| (&list[index], weight)).collect()
}

/// The frontier of (loss, ns) of single strategies, thinned, and the chosen model.
fn price_list(facts: &Facts<'_>) -> Vec<PriceRow> {
    let metric = facts.prepared.task.metric;
    let cost = facts.run.context.cost;
    let tail = cost.predict_p99_ns(&Default::default()) / cost.predict_p50_ns(&Default::default());
    let points = frontier(facts);
    let row = |(trial, point): &(u64, Point)| PriceRow {
        model: point_words(facts, *trial, &point.label),
        trial: Some(*trial),
        score: metric.value(point.loss),
        score_se: point.loss_se,
        p50_ns: ns_of(facts, *trial, point) / tail,
        p99_ns: ns_of(facts, *trial, point),
        bytes: point.bytes,
        train_seconds: seconds_of(facts, *trial),
        chosen: false,
    };
    let mut rows: Vec<PriceRow> = spread(&points, PRICE_ROWS).iter().map(row).collect();
    rows.push(chosen_row(facts));
    rows.sort_by(|a, b| a.p99_ns.total_cmp(&b.p99_ns));
    rows
}

/// Predicted p99 of a point, corrected by what was measured of its learner's candidates.
fn ns_of(facts: &Facts<'_>, trial: u64, point: &Point) -> f64 {
    let trials = &facts.state.history.trials;
    let learner = trials.iter().find(|t| t.id == trial).map(|t| &t.config.learner);
    let candidates = facts.state.candidates.list().iter().zip(facts.factors);
    let factor = candidates.into_iter().find(|(c, _)| Some(&c.config.learner) == learner);
    point.ns * factor.map_or(1.0, |(_, factor)| *factor)
}

/// Loss of the chosen combination as that of a trial is made: the mean over the splits.
fn chosen_loss(facts: &Facts<'_>) -> f64 {
    let mixed = mixed_predictions(facts.state.candidates.list(), &facts.assembly.picks);
    let (data, metric) = (&facts.prepared.data, facts.prepared.task.metric);
    let width = data.n_outputs();
    let (mut start, mut sum) = (0, 0.0);
    for split in &facts.prepared.rows.splits {
        let n = split.valid.len();
        let theirs = &mixed[start * width..(start + n) * width];
        sum += n as f64 * with_scored(data, &split.valid, theirs, |scored| (metric.loss)(scored));
        start += n;
    }
    sum / start as f64
}

fn seconds_of(facts: &Facts<'_>, trial: u64) -> f64 {
    let trials = &facts.state.history.trials;
    trials.iter().find(|t| t.id == trial).map_or(0.0, |t| t.seconds)
}

fn point_words(facts: &Facts<'_>, trial: u64, label: &str) -> String {
    let trials = &facts.state.history.trials;
    let learner = trials.iter().find(|t| t.id == trial).map_or("", |t| t.config.learner.as_str());
    format!("{learner} {label}").trim().to_owned()
}

fn chosen_row(facts: &Facts<'_>) -> PriceRow {
    let metric = facts.prepared.task.metric;
    let picks = picked(facts);
    let latency = facts.settled.latency.as_ref();
    PriceRow {
        model: chosen_words(facts),
        trial: (picks.len() == 1).then(|| picks[0].0.trial),
        score: metric.value(chosen_loss(facts)),
        score_se: picks[0].0.loss_se,
        p50_ns: latency.map_or(facts.settled.predicted_p50_ns, |l| l.p50_ns),
        p99_ns: latency.map_or(facts.settled.predicted_p99_ns, |l| l.p99_ns),
        bytes: facts.settled.file_bytes,
        train_seconds: picks.iter().map(|(candidate, _)| candidate.seconds).sum(),
        chosen: true,
    }
}

/// Points of full trials that no other one beats in loss at no more ns, by ascending ns.
fn frontier(facts: &Facts<'_>) -> Vec<(u64, Point)> {
    let one_split = facts.run.context.splits.len() == 1;
    let full = facts.state.history.trials.iter().filter(|trial| {
        trial.fidelity >= 1.0 && (one_split || trial.outcome == Outcome::Completed)
    });
    let mut points: Vec<(u64, Point)> =
        full.flat_map(|trial| trial.curve.iter().map(|p| (trial.id, p.clone()))).collect();
    points.sort_by(|a, b| a.1.ns.total_cmp(&b.1.ns).then(a.1.loss.total_cmp(&b.1.loss)));
    let mut least = f64::INFINITY;
    points.retain(|(_, point)| {
        let better = point.loss < least;
        least = least.min(point.loss);
        better
    });
    points
}

/// At most `n` points: the ends, and between them those where the loss falls in equal steps.
fn spread(points: &[(u64, Point)], n: usize) -> Vec<(u64, Point)> {
    if points.len() <= n {
        return points.to_vec();
    }
    let (first, last) = (points[0].1.loss, points[points.len() - 1].1.loss);
    let mut kept: Vec<(u64, Point)> = Vec::with_capacity(n);
    for step in 0..n {
        let wanted = first + (last - first) * step as f64 / (n - 1) as f64;
        let place = points.iter().position(|(_, point)| point.loss <= wanted);
        let point = &points[place.unwrap_or(points.len() - 1)];
        if kept.last() != Some(point) {
            kept.push(point.clone());
        }
    }
    kept
}

fn more_latency(facts: &Facts<'_>) -> String {
    let metric = facts.prepared.task.metric;
    let points = frontier(facts);
    let within = |ns: f64| {
        points.iter().rev().find(|(trial, p)| ns_of(facts, *trial, p) <= ns).map(|(_, p)| p)
    };
    let Some(limit) = facts.job.options.latency_ns else {
        return "no latency limit was set; the price list shows what a smaller one would cost"
            .into();
    };
    let us = limit / 1e3;
    match (within(limit), within(limit + MORE_NS)) {
        (Some(now), Some(then)) if then.loss < now.loss => format!(
            "20 us more ({:.0} us) would take the best single strategy from {:.5} to {:.5}",
            us + 20.0,
            metric.value(now.loss),
            metric.value(then.loss)
        ),
        (Some(_), _) => "20 us more would buy nothing: no strategy that was tried is better".into(),
        (None, Some(then)) => {
            format!("with 20 us more a score of {:.5} would be feasible", metric.value(then.loss))
        }
        (None, None) => "no strategy that was tried is feasible within 20 us more".into(),
    }
}

fn contributed(facts: &Facts<'_>) -> Vec<crate::report::Contribution> {
    let options = facts.job.options;
    let ending = Ending {
        history: &facts.state.history,
        limit_ns: facts.run.context.limit_ns,
        without: &options.without,
        chosen_loss: chosen_loss(facts),
        gain_over_default_se: gain_se(facts),
        picks: picked(facts),
    };
    contributions::contributions(&ending)
}

/// Standard error of the chosen combination's gain over the best default that is still known.
fn gain_se(facts: &Facts<'_>) -> Option<f64> {
    let list = facts.state.candidates.list();
    let default = list.iter().find(|c| c.origin == eyas_search::Origin::Default)?;
    let chosen = mixed_predictions(list, &facts.assembly.picks);
    let (data, pooled) = (&facts.prepared.data, &facts.prepared.rows.pooled);
    let metric = facts.prepared.task.metric;
    let se = with_scored(data, pooled, &chosen, |ours| {
        let theirs = eyas_learn::metrics::Scored { predictions: &default.predictions, ..*ours };
        metric.paired_se(ours, &theirs)
    });
    se.is_finite().then_some(se)
}

fn chosen_words(facts: &Facts<'_>) -> String {
    let picks = picked(facts);
    if let [(candidate, _)] = picks.as_slice() {
        let bag = facts.assembly.form == Form::Bag && candidate.models.len() > 1;
        let times =
            if bag { format!(", mean of {}", candidate.models.len()) } else { String::new() };
        return format!("{} {}{times}", candidate.config.learner, candidate.label);
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    picks.iter().for_each(|(c, _)| *counts.entry(&c.config.learner).or_default() += 1);
    let kinds: Vec<String> = counts.iter().map(|(name, n)| format!("{n} {name}")).collect();
    format!("ensemble of {}", kinds.join(" + "))
}

fn members(facts: &Facts<'_>) -> Vec<(f64, String, String)> {
    let words = |(candidate, weight): (&Candidate, f64)| {
        let config = config_words(&candidate.config);
        (weight, candidate.config.learner.clone(), format!("{}; {config}", candidate.label))
    };
    picked(facts).into_iter().map(words).collect()
}

/// A configuration in words: `name=value` of each parameter.
fn config_words(config: &Config) -> String {
    let value = |value: &eyas_search::Value| serde_json::to_string(value).unwrap_or_default();
    let pairs =
        config.values.iter().map(|(name, v)| format!("{name}={}", value(v).replace('"', "")));
    pairs.collect::<Vec<_>>().join(" ")
}

fn contract(facts: &Facts<'_>) -> Contract {
    let options = facts.job.options;
    let settled = facts.settled;
    let explanation = if settled.met { String::new() } else { missed(facts) };
    Contract {
        latency_limit_ns: options.latency_ns,
        size_limit_bytes: options.size_bytes,
        met: settled.met,
        explanation,
    }
}

/// What misses the limits, and the nearest points that were found.
fn missed(facts: &Facts<'_>) -> String {
    let settled = facts.settled;
    let metric = facts.prepared.task.metric;
    if !settled.too_slow {
        return format!(
            "no model met the size limit: the smallest found takes {} bytes with its notes",
            settled.file_bytes
        );
    }
    let latency = settled.latency.as_ref();
    let (bound, p50) = latency.map_or((f64::NAN, f64::NAN), |l| (l.p99_upper_ns, l.p50_ns));
    let nearest = frontier(facts).into_iter().take(3).map(|(trial, p)| {
        let (name, value) = (metric.name, metric.value(p.loss));
        format!("{name} {value:.5} at about {:.0} ns", ns_of(facts, trial, &p))
    });
    let nearest = nearest.collect::<Vec<String>>().join(", ");
    let limit = facts.job.options.latency_ns.unwrap_or(f64::INFINITY);
    let cause = if p50 <= limit && bound > crate::contract::DISTURBED * p50 {
        "; the machine was too busy to measure a p99: check it with `eyas verify` when it is quiet"
    } else {
        ""
    };
    format!(
        "no model met the latency limit: the fastest found has a p99 of at most {bound:.0} ns \
         (p50 {p50:.0} ns){cause}; cheapest points: {nearest}"
    )
}

fn importances(facts: &Facts<'_>) -> Vec<(String, f64)> {
    let model = &facts.settled.model;
    let mut totals = vec![0.0; model.features.len()];
    for member in &model.members {
        let mut shares = vec![0.0; model.features.len()];
        member_importances(member, &mut shares);
        let sum: f64 = shares.iter().sum();
        if sum > 0.0 {
            let weight = member.weight.abs() / sum;
            totals.iter_mut().zip(&shares).for_each(|(total, share)| *total += weight * share);
        }
    }
    let sum: f64 = totals.iter().sum();
    let names = model.features.iter().map(|feature| feature.name.clone());
    let mut pairs: Vec<(String, f64)> =
        names.zip(totals.iter().map(|t| t / sum.max(1e-300))).collect();
    pairs.sort_by(|a, b| b.1.total_cmp(&a.1));
    pairs
}

/// Trees: gain of the splits. Linear: absolute weight of a scaled number, spread of bins' weights.
/// Nets: mean absolute weight of the feature's columns in the first layer.
fn member_importances(member: &Member, shares: &mut [f64]) {
    match &member.part {
        Part::Constant(_) => {}
        Part::Trees(trees) => {
            for node in trees.trees.iter().flat_map(|tree| &tree.nodes) {
                if let Node::Split { feature, gain, .. } = node {
                    shares[*feature as usize] += f64::from(*gain).max(0.0);
                }
            }
        }
        Part::Net(net) => net_importances(net, shares),
        Part::Linear(linear) => {
            for term in &linear.terms {
                match term {
                    Term::Number { feature, weights, .. } => {
                        shares[*feature as usize] += weights.iter().map(|w| w.abs()).sum::<f64>();
                    }
                    Term::Bins { feature, weights } => {
                        let mean = weights.iter().sum::<f64>() / weights.len().max(1) as f64;
                        let spread = weights.iter().map(|w| (w - mean).abs()).sum::<f64>();
                        shares[*feature as usize] += spread / weights.len().max(1) as f64;
                    }
                }
            }
        }
    }
}

/// Most steps of a training that a report keeps.
const STEPS_KEPT: usize = 200;

fn trainings(facts: &Facts<'_>) -> Vec<Training> {
    let mut out = Vec::new();
    for (candidate, _) in picked(facts) {
        let Some(model) = candidate.models.first().filter(|m| !m.schedule().is_empty()) else {
            continue;
        };
        let steps = model.steps();
        let stride = steps.len().div_ceil(STEPS_KEPT).max(1);
        let finite = |loss: f64| loss.is_finite().then_some(loss);
        out.push(Training {
            trial: candidate.trial,
            learner: candidate.config.learner.clone(),
            schedule: model.schedule().to_owned(),
            steps: steps
                .iter()
                .step_by(stride)
                .map(|step| (step.step, step.learning_rate, finite(step.loss)))
                .collect(),
            n_recovered: steps.iter().map(|step| u64::from(step.n_recovered)).sum(),
        });
    }
    out
}

fn net_importances(net: &Net, shares: &mut [f64]) {
    let Some(first) = net.layers.first() else { return };
    let mut rows = first.weights.chunks_exact(first.n_outputs());
    for input in &net.inputs {
        let weights = rows.by_ref().take(input.width()).flatten();
        let sum: f64 = weights.map(|weight| f64::from(weight.abs())).sum();
        shares[input.feature() as usize] += sum / input.width() as f64;
    }
}

fn references(facts: &Facts<'_>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut add = |reference: &str| {
        if !all.iter().any(|known| known == reference) {
            all.push(reference.to_owned());
        }
    };
    for (candidate, _) in picked(facts) {
        let references = learner(&candidate.config.learner).map_or(&[][..], |l| l.references());
        references.iter().for_each(|reference| add(reference));
    }
    if facts.assembly.picks.len() > 1 {
        add(
            "Caruana, Niculescu-Mizil, Crew, Ksikes (2004). Ensemble selection from libraries of models. doi:10.1145/1015330.1015432",
        );
    }
    all
}
