//! Kernels for certain processors, chosen by the [`crate::engine::Tier`] of a packed part.
//!
//! A kernel finds leaves; sums are shared by all tiers, so that all predict the same bit for bit.

use crate::engine::columns::{ColumnTree, Columns, ROWS, Reach};
use crate::engine::edges::Portable;
use crate::engine::encode::{Encoded, Encoder};
use crate::engine::net::{Active, PackedLayer};
use crate::engine::pack::Section;
use crate::engine::packing::Packing;
use crate::engine::tier::{Kind, Tier};
#[cfg(target_arch = "x86_64")]
use crate::engine::vectors::Run;
#[cfg(test)]
use crate::engine::{
    edges::Count,
    narrow::{AT_ONCE, NarrowSearch},
};
use crate::error::Error;
use crate::schema::Schema;
use crate::tree::{LaneSums, SUM_LANES};
use crate::value::Value;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;

/// Encoded rows, as kernels read them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<'a> {
    /// Slots `(n_rows, stride)`.
    pub slots: &'a [u8],
    /// Bytes from row to row: a multiple of [`REGISTER`] in tiers with vectors.
    pub stride: usize,
    pub n_rows: usize,
}

/// Memory that kernels write to.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    /// Leaves of the trees of every row `(n_rows, stride)`.
    pub leaves: &'a mut [u32],
    pub stride: usize,
    /// Answers of all vectors, for [`ROWS_AT_ONCE`] rows, with [`ANSWERS_SLACK`] more a row.
    pub answers: &'a mut [u64],
}

/// The answers of a few rows, and room for their leaves.
#[cfg(target_arch = "x86_64")]
struct Answered<'a> {
    /// `(n_rows, per_row)`.
    answers: &'a [u64],
    per_row: usize,
    /// `(n_rows, stride)`.
    leaves: &'a mut [u32],
    stride: usize,
    n_rows: usize,
}

#[cfg(target_arch = "x86_64")]
impl Answered<'_> {
    /// From the first of a run on: the answers of a row, and the room for its leaves.
    #[inline(always)]
    fn of(&mut self, run: &Run, row: usize) -> (&[u64], &mut [u32]) {
        let answers = &self.answers[row * self.per_row..][..self.per_row];
        let leaves = &mut self.leaves[row * self.stride..][..self.stride];
        (&answers[run.vector..], &mut leaves[run.place..])
    }
}

/// Rows whose answers are kept before their leaves are found: all vectors are asked first, as a
/// load that follows a smaller store at once would wait for it.
pub(crate) const ROWS_AT_ONCE: usize = 8;

/// Answers after the last one that kernels may read.
pub(crate) const ANSWERS_SLACK: usize = 8;

/// Bytes of the largest register that holds slots.
pub(crate) const REGISTER: usize = 64;

/// Places after the last one that kernels may write to.
pub(crate) const SLACK: usize = 16;

/// Most slots that the vectors of a tier can ask.
pub(crate) fn max_slots(tier: Tier) -> usize {
    match tier.kind() {
        Kind::Scalar => 0,
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => avx2::MAX_SLOTS,
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 => avx512::MAX_SLOTS,
    }
}

/// Finds the leaves of the trees of a section.
pub(crate) fn find(tier: Tier, section: &Section, rows: Rows<'_>, found: &mut Found<'_>) {
    match tier.kind() {
        Kind::Scalar => {}
        // SAFETY: a tier exists only where the processor has its instructions.
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code)]
        Kind::Avx2 => unsafe { avx2::find(section, rows, found) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code)]
        Kind::Avx512 => unsafe { avx512::find(section, rows, found) },
    }
}

/// Encodes one row, see [`Encoder::encode`].
#[inline]
pub(crate) fn encode<'v>(
    tier: Tier,
    encoder: &Encoder,
    schema: &Schema,
    cell: impl Fn(usize) -> Value<'v>,
    row: &mut Encoded<'_>,
) -> Result<(), Error> {
    match tier.kind() {
        Kind::Scalar => encoder.encode::<Portable>(schema, cell, row),
        // SAFETY: a tier exists only where the processor has its instructions.
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code)]
        Kind::Avx2 => unsafe { avx2::encode(encoder, schema, cell, row) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code)]
        Kind::Avx512 => unsafe { avx512::encode(encoder, schema, cell, row) },
    }
}

/// Encodes many rows, see [`Encoder::encode_columns`].
#[inline]
pub(crate) fn encode_columns<'v>(
    tier: Tier,
    encoder: &Encoder,
    schema: &Schema,
    cell: impl Fn(usize, usize) -> Value<'v>,
    n_rows: usize,
    columns: &mut [[u8; ROWS]],
) -> Result<(), (usize, Error)> {
    match tier.kind() {
        Kind::Scalar => encoder.encode_columns::<Portable>(schema, cell, n_rows, columns),
        // SAFETY: a tier exists only where the processor has its instructions.
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code)]
        Kind::Avx2 => unsafe { avx2::encode_columns(encoder, schema, cell, n_rows, columns) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code)]
        Kind::Avx512 => unsafe { avx512::encode_columns(encoder, schema, cell, n_rows, columns) },
    }
}

