//! From a shape to nanoseconds.

use crate::cost::Shape;
use crate::engine::sections::SECTION_SLOTS;
use crate::engine::walked::LANES;
use crate::error::Error;

/// Number of prices.
pub(crate) const N_PRICES: usize = 19;

/// What each price is for, in the order of [`CostModel::prices`]: its key in stored text.
pub(crate) const NAMES: [&str; N_PRICES] = [
    "fixed_ns",
    "binned_ns",
    "looked_up_ns",
    "number_ns",
    "tree_ns",
    "vector_ns",
    "register_ns",
    "gathered_ns",
    "descent_ns",
    "path_ns",
    "hop_ns",
    "step_ns",
    "near_line_ns",
    "far_line_ns",
    "near_step_ns",
    "far_step_ns",
    "added_ns",
    "product_ns",
    "dense_ns",
];

/// Numbers beside the prices.
const N_OTHERS: usize = 4;

/// What a prediction costs: `ns = sum of price * count` over the counts of a [`Shape`].
///
/// Next to no branch of the engine depends on a row, so the counts decide. A machine with vectors
/// pays for vectors, registers of slots, descents, paths and hops, and for rows of sections where a
/// model has more slots than its vectors can ask; a machine without vectors, or whose vectors ask
/// less than a section, pays for steps. What lies beyond a cache is charged
/// extra: of a model of `bytes` that is the share `1 - cache / bytes`, of the lines of 64 bytes that
/// every prediction reads, and of the hops or steps and the leaf values. Trees are walked eight at a time, so their
/// steps are rounded up to eight trees.
#[derive(Debug, Clone, PartialEq)]
pub struct CostModel {
    /// Nanoseconds, all at least 0, named by `NAMES`.
    pub(crate) prices: [f64; N_PRICES],
    /// Bytes of the first-level data cache and of the second-level cache of a core.
    pub(crate) caches: [f64; 2],
    /// Most slots that vectors can ask; 0 if there are none.
    pub(crate) vector_slots: f64,
    /// 99th percentile over median, at least 1.
    pub(crate) p99_over_p50: f64,
}

/// A smaller shape and what it saves.
#[derive(Debug, Clone, PartialEq)]
pub struct NextStep {
    /// What would have to shrink, and to what.
    pub what: String,
    /// Nanoseconds less at the median.
    pub saved_ns: f64,
}

impl CostModel {
    /// Fixed prices, for runs that must be alike on all machines: those of one core
    /// of an Intel Xeon of 2023 at about 3 GHz, with AVX-512.
    pub fn reference() -> CostModel {
        CostModel {
            prices: REFERENCE,
            caches: [48.0 * 1024.0, 2048.0 * 1024.0],
            vector_slots: 512.0,
            p99_over_p50: 1.15,
        }
    }

    /// Predicted median latency of one row in nanoseconds.
    pub fn predict_p50_ns(&self, shape: &Shape) -> f64 {
        let counts = counts(shape, &self.caches, self.vector_slots);
        self.prices.iter().zip(counts).map(|(price, count)| price * count).sum()
    }

    /// Predicted 99th percentile of the latency of one row in nanoseconds: the median times the
    /// ratio that was seen in calibration.
    pub fn predict_p99_ns(&self, shape: &Shape) -> f64 {
        self.p99_over_p50 * self.predict_p50_ns(shape)
    }

