//! What kind of column some cells make, and which columns say nothing about a target.
//!
//! Rules, in this order, over the *whole* column, missing cells left out:
//! 1. every cell is a number: number (`0` and `1` included);
//! 2. every cell is a date or time ([`eyas_model::datetime`]): date/time;
//! 3. at most two names and both of one of [`BOOLEANS`], any case: boolean;
//! 4. free text, see [`is_text`]; else
//! 5. category.
//!
//! Columns without use for learning are dropped when a dataset is built, never by a reader:
//! constants, and identifiers by [`is_id_numbers`] and [`is_id_names`].

use super::table::{ColumnData, MISSING_CODE};
use super::types::KindOverride;

/// Pairs of names that make a boolean column: no and yes.
pub static BOOLEANS: &[(&str, &str)] = &[("false", "true"), ("no", "yes"), ("f", "t"), ("n", "y")];

/// Least present cells before a column of names can be an identifier.
pub const MIN_ID_ROWS: usize = 20;
/// Least distinct texts before a column can be free text.
pub const MIN_TEXTS: usize = 10;
/// Words that a text has on average at the least.
pub const MIN_TEXT_WORDS: usize = 5;

/// Whether these are the two names (or one of them) of a yes-no column.
pub fn is_boolean<'a>(levels: impl ExactSizeIterator<Item = &'a str> + Clone) -> bool {
    let among = |pair: &(&str, &str), level: &str| {
        level.eq_ignore_ascii_case(pair.0) || level.eq_ignore_ascii_case(pair.1)
    };
    let mut same = levels.clone();
    let spelled_once = match (same.next(), same.next()) {
        (Some(a), Some(b)) => !a.eq_ignore_ascii_case(b),
        _ => true,
    };
    (1..=2).contains(&levels.len())
        && spelled_once
        && BOOLEANS.iter().any(|pair| levels.clone().all(|level| among(pair, level)))
}

/// Whether names are free text: at least ten distinct ones, at least half of the present cells
/// distinct, and five words or more on average over the distinct ones.
pub fn is_text<'a>(n_present: usize, levels: impl ExactSizeIterator<Item = &'a str>) -> bool {
    let n_levels = levels.len();
    if n_levels < MIN_TEXTS || 2 * n_levels < n_present {
        return false;
    }
    let words: usize = levels.map(|level| level.split_whitespace().count()).sum();
    words >= MIN_TEXT_WORDS * n_levels
}

/// A number as people write it: decimal, with or without exponent, spaces around it ignored.
/// `inf` and `nan` are read too; callers refuse the first and take the second for missing.
pub fn parse_number(cell: &str) -> Option<f64> {
    fast_float2::parse::<f64, _>(cell.trim_ascii().as_bytes()).ok()
}

/// The column that names and codes make, of the kind that the user states or else by rules 3 to 5.
///
/// # Errors
/// What is wrong with a stated kind.
pub fn settled_column(
    kind: Option<KindOverride>,
    codes: Vec<u32>,
    levels: Vec<String>,
) -> Result<ColumnData, String> {
    match kind {
        Some(KindOverride::Text) => Ok(ColumnData::Text { codes, levels }),
        Some(KindOverride::Boolean) if levels.len() <= 2 => {
            Ok(ColumnData::Category { codes, levels, boolean: true })
        }
        Some(KindOverride::Boolean) => Err(format!(
            "it is to be boolean but has {} distinct values, `{}` among them; state another type",
            levels.len(),
            levels[2]
        )),
        Some(KindOverride::Category) => {
            let boolean = is_boolean(levels.iter().map(String::as_str));
            Ok(ColumnData::Category { codes, levels, boolean })
        }
        _ => Ok(names_column(codes, levels)),
    }
}

/// The column that names and codes make by rules 3 to 5.
pub fn names_column(codes: Vec<u32>, levels: Vec<String>) -> ColumnData {
    let n_present = codes.iter().filter(|&&code| code != MISSING_CODE).count();
    let names = levels.iter().map(String::as_str);
    if is_text(n_present, names.clone()) {
        return ColumnData::Text { codes, levels };
    }
    let boolean = is_boolean(names);
    ColumnData::Category { codes, levels, boolean }
}

