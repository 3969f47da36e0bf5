//! Rows for a model of which no data is at hand.

use crate::encoder::{Bins, Derive};
use crate::engine::RowSource;
use crate::members::Model;
use crate::random::Random;
use crate::schema::ColumnKind;
use crate::value::Value;

/// Random rows that a model can read: numbers around its edges, names among its levels, one cell in
/// 50 missing. They reach all parts of a model, but not as often as real rows would.
#[derive(Debug, Clone)]
pub struct MadeUpRows {
    /// Cells `(n_rows, n_columns)`.
    cells: Vec<Cell>,
    /// Levels of each column.
    levels: Vec<Vec<String>>,
    n_columns: usize,
    n_rows: usize,
}

#[derive(Debug, Clone, Copy)]
enum Cell {
    Missing,
    Number(f64),
    Level(usize),
}

impl MadeUpRows {
    /// Rows for a model; equal seeds give equal rows.
    pub fn new(model: &Model, n_rows: usize, seed: u64) -> MadeUpRows {
        let mut random = Random(seed);
        let n_columns = model.schema.columns.len();
        let (mut edges, mut levels) = (vec![Vec::new(); n_columns], vec![Vec::new(); n_columns]);
        for feature in &model.features {
            let column = feature.column as usize;
            match (&feature.bins, feature.derive) {
                (Bins::Levels(names), _) => levels[column] = names.clone(),
                (Bins::Edges(known), Derive::Itself | Derive::NonZero | Derive::Epoch) => {
                    edges[column].extend_from_slice(known);
                }
                // Years 1970 to 2030, in seconds.
                (Bins::Edges(_), _) => edges[column].extend([0.0, 1.9e9]),
            }
        }
        let kinds: Vec<ColumnKind> = model.schema.columns.iter().map(|c| c.kind).collect();
        let mut cell = |column: usize| match random.below(50) {
            0 => Cell::Missing,
            _ if matches!(kinds[column], ColumnKind::Category | ColumnKind::Boolean) => {
                // One more than the model knows.
                Cell::Level(random.below(levels[column].len() + 1))
            }
            _ => Cell::Number(near(&edges[column], &mut random)),
        };
        let cells = (0..n_rows * n_columns).map(|at| cell(at % n_columns)).collect();
        levels.iter_mut().for_each(|levels| levels.push("another level".into()));
        MadeUpRows { cells, levels, n_columns, n_rows }
    }
}

/// A number between two edges, or around the only one.
fn near(edges: &[f64], random: &mut Random) -> f64 {
    if edges.is_empty() {
        return random.unit();
    }
    let (a, b) = (edges[random.below(edges.len())], edges[random.below(edges.len())]);
    let spread = if a == b { a.abs().max(1.0) } else { b - a };
    a + (random.unit() * 1.2 - 0.1) * spread
}

impl RowSource for MadeUpRows {
    fn n_rows(&self) -> usize {
        self.n_rows
    }

    fn cell(&self, row: usize, column: usize) -> Value<'_> {
        match self.cells[row * self.n_columns + column] {
            Cell::Missing => Value::Missing,
            Cell::Number(number) => Value::Number(number),
            Cell::Level(level) => Value::Text(&self.levels[column][level]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::examples::any_model;
    use crate::engine::{Predictor, Scratch};

    #[test]
    fn every_model_can_read_its_rows() {
        for seed in 0..60 {
            let model = any_model(seed);
            let rows = MadeUpRows::new(&model, 50, seed);
            let predictor = Predictor::compile(model).expect("sound");
            let mut out = vec![0.0; 50 * predictor.n_outputs()];
            assert_eq!(predictor.predict_batch(&rows, &mut Scratch::default(), &mut out), Ok(()));
        }
    }
}