    /// Where the cost falls next, and by how many nanoseconds: what pruning may aim at.
    pub fn next_steps(&self, shape: &Shape) -> Vec<NextStep> {
        let now = self.predict_p50_ns(shape);
        let mut steps = Vec::new();
        let mut add = |what: String, smaller: Shape| {
            let saved_ns = now - self.predict_p50_ns(&smaller);
            if saved_ns > 0.0 {
                steps.push(NextStep { what, saved_ns });
            }
        };
        if shape.n_trees > 1.0 {
            let kept = 1.0 - 1.0 / shape.n_trees;
            add("one tree less (their mean)".into(), shape.with_share_of_trees(kept));
        }
        for slots in [512.0, 256.0, 128.0, 64.0] {
            if shape.n_slots > slots && slots <= self.vector_slots {
                let what = format!("{slots} bytes of encoded row instead of {}", shape.n_slots);
                add(what, Shape { n_slots: slots, ..*shape });
                break;
            }
        }
        for (name, bytes) in [("first", self.caches[0]), ("second", self.caches[1])] {
            if shape.bytes > bytes {
                let what = format!("within the {name}-level cache ({:.0} kB)", bytes / 1000.0);
                add(what, Shape { bytes, ..*shape });
            }
        }
        steps
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
        let mut values = [0.0; N_PRICES + N_OTHERS];
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
        costs.vector_slots = values[N_PRICES + 2];
        costs.p99_over_p50 = values[N_PRICES + 3];
        Ok(costs)
    }

