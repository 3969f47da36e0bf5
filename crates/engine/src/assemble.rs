//! From candidates to the final model: greedy ensemble, then one model of its parts.

use std::collections::BTreeSet;

use eyas_learn::Dataset;
use eyas_learn::metrics::Metric;
use eyas_learn::random::Stream;
use eyas_model::{Bins, CostModel, Input, Link, Member, Model, Part, Shape, Term};
use eyas_search::select::{self, Limits};

use crate::trial::{Candidate, with_scored};

/// How a picked strategy becomes part of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The mean of the models of all folds: no refit, K times the cost.
    Bag,
    /// One model.
    Single,
}

/// A chosen combination of candidates.
#[derive(Debug, Clone)]
pub(crate) struct Assembly {
    /// Candidates (index) and their weights, which sum to 1; largest first.
    pub picks: Vec<(usize, f64)>,
    pub form: Form,
    /// Loss on the rows the choice was made on.
    pub loss: f64,
    /// Predicted p99 in nanoseconds.
    pub ns: f64,
    /// Bytes that a prediction touches.
    pub bytes: f64,
}

/// What the choice depends on.
pub(crate) struct Chooser<'a> {
    pub data: &'a Dataset,
    pub metric: &'static Metric,
    /// Validation rows that the candidates' predictions are for.
    pub pooled: &'a [u32],
    pub cost: &'a CostModel,
    /// Measured over predicted latency of each candidate by itself; 1 where it was not measured.
    pub factors: &'a [f64],
    /// What is left of it when candidates are combined.
    pub ns_factor: f64,
    pub limit_ns: f64,
    pub limit_bytes: f64,
    pub n_folds: usize,
    /// Whether strategies may be combined.
    pub combine: bool,
    /// A member that gains no more than this is not worth its nanoseconds.
    pub tolerance: f64,
    /// Says when to stop adding.
    pub out_of_time: &'a dyn Fn() -> bool,
}

/// Most validation rows that the greedy choice looks at.
const MOST_ROWS: usize = 20_000;
/// Most steps of the greedy choice.
const MOST_ROUNDS: usize = 25;
/// Most strategies of an ensemble.
const MOST_MEMBERS: usize = 8;

impl Chooser<'_> {
    /// The best combination within the limits, in one form; `None` if no candidate is within them.
    pub fn choose(&self, candidates: &[Candidate], form: Form) -> Option<Assembly> {
        let sample = self.sample();
        let width = self.data.n_outputs();
        let rows: Vec<u32> = sample.iter().map(|&index| self.pooled[index]).collect();
        let gather = |candidate: &Candidate| -> Vec<f64> {
            let row = |&index: &usize| &candidate.predictions[index * width..(index + 1) * width];
            sample.iter().flat_map(row).copied().collect()
        };
        let predictions: Vec<Vec<f64>> = candidates.iter().map(gather).collect();
        let mut mixed = vec![0.0; rows.len() * width];
        let empty = vec![0.0; rows.len() * width];
        let result = with_scored(self.data, &rows, &empty, |scored| {
            let mut loss_of = |weights: &[(usize, f64)]| {
                if (self.out_of_time)() {
                    // Nothing is added any more; what a strategy does alone is known.
                    return match weights {
                        [(only, _)] => candidates[*only].loss,
                        _ => f64::INFINITY,
                    };
                }
                // A constant beside others only draws all probabilities together.
                let is_constant =
                    |&(index, _): &(usize, f64)| candidates[index].config.learner == "baseline";
                if weights.len() > 1 && weights.iter().any(is_constant) {
                    return f64::INFINITY;
                }
                mix(&mut mixed, weights, &predictions);
                (self.metric.loss)(&eyas_learn::metrics::Scored { predictions: &mixed, ..*scored })
            };
            let limits = Limits {
                ns: self.limit_ns,
                bytes: self.limit_bytes,
                max_rounds: if self.combine { MOST_ROUNDS } else { 0 },
                max_members: if self.combine { MOST_MEMBERS } else { 1 },
                tolerance: self.tolerance,
            };
            let ns_of = |picks: &[usize]| self.ns(candidates, picks, form);
            let bytes_of = |picks: &[usize]| self.shape(candidates, picks, form).file_bytes;
            select::greedy(candidates.len(), &mut loss_of, &ns_of, &bytes_of, &limits)
        })?;
        let indices: Vec<usize> = result.weights.iter().map(|(index, _)| *index).collect();
        let ns = self.ns(candidates, &indices, form);
        let bytes = self.shape(candidates, &indices, form).file_bytes;
        let mut picks = result.weights;
        picks.sort_by(|a, b| b.1.total_cmp(&a.1));
        Some(Assembly { picks, form, loss: result.loss, ns, bytes })
    }

    /// Predicted p99 of a combination, corrected by what was measured of its parts.
    pub fn ns(&self, candidates: &[Candidate], picks: &[usize], form: Form) -> f64 {
        let predicted = self.cost.predict_p99_ns(&self.shape(candidates, picks, form));
        let alone = |&pick: &usize| (candidates[pick].ns, candidates[pick].ns * self.factors[pick]);
        let add = |a: (f64, f64), b: (f64, f64)| (a.0 + b.0, a.1 + b.1);
        let (sum, measured) = picks.iter().map(alone).fold((0.0, 0.0), add);
        predicted * self.ns_factor * if sum > 0.0 { measured / sum } else { 1.0 }
    }

    fn sample(&self) -> Vec<usize> {
        let mut indices: Vec<usize> = (0..self.pooled.len()).collect();
        if indices.len() > MOST_ROWS {
            Stream::new(&[0xA55E]).shuffle(&mut indices);
            indices.truncate(MOST_ROWS);
            indices.sort_unstable();
        }
        indices
    }

    /// Shape of a combination: encoding is shared, the rest adds up.
    pub fn shape(&self, candidates: &[Candidate], picks: &[usize], form: Form) -> Shape {
        let copies = if form == Form::Bag { self.n_folds as f64 } else { 1.0 };
        let mut total = Shape::default();
        for &pick in picks {
            total.join(&candidates[pick].shape, copies);
        }
        total
    }
}

