//! What must hold of every split, whatever the rows.

use proptest::prelude::*;

use super::*;

fn input(target: &Target) -> SplitInput<'_> {
    SplitInput { target, groups: None, times: None }
}

fn folds(n_folds: usize) -> Plan {
    Plan::Folds { n_folds, n_repeats: 1 }
}

/// Ascending, disjoint, not empty.
fn assert_sound(splits: &[Split]) {
    assert!(!splits.is_empty());
    for split in splits {
        for rows in [&split.train, &split.valid] {
            assert!(!rows.is_empty() && rows.windows(2).all(|pair| pair[0] < pair[1]));
        }
        assert!(split.valid.iter().all(|row| split.train.binary_search(row).is_err()));
    }
}

/// Every row is predicted once and learnt from otherwise.
fn assert_partition(splits: &[Split], n_rows: usize) {
    assert_sound(splits);
    let mut predicted: Vec<u32> = splits.iter().flat_map(|split| split.valid.clone()).collect();
    predicted.sort_unstable();
    assert!(predicted.iter().copied().eq(0..n_rows as u32));
    assert!(splits.iter().all(|split| split.train.len() + split.valid.len() == n_rows));
}

fn spread(counts: impl Iterator<Item = usize> + Clone) -> usize {
    counts.clone().max().unwrap_or(0) - counts.min().unwrap_or(0)
}

fn classes() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(prop_oneof![8 => 0u32..2, 1 => 2u32..6], 2..150)
}

