//! The weights of a net as one flat slice, and the gradient of its loss.
//!
//! ```text
//! params: embeddings of the inputs | weights, bias of layer 0 | weights, bias of layer 1 | ...
//! ```

use std::ops::Range;

use eyas_model::net::to_half;
use eyas_model::{Activation, Input, Layer, Net};

use super::inputs::{Encoded, Inputs};
use super::loss::{Loss, Truth};
use super::options::Options;
use crate::kernels::arch::product::{Matrix, Write, product};
use crate::random::Stream;
use crate::step_sizes::{Group, Layout};

/// The shape of a net.
#[derive(Debug, Clone)]
pub(super) struct Network {
    pub inputs: Inputs,
    /// Columns of the first layer, then the outputs of each layer.
    pub sizes: Vec<usize>,
    activation: Activation,
    dropout: f32,
    /// Whether the weights of layers are rounded to 16 bits when a net is made.
    half: bool,
    /// Place of each embedding in the parameters, by input; empty for others.
    embeddings: Vec<Range<usize>>,
    /// Place of the weights of each layer; its bias follows.
    layers: Vec<Range<usize>>,
    pub n_params: usize,
}

/// Memory for the rows of a piece of a batch.
#[derive(Debug)]
pub(super) struct Workspace {
    /// Inputs of each layer `(n_rows, sizes[layer])`; the outputs last.
    values: Vec<Vec<f32>>,
    /// Sums of each hidden layer, before its activation.
    sums: Vec<Vec<f32>>,
    /// Factors of dropout by hidden layer; empty without.
    masks: Vec<Vec<f32>>,
    /// Gradients of sums, of the layer at hand and of the one below it.
    deltas: [Vec<f32>; 2],
    /// Gradient of the parameters `(n_params,)`.
    pub grads: Vec<f32>,
    /// Sum of the losses of the rows that it is of.
    pub loss: f64,
}

impl Network {
    pub fn new(inputs: Inputs, options: &Options, n_outputs: usize) -> Network {
        let mut sizes = vec![inputs.n_columns];
        sizes.extend(&options.hidden);
        sizes.push(n_outputs);
        let mut n_params = 0;
        let mut take = |n: usize| {
            n_params += n;
            n_params - n..n_params
        };
        let of_input = |(input, seen): (&Input, &Vec<bool>)| match input {
            Input::Embedding { width, .. } => take(seen.len() * *width as usize),
            _ => 0..0,
        };
        let embeddings = inputs.list.iter().zip(&inputs.seen).map(of_input).collect();
        let layer = |sides: &[usize]| {
            let weights = take(sides[0] * sides[1]);
            take(sides[1]);
            weights
        };
        let layers = sizes.windows(2).map(layer).collect();
        let (activation, dropout, half) = (options.activation, options.dropout, options.half);
        Network { inputs, sizes, activation, dropout, half, embeddings, layers, n_params }
    }

    fn n_layers(&self) -> usize {
        self.layers.len()
    }

    fn bias(&self, layer: usize) -> Range<usize> {
        let start = self.layers[layer].end;
        start..start + self.sizes[layer + 1]
    }

    /// The groups of the parameters; biases do not decay.
    pub fn layout(&self) -> Layout {
        let mut groups = Vec::new();
        for range in self.embeddings.iter().filter(|range| !range.is_empty()) {
            groups.push(Group::vector(range.len()));
        }
        for sides in self.sizes.windows(2) {
            groups.push(Group::matrix(sides[0], sides[1]));
            groups.push(Group::vector(sides[1]).decay_scale(0.0));
        }
        Layout::new(groups).expect("shapes are those of their lengths")
    }

    /// First weights: uniform, of a variance of 2 over the inputs that are not zero (1 for the last
    /// layer); bins that no row has stay at zero.
    ///
    /// Reference: He, K.; Zhang, X.; Ren, S.; Sun, J. (2015). Delving deep into rectifiers.
    /// arXiv:1502.01852
    pub fn start(&self, seed: u64) -> Vec<f32> {
        let mut random = Stream::new(&[seed, START]);
        let mut params = vec![0.0; self.n_params];
        for (range, seen) in self.embeddings.iter().zip(&self.inputs.seen) {
            let width = range.len().checked_div(seen.len()).unwrap_or(1).max(1);
            for (row, seen) in params[range.clone()].chunks_exact_mut(width).zip(seen) {
                row.iter_mut().for_each(|p| *p = (random.uniform() as f32 - 0.5) * 0.2);
                row.iter_mut().filter(|_| !seen).for_each(|p| *p = 0.0);
            }
        }
        for layer in 0..self.n_layers() {
            // Of the columns of a category one is not zero.
            let active = |input: &Input| match input {
                Input::OneHot { .. } => 1,
                other => other.width(),
            };
            let n_active = match layer {
                0 => self.inputs.list.iter().map(active).sum(),
                _ => self.sizes[layer],
            };
            let gain = if layer + 1 < self.n_layers() { 6.0 } else { 3.0 };
            let most = libm::sqrt(gain / f64::max(n_active as f64, 1.0));
            let weights = &mut params[self.layers[layer].clone()];
            weights.iter_mut().for_each(|p| *p = ((2.0 * random.uniform() - 1.0) * most) as f32);
        }
        self.clear_unseen(&mut params);
        params
    }

