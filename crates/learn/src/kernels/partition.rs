//! Splitting a list of rows by a question about one column.

/// Moves the rows whose answer is no to the front, in order, and those whose answer is yes behind
/// them, in order; returns how many are in front.
///
/// `column` `(n_rows,)` holds bins, `goes_right` answers by bin with 0 or 1, `buffer` has at least
/// the length of `rows`.
///
/// # Panics
/// If a row is outside of `column`, or `buffer` is too short.
pub fn partition(
    rows: &mut [u32],
    column: &[u8],
    goes_right: &[u8; 256],
    buffer: &mut [u32],
) -> usize {
    assert!(buffer.len() >= rows.len());
    let buffer = &mut buffer[..rows.len()];
    let (mut n_left, mut n_right) = (0, 0);
    // No branch on the answer: both places are written, one of them counts.
    for i in 0..rows.len() {
        let row = rows[i];
        let right = usize::from(goes_right[usize::from(column[row as usize])]);
        rows[n_left] = row;
        buffer[n_right] = row;
        n_left += 1 - right;
        n_right += right;
    }
    rows[n_left..].copy_from_slice(&buffer[..n_right]);
    n_left
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equals_two_filters(column in prop::collection::vec(0u8..8, 1..200), answers in any::<u8>()) {
            let mut goes_right = [0; 256];
            (0..8).for_each(|bin| goes_right[bin] = answers >> bin & 1);
            let all: Vec<u32> = (0..column.len() as u32).step_by(2).collect();
            let right = |row: &u32| goes_right[usize::from(column[*row as usize])] == 1;
            let mut expected: Vec<u32> = all.iter().copied().filter(|row| !right(row)).collect();
            let n_left = expected.len();
            expected.extend(all.iter().copied().filter(right));
            let (mut rows, mut buffer) = (all.clone(), vec![0; all.len()]);
            prop_assert_eq!(partition(&mut rows, &column, &goes_right, &mut buffer), n_left);
            prop_assert_eq!(rows, expected);
        }
    }
}
