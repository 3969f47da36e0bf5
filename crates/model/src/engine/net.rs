//! Neural nets over the encoded row.
//!
//! ```text
//! numbers, bins --gather--> inputs that are not zero --sums of the first layer--> activation
//!                           --those that are not zero--> sums of the next layer ...
//! ```
//! An input adds its row of weights to all sums of a layer, so a vector holds sums of neighbouring
//! outputs and vectors of any length give the same bits; and an input that is zero (a pixel, the
//! other bins of a category, what a rectifier cut) costs next to nothing.

use crate::cost::Shape;
use crate::engine::arch;
use crate::engine::encode::Places;
use crate::engine::tier::Tier;
use crate::net::{Activation, Curve, Input, Layer, Net, scaled};

/// Sums of a layer are rounded up to a multiple of this.
pub(crate) const DENSE_LANES: usize = 16;
/// A layer of few outputs is rounded up to this many.
const FEW_LANES: usize = 4;
/// Sums that stay in registers while the inputs pass: eight registers of 16 numbers.
const BLOCK: usize = 8 * DENSE_LANES;

/// An input that is not zero: its number and its value.
pub(crate) type Active = (u32, f32);

/// A net whose inputs know where the row holds what they need.
#[derive(Debug, Clone)]
pub(crate) struct PackedNet {
    base: Vec<f64>,
    scale: f64,
    inputs: Vec<PackedInput>,
    /// Rows of all embeddings and curves.
    rows: Vec<f32>,
    /// Knots of all curves.
    knots: Vec<f64>,
    layers: Vec<PackedLayer>,
    tier: Tier,
    /// Most columns and most padded sums of a layer.
    n_most: [usize; 2],
}

#[derive(Debug, Clone)]
enum PackedInput {
    Number {
        number: usize,
        center: f64,
        factor: f64,
        clip: f64,
        missing: f64,
        indicator: bool,
    },
    /// Starts: of its knots and its rows.
    Curve {
        number: usize,
        width: usize,
        n_knots: usize,
        starts: [usize; 2],
    },
    OneHot {
        bin: usize,
        n_bins: usize,
    },
    /// `start`: of its rows.
    Embedding {
        bin: usize,
        width: usize,
        start: usize,
    },
}

/// A layer whose outputs lie in blocks.
#[derive(Debug, Clone)]
pub(crate) struct PackedLayer {
    /// `(n_padded,)`.
    bias: Vec<f32>,
    weights: Weights,
    n_inputs: usize,
    n_outputs: usize,
    activation: Activation,
}

/// Blocks of up to [`BLOCK`] outputs one after the other, each `(n_inputs, outputs of the block)`.
#[derive(Debug, Clone)]
enum Weights {
    Whole(Vec<f32>),
    /// The first halves of numbers whose second halves are zero.
    Half(Vec<Half>),
}

/// A number of 16 bits, see [`crate::net::to_half`].
#[derive(Debug, Clone, Copy, Default)]
struct Half(u16);

/// A weight as a number.
trait Weight: Copy {
    fn number(self) -> f32;
}

impl Weight for f32 {
    #[inline(always)]
    fn number(self) -> f32 {
        self
    }
}

impl Weight for Half {
    #[inline(always)]
    fn number(self) -> f32 {
        f32::from_bits(u32::from(self.0) << 16)
    }
}

/// Memory that a net writes to.
#[derive(Debug, Clone, Default)]
pub(crate) struct NetRoom {
    active: Vec<Active>,
    sums: Vec<f32>,
}

/// Sums of a layer, rounded up to whole registers.
pub(crate) fn padded(n_outputs: usize) -> usize {
    let lanes = if n_outputs <= FEW_LANES { FEW_LANES } else { DENSE_LANES };
    n_outputs.next_multiple_of(lanes)
}

impl Shape {
    /// Adds what a net takes, its features aside.
    pub(crate) fn add_net(&mut self, net: &Net) {
        let sizes: Vec<usize> = net.layers.iter().map(Layer::n_outputs).collect();
        self.add_dense(net.n_inputs(), &sizes);
        for input in &net.inputs {
            let (n_knots, n_rows) = match input {
                Input::Embedding { rows, .. } => (0, rows.len()),
                Input::Curve { knots, rows, .. } => (knots.len(), rows.len()),
                Input::Number { .. } | Input::OneHot { .. } => continue,
            };
            // Each knot is compared with, as an input is multiplied.
            self.n_dense += DENSE_LANES as f64 * n_knots as f64 / 4.0;
            self.bytes += (8 * n_knots + 4 * n_rows) as f64;
            self.file_bytes += (8 * n_knots + 4 * n_rows) as f64;
        }
        for layer in net.layers.iter().filter(|layer| layer.half) {
            let n_inputs = layer.weights.len() / layer.n_outputs().max(1);
            self.bytes -= (2 * n_inputs * padded(layer.n_outputs())) as f64;
            self.file_bytes -= (2 * layer.weights.len()) as f64;
        }
    }

