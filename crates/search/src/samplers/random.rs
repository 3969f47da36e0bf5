//! Uniform random search.

use super::{Draw, Sampler};
use crate::axes::Axes;
use crate::history::Origin;
use crate::random::Stream;
use crate::space::{Config, Space};

/// Draws each parameter uniformly in its domain, on its scale. Nested parameters stay at their
/// defaults, since one fit scores all their smaller values; inactive ones do too.
///
/// Reference: Bergstra, Bengio 2012, Random Search for Hyper-Parameter Optimization, JMLR 13.
#[derive(Debug, Clone, Copy)]
pub struct Random;

impl Sampler for Random {
    fn name(&self) -> &'static str {
        "random"
    }

    fn origin(&self) -> Origin {
        Origin::Random
    }

    fn references(&self) -> &'static [&'static str] {
        &["Bergstra, Bengio 2012, Random Search for Hyper-Parameter Optimization, JMLR 13"]
    }

    fn draw(&self, draw: &Draw<'_>) -> Option<Config> {
        let mut stream = Stream::new(&[draw.seed, draw.id, draw.attempt, 0x4A]);
        let config = uniform(draw.space, &mut stream);
        let is_free = draw.space.forbidden.is_empty();
        if is_free { Some(config) } else { Axes::new(draw.space).settle(config, &mut stream) }
    }
}

fn uniform(space: &Space, stream: &mut Stream) -> Config {
    let mut config = space.default_config();
    for parameter in space.parameters.iter().filter(|p| !p.nested) {
        let value = parameter.domain.value_at(stream.uniform());
        config.values.insert(parameter.name.to_owned(), value);
    }
    for parameter in &space.parameters {
        if !space.is_active(parameter, &config) {
            config.values.insert(parameter.name.to_owned(), parameter.default.clone());
        }
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Value;
    use crate::space::tests::sample_space;

    #[test]
    fn draws_are_uniform_on_the_scale_and_mind_conditions() {
        let space = sample_space();
        let mut stream = Stream::new(&[1]);
        let (mut low_rates, mut sgd) = (0, 0);
        for _ in 0..2000 {
            let config = uniform(&space, &mut stream);
            low_rates += usize::from(config.float("learning_rate").unwrap() < 0.01);
            assert_eq!(config.int("n_estimators"), Some(100));
            if config.text("optimizer") == Some("sgd") {
                sgd += 1;
            } else {
                assert_eq!(config.values["momentum"], Value::Float(0.9));
            }
        }
        assert!((900..1100).contains(&low_rates), "{low_rates}");
        assert!((900..1100).contains(&sgd), "{sgd}");
    }
}
