//! The features that tell most about the target, each taken alone.
//!
//! On a [`Dataset`] the scores use bins, so that numbers, categories and missing values count
//! alike; a numeric target is cut into 16 quantile bins where a score needs classes. Each score
//! is freed of what chance alone would give, so that features with many and with few bins can be
//! compared, and does not depend on the number of rows.

use eyas_model::Bins;

use super::Pruner;
use super::mutual_info::mutual_info_discrete;
use super::univariate::{Variance, squared_correlation};
use crate::dataset::{Dataset, Target};
use crate::splits::quantile_bins;

/// The pruner, for help and reports.
pub(super) const PRUNER: Pruner = Pruner {
    name: "select_k_best",
    help: "Keeps the features that tell most about the target, each taken alone.",
    references: &[
        "Guyon, Elisseeff 2003, An introduction to variable and feature selection, JMLR 3",
    ],
};

/// Bins of a numeric target.
const TARGET_BINS: usize = 16;

/// A measure of how much a feature tells about the target.
#[derive(Debug)]
pub struct FeatureScore {
    /// Name in options.
    pub name: &'static str,
    /// One sentence for `--help`.
    pub help: &'static str,
    /// Where the method comes from.
    pub references: &'static [&'static str],
    score: fn(&Ranking<'_>, usize) -> f64,
}

/// Every score, the default first.
pub static FEATURE_SCORES: &[FeatureScore] = &[
    FeatureScore {
        name: "mutual_info",
        help: "Mutual information of bins and target, in nats, less its bias.",
        references: &["Miller 1955, Note on the bias of information estimates"],
        score: mutual_info,
    },
    FeatureScore {
        name: "chi2",
        help: "Chi-squared of bins against the target, less its mean by chance, a row.",
        references: &["Pearson 1900, doi:10.1080/14786440009463897"],
        score: chi2,
    },
    FeatureScore {
        name: "f_test",
        help: "Explained share of variance, as in an F test, adjusted for degrees of freedom.",
        references: &[
            "Fisher 1925, Statistical Methods for Research Workers",
            "Light, Margolin 1971, doi:10.1080/01621459.1971.10482297 (categories on both sides)",
        ],
        score: f_test,
    },
];

/// The score of this name.
pub fn feature_score(name: &str) -> Option<&'static FeatureScore> {
    FEATURE_SCORES.iter().find(|score| score.name == name)
}

/// Features and their scores, the best first, ties by index. Scores are at most about 1 (mutual
/// information: the entropy of the target); near or below 0 a feature tells nothing by itself.
///
/// `rows` are those to learn from, ascending. Weights are not used (nor are they in scikit-learn).
/// `O(n d)`, about a nanosecond a cell.
pub fn rank_features(score: &FeatureScore, data: &Dataset, rows: &[u32]) -> Vec<(u32, f64)> {
    let ranking = Ranking::new(data, rows);
    let of = |feature: usize| {
        let value = (score.score)(&ranking, feature);
        (feature as u32, if value.is_finite() { value } else { 0.0 })
    };
    let mut ranked: Vec<(u32, f64)> = (0..data.n_features()).map(of).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    ranked
}

/// How many of the ranked features to keep: the fewest whose scores sum to `share` of all positive
/// scores; at least 1, at most `max_features`.
pub fn choose_k(ranked: &[(u32, f64)], share: f64, max_features: usize) -> usize {
    let goal = share * ranked.iter().map(|(_, score)| score.max(0.0)).sum::<f64>();
    let mut sum = 0.0;
    let enough = ranked.iter().position(|(_, score)| {
        sum += score.max(0.0);
        sum >= goal
    });
    enough.map_or(ranked.len(), |last| last + 1).min(max_features.max(1)).min(ranked.len())
}

/// The first `k` ranked features, ascending, as [`crate::FitInput::features`] wants them.
pub fn top_features(ranked: &[(u32, f64)], k: usize) -> Vec<u32> {
    let mut features: Vec<u32> = ranked.iter().take(k).map(|(feature, _)| *feature).collect();
    features.sort_unstable();
    features
}

/// What the scores of all features share.
struct Ranking<'a> {
    data: &'a Dataset,
    rows: &'a [u32],
    /// Class, or quantile bin of the target, of each of `rows`.
    labels: Vec<u32>,
    n_labels: usize,
}

