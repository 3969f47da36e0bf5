//! A net on the images of MNIST (LeCun, Y. et al., 1998, doi:10.1109/5.726791).

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use eyas_learn::data::Column;
use eyas_learn::data::arrays::Arrays;
use eyas_learn::dataset::{BuildOptions, Target};
use eyas_learn::learners::mlp::Mlp;
use eyas_learn::learners::{Fit, Learner, NeverStop};
use eyas_learn::{Dataset, FitInput, Table, Task, TaskOptions, Threads};
use eyas_model::{Layer, Member, Model, Part, Predictor, Scratch, TaskKind};
use eyas_search::Config;
use serde_json::{Value, json};

use crate::Arguments;

/// 784 inputs, 128 rectified units, 10 classes; Adam under `ExponentialDecay(0.001, 1000, 0.9)` of
/// Keras.
fn config(arguments: &Arguments) -> Config {
    let config = Config { learner: "mlp".into(), values: Default::default() }
        .with("hidden_layer_sizes", "128")
        .with("activation", "relu")
        .with("batch_size", arguments.batch)
        .with("max_epochs", arguments.epochs)
        .with("numeric", "common")
        .with("optimizer", "adam")
        .with("weight_decay", 0.0)
        .with("averaging", false)
        .with("learning_rate_init", 0.001)
        .with("schedule", "exponential(decay_rate=0.9; decay_steps=1000)");
    arguments.with_given(config)
}

pub(super) fn run(arguments: &Arguments) -> Result<Value, Box<dyn Error>> {
    let folder = arguments.places.first().ok_or("FOLDER is expected")?;
    let mut table = read(Path::new(folder), "train")?;
    let test = read(Path::new(folder), "t10k")?;
    let n_train = table.columns[0].data.len();
    for (column, more) in table.columns.iter_mut().zip(test.columns) {
        append(column, more);
    }
    let kind = Some(TaskKind::Multiclass);
    let options = TaskOptions { target: "digit".into(), kind, ..TaskOptions::default() };
    let (task, _) = Task::new(&table, &options)?;
    let (data, _) = Dataset::build(&table, &task, &BuildOptions::default())?;
    drop(table);
    let config = config(arguments);
    // What is before the first epoch is in both times.
    let (_, first) = fit(&data, &task, n_train, &config, arguments, Some(0))?;
    let (whole, all) = fit(&data, &task, n_train, &config, arguments, None)?;
    let epochs = (arguments.epochs - 1).max(1) as f64;
    let part = whole.model.part(whole.model.truncations().len() - 1);
    let member = Member { weight: 1.0, link: whole.model.link(), part };
    let test: Vec<u32> = (n_train as u32..data.n_rows as u32).collect();
    let mut half = member.clone();
    if let Part::Net(net) = &mut half.part {
        net.layers.iter_mut().for_each(Layer::halve);
    }
    let mut told = measure(&data, &test, member)?;
    let half = measure(&data, &test, half)?;
    for field in ["accuracy", "row_us", "row_us_p99"] {
        told[format!("half_{field}")] = half[field].clone();
    }
    told["epoch_seconds"] = ((all - first) / epochs).into();
    told["version"] = env!("CARGO_PKG_VERSION").into();
    Ok(told)
}

fn fit(
    data: &Dataset,
    task: &Task,
    n_train: usize,
    config: &Config,
    arguments: &Arguments,
    last_truncation: Option<usize>,
) -> Result<(Fit, f64), Box<dyn Error>> {
    let train: Vec<u32> = (0..n_train as u32).collect();
    let features: Vec<u32> = (0..data.n_features() as u32).collect();
    let threads = Threads::new(arguments.threads);
    let start = Instant::now();
    let fit = Mlp.fit(&FitInput {
        data,
        train: &train,
        valid: &[],
        features: &features,
        metric: task.metric,
        config,
        seed: arguments.seed,
        stop: &NeverStop,
        threads: &threads,
        checkpoints: &eyas_learn::NoCheckpoints,
        last_truncation,
    })?;
    Ok((fit, start.elapsed().as_secs_f64()))
}

/// Accuracy on the test images, and the latency of one of them in microseconds.
fn measure(data: &Dataset, test: &[u32], member: Member) -> Result<Value, Box<dyn Error>> {
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
        times.push(1e6 * start.elapsed().as_secs_f64());
        let best = (0..out.len()).max_by(|&a, &b| out[a].total_cmp(&out[b]));
        n_right += usize::from(best == Some(classes[row as usize] as usize));
    }
    times.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let accuracy = n_right as f64 / test.len() as f64;
    Ok(json!({"accuracy": accuracy, "row_us": at(0.5), "row_us_p99": at(0.99)}))
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
