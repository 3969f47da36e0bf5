//! Sums of gradients, hessians and counts by bin: where tree boosting spends its time.
//!
//! Gradients and hessians are rounded to whole numbers and packed with a count of 1 into one
//! `u64`, so an update is a single integer addition; sums are *exact*, so they depend neither on
//! the order of rows nor on which sibling was subtracted. Up to [`BLOCK`] rows are summed in packed
//! form, in an array that fits the first-level cache; then the fields are spread into [`Cell`]s.
//!
//! ```text
//! packed, gradient and hessian:  | gradient 26, signed | hessian 26 | count 12 |
//! packed, hessian is the count:  | gradient 52, signed              | count 12 |
//! ```
//!
//! Reference: Shi, Ke, Chen, Zheng, Liu 2022, Quantized Training of Gradient Boosting Decision
//! Trees, arXiv:2207.09682 (2 to 5 bits suffice there; here it is 14 and more).

use super::arch::{Kernel, prefetch, widest};

/// Most rows that may be summed in packed form.
pub const BLOCK: usize = 4095;
/// Columns of a tile.
pub const TILE: usize = 8;
/// Cells between the columns of a scratch: 256 bins and a cache line, so that columns do not alias.
const STRIDE: usize = 264;
/// Bytes of a tile from which on its rows are asked for ahead: smaller ones stay in the second cache.
const LEAST_PREFETCHED: usize = 1 << 20;
const COUNT_BITS: u32 = 12;
const FIELD_BITS: u32 = 26;
const MASS_COUNT_BITS: u32 = 26;

/// What fits beside the count in a packed number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Gradient of at most 2^13 in size, hessian of at most 2^14.
    Both,
    /// Gradient of at most 2^38 in size; every hessian is 1 and equals the count.
    Gradient,
}

impl Packing {
    /// Largest size of a whole gradient.
    pub fn largest_gradient(self) -> f32 {
        match self {
            Packing::Both => (1u64 << 13) as f32,
            Packing::Gradient => (1u64 << 22) as f32,
        }
    }

    /// Largest whole hessian.
    pub fn largest_hessian(self) -> f32 {
        (1u64 << 14) as f32
    }

    /// Packs a gradient, a hessian and a count of 1.
    #[inline(always)]
    pub fn pack(self, gradient: i64, hessian: u64) -> u64 {
        match self {
            Packing::Both => {
                ((gradient as u64) << (COUNT_BITS + FIELD_BITS)) + (hessian << COUNT_BITS) + 1
            }
            Packing::Gradient => ((gradient as u64) << COUNT_BITS) + 1,
        }
    }

    /// Spreads a packed sum.
    #[inline(always)]
    fn unpack(self, sum: u64) -> Cell {
        let count = sum & ((1 << COUNT_BITS) - 1);
        match self {
            Packing::Both => {
                let hessian = sum >> COUNT_BITS & ((1 << FIELD_BITS) - 1);
                Cell {
                    gradient: sum as i64 >> (COUNT_BITS + FIELD_BITS),
                    mass: hessian << MASS_COUNT_BITS | count,
                }
            }
            Packing::Gradient => {
                Cell { gradient: sum as i64 >> COUNT_BITS, mass: count << MASS_COUNT_BITS | count }
            }
        }
    }
}

/// Sums of one bin, or of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cell {
    /// Sum of whole gradients.
    pub gradient: i64,
    /// Sum of whole hessians, times 2^26, plus the number of rows (at most 2^26 rows).
    pub mass: u64,
}

impl Cell {
    /// Sum of whole hessians.
    #[inline(always)]
    pub fn hessian(self) -> u64 {
        self.mass >> MASS_COUNT_BITS
    }

    /// Number of rows.
    #[inline(always)]
    pub fn count(self) -> u64 {
        self.mass & ((1 << MASS_COUNT_BITS) - 1)
    }

    /// Both sums.
    #[inline(always)]
    #[must_use]
    pub fn plus(self, other: Cell) -> Cell {
        Cell { gradient: self.gradient + other.gradient, mass: self.mass + other.mass }
    }

