//! The name a user probably meant.

/// The name nearest to `wanted` by edit distance, if it is near enough to be a slip: at most a
/// third of the letters (at least one) differ, case ignored. Ties go to the first.
///
/// Reference: Levenshtein 1966, "Binary codes capable of correcting deletions, insertions, and
/// reversals", Soviet Physics Doklady 10(8), 707-710.
pub fn nearest_name<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = wanted.to_lowercase().chars().collect();
    let allowed = (wanted.len() / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for name in names {
        let letters: Vec<char> = name.to_lowercase().chars().collect();
        if letters.len().abs_diff(wanted.len()) > allowed {
            continue;
        }
        let distance = edit_distance(&wanted, &letters);
        if distance <= allowed && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, name));
        }
    }
    best.map(|(_, name)| name)
}

/// ` (did you mean ...?)` or a list of the first names, to end a message with.
pub fn suggestion<'a>(wanted: &str, names: impl Iterator<Item = &'a str> + Clone) -> String {
    if let Some(name) = nearest_name(wanted, names.clone()) {
        return format!("; did you mean `{name}`?");
    }
    let total = names.clone().count();
    let listed: Vec<String> = names.take(20).map(|name| format!("`{name}`")).collect();
    let more = if total > 20 { format!(" and {} more", total - 20) } else { String::new() };
    format!("; the columns are {}{more}", listed.join(", "))
}

fn edit_distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found() {
        let names = ["age", "workclass", "class", "hours-per-week"];
        assert_eq!(nearest_name("clas", names), Some("class"));
        assert_eq!(nearest_name("Class", names), Some("class"));
        assert_eq!(nearest_name("hours_per_week", names), Some("hours-per-week"));
        assert_eq!(nearest_name("salary", names), None);
    }

    #[test]
    fn distances() {
        let distance = |a: &str, b: &str| {
            edit_distance(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>())
        };
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<String> = (0..30).map(|i| format!("feature_number_{i}")).collect();
        let text = suggestion("zzz", names.iter().map(String::as_str));
        assert!(text.ends_with("and 10 more"), "{text}");
    }
}