/// Bins of many numbers, as tiers find them.
#[cfg(test)]
pub(crate) fn bins(
    tier: Tier,
    search: &NarrowSearch,
    values: &[f64; AT_ONCE],
    bins: &mut [u8; AT_ONCE],
) {
    match tier.kind() {
        Kind::Scalar => Portable::bins(search, values, bins),
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => avx2::ByVectors::bins(search, values, bins),
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 => avx512::ByVectors::bins(search, values, bins),
    }
}

/// Outputs of a dense layer from the inputs that are not zero, see [`PackedLayer::forward`].
pub(crate) fn dense(tier: Tier, layer: &PackedLayer, active: &[Active], sums: &mut [f32]) {
    match tier.kind() {
        Kind::Scalar => layer.forward::<32>(active, sums),
        // SAFETY: a tier exists only where the processor has its instructions.
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code)]
        Kind::Avx2 => unsafe { avx2::dense(layer, active, sums) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code)]
        Kind::Avx512 => unsafe { avx512::dense(layer, active, sums) },
    }
}

/// Sums the values that terms reach: `values[bases[n] + leaves[n]]` for each term `n`.
pub(crate) fn sum(tier: Tier, values: &[f32], bases: &[u32], leaves: &[u32]) -> LaneSums {
    match tier.kind() {
        // SAFETY: a tier exists only where the processor has its instructions.
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code)]
        Kind::Avx512 => unsafe { avx512::sum(values, bases, leaves) },
        _ => add_terms(LaneSums::default(), values, bases, leaves),
    }
}

/// Adds terms, the first to the first lane.
fn add_terms(mut lanes: LaneSums, values: &[f32], bases: &[u32], leaves: &[u32]) -> LaneSums {
    let value = |base: u32, leaf: u32| f64::from(values[(base + leaf) as usize]);
    let (base_groups, bases) = bases.as_chunks::<SUM_LANES>();
    let (leaf_groups, leaves) = leaves.as_chunks::<SUM_LANES>();
    for (bases, leaves) in base_groups.iter().zip(leaf_groups) {
        for lane in 0..SUM_LANES {
            lanes.0[lane] += value(bases[lane], leaves[lane]);
        }
    }
    for (lane, (&base, &leaf)) in bases.iter().zip(leaves).enumerate() {
        lanes.0[lane] += value(base, leaf);
    }
    lanes
}

/// Adds rows of values `(n_rows, n_scores)` to scores, in order: row `bases[n] + leaves[n]` for each
/// term `n`.
pub(crate) fn add_rows(
    tier: Tier,
    rows: &[f32],
    bases: &[u32],
    leaves: &[u32],
    scores: &mut [f64],
) {
    match tier.kind() {
        // SAFETY: a tier exists only where the processor has its instructions.
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code)]
        Kind::Avx2 => unsafe { avx2::add_rows(rows, bases, leaves, scores) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code)]
        Kind::Avx512 => unsafe { avx512::add_rows(rows, bases, leaves, scores) },
        Kind::Scalar => {
            let width = scores.len();
            for (&base, &leaf) in bases.iter().zip(leaves) {
                let row = &rows[(base + leaf) as usize * width..][..width];
                scores.iter_mut().zip(row).for_each(|(score, &value)| *score += f64::from(value));
            }
        }
    }
}

/// Whether a tier predicts batches of trees of a packing faster by columns: measured by the example
/// `kernels`.
pub(crate) fn columns_pay(tier: Tier, packing: Packing) -> bool {
    match tier.kind() {
        Kind::Scalar => false,
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => !matches!(packing, Packing::Perfect(_)),
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 => true,
    }
}

/// Adds the values of a tree for many rows to their sums; the tier has columns.
pub(crate) fn add_tree(
    tier: Tier,
    columns: &Columns,
    tree: &ColumnTree,
    slots: &[[u8; ROWS]],
    reach: &mut Reach,
    sums: &mut [f64; ROWS],
) {
    match tier.kind() {
        Kind::Scalar => unreachable!("the tier has no columns"),
        // SAFETY: a tier exists only where the processor has its instructions.
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code)]
        Kind::Avx2 => unsafe { avx2::add_tree(columns, tree, slots, reach, sums) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code)]
        Kind::Avx512 => unsafe { avx512::add_tree(columns, tree, slots, reach, sums) },
    }
}
