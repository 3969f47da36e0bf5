//! Points of a grid that several fits score between them.

use eyas_model::{Link, Part};

use crate::learners::{Fit, FittedModel, Truncation};

/// Points that are still to come from some fits.
#[derive(Debug)]
pub(crate) struct Many {
    fits: Vec<Fit>,
    /// Fit and truncation of each point.
    places: Vec<(usize, usize)>,
    truncations: Vec<Option<Truncation>>,
}

impl Many {
    /// Nothing yet, of so many points.
    pub fn new(n_points: usize) -> Many {
        Many { fits: Vec::new(), places: vec![(0, 0); n_points], truncations: vec![None; n_points] }
    }

    /// Adds a fit whose truncations are these points.
    pub fn add(&mut self, fit: Fit, points: &[usize]) {
        let truncations = fit.model.truncations();
        for (at, (&point, truncation)) in points.iter().zip(truncations).enumerate() {
            self.places[point] = (self.fits.len(), at);
            self.truncations[point] = Some(truncation.clone());
        }
        self.fits.push(fit);
    }

    /// Names the points.
    pub fn label(&mut self, labels: impl Iterator<Item = String>) {
        let labelled = self.truncations.iter_mut().zip(labels);
        labelled.for_each(|(truncation, label)| {
            if let Some(truncation) = truncation {
                truncation.label = label;
            }
        });
    }

    /// All points in their order.
    ///
    /// # Panics
    /// If a point was not added.
    pub fn finish(self) -> Fit {
        let Many { fits, places, truncations } = self;
        let stopped = fits.iter().any(|fit| fit.stopped);
        let truncations = truncations
            .into_iter()
            .map(|truncation| truncation.expect("every point is one of a fit"))
            .collect();
        Fit { model: Box::new(Points { fits, places, truncations }), stopped }
    }
}

/// Points of some fits.
#[derive(Debug, Default)]
pub(super) struct Points {
    /// The fits.
    pub fits: Vec<Fit>,
    /// Fit and truncation of each point.
    pub places: Vec<(usize, usize)>,
    /// The points.
    pub truncations: Vec<Truncation>,
}

impl FittedModel for Points {
    fn truncations(&self) -> &[Truncation] {
        &self.truncations
    }

    fn part(&self, truncation: usize) -> Part {
        let (fit, place) = self.places[truncation];
        self.fits[fit].model.part(place)
    }

    fn link(&self) -> Link {
        self.fits.first().map_or(Link::Identity, |fit| fit.model.link())
    }
}
