//! Screening: newcomers run on a share of the rows, in batches, and the best third of each batch
//! runs in full.
//!
//! Reference: Jamieson, Talwalkar 2016, Non-stochastic Best Arm Identification and Hyperparameter
//! Optimization, arXiv:1502.07943 (one rung of successive halving).

/// Trials of a batch.
pub const BATCH: usize = 6;

/// A trial that was screened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Screened {
    /// Its place in the history; `None` while it runs.
    pub trial: Option<usize>,
    /// Its best loss within the latency limit; infinite if it has none.
    pub loss: f64,
    /// What it cost.
    pub cost: f64,
}

/// Places in the history of the trials that have earned a full run, best first within a batch.
///
/// `screened` is by trial number and cut into batches of [`BATCH`]; a batch counts once all its
/// trials have ended, or at once with `incomplete` (for the end of a budget). Ties go to the
/// cheaper trial, then to the earlier one; a trial without a finite loss is never promoted.
pub fn promoted(screened: &[Screened], incomplete: bool) -> Vec<usize> {
    let batches = screened.chunks(BATCH);
    let ready = batches.filter(|batch| {
        incomplete || (batch.len() == BATCH && batch.iter().all(|s| s.trial.is_some()))
    });
    ready.flat_map(top_third).collect()
}

fn top_third(batch: &[Screened]) -> Vec<usize> {
    let ended = batch.iter().filter(|s| s.loss.is_finite());
    let mut ranked: Vec<(&Screened, usize)> =
        ended.filter_map(|s| s.trial.map(|trial| (s, trial))).collect();
    ranked.sort_by(|(a, i), (b, j)| {
        a.loss.total_cmp(&b.loss).then(a.cost.total_cmp(&b.cost)).then(i.cmp(j))
    });
    let n_promoted = batch.len().div_ceil(3);
    ranked.into_iter().take(n_promoted).map(|(_, trial)| trial).collect()
}

/// Places of the losses worth a full run after a short one, best first: the least `n` of them, less
/// those that are above the least by more than a fifth of it and of [`SLACK`]. Losses that are not
/// finite are never among them; ties go to the earlier.
pub fn shortlist(losses: &[f64], n: usize) -> Vec<usize> {
    let mut ranked: Vec<usize> = (0..losses.len()).filter(|&at| losses[at].is_finite()).collect();
    ranked.sort_by(|&a, &b| losses[a].total_cmp(&losses[b]).then(a.cmp(&b)));
    let Some(&best) = ranked.first() else { return ranked };
    let most = losses[best] + 0.2 * (losses[best].abs() + SLACK);
    ranked.retain(|&at| losses[at] <= most);
    ranked.truncate(n);
    ranked
}

/// What short runs differ by although long ones do not.
pub const SLACK: f64 = 0.02;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortlist_has_the_best_that_are_close() {
        let losses = [0.5, f64::NAN, 0.1, 0.11, 0.1, 0.2, f64::INFINITY];
        assert_eq!(shortlist(&losses, 9), [2, 4, 3]);
        assert_eq!(shortlist(&losses, 1), [2]);
        assert_eq!(shortlist(&[f64::NAN], 3), [0usize; 0]);
    }

    fn screened(losses: &[f64]) -> Vec<Screened> {
        let numbered = losses.iter().enumerate();
        numbered
            .map(|(i, &loss)| Screened { trial: Some(i), loss, cost: 10.0 - i as f64 })
            .collect()
    }

    #[test]
    fn the_best_third_of_a_complete_batch_goes_on() {
        let batch = screened(&[0.5, 0.1, f64::INFINITY, 0.3, 0.3, 0.9]);
        assert_eq!(promoted(&batch, false), [1, 4], "of two at 0.3 the cheaper one");
        assert_eq!(promoted(&batch[..5], false), [0usize; 0]);
        assert_eq!(promoted(&batch[..5], true), [1, 4]);
    }

    #[test]
    fn a_running_trial_holds_its_batch_back() {
        let mut batch = screened(&[0.5, 0.1, 0.4, 0.3, 0.2, 0.9, 0.7]);
        batch[5].trial = None;
        assert!(promoted(&batch, false).is_empty());
        assert_eq!(promoted(&batch, true), [1, 4, 6]);
    }

    #[test]
    fn nothing_goes_on_from_a_batch_that_failed() {
        assert!(promoted(&screened(&[f64::INFINITY; 6]), false).is_empty());
    }
}