fn mix(mixed: &mut [f64], weights: &[(usize, f64)], predictions: &[Vec<f64>]) {
    mixed.fill(0.0);
    for &(index, weight) in weights {
        mixed.iter_mut().zip(&predictions[index]).for_each(|(sum, p)| *sum += weight * p);
    }
}

/// Predictions of a combination on the pooled validation rows.
pub(crate) fn mixed_predictions(candidates: &[Candidate], picks: &[(usize, f64)]) -> Vec<f64> {
    let mut mixed = vec![0.0; candidates[picks[0].0].predictions.len()];
    for &(index, weight) in picks {
        let theirs = &candidates[index].predictions;
        mixed.iter_mut().zip(theirs).for_each(|(sum, p)| *sum += weight * p);
    }
    mixed
}

/// Makes a model of weighted parts; features and columns that no part reads are left out.
pub(crate) fn build_model(data: &Dataset, members: Vec<Member>, notes: String) -> Model {
    let used: BTreeSet<u32> = members.iter().flat_map(|m| features_of(&m.part)).collect();
    let columns: BTreeSet<u32> = used.iter().map(|&f| data.features[f as usize].column).collect();
    let new_feature = |old: u32| used.range(..old).count() as u32;
    let new_column = |old: u32| columns.range(..old).count() as u32;
    let mut schema = data.schema.clone();
    schema.columns = columns.iter().map(|&c| data.schema.columns[c as usize].clone()).collect();
    let binned: BTreeSet<u32> = members.iter().flat_map(|m| binned_features(&m.part)).collect();
    let features = used.iter().map(|&f| {
        let mut feature = data.features[f as usize].clone();
        if !binned.contains(&f) && !feature.bins.is_categorical() {
            // Only its number is read.
            feature.bins = Bins::Edges(Vec::new());
        }
        eyas_model::Feature { column: new_column(feature.column), ..feature }
    });
    let features = features.collect();
    let table: Vec<u32> = (0..data.n_features() as u32).map(new_feature).collect();
    let members = members.into_iter().map(|m| renumbered(m, &table)).collect();
    Model { schema, features, members, notes }
}

/// Features whose bins a part reads.
fn binned_features(part: &Part) -> BTreeSet<u32> {
    match part {
        Part::Linear(linear) => {
            let bins = linear.terms.iter().filter(|term| matches!(term, Term::Bins { .. }));
            bins.map(term_feature).collect()
        }
        Part::Net(net) => {
            let bins = net.inputs.iter().filter(|input| input.reads_bin());
            bins.map(Input::feature).collect()
        }
        Part::Constant(_) | Part::Trees(_) => features_of(part),
    }
}

