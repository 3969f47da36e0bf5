//! What fuzz targets do with a model once they have one.

use eyas_model::engine::Tier;
use eyas_model::measure::MadeUpRows;
use eyas_model::{Model, Predictor, RowSource, Scratch, Value};

/// Predicts made-up rows in every tier; they must agree to the last bit.
pub fn predict(model: Model) {
    if model.check().is_err() {
        return;
    }
    let rows = MadeUpRows::new(&model, 9, 1);
    let n_columns = model.schema.columns.len();
    let mut expected = None;
    for tier in Tier::all() {
        let Ok(predictor) = Predictor::compile_for(model.clone(), tier) else { return };
        let mut scratch = Scratch::default();
        let n_outputs = predictor.n_outputs();
        let mut batch = vec![0.0; rows.n_rows() * n_outputs];
        if predictor.predict_batch(&rows, &mut scratch, &mut batch).is_err() {
            return;
        }
        for (row, expected) in batch.chunks(n_outputs).enumerate() {
            let cells: Vec<Value> = (0..n_columns).map(|column| rows.cell(row, column)).collect();
            let mut out = vec![0.0; n_outputs];
            predictor.predict_row(&cells, &mut scratch, &mut out).expect("the batch could be read");
            assert_eq!(bits(&out), bits(expected), "{tier}: a row and its batch");
        }
        let expected = expected.get_or_insert_with(|| bits(&batch));
        assert_eq!(&bits(&batch), expected, "{tier} and the scalar tier");
    }
}

/// Imports bytes of a format and predicts with what comes out.
pub fn import(bytes: &[u8], format: &str) {
    if let Ok(model) = eyas_convert::import(bytes, Some(format)) {
        predict(model);
    }
}

fn bits(numbers: &[f64]) -> Vec<u64> {
    numbers.iter().map(|number| number.to_bits()).collect()
}
