//! A fit that is cut off after any round and taken up again is, byte for byte, one that nobody cut off.

use std::sync::atomic::{AtomicU64, Ordering};

use eyas_model::TaskKind;
use eyas_search::Config;

use super::Boosting;
use super::tests::{Case, KINDS, config, data, variants};
use crate::checkpoints::tests::Kept;
use crate::checkpoints::{Checkpoints, NoCheckpoints};
use crate::dataset::{Dataset, Target};
use crate::learners::{Fit, FitInput, Learner, NeverStop, Stop};
use crate::metrics::metric;
use crate::random::Stream;
use crate::threads::Threads;
use crate::{Metric, ONE_THREAD};

/// A fit in the making.
struct Setup {
    case: Case,
    config: Config,
    metric: &'static Metric,
    seed: u64,
}

impl Setup {
    fn new(data: Dataset, config: Config, metric_name: &str) -> Setup {
        let metric = metric(metric_name).expect("it is listed");
        Setup { case: Case::new(data), config, metric, seed: 7 }
    }

    fn of_kind(kind: TaskKind, n_rows: usize, config: Config) -> Setup {
        let name = if kind == TaskKind::Regression { "mse" } else { "log_loss" };
        Setup::new(data(kind, n_rows, 31), config, name)
    }

    fn fit(&self, checkpoints: &dyn Checkpoints, stop: &dyn Stop, threads: &Threads) -> Fit {
        let features: Vec<u32> = (0..self.case.data.n_features() as u32).collect();
        let fit = Boosting.fit(&FitInput {
            data: &self.case.data,
            train: &self.case.train,
            valid: &self.case.valid,
            features: &features,
            metric: self.metric,
            config: &self.config,
            seed: self.seed,
            stop,
            threads,
            last_truncation: None,
            checkpoints,
        });
        fit.expect("the configuration is allowed")
    }

    /// Cuts the fit off after every round; each time the rest is equal: model, losses, shapes,
    /// steps, work, and what is kept later on.
    fn check(&self) {
        let whole = Kept::default();
        let fit = self.fit(&whole, &NeverStop, &ONE_THREAD);
        let wanted = format!("{:?}", fit.model);
        let states = whole.states();
        let (last, before) = states.split_last().expect("the end is kept");
        assert!(last.1 && before.iter().all(|state| !state.1), "only the last has ended");
        assert_eq!(wanted, format!("{:?}", self.uncut().model), "to keep states changes nothing");
        for (round, (state, ended)) in states.iter().enumerate() {
            let kept = Kept::after(state.clone());
            let resumed = self.fit(&kept, &NeverStop, &ONE_THREAD);
            let n_rounds = if *ended { fit.model.steps().len() } else { round + 1 };
            assert_eq!(kept.taken_up(), [Some((n_rounds, "rounds"))], "{:?}", self.config);
            assert_eq!(format!("{:?}", resumed.model), wanted, "after {round}: {:?}", self.config);
            assert!(!resumed.stopped && kept.states() == states[round + 1..]);
        }
    }

    fn uncut(&self) -> Fit {
        self.fit(&NoCheckpoints, &NeverStop, &ONE_THREAD)
    }
}

#[test]
fn every_variant_goes_on_after_any_round() {
    for kind in KINDS {
        let mut configs = variants();
        if kind == TaskKind::Multiclass {
            configs.push(config(9).with("multi_strategy", "vector"));
            configs.push(config(9).with("multi_strategy", "vector").with("subsample", 0.6));
        }
        for seed in [1, 2] {
            for config in &configs {
                let config = config.clone().with("n_estimators", 9i64);
                Setup { seed, ..Setup::of_kind(kind, 400, config) }.check();
            }
        }
    }
}

#[test]
fn every_objective_goes_on_with_and_without_weights() {
    let objectives = ["regression", "huber", "quantile", "poisson", "gamma", "tweedie"];
    for objective in objectives {
        for weighted in [false, true] {
            let mut data = data(TaskKind::Regression, 400, 32);
            let Target::Numbers(numbers) = &mut data.target else { panic!("numbers") };
            numbers.iter_mut().for_each(|y| *y = libm::exp(0.5 * *y));
            let weight = |row: usize| 0.5 + (row % 4) as f64;
            data.weights = weighted.then(|| (0..400).map(weight).collect());
            let config = config(8).with("objective", objective);
            for config in [config.clone(), config.with("subsample", 0.5).with("sampling", "mvs")] {
                Setup::new(data.clone(), config, "mae").check();
            }
        }
    }
    let mut classes = data(TaskKind::Multiclass, 400, 33);
    classes.weights = Some((0..400).map(|row| 1.0 + (row % 3) as f64).collect());
    Setup::new(classes, config(8), "log_loss").check();
}

#[test]
fn constraints_prices_and_patience_go_on() {
    let priced = config(8).with("cegb_tradeoff", 1e-3).with("subsample", 0.7);
    Setup::of_kind(TaskKind::Binary, 400, priced).check();
    let monotone = config(8).with("monotone_constraints", "0,1,0,0,0,0").with("path_smooth", 2.0);
    Setup::of_kind(TaskKind::Regression, 400, monotone).check();
    let mut noise = data(TaskKind::Binary, 300, 34);
    let mut random = Stream::new(&[34]);
    noise.target = Target::Classes((0..300).map(|_| random.below(2) as u32).collect());
    let patient = config(500).with("early_stopping_rounds", 6i64);
    Setup::new(noise, patient, "log_loss").check();
    // Beyond 50 rounds not every round is scored.
    Setup::of_kind(TaskKind::Regression, 120, config(70)).check();
    // Nothing to learn: the fit ends in its first round.
    let mut constant = data(TaskKind::Regression, 60, 35);
    constant.target = Target::Numbers(vec![3.0; 60]);
    Setup::new(constant, config(5), "mse").check();
}

