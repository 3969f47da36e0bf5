//! Kernels for AVX2: byte shuffles of 16 slots each answer 32 tests.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use crate::engine::arch::{ANSWERS_SLACK, Answered, Found, ROWS_AT_ONCE, Rows};
use crate::engine::chains::{Block, CHAIN_LANES, ChainGroup, IS_LEAF};
use crate::engine::columns::{ColumnTree, Columns, GROUPS, MAX_NODES, ROWS, Reach};
use crate::engine::edges::{self, Count};
use crate::engine::encode::{Encoded, Encoder};
use crate::engine::narrow::Keys;
use crate::engine::net::{Active, PackedLayer};
use crate::engine::pack::Section;
use crate::engine::packing::Packing;
use crate::engine::vectors::{Paths, Run, Vector, Vectors};
use crate::error::Error;
use crate::schema::Schema;
use crate::value::Value;

/// Slots of four shuffles; with more, walking is about as fast.
pub(crate) const MAX_SLOTS: usize = 64;

/// A row: quarters of 16 slots, each twice in a register.
type Row = [__m256i; 4];

/// Finds the leaves of the trees of a section.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
pub(crate) fn find(section: &Section, rows: Rows<'_>, found: &mut Found<'_>) {
    match section.n_slots {
        0..=16 => find_in::<1>(section, rows, found),
        17..=32 => find_in::<2>(section, rows, found),
        _ => find_in::<4>(section, rows, found),
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn find_in<const Q: usize>(section: &Section, rows: Rows<'_>, found: &mut Found<'_>) {
    let per_row = section.vectors.vectors.len() + ANSWERS_SLACK;
    for first in (0..rows.n_rows).step_by(ROWS_AT_ONCE) {
        let n_rows = (rows.n_rows - first).min(ROWS_AT_ONCE);
        for row in 0..n_rows {
            let slots = load_row(rows, first + row);
            let answers = &mut found.answers[row * per_row..];
            for (answer, vector) in answers.iter_mut().zip(&section.vectors.vectors) {
                *answer = ask::<Q>(&slots, vector);
            }
        }
        let mut answered = Answered {
            answers: found.answers,
            per_row,
            leaves: &mut found.leaves[first * found.stride..],
            stride: found.stride,
            n_rows,
        };
        for run in &section.runs {
            for row in 0..n_rows {
                let (answers, leaves) = answered.of(run, row);
                find_leaves(&section.vectors, run, answers, leaves);
            }
        }
    }
    for (index, group) in section.chains.groups.iter().enumerate() {
        let place = section.chains.place + CHAIN_LANES * index;
        for row in 0..rows.n_rows {
            let slots = load_row(rows, row);
            let leaves = &mut found.leaves[row * found.stride + place..];
            chain::<Q>(&section.chains.blocks, group, &slots, leaves);
        }
    }
}

/// Finds the leaves of a run from the answers of one row.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn find_leaves(vectors: &Vectors, run: &Run, answers: &[u64], leaves: &mut [u32]) {
    match run.packing {
        Packing::Oblivious(depth) => oblivious(run, depth, answers, leaves),
        Packing::Perfect(3) => perfect::<3>(run, answers, leaves),
        Packing::Perfect(4) => perfect::<4>(run, answers, leaves),
        Packing::Perfect(5) => perfect::<5>(run, answers, leaves),
        Packing::Perfect(_) => perfect_6(run, answers, leaves),
        Packing::Paths16 => paths16(run, &vectors.paths, answers, leaves),
        Packing::Paths32 => paths32(run, &vectors.paths, answers, leaves),
        Packing::Chain => {}
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: there are 32 bytes.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_16(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: there are 16 bytes.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_words(words: &[u16; 16]) -> __m256i {
    // SAFETY: there are 32 bytes.
    unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_row(rows: Rows<'_>, row: usize) -> Row {
    let (quarters, _) = rows.slots[row * rows.stride..][..MAX_SLOTS].as_chunks::<16>();
    [
        _mm256_broadcastsi128_si256(load_16(&quarters[0])),
        _mm256_broadcastsi128_si256(load_16(&quarters[1])),
        _mm256_broadcastsi128_si256(load_16(&quarters[2])),
        _mm256_broadcastsi128_si256(load_16(&quarters[3])),
    ]
}

/// The bytes of the row at `slots`, of `16 Q`.
#[inline]
#[target_feature(enable = "avx2")]
fn look_up<const Q: usize>(row: &Row, slots: __m256i) -> __m256i {
    let first = _mm256_shuffle_epi8(row[0], slots);
    if Q == 1 {
        return first;
    }
    // Bit 4 of a slot, then bit 5, where a blend looks for it.
    let odd = _mm256_slli_epi16::<3>(slots);
    let low = _mm256_blendv_epi8(first, _mm256_shuffle_epi8(row[1], slots), odd);
    if Q == 2 {
        return low;
    }
    let third = _mm256_shuffle_epi8(row[2], slots);
    let high = _mm256_blendv_epi8(third, _mm256_shuffle_epi8(row[3], slots), odd);
    _mm256_blendv_epi8(low, high, _mm256_slli_epi16::<2>(slots))
}

/// Bits of `values > thresholds`.
#[inline]
#[target_feature(enable = "avx2")]
fn above(values: __m256i, thresholds: __m256i) -> u32 {
    let at_most = _mm256_cmpeq_epi8(_mm256_max_epu8(values, thresholds), thresholds);
    !_mm256_movemask_epi8(at_most) as u32
}

/// Answers of the 64 tests of a vector.
#[inline]
#[target_feature(enable = "avx2")]
fn ask<const Q: usize>(row: &Row, vector: &Vector) -> u64 {
    let (slots, thresholds) = (vector.slots.as_chunks().0, vector.thresholds.as_chunks().0);
    let low = above(look_up::<Q>(row, load(&slots[0])), load(&thresholds[0]));
    let high = above(look_up::<Q>(row, load(&slots[1])), load(&thresholds[1]));
    u64::from(low) | u64::from(high) << 32
}

/// The first bytes of the answers.
#[inline]
fn bytes_of<const N: usize>(answers: &[u64]) -> &[u8; N] {
    let answers = &answers[..N.div_ceil(8)];
    // SAFETY: there are at least N bytes, and any byte is a byte.
    unsafe { &*answers.as_ptr().cast() }
}

/// Trees of up to five levels in heap order, eight at once: one shift a level.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn perfect<const D: usize>(run: &Run, answers: &[u64], leaves: &mut [u32]) {
    // Vectors that eight trees take.
    let step = (8 << D) / 64;
    let one = _mm256_set1_epi32(1);
    for (group, first) in (0..run.n_trees).step_by(8).enumerate() {
        let answers = &answers[group * step..];
        let trees = match D {
            3 => _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(answers[0] as i64)),
            4 => _mm256_cvtepu16_epi32(load_16(bytes_of(answers))),
            _ => load(bytes_of(answers)),
        };
        let mut at = one;
        for _ in 0..D {
            let answer = _mm256_and_si256(_mm256_srlv_epi32(trees, at), one);
            at = _mm256_add_epi32(_mm256_add_epi32(at, at), answer);
        }
        let found = _mm256_sub_epi32(at, _mm256_set1_epi32(1 << D));
        let room = &mut leaves[first..first + 8];
        // SAFETY: there is room for eight leaves.
        unsafe { _mm256_storeu_si256(room.as_mut_ptr().cast(), found) }
    }
}

/// Trees of six levels in heap order, four at once.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn perfect_6(run: &Run, answers: &[u64], leaves: &mut [u32]) {
    let one = _mm256_set1_epi64x(1);
    for first in (0..run.n_trees).step_by(4) {
        let trees = load(bytes_of(&answers[first..]));
        let mut at = one;
        for _ in 0..6 {
            let answer = _mm256_and_si256(_mm256_srlv_epi64(trees, at), one);
            at = _mm256_add_epi64(_mm256_add_epi64(at, at), answer);
        }
        let found = _mm256_sub_epi64(at, _mm256_set1_epi64x(64));
        // The low halves of four numbers, side by side.
        let found = _mm256_permutevar8x32_epi32(found, _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6));
        let room = &mut leaves[first..first + 4];
        // SAFETY: there is room for four leaves.
        unsafe { _mm_storeu_si128(room.as_mut_ptr().cast(), _mm256_castsi256_si128(found)) }
    }
}

/// Which of 16 paths of two bytes are reached, two bits each.
#[inline]
#[target_feature(enable = "avx2")]
fn equal_words(given: __m256i, want: __m256i, care: __m256i) -> u32 {
    let cared = _mm256_and_si256(_mm256_xor_si256(given, want), care);
    _mm256_movemask_epi8(_mm256_cmpeq_epi16(cared, _mm256_setzero_si256())) as u32
}

/// Trees of up to 16 leaves; a pair shares its registers of paths, word by word.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn paths16(run: &Run, paths: &[Paths], answers: &[u64], leaves: &mut [u32]) {
    let paths = &paths[run.path..run.path + run.n_trees.div_ceil(2)];
    let pairs = leaves.as_chunks_mut::<2>().0;
    for ((paths, leaves), &answers) in paths.iter().zip(pairs).zip(halves(answers)) {
        let answers = _mm256_set1_epi32(answers as i32);
        let (paths, _) = paths.0.as_chunks();
        let low = open_words(answers, load(&paths[0]));
        let high = open_words(answers, load(&paths[1]));
        // Two bits a word.
        let open = u64::from(low) | u64::from(high) << 32;
        leaves[0] = (open & 0x3333_3333_3333_3333).trailing_zeros() / 4;
        leaves[1] = (open & 0xCCCC_CCCC_CCCC_CCCC).trailing_zeros() / 4;
    }
}