    /// Weights of bins that no training row has: zero, so that such a row gets no input from them.
    fn clear_unseen(&self, params: &mut [f32]) {
        let width = self.sizes[1];
        let mut rows = params[self.layers[0].clone()].chunks_exact_mut(width);
        for (input, seen) in self.inputs.list.iter().zip(&self.inputs.seen) {
            for (column, row) in rows.by_ref().take(input.width()).enumerate() {
                if matches!(input, Input::OneHot { .. }) && !seen[column] {
                    row.fill(0.0);
                }
            }
        }
    }

    pub fn workspace(&self, n_rows: usize) -> Workspace {
        let room = |sizes: &[usize]| sizes.iter().map(|n| vec![0.0; n_rows * n]).collect();
        let hidden = &self.sizes[1..self.n_layers()];
        let most = self.sizes.iter().max().copied().unwrap_or(0);
        Workspace {
            values: room(&self.sizes),
            sums: room(hidden),
            masks: if self.dropout > 0.0 { room(hidden) } else { Vec::new() },
            deltas: [vec![0.0; n_rows * most], vec![0.0; n_rows * most]],
            grads: vec![0.0; self.n_params],
            loss: 0.0,
        }
    }

    /// Fills the columns of the first layer with rows of the encoded ones.
    fn gather(&self, params: &[f32], data: &Encoded, rows: &[u32], values: &mut [f32]) {
        let (width, n_numbers) = (self.sizes[0], self.inputs.n_numbers);
        let n_binned = self.inputs.binned().count();
        for (&row, values) in rows.iter().zip(values.chunks_exact_mut(width.max(1))) {
            let numbers = &data.numbers[row as usize * n_numbers..][..n_numbers];
            let (dense, mut rest) = values.split_at_mut(n_numbers);
            dense.copy_from_slice(numbers);
            let bins = &data.bins[row as usize * n_binned..][..n_binned];
            let binned = self.inputs.list.iter().zip(&self.embeddings);
            let binned = binned.filter(|(input, _)| input.reads_bin());
            for ((input, place), &bin) in binned.zip(bins) {
                let own;
                (own, rest) = rest.split_at_mut(input.width());
                if place.is_empty() {
                    own.fill(0.0);
                    own[usize::from(bin)] = 1.0;
                } else {
                    let start = place.start + usize::from(bin) * own.len();
                    own.copy_from_slice(&params[start..start + own.len()]);
                }
            }
        }
    }

