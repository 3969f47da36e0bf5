//! A small table and the options of a run on it.

use std::path::Path;

use eyas::{Budget, FitOptions, Validation};
use eyas_learn::TaskOptions;
use eyas_learn::data::{Column, ColumnData, Table};
use eyas_search::random::Stream;

/// Rows whose class follows from a threshold on `x`, a level of `color`, and luck.
pub fn table(n_rows: usize, seed: u64) -> Table {
    let mut random = Stream::new(&[seed]);
    let (mut x, mut noise, mut colors, mut classes) = (vec![], vec![], vec![], vec![]);
    for row in 0..n_rows {
        let (value, color) = (random.uniform(), random.below(3) as u32);
        let score = value + 0.3 * f64::from(color) + 0.2 * (random.uniform() - 0.5);
        x.push(if row % 17 == 0 { f64::NAN } else { value });
        noise.push(random.uniform());
        colors.push(color);
        classes.push(u32::from(score > 0.8));
    }
    let names = |codes, names: &[&str]| ColumnData::Category {
        codes,
        levels: names.iter().map(|name| (*name).to_owned()).collect(),
        boolean: false,
    };
    let columns = vec![
        Column { name: "x".into(), data: ColumnData::Number(x) },
        Column { name: "noise".into(), data: ColumnData::Number(noise) },
        Column { name: "color".into(), data: names(colors, &["red", "green", "blue"]) },
        Column { name: "class".into(), data: names(classes, &["no", "yes"]) },
    ];
    Table { columns }
}

/// Options of a run by work in a folder.
pub fn options(folder: &Path, work: u64) -> FitOptions {
    FitOptions {
        task: TaskOptions { target: "class".into(), ..TaskOptions::default() },
        stated_columns: Vec::new(),
        latency_ns: None,
        size_bytes: None,
        memory_bytes: None,
        budget: Budget::Work(work),
        validation: Validation::Auto,
        threads: 1,
        seed: 3,
        without: Vec::new(),
        out: folder.join("model.eyas"),
        run_dir: folder.join("run"),
        checkpoint_seconds: Some(60.0),
        data_name: "a test".into(),
        sampler: None,
        caller_state: "{}".into(),
    }
}

/// Members and their numbers; notes differ by seconds.
pub fn model_without_notes(path: &Path) -> eyas_model::Model {
    let bytes = std::fs::read(path).expect("the model was written");
    let mut model = eyas_model::Model::from_bytes(&bytes).expect("the model is whole");
    model.notes.clear();
    model
}