    /// Adds dense layers of so many outputs over `n_inputs` columns, all taken to be not zero.
    pub fn add_dense(&mut self, n_inputs: usize, n_outputs: &[usize]) {
        let mut n_inputs = n_inputs as f64;
        for &n_outputs in n_outputs {
            let n_padded = padded(n_outputs) as f64;
            self.n_dense += (n_inputs + 1.0) * n_padded;
            self.bytes += 4.0 * (n_inputs + 1.0) * n_padded;
            self.file_bytes += 4.0 * (n_inputs + 1.0) * n_outputs as f64;
            n_inputs = n_outputs as f64;
        }
    }
}

impl PackedNet {
    /// Packs a checked net.
    pub fn new(net: &Net, places: &[Places], tier: Tier) -> Self {
        let (mut rows, mut knots) = (Vec::new(), Vec::new());
        let pack = |input: &Input| {
            let place = places[input.feature() as usize];
            match input {
                Input::Number { center, factor, clip, missing, indicator, .. } => {
                    PackedInput::Number {
                        number: place.number,
                        center: *center,
                        factor: *factor,
                        clip: *clip,
                        missing: *missing,
                        indicator: *indicator,
                    }
                }
                Input::Curve { width, knots: own, rows: own_rows, .. } => {
                    let starts = [knots.len(), rows.len()];
                    knots.extend_from_slice(own);
                    rows.extend_from_slice(own_rows);
                    let (number, width) = (place.number, *width as usize);
                    PackedInput::Curve { number, width, n_knots: own.len(), starts }
                }
                Input::OneHot { n_bins, .. } => {
                    PackedInput::OneHot { bin: place.bin, n_bins: *n_bins as usize }
                }
                Input::Embedding { width, rows: own, .. } => {
                    let start = rows.len();
                    rows.extend_from_slice(own);
                    PackedInput::Embedding { bin: place.bin, width: *width as usize, start }
                }
            }
        };
        let inputs = net.inputs.iter().map(pack).collect();
        let layers: Vec<PackedLayer> = net.layers.iter().map(PackedLayer::new).collect();
        let most = |of: fn(&PackedLayer) -> usize| layers.iter().map(of).max().unwrap_or(0);
        let n_most = [most(|layer| layer.n_inputs), most(|layer| layer.bias.len())];
        let (base, scale) = (net.base.clone(), net.scale);
        PackedNet { base, scale, inputs, rows, knots, layers, tier, n_most }
    }

    /// Makes room for a row.
    pub fn make_room(&self, room: &mut NetRoom) {
        let [n_inputs, n_sums] = self.n_most;
        if room.active.len() < n_inputs {
            room.active.resize(n_inputs, (0, 0.0));
        }
        if room.sums.len() < n_sums {
            room.sums.resize(n_sums, 0.0);
        }
    }

    /// Adds the scores of one row to `scores` `(n_outputs,)`.
    pub fn score(&self, numbers: &[f64], bins: &[u8], room: &mut NetRoom, scores: &mut [f64]) {
        self.make_room(room);
        let NetRoom { active, sums } = room;
        let mut n_active = self.gather(numbers, bins, active);
        for (index, layer) in self.layers.iter().enumerate() {
            let sums = &mut sums[..layer.bias.len()];
            arch::dense(self.tier, layer, &active[..n_active], sums);
            if index + 1 < self.layers.len() {
                n_active = keep_active(&sums[..layer.n_outputs], active);
            }
        }
        for ((score, base), output) in scores.iter_mut().zip(&self.base).zip(&*sums) {
            *score += base + self.scale * f64::from(*output);
        }
    }

    /// The columns of the first layer that are not zero, ascending; how many there are.
    fn gather(&self, numbers: &[f64], bins: &[u8], active: &mut [Active]) -> usize {
        let (mut column, mut n_active) = (0, 0);
        let mut push = |column: u32, value: f32| {
            active[n_active] = (column, value);
            n_active += usize::from(value != 0.0);
        };
        for input in &self.inputs {
            match *input {
                PackedInput::Number { number, center, factor, clip, missing, indicator } => {
                    let value = numbers[number];
                    push(column, scaled(value, center, factor, clip, missing));
                    column += 1;
                    if indicator {
                        push(column, f32::from(u8::from(value.is_nan())));
                        column += 1;
                    }
                }
                PackedInput::Curve { number, width, n_knots, starts } => {
                    let knots = &self.knots[starts[0]..starts[0] + n_knots];
                    let rows = &self.rows[starts[1]..starts[1] + (n_knots + 1) * width];
                    Curve { knots, rows, width }.at(numbers[number], |value| {
                        push(column, value);
                        column += 1;
                    });
                }
                PackedInput::OneHot { bin, n_bins } => {
                    push(column + u32::from(bins[bin]), 1.0);
                    column += n_bins as u32;
                }
                PackedInput::Embedding { bin, width, start } => {
                    let start = start + usize::from(bins[bin]) * width;
                    for &value in &self.rows[start..start + width] {
                        push(column, value);
                        column += 1;
                    }
                }
            }
        }
        n_active
    }
}

