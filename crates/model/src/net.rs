//! Neural nets of dense layers over numbers, categories and embeddings.

/// One input of a net: how a feature becomes columns of the first layer.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// `clamp((v - center) * factor, -clip, clip)` in one column; where `v` is missing, `missing`.
    Number {
        /// Feature whose number `v` is used.
        feature: u32,
        /// Subtracted from the value.
        center: f64,
        /// Multiplies it then; never zero.
        factor: f64,
        /// Largest absolute value after scaling; finite.
        clip: f64,
        /// Takes the place of a missing value.
        missing: f64,
        /// Whether a second column is 1 where the value is missing, else 0.
        indicator: bool,
    },
    /// A column a bin: 1 in that of the row's bin, else 0.
    OneHot {
        /// Feature whose bin is used.
        feature: u32,
        /// Bins of the feature.
        n_bins: u32,
    },
    /// A curve through `width` numbers a knot: below the first knot `rows[0]`, above the last one its
    /// row, between two of them a straight line, see [`Curve::at`]; where the number is missing, the row
    /// after the last knot's. Quantile transforms and piecewise-linear embeddings of numbers.
    ///
    /// Reference: Gorishniy, Y.; Rubachev, I.; Babenko, A. (2022). On embeddings for numerical features
    /// in tabular deep learning. arXiv:2203.05556
    Curve {
        /// Feature whose number is used.
        feature: u32,
        /// Columns; at least 1.
        width: u32,
        /// Ascending, all different; at least 2.
        knots: Vec<f64>,
        /// Numbers `(n_knots + 1, width)`, row-major.
        rows: Vec<f32>,
    },
    /// `rows[bin]`: a few learned numbers a bin.
    Embedding {
        /// Feature whose bin is used.
        feature: u32,
        /// Columns; at least 1.
        width: u32,
        /// Numbers `(n_bins, width)`, row-major.
        rows: Vec<f32>,
    },
}

impl Input {
    /// Feature that it reads.
    pub fn feature(&self) -> u32 {
        match self {
            Input::Number { feature, .. }
            | Input::Curve { feature, .. }
            | Input::OneHot { feature, .. }
            | Input::Embedding { feature, .. } => *feature,
        }
    }

    /// The feature, to be changed.
    pub fn feature_mut(&mut self) -> &mut u32 {
        match self {
            Input::Number { feature, .. }
            | Input::Curve { feature, .. }
            | Input::OneHot { feature, .. }
            | Input::Embedding { feature, .. } => feature,
        }
    }

    /// Whether it reads the bin of its feature, not the number.
    pub fn reads_bin(&self) -> bool {
        !matches!(self, Input::Number { .. } | Input::Curve { .. })
    }

    /// Columns that it fills.
    pub fn width(&self) -> usize {
        match self {
            Input::Number { indicator, .. } => 1 + usize::from(*indicator),
            Input::OneHot { n_bins, .. } => *n_bins as usize,
            Input::Embedding { width, .. } | Input::Curve { width, .. } => *width as usize,
        }
    }
}

/// The curve of an [`Input::Curve`].
#[derive(Debug, Clone, Copy)]
pub struct Curve<'a> {
    /// Knots `(n_knots,)`.
    pub knots: &'a [f64],
    /// Rows `(n_knots + 1, width)`.
    pub rows: &'a [f32],
    /// Columns.
    pub width: usize,
}

impl Curve<'_> {
    /// The numbers of a value, one after the other, to `push`.
    ///
    /// Between the knots `a` and `b`: `low + t * (high - low)` in `f32`, where `t` is
    /// `(value - a) / (b - a)` in `f64`, then as `f32`. No branch depends on where the value lies.
    #[inline(always)]
    pub fn at(&self, value: f64, mut push: impl FnMut(f32)) {
        let n_knots = self.knots.len();
        let n_below: usize = self.knots.iter().map(|&knot| usize::from(knot <= value)).sum();
        let first = n_below.clamp(1, n_knots - 1) - 1;
        let (a, b) = (self.knots[first], self.knots[first + 1]);
        let share = (((value - a) / (b - a)).clamp(0.0, 1.0)) as f32;
        let (first, share) = if value.is_nan() { (n_knots, 0.0) } else { (first, share) };
        let second = (first + 1).min(n_knots);
        let low = &self.rows[first * self.width..][..self.width];
        let high = &self.rows[second * self.width..][..self.width];
        for (low, high) in low.iter().zip(high) {
            push(low + share * (high - low));
        }
    }
}

