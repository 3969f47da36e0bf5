//! Which features a tree, a level and a node may ask.

use std::borrow::Cow;

use super::ground::Ground;
use super::grow::{Grower, Open, TreeInput};
use crate::random::{self, Stream};

impl Grower<'_> {
    /// Draws the features of a tree and makes tiles of them.
    pub(super) fn tree_features(&mut self, key: u64) -> Vec<usize> {
        let Ground { binned, parameters, threads, .. } = *self.ground;
        let all: Vec<usize> = (0..binned.features.len()).collect();
        let features = draw(&all, parameters.feature_fraction, random::key(&[key, FEATURES]));
        // Interleaving costs about as much as a quarter of the updates it saves.
        if features.len() * 4 > all.len() * 3 {
            self.drawn = None;
        } else if self.drawn.as_ref() != Some(&features) {
            let drawn = &features;
            threads.for_each_mut(&mut self.workers, |_, worker| {
                binned.tiles(drawn, &worker.part, &mut worker.tiles);
            });
            self.drawn = Some(features.clone());
        }
        let allowed = |&f: &usize| !(self.without_categories && binned.features[f].categorical);
        features.into_iter().filter(allowed).collect()
    }

    /// The features that a node may ask: those that go with what is asked above it, of these a share
    /// by level, and of these a share by node.
    pub(super) fn node_features<'f>(
        &self,
        input: TreeInput<'_>,
        features: &'f [usize],
        leaf: &Open,
        key: u64,
    ) -> Cow<'f, [usize]> {
        let Ground { parameters, groups, .. } = self.ground;
        let mut found = Cow::from(features);
        let level = random::key(&[input.key, LEVEL, leaf.depth as u64]);
        for (fraction, key) in [
            (parameters.feature_fraction_bylevel, level),
            (parameters.feature_fraction_bynode, key),
        ] {
            if fraction < 1.0 {
                found = draw(&found, fraction, random::key(&[key, FEATURES])).into();
            }
        }
        if !groups.is_empty() {
            let open: Vec<&Vec<bool>> =
                groups.iter().filter(|group| leaf.path.iter().all(|&f| group[f])).collect();
            found.to_mut().retain(|&feature| open.iter().any(|group| group[feature]));
        }
        found
    }
}

/// Part of keys that draw features.
const FEATURES: u64 = 0xFEA7;
/// Part of keys that draw features of a level.
const LEVEL: u64 = 0x1E7E;

/// A share of the items, at least one, in their order.
fn draw(items: &[usize], fraction: f64, key: u64) -> Vec<usize> {
    let n =
        ((items.len() as f64 * fraction).round() as usize).clamp(1.min(items.len()), items.len());
    let mut drawn = items.to_vec();
    if n < items.len() {
        Stream::new(&[key]).shuffle(&mut drawn);
        drawn.truncate(n);
        drawn.sort_unstable();
    }
    drawn
}
