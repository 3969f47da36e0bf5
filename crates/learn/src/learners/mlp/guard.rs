//! What watches over a training: where its loss runs away it goes on from the last good state.

use crate::step_sizes::{Advice, Optimizer, Recovery, RecoveryOptions, Seen, StepSize};

/// Batches whose mean loss is looked at; single batches are too noisy.
const BATCHES: usize = 16;

/// A [`Recovery`] with the state that it goes back to.
#[derive(Debug)]
pub(super) struct Guard {
    recovery: Recovery,
    /// Parameters, and the optimizer's state.
    kept: Option<(Vec<f32>, Vec<u8>)>,
    sum: f64,
    n_batches: usize,
}

/// What came of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    GoOn,
    /// Parameters and optimizer are those of the last good state, and the rate is half of what it was.
    WentBack,
    /// It diverges whatever the rate.
    Lost,
}

impl Guard {
    pub fn new() -> Guard {
        // The rate is a factor of the schedule's.
        let recovery = Recovery::new(1.0, RecoveryOptions::default());
        Guard { recovery, kept: None, sum: 0.0, n_batches: 0 }
    }

    /// Factor of the rate.
    pub fn rate(&self) -> f64 {
        self.recovery.rate()
    }

    /// Takes the loss of a batch, as it was before the step that led to `params`.
    pub fn observe(
        &mut self,
        loss: f64,
        params: &mut [f32],
        optimizer: &mut dyn Optimizer,
    ) -> Verdict {
        self.sum += loss;
        self.n_batches += 1;
        if self.n_batches < BATCHES && self.sum.is_finite() {
            return Verdict::GoOn;
        }
        let mean = self.sum / self.n_batches as f64;
        (self.sum, self.n_batches) = (0.0, 0);
        match self.recovery.observe(&Seen::loss(mean)) {
            Advice::Keep { .. } => {
                if params.iter().all(|param| param.is_finite()) {
                    self.kept = Some((params.to_vec(), optimizer.save()));
                }
                Verdict::GoOn
            }
            Advice::GoBack { .. } => self.go_back(params, optimizer),
            Advice::Done { .. } => Verdict::Lost,
            Advice::Continue { .. } | Advice::Reduced { .. } => Verdict::GoOn,
        }
    }

    fn go_back(&self, params: &mut [f32], optimizer: &mut dyn Optimizer) -> Verdict {
        let Some((kept, state)) = &self.kept else { return Verdict::Lost };
        if optimizer.load(state).is_err() {
            return Verdict::Lost;
        }
        params.copy_from_slice(kept);
        Verdict::WentBack
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step_sizes::{Layout, Sgd, SgdOptions};

    #[test]
    fn a_loss_that_runs_away_brings_the_good_state_back() {
        let mut optimizer = Sgd::new(&Layout::flat(2), SgdOptions::default());
        let (mut params, mut guard) = ([1.0_f32, 2.0], Guard::new());
        for _ in 0..BATCHES {
            assert_eq!(guard.observe(1.0, &mut params, &mut optimizer), Verdict::GoOn);
        }
        params = [f32::NAN, 7.0];
        assert_eq!(guard.observe(f64::NAN, &mut params, &mut optimizer), Verdict::WentBack);
        assert_eq!((params, guard.rate()), ([1.0, 2.0], 0.5));
        // A noisy batch alone is nothing.
        assert_eq!(guard.observe(20.0, &mut params, &mut optimizer), Verdict::GoOn);
        let verdicts: Vec<Verdict> =
            (0..40).map(|_| guard.observe(f64::NAN, &mut params, &mut optimizer)).collect();
        assert_eq!(verdicts.last(), Some(&Verdict::Lost));
    }

    #[test]
    fn without_a_good_state_it_is_lost() {
        let mut optimizer = Sgd::new(&Layout::flat(1), SgdOptions::default());
        let mut guard = Guard::new();
        assert_eq!(guard.observe(f64::INFINITY, &mut [1.0], &mut optimizer), Verdict::Lost);
    }
}
