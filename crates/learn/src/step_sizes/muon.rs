//! Momentum whose steps have singular values of about one.

use super::adam::AdamStep;
use super::{AdamOptions, Layout, Optimizer, OptimizerKind, StateVisitor, norm_squared};

/// The listing of [`Muon`].
pub(super) const KIND: OptimizerKind = OptimizerKind {
    name: "muon",
    formula: "b = m b + (1 - m) g; p (1 - a decay) - a scale U V' with U S V' = (1 - m) g + m b",
    help: "makes the steps of matrices orthogonal; AdamW for the rest",
    references: &[
        "Jordan, K. et al. (2024). Muon: an optimizer for hidden layers in neural networks. kellerjordan.github.io/posts/muon",
        "Liu, J. et al. (2025). Muon is scalable for LLM training. arXiv:2502.16982",
    ],
    finds_rate: false,
    build: |layout| Box::new(Muon::new(layout, MuonOptions::default())),
};

/// The quintic of the Newton-Schulz iteration.
const QUINTIC: (f32, f32, f32) = (3.4445, -4.7750, 2.0315);

/// How the rate depends on the shape of a matrix of `r` rows and `c` columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MuonScale {
    /// `sqrt(max(1, r / c))`.
    Original,
    /// `0.2 sqrt(max(r, c))`: steps as large as those of AdamW, so that both take the same rate.
    MatchAdamW,
}

/// What can be set of [`Muon`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MuonOptions {
    /// Share of the last direction that is kept, in `[0, 1)`.
    pub momentum: f64,
    /// Whether the step looks ahead.
    pub nesterov: bool,
    /// Parameters shrink by `1 - a decay`.
    pub weight_decay: f64,
    /// Iterations towards orthogonality.
    pub n_iterations: u32,
    /// How the rate depends on shapes.
    pub scale: MuonScale,
    /// For groups that are no matrices; its decay too.
    pub others: AdamOptions,
}

impl Default for MuonOptions {
    fn default() -> Self {
        MuonOptions {
            momentum: 0.95,
            nesterov: true,
            weight_decay: 0.1,
            n_iterations: 5,
            scale: MuonScale::MatchAdamW,
            others: AdamOptions::default(),
        }
    }
}

/// Equals `torch.optim.Muon` (which iterates with 16-bit floats, here 32) on groups with a shape,
/// [`AdamW`](super::AdamW) on the others. A step costs `6 r c min(r, c)` multiplications an
/// iteration.
#[derive(Debug, Clone)]
pub struct Muon {
    options: MuonOptions,
    layout: Layout,
    /// Mean gradient.
    first: Vec<f32>,
    /// Mean square, of groups without shape.
    second: Vec<f32>,
    n_steps: u64,
    scratch: Scratch,
}

#[derive(Debug, Clone)]
struct Scratch {
    x: Vec<f32>,
    product: Vec<f32>,
    gram: Vec<f32>,
    square: Vec<f32>,
}

impl Muon {
    /// At rest.
    pub fn new(layout: &Layout, options: MuonOptions) -> Muon {
        let shapes = || layout.groups().filter_map(|(group, _)| group.shape);
        let largest = shapes().map(|(rows, columns)| rows * columns).max().unwrap_or(0);
        let narrow = shapes().map(|(rows, columns)| rows.min(columns)).max().unwrap_or(0);
        let zeros = |n: usize| vec![0.0; n];
        let scratch = Scratch {
            x: zeros(largest),
            product: zeros(largest),
            gram: zeros(narrow * narrow),
            square: zeros(narrow * narrow),
        };
        let (first, second) = (layout.zeros(), layout.zeros());
        Muon { options, layout: layout.clone(), first, second, n_steps: 0, scratch }
    }
}

