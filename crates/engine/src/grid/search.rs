//! The fits of a grid: which are made, what they score, which one is kept.

use std::sync::atomic::{AtomicUsize, Ordering};

use eyas_learn::learners::NeverStop;
use eyas_learn::splits::Split;
use eyas_learn::sweep::{self, Axis, Shared};
use eyas_learn::{Dataset, Fit, FitInput, Learner, NoCheckpoints, Threads};
use eyas_search::{Config, Space, Value};

use super::names::Scoring;
use super::{FitsDone, GridPoint};
use crate::error::Error;

/// A grid on its data.
pub(super) struct Search<'a> {
    pub learner: &'static dyn Learner,
    pub data: &'a Dataset,
    pub scoring: Scoring,
    pub space: Space,
    pub axes: Vec<Axis>,
    /// Rows to learn from and to score; out of bags and one by one: all rows, and none.
    pub splits: Vec<Split>,
    pub threads: Threads,
    pub seed: u64,
    /// Whether rows are left out one by one.
    pub leaves_one_out: bool,
}

/// The losses of the points that a fit serves; rows that all of its trees drew; the fit, if it is
/// made for all points and learnt from all rows.
type Piece = (Vec<f64>, Vec<(usize, usize)>, Option<Fit>);

/// What the fits of a grid gave.
pub(super) struct Scored {
    /// By point and split.
    pub scores: Vec<Vec<f64>>,
    /// The fit of each share of the points, where one fit was made for all of them and it learnt
    /// from all rows.
    pub whole: Option<Fit>,
    /// Numbers of trees, and rows that all of them drew: the most of all fits.
    pub n_unscored: Vec<(usize, usize)>,
}

impl Search<'_> {
    /// Scores by point and split: fits run side by side, and so do the trees of each.
    pub fn scores(&self, shares: &[Shared], done: FitsDone<'_>) -> Result<Scored, Error> {
        let n_splits = self.splits.len();
        let n_fits = shares.len() * n_splits;
        let n_done = AtomicUsize::new(0);
        done(0, n_fits);
        let fitted = self.threads.map(n_fits, |piece| {
            let (shared, split) = (&shares[piece / n_splits], &self.splits[piece % n_splits]);
            let piece = self.piece(shared, split, n_fits == 1)?;
            done(1 + n_done.fetch_add(1, Ordering::Relaxed), n_fits);
            Ok(piece)
        });
        let n_points = shares.iter().map(|shared| shared.points.len()).sum();
        let mut scored =
            Scored { scores: vec![Vec::new(); n_points], whole: None, n_unscored: Vec::new() };
        for (piece, fitted) in fitted.into_iter().enumerate() {
            let (losses, n_unscored, fit) =
                fitted.map_err(|error: eyas_learn::Error| Error::Learn(error))?;
            for (&point, loss) in shares[piece / n_splits].points.iter().zip(losses) {
                scored.scores[point].push(self.scoring.value(loss));
            }
            scored.n_unscored.extend(n_unscored);
            scored.whole = fit;
        }
        Ok(scored)
    }

    fn piece(
        &self,
        shared: &Shared,
        split: &Split,
        is_only: bool,
    ) -> Result<Piece, eyas_learn::Error> {
        let features = self.features();
        let input = self.input(&features, &shared.config, &split.train, &split.valid);
        if self.leaves_one_out {
            let losses = sweep::leave_one_out(self.learner, &input, &shared.axes)?;
            return Ok((losses, Vec::new(), None));
        }
        let fit = sweep::fit(self.learner, &input, &shared.axes)?;
        let losses: Vec<f64> = fit.model.truncations().iter().map(|it| it.loss).collect();
        let n_unscored = fit.model.out_of_bag().map_or(Vec::new(), |oob| oob.n_unscored.clone());
        let keeps = is_only && split.valid.is_empty();
        Ok((losses, n_unscored, keeps.then_some(fit)))
    }

    fn features(&self) -> Vec<u32> {
        (0..self.data.n_features() as u32).collect()
    }

    fn input<'i>(
        &'i self,
        features: &'i [u32],
        config: &'i Config,
        train: &'i [u32],
        valid: &'i [u32],
    ) -> FitInput<'i> {
        FitInput {
            data: self.data,
            train,
            valid,
            features,
            metric: self.scoring.metric,
            config,
            seed: self.seed,
            stop: &NeverStop,
            threads: &self.threads,
            checkpoints: &NoCheckpoints,
            last_truncation: None,
        }
    }

    /// Points with mean, deviation and rank; a single score has no deviation.
    pub fn points(&self, scores: Vec<Vec<f64>>) -> Vec<GridPoint> {
        let summed = scores.into_iter().zip(sweep::points(&self.axes)).map(|(scores, values)| {
            let n = scores.len() as f64;
            let mean = scores.iter().sum::<f64>() / n;
            let std = (scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / n).sqrt();
            let std = (scores.len() > 1).then_some(std);
            let names = self.axes.iter().map(|axis| axis.name.clone());
            let params = names.zip(values.into_iter().cloned()).collect();
            GridPoint { params, scores, mean, std, rank: 0 }
        });
        let mut points: Vec<GridPoint> = summed.collect();
        let sign = if self.scoring.higher_is_better() { -1.0 } else { 1.0 };
        // What has no score comes last.
        let key = |point: &GridPoint| match point.mean.is_nan() {
            true => f64::INFINITY,
            false => sign * point.mean,
        };
        let keys: Vec<f64> = points.iter().map(key).collect();
        for (point, own) in points.iter_mut().zip(&keys) {
            point.rank = 1 + keys.iter().filter(|other| *other < own).count();
        }
        points
    }

    /// A point, fitted on all rows; its model is the last truncation.
    pub fn refit(&self, point: &GridPoint) -> Result<Fit, Error> {
        let single = |(name, value): &(String, Value)| Axis {
            name: name.clone(),
            values: vec![value.clone()],
        };
        let axes: Vec<Axis> = point.params.iter().map(single).collect();
        let mut shares = sweep::share(&self.space, &self.space.default_config(), &axes);
        let shared = shares.pop().expect("a point is a grid");
        let all: Vec<u32> = (0..self.data.n_rows as u32).collect();
        let features = self.features();
        let input = self.input(&features, &shared.config, &all, &[]);
        Ok(sweep::fit(self.learner, &input, &shared.axes)?)
    }
}
