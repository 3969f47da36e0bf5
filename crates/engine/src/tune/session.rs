//! One run: programs are started, listened to, and ended, by one thread.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::process::ExitStatus;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use eyas_search::stoppers::Verdict;
use eyas_search::study::{Asked, Ending, Over, Study, Told};
use eyas_search::{Outcome, Proposal};

use super::child::{Child, Event, Message};
use super::command::{Given, Template, environment};
use super::output::{self, Said};
use super::record::Line;
use super::report::{Facts, TuneReport};
use super::{TuneEvent, TuneOptions, group};
use crate::budget::Meter;
use crate::error::Error;
use crate::lines::Lines;

/// The run is ended if so many trials failed and none has ended otherwise.
const N_FAILURES: usize = 3;
/// Longest time without a look at the clock and at Ctrl-C.
const TICK: Duration = Duration::from_millis(50);
/// Seconds that a program has to end by itself when it is asked to.
const GRACE_SECONDS: f64 = 0.2;
/// Seconds after the end of a program that its output is waited for: what it has started may hold it open.
const OUTPUT_SECONDS: f64 = 1.0;

/// A run and all it knows.
pub(super) struct Session<'a> {
    options: &'a TuneOptions,
    template: Template,
    run_dir: String,
    meter: &'a Meter<'a>,
    record: Lines,
    observer: &'a mut dyn FnMut(&TuneEvent<'_>),
    study: Study,
    facts: Facts,
    /// Trials that began in an earlier part of the run and did not end.
    unfinished: VecDeque<Proposal>,
    jobs: Vec<Job>,
    n_starts: u64,
    sender: SyncSender<Message>,
    receiver: Receiver<Message>,
}

/// A program that runs.
struct Job {
    /// Number of the start.
    run: u64,
    proposal: Proposal,
    child: Child,
    /// In seconds of the run, as all times here.
    began: f64,
    cut: Option<(Cut, f64)>,
    exited: Option<(Option<ExitStatus>, f64)>,
    /// Its last line, once its output has ended.
    closed: Option<Option<String>>,
}

/// Why a program is ended.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Cut {
    Stopper,
    Timeout,
    /// The run is over, by its budget or by Ctrl-C.
    RunOver,
}