impl Scratch {
    /// Turns `x` (`k` rows of `m`, `k <= m`) into about the nearest matrix with orthogonal rows.
    fn orthogonalize(&mut self, k: usize, m: usize, n_iterations: u32) {
        let (a, b, c) = QUINTIC;
        let x = &mut self.x[..k * m];
        let scale = 1.0 / norm_squared(x).sqrt().max(1e-7) as f32;
        x.iter_mut().for_each(|value| *value *= scale);
        let (product, gram) = (&mut self.product[..k * m], &mut self.gram[..k * k]);
        let square = &mut self.square[..k * k];
        for _ in 0..n_iterations {
            for row in 0..k {
                for other in 0..=row {
                    let product = dot(&x[row * m..][..m], &x[other * m..][..m]);
                    gram[row * k + other] = product;
                    gram[other * k + row] = product;
                }
            }
            multiply(gram, gram, square, k);
            for (square, gram) in square.iter_mut().zip(&*gram) {
                *square = b * gram + c * *square;
            }
            multiply(square, x, product, m);
            for (x, product) in x.iter_mut().zip(&*product) {
                *x = a * *x + product;
            }
        }
    }
}

/// `x . y` in sixteen lanes.
fn dot(x: &[f32], y: &[f32]) -> f32 {
    let (x_chunks, x_rest) = x.as_chunks::<16>();
    let (y_chunks, y_rest) = y.as_chunks::<16>();
    let mut lanes = [0.0_f32; 16];
    for (x, y) in x_chunks.iter().zip(y_chunks) {
        for lane in 0..16 {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    for ((x, y), lane) in x_rest.iter().zip(y_rest).zip(&mut lanes) {
        *lane += x * y;
    }
    lanes.iter().sum()
}

/// `out = left right`: `k` by `k` times `k` by `m`, all row by row.
fn multiply(left: &[f32], right: &[f32], out: &mut [f32], m: usize) {
    let k = right.len() / m.max(1);
    out.fill(0.0);
    for row in 0..k {
        for inner in 0..k {
            let factor = left[row * k + inner];
            let out = &mut out[row * m..][..m];
            for (out, right) in out.iter_mut().zip(&right[inner * m..][..m]) {
                *out += factor * right;
            }
        }
    }
}

impl Optimizer for Muon {
    fn name(&self) -> &'static str {
        "muon"
    }

    fn step(&mut self, params: &mut [f32], grads: &[f32], lr: f32) {
        self.layout.check(params, grads);
        self.n_steps += 1;
        let MuonOptions { momentum, nesterov, n_iterations, others, .. } = self.options;
        let (new, ahead) = ((1.0 - momentum) as f32, if nesterov { momentum as f32 } else { 1.0 });
        let adam = AdamStep::new(&others, self.n_steps);
        for (group, range) in self.layout.groups() {
            let lr = lr * group.lr_scale;
            let Some((rows, columns)) = group.shape else {
                let decay = others.weight_decay as f32 * group.decay_scale;
                for at in range {
                    params[at] *= 1.0 - lr * decay;
                    let (first, second) = (&mut self.first[at], &mut self.second[at]);
                    params[at] -= lr * adam.direction(grads[at], first, second);
                }
                continue;
            };
            // The narrow side is that of the rows.
            let turned = rows > columns;
            let place = |at: usize| {
                if turned { (at % columns) * rows + at / columns } else { at }
            };
            for (offset, at) in range.clone().enumerate() {
                self.first[at] += new * (grads[at] - self.first[at]);
                let direction = grads[at] + ahead * (self.first[at] - grads[at]);
                self.scratch.x[place(offset)] = direction;
            }
            self.scratch.orthogonalize(rows.min(columns), rows.max(columns), n_iterations);
            let (shrink, lr) = (
                1.0 - lr * self.options.weight_decay as f32 * group.decay_scale,
                lr * self.options.scale.of(rows, columns) as f32,
            );
            for (offset, at) in range.enumerate() {
                params[at] = params[at] * shrink - lr * self.scratch.x[place(offset)];
            }
        }
    }

    fn visit_state(&mut self, visitor: &mut dyn StateVisitor) {
        visitor.u64(&mut self.n_steps);
        visitor.f32s(&mut self.first);
        visitor.f32s(&mut self.second);
    }
}

impl MuonScale {
    fn of(self, rows: usize, columns: usize) -> f64 {
        match self {
            MuonScale::Original => (rows as f64 / columns.max(1) as f64).max(1.0).sqrt(),
            MuonScale::MatchAdamW => 0.2 * (rows.max(columns) as f64).sqrt(),
        }
    }
}
