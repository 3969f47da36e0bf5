//! Mutual information in nats: of counts exactly, of continuous numbers by nearest neighbours.
//!
//! scikit-learn adds noise of relative size 1e-10 to continuous numbers, which parts ties; here
//! there is none, so results are equal where there are no ties.

/// Mutual information of two discrete variables from their table of counts `(n_x, n_y)`,
/// row-major: `sum_ij p_ij ln(p_ij / (p_i p_j))`. At least 0; 0 for an empty table.
///
/// Reference: Shannon 1948; as scikit-learn's `mutual_info_score`.
pub fn mutual_info_discrete(counts: &[u32], n_y: usize) -> f64 {
    let mut columns = vec![0u64; n_y];
    for row in counts.chunks_exact(n_y.max(1)) {
        columns.iter_mut().zip(row).for_each(|(total, &count)| *total += u64::from(count));
    }
    // n MI = sum c ln c - sum over rows r ln r - sum over columns s ln s + n ln n.
    let entropy =
        |count: u64| if count == 0 { 0.0 } else { count as f64 * libm::log(count as f64) };
    let n: u64 = columns.iter().sum();
    if n == 0 {
        return 0.0;
    }
    let mut information = entropy(n) - columns.iter().map(|&count| entropy(count)).sum::<f64>();
    for row in counts.chunks_exact(n_y) {
        information += row.iter().map(|&count| entropy(u64::from(count))).sum::<f64>();
        information -= entropy(row.iter().map(|&count| u64::from(count)).sum());
    }
    (information / n as f64).max(0.0)
}

/// Mutual information of a continuous variable `x` `(n,)` and a discrete one `(n,)`, by the
/// distance to the `n_neighbors`-th neighbour of the same level. Levels of one row are left out;
/// at least 0. `O(n log n + n k)`.
///
/// Reference: Ross 2014, doi:10.1371/journal.pone.0087357.
pub fn mutual_info_discrete_continuous(x: &[f64], levels: &[u32], n_neighbors: usize) -> f64 {
    assert_eq!(x.len(), levels.len());
    let mut order: Vec<usize> = (0..x.len()).collect();
    order.sort_by(|&a, &b| levels[a].cmp(&levels[b]).then(x[a].total_cmp(&x[b])));
    let of_levels = order.chunk_by(|&a, &b| levels[a] == levels[b]).filter(|rows| rows.len() > 1);
    let of_levels: Vec<Vec<f64>> =
        of_levels.map(|rows| rows.iter().map(|&row| x[row]).collect()).collect();
    let mut all = of_levels.concat();
    all.sort_by(f64::total_cmp);
    let digamma = digammas(all.len());
    let mut sum = 0.0;
    for values in &of_levels {
        let k = n_neighbors.clamp(1, values.len() - 1);
        for (index, &value) in values.iter().enumerate() {
            let radius = below(neighbor_distance(values, index, k));
            let inside = count_within(&all, value, radius);
            sum += digamma[k] - digamma[values.len()] - digamma[inside];
        }
    }
    let n = all.len();
    if n == 0 { 0.0 } else { (digamma[n] + sum / n as f64).max(0.0) }
}

/// Mutual information of two continuous variables `(n,)`, each scaled to variance 1, by the
/// distance (larger of the two) to the `n_neighbors`-th neighbour; at least 0; 0 for fewer rows
/// than neighbours. `O(n log n)` and a search that is about `O(sqrt(n k))` a row.
///
/// Reference: Kraskov, Stoegbauer, Grassberger 2004, doi:10.1103/PhysRevE.69.066138, estimator 1.
pub fn mutual_info_continuous(x: &[f64], y: &[f64], n_neighbors: usize) -> f64 {
    assert_eq!(x.len(), y.len());
    let n = x.len();
    if n <= n_neighbors || n_neighbors == 0 {
        return 0.0;
    }
    let mut points: Vec<(f64, f64)> = scaled(x).into_iter().zip(scaled(y)).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let xs: Vec<f64> = points.iter().map(|point| point.0).collect();
    let mut ys: Vec<f64> = points.iter().map(|point| point.1).collect();
    ys.sort_by(f64::total_cmp);
    let digamma = digammas(n);
    let mut sum = 0.0;
    for index in 0..n {
        let radius = below(neighbor_distance_2d(&points, index, n_neighbors));
        sum += digamma[count_within(&xs, points[index].0, radius)];
        sum += digamma[count_within(&ys, points[index].1, radius)];
    }
    (digamma[n] + digamma[n_neighbors] - sum / n as f64).max(0.0)
}

/// Digamma at `0..=n`; 0 at 0, where it has none: `psi(1) = -gamma`, `psi(i + 1) = psi(i) + 1 / i`.
fn digammas(n: usize) -> Vec<f64> {
    const EULER_GAMMA: f64 = 0.577_215_664_901_532_9;
    let mut values = vec![0.0, -EULER_GAMMA];
    for i in 1..n {
        values.push(values[i] + 1.0 / i as f64);
    }
    values
}