impl<'a> Session<'a> {
    pub fn new(
        options: &'a TuneOptions,
        run_dir: &Path,
        meter: &'a Meter<'a>,
        record: Lines,
        observer: &'a mut dyn FnMut(&TuneEvent<'_>),
    ) -> Result<Session<'a>, Error> {
        let study = options.study()?;
        let template = Template::parse(&options.command, study.space())?;
        let run_dir = std::path::absolute(run_dir).unwrap_or_else(|_| run_dir.to_path_buf());
        let (sender, receiver) = sync_channel(1024);
        Ok(Session {
            options,
            template,
            run_dir: run_dir.display().to_string(),
            meter,
            record,
            observer,
            study,
            facts: Facts { notes: BTreeMap::new(), timed_out: BTreeSet::new() },
            unfinished: VecDeque::new(),
            jobs: Vec::new(),
            n_starts: 0,
            sender,
            receiver,
        })
    }

    /// Takes up what an earlier part of the run has recorded. Programs that it left behind are
    /// ended.
    pub fn replay(&mut self, lines: Vec<Line>) -> Result<(), Error> {
        let mut processes = BTreeMap::new();
        for line in lines {
            match line {
                Line::Began { id, config, seed, origin, process, .. } => {
                    processes.insert(id, process);
                    let proposal = Proposal { id, config, fidelity: 1.0, seed, origin };
                    if self.study.pending().iter().all(|other| other.id != id) {
                        self.study.adopt(proposal).map_err(|error| self.damaged(&error))?;
                    }
                }
                Line::Ended { id, told, notes, timed_out, .. } => {
                    self.study.tell(id, told).map_err(|error| self.damaged(&error))?;
                    self.facts.remember(id, notes, timed_out);
                }
                Line::Continued { .. } => {}
            }
        }
        self.unfinished = self.study.pending().to_vec().into();
        for proposal in &self.unfinished {
            let variables = environment(&given(proposal), &self.run_dir);
            group::end_left_behind(processes[&proposal.id], &variables);
        }
        Ok(())
    }

    fn damaged(&self, problem: &dyn std::fmt::Display) -> Error {
        let path = format!("{}/tune.jsonl", self.run_dir);
        Error::File { action: "continue", path, problem: format!("it is damaged: {problem}") }
    }

    /// Runs to the end.
    pub fn run(&mut self) -> Result<TuneReport, Error> {
        let over = loop {
            let over = self.start_jobs()?;
            if self.jobs.is_empty() {
                break over;
            }
            self.listen()?;
            self.look_at_clock();
            self.finish_jobs()?;
            let best = self.study.best().map(|best| best.value);
            let (n_ended, n_running) = (self.study.history().trials.len(), self.jobs.len());
            (self.observer)(&TuneEvent::Tick { n_ended, n_running, best });
        };
        let over = match over {
            Some(over) => format!("{over:?}"),
            None if self.meter.is_interrupted() => "Interrupted".into(),
            None => format!("{:?}", Over::BudgetSpent),
        };
        if self.study.best().is_none() {
            return Err(self.nothing(&over));
        }
        let seconds = self.meter.elapsed();
        Ok(TuneReport::new(self.options, &self.study, &self.template, &self.facts).ended(
            &over,
            seconds,
            &self.run_dir,
        ))
    }

    fn is_over(&self) -> bool {
        self.meter.remaining() <= 0.0
    }

    /// Starts as many programs as may run; says why none will follow.
    fn start_jobs(&mut self) -> Result<Option<Over>, Error> {
        while self.jobs.len() < self.options.jobs.max(1) && !self.is_over() {
            if let Some(proposal) = self.unfinished.pop_front() {
                self.start(proposal)?;
                continue;
            }
            match self.study.ask(self.meter.remaining()) {
                Asked::Try(proposal) => self.start(proposal)?,
                Asked::Wait => return Ok(None),
                Asked::Stop(over) => return Ok(Some(over)),
            }
        }
        Ok(None)
    }

    fn start(&mut self, proposal: Proposal) -> Result<(), Error> {
        let given = given(&proposal);
        let arguments = self.template.arguments(&given);
        let variables = environment(&given, &self.run_dir);
        let run = self.n_starts;
        let child = Child::start(&arguments, variables, run, &self.sender);
        let child = child.map_err(|error| {
            Error::Program(format!(
                "cannot start `{}`: {error}; the program and its arguments follow `--`",
                arguments[0]
            ))
        })?;
        self.n_starts += 1;
        let began = self.meter.elapsed();
        self.record.append(&Line::began(began, &proposal, child.id()))?;
        let (cut, exited, closed) = (None, None, None);
        self.jobs.push(Job { run, proposal, child, began, cut, exited, closed });
        Ok(())
    }

    /// Waits for messages, then takes all there are.
    fn listen(&mut self) -> Result<(), Error> {
        let mut message = self.receiver.recv_timeout(self.until_next_deadline()).ok();
        while let Some(Message { run, event }) = message {
            // What is no job any more may still have something to say.
            if let Some(at) = self.jobs.iter().position(|job| job.run == run) {
                self.take(at, event)?;
            }
            message = self.receiver.try_recv().ok();
        }
        Ok(())
    }

    fn until_next_deadline(&self) -> Duration {
        let now = self.meter.elapsed();
        let ends = self.jobs.iter().map(|job| self.deadline(job).0 - now);
        let next = ends.fold(TICK.as_secs_f64(), f64::min);
        Duration::from_secs_f64(next.max(0.001))
    }

    fn take(&mut self, at: usize, event: Event) -> Result<(), Error> {
        match event {
            Event::Step(step, said) => self.step(at, step, &said),
            Event::Closed(last) => {
                self.jobs[at].closed = Some(last);
                Ok(())
            }
            Event::Exited(status) => {
                self.jobs[at].exited = Some((status, self.meter.elapsed()));
                Ok(())
            }
        }
    }

    fn step(&mut self, at: usize, step: u64, said: &Said) -> Result<(), Error> {
        let value = said.value(self.options.maximize)?;
        let job = &mut self.jobs[at];
        // Steps that do not ascend tell nothing new.
        let verdict = self.study.report(job.proposal.id, step, value);
        if verdict == Ok(Verdict::Stop) && job.cut.is_none() && job.exited.is_none() {
            job.cut(Cut::Stopper, self.meter.elapsed());
        }
        Ok(())
    }

    /// When a job must end, and why.
    fn deadline(&self, job: &Job) -> (f64, Cut) {
        let own = self.options.timeout_seconds.map_or(f64::INFINITY, |limit| job.began + limit);
        let total = self.meter.total();
        if own < total { (own, Cut::Timeout) } else { (total, Cut::RunOver) }
    }

    /// Ends what has run for too long.
    fn look_at_clock(&mut self) {
        let (now, over) = (self.meter.elapsed(), self.is_over());
        let deadlines: Vec<(f64, Cut)> = self.jobs.iter().map(|job| self.deadline(job)).collect();
        for (job, (end, why)) in self.jobs.iter_mut().zip(deadlines) {
            match job.cut {
                _ if job.exited.is_some() => {}
                None if over => job.cut(Cut::RunOver, now),
                None if now >= end => job.cut(why, now),
                Some((_, at)) if now >= at + GRACE_SECONDS => job.child.end(),
                _ => {}
            }
        }
    }

    /// Tells the study of all programs that have ended.
    fn finish_jobs(&mut self) -> Result<(), Error> {
        let now = self.meter.elapsed();
        let is_done = |job: &Job| {
            let since = job.exited.map(|(_, at)| now - at);
            since.is_some_and(|since| job.closed.is_some() || since > OUTPUT_SECONDS)
        };
        while let Some(at) = self.jobs.iter().position(is_done) {
            let job = self.jobs.remove(at);
            // A trial that the end of the run has cut off is not told: it runs again if the run goes on.
            if !matches!(job.cut, Some((Cut::RunOver, _))) {
                self.finish(job)?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, job: Job) -> Result<(), Error> {
        let id = job.proposal.id;
        let (status, at) = job.exited.unwrap_or((None, self.meter.elapsed()));
        let last = job.closed.as_ref().and_then(|last| last.as_deref());
        let said = last.and_then(output::parse);
        let curve = self.study.curve_of(id);
        let ending = match (job.cut, &said) {
            (Some((Cut::Timeout, _)), _) if !curve.iter().any(|(_, value)| value.is_finite()) => {
                let limit = self.options.timeout_seconds.unwrap_or_default();
                Ending::Failed(format!("took longer than the {limit} s of --timeout"))
            }
            (Some(_), _) => Ending::Stopped,
            (None, Some(said)) if status.is_some_and(|status| status.success()) => {
                Ending::Value(said.value(self.options.maximize)?)
            }
            _ => Ending::Failed(failure(status, last, &job.child.tail())),
        };
        let told = Told { ending, seconds: at - job.began, curve };
        let notes = said.map(|said| said.notes).unwrap_or_default();
        let timed_out = matches!(job.cut, Some((Cut::Timeout, _)));
        let (elapsed, told_again) = (self.meter.elapsed(), told.clone());
        let line = Line::Ended { elapsed, id, told, notes: notes.clone(), timed_out };
        self.record.append(&line)?;
        let before = self.study.best().map(|best| best.trial.id);
        self.study.tell(id, told_again).map_err(|error| self.damaged(&error))?;
        self.facts.remember(id, notes, timed_out);
        self.show(id, before);
        self.check_that_something_works()
    }

    fn show(&mut self, id: u64, best_before: Option<u64>) {
        let trials = &self.study.history().trials;
        let trial = trials.iter().find(|trial| trial.id == id).expect("it was told");
        let best = self.study.best().map(|best| best.trial.id);
        let is_best = best == Some(id) && best != best_before;
        let (value, n_ended) = (self.study.value_of(trial), trials.len());
        (self.observer)(&TuneEvent::Ended { trial, value, is_best, n_ended });
    }

    fn check_that_something_works(&self) -> Result<(), Error> {
        let trials = &self.study.history().trials;
        let all_failed = trials.iter().all(|trial| matches!(trial.outcome, Outcome::Failed(_)));
        if trials.len() >= N_FAILURES && all_failed {
            return Err(self.nothing(""));
        }
        Ok(())
    }

    /// The error of a run without a value.
    fn nothing(&self, over: &str) -> Error {
        let trials = &self.study.history().trials;
        let last = trials.iter().rev().find_map(|trial| match &trial.outcome {
            Outcome::Failed(why) => Some((trial.id, why)),
            _ => None,
        });
        Error::Program(match (last, trials.len()) {
            (Some((id, why)), n) => {
                format!("none of the first {n} trials gave a value; trial {id}: {why}")
            }
            (None, 0) if over == "Interrupted" => "interrupted before a trial ended".into(),
            (None, 0) => "no trial ended within the budget; give it more --budget".into(),
            (None, n) => format!("none of {n} trials gave a finite value; all diverged"),
        })
    }
}

impl Job {
    fn cut(&mut self, why: Cut, now: f64) {
        self.child.ask_to_end();
        self.cut = Some((why, now));
    }
}

fn given(proposal: &Proposal) -> Given<'_> {
    Given { config: &proposal.config, trial: proposal.id, seed: proposal.seed }
}

/// Why a program that ended has no value.
fn failure(status: Option<ExitStatus>, last: Option<&str>, tail: &str) -> String {
    let mut why = match (status, last) {
        (Some(status), _) if !status.success() => format!("it ended with {status}"),
        (Some(_), Some(last)) => format!(
            "its last line is `{}`, expected a number, or JSON such as {{\"loss\": 0.25}}",
            cut_short(last)
        ),
        (Some(_), None) => {
            "it printed nothing, expected a number, or JSON such as {\"loss\": 0.25}, as its last \
             line"
                .into()
        }
        (None, _) => "it is not known how it ended".into(),
    };
    if !tail.is_empty() {
        let lines: Vec<&str> = tail.lines().collect();
        let lines = &lines[lines.len().saturating_sub(10)..];
        why += &format!("; its standard error ends with\n  {}", lines.join("\n  "));
    }
    why
}

fn cut_short(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
