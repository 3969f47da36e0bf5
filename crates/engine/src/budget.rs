//! The one place that reads a clock: budgets of seconds or of work units, and interruption.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::heartbeat::Heartbeat;

/// How long a run may take.
#[derive(Debug, Clone, Copy)]
pub enum Budget {
    /// Wall-clock time for everything, reading and saving included.
    Wall {
        /// When the command began.
        started: Instant,
        /// How long it may take, in seconds.
        seconds: f64,
    },
    /// Deterministic work units: the same model on any machine and any number of threads.
    Work(u64),
}

impl Budget {
    /// The same budget for a run that begins now.
    #[must_use]
    pub fn from_now(self) -> Budget {
        match self {
            Budget::Wall { seconds, .. } => Budget::Wall { started: Instant::now(), seconds },
            Budget::Work(units) => Budget::Work(units),
        }
    }
}

/// Asks a run to finish with the best model so far. Shared with a signal handler.
#[derive(Debug, Default)]
pub struct Interrupt(AtomicBool);

impl Interrupt {
    /// An interrupt that nobody has raised.
    pub const fn new() -> Interrupt {
        Interrupt(AtomicBool::new(false))
    }

    /// Asks to finish.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked to finish.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A budget in use.
#[derive(Debug)]
pub struct Meter<'a> {
    budget: Budget,
    began: Instant,
    work: AtomicU64,
    interrupt: &'a Interrupt,
    heartbeat: Option<Heartbeat>,
}

impl<'a> Meter<'a> {
    /// Starts to count. `earlier_seconds` were used by the run before it was stopped and resumed; more
    /// than a clock can hold count as none.
    pub fn new(budget: Budget, earlier_seconds: f64, interrupt: &'a Interrupt) -> Meter<'a> {
        let began = match budget {
            Budget::Wall { started, .. } => started,
            Budget::Work(_) => Instant::now(),
        };
        let earlier = Duration::try_from_secs_f64(earlier_seconds).unwrap_or_default();
        let began = began.checked_sub(earlier).unwrap_or(began);
        Meter { budget, began, work: AtomicU64::new(0), interrupt, heartbeat: None }
    }

    /// Keeps the time of the run as it goes on, if the budget is time.
    #[must_use]
    pub(crate) fn with_heartbeat(self, heartbeat: Option<Heartbeat>) -> Meter<'a> {
        let heartbeat = heartbeat.filter(|_| !self.by_work());
        Meter { heartbeat, ..self }
    }

    /// Keeps the time of the run, if it is time to.
    pub(crate) fn beat(&self, elapsed: f64) {
        if let Some(heartbeat) = &self.heartbeat {
            heartbeat.beat(elapsed);
        }
    }

    /// Seconds since the run began.
    pub fn elapsed(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Whether costs are work units rather than seconds.
    pub fn by_work(&self) -> bool {
        matches!(self.budget, Budget::Work(_))
    }

    /// The whole budget, in seconds or work units.
    pub fn total(&self) -> f64 {
        match self.budget {
            Budget::Wall { seconds, .. } => seconds,
            Budget::Work(units) => units as f64,
        }
    }

    /// What is used of it, in seconds or work units.
    pub fn used(&self) -> f64 {
        match self.budget {
            Budget::Wall { .. } => self.elapsed(),
            Budget::Work(_) => self.work.load(Ordering::Relaxed) as f64,
        }
    }

    /// What is left of it; zero once interrupted.
    pub fn remaining(&self) -> f64 {
        if self.interrupt.is_raised() { 0.0 } else { (self.total() - self.used()).max(0.0) }
    }

    /// Books work that a finished trial has used. Only finished trials are booked, in the order of
    /// their ids, so that decisions do not depend on threads.
    pub fn book(&self, work: u64) {
        self.work.fetch_add(work, Ordering::Relaxed);
    }

    /// Whether the caller asked to finish.
    pub fn is_interrupted(&self) -> bool {
        self.interrupt.is_raised()
    }
}

/// A time of the run that may move while others look at it, in seconds of [`Meter::elapsed`].
#[derive(Debug)]
pub struct Moment(AtomicU64);

impl Moment {
    /// A moment that never comes.
    pub fn never() -> Moment {
        Moment(AtomicU64::new(f64::INFINITY.to_bits()))
    }

    /// Moves it.
    pub fn set(&self, seconds: f64) {
        self.0.store(seconds.to_bits(), Ordering::Relaxed);
    }

    /// When it is.
    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

/// Ends one fit at a moment (seconds of [`Meter::elapsed`]) or after some work.
#[derive(Debug)]
pub struct FitLimit<'a> {
    meter: &'a Meter<'a>,
    /// In seconds of the run, or in work units of this fit.
    limit: f64,
    or_at: Option<&'a Moment>,
    spent: AtomicU64,
}

impl<'a> FitLimit<'a> {
    /// With a clock the fit ends when `meter.elapsed()` reaches `limit`; by work, when the fit has
    /// spent `limit` units.
    pub fn new(meter: &'a Meter<'a>, limit: f64) -> FitLimit<'a> {
        FitLimit { meter, limit, or_at: None, spent: AtomicU64::new(0) }
    }

    /// With a clock the fit also ends when this moment comes.
    #[must_use]
    pub fn or_at(self, moment: &'a Moment) -> FitLimit<'a> {
        FitLimit { or_at: Some(moment), ..self }
    }

    /// Work units spent so far.
    pub fn work(&self) -> u64 {
        self.spent.load(Ordering::Relaxed)
    }
}

impl eyas_learn::Stop for FitLimit<'_> {
    fn spent(&self, work: u64) -> bool {
        let spent = self.spent.fetch_add(work, Ordering::Relaxed) + work;
        if self.meter.by_work() {
            return spent as f64 >= self.limit || self.meter.is_interrupted();
        }
        let end = self.or_at.map_or(self.limit, |moment| moment.get().min(self.limit));
        let elapsed = self.meter.elapsed();
        self.meter.beat(elapsed);
        elapsed >= end || self.meter.is_interrupted()
    }
}