/// Answers as numbers of 32 bits.
#[inline]
fn halves(answers: &[u64]) -> &[u32] {
    // SAFETY: a number of 64 bits is two of 32.
    unsafe { std::slice::from_raw_parts(answers.as_ptr().cast(), 2 * answers.len()) }
}

/// Paths of two bytes that turn left at no test that is passed, two bits each.
#[inline]
#[target_feature(enable = "avx2")]
fn open_words(answers: __m256i, paths: __m256i) -> u32 {
    let passed = _mm256_and_si256(answers, paths);
    _mm256_movemask_epi8(_mm256_cmpeq_epi16(passed, _mm256_setzero_si256())) as u32
}

/// Trees of up to 32 leaves, four registers of paths each.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn paths32(run: &Run, paths: &[Paths], answers: &[u64], leaves: &mut [u32]) {
    let paths = paths[run.path..run.path + 2 * run.n_trees].as_chunks::<2>().0;
    for ((paths, leaf), &answers) in paths.iter().zip(leaves).zip(halves(answers)) {
        let answers = _mm256_set1_epi32(answers as i32);
        let quarter = |paths: &[u8; 32]| {
            let passed = _mm256_and_si256(answers, load(paths));
            _mm256_cmpeq_epi32(passed, _mm256_setzero_si256())
        };
        let (low, high) = (paths[0].0.as_chunks().0, paths[1].0.as_chunks().0);
        // Packing puts the halves of registers in turns, which the last step sets right.
        let low = _mm256_packs_epi32(quarter(&low[0]), quarter(&low[1]));
        let high = _mm256_packs_epi32(quarter(&high[0]), quarter(&high[1]));
        let open = _mm256_packs_epi16(low, high);
        let order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
        let open = _mm256_movemask_epi8(_mm256_permutevar8x32_epi32(open, order));
        *leaf = (open as u32).trailing_zeros();
    }
}