/// Whether numbers only tell rows apart: all present, all whole, all distinct, *and* the name says
/// so ([`names_an_id`]). A feature is never dropped for having distinct values alone.
pub fn is_id_numbers(name: &str, values: &[f64]) -> bool {
    if !names_an_id(name) || values.len() < 2 {
        return false;
    }
    if !values.iter().all(|value| value.is_finite() && libm::trunc(*value) == *value) {
        return false;
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.windows(2).all(|pair| pair[0] < pair[1])
}

/// Whether names only tell rows apart: at least 20 present cells, over 95 % of them distinct.
pub fn is_id_names(n_present: usize, n_distinct: usize) -> bool {
    n_present >= MIN_ID_ROWS && 20 * n_distinct > 19 * n_present
}

/// Whether a name is that of an identifier: its last word is `id`, `uuid`, `guid`, `rowid` or
/// `rownum`, or all of it is `index`, `idx`, `row`, `row number`, `row no`, `unnamed: 0` or the
/// `column_1` that the reader gives an unnamed first column. Case and separators are ignored;
/// `customerID` has the words `customer` and `id`.
pub fn names_an_id(name: &str) -> bool {
    let words = words_of(name);
    let Some(last) = words.last() else { return false };
    let whole = words.join(" ");
    ["id", "uuid", "guid", "rowid", "rownum"].contains(&last.as_str())
        || ["index", "idx", "row", "row number", "row no", "row num", "unnamed 0", "column 1"]
            .contains(&whole.as_str())
}

/// Words of a name in lower case, split at anything but letters and digits and where a small
/// letter is followed by a capital.
fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for letter in name.chars() {
        let begins = !letter.is_alphanumeric() || (was_small && letter.is_uppercase());
        if begins {
            words.push(String::new());
        }
        if let (true, Some(word)) = (letter.is_alphanumeric(), words.last_mut()) {
            word.extend(letter.to_lowercase());
        }
        was_small = letter.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boolean(levels: &[&str]) -> bool {
        is_boolean(levels.iter().copied())
    }

    #[test]
    fn booleans() {
        for levels in [["True", "False"], ["no", "YES"], ["t", "f"], ["Y", "n"]] {
            assert!(boolean(&levels), "{levels:?}");
        }
        assert!(boolean(&["yes"]));
        for levels in [&["yes", "false"][..], &["a", "b"], &["yes", "Yes"], &["t", "f", "T"], &[]] {
            assert!(!boolean(levels), "{levels:?}");
        }
    }

    #[test]
    fn texts_are_many_distinct_sentences() {
        let sentence = |i: usize| format!("this is sentence number {i} of many");
        let many: Vec<String> = (0..30).map(sentence).collect();
        let few: Vec<String> = (0..9).map(sentence).collect();
        let short: Vec<String> = (0..30).map(|i| format!("New York {i}")).collect();
        assert!(is_text(30, many.iter().map(String::as_str)));
        assert!(!is_text(61, many.iter().map(String::as_str)), "mostly repeated");
        assert!(!is_text(9, few.iter().map(String::as_str)));
        assert!(!is_text(30, short.iter().map(String::as_str)));
    }

    #[test]
    fn names_of_identifiers() {
        for name in [
            "id",
            "ID",
            "PassengerId",
            "customerID",
            "user_id",
            "row id",
            "Index",
            "Unnamed: 0",
            "RowNumber",
            "row_number",
            "column_1",
            "device-uuid",
        ] {
            assert!(names_an_id(name), "{name}");
        }
        for name in
            ["paid", "Humid", "idea", "body mass index", "column_2", "width", "", "row_count"]
        {
            assert!(!names_an_id(name), "{name}");
        }
    }

    #[test]
    fn numbers_are_identifiers_by_name_and_values() {
        let rows: Vec<f64> = (0..50).map(f64::from).collect();
        assert!(is_id_numbers("id", &rows));
        assert!(!is_id_numbers("income", &rows), "distinct values alone say nothing");
        assert!(!is_id_numbers("id", &[1.0, 2.0, 2.0]), "repeated");
        assert!(!is_id_numbers("id", &[1.0, 2.5]), "no whole number");
        assert!(!is_id_numbers("id", &[1.0, f64::NAN]), "a missing one");
        assert!(is_id_names(100, 96) && !is_id_names(100, 95) && !is_id_names(19, 19));
    }
}
