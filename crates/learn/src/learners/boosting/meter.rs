//! Work that a fit has done, counted by all of its threads.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::learners::Stop;

/// Work that may be done before [`Stop`] is asked again.
const ASK_EVERY: u64 = 4_000_000;

/// Counts work and asks [`Stop`] now and then. What is asked depends on the sum of the work only,
/// not on which thread did it first.
pub(super) struct Meter<'a> {
    stop: &'a dyn Stop,
    unasked: AtomicU64,
    told: AtomicU64,
    stopped: AtomicBool,
}

impl<'a> Meter<'a> {
    pub fn new(stop: &'a dyn Stop) -> Meter<'a> {
        let (unasked, told) = (AtomicU64::new(0), AtomicU64::new(0));
        Meter { stop, unasked, told, stopped: AtomicBool::new(false) }
    }

    /// Counts work.
    pub fn spend(&self, work: u64) {
        let before = self.unasked.fetch_add(work, Ordering::Relaxed);
        let whole = |sum: u64| sum / ASK_EVERY * ASK_EVERY;
        let crossed = whole(before + work) - whole(before);
        if crossed > 0 {
            self.ask(crossed);
        }
    }

    /// Asks about what is left over; nobody may count work meanwhile.
    pub fn settle(&self) {
        self.ask(self.unasked.swap(0, Ordering::Relaxed) % ASK_EVERY);
    }

    /// Whether [`Stop`] has said so.
    pub fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Asks [`Stop`] now; says whether the fit has to end.
    pub fn stops_now(&self) -> bool {
        self.ask(0);
        self.stopped()
    }

    /// Work that [`Stop`] has been told of.
    pub fn told(&self) -> u64 {
        self.told.load(Ordering::Relaxed)
    }

    /// Tells work that an earlier fit did, so that it is so much in all; nobody may count work
    /// meanwhile.
    pub fn catch_up(&self, work: u64) {
        self.settle();
        self.ask(work.saturating_sub(self.told()));
    }

    fn ask(&self, work: u64) {
        self.told.fetch_add(work, Ordering::Relaxed);
        if self.stop.spent(work) {
            self.stopped.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts what it is told.
    #[derive(Default)]
    struct Told(AtomicU64);

    impl Stop for Told {
        fn spent(&self, work: u64) -> bool {
            self.0.fetch_add(work, Ordering::Relaxed) + work > 2 * ASK_EVERY
        }
    }

    #[test]
    fn all_work_is_told_in_whole_steps_and_a_rest() {
        let told = Told::default();
        let meter = Meter::new(&told);
        (0..10).for_each(|_| meter.spend(ASK_EVERY / 4 + 1));
        assert_eq!(told.0.load(Ordering::Relaxed), 2 * ASK_EVERY);
        assert!(!meter.stopped());
        meter.settle();
        assert_eq!(told.0.load(Ordering::Relaxed), 10 * (ASK_EVERY / 4 + 1));
        assert!(meter.stopped());
        meter.spend(7);
        meter.catch_up(20 * ASK_EVERY);
        assert_eq!(told.0.load(Ordering::Relaxed), 20 * ASK_EVERY);
        assert_eq!(meter.told(), 20 * ASK_EVERY);
    }
}
