//! Local search around the best: mutation, crossover and steps along improving directions.

use super::surrogate::Surrogate;
use super::{Draw, Sampler};
use crate::axes::Axes;
use crate::history::{Origin, Trial};
use crate::random::Stream;
use crate::space::{Config, Domain, Parameter, Space, Value};

/// Moves around the learner's best few configurations.
///
/// Half of the moves perturb one to three parameters of a parent, a fifth cross two parents and
/// perturb one, the rest go on from the best along the line from a worse one to a better one.
/// Steps in the unit cube have the standard deviation
/// `0.25 * 1.5^(successes - failures / 4)`, kept in `[0.01, 0.4]`: it is steady if one move in
/// five succeeds. Once a learner has more than a handful of trials, several moves are made
/// and the one is taken that a surrogate (a Gaussian process) finds most promising.
///
/// Reference: Wu, Wang, Huang 2021, Frugal Optimization for Cost-related Hyperparameters,
/// arXiv:2005.01571; Storn, Price 1997, Differential Evolution, doi:10.1023/A:1008202821328;
/// Rechenberg 1973, Evolutionsstrategie (the one-fifth rule).
#[derive(Debug, Clone, Copy)]
pub struct Local;

/// Parents are drawn among this many of the best.
const N_PARENTS: usize = 5;
/// Moves of which the surrogate picks one.
const N_CHILDREN: usize = 24;
/// Trials that the surrogate is fitted to.
const N_KNOWN: usize = 50;

impl Sampler for Local {
    fn name(&self) -> &'static str {
        "local"
    }

    fn origin(&self) -> Origin {
        Origin::Local
    }

    fn references(&self) -> &'static [&'static str] {
        &[
            "Wu, Wang, Huang 2021, Frugal Optimization for Cost-related Hyperparameters, arXiv:2005.01571",
            "Storn, Price 1997, Differential Evolution, doi:10.1023/A:1008202821328",
        ]
    }

    /// `None` where no trial of the learner has a finite loss within the latency limit.
    fn draw(&self, draw: &Draw<'_>) -> Option<Config> {
        let scored = scored(draw);
        let parents = parents(draw.space, &scored);
        let mut stream = Stream::new(&[draw.seed, draw.id, draw.attempt, 0x10CA1]);
        let step = step_size(draw) * (1.0 + 0.1 * draw.attempt as f64);
        let first = child(draw.space, &parents, step, &mut stream)?;
        let Some(surrogate) = surrogate(draw.space, &scored) else { return Some(first) };
        let mut children = vec![first];
        // Steps of half to twice the size: the surrogate knows better than their history.
        let sizes = [0.5, 1.0, 2.0].into_iter().cycle();
        let others = sizes.take(N_CHILDREN).filter_map(|size| {
            child(draw.space, &parents, (size * step).clamp(0.005, 0.5), &mut stream)
        });
        children.extend(others);
        let tried: Vec<u64> =
            scored.iter().map(|(_, t)| draw.space.fingerprint(&t.config)).collect();
        children.retain(|child| !tried.contains(&draw.space.fingerprint(child)));
        let promise = |child: &Config| surrogate.promise(&draw.space.encode(child));
        let valued = children.into_iter().map(|child| (promise(&child), child));
        valued.max_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, child)| child)
    }
}

/// One move from among the parents; `None` without parents.
fn child(space: &Space, parents: &[Config], step: f64, stream: &mut Stream) -> Option<Config> {
    let best = parents.first()?;
    let mut child = match stream.uniform() {
        u if u < 0.5 || parents.len() < 2 => pick(parents, stream).clone(),
        u if u < 0.7 => cross(space, best, pick(&parents[1..], stream), stream),
        _ => {
            let worse = 1 + stream.below(parents.len() - 1);
            let better = stream.below(worse);
            advance(space, best, &parents[better], &parents[worse], stream)
        }
    };
    let is_new = space.fingerprint(&child) != space.fingerprint(best);
    let n_changes = if is_new && stream.uniform() < 0.7 { 1 } else { 1 + stream.below(3) };
    perturb(space, &mut child, n_changes, step, stream);
    if space.forbidden.is_empty() { Some(child) } else { Axes::new(space).settle(child, stream) }
}

