//! What all trees of a fit are grown from, shared out to threads.

use super::binned::{Binned, Feature, Part};
use super::constraints::Constraints;
use super::meter::Meter;
use super::parameters::Parameters;
use super::split::Search;
use crate::kernels::histogram::{Scratch, Tile};
use crate::threads::Threads;

/// What all trees of a fit are grown from.
pub(super) struct Ground<'a> {
    pub binned: &'a Binned<'a>,
    pub parameters: &'a Parameters,
    pub threads: &'a Threads,
    pub meter: &'a Meter<'a>,
    /// Direction of each feature; empty if all are free.
    pub monotone: Vec<i8>,
    /// For each group of features that may be asked on one path: whether a feature is in it.
    pub groups: Vec<Vec<bool>>,
    pub parts: Vec<Part>,
    /// Tiles of all features by part.
    pub tiles: Vec<Vec<Tile>>,
}

impl<'a> Ground<'a> {
    pub fn new(
        binned: &'a Binned<'a>,
        parameters: &'a Parameters,
        constraints: &Constraints,
        threads: &'a Threads,
        meter: &'a Meter<'a>,
    ) -> Ground<'a> {
        let parts = binned.parts(threads.count());
        let mut tiles = vec![Vec::new(); parts.len()];
        let all: Vec<usize> = (0..binned.features.len()).collect();
        threads.for_each_mut(&mut tiles, |part, tiles| binned.tiles(&all, &parts[part], tiles));
        let features = binned.features.iter();
        let direction = |f: &Feature| constraints.monotone.get(f.index as usize).copied();
        let monotone = features.clone().filter_map(direction).collect();
        let group = |group: &Vec<u32>| features.clone().map(|f| group.contains(&f.index)).collect();
        let groups = constraints.groups.iter().map(group).collect();
        Ground { binned, parameters, threads, meter, monotone, groups, parts, tiles }
    }
}

/// What sums and searches one part of the features.
pub(super) struct Worker<'a> {
    pub part: Part,
    pub scratch: Scratch,
    pub search: Search<'a>,
    /// Tiles of the features drawn for this tree, if they are few.
    pub tiles: Vec<Tile>,
}

impl<'a> Worker<'a> {
    pub fn new(ground: &'a Ground<'a>, part: &Part) -> Worker<'a> {
        Worker {
            part: part.clone(),
            scratch: Scratch::default(),
            search: Search::new(ground.binned, ground.parameters, &ground.monotone),
            tiles: Vec::new(),
        }
    }
}
