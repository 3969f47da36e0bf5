//! Kernels for AVX-512 with VBMI: one byte permutation answers 64 tests.
//!
//! Slots lie in 1, 2, 4 or 8 registers. Counted in instructions on the ports for vectors, for one
//! row with up to 64 slots: a perfect tree of 6 levels takes about 6, one of 31 leaves by paths 6, a
//! block of a chain 7. One row of a large model is bound by what it reads from the second cache.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use crate::engine::arch::{ANSWERS_SLACK, Answered, Found, ROWS_AT_ONCE, Rows, add_terms};
use crate::engine::chains::{Block, CHAIN_LANES, ChainGroup, IS_LEAF};
use crate::engine::columns::{ColumnTree, Columns, GROUPS, MAX_NODES, ROWS, Reach};
use crate::engine::edges::{self, Count};
use crate::engine::encode::{Encoded, Encoder};
use crate::engine::narrow::{AT_ONCE, Keys, NarrowSearch};
use crate::engine::net::{Active, PackedLayer};
use crate::engine::pack::Section;
use crate::engine::packing::Packing;
use crate::engine::vectors::{Paths, Run, Vector, Vectors};
use crate::error::Error;
use crate::schema::Schema;
use crate::tree::{LaneSums, SUM_LANES};
use crate::value::Value;

/// Slots of eight registers.
pub(crate) const MAX_SLOTS: usize = 512;

