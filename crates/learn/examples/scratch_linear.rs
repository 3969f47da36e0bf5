//! Scratch: not committed.
use eyas_learn::learners::linear::LinearModel;
use eyas_learn::learners::*;
use eyas_learn::metrics::*;
use eyas_learn::task::Facts;
use eyas_learn::{Dataset, Target};
use eyas_model::*;
use std::collections::BTreeMap;
use std::io::Read;
use std::time::Instant;

fn read(name: &str) -> Dataset {
    let dir = format!("/work/shared/data/{name}");
    let meta: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(format!("{dir}/meta.json")).unwrap())
            .unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(format!("{dir}/data.csv.gz")).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header: Vec<String> = reader.headers().unwrap().iter().map(|x| x.to_owned()).collect();
    let rows: Vec<csv::StringRecord> = reader.records().map(|r| r.unwrap()).collect();
    let n = rows.len();
    let cats: Vec<String> = meta["categorical_columns"]
        .as_array()
        .map(|a| a.iter().map(|x| x.as_str().unwrap().to_owned()).collect())
        .unwrap_or_default();
    let task = match meta["task"].as_str().unwrap() {
        "binary" => TaskKind::Binary,
        "regression" => TaskKind::Regression,
        _ => TaskKind::Multiclass,
    };
    let t = header.len() - 1;
    let (mut features, mut bins, mut numbers) = (vec![], vec![], vec![]);
    let mut columns = vec![];
    for c in 0..t {
        let is_cat = cats.contains(&header[c])
            || rows.iter().any(|r| !r[c].is_empty() && r[c].parse::<f64>().is_err());
        if is_cat {
            let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
            for r in &rows {
                if !r[c].is_empty() {
                    *counts.entry(&r[c]).or_default() += 1;
                }
            }
            let mut levels: Vec<(&str, usize)> = counts.into_iter().collect();
            levels.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
            levels.truncate(253);
            let index: BTreeMap<&str, u8> =
                levels.iter().enumerate().map(|(i, l)| (l.0, (i + 1) as u8)).collect();
            let other = (levels.len() + 1) as u8;
            bins.push(
                rows.iter()
                    .map(|r| if r[c].is_empty() { 0 } else { *index.get(&r[c]).unwrap_or(&other) })
                    .collect(),
            );
            numbers.push(vec![]);
            features.push(Feature {
                column: c as u32,
                derive: Derive::Itself,
                name: header[c].clone(),
                bins: Bins::Levels(levels.iter().map(|l| l.0.to_owned()).collect()),
            });
            columns.push(InputColumn { name: header[c].clone(), kind: ColumnKind::Category });
        } else {
            let v: Vec<f64> = rows
                .iter()
                .map(|r| if r[c].is_empty() { f64::NAN } else { r[c].parse().unwrap() })
                .collect();
            let mut s: Vec<f64> = v.iter().copied().filter(|x| !x.is_nan()).collect();
            s.sort_by(f64::total_cmp);
            let mut u = s.clone();
            u.dedup();
            let mut edges: Vec<f64> = if u.len() <= 255 {
                u.windows(2).map(|w| 0.5 * (w[0] + w[1])).collect()
            } else {
                (1..255).map(|k| s[k * s.len() / 255]).collect()
            };
            edges.dedup();
            bins.push(v.iter().map(|&x| encoder::bin_of_number(&edges, x)).collect());
            numbers.push(v);
            features.push(Feature {
                column: c as u32,
                derive: Derive::Itself,
                name: header[c].clone(),
                bins: Bins::Edges(edges),
            });
            columns.push(InputColumn { name: header[c].clone(), kind: ColumnKind::Number });
        }
    }
    let mut classes: Vec<String> = vec![];
    let target = if task == TaskKind::Regression {
        Target::Numbers(rows.iter().map(|r| r[t].parse().unwrap()).collect())
    } else {
        classes = rows.iter().map(|r| r[t].to_owned()).collect();
        classes.sort();
        classes.dedup();
        Target::Classes(
            rows.iter().map(|r| classes.binary_search(&r[t].to_owned()).unwrap() as u32).collect(),
        )
    };
    Dataset {
        schema: Schema { task, target: header[t].clone(), classes, columns },
        n_rows: n,
        features,
        bins,
        numbers,
        target,
        weights: None,
    }
}

fn rmse(s: &Scored<'_>) -> f64 {
    let Truth::Numbers(t) = s.truth else { panic!() };
    (t.iter().zip(s.predictions).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / t.len() as f64).sqrt()
}
fn auc(s: &Scored<'_>) -> f64 {
    let Truth::Classes(t) = s.truth else { panic!() };
    let mut o: Vec<usize> = (0..t.len()).collect();
    o.sort_by(|&a, &b| s.predictions[a].total_cmp(&s.predictions[b]));
    let (mut r, mut np) = (0.0, 0.0);
    for (i, &k) in o.iter().enumerate() {
        if t[k] == 1 {
            r += i as f64 + 1.0;
            np += 1.0;
        }
    }
    -(r - np * (np + 1.0) / 2.0) / (np * (t.len() as f64 - np))
}
fn ll(s: &Scored<'_>) -> f64 {
    let Truth::Classes(t) = s.truth else { panic!() };
    let k = s.n_outputs;
    t.iter()
        .enumerate()
        .map(|(i, &c)| {
            -(if k == 1 {
                if c == 1 { s.predictions[i] } else { 1.0 - s.predictions[i] }
            } else {
                s.predictions[i * k + c as usize]
            })
            .max(1e-15)
            .ln()
        })
        .sum::<f64>()
        / t.len() as f64
}

