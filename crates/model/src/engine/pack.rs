//! A sum of trees, packed for a tier.
//!
//! ```text
//! encoded row --vectors, chains, walks--> the leaf of every tree --values--> sums
//! ```
//! Trees of one packing lie side by side, whatever their order in the sum; a term of a sum knows
//! where the leaf of its tree is found.

use std::collections::HashMap;

use crate::cost::{Shape, TreeFacts};
use crate::engine::arch::{self, ANSWERS_SLACK, Found, REGISTER, ROWS_AT_ONCE, Rows, SLACK};
use crate::engine::chains::{Chains, Cut};
use crate::engine::columns::{self, Columns, GROUPS, MAX_NODES, ROWS};
use crate::engine::flat::{FlatTree, Forest};
use crate::engine::packing::Packing;
use crate::engine::sections::{SECTION_SLOTS, Sectioner};
use crate::engine::tier::Tier;
use crate::engine::vectors::{Run, Vectors, leaf_values};
use crate::engine::walked::{LANES, Walked};
use crate::error::Error;
use crate::tree::{LaneSums, SUM_LANES, TreeOutput, Trees};

/// Where the value of one tree is found.
#[derive(Debug, Clone, Copy)]
struct Term {
    /// Place of its leaf.
    place: u32,
    /// Row of values of leaf 0.
    base: u32,
}

/// The terms that add to one output, or to all, in order.
#[derive(Debug, Clone)]
struct Sum {
    output: TreeOutput,
    /// Place of the first term's leaf, if the others follow it; then `places` is empty.
    first: Option<usize>,
    /// Place of the leaf of each term.
    places: Vec<u32>,
    /// Row of values of leaf 0 of each term.
    bases: Vec<u32>,
}

impl Sum {
    fn new(output: TreeOutput, terms: &[Term]) -> Sum {
        let follow = terms.windows(2).all(|pair| pair[0].place + 1 == pair[1].place);
        let first = terms.first().filter(|_| follow).map(|term| term.place as usize);
        let places = if follow { Vec::new() } else { terms.iter().map(|t| t.place).collect() };
        Sum { output, first, places, bases: terms.iter().map(|term| term.base).collect() }
    }

    /// The leaves of the terms, in order.
    fn gather<'a>(&self, leaves: &'a [u32], ordered: &'a mut [u32]) -> &'a [u32] {
        if let Some(first) = self.first {
            return &leaves[first..first + self.bases.len()];
        }
        let ordered = &mut ordered[..self.places.len()];
        ordered
            .iter_mut()
            .zip(&self.places)
            .for_each(|(leaf, &place)| *leaf = leaves[place as usize]);
        ordered
    }
}

/// Trees in vectors and chains that share a row of slots.
#[derive(Debug, Clone, Default)]
pub(crate) struct Section {
    /// Slots of the whole row that make its row; empty if it is the whole row.
    gathered: Vec<u16>,
    pub n_slots: usize,
    pub vectors: Vectors,
    pub runs: Vec<Run>,
    pub chains: Chains,
}

/// A sum of trees, ready to predict.
#[derive(Debug, Clone)]
pub(crate) struct PackedTrees {
    tier: Tier,
    sections: Vec<Section>,
    walked: Walked,
    /// For batches, if the tier has them and all trees fit.
    columns: Option<Columns>,
    /// Leaf values of trees of one output.
    values: Vec<f32>,
    /// Rows of leaf values `(n_rows, n_outputs)` of trees of all outputs.
    rows: Vec<f32>,
    sums: Vec<Sum>,
    /// Number of places, with what kernels may write behind the last.
    n_places: usize,
    base: Vec<f64>,
    scale: f64,
    /// What its trees add to the shape of the model.
    pub shape: Shape,
}

/// Memory that scores are found in; fits itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Room {
    leaves: Vec<u32>,
    answers: Vec<u64>,
    /// Rows of a section.
    slots: Vec<u8>,
    /// Slots of rows side by side.
    columns: Vec<[u8; ROWS]>,
    /// Sums of rows, lane by lane.
    lanes: Vec<[f64; ROWS]>,
}