/// Lists the values that are not zero; how many there are. No branch depends on them.
fn keep_active(values: &[f32], active: &mut [Active]) -> usize {
    let active = &mut active[..values.len()];
    let mut n_active = 0;
    for (index, &value) in values.iter().enumerate() {
        active[n_active] = (index as u32, value);
        n_active += usize::from(value != 0.0);
    }
    n_active
}

impl PackedLayer {
    fn new(layer: &Layer) -> PackedLayer {
        let n_outputs = layer.n_outputs();
        let mut bias = layer.bias.clone();
        bias.resize(padded(n_outputs), 0.0);
        let weights = match layer.half {
            true => Weights::Half(blocks(layer, |x| Half((x.to_bits() >> 16) as u16))),
            false => Weights::Whole(blocks(layer, |x| x)),
        };
        let n_inputs = layer.weights.len() / n_outputs;
        PackedLayer { bias, weights, n_inputs, n_outputs, activation: layer.activation }
    }

    /// Outputs from the inputs that are not zero, into `sums` `(n_padded,)`.
    ///
    /// Inlined into a function for every tier, whose vectors it then uses: `MOST` sums stay in its
    /// registers.
    #[inline(always)]
    pub fn forward<const MOST: usize>(&self, active: &[Active], sums: &mut [f32]) {
        match &self.weights {
            Weights::Whole(weights) => self.sum_blocks::<f32, MOST>(weights, active, sums),
            Weights::Half(weights) => self.sum_blocks::<Half, MOST>(weights, active, sums),
        }
        self.activation.apply(sums);
    }

    #[inline(always)]
    fn sum_blocks<W: Weight, const MOST: usize>(
        &self,
        mut weights: &[W],
        active: &[Active],
        sums: &mut [f32],
    ) {
        for (bias, sums) in self.bias.chunks(BLOCK).zip(sums.chunks_mut(BLOCK)) {
            let (own, rest) = weights.split_at(self.n_inputs * bias.len());
            weights = rest;
            sum_block::<W, MOST>(bias, own, active, sums);
        }
    }
}

/// The weights of a layer in blocks, outputs filled up with zeros.
fn blocks<W: Default + Clone>(layer: &Layer, of: impl Fn(f32) -> W) -> Vec<W> {
    let n_outputs = layer.n_outputs();
    let n_padded = padded(n_outputs);
    let mut weights = Vec::with_capacity(layer.weights.len() / n_outputs * n_padded);
    for start in (0..n_padded).step_by(BLOCK) {
        let width = (n_padded - start).min(BLOCK);
        let end = n_outputs.min(start + width);
        for row in layer.weights.chunks_exact(n_outputs) {
            weights.extend(row[start..end].iter().map(|&weight| of(weight)));
            weights.extend(std::iter::repeat_n(W::default(), start + width - end));
        }
    }
    weights
}

/// Sums of one block: in pieces of `MOST` sums, then of halves of it, each kept in registers.
#[inline(always)]
fn sum_block<W: Weight, const MOST: usize>(
    bias: &[f32],
    weights: &[W],
    active: &[Active],
    sums: &mut [f32],
) {
    let mut at = 0;
    while at < bias.len() {
        let n_left = bias.len() - at;
        at += match n_left {
            left if left >= MOST => sum::<W, MOST>(bias, weights, active, sums, at),
            64.. if MOST > 64 => sum::<W, 64>(bias, weights, active, sums, at),
            32.. if MOST > 32 => sum::<W, 32>(bias, weights, active, sums, at),
            16.. => sum::<W, 16>(bias, weights, active, sums, at),
            _ => sum::<W, FEW_LANES>(bias, weights, active, sums, at),
        };
    }
}

/// The sums of `N` outputs from `at` on; gives `N`.
#[inline(always)]
fn sum<W: Weight, const N: usize>(
    bias: &[f32],
    weights: &[W],
    active: &[Active],
    sums: &mut [f32],
    at: usize,
) -> usize {
    let width = bias.len();
    let mut own = [0.0; N];
    own.copy_from_slice(&bias[at..at + N]);
    for &(index, value) in active {
        let start = index as usize * width + at;
        let Some((weights, _)) = weights[start..].split_first_chunk::<N>() else { break };
        for lane in 0..N {
            own[lane] += value * weights[lane].number();
        }
    }
    sums[at..at + N].copy_from_slice(&own);
    N
}