impl<'a> Ranking<'a> {
    fn new(data: &'a Dataset, rows: &'a [u32]) -> Ranking<'a> {
        let labels = match &data.target {
            Target::Classes(classes) => rows.iter().map(|&row| classes[row as usize]).collect(),
            Target::Numbers(numbers) => {
                let numbers: Vec<f64> = rows.iter().map(|&row| numbers[row as usize]).collect();
                quantile_bins(&numbers, TARGET_BINS)
            }
        };
        let n_labels = labels.iter().max().map_or(1, |last| *last as usize + 1);
        Ranking { data, rows, labels, n_labels }
    }

    /// Rows by bin and label `(n_bins, n_labels)`.
    fn table(&self, feature: usize) -> Table {
        let n_bins = self.data.features[feature].bins.n_bins();
        let mut counts = vec![0; n_bins * self.n_labels];
        let bins = &self.data.bins[feature];
        for (&row, &label) in self.rows.iter().zip(&self.labels) {
            counts[usize::from(bins[row as usize]) * self.n_labels + label as usize] += 1;
        }
        Table::new(counts, self.n_labels)
    }
}

/// Counts by bin and label, and their margins.
struct Table {
    counts: Vec<u32>,
    of_bins: Vec<f64>,
    of_labels: Vec<f64>,
    n_rows: f64,
}

impl Table {
    fn new(counts: Vec<u32>, n_labels: usize) -> Table {
        let mut of_labels = vec![0.0; n_labels];
        let mut of_bins = Vec::with_capacity(counts.len() / n_labels);
        for row in counts.chunks_exact(n_labels) {
            of_labels.iter_mut().zip(row).for_each(|(total, &count)| *total += f64::from(count));
            of_bins.push(row.iter().map(|&count| f64::from(count)).sum());
        }
        let n_rows = of_bins.iter().sum();
        Table { counts, of_bins, of_labels, n_rows }
    }

    /// Bins that occur, and labels that occur, less one each.
    fn degrees(&self) -> (f64, f64) {
        let occurring = |totals: &[f64]| totals.iter().filter(|&&total| total > 0.0).count();
        let less_one = |count: usize| count.saturating_sub(1) as f64;
        (less_one(occurring(&self.of_bins)), less_one(occurring(&self.of_labels)))
    }

    /// `sum_bl c_bl^2 / (c_b w_l)` over the cells that occur.
    fn squares(&self, label_weight: impl Fn(usize) -> f64) -> f64 {
        let n_labels = self.of_labels.len();
        let rows = self.counts.chunks_exact(n_labels).zip(&self.of_bins);
        let of_row = |(row, total): (&[u32], &f64)| -> f64 {
            let cells = row.iter().enumerate().filter(|(_, count)| **count > 0);
            cells.map(|(l, &c)| f64::from(c).powi(2) / (total * label_weight(l))).sum()
        };
        rows.map(of_row).sum()
    }
}

fn mutual_info(ranking: &Ranking<'_>, feature: usize) -> f64 {
    let table = ranking.table(feature);
    let (bins, labels) = table.degrees();
    let bias = bins * labels / (2.0 * table.n_rows);
    mutual_info_discrete(&table.counts, ranking.n_labels) - bias
}

/// `(chi^2 - degrees) / n`, with `chi^2 = n (sum_bl c_bl^2 / (c_b c_l) - 1)`.
fn chi2(ranking: &Ranking<'_>, feature: usize) -> f64 {
    let table = ranking.table(feature);
    let (bins, labels) = table.degrees();
    table.squares(|label| table.of_labels[label]) - 1.0 - bins * labels / table.n_rows
}

/// `1 - (1 - R^2) (n - 1) / (n - 1 - degrees)`, with `R^2` the share of variance that is explained:
/// of the feature by the classes, of the target by a category or a line, or of class indicators by
/// a category (Goodman and Kruskal's tau). Rows without a number are left out, and the score is
/// multiplied by the share of rows with one.
fn f_test(ranking: &Ranking<'_>, feature: usize) -> f64 {
    let (data, rows) = (ranking.data, ranking.rows);
    let is_categorical = matches!(data.features[feature].bins, Bins::Levels(_));
    let number = |row: &u32| data.number(feature, *row as usize);
    match &data.target {
        Target::Classes(_) if is_categorical => tau(&ranking.table(feature)),
        Target::Classes(_) => {
            let values = rows.iter().map(number).zip(ranking.labels.iter().copied());
            let known = values.filter(|(value, _)| !value.is_nan());
            explained(&Variance::new(known, ranking.n_labels), rows.len())
        }
        Target::Numbers(y) if is_categorical => {
            let bins = &data.bins[feature];
            let by_bin = rows.iter().map(|&row| (y[row as usize], u32::from(bins[row as usize])));
            let n_bins = data.features[feature].bins.n_bins();
            explained(&Variance::new(by_bin, n_bins), rows.len())
        }
        Target::Numbers(y) => {
            let pairs = rows.iter().map(|row| (number(row), y[*row as usize]));
            let known = pairs.filter(|(x, _)| !x.is_nan());
            let n = known.clone().count() as f64;
            adjusted(squared_correlation(known), n, 1.0) * n / rows.len() as f64
        }
    }
}

fn adjusted(share: f64, n: f64, degrees: f64) -> f64 {
    1.0 - (1.0 - share) * (n - 1.0) / (n - 1.0 - degrees)
}

