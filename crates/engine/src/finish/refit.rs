//! Fitting the chosen strategies again, on all rows.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use eyas_learn::Threads;
use eyas_learn::learners::Truncation;
use eyas_model::{Link, Part};
use eyas_search::strategy::Proposal;

use super::{BYTES_A_SECOND, Ending, MEASURED_ROWS, WRITE_SECONDS};
use crate::assemble::{Assembly, Form};
use crate::budget::FitLimit;
use crate::checkpoints::Place;
use crate::trial::{FitOf, fit_rows};

impl Ending<'_> {
    /// Fits the picked strategies on all rows, as far as time allows; those that are not done in
    /// time keep the models they have.
    pub(super) fn refit(&self, assembly: &Assembly) -> Vec<Option<(Link, Part)>> {
        let n = assembly.picks.len();
        let wanted = self.run.refits || (assembly.form == Form::Single && self.n_folds() > 1);
        if !wanted || self.meter().is_interrupted() {
            return vec![None; n];
        }
        let deadline = if self.meter().by_work() {
            f64::INFINITY
        } else {
            let ns = assembly.ns.max(1_000.0);
            let measuring = 1.4 * MEASURED_ROWS as f64 * ns * 1e-9;
            let writing = assembly.bytes / BYTES_A_SECOND;
            (0.985 * self.meter().total() - 0.1) - WRITE_SECONDS - measuring - writing
        };
        let workers = self.job.options.threads.clamp(1, n.max(1));
        let threads = Threads::new(self.job.options.threads / workers);
        let results: Vec<Mutex<Option<(Link, Part)>>> = (0..n).map(|_| Mutex::new(None)).collect();
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    loop {
                        let place = next.fetch_add(1, Ordering::Relaxed);
                        let Some(&(pick, _)) = assembly.picks.get(place) else { return };
                        let fitted = self.refit_one(pick, deadline, &threads);
                        let mut slot =
                            results[place].lock().expect("nothing panics while it holds the lock");
                        *slot = fitted;
                    }
                });
            }
        });
        let inner = |slot: Mutex<Option<(Link, Part)>>| {
            slot.into_inner().expect("nothing panics while it holds the lock")
        };
        results.into_iter().map(inner).collect()
    }

    fn refit_one(&self, pick: usize, deadline: f64, threads: &Threads) -> Option<(Link, Part)> {
        let candidate = &self.candidates[pick];
        let rows = &self.prepared.rows;
        let context = &self.run.context;
        let more = rows.all.len() as f64 / self.run.facts.n_rows.max(1) as f64;
        let foreseen = candidate.seconds / candidate.models.len() as f64 * more;
        // A resumed run may have a part of it behind it.
        let began = self.meter().elapsed() - context.keeper.seconds_of_refit(candidate.trial);
        if began + foreseen > deadline {
            return None;
        }
        let proposal = Proposal {
            id: candidate.trial,
            config: candidate.config.clone(),
            fidelity: 1.0,
            seed: self.run.seed ^ candidate.trial,
            origin: candidate.origin,
        };
        let limit = FitLimit::new(self.meter(), deadline);
        let fit = FitOf {
            proposal: &proposal,
            place: Place::Refit,
            began,
            train: &rows.all,
            valid: &[],
            last_truncation: Some(candidate.truncation),
            threads,
        };
        let (model, stopped) = fit_rows(context, fit, &limit).ok()?;
        let same = |t: &Truncation| t.label == candidate.label;
        let index = model.truncations().iter().position(same)?;
        (!stopped).then(|| (model.link(), model.part(index)))
    }
}
