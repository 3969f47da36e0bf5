//! Feature scores against figures recorded with scikit-learn (`testdata/prune/make_figures.py`).

use eyas_learn::prune::{
    FEATURE_SCORES, chi2, f_classif, f_regression, mutual_info_continuous, mutual_info_discrete,
    mutual_info_discrete_continuous, rank_features,
};
use eyas_learn::{Dataset, Target};
use eyas_model::{Bins, Derive, Feature, Schema, TaskKind};
use serde_json::Value;

const N_CLASSES: usize = 4;

struct Vehicle {
    /// Columns of features.
    columns: Vec<Vec<f64>>,
    classes: Vec<u32>,
    figures: Value,
}

impl Vehicle {
    fn read() -> Vehicle {
        let text = include_str!("../../../testdata/prune/vehicle.csv");
        let cells: Vec<Vec<&str>> =
            text.lines().skip(1).map(|line| line.split(',').collect()).collect();
        let number = |cell: &str| cell.parse::<f64>().expect("a number");
        let names = ["bus", "opel", "saab", "van"];
        let class = |name: &str| names.iter().position(|known| *known == name).expect("a class");
        let figures = include_str!("../../../testdata/prune/figures.json");
        Vehicle {
            columns: (0..18).map(|f| cells.iter().map(|row| number(row[f])).collect()).collect(),
            classes: cells.iter().map(|row| class(row[18]) as u32).collect(),
            figures: serde_json::from_str(figures).expect("valid JSON"),
        }
    }

    fn figures(&self, name: &str) -> Vec<f64> {
        numbers(&self.figures[name])
    }

