//! Several objectives: the volume that points dominate, and points in order of their fronts.

/// Whether `a` is nowhere worse than `b` and somewhere better; lower is better. A vector with a NaN
/// dominates nothing and is dominated by every one without.
pub fn dominates(a: &[f64], b: &[f64]) -> bool {
    assert_eq!(a.len(), b.len(), "vectors of the same objectives");
    if a.iter().any(|v| v.is_nan()) {
        return false;
    }
    let covers = a.iter().zip(b).all(|(x, y)| x <= y || y.is_nan());
    covers && a.iter().zip(b).any(|(x, y)| x < y || y.is_nan())
}

/// Volume that points dominate below a reference point, lower is better in each objective; points
/// that are not below it in all of them count for nothing. Exact for any number of objectives
/// `d`; costs O(n^(d-1) log n), which is meant for up to four.
///
/// The volume is cut into slices along the last objective, whose bases are volumes of one
/// objective less.
///
/// Reference: Zitzler, Thiele 1998, doi:10.1007/BFb0056872; While, Hingston, Barone, Huband 2006,
/// doi:10.1109/TEVC.2005.851275 (slicing objectives).
pub fn hypervolume(points: &[Vec<f64>], reference: &[f64]) -> f64 {
    let is_below = |point: &&Vec<f64>| {
        assert_eq!(point.len(), reference.len(), "a point has as many objectives as the reference");
        point.iter().zip(reference).all(|(v, r)| v < r)
    };
    let below: Vec<&[f64]> = points.iter().filter(is_below).map(Vec::as_slice).collect();
    volume(below, reference)
}

fn volume(mut points: Vec<&[f64]>, reference: &[f64]) -> f64 {
    let last = reference.len().wrapping_sub(1);
    match reference.len() {
        0 => return 0.0,
        1 => {
            let least = points.iter().map(|p| p[0]).fold(reference[0], f64::min);
            return reference[0] - least;
        }
        2 => return area(points, reference),
        _ => {}
    }
    points.sort_by(|a, b| a[last].total_cmp(&b[last]));
    let mut base: Vec<&[f64]> = Vec::with_capacity(points.len());
    let mut sum = 0.0;
    for (at, point) in points.iter().enumerate() {
        let next = points.get(at + 1).map_or(reference[last], |next| next[last]);
        let is_new = !base.iter().any(|b| b.iter().zip(&point[..last]).all(|(x, y)| x <= y));
        if is_new {
            base.retain(|b| !point[..last].iter().zip(*b).all(|(x, y)| x <= y));
            base.push(&point[..last]);
        }
        if next > point[last] {
            sum += (next - point[last]) * volume(base.clone(), &reference[..last]);
        }
    }
    sum
}

fn area(mut points: Vec<&[f64]>, reference: &[f64]) -> f64 {
    points.sort_by(|a, b| a[1].total_cmp(&b[1]).then(a[0].total_cmp(&b[0])));
    let (mut area, mut level) = (0.0, reference[0]);
    for point in points {
        if point[0] < level {
            area += (level - point[0]) * (reference[1] - point[1]);
            level = point[0];
        }
    }
    area
}

/// The front of each point: 0 for those that none dominates, 1 for those that only points of front 0
/// dominate, and so on. O(n^2 d) a front.
///
/// Reference: Deb, Pratap, Agarwal, Meyarivan 2002, NSGA-II, doi:10.1109/4235.996017.
pub fn fronts(points: &[Vec<f64>]) -> Vec<usize> {
    let mut front = vec![usize::MAX; points.len()];
    let mut left: Vec<usize> = (0..points.len()).collect();
    for number in 0.. {
        if left.is_empty() {
            break;
        }
        let is_free = |&&a: &&usize| !left.iter().any(|&b| dominates(&points[b], &points[a]));
        let free: Vec<usize> = left.iter().filter(is_free).copied().collect();
        free.iter().for_each(|&at| front[at] = number);
        left.retain(|at| front[*at] == usize::MAX);
    }
    front
}

