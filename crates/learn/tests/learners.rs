//! What every learner of the list promises.

use eyas_learn::data::{Column, ColumnData, Table};
use eyas_learn::dataset::BuildOptions;
use eyas_learn::learners::{FitInput, LEARNERS, Learner, NeverStop};
use eyas_learn::metrics::{default_metric, metric};
use eyas_learn::{Dataset, Task, TaskOptions};
use eyas_search::Config;
use eyas_search::random::Stream;

/// Numbers with gaps, a category, and a target of `n_classes` (0: numbers).
fn dataset(n_rows: usize, n_classes: usize) -> Dataset {
    let mut random = Stream::new(&[n_rows as u64, n_classes as u64]);
    let mut columns: Vec<Column> = Vec::new();
    for feature in 0..4 {
        let cell = |row: usize| if row % 13 == feature { f64::NAN } else { random.uniform() };
        let data = ColumnData::Number((0..n_rows).map(cell).collect());
        columns.push(Column { name: format!("x{feature}"), data });
    }
    let codes: Vec<u32> = (0..n_rows).map(|_| random.below(5) as u32).collect();
    let score = |row: usize| {
        let ColumnData::Number(x) = &columns[0].data else { unreachable!("made above") };
        let x = if x[row].is_nan() { 0.5 } else { x[row] };
        x + 0.2 * f64::from(codes[row])
    };
    let scores: Vec<f64> = (0..n_rows).map(score).collect();
    let target = match n_classes {
        0 => ColumnData::Number(scores),
        n => ColumnData::Category {
            codes: scores.iter().map(|s| (s * 10.0) as u32 % n as u32).collect(),
            levels: (0..n).map(|class| format!("c{class}")).collect(),
            boolean: false,
        },
    };
    let levels = (0..5).map(|level| format!("l{level}")).collect();
    let color = ColumnData::Category { codes, levels, boolean: false };
    columns.push(Column { name: "color".into(), data: color });
    columns.push(Column { name: "target".into(), data: target });
    let table = Table { columns };
    let options = TaskOptions { target: "target".into(), ..TaskOptions::default() };
    let (task, _) = Task::new(&table, &options).expect("a task");
    Dataset::build(&table, &task, &BuildOptions::default()).expect("a dataset").0
}

fn with_input<R>(
    data: &Dataset,
    config: &Config,
    valid: &[u32],
    last_truncation: Option<usize>,
    f: impl FnOnce(&FitInput<'_>) -> R,
) -> R {
    let train: Vec<u32> = (0..data.n_rows as u32).filter(|row| row % 4 != 0).collect();
    let features: Vec<u32> = (0..data.n_features() as u32).collect();
    f(&FitInput {
        data,
        train: &train,
        valid,
        features: &features,
        metric: metric(default_metric(data.task())).expect("a metric"),
        config,
        seed: 11,
        stop: &NeverStop,
        threads: &eyas_learn::ONE_THREAD,
        last_truncation,
        checkpoints: &eyas_learn::NoCheckpoints,
    })
}

fn for_all(check: impl Fn(&'static dyn Learner, &Dataset, &Config)) {
    for n_classes in [0, 2, 4] {
        let data = dataset(240, n_classes);
        let facts = data.facts(180);
        for &learner in LEARNERS {
            check(learner, &data, &learner.portfolio(&facts)[0]);
        }
    }
}

#[test]
fn names_are_distinct_and_spaces_describe_the_portfolios() {
    for n_classes in [0, 2, 4] {
        let facts = dataset(240, n_classes).facts(180);
        for (index, learner) in LEARNERS.iter().enumerate() {
            assert!(LEARNERS[..index].iter().all(|other| other.name() != learner.name()));
            let space = learner.space(&facts);
            assert_eq!(space.learner, learner.name());
            for config in learner.portfolio(&facts) {
                space.check(&config).unwrap_or_else(|e| panic!("{}: {e}", learner.name()));
            }
        }
    }
}

#[test]
fn a_fit_up_to_a_truncation_ends_with_that_truncation() {
    for_all(|learner, data, config| {
        let valid: Vec<u32> = (0..data.n_rows as u32).step_by(4).collect();
        let whole = with_input(data, config, &valid, None, |i| learner.fit(i).expect("fits"));
        let n = whole.model.truncations().len();
        for index in [0, n / 2, n - 1] {
            let last = Some(index);
            let part = with_input(data, config, &[], last, |i| learner.fit(i).expect("fits"));
            let wanted = &whole.model.truncations()[index].label;
            let labels: Vec<_> = part.model.truncations().iter().map(|t| &t.label).collect();
            let place = labels.iter().position(|label| *label == wanted);
            let place = place.unwrap_or_else(|| panic!("{} lacks {wanted}", learner.name()));
            assert!(part.model.truncations().len() <= n);
            assert_eq!(part.model.part(place), whole.model.part(index), "{}", learner.name());
        }
    });
}

#[test]
fn truncations_have_losses_shapes_and_predictions() {
    for_all(|learner, data, config| {
        let valid: Vec<u32> = (0..data.n_rows as u32).step_by(4).collect();
        let fit = with_input(data, config, &valid, None, |i| learner.fit(i).expect("fits"));
        assert!(!fit.stopped);
        for (index, truncation) in fit.model.truncations().iter().enumerate() {
            assert!(truncation.loss.is_finite(), "{} {}", learner.name(), truncation.label);
            let exact = eyas_model::Shape::of_part(&fit.model.part(index), &data.features);
            let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.abs();
            assert!(close(truncation.shape.n_steps, exact.n_steps), "{}", learner.name());
            assert!(close(truncation.shape.n_trees, exact.n_trees), "{}", learner.name());
        }
        let last = fit.model.truncations().len() - 1;
        let part = fit.model.part(last);
        let predictions = eyas_learn::predict::predict(&part, fit.model.link(), data, &valid);
        assert!(predictions.iter().all(|p| p.is_finite()));
        let width = data.n_outputs();
        if width > 1 {
            let sums = predictions.chunks(width).map(|row| row.iter().sum::<f64>());
            assert!(sums.into_iter().all(|sum| (sum - 1.0).abs() < 1e-6), "{}", learner.name());
        }
    });
}

#[test]
fn equal_inputs_give_equal_fits_and_other_seeds_keep_the_grid() {
    for_all(|learner, data, config| {
        let fit = || with_input(data, config, &[], None, |i| learner.fit(i).expect("fits"));
        let (a, b) = (fit(), fit());
        let last = a.model.truncations().len() - 1;
        assert_eq!(a.model.part(last), b.model.part(last), "{}", learner.name());
    });
}

#[test]
fn prices_are_finite_and_grow_with_the_rows() {
    for_all(|learner, data, config| {
        let (few, many) = (data.facts(100), data.facts(100_000));
        assert!(learner.work(&few, config) <= learner.work(&many, config));
        assert!(learner.memory_bytes(&few, config) <= learner.memory_bytes(&many, config));
        assert!(!learner.references().is_empty() || learner.name() == "baseline");
    });
}