    /// All fields with their names.
    fn fields(&self) -> [(&'static str, f64); N_PRICES + N_OTHERS] {
        let others = [
            ("near_bytes", self.caches[0]),
            ("far_bytes", self.caches[1]),
            ("vector_slots", self.vector_slots),
            ("p99_over_p50", self.p99_over_p50),
        ];
        std::array::from_fn(|field| match field.checked_sub(N_PRICES) {
            None => (NAMES[field], self.prices[field]),
            Some(other) => others[other],
        })
    }
}

/// What the prices are multiplied with.
pub(crate) fn counts(shape: &Shape, caches: &[f64; 2], vector_slots: f64) -> [f64; N_PRICES] {
    let beyond = |cache: f64| if shape.bytes > cache { 1.0 - cache / shape.bytes } else { 0.0 };
    let is_whole = shape.n_slots <= vector_slots;
    let has_vectors = is_whole || SECTION_SLOTS as f64 <= vector_slots;
    let slots = if is_whole { shape.n_slots } else { SECTION_SLOTS as f64 };
    let gathered = if has_vectors && !is_whole { shape.n_gathered } else { 0.0 };
    let packed = |count: f64| if has_vectors { count } else { 0.0 };
    let steps = if has_vectors { 0.0 } else { shape.n_steps * idle_lanes(shape.n_trees) };
    let hops = packed(shape.n_hops);
    // Each tree ends at a leaf value.
    let touched = hops + steps + shape.n_trees;
    let lines = (packed(shape.streamed_bytes) + DENSE_BYTES * shape.n_dense) / 64.0;
    [
        1.0,
        shape.n_binned,
        shape.n_looked_up,
        shape.n_numbers,
        shape.n_trees,
        packed(shape.n_vectors),
        packed((shape.n_vectors + shape.n_hops) * extra_look_ups(slots)),
        gathered,
        packed(shape.n_descents),
        packed(shape.n_paths),
        hops,
        steps,
        lines * beyond(caches[0]),
        lines * beyond(caches[1]),
        touched * beyond(caches[0]),
        touched * beyond(caches[1]),
        shape.n_added,
        shape.n_products,
        shape.n_dense,
    ]
}

/// Bytes that a multiply-add of a net reads.
const DENSE_BYTES: f64 = 4.0;

/// What is walked over what was asked for, when eight trees are walked at a time.
fn idle_lanes(n_trees: f64) -> f64 {
    let lanes = LANES as f64;
    if n_trees > 0.0 { (n_trees / lanes).ceil() * lanes / n_trees } else { 1.0 }
}

/// Permutations beyond the first that a vector takes: slots lie in 1, 2, 4 or 8 registers.
fn extra_look_ups(n_slots: f64) -> f64 {
    match n_slots {
        slots if slots <= 64.0 => 0.0,
        slots if slots <= 128.0 => 1.0,
        slots if slots <= 256.0 => 3.0,
        _ => 7.0,
    }
}

/// Measured by `cargo run --release -p eyas-model --example cost_check`.
const REFERENCE: [f64; N_PRICES] = [
    60.0, 5.0, 16.0, 3.0, 0.05, 1.2, 0.2, 0.37, 0.05, 0.87, 2.3, 1.0, 0.1, 0.3, 0.5, 2.0, 0.24,
    0.9, 0.025,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(n_trees: usize) -> Shape {
        let mut shape = Shape { n_binned: 10.0, n_slots: 10.0, ..Shape::default() };
        (0..n_trees).for_each(|_| shape.add_tree_like(6, 64, 1));
        shape
    }

    #[test]
    fn prices_times_counts() {
        // Each price shows its count in digits of its own.
        let prices = std::array::from_fn(|price| libm::exp2(price as f64));
        let costs =
            CostModel { prices, caches: [250.0, 500.0], vector_slots: 64.0, p99_over_p50: 1.5 };
        let mut shape = Shape {
            n_binned: 2.0,
            n_looked_up: 3.0,
            n_numbers: 1.0,
            n_slots: 64.0,
            n_gathered: 70.0,
            n_trees: 4.0,
            n_vectors: 5.0,
            n_descents: 6.0,
            n_paths: 7.0,
            n_hops: 8.0,
            n_steps: 10.0,
            n_nodes: 9.0,
            n_added: 5.0,
            n_products: 6.0,
            n_dense: 16.0,
            streamed_bytes: 128.0,
            bytes: 1000.0,
            file_bytes: 2000.0,
        };
        let packed = [
            1.0, 2.0, 3.0, 1.0, 4.0, 5.0, 0.0, 0.0, 6.0, 7.0, 8.0, 0.0, 2.25, 1.5, 9.0, 6.0, 5.0,
            6.0, 16.0,
        ];
        assert_eq!(counts(&shape, &costs.caches, costs.vector_slots), packed);
        let expected: f64 = packed.iter().zip(prices).map(|(count, price)| count * price).sum();
        assert_eq!(costs.predict_p50_ns(&shape), expected);
        assert_eq!(costs.predict_p99_ns(&shape), 1.5 * expected);
        // With one slot more than vectors can ask, 4 trees fill half of the lanes: 20 steps.
        shape.n_slots = 65.0;
        let walked = [
            1.0, 2.0, 3.0, 1.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 20.0, 0.75, 0.5, 18.0, 12.0,
            5.0, 6.0, 16.0,
        ];
        assert_eq!(counts(&shape, &costs.caches, costs.vector_slots), walked);
        // Vectors that can ask a section take the row in parts.
        shape.n_slots = 600.0;
        let in_sections = counts(&shape, &costs.caches, 512.0);
        assert_eq!(in_sections[5..8], [5.0, (5.0 + 8.0) * 3.0, 70.0]);
    }

    #[test]
    fn the_next_steps_are_named_with_what_they_save() {
        let costs = CostModel::reference();
        let mut large = shape(500);
        large.n_slots = 70.0;
        let steps = costs.next_steps(&large);
        let texts: Vec<&str> = steps.iter().map(|step| step.what.as_str()).collect();
        assert_eq!(texts[0], "one tree less (their mean)");
        assert_eq!(texts[1], "64 bytes of encoded row instead of 70");
        assert!(texts[2].starts_with("within the first-level cache"), "{texts:?}");
        let one_register = Shape { n_slots: 64.0, ..large };
        let saved = costs.predict_p50_ns(&large) - costs.predict_p50_ns(&one_register);
        assert_eq!(steps[1].saved_ns, saved);
        assert_eq!(costs.next_steps(&Shape::default()), []);
    }

    #[test]
    fn more_trees_never_cost_less() {
        let costs = CostModel::reference();
        let prices: Vec<f64> = (0..1000).map(|n| costs.predict_p50_ns(&shape(n))).collect();
        assert!(prices.is_sorted());
        assert!(prices[0] > 0.0 && prices[1] > prices[0]);
    }

    #[test]
    fn text_keeps_every_price() {
        let mut costs = CostModel::reference();
        costs.prices[3] = 0.1 + 0.2;
        let text = costs.to_text();
        assert!(text.starts_with("fixed_ns=60\nbinned_ns="), "{text}");
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