impl Room {
    fn fit(&mut self, trees: &PackedTrees, n_rows: usize) {
        // One row more, to bring leaves into the order of a sum.
        let n_leaves = (n_rows + 1) * trees.n_places;
        if self.leaves.len() < n_leaves {
            self.leaves.resize(n_leaves, 0);
        }
        let n_vectors = trees.sections.iter().map(|section| section.vectors.vectors.len());
        let n_answers = n_rows.min(ROWS_AT_ONCE) * (n_vectors.max().unwrap_or(0) + ANSWERS_SLACK);
        if self.answers.len() < n_answers {
            self.answers.resize(n_answers, 0);
        }
        let gathered = trees.sections.iter().filter(|section| !section.gathered.is_empty());
        let stride = gathered.map(|section| stride_of(trees.tier, section.n_slots)).max();
        let n_slots = n_rows * stride.unwrap_or(0);
        if self.slots.len() < n_slots {
            self.slots.resize(n_slots, 0);
        }
    }
}

impl Section {
    /// The rows that the section asks, gathered into `slots` where they are not the whole rows.
    fn gather<'a>(&self, rows: Rows<'a>, slots: &'a mut [u8], tier: Tier) -> Rows<'a> {
        if self.gathered.is_empty() {
            return rows;
        }
        let stride = stride_of(tier, self.n_slots);
        for (row, own) in slots.chunks_exact_mut(stride).take(rows.n_rows).enumerate() {
            let whole = &rows.slots[row * rows.stride..][..rows.stride];
            own.iter_mut().zip(&self.gathered).for_each(|(own, &at)| *own = whole[usize::from(at)]);
        }
        Rows { slots, stride, n_rows: rows.n_rows }
    }
}

/// Bytes from row to row of encoded slots, for a tier.
pub(crate) fn stride_of(tier: Tier, n_slots: usize) -> usize {
    // Walked leaves point to slot 0, so there is one.
    if tier == Tier::SCALAR { n_slots.max(1) } else { n_slots.max(1).next_multiple_of(REGISTER) }
}

impl PackedTrees {
    /// Packs flat trees for rows of `n_slots` slots; `trees` gives all but the trees themselves.
    ///
    /// # Errors
    /// More nodes or values than four bytes can count.
    pub fn new(trees: &Trees, forest: Forest, n_slots: usize, tier: Tier) -> Result<Self, Error> {
        // Packed trees repeat values, at most 64 times where they are few.
        if forest.nodes.len().max(forest.values.len()) >= (u32::MAX >> 2) as usize {
            return Err(Error::BadModel("it has more than a billion nodes or values".into()));
        }
        let mut packer = Packer::new(trees, tier);
        packer.add_columns(&forest, n_slots);
        packer.add_all(forest, n_slots);
        Ok(packer.finish())
    }

    /// Scores of encoded rows into `scores` `(n_rows, n_outputs)`; `columns` `(n_slots, ROWS)` if they
    /// are encoded slot by slot too, then `rows` are read only if [`PackedTrees::reads_rows`].
    pub fn score(
        &self,
        rows: Rows<'_>,
        columns: Option<&[[u8; ROWS]]>,
        room: &mut Room,
        scores: &mut [f64],
    ) {
        if let Some(trees) = self.columns.as_ref().filter(|_| rows.n_rows >= FEWEST_ROWS) {
            return self.score_columns(trees, rows, columns, room, scores);
        }
        let n_outputs = self.base.len();
        for first in (0..rows.n_rows).step_by(ROWS_BY_TREES) {
            let n_rows = (rows.n_rows - first).min(ROWS_BY_TREES);
            let rows = Rows { slots: &rows.slots[first * rows.stride..], n_rows, ..rows };
            self.score_rows(rows, room, &mut scores[first * n_outputs..][..n_rows * n_outputs]);
        }
    }

