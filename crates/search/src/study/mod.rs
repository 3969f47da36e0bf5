//! Anyone's objective: a search that is asked what to try and told what came of it.
//!
//! A [`Study`] holds a space and a history; it runs nothing and knows no clock. Several trials may be
//! out at a time, and what is told may come in any order.
//!
//! ```
//! use eyas_search::space::text::SpaceText;
//! use eyas_search::study::{Asked, Study, Told};
//!
//! let space: SpaceText = toml::from_str(
//!     r#"
//!     learner = "hill"
//!     [[parameter]]
//!     name = "x"
//!     type = "float"
//!     low = -5.0
//!     high = 5.0
//!     "#,
//! )?;
//! let mut study = Study::new(space.space()?, 7).with_max_trials(30);
//! while let Asked::Try(proposal) = study.ask(f64::INFINITY) {
//!     let x = proposal.config.float("x").expect("every configuration has all parameters");
//!     study.tell(proposal.id, Told::value((x - 2.0) * (x - 2.0)))?;
//! }
//! let best = study.best().expect("thirty trials were told");
//! assert!(best.value < 0.05);
//! assert!((best.trial.config.float("x").unwrap() - 2.0).abs() < 0.3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod seconds;

pub use error::StudyError;

use crate::history::{History, Outcome, Point, Trial};
use crate::samplers::{Sampler, sampler};
use crate::space::{Config, Space};
use crate::stoppers::{Course, Curve, STOPPERS, Stopper, Verdict};
use crate::strategy::{Decision, Price, Proposal, Rules, StopReason, next};
use seconds::Seconds;

/// A search of one space, by asking and telling.
pub struct Study {
    space: Space,
    guesses: Vec<Config>,
    sampler: Option<&'static dyn Sampler>,
    stopper: Option<(&'static dyn Stopper, Course)>,
    maximizes: bool,
    max_trials: u64,
    seed: u64,
    history: History,
    pending: Vec<Proposal>,
    /// Curves of all trials, told ones included, by the order of their start.
    curves: Vec<(u64, Curve)>,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// Run this trial, then tell what came of it.
    Try(Proposal),
    /// Nothing until a trial that is out is told.
    Wait,
    /// The search is over; trials that are out may still be told.
    Stop(Over),
}

/// Why a study is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// As many trials as were allowed.
    TrialsDone,
    /// No trial that is worth it would end in what remains.
    BudgetSpent,
    /// Every configuration has been tried.
    SpaceExhausted,
}

/// What came of a trial.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Told {
    /// How it ended.
    pub ending: Ending,
    /// What it took, in seconds; 0 if nobody measured.
    pub seconds: f64,
    /// `(step, value)` by ascending step, as it was told on the way; if empty, what
    /// [`Study::report`] was given counts.
    #[serde(default, with = "any_numbers")]
    pub curve: Vec<(u64, f64)>,
}

/// How a trial ended.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It has a value; one that is NaN or infinite says that it diverged.
    Value(#[serde(with = "any_number")] f64),
    /// It was ended early; the last value of its curve counts.
    Stopped,
    /// It has none; the text says why.
    Failed(String),
}

/// The best trial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Best<'a> {
    /// The trial.
    pub trial: &'a Trial,
    /// Its value, as it was told.
    pub value: f64,
}

impl Told {
    /// A value.
    pub fn value(value: f64) -> Told {
        Told { ending: Ending::Value(value), seconds: 0.0, curve: Vec::new() }
    }

    /// Ended early.
    pub fn stopped() -> Told {
        Told { ending: Ending::Stopped, ..Told::value(0.0) }
    }

    /// Failed, and why.
    pub fn failed(why: impl Into<String>) -> Told {
        Told { ending: Ending::Failed(why.into()), ..Told::value(0.0) }
    }

    /// The same, with what it took in seconds.
    #[must_use]
    pub fn after(self, seconds: f64) -> Told {
        Told { seconds, ..self }
    }

    /// The same, with the values on the way.
    #[must_use]
    pub fn with_curve(self, curve: Vec<(u64, f64)>) -> Told {
        Told { curve, ..self }
    }
}

impl Study {
    /// A study that minimises, by the search's blend of samplers, without end.
    pub fn new(space: Space, seed: u64) -> Study {
        Study {
            space,
            guesses: Vec::new(),
            sampler: None,
            stopper: None,
            maximizes: false,
            max_trials: u64::MAX,
            seed,
            history: History::default(),
            pending: Vec::new(),
            curves: Vec::new(),
        }
    }

    /// The same, but larger values are better.
    #[must_use]
    pub fn maximizing(self) -> Study {
        Study { maximizes: true, ..self }
    }

    /// The same, but over after this many trials.
    #[must_use]
    pub fn with_max_trials(self, max_trials: u64) -> Study {
        Study { max_trials, ..self }
    }