proptest! {
    #[test]
    fn folds_keep_shares_of_classes(classes in classes(), n_folds in 2usize..12, seed: u64) {
        let target = Target::Classes(classes.clone());
        let splits = folds(n_folds).splits(&input(&target), seed).unwrap();
        prop_assert_eq!(splits.len(), n_folds.min(classes.len()));
        assert_partition(&splits, classes.len());
        prop_assert!(spread(splits.iter().map(|split| split.valid.len())) <= 1);
        for class in 0..6 {
            let of_class = |rows: &[u32]| {
                rows.iter().filter(|&&row| classes[row as usize] == class).count()
            };
            prop_assert!(spread(splits.iter().map(|split| of_class(&split.valid))) <= 1);
        }
    }

    #[test]
    fn folds_keep_the_mean_of_numbers(
        numbers in prop::collection::vec(-1e3f64..1e3, 40..200), n_folds in 2usize..6, seed: u64,
    ) {
        let target = Target::Numbers(numbers.clone());
        let splits = folds(n_folds).splits(&input(&target), seed).unwrap();
        assert_partition(&splits, numbers.len());
        // Ranks of a fold are spread evenly: its median rank is near the middle.
        let mut sorted = numbers.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = |row: &u32| sorted.partition_point(|x| *x < numbers[*row as usize]) as f64;
        for split in &splits {
            let mean = split.valid.iter().map(rank).sum::<f64>() / split.valid.len() as f64;
            let centre = (numbers.len() - 1) as f64 / 2.0;
            prop_assert!((mean - centre).abs() < 0.15 * numbers.len() as f64);
        }
    }

    #[test]
    fn groups_stay_together(
        rows in prop::collection::vec((0u32..12, 0u32..3), 2..120), n_folds in 2usize..8, seed: u64,
    ) {
        let groups: Vec<u32> = rows.iter().map(|row| row.0 * 7).collect();
        let target = Target::Classes(rows.iter().map(|row| row.1).collect());
        let sizes: Vec<usize> =
            (0..12).map(|g| rows.iter().filter(|row| row.0 == g).count()).filter(|&n| n > 0).collect();
        let input = SplitInput { target: &target, groups: Some(&groups), times: None };
        let result = folds(n_folds).splits(&input, seed);
        let hold_out = Plan::HoldOut { n_valid: rows.len() / 4 }.splits(&input, seed);
        if sizes.len() < 2 {
            prop_assert!(matches!(result, Err(Error::Task(_))) && hold_out.is_err());
            return Ok(());
        }
        let splits = result.unwrap();
        prop_assert_eq!(splits.len(), n_folds.min(sizes.len()));
        assert_partition(&splits, rows.len());
        let largest = *sizes.iter().max().unwrap();
        prop_assert!(spread(splits.iter().map(|split| split.valid.len())) <= largest);
        let hold_out = hold_out.unwrap();
        assert_sound(&hold_out);
        for split in splits.iter().chain(&hold_out) {
            let trained: Vec<u32> = split.train.iter().map(|&row| groups[row as usize]).collect();
            prop_assert!(split.valid.iter().all(|&row| !trained.contains(&groups[row as usize])));
        }
    }

    #[test]
    fn hold_outs_keep_shares_of_classes(classes in classes(), share in 0.05f64..0.9, seed: u64) {
        let n_valid = ((classes.len() as f64 * share) as usize).clamp(1, classes.len() - 1);
        let target = Target::Classes(classes.clone());
        let splits = Plan::HoldOut { n_valid }.splits(&input(&target), seed).unwrap();
        prop_assert_eq!(splits.len(), 1);
        assert_partition_of_two(&splits[0], classes.len());
        prop_assert!(splits[0].valid.len() <= n_valid);
        for class in 0..6 {
            let count = |rows: &[u32]| {
                rows.iter().filter(|&&row| classes[row as usize] == class).count()
            };
            let (held, left) = (count(&splits[0].valid), count(&splits[0].train));
            let fair = (held + left) as f64 * n_valid as f64 / classes.len() as f64;
            prop_assert!((held as f64) < fair + 1.0 && held as f64 > fair - 2.0);
            prop_assert!(left > 0 || held == 0 || splits[0].valid.len() == 1);
        }
    }

    #[test]
    fn earlier_rows_predict_later_ones(
        times in prop::collection::vec((-5i32..20).prop_map(f64::from), 2..120),
        n_folds in 2usize..7,
        with_groups: bool,
    ) {
        let target = Target::Numbers(times.clone());
        let groups: Vec<u32> = (0..times.len() as u32).map(|row| row % 17).collect();
        let input = SplitInput {
            target: &target, groups: with_groups.then_some(&groups[..]), times: Some(&times),
        };
        let all_equal = times.iter().all(|&time| time == times[0]);
        for plan in [folds(n_folds), Plan::HoldOut { n_valid: times.len() / 4 }] {
            let Ok(splits) = plan.splits(&input, 0) else {
                prop_assert!(all_equal || with_groups);
                continue;
            };
            assert_sound(&splits);
            for split in &splits {
                let time = |row: &u32| times[*row as usize];
                let latest = split.train.iter().map(time).fold(f64::MIN, f64::max);
                let earliest = split.valid.iter().map(time).fold(f64::MAX, f64::min);
                prop_assert!(latest < earliest);
                if with_groups {
                    let group = |row: &u32| groups[*row as usize];
                    let trained: Vec<u32> = split.train.iter().map(group).collect();
                    prop_assert!(split.valid.iter().all(|row| !trained.contains(&group(row))));
                }
            }
        }
    }
}

fn assert_partition_of_two(split: &Split, n_rows: usize) {
    assert_sound(std::slice::from_ref(split));
    assert_eq!(split.train.len() + split.valid.len(), n_rows);
}

#[test]
fn windows_expand() {
    let times: Vec<f64> = (0..12).map(|row| f64::from(11 - row)).collect();
    let target = Target::Numbers(times.clone());
    let input = SplitInput { target: &target, groups: None, times: Some(&times) };
    let splits = folds(3).splits(&input, 5).unwrap();
    let valid: Vec<&[u32]> = splits.iter().map(|split| &split.valid[..]).collect();
    assert_eq!(valid, [&[6, 7, 8][..], &[3, 4, 5], &[0, 1, 2]]);
    assert_eq!(splits[1].train, [6, 7, 8, 9, 10, 11]);
    let hold_out = Plan::HoldOut { n_valid: 2 }.splits(&input, 5).unwrap();
    assert_eq!(hold_out[0].valid, [0, 1]);
}

