//! The built-in portfolio, in its order.

use super::{Draw, Sampler};
use crate::history::Origin;
use crate::space::Config;

/// Offers the learner's built-in configurations one after the other.
///
/// Reference: Feurer, Eggensperger, Falkner, Lindauer, Hutter 2022, Auto-sklearn 2.0,
/// arXiv:2007.04074.
#[derive(Debug, Clone, Copy)]
pub struct Portfolio;

impl Sampler for Portfolio {
    fn name(&self) -> &'static str {
        "portfolio"
    }

    fn origin(&self) -> Origin {
        Origin::Portfolio
    }

    fn references(&self) -> &'static [&'static str] {
        &[
            "Feurer, Eggensperger, Falkner, Lindauer, Hutter 2022, Auto-sklearn 2.0, arXiv:2007.04074",
        ]
    }

    /// The configuration number `attempt` of the learner; ones that are not of the space are
    /// passed over.
    fn draw(&self, draw: &Draw<'_>) -> Option<Config> {
        let mut of_space = draw.portfolio.iter().filter(|config| draw.space.check(config).is_ok());
        let config = of_space.nth(usize::try_from(draw.attempt).ok()?)?;
        Some(draw.space.complete(config))
    }
}
