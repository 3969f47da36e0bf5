//! Passes over the rows in small batches.
//!
//! A batch is cut into pieces of rows by its size alone; their gradients are added in order, so that
//! a fit does not depend on the number of threads.

use std::sync::Mutex;

use super::guard::{Guard, Verdict};
use super::inputs::Encoded;
use super::loss::{Loss, Truth};
use super::network::{Network, Workspace};
use super::options::Options;
use crate::error::Error;
use crate::learners::{FitInput, Step};
use crate::random::Stream;
use crate::schedules::{self, Schedule};
use crate::step_sizes::{
    Adam, AdamOptions, AdamW, Averaged, Averaging, Layout, NAdam, NAdamOptions, Optimizer,
    ScheduleFree, ScheduleFreeOptions, Sgd, SgdOptions,
};

/// Rows of a piece of a batch.
pub(super) const PIECE: usize = 256;
/// Batches between two questions to [`crate::learners::Stop`].
const BATCHES_A_QUESTION: usize = 16;
/// Keys of the order of rows and of dropout.
const ORDER: u64 = 2;
const DROPOUT: u64 = 3;
/// Multiply-adds of a matrix product, and parameters moved, in the time of one unit of work: about 2
/// ns, measured with the example `mlp`.
const PRODUCTS_A_UNIT: u64 = 128;
const PARAMS_A_UNIT: u64 = 4;

/// What a training gives.
pub(super) struct Trained {
    /// Epochs and parameters after them.
    pub kept: Vec<(usize, Vec<f32>)>,
    pub losses: Vec<f64>,
    pub steps: Vec<Step>,
    pub stopped: bool,
}

/// Epochs after which a fit keeps its weights: 1, 2, 3, 4, 6, 8, 12, 16, ... and the last one.
pub(super) fn grid(max_epochs: usize) -> Vec<usize> {
    let powers = (0..).map(|power| 1_usize << power).take_while(|&epochs| epochs < max_epochs);
    let mut grid: Vec<usize> = powers.flat_map(|n| [n, n + n / 2]).collect();
    grid.retain(|&epochs| epochs < max_epochs);
    grid.push(max_epochs);
    grid.sort_unstable();
    grid.dedup();
    grid
}

/// Work of an epoch in units, see [`crate::learners::Stop`].
pub(super) fn epoch_work(n_rows: u64, batch_size: u64, n_params: u64, n_columns: u64) -> u64 {
    let n_batches = n_rows.div_ceil(batch_size.max(1));
    let products = 3 * n_params / PRODUCTS_A_UNIT;
    n_rows * (products + n_columns / 4 + 32) + n_batches * n_params / PARAMS_A_UNIT
}

/// One training.
pub(super) struct Training<'a> {
    pub network: &'a Network,
    pub options: &'a Options,
    pub data: Encoded,
    pub truth: &'a Truth,
    pub loss: Loss,
}

impl Training<'_> {
    /// Trains; `validate` gives the loss of parameters on the validation rows, NaN without any.
    pub fn run(
        &self,
        input: &FitInput<'_>,
        mut validate: impl FnMut(&[f32]) -> f64,
    ) -> Result<Trained, Error> {
        let n_rows = input.train.len();
        let batch_size = self.options.batch_size.min(n_rows.max(1));
        let n_batches = n_rows.div_ceil(batch_size);
        let n_steps = (self.options.max_epochs * n_batches) as u64;
        let rates = Rates::new(self.options, n_steps)?;
        let mut grid = grid(self.options.max_epochs);
        grid.truncate(input.last_truncation.map_or(usize::MAX, |last| last + 1));
        let mut optimizer = optimizer(self.options, &self.network.layout(), n_steps);
        let mut params = self.network.start(input.seed);
        let mut out = Trained { kept: vec![], losses: vec![], steps: vec![], stopped: false };
        let mut works = self.workspaces(batch_size);
        let mut order: Vec<u32> = (0..n_rows as u32).collect();
        let work = epoch_work(
            n_rows as u64,
            batch_size as u64,
            params.len() as u64,
            self.network.sizes[0] as u64,
        );
        let (mut step, mut guard) = (0, Guard::new());
        let mut best = (f64::INFINITY, 0);
        for epoch in 1..=grid.last().copied().unwrap_or(0) {
            Stream::new(&[input.seed, ORDER, epoch as u64]).shuffle(&mut order);
            let (mut rate, mut n_recovered, mut is_lost) = (0.0, 0, false);
            for (at, rows) in order.chunks(batch_size).enumerate() {
                rate = rates.rate(step) * guard.rate();
                let loss = self.step(input, &params, rows, step, &mut works);
                optimizer.step(&mut params, &works[0].get_mut().expect(HELD).grads, rate as f32);
                step += 1;
                match guard.observe(loss, &mut params, &mut *optimizer) {
                    Verdict::GoOn => {}
                    Verdict::WentBack => n_recovered += 1,
                    Verdict::Lost => is_lost = true,
                }
                if at % BATCHES_A_QUESTION == BATCHES_A_QUESTION - 1 {
                    let share = work * BATCHES_A_QUESTION as u64 / n_batches as u64;
                    out.stopped |= input.stop.spent(share);
                }
                if out.stopped || is_lost {
                    break;
                }
            }
            let rest = (n_batches % BATCHES_A_QUESTION) as u64;
            out.stopped = out.stopped || input.stop.spent(work * rest / n_batches.max(1) as u64);
            let ends = out.stopped || is_lost;
            let mut loss = f64::NAN;
            if grid.contains(&epoch) && !is_lost || ends && out.kept.is_empty() {
                optimizer.eval(&mut params);
                let kept = self.network.rounded(&params);
                loss = validate(&kept);
                out.kept.push((if ends { grid[out.kept.len()] } else { epoch }, kept));
                out.losses.push(loss);
                optimizer.train(&mut params);
            }
            out.steps.push(Step { step: epoch as u64 - 1, learning_rate: rate, loss, n_recovered });
            if loss < best.0 {
                best = (loss, epoch);
            }
            let waited = self.options.patience > 0 && epoch - best.1 >= self.options.patience;
            let has_valid = !input.valid.is_empty();
            if ends || has_valid && waited && grid.contains(&epoch) {
                break;
            }
        }
        Ok(out)
    }

    fn workspaces(&self, batch_size: usize) -> Vec<Mutex<Workspace>> {
        let n_pieces = batch_size.div_ceil(PIECE).max(1);
        let rows = batch_size.min(PIECE);
        (0..n_pieces).map(|_| Mutex::new(self.network.workspace(rows))).collect()
    }

    /// The gradient of a batch, clipped, in the first workspace; gives the mean loss of its rows.
    fn step(
        &self,
        input: &FitInput<'_>,
        params: &[f32],
        rows: &[u32],
        step: u64,
        works: &mut [Mutex<Workspace>],
    ) -> f64 {
        let share = 1.0 / rows.len() as f32;
        let n_pieces = rows.len().div_ceil(PIECE);
        input.threads.for_each(n_pieces, |piece| {
            let rows = &rows[piece * PIECE..rows.len().min((piece + 1) * PIECE)];
            let mut work = works[piece].lock().expect(HELD);
            let key = [input.seed, DROPOUT, step, piece as u64];
            let (network, truth) = (self.network, self.truth);
            work.loss = network
                .gradient(params, &self.data, rows, truth, &self.loss, share, &key, &mut work);
        });
        let losses = works.iter_mut().take(n_pieces).map(|work| work.get_mut().expect(HELD).loss);
        let loss = losses.sum::<f64>() * f64::from(share);
        let (first, others) = works.split_first_mut().expect("a batch has a piece");
        let grads = &mut first.get_mut().expect(HELD).grads;
        for other in others.iter_mut().take(n_pieces - 1) {
            let other = &other.get_mut().expect(HELD).grads;
            grads.iter_mut().zip(other).for_each(|(sum, grad)| *sum += grad);
        }
        if self.options.max_grad_norm > 0.0 {
            clip(grads, self.options.max_grad_norm);
        }
        loss
    }
}