/// The nearest number of 16 bits (bfloat16: the first half of an `f32`), ties to even; numbers too
/// large for it become the largest one, and NaN stays NaN.
pub fn to_half(x: f32) -> f32 {
    const LARGEST: u32 = 0x7F7F_0000;
    if x.is_nan() {
        return x;
    }
    let bits = x.to_bits();
    let rounded = (bits & 0x7FFF_FFFF) + 0x7FFF + (bits >> 16 & 1);
    f32::from_bits((rounded & 0xFFFF_0000).min(LARGEST) | bits & 0x8000_0000)
}

/// Whether a number has 16 bits, see [`to_half`].
pub fn is_half(x: f32) -> bool {
    x.to_bits() & 0xFFFF == 0
}

/// What a layer makes of its sums, number by number, in `f32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Activation {
    /// The sum itself.
    #[default]
    Identity,
    /// `max(x, 0)`.
    Relu,
    /// `0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`, PyTorch's `gelu` with `approximate="tanh"`.
    ///
    /// Reference: Hendrycks, D.; Gimpel, K. (2016). Gaussian error linear units. arXiv:1606.08415
    Gelu,
    /// `x / (1 + exp(-x))`.
    ///
    /// Reference: Elfwing, S.; Uchibe, E.; Doya, K. (2018). Sigmoid-weighted linear units for neural
    /// network function approximation in reinforcement learning. doi:10.1016/j.neunet.2017.12.012
    Silu,
}

/// `2 sqrt(2 / pi)`: twice, since `(1 + tanh(u)) / 2` is `sigmoid(2 u)`.
const GELU_SLOPE: f32 = 1.595_769;
const GELU_CUBE: f32 = 0.044_715;

impl Activation {
    /// Applies itself in place; products and sums in a fixed order, so that it gives the same bits
    /// in vectors of any length.
    #[inline(always)]
    pub fn apply(self, values: &mut [f32]) {
        match self {
            Activation::Identity => {}
            Activation::Relu => {
                values.iter_mut().for_each(|x| *x = if *x > 0.0 { *x } else { 0.0 })
            }
            Activation::Gelu => values
                .iter_mut()
                .for_each(|x| *x *= sigmoid(GELU_SLOPE * (*x + GELU_CUBE * *x * *x * *x))),
            Activation::Silu => values.iter_mut().for_each(|x| *x *= sigmoid(*x)),
        }
    }

    /// The slope at a sum, for training.
    #[inline(always)]
    pub fn slope(self, x: f32) -> f32 {
        match self {
            Activation::Identity => 1.0,
            Activation::Relu => f32::from(u8::from(x > 0.0)),
            Activation::Gelu => {
                let share = sigmoid(GELU_SLOPE * (x + GELU_CUBE * x * x * x));
                let inner = GELU_SLOPE * (1.0 + 3.0 * GELU_CUBE * x * x);
                share + x * share * (1.0 - share) * inner
            }
            Activation::Silu => {
                let share = sigmoid(x);
                share + x * share * (1.0 - share)
            }
        }
    }
}

/// `1 / (1 + exp(-x))`, within 2e-7 of it.
#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// `exp(x)` within 3e-7 of it, relatively; arguments beyond 87 count as 87. Without a branch or a
/// fused product, so that vectors of any processor give the same bits.
///
/// `x = n ln 2 + r` with whole `n`; a Taylor polynomial of degree 7 in `|r| <= ln 2 / 2`.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // Adding and subtracting 1.5 * 2^23 rounds to a whole number.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let x = if x > 87.0 { 87.0 } else { x };
    let x = if x < -87.0 { -87.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    let mut sum = 1.0 / 5040.0;
    for factor in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        sum = sum * r + factor;
    }
    // The low bits of `shifted` are the whole number.
    let power =
        f32::from_bits((shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127)) << 23);
    sum * power
}

/// A dense layer: `activation(bias + x weights)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Start of the sums `(n_outputs,)`.
    pub bias: Vec<f32>,
    /// Weights `(n_inputs, n_outputs)`, row-major.
    pub weights: Vec<f32>,
    /// What is made of the sums.
    pub activation: Activation,
    /// Whether all weights are numbers of 16 bits ([`to_half`]); files and predictors then keep them
    /// so. Sums are of 32 bits all the same, and biases too.
    pub half: bool,
}

