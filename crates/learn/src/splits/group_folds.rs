//! The folds of scikit-learn's `GroupKFold`.

use super::{Split, splits_of_folds};
use crate::error::Error;

/// Deals whole groups out as scikit-learn does: the largest first, to the fold that has the fewest
/// rows so far, the first of them.
///
/// Groups are `0..n_groups`, `groups` `(n_rows,)`. Of groups of one size the last goes first, as
/// in scikit-learn where NumPy sorts them stably.
///
/// # Errors
/// [`Error::Parameter`]: fewer than two folds, or more folds than groups.
pub fn scikit_learn_group_folds(groups: &[u32], n_folds: usize) -> Result<Vec<Split>, Error> {
    let n_groups = groups.iter().max().map_or(0, |last| *last as usize + 1);
    if n_folds < 2 || n_folds > n_groups {
        return Err(Error::Parameter {
            name: "cv".to_owned(),
            value: n_folds.to_string(),
            expected: format!("a number from 2 to the number of groups, {n_groups}, is expected"),
        });
    }
    let mut sizes = vec![0usize; n_groups];
    groups.iter().for_each(|&group| sizes[group as usize] += 1);
    let mut order: Vec<usize> = (0..n_groups).collect();
    order.sort_by_key(|&group| (sizes[group], group));
    let mut fold_of_group = vec![0u32; n_groups];
    let mut filled = vec![0usize; n_folds];
    for &group in order.iter().rev() {
        let fold = (0..n_folds).min_by_key(|&fold| filled[fold]).expect("two folds at least");
        filled[fold] += sizes[group];
        fold_of_group[group] = fold as u32;
    }
    let folds: Vec<u32> = groups.iter().map(|&group| fold_of_group[group as usize]).collect();
    Ok(splits_of_folds(&folds))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `[test for _, test in GroupKFold(3).split(g, groups=g)]` of scikit-learn 1.9.1 for
    /// `g = [0]*5 + [1]*2 + [2]*9 + [3]*3 + [4]*7 + [5]*1 + [6]*4`.
    #[test]
    fn folds_are_those_of_scikit_learn() {
        let sizes = [5, 2, 9, 3, 7, 1, 4];
        let groups: Vec<u32> =
            sizes.iter().enumerate().flat_map(|(group, &n)| vec![group as u32; n]).collect();
        let splits = scikit_learn_group_folds(&groups, 3).unwrap();
        let of_fold = |split: &Split| {
            let mut held: Vec<u32> = split.valid.iter().map(|&row| groups[row as usize]).collect();
            held.dedup();
            held
        };
        let held: Vec<Vec<u32>> = splits.iter().map(of_fold).collect();
        assert_eq!(held, EXPECTED);
        for split in &splits {
            assert_eq!(split.train.len() + split.valid.len(), groups.len());
        }
    }

    const EXPECTED: [&[u32]; 3] = [&[1, 2], &[3, 4], &[0, 5, 6]];

    #[test]
    fn more_folds_than_groups_are_refused() {
        let error = scikit_learn_group_folds(&[0, 0, 1], 3).unwrap_err().to_string();
        assert!(error.contains("number of groups, 2"), "{error}");
    }
}