/// Points from the best on: by front, within a front those first that are far from those taken before
/// in scaled objectives (the first one is that of least sum), so that the beginning of the list
/// covers the front.
///
/// Reference: Schmucker, Donini, Zafar, Salinas, Archambeau 2021, Multi-objective Asynchronous
/// Successive Halving, arXiv:2106.12639 (epsilon-net).
pub fn ranking(points: &[Vec<f64>]) -> Vec<usize> {
    let front = fronts(points);
    let scaled = scaled(points);
    let mut order: Vec<usize> = Vec::with_capacity(points.len());
    for number in 0..=front.iter().copied().max().unwrap_or(0) {
        let mut left: Vec<usize> = (0..points.len()).filter(|&at| front[at] == number).collect();
        let from = order.len();
        while !left.is_empty() {
            let distance = |at: usize| {
                let far = order[from..].iter().map(|&taken| apart(&scaled[taken], &scaled[at]));
                far.fold(f64::INFINITY, f64::min)
            };
            let sum = |at: usize| scaled[at].iter().sum::<f64>();
            let first = |&a: &usize, &b: &usize| {
                distance(b).total_cmp(&distance(a)).then(sum(a).total_cmp(&sum(b))).then(a.cmp(&b))
            };
            let next = left.iter().copied().min_by(first).expect("some are left");
            left.retain(|&at| at != next);
            order.push(next);
        }
    }
    order
}

fn apart(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum()
}

/// Each objective from 0 to 1; what is not finite is 1.
fn scaled(points: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let d = points.first().map_or(0, Vec::len);
    let range = |axis: usize| {
        let finite = points.iter().map(|p| p[axis]).filter(|v| v.is_finite());
        finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)))
    };
    let ranges: Vec<(f64, f64)> = (0..d).map(range).collect();
    let place = |(value, (low, high)): (&f64, &(f64, f64))| match value.is_finite() {
        true if high > low => (value - low) / (high - low),
        true => 0.0,
        false => 1.0,
    };
    points.iter().map(|p| p.iter().zip(&ranges).map(place).collect()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Inclusion and exclusion over all sets of points.
    fn oracle(points: &[Vec<f64>], reference: &[f64]) -> f64 {
        (1u32..1 << points.len())
            .map(|set| {
                let members = (0..points.len()).filter(|at| set >> at & 1 == 1);
                let members: Vec<usize> = members.collect();
                let edge = |axis: usize| {
                    let worst = members.iter().map(|&at| points[at][axis]);
                    (reference[axis] - worst.fold(f64::NEG_INFINITY, f64::max)).max(0.0)
                };
                let sign = if members.len() % 2 == 1 { 1.0 } else { -1.0 };
                sign * (0..reference.len()).map(edge).product::<f64>()
            })
            .sum()
    }

    /// Up to nine points of `d` objectives, few values, so that ties are common.
    fn points(d: usize) -> impl Strategy<Value = Vec<Vec<f64>>> {
        let value = (0..12u8).prop_map(|v| f64::from(v) / 8.0);
        prop::collection::vec(prop::collection::vec(value, d), 0..9)
    }

    proptest! {
        #[test]
        fn volumes_are_those_of_inclusion_and_exclusion(
            two in points(2), three in points(3), four in points(4),
        ) {
            for (points, d) in [(two, 2), (three, 3), (four, 4)] {
                let reference = vec![1.0; d];
                let (got, expected) = (hypervolume(&points, &reference), oracle(&points, &reference));
                prop_assert!((got - expected).abs() < 1e-9, "{d}: {got} for {expected}");
            }
        }

        #[test]
        fn fronts_and_rankings_mind_dominance(points in points(3)) {
            let (front, order) = (fronts(&points), ranking(&points));
            let place = |at: usize| order.iter().position(|&o| o == at).unwrap();
            for a in 0..points.len() {
                for b in 0..points.len() {
                    if dominates(&points[a], &points[b]) {
                        prop_assert!(front[a] < front[b] && place(a) < place(b));
                    }
                }
                let is_above = |b: usize| dominates(&points[b], &points[a]) && front[b] + 1 == front[a];
                prop_assert!(front[a] == 0 || (0..points.len()).any(is_above));
            }
        }
    }

    #[test]
    fn the_beginning_of_a_ranking_covers_the_front() {
        let points = [[0.0, 1.0], [0.05, 0.95], [1.0, 0.0], [0.5, 0.4], [0.9, 0.9]].map(Vec::from);
        let order = ranking(&points);
        assert_eq!(order[0], 3, "least sum first");
        assert!(order[1..3].contains(&0) && order[1..3].contains(&2));
        assert_eq!(order[3..], [1, 4]);
        assert!(
            dominates(&[1.0, 1.0], &[f64::NAN, 1.0]) && !dominates(&[f64::NAN, 0.0], &[1.0, 1.0])
        );
    }
}
