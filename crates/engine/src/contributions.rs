//! What each of the four methods contributed, from what the run itself tried.

use eyas_search::{History, Origin, Trial};

use crate::options::Method;
use crate::report::Contribution;
use crate::strategies::has_dynamic_rate;
use crate::trial::Candidate;

/// What the run ended with.
pub(crate) struct Ending<'a> {
    pub history: &'a History,
    pub limit_ns: f64,
    pub without: &'a [Method],
    /// Loss of the chosen combination on validation rows.
    pub chosen_loss: f64,
    /// Standard error of the difference between the chosen combination and the best default.
    pub gain_over_default_se: Option<f64>,
    /// The picked candidates with their weights.
    pub picks: Vec<(&'a Candidate, f64)>,
}

/// One contribution for each method, in the order of [`Method::ALL`].
pub(crate) fn contributions(ending: &Ending<'_>) -> Vec<Contribution> {
    Method::ALL.iter().map(|&method| contribution(ending, method)).collect()
}

fn contribution(ending: &Ending<'_>, method: Method) -> Contribution {
    let empty = Contribution {
        method: method.name().into(),
        on: !ending.without.contains(&method),
        score_gain: 0.0,
        score_gain_se: None,
        ns_saved: 0.0,
        seconds: 0.0,
        how: "switched off".into(),
    };
    if !empty.on {
        return empty;
    }
    match method {
        Method::Rate => rate(ending, empty),
        Method::Selection => selection(ending, empty),
        Method::Pruning => pruning(ending, empty),
        Method::Transfer => transfer(ending, empty),
    }
}

fn full<'a>(ending: &Ending<'a>) -> impl Iterator<Item = &'a Trial> {
    ending.history.trials.iter().filter(|trial| trial.fidelity >= 1.0)
}

/// Least loss within the limit among trials, infinite if there is none.
fn least<'a>(trials: impl Iterator<Item = &'a Trial>, limit_ns: f64) -> f64 {
    let losses = trials.filter_map(|trial| trial.best_within(limit_ns)).map(|point| point.loss);
    losses.fold(f64::INFINITY, f64::min)
}

fn seconds<'a>(trials: impl Iterator<Item = &'a Trial>) -> f64 {
    trials.map(|trial| trial.seconds).sum()
}

fn gain(without: f64, with: f64) -> f64 {
    let gain = without - with;
    if gain.is_finite() { gain } else { 0.0 }
}

fn rate(ending: &Ending<'_>, empty: Contribution) -> Contribution {
    let limit = ending.limit_ns;
    let dynamic = || full(ending).filter(|trial| has_dynamic_rate(&trial.config));
    let constant = least(full(ending).filter(|trial| !has_dynamic_rate(&trial.config)), limit);
    let best = least(dynamic(), limit);
    let n = dynamic().count();
    let how = format!(
        "best of {n} trials with a changing or closed-form rate against the best with a fixed one"
    );
    let score_gain = gain(constant, best).max(0.0);
    let how = if score_gain > 0.0 { how } else { format!("{how}; a fixed rate was as good") };
    Contribution { score_gain, seconds: seconds(dynamic()), how, ..empty }
}

fn selection(ending: &Ending<'_>, empty: Contribution) -> Contribution {
    let defaults = || full(ending).filter(|trial| trial.origin == Origin::Default);
    let others = ending.history.trials.iter().filter(|trial| trial.origin != Origin::Default);
    let best_default = least(defaults(), ending.limit_ns);
    let how = format!(
        "chosen model ({} of {} trials) against the best of the learners' defaults",
        ending.picks.len(),
        ending.history.trials.len()
    );
    Contribution {
        score_gain: gain(best_default, ending.chosen_loss),
        score_gain_se: ending.gain_over_default_se,
        seconds: seconds(others),
        how,
        ..empty
    }
}

fn pruning(ending: &Ending<'_>, empty: Contribution) -> Contribution {
    let score_gain = ending.picks.iter().map(|(c, w)| w * gain(c.whole.0, c.loss)).sum();
    let ns_saved = ending.picks.iter().map(|(c, _)| (c.whole.1 - c.ns).max(0.0)).sum();
    let how = "chosen truncations of the picked fits against the whole fits".into();
    Contribution { score_gain, ns_saved, how, ..empty }
}

fn transfer(ending: &Ending<'_>, empty: Contribution) -> Contribution {
    let limit = ending.limit_ns;
    let memory = || full(ending).filter(|trial| trial.origin == Origin::Memory);
    let n = memory().count();
    if n == 0 {
        return Contribution { how: "the memory had nothing to propose".into(), ..empty };
    }
    let others = least(full(ending).filter(|trial| trial.origin != Origin::Memory), limit);
    let score_gain = gain(others, least(memory(), limit)).max(0.0);
    let verdict = if score_gain > 0.0 { "helped" } else { "did not help" };
    let how = format!("best of {n} trials that the memory proposed against the best of all others; it {verdict}");
    Contribution { score_gain, seconds: seconds(memory()), how, ..empty }
}
