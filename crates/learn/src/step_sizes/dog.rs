//! Gradient descent whose rate is distance over gradients.

use std::ops::Range;

use super::{Layout, Optimizer, OptimizerKind, StateVisitor, norm_squared};

const REFERENCE: &str = "Ivgi, M.; Hinder, O.; Carmon, Y. (2023). DoG is SGD's best friend: a parameter-free dynamic step size schedule. arXiv:2302.12022";

/// The listing of [`Dog`].
pub(super) const KIND: OptimizerKind = OptimizerKind {
    name: "dog",
    formula: "p - a max |p - p_0| / sqrt(sum |g|^2) g",
    help: "gradient descent at the distance gone over the gradients seen; best averaged",
    references: &[REFERENCE],
    finds_rate: true,
    build: |layout| Box::new(Dog::new(layout, DogOptions::default())),
};

/// The listing of [`Dog`] by group.
pub(super) const LAYERWISE_KIND: OptimizerKind = OptimizerKind {
    name: "l_dog",
    formula: "p - a max |p - p_0| / sqrt(sum |g|^2) g, each group by itself",
    help: "DoG with a rate for each group; best averaged",
    references: &[REFERENCE],
    finds_rate: true,
    build: |layout| {
        Box::new(Dog::new(layout, DogOptions { layerwise: true, ..DogOptions::default() }))
    },
};

/// What can be set of [`Dog`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DogOptions {
    /// Length of the first step as a share of `1 + |p_0|`.
    pub first_distance: f64,
    /// `decay * p` is added to the gradient.
    pub weight_decay: f64,
    /// Added to the sum of squares.
    pub eps: f64,
    /// Whether each group has its own rate (L-DoG).
    pub layerwise: bool,
}

impl Default for DogOptions {
    fn default() -> Self {
        DogOptions { first_distance: 1e-6, weight_decay: 0.0, eps: 1e-8, layerwise: false }
    }
}

/// `p - a r / sqrt(G) g`, `r` the largest distance from the start so far and `G` the sum of squared
/// gradients. Equals `DoG` and `LDoG` of the authors' package `dog-optimizer`, whose averaging is
/// [`Averaging::Polynomial`](super::Averaging::Polynomial).
#[derive(Debug, Clone)]
pub struct Dog {
    options: DogOptions,
    layout: Layout,
    first_params: Vec<f32>,
    grads: Vec<f32>,
    blocks: Vec<Block>,
    n_steps: u64,
}

/// What has one rate.
#[derive(Debug, Clone)]
struct Block {
    range: Range<usize>,
    distance: f64,
    squares: f64,
}

impl Dog {
    /// No gradient seen.
    pub fn new(layout: &Layout, options: DogOptions) -> Self {
        let block = |range| Block { range, distance: 0.0, squares: options.eps };
        let blocks = if options.layerwise {
            layout.groups().map(|(_, range)| block(range)).collect()
        } else {
            vec![block(0..layout.n_params())]
        };
        let (first_params, grads) = (layout.zeros(), layout.zeros());
        Dog { options, layout: layout.clone(), first_params, grads, blocks, n_steps: 0 }
    }
}

impl Block {
    /// The rate, after it has seen where the parameters are and their gradients.
    fn rate(&mut self, params: &[f32], first: &[f32], grads: &[f32], start: Option<f64>) -> f64 {
        let range = self.range.clone();
        self.distance = match start {
            Some(share) => share * (1.0 + norm_squared(&params[range.clone()]).sqrt()),
            None => {
                let pairs = params[range.clone()].iter().zip(&first[range.clone()]);
                let gone = |(x, y): (&f32, &f32)| (f64::from(*x) - f64::from(*y)).powi(2);
                self.distance.max(pairs.map(gone).sum::<f64>().sqrt())
            }
        };
        self.squares += norm_squared(&grads[range]);
        if self.squares > 0.0 { self.distance / self.squares.sqrt() } else { 0.0 }
    }
}

impl Optimizer for Dog {
    fn name(&self) -> &'static str {
        if self.options.layerwise { "l_dog" } else { "dog" }
    }

    fn step(&mut self, params: &mut [f32], grads: &[f32], lr: f32) {
        self.layout.check(params, grads);
        let is_first = self.n_steps == 0;
        if is_first {
            self.first_params.copy_from_slice(params);
        }
        for (group, range) in self.layout.groups() {
            let decay = self.options.weight_decay as f32 * group.decay_scale;
            for at in range {
                self.grads[at] = grads[at] + decay * params[at];
            }
        }
        let start = is_first.then_some(self.options.first_distance);
        let mut blocks = self.blocks.iter_mut();
        let mut rate = 0.0;
        for (at, (group, range)) in self.layout.groups().enumerate() {
            if at == 0 || self.options.layerwise {
                let block = blocks.next().expect("a block for each group, or one for all");
                rate = block.rate(params, &self.first_params, &self.grads, start);
            }
            let rate = (rate * f64::from(lr) * f64::from(group.lr_scale)) as f32;
            for at in range {
                params[at] -= rate * self.grads[at];
            }
        }
        self.n_steps += 1;
    }

    fn visit_state(&mut self, visitor: &mut dyn StateVisitor) {
        visitor.u64(&mut self.n_steps);
        visitor.f32s(&mut self.first_params);
        for block in &mut self.blocks {
            visitor.f64(&mut block.distance);
            visitor.f64(&mut block.squares);
        }
    }
}