/// Divided by the standard deviation, if that is not 0.
fn scaled(values: &[f64]) -> Vec<f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let deviation = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
    let factor = if deviation > 0.0 { 1.0 / deviation } else { 1.0 };
    values.iter().map(|value| value * factor).collect()
}

/// The next smaller distance: neighbours at the distance itself do not count.
fn below(distance: f64) -> f64 {
    if distance > 0.0 { distance.next_down() } else { 0.0 }
}

/// Values of a sorted list within `radius` of `value`, itself included.
fn count_within(sorted: &[f64], value: f64, radius: f64) -> usize {
    let start = sorted.partition_point(|&other| value - other > radius);
    let end = sorted.partition_point(|&other| other - value <= radius);
    end - start
}

/// Distance from one value of a sorted list to its `k`-th nearest, `k < len`.
fn neighbor_distance(sorted: &[f64], index: usize, k: usize) -> f64 {
    let (mut left, mut right) = (index, index);
    let mut distance = 0.0;
    for _ in 0..k {
        let before = left.checked_sub(1).map_or(f64::INFINITY, |i| sorted[index] - sorted[i]);
        let after = sorted.get(right + 1).map_or(f64::INFINITY, |next| next - sorted[index]);
        if before <= after {
            left -= 1;
            distance = before;
        } else {
            right += 1;
            distance = after;
        }
    }
    distance
}

/// As [`neighbor_distance`] for points sorted by their first number, by the larger of the two
/// distances: looks outwards until the first number alone is farther than the `k`-th found.
fn neighbor_distance_2d(points: &[(f64, f64)], index: usize, k: usize) -> f64 {
    let (x, y) = points[index];
    let mut nearest = vec![f64::INFINITY; k];
    let mut consider = |point: &(f64, f64)| {
        let dx = (point.0 - x).abs();
        let distance = dx.max((point.1 - y).abs());
        if distance < nearest[k - 1] {
            let place = nearest.partition_point(|&other| other <= distance);
            nearest[place..].rotate_right(1);
            nearest[place] = distance;
        }
        dx <= nearest[k - 1]
    };
    let (mut left, mut right) = (index, index + 1);
    let (mut go_left, mut go_right) = (true, true);
    while go_left || go_right {
        go_left = go_left && left > 0;
        if go_left {
            left -= 1;
            go_left = consider(&points[left]);
        }
        go_right = go_right && right < points.len();
        if go_right {
            go_right = consider(&points[right]);
            right += 1;
        }
    }
    nearest[k - 1]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    #[test]
    fn independent_counts_share_nothing() {
        assert!(mutual_info_discrete(&[2, 4, 3, 6], 2) < 1e-15);
        let two_bits = mutual_info_discrete(&[5, 0, 0, 5], 2);
        assert!((two_bits - std::f64::consts::LN_2).abs() < 1e-15);
        assert_eq!(mutual_info_discrete(&[], 3), 0.0);
    }

    #[test]
    fn neighbours_are_those_of_a_full_search() {
        let mut stream = Stream::new(&[3]);
        let mut points: Vec<(f64, f64)> =
            (0..200).map(|_| (stream.uniform(), stream.uniform())).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (index, point) in points.iter().enumerate() {
            let mut distances: Vec<f64> = points
                .iter()
                .map(|other| (other.0 - point.0).abs().max((other.1 - point.1).abs()))
                .collect();
            distances.sort_by(f64::total_cmp);
            for k in [1, 3, 7] {
                assert_eq!(neighbor_distance_2d(&points, index, k), distances[k]);
            }
        }
    }

    /// Of a bivariate normal: `-ln(1 - r^2) / 2`.
    #[test]
    fn a_normal_pair_has_its_known_information() {
        let mut stream = Stream::new(&[11]);
        let mut normal = || (0..12).map(|_| stream.uniform()).sum::<f64>() - 6.0;
        let x: Vec<f64> = (0..2000).map(|_| normal()).collect();
        let y: Vec<f64> = x.iter().map(|x| 0.8 * x + 0.6 * normal()).collect();
        let known = -0.5 * (1.0f64 - 0.64).ln();
        let found = mutual_info_continuous(&x, &y, 3);
        assert!((found - known).abs() < 0.06, "{found} {known}");
    }

    #[test]
    fn few_rows_are_no_trouble() {
        assert_eq!(mutual_info_continuous(&[1.0, 2.0], &[1.0, 2.0], 3), 0.0);
        assert_eq!(mutual_info_discrete_continuous(&[1.0, 2.0], &[0, 1], 3), 0.0);
        assert!(mutual_info_discrete_continuous(&[1.0; 6], &[0, 0, 0, 1, 1, 1], 3) < 1e-12);
    }
}