const HELD: &str = "no thread panics while it holds the lock";

/// Shortens a gradient to a norm.
///
/// Reference: Pascanu, R.; Mikolov, T.; Bengio, Y. (2013). On the difficulty of training recurrent
/// neural networks. arXiv:1211.5063
fn clip(grads: &mut [f32], most: f64) {
    let norm = grads.iter().map(|&grad| f64::from(grad) * f64::from(grad)).sum::<f64>().sqrt();
    if norm > most {
        let factor = (most / norm) as f32;
        grads.iter_mut().for_each(|grad| *grad *= factor);
    }
}

/// The rate of every step.
struct Rates {
    schedule: Box<dyn Schedule>,
    n_warmup: f64,
}

impl Rates {
    fn new(options: &Options, n_steps: u64) -> Result<Rates, Error> {
        let schedule = schedules::from_text(&options.schedule, options.learning_rate, n_steps)?;
        Ok(Rates { schedule, n_warmup: options.warmup * n_steps as f64 })
    }

    fn rate(&self, step: u64) -> f64 {
        let share = (step as f64 + 1.0) / f64::max(self.n_warmup, 1.0);
        self.schedule.rate(step) * share.min(1.0)
    }
}

fn optimizer(options: &Options, layout: &Layout, n_steps: u64) -> Box<dyn Optimizer> {
    let plain = plain_optimizer(options, layout);
    if !options.averages {
        return plain;
    }
    let averaging = Averaging::Exponential { decay: options.averaging_decay(n_steps) };
    Box::new(Averaged::new(plain, layout, averaging))
}

fn plain_optimizer(options: &Options, layout: &Layout) -> Box<dyn Optimizer> {
    let weight_decay = options.weight_decay;
    let adam = AdamOptions { weight_decay, ..AdamOptions::default() };
    let sgd = SgdOptions { weight_decay, ..SgdOptions::default() };
    match options.optimizer.as_str() {
        "adam" => Box::new(Adam::new(layout, adam)),
        "nadam" => {
            let nadam = NAdamOptions { weight_decay, decoupled: true, ..NAdamOptions::default() };
            Box::new(NAdam::new(layout, nadam))
        }
        "sgd" => Box::new(Sgd::new(layout, sgd)),
        "nesterov" => {
            Box::new(Sgd::new(layout, SgdOptions { momentum: 0.9, nesterov: true, ..sgd }))
        }
        "schedule_free_adamw" => {
            let free = ScheduleFreeOptions { weight_decay, ..ScheduleFreeOptions::default() };
            Box::new(ScheduleFree::adamw(layout, adam.beta2, adam.eps, free))
        }
        _ => Box::new(AdamW::new(layout, adam)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_end_with_the_last_epoch() {
        assert_eq!(grid(1), [1]);
        assert_eq!(grid(5), [1, 2, 3, 4, 5]);
        assert_eq!(grid(16), [1, 2, 3, 4, 6, 8, 12, 16]);
        assert_eq!(grid(20), [1, 2, 3, 4, 6, 8, 12, 16, 20]);
    }

    #[test]
    fn long_gradients_are_shortened() {
        let mut grads = [3.0, -4.0];
        clip(&mut grads, 10.0);
        assert_eq!(grads, [3.0, -4.0]);
        clip(&mut grads, 1.0);
        assert_eq!(grads, [0.6, -0.8]);
    }
}