    /// Whether a batch needs rows, not columns.
    pub fn reads_rows(&self) -> bool {
        self.columns.is_none()
    }

    /// Makes room for any number of rows.
    pub fn make_room(&self, room: &mut Room) {
        let Some(columns) = &self.columns else { return room.fit(self, ROWS_BY_TREES) };
        room.fit(self, FEWEST_ROWS - 1);
        room.columns.resize(room.columns.len().max(columns.n_slots), [0; ROWS]);
        room.lanes.resize(SUM_LANES, [0.0; ROWS]);
    }

    /// As [`PackedTrees::score`], for at most [`ROWS_BY_TREES`] rows.
    fn score_rows(&self, rows: Rows<'_>, room: &mut Room, scores: &mut [f64]) {
        let stride = self.n_places;
        room.fit(self, rows.n_rows);
        let Room { leaves, answers, slots, .. } = room;
        let (leaves, ordered) = leaves.split_at_mut(rows.n_rows * stride);
        for section in &self.sections {
            let rows = section.gather(rows, slots, self.tier);
            arch::find(self.tier, section, rows, &mut Found { leaves, stride, answers });
        }
        if !self.walked.trees.is_empty() {
            self.walk(rows, leaves);
        }
        let n_outputs = self.base.len();
        for (scores, leaves) in scores.chunks_exact_mut(n_outputs).zip(leaves.chunks_exact(stride))
        {
            self.sum(leaves, ordered, scores);
        }
    }

    /// As [`PackedTrees::score`], many rows together.
    fn score_columns(
        &self,
        trees: &Columns,
        rows: Rows<'_>,
        columns: Option<&[[u8; ROWS]]>,
        room: &mut Room,
        scores: &mut [f64],
    ) {
        let n_outputs = self.base.len();
        let Room { columns: own, lanes, .. } = room;
        lanes.resize(SUM_LANES, [0.0; ROWS]);
        assert!(rows.n_rows <= ROWS, "a batch is cut into as many rows as columns hold");
        let slots = columns.unwrap_or_else(|| {
            let own = fitted(own, trees.n_slots);
            columns::transpose(rows.slots, rows.stride, rows.n_rows, own.as_flattened_mut());
            own
        });
        let mut reach = [[0; GROUPS]; MAX_NODES];
        scores.fill(0.0);
        let mut left = trees.trees.iter();
        for sum in &self.sums {
            let TreeOutput::One(output) = sum.output else { continue };
            lanes.fill([0.0; ROWS]);
            for (term, tree) in left.by_ref().take(sum.bases.len()).enumerate() {
                let lane = &mut lanes[term % SUM_LANES];
                arch::add_tree(self.tier, trees, tree, slots, &mut reach, lane);
            }
            for (row, scores) in scores.chunks_exact_mut(n_outputs).enumerate() {
                let lanes = LaneSums(std::array::from_fn(|lane| lanes[lane][row]));
                scores[output as usize] += lanes.total();
            }
        }
        scores.chunks_exact_mut(n_outputs).for_each(|scores| self.finish(scores));
    }

    /// Turns sums into scores `(n_outputs,)`, as the oracle adds them to scores of zero.
    fn finish(&self, sums: &mut [f64]) {
        for (sum, base) in sums.iter_mut().zip(&self.base) {
            *sum = 0.0 + (base + self.scale * *sum);
        }
    }

    fn walk(&self, rows: Rows<'_>, leaves: &mut [u32]) {
        let (stride, first) = (self.n_places, self.walked.place);
        if rows.n_rows < LANES {
            for row in 0..rows.n_rows {
                let slots = &rows.slots[row * rows.stride..][..rows.stride];
                self.walked.find(slots, &mut leaves[row * stride + first..]);
            }
            return;
        }
        // A tree is read once for all rows; rows of the last group that are not there are walked
        // as they were left, in vain.
        let mut ends = [0; ROWS_BY_TREES];
        let ends = &mut ends[..rows.n_rows.next_multiple_of(LANES)];
        for (index, tree) in self.walked.trees.iter().enumerate() {
            self.walked.find_rows(*tree, rows.slots, rows.stride, ends);
            for (row, &end) in ends[..rows.n_rows].iter().enumerate() {
                leaves[row * stride + first + index] = end;
            }
        }
    }