    /// Outputs `(rows.len(), n_outputs)` of rows of the encoded ones; `key` is that of dropout.
    pub fn forward<'w>(
        &self,
        params: &[f32],
        data: &Encoded,
        rows: &[u32],
        key: Option<&[u64]>,
        work: &'w mut Workspace,
    ) -> &'w [f32] {
        let n_rows = rows.len();
        self.gather(params, data, rows, &mut work.values[0]);
        let mut random = key.filter(|_| self.dropout > 0.0).map(Stream::new);
        for layer in 0..self.n_layers() {
            let (below, above) = work.values.split_at_mut(layer + 1);
            let (n_in, n_out) = (self.sizes[layer], self.sizes[layer + 1]);
            let inputs = Matrix::new(&below[layer][..n_rows * n_in], n_rows, n_in);
            let weights = Matrix::new(&params[self.layers[layer].clone()], n_in, n_out);
            let outputs = &mut above[0][..n_rows * n_out];
            let bias = &params[self.bias(layer)];
            let sum = |sums: &mut [f32]| {
                sums.chunks_exact_mut(n_out).for_each(|sums| sums.copy_from_slice(bias));
                product(inputs, weights, Write::Add, sums);
            };
            if layer + 1 == self.n_layers() {
                sum(outputs);
                continue;
            }
            let sums = &mut work.sums[layer][..n_rows * n_out];
            sum(sums);
            outputs.copy_from_slice(sums);
            self.activation.apply(outputs);
            if let Some(random) = &mut random {
                drop_out(self.dropout, random, outputs, &mut work.masks[layer]);
            }
        }
        let n_outputs = self.sizes[self.n_layers()];
        &work.values[self.n_layers()][..n_rows * n_outputs]
    }

    /// The gradient of the sum of the losses of `rows` over `share`, into `work.grads`; gives that
    /// sum of losses.
    #[allow(clippy::too_many_arguments)]
    pub fn gradient(
        &self,
        params: &[f32],
        data: &Encoded,
        rows: &[u32],
        truth: &Truth,
        loss: &Loss,
        share: f32,
        key: &[u64],
        work: &mut Workspace,
    ) -> f64 {
        let (n_rows, n_layers) = (rows.len(), self.n_layers());
        self.forward(params, data, rows, Some(key), work);
        let n_outputs = self.sizes[n_layers];
        let Workspace { values, sums, masks, deltas: [delta, below], grads, .. } = work;
        let outputs = &values[n_layers][..n_rows * n_outputs];
        let total = loss.gradients(outputs, rows, truth, share, &mut delta[..n_rows * n_outputs]);
        let embeds = self.embeddings.iter().any(|range| !range.is_empty());
        for layer in (0..n_layers).rev() {
            let (n_in, n_out) = (self.sizes[layer], self.sizes[layer + 1]);
            let own = Matrix::new(&delta[..n_rows * n_out], n_rows, n_out);
            let inputs = Matrix::new(&values[layer][..n_rows * n_in], n_rows, n_in);
            let weight_grads = &mut grads[self.layers[layer].clone()];
            product(inputs.transposed(), own, Write::Replace, weight_grads);
            let bias_grads = &mut grads[self.bias(layer)];
            bias_grads.fill(0.0);
            for delta in delta[..n_rows * n_out].chunks_exact(n_out) {
                bias_grads.iter_mut().zip(delta).for_each(|(sum, delta)| *sum += delta);
            }
            if layer == 0 && !embeds {
                break;
            }
            let weights = Matrix::new(&params[self.layers[layer].clone()], n_in, n_out);
            let lower = &mut below[..n_rows * n_in];
            product(own, weights.transposed(), Write::Replace, lower);
            if layer > 0 {
                let sums = &sums[layer - 1][..n_rows * n_in];
                let slopes = lower.iter_mut().zip(sums);
                slopes.for_each(|(delta, &sum)| *delta *= self.activation.slope(sum));
                if self.dropout > 0.0 {
                    let masked = lower.iter_mut().zip(&masks[layer - 1]);
                    masked.for_each(|(delta, factor)| *delta *= factor);
                }
            } else {
                self.embedding_grads(data, rows, lower, grads);
            }
            std::mem::swap(delta, below);
        }
        total
    }

    /// Adds the gradients of the first columns to the rows of embeddings that they came from.
    fn embedding_grads(&self, data: &Encoded, rows: &[u32], delta: &[f32], grads: &mut [f32]) {
        let n_binned = self.inputs.binned().count();
        self.embeddings.iter().for_each(|range| grads[range.clone()].fill(0.0));
        for (&row, delta) in rows.iter().zip(delta.chunks_exact(self.sizes[0])) {
            let bins = &data.bins[row as usize * n_binned..][..n_binned];
            let binned = self.inputs.list.iter().zip(&self.embeddings);
            let binned = binned.filter(|(input, _)| input.reads_bin());
            let mut column = self.inputs.n_numbers;
            for ((input, place), &bin) in binned.zip(bins) {
                let width = input.width();
                if !place.is_empty() {
                    let start = place.start + usize::from(bin) * width;
                    let sums = grads[start..start + width].iter_mut();
                    sums.zip(&delta[column..]).for_each(|(sum, delta)| *sum += delta);
                }
                column += width;
            }
        }
    }

    /// The parameters as a net has them: weights of 16 bits if that is wished for.
    pub fn rounded(&self, params: &[f32]) -> Vec<f32> {
        let mut params = params.to_vec();
        for range in self.layers.iter().filter(|_| self.half) {
            params[range.clone()].iter_mut().for_each(|weight| *weight = to_half(*weight));
        }
        params
    }

    /// The net of these [rounded](Network::rounded) parameters, its outputs multiplied by `scale` and moved by `base`.
    pub fn net(&self, params: &[f32], base: Vec<f64>, scale: f64) -> Net {
        let input = |(input, range): (&Input, &Range<usize>)| match input {
            Input::Embedding { feature, width, .. } => Input::Embedding {
                feature: *feature,
                width: *width,
                rows: params[range.clone()].to_vec(),
            },
            other => other.clone(),
        };
        let layer = |layer: usize| Layer {
            bias: params[self.bias(layer)].to_vec(),
            weights: params[self.layers[layer].clone()].to_vec(),
            activation: match layer + 1 == self.n_layers() {
                true => Activation::Identity,
                false => self.activation,
            },
            half: self.half,
        };
        let inputs = self.inputs.list.iter().zip(&self.embeddings).map(input).collect();
        Net { base, scale, inputs, layers: (0..self.n_layers()).map(layer).collect() }
    }
}

/// Sets a share of the values to zero and raises the others, so that their mean stays.
///
/// Reference: Srivastava, N. et al. (2014). Dropout: a simple way to prevent neural networks from
/// overfitting. JMLR 15, 1929-1958
fn drop_out(share: f32, random: &mut Stream, values: &mut [f32], mask: &mut [f32]) {
    let kept = 1.0 / (1.0 - share);
    for (value, mask) in values.iter_mut().zip(mask) {
        *mask = if (random.uniform() as f32) < share { 0.0 } else { kept };
        *value *= *mask;
    }
}

/// Key of the first weights.
const START: u64 = 1;