    /// What is left of this sum without the other.
    #[inline(always)]
    #[must_use]
    pub fn minus(self, other: Cell) -> Cell {
        Cell { gradient: self.gradient - other.gradient, mass: self.mass - other.mass }
    }
}

/// Up to [`TILE`] columns of bins, row by row.
#[derive(Debug, Clone, Default)]
pub struct Tile {
    /// Bins `(n_rows, width)`.
    pub bins: Vec<u8>,
    /// For each column: where its cells start in a histogram, and how many there are.
    pub columns: Vec<(usize, usize)>,
}

impl Tile {
    /// Interleaves columns `(width)` x `(n_rows,)`, reusing the memory of this tile.
    pub fn fill(&mut self, columns: &[&[u8]]) {
        let (n_rows, width) = (columns[0].len(), columns.len());
        self.bins.clear();
        self.bins.resize(n_rows * width, 0);
        for (place, column) in columns.iter().enumerate() {
            for (row, &bin) in self.bins.chunks_exact_mut(width).zip(*column) {
                row[place] = bin;
            }
        }
    }
}

/// Memory for packed sums of one tile, and for the packed numbers of a block of rows.
#[derive(Debug, Clone)]
pub struct Scratch {
    sums: Box<[[u64; STRIDE]; TILE]>,
    gathered: Vec<u64>,
}

impl Default for Scratch {
    fn default() -> Scratch {
        Scratch { sums: Box::new([[0; STRIDE]; TILE]), gathered: Vec::with_capacity(BLOCK) }
    }
}

/// Which rows are summed.
#[derive(Debug, Clone, Copy)]
pub enum Rows<'a> {
    /// All of them.
    All,
    /// Those of the list.
    Some(&'a [u32]),
}

/// Adds the packed numbers `(n_rows,)` of the rows to the cells of the tiles' columns in
/// `histogram`. The sums of `scratch` must be zero and are left so.
///
/// A block of rows is summed for all tiles before the next, so that its numbers, gathered once, stay
/// in the cache.
///
/// # Panics
/// If a row, a bin or the place of a column is out of range.
pub fn add_tiles(
    tiles: &[Tile],
    packed: &[u64],
    packing: Packing,
    rows: Rows<'_>,
    scratch: &mut Scratch,
    histogram: &mut [Cell],
) {
    let Scratch { sums, gathered } = scratch;
    let mut add = |tile: &Tile, block: Block<'_>| add_block(tile, block, packing, sums, histogram);
    match rows {
        Rows::All => {
            for (index, packed) in packed.chunks(BLOCK).enumerate() {
                let first = index * BLOCK;
                tiles.iter().for_each(|tile| add(tile, Block::Run { first, packed }));
            }
        }
        Rows::Some(rows) => {
            for rows in rows.chunks(BLOCK) {
                gathered.clear();
                gathered.extend(rows.iter().map(|&row| packed[row as usize]));
                tiles.iter().for_each(|tile| add(tile, Block::List { rows, packed: gathered }));
            }
        }
    }
}

/// Up to [`BLOCK`] rows with their packed numbers.
#[derive(Debug, Clone, Copy)]
enum Block<'a> {
    /// Rows from `first` on.
    Run { first: usize, packed: &'a [u64] },
    /// Rows of a list.
    List { rows: &'a [u32], packed: &'a [u64] },
}

fn add_block(
    tile: &Tile,
    block: Block<'_>,
    packing: Packing,
    sums: &mut [[u64; STRIDE]; TILE],
    histogram: &mut [Cell],
) {
    match tile.columns.len() {
        1 => add_columns::<1>(tile, block, packing, sums, histogram),
        2 => add_columns::<2>(tile, block, packing, sums, histogram),
        3 => add_columns::<3>(tile, block, packing, sums, histogram),
        4 => add_columns::<4>(tile, block, packing, sums, histogram),
        5 => add_columns::<5>(tile, block, packing, sums, histogram),
        6 => add_columns::<6>(tile, block, packing, sums, histogram),
        7 => add_columns::<7>(tile, block, packing, sums, histogram),
        8 => add_columns::<8>(tile, block, packing, sums, histogram),
        width => panic!("a tile has 1 to {TILE} columns, not {width}"),
    }
}