    /// Sets `scores` `(n_outputs,)` to the sums over the leaves of one row, in the order that
    /// [`Trees`] defines; `ordered` `(n_places,)` is written to.
    fn sum(&self, leaves: &[u32], ordered: &mut [u32], scores: &mut [f64]) {
        scores.fill(0.0);
        for sum in &self.sums {
            match sum.output {
                TreeOutput::One(output) => {
                    let leaves = sum.gather(leaves, ordered);
                    let lanes = arch::sum(self.tier, &self.values, &sum.bases, leaves);
                    scores[output as usize] += lanes.total();
                }
                TreeOutput::All => {
                    let leaves = sum.gather(leaves, ordered);
                    arch::add_rows(self.tier, &self.rows, &sum.bases, leaves, scores);
                }
            }
        }
        self.finish(scores);
    }
}

/// The first `length` columns; there are so many from then on.
fn fitted(columns: &mut Vec<[u8; ROWS]>, length: usize) -> &mut [[u8; ROWS]] {
    if columns.len() < length {
        columns.resize(length, [0; ROWS]);
    }
    &mut columns[..length]
}

/// Rows from which a batch is predicted by columns.
pub(crate) const FEWEST_ROWS: usize = 16;

/// Most rows that share a pass over the trees: with 64 instead, a forest of 100 full-depth trees
/// took a fifth more time a row.
const ROWS_BY_TREES: usize = 256;

/// Most rows of a batch that are encoded together.
pub(crate) const MAX_ROWS: usize = ROWS;

/// Rows of one number are single numbers.
pub(crate) fn narrow(output: TreeOutput, n_outputs: usize) -> TreeOutput {
    if n_outputs == 1 { TreeOutput::One(0) } else { output }
}

fn packing_of(tree: &FlatTree) -> Packing {
    Packing::of(tree.depth, tree.n_leaves, tree.is_oblivious)
}

/// Trees of every section, in order, and the slots that its row gathers; slots of trees become
/// those of their section. Trees that ask more than `max_slots` are added to `walked`.
fn sections(
    flat: &mut Forest,
    n_slots: usize,
    max_slots: usize,
    walked: &mut Vec<usize>,
) -> Vec<(Vec<usize>, Vec<u16>)> {
    if n_slots <= max_slots {
        return vec![((0..flat.n_trees()).collect(), Vec::new())];
    }
    let mut sections: Vec<(Vec<usize>, Vec<u16>)> = Vec::new();
    let mut sectioner = Sectioner::new();
    let mut places = HashMap::new();
    for index in 0..flat.n_trees() {
        let asked = flat.tree(index).slots();
        if asked.len() > max_slots || SECTION_SLOTS > max_slots {
            walked.push(index);
            continue;
        }
        if sectioner.add(&asked) + 1 > sections.len() {
            sections.push((Vec::new(), Vec::new()));
            places.clear();
        }
        let (indices, gathered) = sections.last_mut().expect("one was just made");
        indices.push(index);
        flat.renumber(index, |slot| {
            *places.entry(slot).or_insert_with(|| {
                gathered.push(slot);
                gathered.len() as u16 - 1
            })
        });
    }
    // A tree without tests asks nothing, and nothing gathered would mean the whole row.
    sections.iter_mut().filter(|(_, gathered)| gathered.is_empty()).for_each(|s| s.1.push(0));
    sections
}

/// A part under construction.
struct Packer<'a> {
    trees: &'a Trees,
    outputs: Vec<TreeOutput>,
    /// Terms in the order of the trees.
    terms: Vec<Term>,
    packed: PackedTrees,
}

