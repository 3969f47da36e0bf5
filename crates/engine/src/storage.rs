//! Fitted candidates on disk, so that a resumed run need not fit them again.
//!
//! A candidate is stored as a model file: one member a fold, of equal weights; what else is to be
//! known is in its notes. A file that is torn or damaged fails its checksum and is left aside.

use std::path::Path;
use std::sync::Arc;

use eyas_learn::Dataset;
use eyas_learn::learners::{FittedModel, Truncation};
use eyas_learn::metrics::Metric;
use eyas_learn::predict::predict;
use eyas_learn::splits::Split;
use eyas_model::{CostModel, Link, Member, Model, Part, Shape};
use eyas_search::Trial;
use serde::{Deserialize, Serialize};

use crate::journal::trial_path;
use crate::trial::{Candidate, loss_and_se};

#[derive(Debug, Serialize, Deserialize)]
struct Notes {
    label: String,
    truncation: usize,
    loss: f64,
    loss_se: f64,
    whole: (f64, f64),
}

/// Writes a candidate.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn store(
    run_dir: &Path,
    data: &Dataset,
    candidate: &Candidate,
) -> Result<(), eyas_model::Error> {
    let weight = 1.0 / candidate.models.len() as f64;
    let member = |model: &Arc<dyn FittedModel>| Member {
        weight,
        link: model.link(),
        part: model.part(candidate.truncation),
    };
    let notes = Notes {
        label: candidate.label.clone(),
        truncation: candidate.truncation,
        loss: candidate.loss,
        loss_se: candidate.loss_se,
        whole: candidate.whole,
    };
    let model = Model {
        schema: data.schema.clone(),
        features: data.features.clone(),
        members: candidate.models.iter().map(member).collect(),
        notes: serde_json::to_string(&notes).expect("plain data serialises"),
    };
    let path = trial_path(run_dir, candidate.trial);
    std::fs::write(&path, model.to_bytes()).map_err(|e| eyas_model::Error::Io(e.to_string()))
}

/// Reads the candidate of a trial, if it was stored whole and fits the data.
pub(crate) fn load(
    run_dir: &Path,
    trial: &Trial,
    data: &Dataset,
    metric: &'static Metric,
    splits: &[Split],
    cost: &CostModel,
) -> Option<Candidate> {
    let bytes = std::fs::read(trial_path(run_dir, trial.id)).ok()?;
    let model = Model::from_bytes(&bytes).ok()?;
    let notes: Notes = serde_json::from_str(&model.notes).ok()?;
    if model.features != data.features || model.members.len() != splits.len() {
        return None;
    }
    let mut predictions = Vec::new();
    let mut fold_losses = Vec::new();
    for (member, split) in model.members.iter().zip(splits) {
        let fold = predict(&member.part, member.link, data, &split.valid);
        fold_losses.push(loss_and_se(data, metric, &split.valid, &fold).0);
        predictions.extend(fold);
    }
    let shape = Shape::of_part(&model.members[0].part, &model.features);
    let stored = |member: Member| -> Arc<dyn FittedModel> {
        let loss = notes.loss;
        let truncations = vec![Truncation { label: notes.label.clone(), loss, shape }];
        Arc::new(Stored { truncations, link: member.link, part: member.part })
    };
    Some(Candidate {
        trial: trial.id,
        origin: trial.origin,
        config: trial.config.clone(),
        label: notes.label.clone(),
        truncation: notes.truncation,
        models: model.members.into_iter().map(stored).collect(),
        predictions,
        loss: notes.loss,
        loss_se: notes.loss_se,
        shape,
        ns: cost.predict_p99_ns(&shape),
        seconds: trial.seconds,
        fold_losses,
        whole: notes.whole,
    })
}

/// A model that was read from a file: one truncation, whatever its index was.
#[derive(Debug)]
struct Stored {
    truncations: Vec<Truncation>,
    link: Link,
    part: Part,
}

impl FittedModel for Stored {
    fn truncations(&self) -> &[Truncation] {
        &self.truncations
    }

    fn part(&self, _truncation: usize) -> Part {
        self.part.clone()
    }

    fn link(&self) -> Link {
        self.link
    }
}