    /// The same, drawing from one sampler after the default.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn with_sampler(self, name: &str) -> Result<Study, StudyError> {
        match sampler(name) {
            Some(sampler) => Ok(Study { sampler: Some(sampler), ..self }),
            None => Err(StudyError::no_sampler(name)),
        }
    }

    /// The same, with a rule that ends trials early: see [`Study::report`].
    ///
    /// # Errors
    /// There is none of this name.
    pub fn with_stopper(self, name: &str, course: Course) -> Result<Study, StudyError> {
        match STOPPERS.iter().find(|stopper| stopper.name() == name) {
            Some(stopper) => Ok(Study { stopper: Some((*stopper, course)), ..self }),
            None => Err(StudyError::no_stopper(name)),
        }
    }

    /// The same, with configurations to begin with, best guess first; the first takes the place of
    /// the space's default. Absent parameters take their defaults.
    ///
    /// # Errors
    /// One of them is not of the space.
    pub fn with_guesses(self, guesses: Vec<Config>) -> Result<Study, StudyError> {
        guesses.iter().try_for_each(|config| self.space.check(config))?;
        Ok(Study { guesses, ..self })
    }

    /// The space.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// What was told, by number. Losses are values, with the sign turned if larger is better.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Trials that are out.
    pub fn pending(&self) -> &[Proposal] {
        &self.pending
    }

    /// What to try next, with this many seconds left for trials. A trial that is not expected to
    /// end in them is not proposed; what trials take is learned from what is told.
    ///
    /// Equal histories give equal answers; with `f64::INFINITY` seconds they do not even depend on
    /// what trials took. Costs O(trials x parameters).
    pub fn ask(&mut self, remaining_seconds: f64) -> Asked {
        if (self.history.trials.len() + self.pending.len()) as u64 >= self.max_trials {
            let over = Asked::Stop(Over::TrialsDone);
            return if self.pending.is_empty() { over } else { Asked::Wait };
        }
        match self.decide(remaining_seconds) {
            Decision::Try(proposal) => {
                self.begin(proposal.clone());
                Asked::Try(proposal)
            }
            Decision::Wait => Asked::Wait,
            Decision::Stop(StopReason::BudgetSpent) => Asked::Stop(Over::BudgetSpent),
            Decision::Stop(StopReason::SpaceExhausted) => Asked::Stop(Over::SpaceExhausted),
        }
    }

    fn decide(&self, remaining_seconds: f64) -> Decision {
        // Without a limit a trial costs 1, whatever it took: no clock has a say.
        let by_work = remaining_seconds.is_infinite();
        let seconds = Seconds::new(&self.space, &self.history.trials);
        let price = |config: &Config, _: f64| Price {
            cost: if by_work { 1.0 } else { seconds.of(config) },
            ns: 0.0,
            memory_bytes: 0.0,
        };
        let rules = Rules {
            spaces: std::slice::from_ref(&self.space),
            portfolio: &self.guesses,
            memory: &[],
            price: &price,
            remaining: remaining_seconds,
            limit_ns: f64::INFINITY,
            limit_memory_bytes: f64::INFINITY,
            screening: None,
            sampler: self.sampler,
            extras: &[],
            defaults_only: false,
            by_work,
            seed: self.seed,
        };
        next(&rules, &self.history, &self.pending)
    }

    fn begin(&mut self, proposal: Proposal) {
        self.curves.push((proposal.id, Curve::default()));
        self.pending.push(proposal);
    }

    /// Takes up a trial that an earlier study of this space proposed, to be told here.
    ///
    /// # Errors
    /// Its number is taken, or it is not of the space.
    pub fn adopt(&mut self, proposal: Proposal) -> Result<(), StudyError> {
        self.space.check(&proposal.config)?;
        if self.curves.iter().any(|(id, _)| *id == proposal.id) {
            return Err(StudyError::TakenId(proposal.id));
        }
        self.begin(proposal);
        Ok(())
    }

    /// Gives a trial up as if it had never been proposed: nothing can be told about it any more,
    /// and its configuration may be proposed again.
    ///
    /// # Errors
    /// It is not out.
    pub fn forget(&mut self, id: u64) -> Result<(), StudyError> {
        let place = self.place(id)?;
        self.pending.remove(place);
        self.curves.retain(|(other, _)| *other != id);
        Ok(())
    }

    /// A value on the way: what becomes of the trial. Without a stopper it always goes on.
    ///
    /// # Errors
    /// It is not out, or a step is not above the one before.
    pub fn report(&mut self, id: u64, step: u64, value: f64) -> Result<Verdict, StudyError> {
        self.place(id)?;
        let loss = self.loss(value);
        let curve = self.curve_mut(id);
        if let Some(&(last, _)) = curve.points.last().filter(|(last, _)| step <= *last) {
            return Err(StudyError::StepOrder { id, step, last });
        }
        curve.points.push((step, loss));
        self.verdict(id)
    }

    /// What becomes of a trial by what is known now; asked again for one that waits.
    ///
    /// # Errors
    /// It is not out.
    pub fn verdict(&self, id: u64) -> Result<Verdict, StudyError> {
        self.place(id)?;
        let Some((stopper, course)) = self.stopper else { return Ok(Verdict::Continue) };
        let place = self.curves.iter().position(|(other, _)| *other == id);
        let place = place.expect("every trial that is out has a curve");
        let curves: Vec<Curve> = self.curves.iter().map(|(_, curve)| curve.clone()).collect();
        Ok(stopper.verdict(&course, &curves, place))
    }

    /// What came of a trial.
    ///
    /// # Errors
    /// It is not out: never proposed, told already, or given up.
    pub fn tell(&mut self, id: u64, told: Told) -> Result<(), StudyError> {
        let place = self.place(id)?;
        let losses: Vec<(u64, f64)> =
            told.curve.iter().map(|(step, value)| (*step, self.loss(*value))).collect();
        let curve = self.curve_mut(id);
        if !losses.is_empty() {
            curve.points = losses;
        }
        curve.is_over = true;
        let last = curve.points.last().map(|(_, loss)| *loss);
        let (outcome, loss) = match told.ending {
            Ending::Value(value) if value.is_finite() => {
                (Outcome::Completed, Some(self.loss(value)))
            }
            Ending::Value(_) => (Outcome::Diverged, None),
            Ending::Stopped => (Outcome::Stopped, last.filter(|loss| loss.is_finite())),
            Ending::Failed(why) => (Outcome::Failed(why), None),
        };
        let proposal = self.pending.remove(place);
        let trial = trial(proposal, outcome, loss, told.seconds);
        let after = self.history.trials.partition_point(|other| other.id < id);
        self.history.trials.insert(after, trial);
        Ok(())
    }

    /// The trial of best value, ties to the earlier one; `None` while there is no value.
    pub fn best(&self) -> Option<Best<'_>> {
        let with_loss = self.history.trials.iter().filter_map(|trial| Some((trial, trial.best()?)));
        let best = with_loss.min_by(|(_, a), (_, b)| a.loss.total_cmp(&b.loss));
        best.map(|(trial, point)| Best { trial, value: self.loss(point.loss) })
    }

    /// The value of a trial, as it was told; `None` if it has none.
    pub fn value_of(&self, trial: &Trial) -> Option<f64> {
        trial.best().map(|point| self.loss(point.loss))
    }

    /// What a trial told on the way, `(step, value)`; empty for one that is not known.
    pub fn curve_of(&self, id: u64) -> Vec<(u64, f64)> {
        let curve = self.curves.iter().find(|(other, _)| *other == id);
        let points = curve.map_or(&[][..], |(_, curve)| &curve.points);
        points.iter().map(|(step, loss)| (*step, self.loss(*loss))).collect()
    }

    /// A value as a loss, and a loss as a value.
    fn loss(&self, value: f64) -> f64 {
        if self.maximizes { -value } else { value }
    }

    fn place(&self, id: u64) -> Result<usize, StudyError> {
        let place = self.pending.iter().position(|proposal| proposal.id == id);
        place.ok_or_else(|| match self.history.trials.iter().any(|trial| trial.id == id) {
            true => StudyError::ToldTwice(id),
            false => StudyError::UnknownTrial(id),
        })
    }

    fn curve_mut(&mut self, id: u64) -> &mut Curve {
        let curve = self.curves.iter_mut().find(|(other, _)| *other == id);
        &mut curve.expect("every trial that is out has a curve").1
    }
}

fn trial(proposal: Proposal, outcome: Outcome, loss: Option<f64>, seconds: f64) -> Trial {
    let Proposal { id, config, fidelity, seed, origin } = proposal;
    let point =
        |loss| Point { truncation: 0, label: String::new(), loss, loss_se: 0.0, ns: 0.0, bytes: 0 };
    let curve = loss.map(point).into_iter().collect();
    Trial { id, config, fidelity, seed, origin, outcome, curve, seconds, work: 1 }
}

/// Numbers that may be NaN or infinite, which JSON does not know: those are `null`, read as NaN.
mod any_number {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        match value.is_finite() {
            true => to.serialize_f64(*value),
            false => to.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        Ok(Option::<f64>::deserialize(from)?.unwrap_or(f64::NAN))
    }
}

/// The same for curves.
mod any_numbers {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(curve: &[(u64, f64)], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(
            curve.iter().map(|(step, value)| (step, value.is_finite().then_some(*value))),
        )
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(u64, f64)>, D::Error> {
        let curve = Vec::<(u64, Option<f64>)>::deserialize(from)?;
        Ok(curve.into_iter().map(|(step, value)| (step, value.unwrap_or(f64::NAN))).collect())
    }
}

#[cfg(test)]
mod tests;