#[test]
fn seeds_and_repeats_deal_anew() {
    let target = Target::Classes((0..60).map(|row| row % 3).collect());
    let plan = Plan::Folds { n_folds: 5, n_repeats: 3 };
    let splits = plan.splits(&input(&target), 1).unwrap();
    assert_eq!(splits.len(), 15);
    splits.chunks(5).for_each(|repeat| assert_partition(repeat, 60));
    assert_ne!(splits[..5], splits[5..10]);
    assert_eq!(splits, plan.splits(&input(&target), 1).unwrap());
    assert_ne!(splits, plan.splits(&input(&target), 2).unwrap());
}

#[test]
fn a_rare_class_is_spread() {
    let mut classes = vec![0; 50];
    classes[7] = 1;
    classes[8] = 1;
    let target = Target::Classes(classes);
    let splits = folds(10).splits(&input(&target), 3).unwrap();
    let of_seven = splits.iter().position(|split| split.valid.contains(&7));
    let of_eight = splits.iter().position(|split| split.valid.contains(&8));
    assert_ne!(of_seven, of_eight);
}

#[test]
fn what_cannot_be_split_is_an_error() {
    for n_rows in 0..2 {
        let target = Target::Numbers(vec![1.0; n_rows]);
        assert!(matches!(folds(5).splits(&input(&target), 0), Err(Error::Task(_))));
    }
    let target = Target::Numbers(vec![1.0, 2.0, 3.0]);
    let times = [1.0, f64::NAN, 2.0];
    let input = SplitInput { target: &target, groups: None, times: Some(&times) };
    let message = folds(2).splits(&input, 0).unwrap_err().to_string();
    assert!(message.starts_with("the time of row 2 is missing"), "{message}");
}

#[test]
fn plans_follow_the_size_of_the_data() {
    let plan = |n_rows, n_cells| choose(n_rows, n_cells, &SplitOptions::default()).unwrap();
    assert_eq!(plan(999, 10_000), folds(8));
    assert_eq!(plan(1_000, 10_000), folds(5));
    assert_eq!(plan(19_999, 200_000), folds(5));
    assert_eq!(plan(1_500, 30_000_000), folds(3));
    assert_eq!(plan(10_000, 30_000_000), Plan::HoldOut { n_valid: 2_000 });
    assert_eq!(plan(20_000, 200_000), Plan::HoldOut { n_valid: 4_000 });
    assert_eq!(plan(1_000_000, 200_000), Plan::HoldOut { n_valid: 50_000 });
}

#[test]
fn options_come_first() {
    let options = SplitOptions { folds: Some(4), repeats: Some(2), hold_out: None };
    let plan = choose(1_000_000, 1_000_000, &options);
    assert_eq!(plan, Ok(Plan::Folds { n_folds: 4, n_repeats: 2 }));
    let options = SplitOptions { hold_out: Some(0.25), ..SplitOptions::default() };
    assert_eq!(choose(100, 100, &options), Ok(Plan::HoldOut { n_valid: 25 }));
    let wrong = [
        SplitOptions { folds: Some(1), ..SplitOptions::default() },
        SplitOptions { repeats: Some(0), ..SplitOptions::default() },
        SplitOptions { hold_out: Some(1.0), ..SplitOptions::default() },
        SplitOptions { hold_out: Some(f64::NAN), ..SplitOptions::default() },
        SplitOptions { hold_out: Some(0.5), folds: Some(3), ..SplitOptions::default() },
        SplitOptions { hold_out: Some(0.5), repeats: Some(3), ..SplitOptions::default() },
    ];
    for options in wrong {
        assert!(matches!(choose(100, 100, &options), Err(Error::Parameter { .. })), "{options:?}");
    }
}
