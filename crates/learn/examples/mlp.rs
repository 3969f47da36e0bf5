//! Times epochs of a net on images: `mlp FOLDER [PARAMETER=VALUE]...`.
//!
//! FOLDER holds `train-images-idx3-ubyte.gz`, `train-labels-idx1-ubyte.gz` and the `t10k` files of
//! MNIST (LeCun, Y. et al., 1998, doi:10.1109/5.726791). Prints, for batches of 32 and 256 rows, the
//! seconds an epoch, the accuracy on the test images, and the latency of one row.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use eyas_learn::data::Column;
use eyas_learn::data::arrays::Arrays;
use eyas_learn::dataset::{BuildOptions, Target};
use eyas_learn::learners::mlp::Mlp;
use eyas_learn::learners::{Learner, NeverStop};
use eyas_learn::{Dataset, FitInput, ONE_THREAD, Table, Task, TaskOptions};
use eyas_model::{Member, Model, Predictor, Scratch, TaskKind};
use eyas_search::{Config, Value};

const EPOCHS: i64 = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let folder = words.next().ok_or("FOLDER is expected")?;
    let mut table = read(Path::new(&folder), "train")?;
    let test = read(Path::new(&folder), "t10k")?;
    let n_train = table.columns[0].data.len();
    for (column, more) in table.columns.iter_mut().zip(test.columns) {
        append(column, more);
    }
    let kind = Some(TaskKind::Multiclass);
    let options = TaskOptions { target: "digit".into(), kind, ..TaskOptions::default() };
    let (task, _) = Task::new(&table, &options)?;
    let (data, _) = Dataset::build(&table, &task, &BuildOptions::default())?;
    drop(table);
    let given: Vec<String> = words.collect();
    for batch_size in [32, 256] {
        let mut config = Config { learner: "mlp".into(), values: Default::default() }
            .with("batch_size", batch_size)
            .with("max_epochs", EPOCHS)
            .with("numeric", "common")
            .with("optimizer", "adam")
            .with("weight_decay", 0.0)
            // ExponentialDecay(0.001, 1000, 0.9) of Keras.
            .with("schedule", "exponential(decay_rate=0.9; decay_steps=1000)");
        for word in &given {
            let (name, text) = word.split_once('=').ok_or("PARAMETER=VALUE is expected")?;
            let value = text.parse().map_or_else(|_| Value::Text(text.into()), Value::Float);
            let is_text = name == "hidden_layer_sizes";
            config = config.with(name, if is_text { Value::Text(text.into()) } else { value });
        }
        try_out(&data, &task, n_train, &config, batch_size)?;
    }
    Ok(())
}

fn try_out(
    data: &Dataset,
    task: &Task,
    n_train: usize,
    config: &Config,
    batch_size: i64,
) -> Result<(), Box<dyn Error>> {
    let train: Vec<u32> = (0..n_train as u32).collect();
    let test: Vec<u32> = (n_train as u32..data.n_rows as u32).collect();
    let features: Vec<u32> = (0..data.n_features() as u32).collect();
    let fit = |last_truncation| {
        let start = Instant::now();
        let fit = Mlp.fit(&FitInput {
            data,
            train: &train,
            valid: &[],
            features: &features,
            metric: task.metric,
            config,
            seed: 1,
            stop: &NeverStop,
            threads: &ONE_THREAD,
            last_truncation,
            checkpoints: &eyas_learn::NoCheckpoints,
        });
        fit.map(|fit| (fit, start.elapsed().as_secs_f64()))
    };
    let (_, first) = fit(Some(0))?;
    let (whole, all) = fit(None)?;
    let last = whole.model.truncations().len() - 1;
    let part = whole.model.part(last);
    let member = Member { weight: 1.0, link: whole.model.link(), part };
    let (accuracy, row_us) = measure(data, &test, member)?;
    println!(
        "batch {batch_size}: {:.3} s an epoch, {:.3} s before the first; accuracy {accuracy:.4} after \
         {EPOCHS} epochs; one row {row_us:.2} us (median)",
        (all - first) / (EPOCHS - 1) as f64,
        first - (all - first) / (EPOCHS - 1) as f64,
    );
    Ok(())
}

/// Accuracy on the test images, and the median latency of one of them in microseconds.
fn measure(data: &Dataset, test: &[u32], member: Member) -> Result<(f64, f64), Box<dyn Error>> {
    let Target::Classes(classes) = &data.target else { return Err("no classes".into()) };
    let model = Model {
        schema: data.schema.clone(),
        features: data.features.clone(),
        members: vec![member],
        notes: String::new(),
    };
    let predictor = Predictor::compile(model)?;
    let mut scratch = Scratch::fitted(&predictor);
    let mut out = vec![0.0; predictor.n_outputs()];
    let mut cells = vec![f64::NAN; predictor.schema().columns.len()];
    let (mut n_right, mut times) = (0, Vec::new());
    for &row in test {
        for (feature, of) in data.features.iter().enumerate() {
            cells[of.column as usize] = data.number(feature, row as usize);
        }
        let start = Instant::now();
        predictor.predict_numbers(&cells, &mut scratch, &mut out)?;
        times.push(start.elapsed().as_secs_f64());
        let best = (0..out.len()).max_by(|&a, &b| out[a].total_cmp(&out[b]));
        n_right += usize::from(best == Some(classes[row as usize] as usize));
    }
    times.sort_unstable_by(f64::total_cmp);
    Ok((n_right as f64 / test.len() as f64, 1e6 * times[times.len() / 2]))
}

/// Pixels and the digit.
fn read(folder: &Path, part: &str) -> Result<Table, Box<dyn Error>> {
    let file = |name: &str| folder.join(format!("{part}-{name}-ubyte.gz"));
    let mut table = Arrays::read(&file("images-idx3"))?.table(|_| None)?;
    let labels = Arrays::read(&file("labels-idx1"))?.table(|_| None)?.columns.swap_remove(0);
    table.columns.push(Column { name: "digit".into(), data: labels.data });
    Ok(table)
}

fn append(column: &mut Column, more: Column) {
    use eyas_learn::data::ColumnData::Number;
    if let (Number(own), Number(more)) = (&mut column.data, more.data) {
        own.extend(more);
    }
}