impl<'a> Packer<'a> {
    fn new(trees: &'a Trees, tier: Tier) -> Self {
        let n_outputs = trees.base.len();
        let packed = PackedTrees {
            tier,
            sections: Vec::new(),
            walked: Walked::default(),
            columns: None,
            values: Vec::new(),
            rows: Vec::new(),
            sums: Vec::new(),
            n_places: 0,
            base: trees.base.clone(),
            scale: trees.scale,
            shape: Shape::default(),
        };
        Packer {
            trees,
            outputs: trees.outputs.iter().map(|&output| narrow(output, n_outputs)).collect(),
            terms: vec![Term { place: 0, base: 0 }; trees.outputs.len()],
            packed,
        }
    }

    /// Lays out all trees for batches, in the order of their sums, if all can be.
    fn add_columns(&mut self, flat: &Forest, n_slots: usize) {
        let is_one = |output: &TreeOutput| matches!(output, TreeOutput::One(_));
        let fits = n_slots <= columns::MAX_SLOTS
            && self.outputs.iter().all(is_one)
            && flat.trees().all(|tree| Columns::serve(&tree));
        let pays = |tree: &FlatTree| arch::columns_pay(self.packed.tier, packing_of(tree));
        // Most trees decide.
        if !fits || 4 * flat.trees().filter(pays).count() < 3 * flat.n_trees().max(1) {
            return;
        }
        let mut columns = Columns { n_slots, ..Columns::default() };
        let mut values = Vec::new();
        for index in self.order() {
            columns.add(&flat.tree(index), &mut values);
        }
        self.packed.columns = Some(columns);
    }