/// Oblivious trees: the answers of a tree, side by side, are the number of its leaf.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn oblivious(run: &Run, depth: u8, answers: &[u64], leaves: &mut [u32]) {
    let depth = usize::from(depth);
    let per_vector = 64 / depth;
    let all_levels = (1u64 << depth) - 1;
    for (index, &answers) in answers[..run.n_vectors].iter().enumerate() {
        let n_trees = (run.n_trees - per_vector * index).min(per_vector);
        let leaves = &mut leaves[per_vector * index..][..n_trees];
        for (tree, leaf) in leaves.iter_mut().enumerate() {
            *leaf = (answers >> (tree * depth) & all_levels) as u32;
        }
    }
}

/// Chains side by side, so that each waits for its next block while the others go on.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn chain<const Q: usize>(blocks: &[Block], group: &ChainGroup, row: &Row, leaves: &mut [u32]) {
    let mut at = group.roots;
    for _ in 0..group.n_hops {
        let mut all_arrived = IS_LEAF;
        for state in &mut at {
            let arrived = *state & IS_LEAF != 0;
            // Who has arrived looks at the first block again, in vain.
            let block = &blocks[if arrived { 0 } else { *state as usize }];
            let next = exit::<Q>(block, row);
            *state = if arrived { *state } else { next };
            all_arrived &= *state;
        }
        if all_arrived & IS_LEAF != 0 {
            break;
        }
    }
    let leaves = &mut leaves[..CHAIN_LANES];
    leaves.iter_mut().zip(at).for_each(|(leaf, state)| *leaf = state & !IS_LEAF);
}

/// Where a block leads.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn exit<const Q: usize>(block: &Block, row: &Row) -> u32 {
    let slots = _mm256_castsi128_si256(load_16(&block.slots));
    let values = look_up::<Q>(row, slots);
    let thresholds = _mm256_castsi128_si256(load_16(&block.thresholds));
    let given = above(values, thresholds) as u16;
    let given = _mm256_set1_epi16(given as i16);
    let reached = equal_words(given, load_words(&block.want), load_words(&block.care));
    let exit = reached.trailing_zeros() / 2;
    block.leave(exit)
}