fn add_columns<const W: usize>(
    tile: &Tile,
    block: Block<'_>,
    packing: Packing,
    sums: &mut [[u64; STRIDE]; TILE],
    histogram: &mut [Cell],
) {
    let bins = tile.bins.as_chunks::<W>().0;
    let columns: &[(usize, usize); W] = tile.columns[..].try_into().expect("the width is W");
    let sums: &mut [[u64; STRIDE]; W] = sums.first_chunk_mut().expect("W is at most TILE");
    match block {
        Block::Run { first, packed } => {
            sum_run(&bins[first..first + packed.len()], packed, sums);
        }
        // Below so many rows, spreading a whole scratch costs more than spreading each number.
        Block::List { rows, packed }
            if rows.len() * 8 < columns.iter().map(|c| c.1).max().unwrap_or(0) =>
        {
            for (&row, &packed) in rows.iter().zip(packed) {
                let cell = packing.unpack(packed);
                for (&(start, _), &bin) in columns.iter().zip(&bins[row as usize]) {
                    let sum = &mut histogram[start + usize::from(bin)];
                    *sum = sum.plus(cell);
                }
            }
            return;
        }
        Block::List { rows, packed } if tile.bins.len() < LEAST_PREFETCHED => {
            sum_rows::<W, false>(rows, bins, packed, sums);
        }
        Block::List { rows, packed } => sum_rows::<W, true>(rows, bins, packed, sums),
    }
    widest(Spread { packing, columns, sums, histogram });
}

fn sum_run<const W: usize>(bins: &[[u8; W]], packed: &[u64], sums: &mut [[u64; STRIDE]; W]) {
    for (row, &value) in bins.iter().zip(packed) {
        for column in 0..W {
            let sum = &mut sums[column][usize::from(row[column])];
            *sum = sum.wrapping_add(value);
        }
    }
}

fn sum_rows<const W: usize, const PREFETCH: bool>(
    rows: &[u32],
    bins: &[[u8; W]],
    packed: &[u64],
    sums: &mut [[u64; STRIDE]; W],
) {
    /// Rows ahead whose bins are asked for: the lists of small nodes have gaps.
    const AHEAD: usize = 24;
    let last = rows.len().saturating_sub(1);
    for (i, (&row, &value)) in rows.iter().zip(packed).enumerate() {
        if PREFETCH {
            prefetch(bins, rows[(i + AHEAD).min(last)] as usize);
        }
        let row = &bins[row as usize];
        for column in 0..W {
            let sum = &mut sums[column][usize::from(row[column])];
            *sum = sum.wrapping_add(value);
        }
    }
}

/// Adds packed sums to a histogram and makes them zero.
struct Spread<'a, const W: usize> {
    packing: Packing,
    columns: &'a [(usize, usize); W],
    sums: &'a mut [[u64; STRIDE]; W],
    histogram: &'a mut [Cell],
}

impl<const W: usize> Kernel for Spread<'_, W> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (&(start, n_bins), sums) in self.columns.iter().zip(self.sums) {
            for (cell, sum) in self.histogram[start..start + n_bins].iter_mut().zip(sums) {
                *cell = cell.plus(self.packing.unpack(*sum));
                *sum = 0;
            }
        }
    }
}

/// The sum of the packed numbers `(n_rows,)` of some rows.
pub fn total(packed: &[u64], packing: Packing, rows: &[u32]) -> Cell {
    rows.chunks(BLOCK).fold(Cell::default(), |total, rows| {
        let sum = rows.iter().fold(0u64, |sum, &row| sum.wrapping_add(packed[row as usize]));
        total.plus(packing.unpack(sum))
    })
}

/// The sum of all packed numbers.
pub fn total_of_all(packed: &[u64], packing: Packing) -> Cell {
    packed.chunks(BLOCK).fold(Cell::default(), |total, packed| {
        let sum = packed.iter().fold(0u64, |sum, &value| sum.wrapping_add(value));
        total.plus(packing.unpack(sum))
    })
}

/// Turns the histogram of a parent into that of the sibling of `child`.
pub fn subtract(parent: &mut [Cell], child: &[Cell]) {
    assert_eq!(parent.len(), child.len());
    widest(Subtract(parent, child));
}

