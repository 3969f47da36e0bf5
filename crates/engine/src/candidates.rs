//! The fitted strategies that the final model may be made of.

use crate::trial::Candidate;

/// Most candidates kept for their loss alone.
const KEPT_BY_LOSS: usize = 20;
/// Most candidates kept of each learner besides, for the ensemble's variety.
const KEPT_PER_LEARNER: usize = 3;

/// Most candidates kept in all, about.
pub(crate) const MOST: usize = KEPT_BY_LOSS + 6 * KEPT_PER_LEARNER + 2;

/// A bounded set of candidates, by ascending loss.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    list: Vec<Candidate>,
    /// Predicted p99 of each, in nanoseconds, aligned with `list`.
    ns: Vec<f64>,
}

impl Candidates {
    /// Adds a candidate; says whether it is kept. Those that no rule keeps any longer are dropped.
    pub fn insert(&mut self, candidate: Candidate, ns: f64, limit_ns: f64) -> bool {
        let trial = candidate.trial;
        let key = |loss: f64, ns: f64| (ns > limit_ns, loss);
        let new = key(candidate.loss, ns);
        let place = self
            .list
            .iter()
            .zip(&self.ns)
            .position(|(other, &ns)| {
                new.partial_cmp(&key(other.loss, ns)).is_some_and(|o| o.is_lt())
            })
            .unwrap_or(self.list.len());
        self.list.insert(place, candidate);
        self.ns.insert(place, ns);
        self.trim();
        self.list.iter().any(|candidate| candidate.trial == trial)
    }

    fn trim(&mut self) {
        let fastest = (0..self.ns.len()).min_by(|&a, &b| self.ns[a].total_cmp(&self.ns[b]));
        let mut default_seen = false;
        let kept: Vec<bool> = (0..self.list.len())
            .map(|index| {
                let candidate = &self.list[index];
                let learner = &candidate.config.learner;
                let before = &self.list[..index];
                let rank = before.iter().filter(|c| &c.config.learner == learner).count();
                let is_default = candidate.origin == eyas_search::Origin::Default;
                let best_default = is_default && !default_seen;
                default_seen |= is_default;
                index < KEPT_BY_LOSS
                    || rank < KEPT_PER_LEARNER
                    || Some(index) == fastest
                    || best_default
            })
            .collect();
        let mut keep = kept.iter();
        self.list.retain(|_| *keep.next().expect("one flag a candidate"));
        let mut keep = kept.iter();
        self.ns.retain(|_| *keep.next().expect("one flag a candidate"));
    }

    /// The candidates, by ascending loss, those over the limit last.
    pub fn list(&self) -> &[Candidate] {
        &self.list
    }

    /// The best candidate.
    pub fn best(&self) -> Option<&Candidate> {
        self.list.first()
    }
}