/// The learner's best [`N_KNOWN`] trials that have a finite loss within the limit, at the highest
/// fidelity that has any, best first.
fn scored<'a>(draw: &Draw<'a>) -> Vec<(f64, &'a Trial)> {
    let of_learner = draw.history.trials.iter().filter(|t| t.config.learner == draw.space.learner);
    let mut scored: Vec<(f64, &Trial)> = of_learner
        .filter_map(|t| t.best_within(draw.limit_ns).map(|point| (point.loss, t)))
        .collect();
    let fidelity = scored.iter().map(|(_, t)| t.fidelity).fold(0.0, f64::max);
    scored.retain(|(_, t)| t.fidelity == fidelity);
    scored.sort_by(|(a_loss, a), (b_loss, b)| a_loss.total_cmp(b_loss).then(a.id.cmp(&b.id)));
    let of_space = scored.into_iter().filter(|(_, t)| draw.space.check(&t.config).is_ok());
    of_space.take(N_KNOWN).collect()
}

fn parents(space: &Space, scored: &[(f64, &Trial)]) -> Vec<Config> {
    scored.iter().take(N_PARENTS).map(|(_, t)| space.complete(&t.config)).collect()
}

/// What the best trials say of the others.
fn surrogate(space: &Space, scored: &[(f64, &Trial)]) -> Option<Surrogate> {
    if scored.len() <= N_PARENTS {
        return None;
    }
    let losses: Vec<f64> = scored.iter().map(|(loss, _)| *loss).collect();
    Surrogate::fit(scored.iter().map(|(_, t)| space.encode(&t.config)).collect(), &losses)
}

/// Standard deviation of a step, from how the learner's local trials went: a success beats all
/// earlier trials of the learner at the same fidelity.
fn step_size(draw: &Draw<'_>) -> f64 {
    let mut bests: Vec<(f64, f64)> = Vec::new(); // (fidelity, best loss so far)
    let mut exponent = 0.0;
    for trial in draw.history.trials.iter().filter(|t| t.config.learner == draw.space.learner) {
        let loss = trial.best_within(draw.limit_ns).map_or(f64::INFINITY, |point| point.loss);
        let Some((_, best)) = bests.iter_mut().find(|(f, _)| *f == trial.fidelity) else {
            bests.push((trial.fidelity, loss));
            continue;
        };
        if trial.origin == Origin::Local {
            exponent += if loss < *best { 1.0 } else { -0.25 };
        }
        *best = best.min(loss);
    }
    (0.25 * libm::pow(1.5, exponent)).clamp(0.01, 0.4)
}

/// The first with probability one half, the second with one quarter, and so on.
fn pick<'a>(parents: &'a [Config], stream: &mut Stream) -> &'a Config {
    let rank = stream.next_u64().trailing_zeros() as usize;
    &parents[rank.min(parents.len() - 1)]
}

/// Each parameter from one of two.
fn cross(space: &Space, a: &Config, b: &Config, stream: &mut Stream) -> Config {
    let mut child = a.clone();
    for parameter in &space.parameters {
        if stream.uniform() < 0.5 {
            child.values.insert(parameter.name.to_owned(), b.values[parameter.name].clone());
        }
    }
    child
}

/// From `best` on, along the line from `worse` to `better`, in the parameters that have an order.
fn advance(
    space: &Space,
    best: &Config,
    better: &Config,
    worse: &Config,
    stream: &mut Stream,
) -> Config {
    let stride = 0.25 + stream.uniform();
    let mut child = best.clone();
    for parameter in space.parameters.iter().filter(|p| !p.nested && p.domain.is_ordered()) {
        let unit = |config: &Config| parameter.domain.unit(&config.values[parameter.name]);
        let move_by = stride * (unit(better) - unit(worse));
        if move_by != 0.0 && space.is_active(parameter, best) {
            let value = parameter.domain.value_at(reflect(unit(best) + move_by));
            child.values.insert(parameter.name.to_owned(), value);
        }
    }
    child
}

/// Changes some active parameters. A nested one changes only beside another, since by itself it
/// makes no new configuration.
fn perturb(space: &Space, child: &mut Config, n_changes: usize, step: f64, stream: &mut Stream) {
    let active = |p: &&Parameter| space.is_active(p, child) && p.domain.n_values() != Some(1);
    let mut candidates: Vec<&Parameter> =
        space.parameters.iter().filter(|p| !p.nested).filter(active).collect();
    let nested: Vec<&Parameter> =
        space.parameters.iter().filter(|p| p.nested).filter(active).collect();
    stream.shuffle(&mut candidates);
    candidates.truncate(n_changes);
    if !nested.is_empty() && stream.uniform() < 0.15 {
        candidates.push(nested[stream.below(nested.len())]);
    }
    for parameter in candidates {
        let value = moved(&parameter.domain, &child.values[parameter.name], step, stream);
        child.values.insert(parameter.name.to_owned(), value);
    }
}

