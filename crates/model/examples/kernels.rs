//! Nanoseconds a tree by packing, tier and number of trees.
//! `cargo run --release -p eyas-model --example kernels`

use eyas_model::measure::synthetic::Synthetic;
use eyas_model::measure::{LatencyOptions, measure_latency};
use eyas_model::{Predictor, Tier};

fn main() -> Result<(), eyas_model::Error> {
    let base = Synthetic { n_numeric: 30, ..Synthetic::default() };
    let balanced = |n_leaves| Synthetic { n_leaves, balanced: true, ..base };
    let grown = |n_leaves| Synthetic { n_leaves, ..base };
    let cases = [
        ("1 test", balanced(2)),
        ("perfect 3", balanced(8)),
        ("perfect 4", balanced(16)),
        ("perfect 5", balanced(32)),
        ("perfect 6", balanced(64)),
        ("paths 16", grown(16)),
        ("paths 31", grown(31)),
        ("chain 63", grown(63)),
        ("chain 255", grown(255)),
        ("chain 3000", grown(3000)),
        ("paths 31, 100 numbers", Synthetic { n_numeric: 100, ..base }),
        ("paths 31, 200 numbers", Synthetic { n_numeric: 200, ..base }),
        ("paths 31, 400 numbers", Synthetic { n_numeric: 400, ..base }),
        ("paths 31, 7 classes", Synthetic { n_outputs: 7, ..base }),
    ];
    let options = LatencyOptions { n_rows: 4000, n_cold: 0, ..LatencyOptions::default() };
    println!(
        "{:24} {:>8} {:>7} {:>9} {:>9} {:>9}",
        "ns", "tier", "trees", "p50", "a tree", "batch"
    );
    for (name, wanted) in cases {
        for tier in Tier::all() {
            let mut few = None;
            for n_trees in [20, 100, 500] {
                if n_trees * wanted.n_leaves > 300_000 {
                    continue;
                }
                let wanted = Synthetic { n_trees, ..wanted };
                let predictor = Predictor::compile_for(wanted.model(), tier)?;
                let latency = measure_latency(&predictor, &wanted.rows(2000), &options)?;
                let first = *few.get_or_insert(latency.p50_ns);
                let a_tree = (latency.p50_ns - first) / (n_trees as f64 - 20.0);
                println!(
                    "{name:24} {:>8} {n_trees:7} {:9.0} {a_tree:9.2} {:9.0}",
                    tier.name(),
                    latency.p50_ns,
                    latency.batch_ns
                );
            }
        }
    }
    Ok(())
}