    /// Whether a score of each of these columns is the one recorded.
    fn check(&self, name: &str, columns: &[Vec<f64>], score: impl Fn(&[f64]) -> f64) {
        let expected = self.figures(name);
        assert_eq!(expected.len(), columns.len());
        for (column, expected) in columns.iter().zip(expected) {
            let found = score(column);
            assert!(
                (found - expected).abs() <= 1e-6 * expected.abs().max(1e-2),
                "{name}: {found}, scikit-learn {expected}"
            );
        }
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    let items = value.as_array().expect("a list");
    items.iter().map(|item| item.as_f64().expect("a number")).collect()
}

/// Index of each value among the distinct values, and how many there are.
fn levels(column: &[f64]) -> (Vec<usize>, usize) {
    let mut distinct = column.to_vec();
    distinct.sort_by(f64::total_cmp);
    distinct.dedup();
    let level = |x: &f64| distinct.partition_point(|other| other < x);
    (column.iter().map(level).collect(), distinct.len())
}

#[test]
fn univariate_tests_equal_scikit_learn() {
    let vehicle = Vehicle::read();
    let (columns, classes) = (&vehicle.columns, &vehicle.classes);
    vehicle.check("chi2", columns, |x| chi2(x, classes, N_CLASSES));
    vehicle.check("f_classif", columns, |x| f_classif(x, classes, N_CLASSES));
    // The target is a feature too: perfect, up to rounding, so its F is any large number.
    let expected = vehicle.figures("f_regression");
    for (feature, x) in columns.iter().enumerate() {
        let found = f_regression(x, &columns[6]);
        let is_target = feature == 6 && found > 1e12 && expected[6] > 1e12;
        assert!(is_target || (found / expected[feature] - 1.0).abs() < 1e-6, "{feature}: {found}");
    }
}

#[test]
fn mutual_information_equals_scikit_learn() {
    let vehicle = Vehicle::read();
    vehicle.check("mutual_info_discrete", &vehicle.columns, |x| {
        let (levels, n_levels) = levels(x);
        let mut counts = vec![0; n_levels * N_CLASSES];
        for (level, &class) in levels.iter().zip(&vehicle.classes) {
            counts[level * N_CLASSES + class as usize] += 1;
        }
        mutual_info_discrete(&counts, N_CLASSES)
    });
    let continuous: Vec<Vec<f64>> =
        vehicle.figures["continuous"].as_array().expect("columns").iter().map(numbers).collect();
    let target = vehicle.figures("continuous_target");
    let classes = &vehicle.classes[..target.len()];
    vehicle.check("mutual_info_classif", &continuous, |x| {
        mutual_info_discrete_continuous(x, classes, 3)
    });
    vehicle.check("mutual_info_regression", &continuous, |x| mutual_info_continuous(x, &target, 3));
    vehicle
        .check("mutual_info_regression_5", &continuous, |x| mutual_info_continuous(x, &target, 5));
    let levels_of = |x: &[f64]| levels(x).0.iter().map(|&level| level as u32).collect::<Vec<_>>();
    let first: Vec<Vec<f64>> = vehicle.columns.iter().map(|x| x[..target.len()].to_vec()).collect();
    vehicle.check("mutual_info_regression_discrete", &first, |x| {
        mutual_info_discrete_continuous(&target, &levels_of(x), 3)
    });
    let coarse: Vec<Vec<f64>> = continuous.iter().map(|x| ranks(x, 25)).collect();
    vehicle.check("mutual_info_regression_coarse", &coarse, |x| {
        mutual_info_discrete_continuous(&target, &levels_of(x), 3)
    });
}

/// Ranks from 0, in steps of `step`.
fn ranks(column: &[f64], step: usize) -> Vec<f64> {
    levels(column).0.iter().map(|level| (level / step) as f64).collect()
}

/// Scores of a data set are the statistics of its tables, less what chance gives.
#[test]
fn rankings_are_scikit_learns_statistics_less_chance() {
    let vehicle = Vehicle::read();
    let columns: Vec<usize> = (0..18).filter(|&f| levels(&vehicle.columns[f]).1 <= 253).collect();
    assert!(columns.len() > 12);
    let n_rows = vehicle.classes.len();
    let data = dataset(&vehicle, &columns);
    let rows: Vec<u32> = (0..n_rows as u32).collect();
    for (name, figures) in [("chi2", "chi2_tables"), ("mutual_info", "mutual_info_discrete")] {
        let score = FEATURE_SCORES.iter().find(|score| score.name == name).expect("is listed");
        let ranked = rank_features(score, &data, &rows);
        assert!(ranked.windows(2).all(|pair| pair[0].1 >= pair[1].1));
        let statistics = vehicle.figures(figures);
        for (feature, found) in ranked {
            let column = columns[feature as usize];
            let degrees = ((levels(&vehicle.columns[column]).1 - 1) * (N_CLASSES - 1)) as f64;
            let expected = match name {
                "chi2" => (statistics[column] - degrees) / n_rows as f64,
                _ => statistics[column] - degrees / (2.0 * n_rows as f64),
            };
            assert!((found - expected).abs() < 1e-9, "{name} {column}: {found} {expected}");
        }
    }
}

fn dataset(vehicle: &Vehicle, columns: &[usize]) -> Dataset {
    let bins = columns
        .iter()
        .map(|&f| levels(&vehicle.columns[f]).0.iter().map(|&level| level as u8 + 1).collect());
    let feature = |&f: &usize| Feature {
        column: f as u32,
        derive: Derive::Itself,
        name: f.to_string(),
        bins: Bins::Levels((0..levels(&vehicle.columns[f]).1).map(|l| l.to_string()).collect()),
    };
    let schema = Schema {
        task: TaskKind::Multiclass,
        target: "Class".into(),
        classes: ["bus", "opel", "saab", "van"].map(String::from).to_vec(),
        columns: vec![],
    };
    Dataset {
        schema,
        n_rows: vehicle.classes.len(),
        features: columns.iter().map(feature).collect(),
        bins: bins.collect(),
        numbers: vec![Default::default(); columns.len()],
        target: Target::Classes(vehicle.classes.clone()),
        weights: None,
    }
}