fn explained(variance: &Variance, n_rows: usize) -> f64 {
    let share = variance.between / variance.total;
    adjusted(share, variance.n, variance.n_groups - 1.0) * variance.n / n_rows as f64
}

fn tau(table: &Table) -> f64 {
    let by_chance = table.of_labels.iter().map(|n| n * n).sum::<f64>() / table.n_rows;
    let share = (table.squares(|_| 1.0) - by_chance) / (table.n_rows - by_chance);
    adjusted(share, table.n_rows, table.degrees().0)
}

#[cfg(test)]
mod tests {
    use eyas_model::{Derive, Feature, Schema, TaskKind};

    use super::*;
    use crate::dataset::Numbers;
    use crate::random::Stream;

    /// Features: strong number, weak number, noise, strong category, noisy category of 50 levels,
    /// constant with missing values.
    fn dataset(task: TaskKind, n_rows: usize) -> Dataset {
        let mut stream = Stream::new(&[5]);
        let hidden: Vec<usize> = (0..n_rows).map(|_| stream.below(3)).collect();
        let mut bins = vec![vec![]; 6];
        for &h in &hidden {
            bins[0].push((1 + 20 * h + stream.below(30)) as u8);
            bins[1].push((1 + 5 * h + stream.below(60)) as u8);
            bins[2].push((1 + stream.below(70)) as u8);
            bins[3].push((1 + (h + usize::from(stream.uniform() < 0.2)) % 3) as u8);
            bins[4].push((1 + stream.below(50)) as u8);
            bins[5].push(u8::from(stream.uniform() < 0.9));
        }
        let is_number = |f: usize| ![3, 4].contains(&f);
        let number = |bin: &u8| if *bin == 0 { f64::NAN } else { f64::from(*bin) };
        let numbers = (0..6)
            .map(|f| if is_number(f) { bins[f].iter().map(number).collect() } else { vec![] })
            .map(Numbers::Exact)
            .collect();
        let target = match task {
            TaskKind::Regression => Target::Numbers(hidden.iter().map(|&h| h as f64).collect()),
            _ => Target::Classes(hidden.iter().map(|&h| h as u32).collect()),
        };
        let feature = |f: usize| Feature {
            column: f as u32,
            derive: Derive::Itself,
            name: format!("f{f}"),
            bins: match is_number(f) {
                true => Bins::Edges((0..80).map(f64::from).collect()),
                false => Bins::Levels((0..50).map(|level| level.to_string()).collect()),
            },
        };
        let features = (0..6).map(feature).collect();
        let classes = ["a", "b", "c"].map(String::from).to_vec();
        let schema = Schema { task, target: "t".into(), classes, columns: vec![] };
        Dataset { schema, n_rows, features, bins, numbers, target, weights: None }
    }

    #[test]
    fn what_tells_more_ranks_higher() {
        for task in [TaskKind::Multiclass, TaskKind::Regression] {
            let data = dataset(task, 2000);
            let rows: Vec<u32> = (0..2000).filter(|row| row % 5 != 0).collect();
            for score in FEATURE_SCORES {
                let ranked = rank_features(score, &data, &rows);
                let order: Vec<u32> = ranked.iter().map(|(feature, _)| *feature).collect();
                let place = |feature| order.iter().position(|&other| other == feature);
                assert_eq!(order.len(), 6);
                for strong in [0, 3] {
                    for weak in [1, 2, 4, 5] {
                        assert!(place(strong) < place(weak), "{} {task:?} {ranked:?}", score.name);
                    }
                }
                assert_eq!(order[2], 1, "{} {task:?} {ranked:?}", score.name);
                // Chance, however many bins it had.
                for (_, score) in &ranked[3..] {
                    assert!(score.abs() < 0.025, "{ranked:?}");
                }
            }
        }
    }

    #[test]
    fn k_reaches_the_share() {
        let ranked = [(4, 0.6), (0, 0.3), (2, 0.1), (1, -0.01), (3, -0.02)];
        assert_eq!(choose_k(&ranked, 0.6, 9), 1);
        assert_eq!(choose_k(&ranked, 0.85, 9), 2);
        assert_eq!(choose_k(&ranked, 0.85, 1), 1);
        assert_eq!(choose_k(&ranked, 1.5, 9), 5);
        assert_eq!(choose_k(&[], 0.5, 3), 0);
        assert_eq!(top_features(&ranked, 3), [0, 2, 4]);
    }

    #[test]
    fn no_rows_rank_by_index() {
        let data = dataset(TaskKind::Multiclass, 10);
        for score in FEATURE_SCORES {
            let ranked = rank_features(score, &data, &[]);
            assert_eq!(ranked, (0..6).map(|feature| (feature, 0.0)).collect::<Vec<_>>());
        }
    }
}