/// Finds the leaves of the trees of a section.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt")]
pub(crate) fn find(section: &Section, rows: Rows<'_>, found: &mut Found<'_>) {
    match rows.stride / 64 {
        0 | 1 => find_in::<1>(section, rows, found),
        2 => find_in::<2>(section, rows, found),
        3 | 4 => find_in::<4>(section, rows, found),
        _ => find_in::<8>(section, rows, found),
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt")]
fn find_in<const W: usize>(section: &Section, rows: Rows<'_>, found: &mut Found<'_>) {
    let per_row = section.vectors.vectors.len() + ANSWERS_SLACK;
    for first in (0..rows.n_rows).step_by(ROWS_AT_ONCE) {
        let n_rows = (rows.n_rows - first).min(ROWS_AT_ONCE);
        let chunk = Rows { slots: &rows.slots[first * rows.stride..], n_rows, ..rows };
        ask::<W>(&section.vectors, chunk, found.answers);
        let mut answered = Answered {
            answers: found.answers,
            per_row,
            leaves: &mut found.leaves[first * found.stride..],
            stride: found.stride,
            n_rows,
        };
        for run in &section.runs {
            find_leaves(&section.vectors, run, &mut answered);
        }
    }
    for (index, group) in section.chains.groups.iter().enumerate() {
        let place = section.chains.place + CHAIN_LANES * index;
        for row in 0..rows.n_rows {
            let slots = load_row::<W>(rows, row);
            let leaves = &mut found.leaves[row * found.stride + place..];
            chain::<W>(&section.chains.blocks, group, &slots, leaves);
        }
    }
}

/// Asks all vectors about a few rows; `answers` `(n_rows, n_vectors + ANSWERS_SLACK)`.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt")]
fn ask<const W: usize>(vectors: &Vectors, rows: Rows<'_>, answers: &mut [u64]) {
    let per_row = vectors.vectors.len() + ANSWERS_SLACK;
    if rows.n_rows == 1 {
        let slots = load_row::<W>(rows, 0);
        let asked = vectors.vectors.iter().zip(&vectors.banks);
        for (answer, (vector, banks)) in answers.iter_mut().zip(asked) {
            *answer = ask_one::<W>(&slots, vector, *banks);
        }
        return;
    }
    for (index, (vector, banks)) in vectors.vectors.iter().zip(&vectors.banks).enumerate() {
        for row in 0..rows.n_rows {
            let slots = load_row::<W>(rows, row);
            answers[row * per_row + index] = ask_one::<W>(&slots, vector, *banks);
        }
    }
}

/// Finds the leaves of a run from the answers of a few rows.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt")]
fn find_leaves(vectors: &Vectors, run: &Run, rows: &mut Answered<'_>) {
    match run.packing {
        Packing::Paths16 => return paths16(run, &vectors.paths, rows),
        Packing::Paths32 => return paths32(run, &vectors.paths, rows),
        _ => {}
    }
    for row in 0..rows.n_rows {
        let (answers, leaves) = rows.of(run, row);
        match run.packing {
            Packing::Oblivious(depth) => oblivious(run, depth, answers, leaves),
            Packing::Perfect(3) => perfect::<3>(run, answers, leaves),
            Packing::Perfect(4) => perfect::<4>(run, answers, leaves),
            Packing::Perfect(5) => perfect::<5>(run, answers, leaves),
            Packing::Perfect(_) => perfect_6(run, answers, leaves),
            _ => {}
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(bytes: &[u8; 64]) -> __m512i {
    // SAFETY: there are 64 bytes.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn load_16(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: there are 16 bytes.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn load_32(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: there are 32 bytes.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn load_words(words: &[u16; 16]) -> __m256i {
    // SAFETY: there are 32 bytes.
    unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
}

/// The slots of a row.
#[inline]
#[target_feature(enable = "avx512f")]
fn load_row<const W: usize>(rows: Rows<'_>, row: usize) -> [__m512i; W] {
    let slots = &rows.slots[row * rows.stride..][..rows.stride];
    let (registers, _) = slots.as_chunks::<64>();
    let mut row = [_mm512_setzero_si512(); W];
    for (register, bytes) in row.iter_mut().zip(registers) {
        *register = load(bytes);
    }
    row
}

/// The bytes of the row at `slots`; `banks` tells which of them lie beyond the first 256.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn look_up<const W: usize>(row: &[__m512i; W], slots: __m512i, banks: u64) -> __m512i {
    match W {
        1 => _mm512_permutexvar_epi8(slots, row[0]),
        2 => _mm512_permutex2var_epi8(row[0], slots, row[1]),
        4 => look_up_256(&[row[0], row[1], row[2], row[3]], slots),
        _ => {
            let low = look_up_256(&[row[0], row[1], row[2], row[3]], slots);
            let high = look_up_256(&[row[4], row[5], row[6], row[7]], slots);
            _mm512_mask_blend_epi8(banks, low, high)
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn look_up_256(row: &[__m512i; 4], slots: __m512i) -> __m512i {
    let low = _mm512_permutex2var_epi8(row[0], slots, row[1]);
    let high = _mm512_permutex2var_epi8(row[2], slots, row[3]);
    _mm512_mask_blend_epi8(_mm512_movepi8_mask(slots), low, high)
}

/// Answers of the 64 tests of a vector.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn ask_one<const W: usize>(row: &[__m512i; W], vector: &Vector, banks: u64) -> u64 {
    let values = look_up::<W>(row, load(&vector.slots), banks);
    _mm512_cmpgt_epu8_mask(values, load(&vector.thresholds))
}

/// The first bytes of the answers.
#[inline]
fn bytes_of<const N: usize>(answers: &[u64]) -> &[u8; N] {
    let answers = &answers[..N.div_ceil(8)];
    // SAFETY: there are at least N bytes, and any byte is a byte.
    unsafe { &*answers.as_ptr().cast() }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store_16(leaves: &mut [u32], found: __m512i) {
    let room = &mut leaves[..16];
    // SAFETY: there is room for 16 leaves.
    unsafe { _mm512_storeu_si512(room.as_mut_ptr().cast(), found) }
}

/// Trees of up to five levels in heap order, 16 at once: one shift a level.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt")]
fn perfect<const D: usize>(run: &Run, answers: &[u64], leaves: &mut [u32]) {
    // Vectors that 16 trees take.
    let step = (16 << D) / 64;
    for (group, first) in (0..run.n_trees).step_by(16).enumerate() {
        let answers = &answers[group * step..];
        let trees = match D {
            3 => _mm512_cvtepu8_epi32(load_16(bytes_of(answers))),
            4 => _mm512_cvtepu16_epi32(load_32(bytes_of(answers))),
            _ => load(bytes_of(answers)),
        };
        let one = _mm512_set1_epi32(1);
        let mut at = one;
        for _ in 0..D {
            let answer = _mm512_and_si512(_mm512_srlv_epi32(trees, at), one);
            at = _mm512_add_epi32(_mm512_add_epi32(at, at), answer);
        }
        store_16(&mut leaves[first..], _mm512_sub_epi32(at, _mm512_set1_epi32(1 << D)));
    }
}

/// Trees of six levels in heap order, eight at once.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt")]
fn perfect_6(run: &Run, answers: &[u64], leaves: &mut [u32]) {
    let one = _mm512_set1_epi64(1);
    for first in (0..run.n_trees).step_by(8) {
        let trees = load(bytes_of(&answers[first..]));
        let mut at = one;
        for _ in 0..6 {
            let answer = _mm512_and_si512(_mm512_srlv_epi64(trees, at), one);
            at = _mm512_add_epi64(_mm512_add_epi64(at, at), answer);
        }
        let found = _mm512_cvtepi64_epi32(_mm512_sub_epi64(at, _mm512_set1_epi64(64)));
        let room = &mut leaves[first..first + 8];
        // SAFETY: there is room for eight leaves.
        unsafe { _mm256_storeu_si256(room.as_mut_ptr().cast(), found) }
    }
}

/// Trees of up to 16 leaves; a pair shares its register of paths, word by word. With several rows
/// paths stay in registers.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt")]
fn paths16(run: &Run, paths: &[Paths], rows: &mut Answered<'_>) {
    let paths = &paths[run.path..run.path + run.n_trees.div_ceil(2)];
    if rows.n_rows == 1 {
        let (answers, leaves) = rows.of(run, 0);
        let pairs = leaves.as_chunks_mut::<2>().0;
        for ((paths, leaves), &answers) in paths.iter().zip(pairs).zip(halves(answers)) {
            *leaves = leaves_of_pair(answers, load(&paths.0));
        }
        return;
    }
    for (pair, paths) in paths.iter().enumerate() {
        let paths = load(&paths.0);
        for row in 0..rows.n_rows {
            let (answers, leaves) = rows.of(run, row);
            let found = leaves_of_pair(halves(answers)[pair], paths);
            leaves[2 * pair..2 * pair + 2].copy_from_slice(&found);
        }
    }
}

/// Answers as numbers of 32 bits.
#[inline]
fn halves(answers: &[u64]) -> &[u32] {
    // SAFETY: a number of 64 bits is two of 32.
    unsafe { std::slice::from_raw_parts(answers.as_ptr().cast(), 2 * answers.len()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt")]
fn leaves_of_pair(answers: u32, paths: __m512i) -> [u32; 2] {
    let open = _mm512_testn_epi16_mask(_mm512_set1_epi32(answers as i32), paths);
    [0x5555_5555, 0xAAAA_AAAA].map(|words| (open & words).trailing_zeros() / 2)
}

/// Trees of up to 32 leaves, two registers of paths each, which stay there for several rows. Paths in
/// halves of 16 bits would be 96 bytes instead of 128, but take three broadcasts and tests a tree
/// instead of two on the one port that has them: as long as reading the 32 bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt")]
fn paths32(run: &Run, paths: &[Paths], rows: &mut Answered<'_>) {
    let paths = paths[run.path..run.path + 2 * run.n_trees].as_chunks::<2>().0;
    if rows.n_rows == 1 {
        let (answers, leaves) = rows.of(run, 0);
        for ((paths, leaf), &answers) in paths.iter().zip(leaves).zip(halves(answers)) {
            *leaf = leaf_of_32(answers, load(&paths[0].0), load(&paths[1].0));
        }
        return;
    }
    for (tree, paths) in paths.iter().enumerate() {
        let (low, high) = (load(&paths[0].0), load(&paths[1].0));
        for row in 0..rows.n_rows {
            let (answers, leaves) = rows.of(run, row);
            leaves[tree] = leaf_of_32(halves(answers)[tree], low, high);
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt")]
fn leaf_of_32(answers: u32, low: __m512i, high: __m512i) -> u32 {
    let answers = _mm512_set1_epi32(answers as i32);
    let low = _mm512_testn_epi32_mask(answers, low);
    let high = _mm512_testn_epi32_mask(answers, high);
    (u32::from(low) | u32::from(high) << 16).trailing_zeros()
}

/// Oblivious trees: the answers of a tree, side by side, are the number of its leaf.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt")]
fn oblivious(run: &Run, depth: u8, answers: &[u64], leaves: &mut [u32]) {
    let depth = usize::from(depth);
    let per_vector = 64 / depth;
    let all_levels = (1u64 << depth) - 1;
    for (index, &answers) in answers[..run.n_vectors].iter().enumerate() {
        let n_trees = (run.n_trees - per_vector * index).min(per_vector);
        let leaves = &mut leaves[per_vector * index..];
        if depth <= 8 {
            cut_up(answers, depth, n_trees, leaves);
            continue;
        }
        for (tree, leaf) in leaves[..n_trees].iter_mut().enumerate() {
            *leaf = (answers >> (tree * depth) & all_levels) as u32;
        }
    }
}

/// Cuts answers into pieces of `depth` bits, 16 at a time; up to 15 leaves behind the last are
/// written too.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt")]
fn cut_up(answers: u64, depth: usize, n_trees: usize, leaves: &mut [u32]) {
    let all_levels = _mm_set1_epi8(((1u32 << depth) - 1) as i8);
    let answers = _mm_set1_epi64x(answers as i64);
    for first in (0..n_trees).step_by(16) {
        let shifts = &SHIFTS[depth - 1][first / 16];
        let pieces = _mm_multishift_epi64_epi8(load_16(shifts), answers);
        let pieces = _mm512_cvtepu8_epi32(_mm_and_si128(pieces, all_levels));
        store_16(&mut leaves[first..], pieces);
    }
}

/// By depth less one: where the pieces of 64 answers begin, 16 at a time.
static SHIFTS: [[[u8; 16]; 4]; 8] = {
    let mut shifts = [[[0; 16]; 4]; 8];
    let mut at = 0;
    while at < 8 * 64 {
        let (depth, piece) = (at / 64 + 1, at % 64);
        shifts[depth - 1][piece / 16][piece % 16] = (depth * piece % 64) as u8;
        at += 1;
    }
    shifts
};

/// Chains side by side, so that each waits for its next block while the others go on.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt")]
fn chain<const W: usize>(
    blocks: &[Block],
    group: &ChainGroup,
    row: &[__m512i; W],
    leaves: &mut [u32],
) {
    let mut at = group.roots;
    for _ in 0..group.n_hops {
        let mut all_arrived = IS_LEAF;
        for state in &mut at {
            let arrived = *state & IS_LEAF != 0;
            // Who has arrived looks at the first block again, in vain.
            let block = &blocks[if arrived { 0 } else { *state as usize }];
            let next = exit::<W>(block, row);
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
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt")]
fn exit<const W: usize>(block: &Block, row: &[__m512i; W]) -> u32 {
    let slots = _mm512_castsi128_si512(load_16(&block.slots));
    let values = _mm512_castsi512_si128(look_up::<W>(row, slots, u64::from(block.banks)));
    let answers = _mm_cmpgt_epu8_mask(values, load_16(&block.thresholds));
    let differ = _mm256_xor_si256(_mm256_set1_epi16(answers as i16), load_words(&block.want));
    let reached = _mm256_testn_epi16_mask(differ, load_words(&block.care));
    let exit = u32::from(reached).trailing_zeros();
    block.leave(exit)
}

/// Outputs of a dense layer, see [`PackedLayer::forward`].
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt")]
pub(crate) fn dense(layer: &PackedLayer, active: &[Active], sums: &mut [f32]) {
    layer.forward::<128>(active, sums);
}

/// Encodes one row, see [`Encoder::encode`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt")]
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
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt")]
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

    #[inline(always)]
    fn bins(search: &NarrowSearch, values: &[f64; AT_ONCE], bins: &mut [u8; AT_ONCE]) {
        // SAFETY: as above.
        unsafe { find_bins(search, values, bins) }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt")]
fn n_below(edges: &edges::Block, value: f64) -> usize {
    let value = _mm512_set1_pd(value);
    // SAFETY: there are 16 numbers.
    let (low, high) =
        unsafe { (_mm512_loadu_pd(edges.as_ptr()), _mm512_loadu_pd(edges.as_ptr().add(8))) };
    let low = _mm512_cmp_pd_mask::<_CMP_GT_OQ>(value, low);
    let high = _mm512_cmp_pd_mask::<_CMP_GT_OQ>(value, high);
    (u32::from(low) | u32::from(high) << 8).count_ones() as usize
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt")]
fn n_keys_below(keys: &Keys, key: f32) -> usize {
    let below = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(_mm512_set1_ps(key), load_values(keys));
    u32::from(below).count_ones() as usize
}

/// Bins of 64 numbers, 16 at a time: a binary search of which the first four steps look into one
/// register, the others gather.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt")]
fn find_bins(search: &NarrowSearch, values: &[f64; AT_ONCE], bins: &mut [u8; AT_ONCE]) {
    for (values, bins) in values.as_chunks::<16>().0.iter().zip(bins.as_chunks_mut::<16>().0) {
        // SAFETY: there are 16 numbers.
        let (low, high) =
            unsafe { (_mm512_loadu_pd(values.as_ptr()), _mm512_loadu_pd(values.as_ptr().add(8))) };
        let keys = _mm512_castps256_ps512(_mm512_cvtpd_ps(low));
        let keys = _mm512_insertf32x8::<1>(keys, _mm512_cvtpd_ps(high));
        let ranks = n_edges_below(search, keys, [low, high]);
        let present = _mm512_cmp_ps_mask::<_CMP_ORD_Q>(keys, keys);
        let found = _mm512_maskz_add_epi32(present, ranks, _mm512_set1_epi32(1));
        // SAFETY: there is room for 16 bins.
        unsafe {
            _mm_storeu_si128(bins.as_mut_ptr().cast(), _mm512_cvtepi32_epi8(found));
        }
    }
}

/// Edges below 16 values, given with their keys; anything for NaN.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt")]
fn n_edges_below(search: &NarrowSearch, keys: __m512, values: [__m512d; 2]) -> __m512i {
    let first = if search.keys.len() == 1 { &search.keys[0] } else { &search.pivots };
    let first = load_values(first);
    let mut at = _mm512_setzero_si512();
    for step in [8, 4, 2, 1] {
        let asked = _mm512_add_epi32(at, _mm512_set1_epi32(step - 1));
        let above = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(keys, _mm512_permutexvar_ps(asked, first));
        at = _mm512_mask_add_epi32(at, above, at, _mm512_set1_epi32(step));
    }
    if search.keys.len() > 1 {
        at = _mm512_slli_epi32::<4>(at);
        for step in [8, 4, 2, 1] {
            let asked = _mm512_add_epi32(at, _mm512_set1_epi32(step - 1));
            // SAFETY: the last pivot and the last key are infinity, which nothing is above, so
            // `asked` stays within the keys.
            let asked = unsafe { _mm512_i32gather_ps::<4>(asked, search.keys.as_ptr().cast()) };
            let above = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(keys, asked);
            at = _mm512_mask_add_epi32(at, above, at, _mm512_set1_epi32(step));
        }
    }
    let (low, high) = (_mm512_castsi512_si256(at), _mm512_extracti32x8_epi32::<1>(at));
    // SAFETY: there are as many edges as keys.
    let (low, high) = unsafe {
        let edges = search.edges.as_ptr().cast();
        (_mm512_i32gather_pd::<8>(low, edges), _mm512_i32gather_pd::<8>(high, edges))
    };
    let low = _mm512_cmp_pd_mask::<_CMP_GT_OQ>(values[0], low);
    let high = _mm512_cmp_pd_mask::<_CMP_GT_OQ>(values[1], high);
    let settled = u16::from(low) | u16::from(high) << 8;
    _mm512_mask_add_epi32(at, settled, at, _mm512_set1_epi32(1))
}

/// Sums the values that terms reach, eight at a time.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt")]
pub(crate) fn sum(values: &[f32], bases: &[u32], leaves: &[u32]) -> LaneSums {
    // Indices of a gather have a sign.
    let Some(last) = values.len().checked_sub(1).and_then(|last| i32::try_from(last).ok()) else {
        return add_terms(LaneSums::default(), values, bases, leaves);
    };
    let last = _mm256_set1_epi32(last);
    let mut lanes = _mm512_setzero_pd();
    let (base_groups, bases) = bases.as_chunks::<SUM_LANES>();
    let (leaf_groups, leaves) = leaves.as_chunks::<SUM_LANES>();
    for (bases, leaves) in base_groups.iter().zip(leaf_groups) {
        // SAFETY: there are eight numbers each; indices are kept within the values.
        let reached = unsafe {
            let bases = _mm256_loadu_si256(bases.as_ptr().cast());
            let leaves = _mm256_loadu_si256(leaves.as_ptr().cast());
            let indices = _mm256_min_epu32(_mm256_add_epi32(bases, leaves), last);
            _mm256_i32gather_ps::<4>(values.as_ptr(), indices)
        };
        lanes = _mm512_add_pd(lanes, _mm512_cvtps_pd(reached));
    }
    let mut sums = LaneSums::default();
    // SAFETY: there is room for eight numbers.
    unsafe { _mm512_storeu_pd(sums.0.as_mut_ptr(), lanes) };
    add_terms(sums, values, bases, leaves)
}

/// Adds rows of values to scores, eight scores at a time.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt")]
pub(crate) fn add_rows(rows: &[f32], bases: &[u32], leaves: &[u32], scores: &mut [f64]) {
    let width = scores.len();
    for (part, scores) in scores.chunks_mut(8).enumerate() {
        let used = u8::MAX >> (8 - scores.len());
        // SAFETY: no more numbers are read than there are.
        let mut sums = unsafe { _mm512_maskz_loadu_pd(used, scores.as_ptr()) };
        for (&base, &leaf) in bases.iter().zip(leaves) {
            let row = &rows[(base + leaf) as usize * width + 8 * part..][..scores.len()];
            // SAFETY: as above.
            let row = unsafe { _mm256_maskz_loadu_ps(used, row.as_ptr()) };
            sums = _mm512_add_pd(sums, _mm512_cvtps_pd(row));
        }
        // SAFETY: no more numbers are written than there is room for.
        unsafe { _mm512_mask_storeu_pd(scores.as_mut_ptr(), used, sums) };
    }
}

/// Adds the values of a tree for many rows to their sums.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt")]
pub(crate) fn add_tree(
    columns: &Columns,
    tree: &ColumnTree,
    slots: &[[u8; ROWS]],
    reach: &mut Reach,
    sums: &mut [f64; ROWS],
) {
    let leaves = if tree.leaves.is_empty() && !tree.tests.is_empty() {
        levels(columns, tree, slots)
    } else {
        reached(columns, tree, slots, reach)
    };
    let (values, _) = columns.values[tree.value..tree.value + tree.n_values].as_chunks::<16>();
    let (sums, _) = sums.as_chunks_mut::<64>();
    for (leaves, sums) in leaves.into_iter().zip(sums) {
        let (sums, _) = sums.as_chunks_mut::<16>();
        add_16(values, _mm512_extracti32x4_epi32::<0>(leaves), &mut sums[0]);
        add_16(values, _mm512_extracti32x4_epi32::<1>(leaves), &mut sums[1]);
        add_16(values, _mm512_extracti32x4_epi32::<2>(leaves), &mut sums[2]);
        add_16(values, _mm512_extracti32x4_epi32::<3>(leaves), &mut sums[3]);
    }
}

/// Adds the values of 16 leaves to as many sums.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt")]
fn add_16(values: &[[f32; 16]], leaves: __m128i, sums: &mut [f64; 16]) {
    let found = look_up_values(values, _mm512_cvtepu8_epi32(leaves));
    let (low, high) = (_mm512_castps512_ps256(found), _mm512_extractf32x8_ps::<1>(found));
    // SAFETY: there are 16 sums.
    unsafe {
        let sums = sums.as_mut_ptr();
        let added = _mm512_add_pd(_mm512_loadu_pd(sums), _mm512_cvtps_pd(low));
        _mm512_storeu_pd(sums, added);
        let added = _mm512_add_pd(_mm512_loadu_pd(sums.add(8)), _mm512_cvtps_pd(high));
        _mm512_storeu_pd(sums.add(8), added);
    }
}

/// The values at 16 places of 16, 32 or 64.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt")]
fn look_up_values(values: &[[f32; 16]], places: __m512i) -> __m512 {
    match values {
        [a] => _mm512_permutexvar_ps(places, load_values(a)),
        [a, b] => _mm512_permutex2var_ps(load_values(a), places, load_values(b)),
        [a, b, c, d] => {
            let low = _mm512_permutex2var_ps(load_values(a), places, load_values(b));
            let high = _mm512_permutex2var_ps(load_values(c), places, load_values(d));
            let is_high = _mm512_test_epi32_mask(places, _mm512_set1_epi32(32));
            _mm512_mask_blend_ps(is_high, low, high)
        }
        _ => unreachable!("a tree has 16, 32 or 64 values"),
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load_values(values: &[f32; 16]) -> __m512 {
    // SAFETY: there are 16 numbers.
    unsafe { _mm512_loadu_ps(values.as_ptr()) }
}

/// The slots of 64 rows.
#[inline]
#[target_feature(enable = "avx512f")]
fn load_group(slots: &[u8; ROWS], group: usize) -> __m512i {
    load(&slots.as_chunks::<64>().0[group])
}

/// Leaves of rows in an oblivious tree: a bit a level, the last level the lowest.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt")]
fn levels(columns: &Columns, tree: &ColumnTree, slots: &[[u8; ROWS]]) -> [__m512i; GROUPS] {
    let mut leaves = [_mm512_setzero_si512(); GROUPS];
    let minus_one = _mm512_set1_epi8(-1);
    for test in &columns.tests[tree.tests.clone()] {
        let threshold = _mm512_set1_epi32(test.threshold as i32);
        let slots = &slots[usize::from(test.slot)];
        for (group, leaves) in leaves.iter_mut().enumerate() {
            let passed = _mm512_cmpgt_epu8_mask(load_group(slots, group), threshold);
            let doubled = _mm512_add_epi8(*leaves, *leaves);
            *leaves = _mm512_mask_sub_epi8(doubled, passed, doubled, minus_one);
        }
    }
    leaves
}

/// Leaves of rows in a tree of any form: which rows reach a node, from the root on. Every node is
/// written before it is read, as parents come first.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt")]
fn reached(
    columns: &Columns,
    tree: &ColumnTree,
    slots: &[[u8; ROWS]],
    reach: &mut Reach,
) -> [__m512i; GROUPS] {
    reach[0] = [u64::MAX; GROUPS];
    for test in &columns.tests[tree.tests.clone()] {
        let threshold = _mm512_set1_epi32(test.threshold as i32);
        let slots = &slots[usize::from(test.slot)];
        let here = reach[usize::from(test.node) % MAX_NODES];
        let (mut left, mut right) = ([0; GROUPS], [0; GROUPS]);
        for group in 0..GROUPS {
            let passed = _mm512_cmpgt_epu8_mask(load_group(slots, group), threshold);
            left[group] = here[group] & !passed;
            right[group] = here[group] & passed;
        }
        reach[usize::from(test.left) % MAX_NODES] = left;
        reach[usize::from(test.right) % MAX_NODES] = right;
    }
    let mut leaves = [_mm512_setzero_si512(); GROUPS];
    for (leaf, &node) in columns.leaves[tree.leaves.clone()].iter().enumerate() {
        let number = load(&NUMBERS[leaf % 64]);
        let here = &reach[usize::from(node) % MAX_NODES];
        for (leaves, &rows) in leaves.iter_mut().zip(here) {
            *leaves = _mm512_mask_mov_epi8(*leaves, rows, number);
        }
    }
    leaves
}

/// Every number 64 times.
static NUMBERS: [[u8; 64]; 64] = {
    let mut numbers = [[0; 64]; 64];
    let mut number = 0;
    while number < 64 {
        numbers[number] = [number as u8; 64];
        number += 1;
    }
    numbers
};