impl Layer {
    /// Numbers that it gives.
    pub fn n_outputs(&self) -> usize {
        self.bias.len()
    }

    /// Rounds the weights to 16 bits.
    pub fn halve(&mut self) {
        self.weights.iter_mut().for_each(|weight| *weight = to_half(*weight));
        self.half = true;
    }

    /// From inputs `(n_inputs,)` to outputs `(n_outputs,)`.
    ///
    /// The sum of an output is defined to the last bit: from the bias on, the products are added in
    /// the order of the inputs, in `f32`, each rounded before it is added; inputs that are zero
    /// are left out.
    fn forward(&self, inputs: &[f32]) -> Vec<f32> {
        let mut sums = self.bias.clone();
        for (&input, weights) in inputs.iter().zip(self.weights.chunks_exact(sums.len())) {
            if input != 0.0 {
                sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += input * weight);
            }
        }
        self.activation.apply(&mut sums);
        sums
    }
}

/// `score[k] = base[k] + scale * output[k]`, the outputs of the last of some dense layers.
///
/// Reference: Rosenblatt, F. (1958). The perceptron. doi:10.1037/h0042519; Rumelhart, D.; Hinton, G.;
/// Williams, R. (1986). Learning representations by back-propagating errors. doi:10.1038/323533a0
#[derive(Debug, Clone, PartialEq)]
pub struct Net {
    /// Added to the scaled outputs `(n_outputs,)`.
    pub base: Vec<f64>,
    /// Factor of every output.
    pub scale: f64,
    /// What the columns of the first layer hold, from the first on.
    pub inputs: Vec<Input>,
    /// Layers, the first one first; at least one. The last one gives `n_outputs`.
    pub layers: Vec<Layer>,
}

impl Net {
    /// Columns of the first layer.
    pub fn n_inputs(&self) -> usize {
        self.inputs.iter().map(Input::width).fold(0, usize::saturating_add)
    }

    /// Adds the scores of one row to `scores` `(n_outputs,)`: the oracle.
    ///
    /// `number_of` gives a feature's number (NaN if missing), `bin_of` its bin.
    pub fn score_by(
        &self,
        number_of: impl Fn(u32) -> f64,
        bin_of: impl Fn(u32) -> u8,
        scores: &mut [f64],
    ) {
        let mut values = Vec::new();
        for input in &self.inputs {
            match input {
                Input::Number { feature, center, factor, clip, missing, indicator } => {
                    let value = number_of(*feature);
                    values.push(scaled(value, *center, *factor, *clip, *missing));
                    values.extend(indicator.then(|| f32::from(u8::from(value.is_nan()))));
                }
                Input::Curve { feature, width, knots, rows } => {
                    let curve = Curve { knots, rows, width: *width as usize };
                    curve.at(number_of(*feature), |number| values.push(number));
                }
                Input::OneHot { feature, n_bins } => {
                    let bin = u32::from(bin_of(*feature));
                    values.extend((0..*n_bins).map(|column| f32::from(u8::from(column == bin))));
                }
                Input::Embedding { feature, width, rows } => {
                    let start = usize::from(bin_of(*feature)) * *width as usize;
                    values.extend_from_slice(&rows[start..start + *width as usize]);
                }
            }
        }
        let outputs = self.layers.iter().fold(values, |values, layer| layer.forward(&values));
        for ((score, base), output) in scores.iter_mut().zip(&self.base).zip(outputs) {
            *score += base + self.scale * f64::from(output);
        }
    }
}

