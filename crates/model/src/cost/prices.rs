//! From a shape to nanoseconds.

use crate::cost::Shape;
use crate::engine::pack::LANES;
use crate::error::Error;

/// Number of prices.
pub(crate) const N_PRICES: usize = 9;

/// What each price is for, in the order of [`CostModel::prices`]: its key in stored text.
pub(crate) const NAMES: [&str; N_PRICES] = [
    "fixed_ns",
    "binned_ns",
    "looked_up_ns",
    "tree_ns",
    "step_ns",
    "near_step_ns",
    "far_step_ns",
    "added_ns",
    "product_ns",
];

/// What a prediction costs: `ns = sum of price * count` over the counts of a [`Shape`].
///
/// The engine has no branch that depends on a row, so the counts decide. A step costs more where
/// nodes lie in a slower cache: of a model of `bytes`, the share `1 - cache / bytes` lies beyond a
/// cache, so that many of the steps are charged extra. Trees are walked eight at a time, so their
/// steps are rounded up to eight trees.
#[derive(Debug, Clone, PartialEq)]
pub struct CostModel {
    /// Nanoseconds, all at least 0, named by `NAMES`.
    pub(crate) prices: [f64; N_PRICES],
    /// Bytes of the first-level data cache and of the second-level cache of a core.
    pub(crate) caches: [f64; 2],
    /// 99th percentile over median, at least 1.
    pub(crate) p99_over_p50: f64,
}

impl CostModel {
    /// Fixed prices, for runs that must be alike on all machines: those of a server core of 2023
    /// at 3 GHz.
    pub fn reference() -> CostModel {
        CostModel {
            prices: [60.0, 5.0, 18.0, 1.2, 0.5, 0.1, 0.6, 0.4, 3.0],
            caches: [48.0 * 1024.0, 2048.0 * 1024.0],
            p99_over_p50: 1.15,
        }
    }

    /// Predicted median latency of one row in nanoseconds.
    pub fn predict_p50_ns(&self, shape: &Shape) -> f64 {
        let counts = counts(shape, &self.caches);
        self.prices.iter().zip(counts).map(|(price, count)| price * count).sum()
    }

    /// Predicted 99th percentile of the latency of one row in nanoseconds: the median times the
    /// ratio that was seen in calibration.
    pub fn predict_p99_ns(&self, shape: &Shape) -> f64 {
        self.p99_over_p50 * self.predict_p50_ns(shape)
    }

    /// Lines of `name=value`, to be stored with the machine's fingerprint.
    pub fn to_text(&self) -> String {
        let fields = self.fields().map(|(name, value)| format!("{name}={value}\n"));
        fields.concat()
    }

    /// Reads what [`CostModel::to_text`] wrote; unknown names are skipped.
    ///
    /// # Errors
    /// [`Error::BadFile`] if a price is absent, no number, infinite or negative.
    pub fn from_text(text: &str) -> Result<CostModel, Error> {
        let mut costs = CostModel::reference();
        let names = costs.fields().map(|(name, _)| name);
        let mut values = [0.0; N_PRICES + 3];
        for (name, value) in names.iter().zip(&mut values) {
            let found = text.lines().filter_map(|line| line.split_once('='));
            let mut found =
                found.filter(|(key, _)| key.trim() == *name).map(|(_, value)| value.trim());
            let number = found.next_back().and_then(|value| value.parse::<f64>().ok());
            *value = number.filter(|number| (0.0..=1e12).contains(number)).ok_or_else(|| {
                let problem = format!("the stored prices have no usable `{name}`: calibrate again");
                Error::BadFile { offset: 0, problem }
            })?;
        }
        costs.prices.copy_from_slice(&values[..N_PRICES]);
        costs.caches.copy_from_slice(&values[N_PRICES..N_PRICES + 2]);
        costs.p99_over_p50 = values[N_PRICES + 2];
        Ok(costs)
    }

    /// All fields with their names.
    fn fields(&self) -> [(&'static str, f64); N_PRICES + 3] {
        let others = [
            ("near_bytes", self.caches[0]),
            ("far_bytes", self.caches[1]),
            ("p99_over_p50", self.p99_over_p50),
        ];
        std::array::from_fn(|field| match field.checked_sub(N_PRICES) {
            None => (NAMES[field], self.prices[field]),
            Some(other) => others[other],
        })
    }
}

/// What the prices are multiplied with.
pub(crate) fn counts(shape: &Shape, caches: &[f64; 2]) -> [f64; N_PRICES] {
    let lanes = LANES as f64;
    let idle_lanes = if shape.n_trees > 0.0 {
        (shape.n_trees / lanes).ceil() * lanes / shape.n_trees
    } else {
        1.0
    };
    let steps = shape.n_steps * idle_lanes;
    let beyond = |cache: f64| if shape.bytes > cache { 1.0 - cache / shape.bytes } else { 0.0 };
    [
        1.0,
        shape.n_binned,
        shape.n_looked_up,
        shape.n_trees,
        steps,
        steps * beyond(caches[0]),
        steps * beyond(caches[1]),
        shape.n_added,
        shape.n_products,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(n_trees: f64) -> Shape {
        Shape {
            n_binned: 10.0,
            n_trees,
            n_steps: 6.0 * n_trees,
            n_nodes: 127.0 * n_trees,
            n_added: n_trees,
            bytes: 127.0 * 12.0 * n_trees,
            ..Shape::default()
        }
    }

    #[test]
    fn prices_times_counts() {
        let prices = [1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8];
        let costs = CostModel { prices, caches: [250.0, 500.0], p99_over_p50: 1.5 };
        let shape = Shape {
            n_binned: 2.0,
            n_looked_up: 3.0,
            n_trees: 4.0,
            n_steps: 10.0,
            n_nodes: 9.0,
            n_added: 5.0,
            n_products: 6.0,
            bytes: 1000.0,
        };
        // 4 trees fill half of the lanes: 20 steps, 15 beyond the first cache, 10 the second.
        let expected = 1.0 + 20.0 + 300.0 + 4e3 + 20e4 + 15e5 + 10e6 + 5e7 + 6e8;
        assert_eq!(costs.predict_p50_ns(&shape), expected);
        assert_eq!(costs.predict_p99_ns(&shape), 1.5 * expected);
    }

    #[test]
    fn more_trees_never_cost_less() {
        let costs = CostModel::reference();
        let prices: Vec<f64> =
            (0..3000).map(|n| costs.predict_p50_ns(&shape(f64::from(n)))).collect();
        assert!(prices.is_sorted());
        assert!(prices[0] > 0.0 && prices[1] > prices[0]);
    }

    #[test]
    fn text_keeps_every_price() {
        let mut costs = CostModel::reference();
        costs.prices[3] = 0.1 + 0.2;
        let text = costs.to_text();
        assert!(text.starts_with("fixed_ns=60\nbinned_ns=5\n"), "{text}");
        assert_eq!(CostModel::from_text(&text), Ok(costs.clone()));
        assert_eq!(CostModel::from_text(&format!("machine=x\n{text}\n")), Ok(costs));
        for broken in [
            text.replace("step_ns", "stop_ns"),
            text.replace("fixed_ns=60", "fixed_ns=-1"),
            text.replace("fixed_ns=60", "fixed_ns=NaN"),
            text.replace("fixed_ns=60", "fixed_ns="),
        ] {
            let message = CostModel::from_text(&broken).expect_err("broken").to_string();
            assert!(message.contains("calibrate again"), "{message}");
        }
    }
}
