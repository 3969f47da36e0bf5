//! The frontier: points that no other beats in loss, latency and size at once.

use crate::hypervolume;

/// What a model is judged by; lower is better in each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Objectives {
    /// Loss.
    pub loss: f64,
    /// Latency of a row in nanoseconds.
    pub ns: f64,
    /// Size in bytes.
    pub bytes: f64,
}

impl Objectives {
    /// Whether it is nowhere worse than the other, equal ones included.
    pub fn covers(&self, other: &Objectives) -> bool {
        self.loss <= other.loss && self.ns <= other.ns && self.bytes <= other.bytes
    }

    /// Whether it is nowhere worse and somewhere better.
    pub fn dominates(&self, other: &Objectives) -> bool {
        self.covers(other) && self != other
    }

    fn is_finite(&self) -> bool {
        self.loss.is_finite() && self.ns.is_finite() && self.bytes.is_finite()
    }
}

/// Points of which none dominates another, by ascending ns, each with what it stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct Frontier<T> {
    points: Vec<(Objectives, T)>,
}

impl<T> Default for Frontier<T> {
    fn default() -> Frontier<T> {
        Frontier { points: Vec::new() }
    }
}

impl<T> Frontier<T> {
    /// The points by ascending ns, then loss, then bytes.
    pub fn points(&self) -> &[(Objectives, T)] {
        &self.points
    }

    /// Adds a point unless one of the frontier is as good in everything, and drops those that it
    /// dominates; whether it was added. A point that is not finite never is. Costs O(n).
    pub fn insert(&mut self, objectives: Objectives, payload: T) -> bool {
        let is_covered = self.points.iter().any(|(point, _)| point.covers(&objectives));
        if is_covered || !objectives.is_finite() {
            return false;
        }
        self.points.retain(|(point, _)| !objectives.dominates(point));
        let key = |p: &Objectives| [p.ns, p.loss, p.bytes];
        let before = |p: &Objectives| {
            let pairs = key(p).into_iter().zip(key(&objectives));
            let first = pairs.map(|(a, b)| a.total_cmp(&b)).find(|order| order.is_ne());
            first.is_some_and(|order| order.is_lt())
        };
        let at = self.points.partition_point(|(point, _)| before(point));
        self.points.insert(at, (objectives, payload));
        true
    }

    /// The point of least loss among those of at most `ns`; ties to the faster one.
    pub fn best_within(&self, ns: f64) -> Option<&(Objectives, T)> {
        let within = self.points.iter().filter(|(point, _)| point.ns <= ns);
        within.min_by(|(a, _), (b, _)| a.loss.total_cmp(&b.loss).then(a.ns.total_cmp(&b.ns)))
    }

    /// Area in (loss, ns) that the points dominate, below a reference point; 0 for none.
    ///
    /// Reference: Zitzler, Thiele 1998, doi:10.1007/BFb0056872.
    pub fn hypervolume(&self, loss: f64, ns: f64) -> f64 {
        let points: Vec<(f64, f64)> = self.points.iter().map(|(p, _)| (p.loss, p.ns)).collect();
        hypervolume(&points, loss, ns)
    }

    /// Volume in (loss, ns, bytes) that the points dominate, below a reference point; 0 for none.
    pub fn volume(&self, reference: &Objectives) -> f64 {
        let vector = |o: &Objectives| vec![o.loss, o.ns, o.bytes];
        let points: Vec<Vec<f64>> = self.points.iter().map(|(p, _)| vector(p)).collect();
        hypervolume::hypervolume(&points, &vector(reference))
    }
}

/// Area in (loss, ns) that points dominate below a reference point.
fn hypervolume(points: &[(f64, f64)], loss: f64, ns: f64) -> f64 {
    let within = points.iter().filter(|(l, n)| *l < loss && *n < ns);
    let mut steps: Vec<(f64, f64)> = within.copied().collect();
    steps.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.total_cmp(&b.0)));
    let (mut area, mut level) = (0.0, loss);
    for (l, n) in steps {
        if l < level {
            area += (level - l) * (ns - n);
            level = l;
        }
    }
    area
}

/// Indices of up to `n` points worth showing, by ascending ns: the most accurate one, the fastest
/// one, and then those that add most to the area dominated in (loss, ln ns), so that a point
/// between two that are close to each other is not shown.
///
/// Points that others dominate in (loss, ns) are never picked. Ties go to the earlier point.
pub fn price_list(points: &[Objectives], n: usize) -> Vec<usize> {
    let place = |p: &Objectives| (p.loss, libm::log(p.ns.max(1e-3)));
    let finite = (0..points.len()).filter(|&i| points[i].is_finite());
    let mut left: Vec<usize> = finite.collect();
    left.retain(|&i| !points.iter().enumerate().any(|(j, p)| beats(p, &points[i], j < i)));
    let least = |key: &dyn Fn(usize) -> f64| {
        left.iter().copied().min_by(|&a, &b| key(a).total_cmp(&key(b)))
    };
    let (Some(best), Some(fastest)) = (least(&|i| points[i].loss), least(&|i| points[i].ns)) else {
        return Vec::new();
    };
    let reference = (points[fastest].loss, place(&points[best]).1);
    let mut picked: Vec<usize> = Vec::new();
    for first in [best, fastest] {
        if picked.len() < n && !picked.contains(&first) {
            picked.push(first);
        }
    }
    while picked.len() < n.min(left.len()) {
        let area = |candidate: usize| {
            let all = picked.iter().chain([&candidate]).map(|&i| place(&points[i]));
            hypervolume(&all.collect::<Vec<_>>(), reference.0, reference.1)
        };
        let others = left.iter().copied().filter(|i| !picked.contains(i));
        // `max_by` takes the last of equals, hence from behind.
        let next = others.rev().max_by(|&a, &b| area(a).total_cmp(&area(b)));
        picked.push(next.expect("fewer are picked than are left"));
    }
    picked.sort_by(|&a, &b| points[a].ns.total_cmp(&points[b].ns).then(a.cmp(&b)));
    picked
}