fn features_of(part: &Part) -> BTreeSet<u32> {
    match part {
        Part::Constant(_) => BTreeSet::new(),
        Part::Linear(linear) => linear.terms.iter().map(term_feature).collect(),
        Part::Net(net) => net.inputs.iter().map(Input::feature).collect(),
        Part::Trees(trees) => {
            let nodes = trees.trees.iter().flat_map(|tree| &tree.nodes);
            nodes
                .filter_map(|node| match node {
                    eyas_model::Node::Split { feature, .. } => Some(*feature),
                    eyas_model::Node::Leaf { .. } => None,
                })
                .collect()
        }
    }
}

fn term_feature(term: &Term) -> u32 {
    match term {
        Term::Number { feature, .. } | Term::Bins { feature, .. } => *feature,
    }
}

fn renumbered(mut member: Member, table: &[u32]) -> Member {
    match &mut member.part {
        Part::Constant(_) => {}
        Part::Net(net) => net.inputs.iter_mut().for_each(|input| {
            let feature = input.feature_mut();
            *feature = table[*feature as usize];
        }),
        Part::Linear(linear) => linear.terms.iter_mut().for_each(|term| match term {
            Term::Number { feature, .. } | Term::Bins { feature, .. } => {
                *feature = table[*feature as usize];
            }
        }),
        Part::Trees(trees) => {
            for node in trees.trees.iter_mut().flat_map(|tree| &mut tree.nodes) {
                if let eyas_model::Node::Split { feature, .. } = node {
                    *feature = table[*feature as usize];
                }
            }
        }
    }
    member
}

/// The members of a combination: parts of the fold models, or of one refitted model each.
///
/// `refitted[i]` replaces the fold models of pick `i` where it is there.
pub(crate) fn members(
    candidates: &[Candidate],
    assembly: &Assembly,
    refitted: &[Option<(Link, Part)>],
) -> Vec<Member> {
    let mut members = Vec::new();
    for (place, &(index, weight)) in assembly.picks.iter().enumerate() {
        let candidate = &candidates[index];
        if let Some((link, part)) = refitted.get(place).and_then(|r| r.clone()) {
            members.push(Member { weight, link, part });
            continue;
        }
        // Without a refit, a single form of a folded strategy takes the first fold's model.
        let n = if assembly.form == Form::Bag { candidate.models.len() } else { 1 };
        for model in &candidate.models[..n] {
            let part = model.part(candidate.truncation);
            members.push(Member { weight: weight / n as f64, link: model.link(), part });
        }
    }
    fold_constants(members)
}

/// Constant members of identity link become one.
fn fold_constants(members: Vec<Member>) -> Vec<Member> {
    let is_constant = |m: &Member| m.link == Link::Identity && matches!(m.part, Part::Constant(_));
    let (constants, mut others): (Vec<Member>, Vec<Member>) =
        members.into_iter().partition(is_constant);
    let weight: f64 = constants.iter().map(|m| m.weight).sum();
    let mut sums: Vec<f64> = Vec::new();
    for constant in &constants {
        if let Part::Constant(values) = &constant.part {
            sums.resize(values.len(), 0.0);
            sums.iter_mut().zip(values).for_each(|(s, v)| *s += v * constant.weight / weight);
        }
    }
    if !constants.is_empty() {
        others.push(Member { weight, link: Link::Identity, part: Part::Constant(sums) });
    }
    others
}

/// A cheaper model: its costliest trees lose their last ones, down to `share` of them.
///
/// Boosted trees are a sum, so a prefix is the model of fewer rounds; a forest is a mean, so the
/// factor of a prefix grows accordingly. `None` if there is nothing left to take.
pub(crate) fn thinned(model: &Model, share: f64) -> Option<Model> {
    let mut model = model.clone();
    let mut changed = false;
    for member in &mut model.members {
        let Part::Trees(trees) = &mut member.part else { continue };
        let n_before = trees.trees.len();
        // Whole rounds only: one tree a class must stay together.
        let per_round = if matches!(trees.outputs.first(), Some(eyas_model::TreeOutput::One(_))) {
            trees.base.len()
        } else {
            1
        };
        let rounds = n_before / per_round;
        let kept = ((rounds as f64 * share) as usize).max(1) * per_round;
        if kept < n_before {
            let is_mean = trees.scale * n_before as f64 == 1.0 && n_before > 1;
            trees.trees.truncate(kept);
            trees.outputs.truncate(kept);
            trees.scale = if is_mean { 1.0 / kept as f64 } else { trees.scale };
            changed = true;
        }
    }
    changed.then_some(model)
}