    /// Trees in the order of the sums: by output, those of an output as they come.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.terms.len()).collect();
        order.sort_by_key(|&index| self.output_key(index));
        order
    }

    fn output_key(&self, index: usize) -> Option<u32> {
        match self.outputs[index] {
            TreeOutput::All => None,
            TreeOutput::One(output) => Some(output),
        }
    }

    /// Lays out all trees, section by section, those of one packing together.
    fn add_all(&mut self, mut flat: Forest, n_slots: usize) {
        let cuts = self.count(&flat, n_slots);
        let max_slots = arch::max_slots(self.packed.tier);
        let mut place = 0;
        let mut walked = Vec::new();
        for (indices, gathered) in sections(&mut flat, n_slots, max_slots, &mut walked) {
            let n_slots = if gathered.is_empty() { n_slots } else { gathered.len() };
            let section = Section { gathered, n_slots, ..Section::default() };
            self.packed.sections.push(section);
            self.add_section(&indices, &flat, &cuts, place);
            place += indices.len();
        }
        // Trees that are walked side by side should be about equally deep.
        walked.sort_by_key(|&index| flat.tree(index).depth);
        self.add_walked(&walked, &flat, place);
        self.packed.n_places = place + walked.len() + SLACK;
    }

    /// Counts the shape; returns where deep trees are cut.
    fn count(&mut self, flat: &Forest, n_slots: usize) -> Vec<Option<Cut>> {
        let mut sectioner = Sectioner::new();
        let cuts = flat.trees().enumerate().map(|(index, tree)| {
            let packing = packing_of(&tree);
            let cut = (packing == Packing::Chain).then(|| Cut::new(&tree));
            let facts = TreeFacts::new(&tree, self.width(index), cut.as_ref());
            self.packed.shape.add_tree(packing, &facts);
            if n_slots > SECTION_SLOTS {
                sectioner.add(&tree.slots());
            }
            cut
        });
        let cuts = cuts.collect();
        self.packed.shape.n_gathered = sectioner.n_gathered() as f64;
        cuts
    }

    /// Lays out the trees of the last section, those of one packing together.
    fn add_section(
        &mut self,
        indices: &[usize],
        flat: &Forest,
        cuts: &[Option<Cut>],
        mut place: usize,
    ) {
        let mut order: Vec<(Packing, u32, usize)> = indices
            .iter()
            .map(|&index| {
                let packing = packing_of(&flat.tree(index));
                // Chains that are followed side by side should be about equally long.
                (packing, cuts[index].as_ref().map_or(0, |cut| cut.n_hops), index)
            })
            .collect();
        order.sort_unstable();
        for group in order.chunk_by(|a, b| a.0 == b.0) {
            let indices: Vec<usize> = group.iter().map(|&(_, _, index)| index).collect();
            match group[0].0 {
                Packing::Chain => self.add_chains(&indices, flat, cuts, place),
                packing => self.add_vectors(packing, &indices, flat, place),
            }
            place += indices.len();
        }
    }

    fn section(&mut self) -> &mut Section {
        self.packed.sections.last_mut().expect("there is a section under construction")
    }

    fn add_vectors(&mut self, packing: Packing, indices: &[usize], flat: &Forest, place: usize) {
        let trees: Vec<FlatTree> = indices.iter().map(|&index| flat.tree(index)).collect();
        let run = self.section().vectors.add(packing, &trees, place);
        self.section().runs.push(run);
        let mut values = Vec::new();
        for ((offset, &index), tree) in indices.iter().enumerate().zip(&trees) {
            leaf_values(packing, tree, &mut values);
            let base = self.add_values(index, tree, &values);
            self.terms[index] = Term { place: (place + offset) as u32, base };
        }
    }

    fn add_chains(&mut self, indices: &[usize], flat: &Forest, cuts: &[Option<Cut>], place: usize) {
        let mut roots = Vec::with_capacity(indices.len());
        for (offset, &index) in indices.iter().enumerate() {
            let cut = cuts[index].as_ref().expect("every chain was cut");
            let mut values = Vec::new();
            let tree = flat.tree(index);
            let root = self.section().chains.add(&tree, cut, &mut values);
            roots.push((root, cut.n_hops));
            let base = self.add_values(index, &tree, &values);
            self.terms[index] = Term { place: (place + offset) as u32, base };
        }
        self.section().chains.place = place;
        self.section().chains.group(&roots);
    }

    fn add_walked(&mut self, indices: &[usize], flat: &Forest, place: usize) {
        for (offset, &index) in indices.iter().enumerate() {
            let tree = flat.tree(index);
            self.packed.walked.add(&tree);
            let n_rows = tree.values.len() / self.width(index);
            let values: Vec<u32> = (0..n_rows as u32).collect();
            let base = self.add_values(index, &tree, &values);
            self.terms[index] = Term { place: (place + offset) as u32, base };
        }
        self.packed.walked.place = place;
        self.packed.walked.group();
    }

    /// Numbers in a leaf of a tree.
    fn width(&self, index: usize) -> usize {
        match self.outputs[index] {
            TreeOutput::One(_) => 1,
            TreeOutput::All => self.trees.base.len(),
        }
    }

    /// Appends rows of a tree's values in the order of its leaves; returns where they begin.
    fn add_values(&mut self, index: usize, tree: &FlatTree, order: &[u32]) -> u32 {
        let (width, values) = (self.width(index), tree.values);
        let kept = match self.outputs[index] {
            TreeOutput::One(_) => &mut self.packed.values,
            TreeOutput::All => &mut self.packed.rows,
        };
        let base = (kept.len() / width) as u32;
        if width == 1 {
            kept.extend(order.iter().map(|&row| values[row as usize]));
            return base;
        }
        for &row in order {
            kept.extend_from_slice(&values[row as usize * width..][..width]);
        }
        base
    }

    fn finish(mut self) -> PackedTrees {
        let order = self.order();
        let groups = order.chunk_by(|&a, &b| self.output_key(a) == self.output_key(b));
        let sums = groups.map(|group| {
            let terms: Vec<Term> = group.iter().map(|&index| self.terms[index]).collect();
            Sum::new(self.outputs[group[0]], &terms)
        });
        self.packed.sums = sums.collect();
        self.packed
    }
}
