//! `eyas inspect`: what a model expects, what it costs, and how it was found.

use std::path::PathBuf;
use std::process::ExitCode;

use eyas_model::cost::NextStep;
use eyas_model::measure::{Latency, LatencyOptions, MadeUpRows, calibrate, measure_latency};
use eyas_model::{ColumnKind, CostModel, Model, Shape};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::model::{self, OpenModel};
use crate::quantities::{counted, show_bytes, show_count, show_ns};
use crate::report::{align_right, plain_table};
use crate::{Context, console};

/// Show what a model expects, what it costs, and how it was found
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  eyas inspect adult.eyas\n  eyas inspect adult.eyas --json\n\n\
    Costs are predicted for this machine, by a short calibration, and measured on made-up rows;\n\
    `eyas bench` measures on yours.")]
pub struct InspectArgs {
    /// Model file
    model: PathBuf,
}

/// A part of the work of one prediction.
struct Step {
    what: &'static str,
    count: f64,
    ns: f64,
}

/// Runs the command.
pub fn run(args: &InspectArgs, context: &Context) -> Result<ExitCode, Failure> {
    let model = model::open(&args.model)?;
    let cost = calibrate(0.3);
    let shape = model.predictor.shape();
    let steps = steps(&cost, &shape);
    let figures = Figures {
        predicted_p50_ns: cost.predict_p50_ns(&shape),
        predicted_p99_ns: cost.predict_p99_ns(&shape),
        measured: measure(args, &model)?,
        next: cost.next_steps(&shape),
    };
    if context.json {
        console::print(&as_json(&model, &steps, &figures).to_string())?;
    } else {
        let parts = [
            Some(schema(&model)),
            Some(costs(&figures, &steps)),
            next_steps(&figures.next),
            importances(&model.notes),
            found(&model.notes),
            found_by_grid(&model.notes),
            imported(&model.notes),
        ];
        console::print(&parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What a prediction takes.
struct Figures {
    predicted_p50_ns: f64,
    predicted_p99_ns: f64,
    measured: Latency,
    next: Vec<NextStep>,
}

/// Latency on made-up rows.
fn measure(args: &InspectArgs, model: &OpenModel) -> Result<Latency, Failure> {
    let told = |error: eyas_model::Error| Failure::failed(format!("cannot measure: {error}"));
    let bytes = std::fs::read(&args.model).map_err(|error| {
        Failure::failed(format!("cannot read `{}`: {error}", args.model.display()))
    })?;
    let logical = Model::from_bytes(&bytes).map_err(told)?;
    let rows = MadeUpRows::new(&logical, 4096, 0);
    let options =
        LatencyOptions { n_rows: 4096, n_cold: 0, n_interleaved: 0, batch: false, seed: 0 };
    measure_latency(&model.predictor, &rows, &options).map_err(told)
}

/// What each part of the shape costs: the prediction with it less the prediction without it.
fn steps(cost: &CostModel, shape: &Shape) -> Vec<Step> {
    type Field = fn(&mut Shape) -> &mut f64;
    let parts: [(&'static str, Field); 14] = [
        ("numbers binned", |shape| &mut shape.n_binned),
        ("names looked up", |shape| &mut shape.n_looked_up),
        ("numbers read", |shape| &mut shape.n_numbers),
        ("bytes gathered", |shape| &mut shape.n_gathered),
        ("trees", |shape| &mut shape.n_trees),
        ("vectors of 64 tests", |shape| &mut shape.n_vectors),
        ("levels descended", |shape| &mut shape.n_descents),
        ("paths compared", |shape| &mut shape.n_paths),
        ("blocks of deep trees", |shape| &mut shape.n_hops),
        ("steps in trees", |shape| &mut shape.n_steps),
        ("leaf values added", |shape| &mut shape.n_added),
        ("products", |shape| &mut shape.n_products),
        ("products of nets", |shape| &mut shape.n_dense),
        ("bytes touched", |shape| &mut shape.bytes),
    ];
    let whole = cost.predict_p50_ns(shape);
    let mut steps: Vec<Step> = parts
        .into_iter()
        .map(|(what, field)| {
            let mut without = *shape;
            let count = std::mem::take(field(&mut without));
            Step { what, count, ns: whole - cost.predict_p50_ns(&without) }
        })
        // What this machine does not pay for is left out.
        .filter(|step| step.count > 0.0 && step.ns > 0.0)
        .collect();
    let parts: f64 = steps.iter().map(|step| step.ns).sum();
    steps.push(Step { what: "all else", count: 1.0, ns: whole - parts });
    steps
}

fn kind(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Number => "number",
        ColumnKind::Boolean => "boolean",
        ColumnKind::Category => "category",
        ColumnKind::DateTime => "datetime",
    }
}

fn schema(model: &OpenModel) -> String {
    let schema = model.predictor.schema();
    let mut text =
        format!("{} of `{}`, {}", model.task(), schema.target, show_bytes(model.file_bytes));
    if !schema.classes.is_empty() {
        text += &format!("\nclasses: {}", schema.classes.join(", "));
    }
    let mut table = plain_table(&["column", "kind"]);
    for column in &schema.columns {
        table.add_row([column.name.as_str(), kind(column.kind)]);
    }
    format!("{text}\n\nColumns it reads\n{}", table.trim_fmt())
}

fn next_steps(steps: &[NextStep]) -> Option<String> {
    let mut table = plain_table(&["next step of the cost", "saves"]);
    for step in steps {
        table.add_row([step.what.as_str(), &show_ns(step.saved_ns)]);
    }
    align_right(&mut table, 1..2);
    (!steps.is_empty()).then(|| table.trim_fmt())
}

fn costs(figures: &Figures, steps: &[Step]) -> String {
    let title = format!(
        "Predicted p50 {}, p99 {}; measured on made-up rows p50 {}, p99 {}",
        show_ns(figures.predicted_p50_ns),
        show_ns(figures.predicted_p99_ns),
        show_ns(figures.measured.p50_ns),
        show_ns(figures.measured.p99_ns),
    );
    let mut table = plain_table(&["part", "count", "predicted"]);
    for step in steps {
        let count = show_count(step.count.ceil() as u64);
        table.add_row([step.what, &count, &show_ns(step.ns)]);
    }
    align_right(&mut table, 1..3);
    format!("{title}\n{}", table.trim_fmt())
}

fn importances(notes: &Value) -> Option<String> {
    let rows = notes["importances"].as_array().filter(|rows| !rows.is_empty())?;
    let mut table = plain_table(&["feature", "share of gain"]);
    for row in rows.iter().take(20) {
        let share = 100.0 * row[1].as_f64().unwrap_or(f64::NAN);
        table.add_row([row[0].as_str().unwrap_or_default(), &format!("{share:.1} %")]);
    }
    align_right(&mut table, 1..2);
    let more = if rows.len() > 20 { format!("\n{} more", rows.len() - 20) } else { String::new() };
    Some(format!("What matters to it\n{}{more}", table.trim_fmt()))
}

/// Where the model was imported from, from its notes.
fn imported(notes: &Value) -> Option<String> {
    let format = notes["imported_from"].as_str()?;
    let part = |name: &str| notes[name].as_str().filter(|text| !text.is_empty());
    let version = part("version").map_or_else(String::new, |version| format!(" {version}"));
    let objective = part("objective").map_or_else(String::new, |of| format!(", objective {of}"));
    let n_trees = notes["n_trees"].as_u64();
    let trees = n_trees.map_or_else(String::new, |n| format!(", {}", counted(n, "tree")));
    Some(format!("Where it comes from\n  imported from {format}{version}{objective}{trees}"))
}

/// How the model was found, from its notes.
fn found(notes: &Value) -> Option<String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let count = |value: &Value, name| counted(value.as_u64().unwrap_or(0), name);
    notes["chosen"].as_str()?;
    let mut lines = vec![format!("How it was found\n  {}", text(&notes["chosen"]))];
    for member in notes["members"].as_array().into_iter().flatten() {
        let weight = member[0].as_f64().unwrap_or(f64::NAN);
        lines.push(format!("  {weight:.3} x {} ({})", text(&member[1]), text(&member[2])));
    }
    let score = &notes["score"];
    if let (Some(value), Some(se)) = (score["value"].as_f64(), score["se"].as_f64()) {
        let (value, se) = (crate::report::digits(value, se), crate::report::se(se));
        lines.push(format!(
            "  {} {value} ± {se} on {} {}",
            text(&score["metric"]),
            score["n_rows"],
            text(&score["rows"])
        ));
    }
    lines.push(format!(
        "  {}, {}, {}, {}, seed {}",
        count(&notes["n_rows"], "row"),
        count(&notes["n_features"], "feature"),
        text(&notes["validation"]),
        count(&notes["n_trials"], "trial"),
        notes["seed"],
    ));
    let references = notes["references"].as_array().map_or(&[][..], Vec::as_slice);
    if !references.is_empty() {
        lines.push("\nReferences".into());
        lines.extend(references.iter().map(|reference| format!("  {}", text(reference))));
    }
    Some(lines.join("\n"))
}

/// How a grid found the model, from its notes.
fn found_by_grid(notes: &Value) -> Option<String> {
    let grid = &notes["grid"];
    let plain = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let count = |value: &Value, name| counted(value.as_u64().unwrap_or(0), name);
    let mut lines = vec![format!("How it was found\n  grid over {}", grid["learner"].as_str()?)];
    for axis in grid["params"].as_array().into_iter().flatten() {
        let values = axis[1].as_array().map_or(&[][..], Vec::as_slice);
        let values: Vec<String> = values.iter().map(plain).collect();
        lines.push(format!("  {}: {}", plain(&axis[0]), values.join(", ")));
    }
    if let (Some(points), Some(rows)) = (grid["n_points"].as_u64(), grid["n_rows"].as_u64()) {
        lines.push(format!(
            "  {}, {}, {}, seed {}",
            counted(points, "point"),
            plain(&grid["folds"]),
            count(&rows.into(), "row"),
            grid["seed"]
        ));
    }
    let best = &grid["best"];
    let values = best["params"].as_array().into_iter().flatten();
    let values = values.map(|pair| format!("{}={}", plain(&pair[0]), plain(&pair[1])));
    let values = values.collect::<Vec<_>>().join(" ");
    let std = best["std"].as_f64().map_or_else(String::new, |std| format!(" ± {std:.5}"));
    if let Some(mean) = best["mean"].as_f64() {
        lines.push(format!("  best: {values} ({} {mean:.5}{std})", plain(&notes["metric"])));
    }
    Some(lines.join("\n"))
}

fn as_json(model: &OpenModel, steps: &[Step], figures: &Figures) -> Value {
    let schema = model.predictor.schema();
    let columns: Vec<Value> = schema
        .columns
        .iter()
        .map(|column| json!({"name": column.name, "kind": kind(column.kind)}))
        .collect();
    let steps: Vec<Value> = steps
        .iter()
        .map(|step| json!({"part": step.what, "count": step.count, "predicted_ns": step.ns}))
        .collect();
    let next: Vec<Value> = figures
        .next
        .iter()
        .map(|step| json!({"what": step.what, "saved_ns": step.saved_ns}))
        .collect();
    json!({
        "task": model.task(),
        "target": schema.target,
        "classes": schema.classes,
        "columns": columns,
        "file_bytes": model.file_bytes,
        "predicted_p50_ns": figures.predicted_p50_ns,
        "predicted_p99_ns": figures.predicted_p99_ns,
        "measured_p50_ns": figures.measured.p50_ns,
        "measured_p99_ns": figures.measured.p99_ns,
        "tier": model.predictor.tier().name(),
        "steps": steps,
        "next_steps": next,
        "notes": model.notes,
    })
}
