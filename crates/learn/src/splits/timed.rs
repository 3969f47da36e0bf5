//! Later rows predicted from earlier ones.

use super::{Plan, Split, split};
use crate::error::Error;

/// Windows that expand: times are cut into `n_folds + 1` stretches of about equal rows, and
/// stretch `i` is predicted from all before it. Hold-out: the latest rows. Rows of one time are
/// never parted. Repeats and seeds change nothing.
///
/// # Errors
/// [`Error::Task`] where a time is NaN, all times are equal, or groups leave no rows to learn from.
pub(super) fn splits(
    times: &[f64],
    groups: Option<&[u32]>,
    plan: Plan,
) -> Result<Vec<Split>, Error> {
    if let Some(row) = times.iter().position(|time| time.is_nan()) {
        return Err(Error::Task(format!(
            "the time of row {} is missing; fill it in, remove the row, or leave the time column \
             out",
            row + 1
        )));
    }
    let mut order: Vec<u32> = (0..times.len() as u32).collect();
    order.sort_by(|&a, &b| times[a as usize].total_cmp(&times[b as usize]));
    let sorted: Vec<f64> = order.iter().map(|&row| times[row as usize]).collect();
    let cuts = cuts(&sorted, plan);
    if cuts.is_empty() {
        return Err(Error::Task(
            "all rows have the same time, so none is later than the others; leave the time column \
             out"
            .into(),
        ));
    }
    let ends = cuts[1..].iter().map(|&end| Some(end)).chain([None]);
    let windows = cuts.iter().zip(ends).map(|(&start, end)| {
        let valid = |row: usize| times[row] >= start && end.is_none_or(|end| times[row] < end);
        split(times.len(), valid, |row| times[row] < start)
    });
    let windows: Vec<Split> = windows.collect();
    match groups {
        None => Ok(windows),
        Some(groups) => without_groups_to_predict(windows, groups),
    }
}

/// First times of the windows to be predicted, ascending, all later than the first time.
fn cuts(sorted: &[f64], plan: Plan) -> Vec<f64> {
    let n = sorted.len();
    let ranks: Vec<usize> = match plan {
        Plan::HoldOut { n_valid } => vec![n - n_valid.clamp(1, n - 1)],
        Plan::Folds { n_folds, .. } => (1..=n_folds).map(|fold| fold * n / (n_folds + 1)).collect(),
    };
    let mut cuts: Vec<f64> = ranks.into_iter().filter_map(|rank| cut(sorted, rank)).collect();
    cuts.dedup();
    cuts
}

/// The time that starts nearest to `rank`, other than the first time; `None` if there is none.
fn cut(sorted: &[f64], rank: usize) -> Option<f64> {
    let rank = rank.min(sorted.len() - 1);
    let time = sorted[rank];
    let start = sorted.partition_point(|&other| other < time);
    let next = sorted.partition_point(|&other| other <= time);
    let nearer_next = next < sorted.len() && next - rank < rank - start;
    if start == 0 || nearer_next { sorted.get(next).copied() } else { Some(time) }
}

/// Rows of groups that are to be predicted must not be learnt from. Windows left without rows to
/// learn from are dropped.
fn without_groups_to_predict(mut splits: Vec<Split>, groups: &[u32]) -> Result<Vec<Split>, Error> {
    for split in &mut splits {
        let mut predicted: Vec<u32> = split.valid.iter().map(|&row| groups[row as usize]).collect();
        predicted.sort_unstable();
        split.train.retain(|&row| predicted.binary_search(&groups[row as usize]).is_err());
    }
    splits.retain(|split| !split.train.is_empty());
    if splits.is_empty() {
        return Err(Error::Task(
            "every group has rows at the latest times, so none is left to learn from; give groups \
             or times, not both"
                .into(),
        ));
    }
    Ok(splits)
}