/// Whether `a` makes `b` needless in (loss, ns).
fn beats(a: &Objectives, b: &Objectives, is_earlier: bool) -> bool {
    let covers = a.loss <= b.loss && a.ns <= b.ns;
    covers && ((a.loss, a.ns) != (b.loss, b.ns) || is_earlier)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn point(loss: f64, ns: f64) -> Objectives {
        Objectives { loss, ns, bytes: 1.0 }
    }

    fn points() -> impl Strategy<Value = Vec<Objectives>> {
        // Few values, so that ties are common.
        let one = (0..8u8, 1..8u8, 0..4u8).prop_map(|(loss, ns, bytes)| Objectives {
            loss: f64::from(loss),
            ns: f64::from(ns),
            bytes: f64::from(bytes),
        });
        prop::collection::vec(one, 0..30)
    }

    proptest! {
        #[test]
        fn the_frontier_is_what_nothing_dominates(points in points()) {
            let mut frontier = Frontier::default();
            for (i, p) in points.iter().enumerate() {
                frontier.insert(*p, i);
            }
            let mut got: Vec<usize> = frontier.points().iter().map(|(_, i)| *i).collect();
            got.sort_unstable();
            let is_first = |i: usize| !points[..i].contains(&points[i]);
            let is_best = |i: usize| !points.iter().any(|p| p.dominates(&points[i]));
            let expected: Vec<usize> =
                (0..points.len()).filter(|&i| is_first(i) && is_best(i)).collect();
            prop_assert_eq!(got, expected);
            prop_assert!(frontier.points().windows(2).all(|w| w[0].0.ns <= w[1].0.ns));
        }

        #[test]
        fn the_area_is_that_of_the_cells_covered(points in points()) {
            let mut frontier = Frontier::default();
            for p in &points {
                frontier.insert(*p, ());
            }
            let cells = (0..8).flat_map(|l| (1..8).map(move |n| (f64::from(l), f64::from(n))));
            let covered = cells.filter(|&(l, n)| points.iter().any(|p| p.loss <= l && p.ns <= n));
            prop_assert_eq!(frontier.hypervolume(8.0, 8.0), covered.count() as f64);
            let cube = (0..8).flat_map(|l| (1..8).flat_map(move |n| (0..4).map(move |b| (l, n, b))));
            let covered = cube.filter(|&(l, n, b)| {
                let cell = Objectives { loss: f64::from(l), ns: f64::from(n), bytes: f64::from(b) };
                points.iter().any(|p| p.covers(&cell))
            });
            let reference = Objectives { loss: 8.0, ns: 8.0, bytes: 4.0 };
            prop_assert_eq!(frontier.volume(&reference), covered.count() as f64);
        }

        #[test]
        fn a_price_list_has_the_ends_and_no_more_than_asked(points in points(), n in 0..6usize) {
            let list = price_list(&points, n);
            prop_assert!(list.len() <= n);
            let improves = |a: usize, b: usize| points[a].ns < points[b].ns && points[a].loss > points[b].loss;
            prop_assert!(list.windows(2).all(|w| improves(w[0], w[1])));
            if n >= 2 && !points.is_empty() {
                let least = |key: fn(&Objectives) -> f64| points.iter().map(key).fold(f64::INFINITY, f64::min);
                prop_assert_eq!(points[list[0]].ns, least(|p| p.ns));
                prop_assert_eq!(points[*list.last().unwrap()].loss, least(|p| p.loss));
            }
        }
    }

    #[test]
    fn a_price_list_shows_the_bend_and_not_its_neighbours() {
        let curve = [(0.9, 10.0), (0.31, 100.0), (0.30, 110.0), (0.29, 120.0), (0.2, 10_000.0)];
        let points = curve.map(|(loss, ns)| point(loss, ns));
        assert_eq!(price_list(&points, 3), [0, 1, 4]);
        assert_eq!(price_list(&points, 1), [4]);
        assert_eq!(price_list(&points, 9), [0, 1, 2, 3, 4]);
        assert_eq!(price_list(&[], 3), [0usize; 0]);
        assert_eq!(price_list(&[point(f64::NAN, 1.0)], 3), [0usize; 0]);
    }

    #[test]
    fn what_is_not_finite_never_enters() {
        let mut frontier = Frontier::default();
        assert!(!frontier.insert(point(f64::NAN, 1.0), "nan"));
        assert!(!frontier.insert(point(0.5, f64::INFINITY), "infinite"));
        assert!(frontier.insert(point(0.5, 10.0), "slow"));
        assert!(frontier.insert(point(0.7, 5.0), "fast"));
        assert_eq!(frontier.best_within(7.0).map(|(_, name)| *name), Some("fast"));
        assert_eq!(frontier.best_within(1.0), None);
    }
}