struct Counter {
    n: std::sync::atomic::AtomicU64,
    limit: f64,
    start: Instant,
}
impl Stop for Counter {
    fn spent(&self, w: u64) -> bool {
        self.n.fetch_add(w, std::sync::atomic::Ordering::Relaxed);
        self.start.elapsed().as_secs_f64() > self.limit
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let sets = &args[0];
    let mut limit = f64::INFINITY;
    let mut overrides = vec![];
    let mut verbose = false;
    for a in &args[1..] {
        if let Some(x) = a.strip_prefix("limit=") {
            limit = x.parse().unwrap()
        } else if a == "-v" {
            verbose = true
        } else {
            let (k, v) = a.split_once('=').unwrap();
            overrides.push((k.to_owned(), v.to_owned()))
        }
    }
    for name in sets.split(',') {
        let data = read(name);
        let (auc_m, ll_m, rmse_m) = (
            Metric { name: "auc", tasks: &[], higher_is_better: true, loss: auc },
            Metric { name: "ll", tasks: &[], higher_is_better: false, loss: ll },
            Metric { name: "rmse", tasks: &[], higher_is_better: false, loss: rmse },
        );
        let metric = match data.task() {
            TaskKind::Binary => &auc_m,
            TaskKind::Multiclass => &ll_m,
            _ => &rmse_m,
        };
        let all: Vec<u32> = (0..data.n_rows as u32).collect();
        let test: Vec<u32> = all.iter().copied().filter(|r| r % 5 == 4).collect();
        let trainval: Vec<u32> = all.iter().copied().filter(|r| r % 5 != 4).collect();
        let valid: Vec<u32> = trainval.iter().copied().filter(|r| r % 5 == 3).collect();
        let train: Vec<u32> = trainval.iter().copied().filter(|r| r % 5 < 3).collect();
        let features: Vec<u32> = (0..data.n_features() as u32).collect();
        let facts = Facts {
            kind: data.task(),
            n_rows: trainval.len(),
            n_features: features.len(),
            n_categorical: data.features.iter().filter(|f| f.bins.is_categorical()).count(),
            n_outputs: data.n_outputs(),
            n_bins: data.features.iter().map(|f| f.bins.n_bins()).sum(),
        };
        let configs = if overrides.is_empty() {
            LinearModel.portfolio(&facts)
        } else {
            let mut c = LinearModel.space(&facts).default_config();
            for (k, v) in &overrides {
                c = match (v.parse::<i64>(), v.parse::<f64>()) {
                    (Ok(x), _) => c.with(k, x),
                    (_, Ok(x)) => c.with(k, x),
                    _ => c.with(k, v.as_str()),
                }
            }
            vec![c]
        };
        for config in &configs {
            let run = |train: &[u32], valid: &[u32]| {
                let stop = Counter { n: 0.into(), limit, start: Instant::now() };
                let t = Instant::now();
                let fit = LinearModel
                    .fit(&FitInput {
                        data: &data,
                        train,
                        valid,
                        features: &features,
                        metric,
                        config,
                        seed: 0,
                        stop: &stop,
                    })
                    .unwrap();
                let s = t.elapsed().as_secs_f64();
                (fit, s, stop.n.into_inner())
            };
            let (fit, _, _) = run(&train, &valid);
            let best = fit
                .model
                .truncations()
                .iter()
                .enumerate()
                .min_by(|a, b| a.1.loss.total_cmp(&b.1.loss))
                .unwrap()
                .0;
            let (full, s, work) = run(&trainval, &test);
            let tr = full.model.truncations();
            let best = best.min(tr.len() - 1);
            let short: Vec<String> = config
                .values
                .iter()
                .filter(|(k, v)| LinearModel.space(&facts).default_config().values[*k] != **v)
                .map(|(k, v)| format!("{k}={v:?}"))
                .collect();
            println!(
                "{name:20} {:6.3}s work {:5.0}M est {:5.0}M ({:.2} ns/u) stopped {} n {} chosen {} test {} best {} shape {:?} | {}",
                s,
                work as f64 / 1e6,
                LinearModel.work(&facts, config) as f64 / 1e6,
                s * 1e9 / work as f64,
                full.stopped,
                tr.len(),
                tr[best].label,
                metric.value(tr[best].loss),
                metric.value(tr.iter().map(|t| t.loss).fold(f64::INFINITY, f64::min)),
                tr[best].shape.n_products,
                short.join(" ")
            );
            if verbose {
                for t in tr {
                    println!("    {} {}", t.label, metric.value(t.loss));
                }
            }
        }
    }
}
