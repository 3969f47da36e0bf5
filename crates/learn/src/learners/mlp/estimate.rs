//! What a fit is expected to take, from a few facts about the task.

use eyas_model::Shape;
use eyas_search::Config;

use super::knots;
use super::options::{Options, space};
use super::train::{PIECE, epoch_work, grid};
use crate::task::Facts;

/// What a net will look like.
struct Guess {
    options: Options,
    n_numeric: u64,
    n_columns: u64,
    n_params: u64,
}

impl Guess {
    /// A configuration out of its domain is priced as the default.
    fn new(facts: &Facts, config: &Config) -> Guess {
        let options = Options::new(config)
            .or_else(|_| Options::new(&space().default_config()))
            .expect("defaults are in their domains");
        let n_numeric = facts.n_features.saturating_sub(facts.n_categorical) as u64;
        let n_categorical = facts.n_categorical as u64;
        // A number has up to 256 bins, a category at least 3.
        let levels = (facts.n_bins as u64).saturating_sub(256 * n_numeric);
        let levels = levels.clamp(5 * n_categorical, 255 * n_categorical);
        let of_categories = if options.embeds { (8 * n_categorical).min(levels) } else { levels };
        let n_columns = n_numeric * knots::width(options.numeric) as u64 + of_categories;
        let mut n_params = if options.embeds { 8 * levels } else { 0 };
        let mut below = n_columns;
        let sizes = options.hidden.iter().copied().chain([facts.n_outputs]);
        for size in sizes {
            n_params += (below + 1) * size as u64;
            below = size as u64;
        }
        Guess { options, n_numeric, n_columns, n_params }
    }
}

/// Work units that a fit is expected to spend.
pub(super) fn work(facts: &Facts, config: &Config) -> u64 {
    let guess = Guess::new(facts, config);
    let batch_size = guess.options.batch_size as u64;
    let epoch = epoch_work(facts.n_rows as u64, batch_size, guess.n_params, guess.n_columns);
    epoch.saturating_mul(guess.options.max_epochs as u64)
}

/// All truncations have the same shape.
pub(super) fn cheapest_shape(facts: &Facts, config: &Config) -> Shape {
    let guess = Guess::new(facts, config);
    let mut shape = Shape {
        n_numbers: guess.n_numeric as f64,
        n_looked_up: facts.n_categorical as f64,
        ..Shape::default()
    };
    let mut sizes = guess.options.hidden;
    sizes.push(facts.n_outputs);
    shape.add_dense(guess.n_columns as usize, &sizes);
    if guess.options.half {
        shape.bytes *= 0.5;
        shape.file_bytes *= 0.5;
    }
    shape
}

/// Bytes that a fit needs beyond the data.
pub(super) fn memory_bytes(facts: &Facts, config: &Config) -> u64 {
    let guess = Guess::new(facts, config);
    let (n_rows, options) = (facts.n_rows as u64, &guess.options);
    let encoded = n_rows * (4 * 2 * guess.n_numeric + facts.n_categorical as u64 + 16);
    let rows = options.batch_size.min(facts.n_rows) as u64;
    let units: u64 = options.hidden.iter().map(|&n| n as u64).sum();
    let of_rows = 4 * rows * (3 * guess.n_columns + 5 * units + 64);
    let n_pieces = rows.div_ceil(PIECE as u64);
    // Parameters, the state of the optimizer, gradients of pieces, and what is kept.
    let copies = 5 + n_pieces + grid(options.max_epochs).len() as u64;
    encoded + of_rows + 4 * guess.n_params * copies
}
