//! Loads a model file and predicts one row, with `eyas-model` and nothing else.
//! `cargo run --release -p eyas-model --example native -- adult.eyas age=39 workclass=Private`

use std::error::Error;
use std::path::Path;

use eyas_model::{ColumnKind, Predictor, Schema, Scratch, TaskKind, Value};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((model, cells)) = arguments.split_first() else {
        return Err(
            "expected MODEL [COLUMN=VALUE]...; columns that are not named are missing".into()
        );
    };
    // Once: a predictor is shared freely between threads.
    let predictor = Predictor::load(Path::new(model))?;
    // Once a thread: after the first row nothing is allocated.
    let mut scratch = Scratch::default();
    let mut out = vec![0.0; predictor.n_outputs()];

    let row = row(predictor.schema(), cells)?;
    predictor.predict_row(&row, &mut scratch, &mut out)?;
    print!("{}", told(predictor.schema(), &out));
    Ok(())
}

/// The values of a row in the order of the schema, from `COLUMN=VALUE`.
fn row<'a>(schema: &Schema, cells: &'a [String]) -> Result<Vec<Value<'a>>, Box<dyn Error>> {
    let mut row = vec![Value::Missing; schema.columns.len()];
    for cell in cells {
        let (name, text) = cell.split_once('=').ok_or(format!("`{cell}` is not COLUMN=VALUE"))?;
        let place = schema.columns.iter().position(|column| column.name == name);
        let place = place.ok_or_else(|| format!("the model reads no column `{name}`"))?;
        // Text is parsed by the model; a number that is one already is passed as such.
        row[place] = match (schema.columns[place].kind, text.parse()) {
            (ColumnKind::Number, Ok(number)) => Value::Number(number),
            _ => Value::Text(text),
        };
    }
    Ok(row)
}

/// The number, or the probability of every class.
fn told(schema: &Schema, out: &[f64]) -> String {
    let probabilities = match (schema.task, out) {
        (TaskKind::Regression, _) => return format!("{} {}\n", schema.target, out[0]),
        (TaskKind::Binary, [second, ..]) => vec![1.0 - second, *second],
        _ => out.to_vec(),
    };
    let lines = schema.classes.iter().zip(probabilities);
    lines.map(|(class, probability)| format!("{class} {probability:.6}\n")).collect()
}