/// What a number becomes in the first layer, see [`Input::Number`]; `clip` is at least 0.
#[inline(always)]
pub fn scaled(value: f64, center: f64, factor: f64, clip: f64, missing: f64) -> f32 {
    let scaled = ((value - center) * factor).clamp(-clip, clip);
    (if value.is_nan() { missing } else { scaled }) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_near_the_exact_one() {
        for step in -87_000..=87_000 {
            let x = step as f32 / 1000.0;
            let exact = libm::exp(f64::from(x));
            assert!((f64::from(exp(x)) / exact - 1.0).abs() < 3e-7, "{x}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(f32::INFINITY) > 6e37 && exp(f32::NEG_INFINITY) < 2e-38);
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn activations_have_known_values_and_slopes() {
        // PyTorch 2.5: gelu(x, approximate="tanh"), silu(x).
        let cases =
            [(1.0, 0.841192, 0.731059), (-2.0, -0.045402, -0.238406), (0.5, 0.345714, 0.311230)];
        for (x, gelu, silu) in cases {
            let mut values = [x];
            Activation::Gelu.apply(&mut values);
            assert!((values[0] - gelu).abs() < 2e-6, "{values:?}");
            let mut values = [x];
            Activation::Silu.apply(&mut values);
            assert!((values[0] - silu).abs() < 2e-6, "{values:?}");
        }
        for activation in
            [Activation::Gelu, Activation::Silu, Activation::Relu, Activation::Identity]
        {
            for x in [-3.0f32, -0.7, 0.2, 1.5] {
                let at = |x: f32| {
                    let mut values = [x];
                    activation.apply(&mut values);
                    values[0]
                };
                let difference = (at(x + 1e-2) - at(x - 1e-2)) / 2e-2;
                assert!((difference - activation.slope(x)).abs() < 1e-3, "{activation:?} {x}");
            }
        }
    }

    #[test]
    fn halves_are_the_nearest_numbers_of_sixteen_bits() {
        for (x, expected) in [
            (1.0, 1.0),
            // 1 + 1/256 lies between 1 and 1 + 1/128: the even one; a little more is rounded up.
            (1.0 + 1.0 / 256.0, 1.0),
            (1.004, 1.007_812_5),
            (-1.0 - 3.0 / 256.0, -1.015_625),
            (0.0, 0.0),
            (f32::MAX, f32::from_bits(0x7F7F_0000)),
        ] {
            assert_eq!(to_half(x), expected, "{x}");
            assert!(is_half(to_half(x)));
        }
        assert!(to_half(f32::NAN).is_nan());
        let mut number = 1e-30_f32;
        while number < 1e30 {
            let half = to_half(number);
            assert!(((half - number) / number).abs() <= 1.0 / 256.0, "{number} {half}");
            number *= 1.37;
        }
    }

    #[test]
    fn curves_are_straight_between_knots() {
        let knots = [0.0, 1.0, 3.0];
        let rows = [0.0, 5.0, 10.0, 6.0, 30.0, 4.0, -1.0, -2.0];
        let curve = Curve { knots: &knots, rows: &rows, width: 2 };
        let at = |value: f64| {
            let mut numbers = Vec::new();
            curve.at(value, |number| numbers.push(number));
            numbers
        };
        assert_eq!(at(-7.0), [0.0, 5.0]);
        assert_eq!(at(0.5), [5.0, 5.5]);
        assert_eq!(at(1.0), [10.0, 6.0]);
        assert_eq!(at(2.5), [25.0, 4.5]);
        assert_eq!(at(3.0), [30.0, 4.0]);
        assert_eq!(at(f64::INFINITY), [30.0, 4.0]);
        assert_eq!(at(f64::NEG_INFINITY), [0.0, 5.0]);
        assert_eq!(at(f64::NAN), [-1.0, -2.0]);
    }

    #[test]
    fn two_layers_give_exclusive_or() {
        let input = |feature| Input::Number {
            feature,
            center: 0.0,
            factor: 1.0,
            clip: 1.0,
            missing: 0.0,
            indicator: false,
        };
        let hidden = Layer {
            bias: vec![0.0, -1.0],
            weights: vec![1.0; 4],
            activation: Activation::Relu,
            half: false,
        };
        let last = Layer {
            bias: vec![0.0],
            weights: vec![1.0, -2.0],
            activation: Activation::Identity,
            half: false,
        };
        let net = Net {
            base: vec![10.0],
            scale: 2.0,
            inputs: vec![input(0), input(1)],
            layers: vec![hidden, last],
        };
        for (row, expected) in
            [([0.0, 0.0], 10.0), ([0.0, 1.0], 12.0), ([1.0, 0.0], 12.0), ([1.0, 1.0], 10.0)]
        {
            let mut scores = [0.0];
            net.score_by(|f| row[f as usize], |_| 0, &mut scores);
            assert_eq!(scores, [expected]);
        }
    }
}