struct Subtract<'a>(&'a mut [Cell], &'a [Cell]);

impl Kernel for Subtract<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (cell, other) in self.0.iter_mut().zip(self.1) {
            *cell = cell.minus(*other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    /// One cell at a time, spread before it is added.
    fn naive(tile: &Tile, packed: &[u64], packing: Packing, rows: &[u32], out: &mut [Cell]) {
        let width = tile.columns.len();
        for &row in rows {
            for (place, &(start, _)) in tile.columns.iter().enumerate() {
                let bin = usize::from(tile.bins[row as usize * width + place]);
                out[start + bin] = out[start + bin].plus(packing.unpack(packed[row as usize]));
            }
        }
    }

    fn check(width: usize, n_rows: usize, packing: Packing) {
        let mut random = Stream::new(&[width as u64, n_rows as u64]);
        let columns: Vec<Vec<u8>> = (0..width)
            .map(|c| (0..n_rows).map(|_| random.below(256 >> c.min(6)) as u8).collect())
            .collect();
        let mut tile = Tile::default();
        tile.fill(&columns.iter().map(Vec::as_slice).collect::<Vec<_>>());
        tile.columns = (0..width).map(|c| (c * 256, 256 >> c.min(6))).collect();
        let largest = packing.largest_gradient() as i64;
        let packed: Vec<u64> = (0..n_rows)
            .map(|_| {
                let gradient = random.below(2 * largest as usize + 1) as i64 - largest;
                packing.pack(gradient, random.below((1 << 14) + 1) as u64)
            })
            .collect();
        let some: Vec<u32> = (0..n_rows as u32).filter(|_| random.below(3) == 0).collect();
        let all: Vec<u32> = (0..n_rows as u32).collect();
        let few = &some[..some.len().min(5)];
        for (rows, list) in
            [(Rows::All, &all[..]), (Rows::Some(&some), &some), (Rows::Some(few), few)]
        {
            let mut expected = vec![Cell::default(); width * 256];
            let (mut found, mut scratch) = (expected.clone(), Scratch::default());
            naive(&tile, &packed, packing, list, &mut expected);
            let tiles = std::slice::from_ref(&tile);
            add_tiles(tiles, &packed, packing, rows, &mut scratch, &mut found);
            assert_eq!(found, expected, "width {width}, {n_rows} rows");
            assert!(scratch.sums.iter().flatten().all(|&sum| sum == 0));
        }
    }

    #[test]
    fn equals_the_naive_loop() {
        for width in 1..=TILE {
            check(width, 300, Packing::Both);
            check(width, 2 * BLOCK + 77, Packing::Gradient);
        }
        check(3, 30_000, Packing::Both);
    }

    #[test]
    fn holds_the_largest_numbers_in_one_bin() {
        for packing in [Packing::Both, Packing::Gradient] {
            for sign in [-1, 1] {
                let gradient = sign * packing.largest_gradient() as i64;
                let mut tile = Tile { columns: vec![(0, 1)], ..Tile::default() };
                tile.fill(&[&vec![0; BLOCK + 1]]);
                let packed = vec![packing.pack(gradient, 1 << 14); BLOCK + 1];
                let mut histogram = [Cell::default()];
                let scratch = &mut Scratch::default();
                add_tiles(&[tile], &packed, packing, Rows::All, scratch, &mut histogram);
                let n = BLOCK as u64 + 1;
                assert_eq!(histogram[0].gradient, gradient * n as i64);
                assert_eq!(histogram[0].count(), n);
                let each = if packing == Packing::Both { 1 << 14 } else { 1 };
                assert_eq!(histogram[0].hessian(), each * n);
            }
        }
    }

    #[test]
    fn a_sibling_is_what_is_left() {
        let cell = |gradient, count| Cell { gradient, mass: Packing::Gradient.unpack(count).mass };
        let mut parent = [cell(5, 7), cell(-3, 2)];
        let child = [cell(-6, 4), cell(0, 0)];
        subtract(&mut parent, &child);
        assert_eq!(parent, [cell(11, 3), cell(-3, 2)]);
    }
}