/// Outputs of a dense layer, see [`PackedLayer::forward`].
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
pub(crate) fn dense(layer: &PackedLayer, active: &[Active], sums: &mut [f32]) {
    layer.forward::<64>(active, sums);
}

/// Encodes one row, see [`Encoder::encode`].
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
pub(crate) fn encode<'v>(
    encoder: &Encoder,
    schema: &Schema,
    cell: impl Fn(usize) -> Value<'v>,
    row: &mut Encoded<'_>,
) -> Result<(), Error> {
    encoder.encode::<ByVectors>(schema, cell, row)
}

/// Encodes many rows, see [`Encoder::encode_columns`].
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
pub(crate) fn encode_columns<'v>(
    encoder: &Encoder,
    schema: &Schema,
    cell: impl Fn(usize, usize) -> Value<'v>,
    n_rows: usize,
    columns: &mut [[u8; ROWS]],
) -> Result<(), (usize, Error)> {
    encoder.encode_columns::<ByVectors>(schema, cell, n_rows, columns)
}

/// Counting by vectors; used by [`encode`] and [`encode_columns`] alone.
pub(crate) struct ByVectors;

impl Count for ByVectors {
    #[inline(always)]
    fn n_below(edges: &edges::Block, value: f64) -> usize {
        // SAFETY: only `encode` and `encode_columns` use this, and they are only called where the
        // instructions are.
        unsafe { n_below(edges, value) }
    }

    #[inline(always)]
    fn n_keys_below(keys: &Keys, key: f32) -> usize {
        // SAFETY: as above.
        unsafe { n_keys_below(keys, key) }
    }
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn n_below(edges: &edges::Block, value: f64) -> usize {
    let value = _mm256_set1_pd(value);
    let mut below = 0;
    for (quarter, edges) in edges.as_chunks::<4>().0.iter().enumerate() {
        // SAFETY: there are four numbers.
        let edges = unsafe { _mm256_loadu_pd(edges.as_ptr()) };
        let above = _mm256_cmp_pd::<_CMP_GT_OQ>(value, edges);
        below |= (_mm256_movemask_pd(above) as u32) << (4 * quarter);
    }
    below.count_ones() as usize
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn n_keys_below(keys: &Keys, key: f32) -> usize {
    let key = _mm256_set1_ps(key);
    // SAFETY: there are 16 numbers.
    let (low, high) =
        unsafe { (_mm256_loadu_ps(keys.as_ptr()), _mm256_loadu_ps(keys.as_ptr().add(8))) };
    let low = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(key, low)) as u32;
    let high = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(key, high)) as u32;
    (low | high << 8).count_ones() as usize
}

/// Adds rows of values to scores, four scores at a time.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
pub(crate) fn add_rows(rows: &[f32], bases: &[u32], leaves: &[u32], scores: &mut [f64]) {
    let width = scores.len();
    for (part, scores) in scores.chunks_mut(4).enumerate() {
        let used = std::array::from_fn(|place| if place < scores.len() { -1 } else { 0 });
        let [a, b, c, d]: [i32; 4] = used;
        let used = _mm_setr_epi32(a, b, c, d);
        let wide = _mm256_cvtepi32_epi64(used);
        // SAFETY: no more numbers are read than there are.
        let mut sums = unsafe { _mm256_maskload_pd(scores.as_ptr(), wide) };
        for (&base, &leaf) in bases.iter().zip(leaves) {
            let row = &rows[(base + leaf) as usize * width + 4 * part..][..scores.len()];
            // SAFETY: as above.
            let row = unsafe { _mm_maskload_ps(row.as_ptr(), used) };
            sums = _mm256_add_pd(sums, _mm256_cvtps_pd(row));
        }
        // SAFETY: no more numbers are written than there is room for.
        unsafe { _mm256_maskstore_pd(scores.as_mut_ptr(), wide, sums) };
    }
}

