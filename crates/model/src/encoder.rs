//! From raw cells to bins and numbers.
//!
//! A [`Feature`] is one column of the encoded row. Bin 0 always means "missing".
//! - [`Bins::Edges`] `e_1 < e_2 < ... < e_m` (at most 254): a value `v` falls in bin
//!   `1 + |{i : v > e_i}|`, so *bin `<= k` if and only if `v <= e_k`*, exactly, in f64.
//! - [`Bins::Levels`] (at most 253): level `i` has bin `i + 1`; any other text has bin
//!   `n_levels + 1`, the bucket of unseen and rare levels.

/// Most edges a numeric feature can have.
pub const MAX_EDGES: usize = 254;
/// Most levels a categorical feature can have.
pub const MAX_LEVELS: usize = 253;

/// Numbers this near to zero count as zero: LightGBM's `kZeroThreshold`, a 32-bit float.
pub const ZERO: f64 = 1e-35f32 as f64;

/// What is taken from the cell of the source column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Derive {
    /// The cell itself.
    Itself,
    /// Calendar year.
    Year,
    /// Month, 1 to 12.
    Month,
    /// Day of the week, Monday is 0.
    Weekday,
    /// Hour of the day, 0 to 23.
    Hour,
    /// Seconds since 1970-01-01T00:00:00.
    Epoch,
    /// The number; missing where it is at most [`ZERO`] from zero, as LightGBM reads it on request.
    NonZero,
}

/// How a value becomes a bin.
#[derive(Debug, Clone, PartialEq)]
pub enum Bins {
    /// Ascending thresholds of a numeric feature.
    Edges(Vec<f64>),
    /// Names of the known levels of a categorical feature.
    Levels(Vec<String>),
}

impl Bins {
    /// Number of bins, the missing bin and (for levels) the bucket of unseen levels included.
    pub fn n_bins(&self) -> usize {
        match self {
            Bins::Edges(edges) => edges.len() + 2,
            Bins::Levels(levels) => levels.len() + 2,
        }
    }

    /// Whether the bins have no order.
    pub fn is_categorical(&self) -> bool {
        matches!(self, Bins::Levels(_))
    }
}

/// Bin of a number among ascending `edges`; NaN is missing (bin 0).
pub fn bin_of_number(edges: &[f64], value: f64) -> u8 {
    if value.is_nan() {
        return 0;
    }
    // At most 254 edges, so the sum fits a byte.
    (1 + edges.partition_point(|&edge| value > edge)) as u8
}

/// One column of the encoded row.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    /// Index of the source column in [`crate::Schema::columns`].
    pub column: u32,
    /// What is taken from the cell.
    pub derive: Derive,
    /// Name for reports, e.g. `age` or `date.month`.
    pub name: String,
    /// How the value becomes a bin.
    pub bins: Bins,
}
