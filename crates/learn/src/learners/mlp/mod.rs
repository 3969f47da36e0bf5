//! Neural nets of dense layers, trained in small batches.
//!
//! ```text
//! Dataset --inputs--> numbers and bins by row --train--> parameters after some epochs --fitted--> truncations
//!                                               network (forward, backward), loss, step_sizes, schedules
//! ```

use eyas_model::{Link, Shape, TaskKind};
use eyas_search::{Config, Space};

use super::{Fit, FitInput, Learner};
use crate::error::Error;
use crate::task::Facts;

mod estimate;
mod fitted;
mod guard;
mod inputs;
mod knots;
mod loss;
mod network;
mod options;
#[cfg(test)]
mod tests;
mod train;

use fitted::Fitted;
use inputs::Inputs;
use loss::{Loss, Truth};
use network::Network;
use options::Options;
use train::Training;

/// Multilayer perceptron: dense layers over scaled numbers and columns or embeddings of categories.
///
/// Minimises the mean loss of rows (half the squared error of standardised targets, logistic loss,
/// entropy of classes) with an optimizer of [`crate::step_sizes`] under a schedule of
/// [`crate::schedules`] over all steps. A missing number takes the mean, and has a column of its own;
/// a level that no training row has adds nothing. A training that diverges goes on from its last good
/// state at half the rate.
///
/// The fit keeps its weights after 1, 2, 3, 4, 6, 8, 12, ... epochs, each a truncation, and ends early
/// where the loss on the validation rows does not get better for some epochs, if it is told to.
/// Under a schedule that knows its end, such weights are those of a training that was to go on: the
/// label says of how many epochs (`epochs=4/32`), a refit up to the same truncation gives the same weights,
/// and the best of them is the model. `max_epochs` itself is no nested parameter then.
///
/// One row takes six operations a weight and epoch; batches run in pieces of 256 rows side by side.
#[derive(Debug, Clone, Copy)]
pub struct Mlp;

impl Learner for Mlp {
    fn name(&self) -> &'static str {
        options::NAME
    }

    fn references(&self) -> &'static [&'static str] {
        &[
            "Rumelhart, D.; Hinton, G.; Williams, R. (1986). Learning representations by back-propagating errors. doi:10.1038/323533a0",
            "Kingma, D. P.; Ba, J. (2015). Adam: a method for stochastic optimization. arXiv:1412.6980",
            "Loshchilov, I.; Hutter, F. (2019). Decoupled weight decay regularization. arXiv:1711.05101",
            "Defazio, A. et al. (2023). Optimal linear decay learning rate schedules and further refinements. arXiv:2310.07831",
            "Defazio, A. et al. (2024). The road less scheduled. arXiv:2405.15682",
            "Gorishniy, Y.; Rubachev, I.; Babenko, A. (2022). On embeddings for numerical features in tabular deep learning. arXiv:2203.05556",
            "Szegedy, C. et al. (2016). Rethinking the inception architecture for computer vision (label smoothing). arXiv:1512.00567",
        ]
    }

    fn space(&self, _facts: &Facts) -> Space {
        options::space()
    }

    fn portfolio(&self, facts: &Facts) -> Vec<Config> {
        options::portfolio(facts)
    }

    fn is_extra(&self) -> bool {
        true
    }

    fn work(&self, facts: &Facts, config: &Config) -> u64 {
        estimate::work(facts, config)
    }

    fn cheapest_shape(&self, facts: &Facts, config: &Config) -> Shape {
        estimate::cheapest_shape(facts, config)
    }

    fn memory_bytes(&self, facts: &Facts, config: &Config) -> u64 {
        estimate::memory_bytes(facts, config)
    }

    fn fit(&self, input: &FitInput<'_>) -> Result<Fit, Error> {
        let options = Options::new(input.config)?;
        let inputs = Inputs::new(input.data, input.train, input.features, &options);
        let data = inputs.encode(input.data, input.train);
        let network = Network::new(inputs, &options, input.data.n_outputs());
        let truth = Truth::new(input.data, input.train);
        let loss = Loss { kind: input.data.task(), smoothing: options.label_smoothing };
        let link = link(input.data.task());
        let rescale = truth.rescale;
        let training = Training { network: &network, options: &options, data, truth: &truth, loss };
        let mut valid = fitted::Validation::new(input, &network, link, rescale);
        let trained = training.run(input, |params| valid.loss(params))?;
        drop(training);
        let stopped = trained.stopped;
        let fitted = Fitted::new(network, trained, &options, (rescale, link), &input.data.features);
        Ok(Fit { model: Box::new(fitted), stopped })
    }
}

fn link(kind: TaskKind) -> Link {
    match kind {
        TaskKind::Regression => Link::Identity,
        TaskKind::Binary => Link::Logistic,
        TaskKind::Multiclass => Link::Softmax,
    }
}