/// Adds the values of a tree for many rows to their sums.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
pub(crate) fn add_tree(
    columns: &Columns,
    tree: &ColumnTree,
    slots: &[[u8; ROWS]],
    reach: &mut Reach,
    sums: &mut [f64; ROWS],
) {
    let mut leaves = [0u8; 32];
    let values = &columns.values[tree.value..tree.value + tree.n_values];
    let is_oblivious = tree.leaves.is_empty() && !tree.tests.is_empty();
    for (group, sums) in sums.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        let found = if is_oblivious {
            levels(columns, tree, slots, group)
        } else {
            reached(columns, tree, slots, reach, group)
        };
        // SAFETY: there is room for 32 leaves.
        unsafe { _mm256_storeu_si256(leaves.as_mut_ptr().cast(), found) };
        for (sums, leaves) in sums.as_chunks_mut::<8>().0.iter_mut().zip(leaves.as_chunks().0) {
            add_8(values, leaves, sums);
        }
    }
}

/// Adds the values of eight leaves to as many sums.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn add_8(values: &[f32], leaves: &[u8; 8], sums: &mut [f64; 8]) {
    assert!(values.len().is_power_of_two(), "a tree has 16, 32 or 64 values");
    let leaves = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(i64::from_le_bytes(*leaves)));
    let leaves = _mm256_and_si256(leaves, _mm256_set1_epi32(values.len() as i32 - 1));
    // SAFETY: places are below the number of values, a power of two; there are eight sums.
    unsafe {
        let found = _mm256_i32gather_ps::<4>(values.as_ptr(), leaves);
        let (low, high) = (_mm256_castps256_ps128(found), _mm256_extractf128_ps::<1>(found));
        let sums = sums.as_mut_ptr();
        let added = _mm256_add_pd(_mm256_loadu_pd(sums), _mm256_cvtps_pd(low));
        _mm256_storeu_pd(sums, added);
        let added = _mm256_add_pd(_mm256_loadu_pd(sums.add(4)), _mm256_cvtps_pd(high));
        _mm256_storeu_pd(sums.add(4), added);
    }
}

/// A byte of ones for each of 32 rows that fails a test.
#[inline]
#[target_feature(enable = "avx2")]
fn failed(slots: &[u8; ROWS], group: usize, threshold: u32) -> __m256i {
    let thresholds = _mm256_set1_epi32(threshold as i32);
    let slots = load(&slots.as_chunks::<32>().0[group]);
    _mm256_cmpeq_epi8(_mm256_max_epu8(slots, thresholds), thresholds)
}

/// Leaves of 32 rows in an oblivious tree: a bit a level, the last level the lowest.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn levels(columns: &Columns, tree: &ColumnTree, slots: &[[u8; ROWS]], group: usize) -> __m256i {
    let mut leaves = _mm256_setzero_si256();
    for test in &columns.tests[tree.tests.clone()] {
        let failed = failed(&slots[usize::from(test.slot)], group, test.threshold);
        // A byte of ones is minus one.
        leaves = _mm256_add_epi8(_mm256_add_epi8(leaves, leaves), failed);
    }
    // All ones, less those of the tests that fail.
    let all = (1u32 << tree.tests.len()) - 1;
    _mm256_add_epi8(leaves, _mm256_set1_epi8(all as i8))
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_reach(rows: &[u64; GROUPS]) -> __m256i {
    // SAFETY: there are 32 bytes.
    unsafe { _mm256_loadu_si256(rows.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn store_reach(rows: &mut [u64; GROUPS], reached: __m256i) {
    // SAFETY: there is room for 32 bytes.
    unsafe { _mm256_storeu_si256(rows.as_mut_ptr().cast(), reached) }
}

/// Leaves of 32 rows in a tree of any form: which rows reach a node, a byte a row, from the root
/// on. Parents come first.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn reached(
    columns: &Columns,
    tree: &ColumnTree,
    slots: &[[u8; ROWS]],
    reach: &mut Reach,
    group: usize,
) -> __m256i {
    reach[0] = [u64::MAX; GROUPS];
    for test in &columns.tests[tree.tests.clone()] {
        let failed = failed(&slots[usize::from(test.slot)], group, test.threshold);
        let here = load_reach(&reach[usize::from(test.node) % MAX_NODES]);
        let left = &mut reach[usize::from(test.left) % MAX_NODES];
        store_reach(left, _mm256_and_si256(here, failed));
        let right = &mut reach[usize::from(test.right) % MAX_NODES];
        store_reach(right, _mm256_andnot_si256(failed, here));
    }
    let mut leaves = _mm256_setzero_si256();
    for (leaf, &node) in columns.leaves[tree.leaves.clone()].iter().enumerate() {
        let number = _mm256_set1_epi8(leaf as i8);
        let rows = load_reach(&reach[usize::from(node) % MAX_NODES]);
        leaves = _mm256_or_si256(leaves, _mm256_and_si256(rows, number));
    }
    leaves
}
