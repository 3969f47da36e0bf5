//! The rate drops by a factor at given steps.

use super::exponential::DECAY_RATE;
use super::kind::equals;
use super::parameters::{Domain, parameter};
use super::{Schedule, ScheduleKind, bounded};

/// The listing of [`MultiStep`].
pub(super) const KIND: ScheduleKind = ScheduleKind {
    name: "multi_step",
    formula: "a0 * gamma^(number of milestones up to t)",
    help: "drops to a tenth at half and at three quarters of the steps",
    references: &[
        "He, K.; Zhang, X.; Ren, S.; Sun, J. (2016). Deep residual learning for image recognition. doi:10.1109/CVPR.2016.90",
    ],
    equals: equals![torch MultiStepLR],
    parameters: &[
        parameter(
            "milestones",
            Domain::StepList,
            "50%,75%",
            "steps of the drops; one twice drops twice",
        ),
        parameter("gamma", DECAY_RATE, "0.1", "factor of each drop"),
    ],
    knows_end: true,
    searched: false,
    build: |values| {
        let (milestones, gamma) = (values.step_list("milestones"), values.number("gamma"));
        Ok(Box::new(MultiStep { base_rate: values.base_rate, milestones, gamma }))
    },
};

/// `a0 * gamma^k`, `k` of the milestones being at most `t`. Equals PyTorch's `MultiStepLR`.
#[derive(Debug, Clone, PartialEq)]
pub struct MultiStep {
    /// Rate `a0` of step 0.
    pub base_rate: f64,
    /// Steps of the drops, in order.
    pub milestones: Vec<u64>,
    /// Factor of each drop.
    pub gamma: f64,
}

impl Schedule for MultiStep {
    fn rate(&self, step: u64) -> f64 {
        let n_drops = self.milestones.partition_point(|milestone| *milestone <= step);
        bounded(self.base_rate * libm::pow(self.gamma, n_drops as f64))
    }
}