/// Another value near this one; for values without order, any other.
fn moved(domain: &Domain, value: &Value, step: f64, stream: &mut Stream) -> Value {
    match (domain, value) {
        (Domain::Bool, value) => Value::Bool(*value != Value::Bool(true)),
        (Domain::Category(names), Value::Text(text)) => {
            let others: Vec<&&str> = names.iter().filter(|name| *name != text).collect();
            others
                .get(stream.below(others.len().max(1)))
                .map_or(value.clone(), |n| Value::from(**n))
        }
        _ => {
            // The sum of three uniforms, scaled to a standard deviation of 1.
            let bell = 2.0 * (stream.uniform() + stream.uniform() + stream.uniform() - 1.5);
            let next = domain.value_at(reflect(domain.unit(value) + step * bell));
            if next == *value { neighbour(domain, value, bell) } else { next }
        }
    }
}

/// The next whole number in a direction, turned round at the ends.
fn neighbour(domain: &Domain, value: &Value, direction: f64) -> Value {
    if let (Domain::Ordinal(names), Value::Text(text)) = (domain, value) {
        let at = names.iter().position(|name| name == text).unwrap_or(0);
        let up = (direction >= 0.0 && at + 1 < names.len()) || at == 0;
        let next = if up { (at + 1).min(names.len() - 1) } else { at - 1 };
        return Value::from(names[next]);
    }
    let (Domain::Int { low, high, .. }, Value::Int(v)) = (domain, value) else {
        return value.clone();
    };
    let by = if direction < 0.0 { -1 } else { 1 };
    let next = if (*low..=*high).contains(&(v + by)) { v + by } else { v - by };
    Value::Int(next.clamp(*low, *high))
}

/// Back into `[0, 1]` at the wall that was crossed.
fn reflect(unit: f64) -> f64 {
    let folded = if unit < 0.0 { -unit } else { unit };
    if folded > 1.0 { (2.0 - folded).max(0.0) } else { folded }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{History, Outcome, Point};
    use crate::space::tests::{parameter, sample_space};

    fn trial(id: u64, config: Config, loss: f64, origin: Origin) -> Trial {
        let label = String::new();
        let curve = vec![Point { truncation: 0, label, loss, loss_se: 0.0, ns: 1.0, bytes: 1 }];
        let (outcome, seconds, work) = (Outcome::Completed, 1.0, 1);
        Trial { id, config, fidelity: 1.0, seed: 0, origin, outcome, curve, seconds, work }
    }

    fn draw<'a>(space: &'a Space, history: &'a History, id: u64) -> Draw<'a> {
        Draw {
            space,
            portfolio: &[],
            history,
            limit_ns: 10.0,
            by_work: false,
            seed: 1,
            id,
            attempt: 0,
        }
    }

    #[test]
    fn steps_grow_with_success_and_shrink_with_failure() {
        let space = sample_space();
        let config = space.default_config();
        let mut history = History { trials: vec![trial(0, config.clone(), 0.5, Origin::Default)] };
        assert_eq!(step_size(&draw(&space, &history, 0)), 0.25);
        history.trials.push(trial(1, config.clone(), 0.4, Origin::Local));
        assert_eq!(step_size(&draw(&space, &history, 0)), 0.375);
        for id in 2..6 {
            history.trials.push(trial(id, config.clone(), f64::NAN, Origin::Local));
        }
        assert!((step_size(&draw(&space, &history, 0)) - 0.25).abs() < 1e-12);
    }

    #[test]
    fn nothing_to_draw_without_a_finite_loss_within_the_limit() {
        let space = sample_space();
        let mut bad = trial(0, space.default_config(), 0.5, Origin::Default);
        bad.curve[0].ns = 11.0;
        let history = History { trials: vec![bad] };
        assert_eq!(Local.draw(&draw(&space, &history, 1)), None);
    }

    #[test]
    fn reaches_the_bottom_of_a_bowl() {
        let domain = Domain::Float { low: 0.0, high: 1.0, log: false };
        let names = ["a", "b", "c"];
        let parameters = names.map(|name| parameter(name, domain, 0.9.into())).to_vec();
        let space = Space { learner: "bowl", parameters, forbidden: Vec::new() };
        let bowl = |c: &Config| names.iter().map(|n| (c.float(n).unwrap() - 0.3).powi(2)).sum();
        let mut history = History::default();
        history.trials.push(trial(
            0,
            space.default_config(),
            bowl(&space.default_config()),
            Origin::Default,
        ));
        for id in 1..120 {
            let config = Local.draw(&draw(&space, &history, id)).unwrap();
            let loss = bowl(&config);
            history.trials.push(trial(id, config, loss, Origin::Local));
        }
        let best = history.trials.iter().filter_map(|t| t.best()).map(|p| p.loss);
        let best = best.fold(f64::INFINITY, f64::min);
        assert!(best < 1e-3, "from 1.08 to {best}");
    }
}