#[test]
fn rows_to_validate_on_are_not_needed() {
    for kind in KINDS {
        let mut setup = Setup::of_kind(kind, 300, config(9).with("subsample", 0.6));
        setup.case.valid.clear();
        setup.check();
    }
}

#[test]
fn a_fit_goes_on_with_another_number_of_threads() {
    for kind in KINDS {
        for more in [config(4), config(4).with("subsample", 0.5).with("sampling", "mvs")] {
            let setup = Setup::of_kind(kind, 48_000, more);
            let whole = Kept::default();
            let fit = setup.fit(&whole, &NeverStop, &ONE_THREAD);
            let states = whole.states();
            for (n_threads, after) in [(2, 0), (3, 2)] {
                let kept = Kept::after(states[after].0.clone());
                let resumed = setup.fit(&kept, &NeverStop, &Threads::new(n_threads));
                assert_eq!(format!("{:?}", resumed.model), format!("{:?}", fit.model));
                assert!(kept.states() == states[after + 1..]);
            }
        }
    }
}

/// Ends a fit after so much work.
struct After(u64, AtomicU64);

impl Stop for After {
    fn spent(&self, work: u64) -> bool {
        self.1.fetch_add(work, Ordering::Relaxed) + work > self.0
    }
}

#[test]
fn work_that_was_done_before_counts() {
    let setup = Setup::of_kind(TaskKind::Multiclass, 600, config(20));
    let counter = After(u64::MAX, AtomicU64::new(0));
    setup.fit(&NoCheckpoints, &counter, &ONE_THREAD);
    let most = counter.1.into_inner() / 2;
    let limit = || After(most, AtomicU64::new(0));
    let (kept, stop) = (Kept::default(), limit());
    let fit = setup.fit(&kept, &stop, &ONE_THREAD);
    assert!(fit.stopped);
    let work = stop.1.into_inner();
    for (state, ended) in kept.states() {
        assert!(!ended, "a fit that was stopped has not ended");
        let stop = limit();
        let resumed = setup.fit(&Kept::after(state), &stop, &ONE_THREAD);
        assert!(resumed.stopped);
        assert_eq!(format!("{:?}", resumed.model), format!("{:?}", fit.model));
        assert_eq!(stop.1.into_inner(), work);
    }
}

#[test]
fn a_fit_that_must_end_while_it_is_taken_up_keeps_what_it_had() {
    let setup = Setup::of_kind(TaskKind::Binary, 300, config(12));
    let kept = Kept::default();
    let whole = setup.fit(&kept, &NeverStop, &ONE_THREAD);
    let states = kept.states();
    let resumed =
        setup.fit(&Kept::after(states[6].0.clone()), &After(0, AtomicU64::new(1)), &ONE_THREAD);
    assert!(resumed.stopped);
    assert_eq!(resumed.model.truncations(), &whole.model.truncations()[..7]);
    assert_eq!(resumed.model.part(6), whole.model.part(6));
}

#[test]
fn what_is_no_state_of_the_fit_is_left_aside() {
    let vector = config(3).with("multi_strategy", "vector");
    for (kind, config) in [
        (TaskKind::Binary, config(3)),
        (TaskKind::Multiclass, config(3)),
        (TaskKind::Multiclass, vector),
    ] {
        let setup = Setup::of_kind(kind, 60, config);
        let whole = Kept::default();
        let wanted = format!("{:?}", setup.fit(&whole, &NeverStop, &ONE_THREAD).model);
        let state = whole.states()[1].0.clone();
        let with = |state: Vec<u8>| {
            let kept = Kept::after(state);
            let fit = setup.fit(&kept, &NeverStop, &ONE_THREAD);
            (kept.taken_up(), format!("{:?}", fit.model))
        };
        for n in 0..state.len() {
            assert_eq!(with(state[..n].to_vec()), (vec![None], wanted.clone()), "cut at {n}");
        }
        let longer = [&state[..], &[0]].concat();
        assert_eq!(with(longer), (vec![None], wanted.clone()));
        // A changed byte may be a number like any other, but nothing breaks by it.
        for at in 0..state.len() {
            for change in [1, 0x80, 0xFF] {
                let mut damaged = state.clone();
                damaged[at] ^= change;
                let (taken_up, model) = with(damaged);
                assert!(
                    taken_up == [Some((2, "rounds"))] || model == wanted,
                    "byte {at}: {taken_up:?}"
                );
            }
        }
    }
}

#[test]
fn a_state_of_other_data_is_told_by_its_loss() {
    let setup = Setup::of_kind(TaskKind::Binary, 300, config(6));
    let kept = Kept::default();
    setup.fit(&kept, &NeverStop, &ONE_THREAD);
    let states = kept.states();
    let mut turned = setup.case.data.clone();
    turned.bins.iter_mut().for_each(|bins| bins.reverse());
    let turned = Setup::new(turned, config(6), "log_loss");
    let kept = Kept::after(states[3].0.clone());
    let fit = turned.fit(&kept, &NeverStop, &ONE_THREAD);
    assert_eq!(kept.taken_up(), [None]);
    assert_eq!(format!("{:?}", fit.model), format!("{:?}", turned.uncut().model));
}
