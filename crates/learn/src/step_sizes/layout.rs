//! How a flat slice of parameters is divided.

use std::ops::Range;

use crate::error::Error;

/// A run of parameters that belong together: a weight matrix, a bias.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Group {
    /// Number of parameters.
    pub len: usize,
    /// Rows and columns of a matrix (stored row by row).
    pub shape: Option<(usize, usize)>,
    /// Factor of the rate.
    pub lr_scale: f32,
    /// Factor of the weight decay; 0 for biases, usually.
    pub decay_scale: f32,
}

impl Group {
    /// Parameters without a shape: a bias, scales.
    pub fn vector(len: usize) -> Group {
        Group { len, shape: None, lr_scale: 1.0, decay_scale: 1.0 }
    }

    /// A matrix of weights.
    pub fn matrix(n_rows: usize, n_columns: usize) -> Group {
        let shape = Some((n_rows, n_columns));
        Group { len: n_rows.saturating_mul(n_columns), shape, lr_scale: 1.0, decay_scale: 1.0 }
    }

    /// With this factor of the rate.
    pub fn lr_scale(self, lr_scale: f32) -> Group {
        Group { lr_scale, ..self }
    }

    /// With this factor of the weight decay.
    pub fn decay_scale(self, decay_scale: f32) -> Group {
        Group { decay_scale, ..self }
    }
}

/// The groups of all parameters, in order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Layout {
    groups: Vec<Group>,
    n_params: usize,
}

impl Layout {
    /// One group of `n_params` parameters.
    pub fn flat(n_params: usize) -> Layout {
        Layout { groups: vec![Group::vector(n_params)], n_params }
    }

    /// These groups, one after the other.
    ///
    /// # Errors
    /// A shape that is not that of its length, or a factor that is negative or not finite.
    pub fn new(groups: Vec<Group>) -> Result<Layout, Error> {
        let mut n_params = 0_usize;
        for (at, group) in groups.iter().enumerate() {
            let shaped = group.shape.is_none_or(|(a, b)| a.checked_mul(b) == Some(group.len));
            let scaled = [group.lr_scale, group.decay_scale]
                .iter()
                .all(|scale| scale.is_finite() && *scale >= 0.0);
            let sum = n_params.checked_add(group.len).filter(|_| shaped && scaled);
            n_params = sum.ok_or_else(|| Error::Parameter {
                name: format!("group {at}"),
                value: format!("{group:?}"),
                expected: "must have rows times columns parameters and factors from 0".to_owned(),
            })?;
        }
        Ok(Layout { groups, n_params })
    }

    /// Number of parameters in all.
    pub fn n_params(&self) -> usize {
        self.n_params
    }

    /// The groups, each with its place.
    pub fn groups(&self) -> impl Iterator<Item = (&Group, Range<usize>)> {
        let mut start = 0;
        self.groups.iter().map(move |group| {
            let range = start..start + group.len;
            start = range.end;
            (group, range)
        })
    }

    /// Zeros, one a parameter.
    pub(super) fn zeros(&self) -> Vec<f32> {
        vec![0.0; self.n_params]
    }

    /// Panics unless both are as long as the layout.
    pub(super) fn check(&self, params: &[f32], grads: &[f32]) {
        assert_eq!(params.len(), self.n_params, "parameters of the layout");
        assert_eq!(grads.len(), self.n_params, "a gradient for each parameter");
    }
}
