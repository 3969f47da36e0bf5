//! What a caller may say about a file, and what a reader says back.

use std::borrow::Cow;

/// The kind of a column as a user states it, against what inference would find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KindOverride {
    /// Numbers; any other cell is an error.
    Number,
    /// Two values of any spelling, `0` and `1` included.
    Boolean,
    /// Names, also where every cell is a number (codes of categories).
    Category,
    /// Dates and times; any other cell is an error.
    DateTime,
    /// Free text.
    Text,
    /// Not read at all.
    Drop,
}

/// Every [`KindOverride`] with its name on the command line.
pub static KIND_OVERRIDES: &[(&str, KindOverride)] = &[
    ("number", KindOverride::Number),
    ("boolean", KindOverride::Boolean),
    ("category", KindOverride::Category),
    ("datetime", KindOverride::DateTime),
    ("text", KindOverride::Text),
    ("drop", KindOverride::Drop),
];

/// The override of this name, see [`KIND_OVERRIDES`].
pub fn kind_override(name: &str) -> Option<KindOverride> {
    KIND_OVERRIDES.iter().find(|(known, _)| *known == name).map(|&(_, kind)| kind)
}

/// How a file is to be read; the default finds everything out.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReadOptions {
    /// The byte between cells of a CSV file; found among `,` `;` tab `|` if absent.
    pub delimiter: Option<u8>,
    /// Kinds of columns, by name, that overrule what inference finds.
    pub types: Vec<(String, KindOverride)>,
    /// Threads to parse with; 0 is one for every core. Results do not depend on it.
    pub threads: usize,
    /// Most bytes that the table may take.
    pub memory_limit_bytes: Option<u64>,
}

impl ReadOptions {
    /// The kind that the user states for the column of this name.
    pub fn kind_of(&self, column: &str) -> Option<KindOverride> {
        self.types.iter().rev().find(|(name, _)| name == column).map(|&(_, kind)| kind)
    }

    /// Number of threads, 0 resolved.
    pub fn n_threads(&self) -> usize {
        resolve_threads(self.threads)
    }
}

/// `threads`, or the number of cores for 0.
pub(crate) fn resolve_threads(threads: usize) -> usize {
    match threads {
        0 => std::thread::available_parallelism().map_or(1, |n| n.get()),
        n => n,
    }
}

/// Something a user should know about a column, which is no error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Name of the column.
    pub column: String,
    /// What was found or done.
    pub what: Cow<'static, str>,
}

impl Notice {
    /// A notice about this column.
    pub fn new(column: &str, what: impl Into<Cow<'static, str>>) -> Notice {
        Notice { column: column.to_string(), what: what.into() }
    }
}

impl std::fmt::Display for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "column `{}`: {}", self.column, self.what)
    }
}

/// Notices in words, in their order; what is the same of many columns is said once.
pub fn told(notices: &[Notice]) -> Vec<String> {
    const LISTED: usize = 3;
    let mut lines = Vec::new();
    for (at, notice) in notices.iter().enumerate() {
        if notices[..at].iter().any(|earlier| earlier.what == notice.what) {
            continue;
        }
        let same: Vec<&str> = notices[at..]
            .iter()
            .filter(|other| other.what == notice.what)
            .map(|other| other.column.as_str())
            .collect();
        if same.len() <= LISTED {
            lines.extend(same.iter().map(|name| format!("column `{name}`: {}", notice.what)));
        } else {
            let listed = same[..LISTED].join("`, `");
            let more = same.len() - LISTED;
            lines.push(format!("columns `{listed}` and {more} more: each {}", notice.what));
        }
    }
    lines
}

/// Cells that mean "no value", beside the empty one (quoted or not): what pandas reads as missing
/// by default and people write, and the `?` of the UCI repository. Case matters, as in pandas:
/// `none` and `Na` are names.
pub static MISSING: &[&str] = &[
    "?", "NA", "N/A", "n/a", "#N/A", "#NA", "<NA>", "NaN", "nan", "-NaN", "-nan", "null", "NULL",
    "None",
];

/// Whether a cell means "no value", spaces around it ignored.
pub fn is_missing(cell: &str) -> bool {
    // None of the marks is longer than four bytes: most cells are settled here.
    let cell = cell.trim_ascii();
    cell.len() <= 4 && (cell.is_empty() || MISSING.contains(&cell))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_columns_share_is_said_once() {
        let mut notices: Vec<Notice> =
            (0..5).map(|at| Notice::new(&format!("x{at}"), "is constant: not used")).collect();
        notices.insert(1, Notice::new("id", "is an identifier: not used"));
        assert_eq!(
            told(&notices),
            [
                "columns `x0`, `x1`, `x2` and 2 more: each is constant: not used",
                "column `id`: is an identifier: not used"
            ]
        );
        assert_eq!(told(&notices[..3]).len(), 3);
    }

    #[test]
    fn marks_of_missing_cells() {
        for mark in MISSING {
            assert!(is_missing(mark), "{mark}");
            assert!(mark.len() <= 4, "{mark} is longer than the shortcut allows");
        }
        for cell in ["", " ", "\t", " NA "] {
            assert!(is_missing(cell), "{cell:?}");
        }
        for cell in ["none", "Na", "0", "-", "N", "NAN", "missing", "??"] {
            assert!(!is_missing(cell), "{cell:?}");
        }
    }

    #[test]
    fn later_override_wins() {
        let types = vec![
            ("a".to_string(), KindOverride::Number),
            ("a".to_string(), KindOverride::Category),
        ];
        let options = ReadOptions { types, ..ReadOptions::default() };
        assert_eq!(options.kind_of("a"), Some(KindOverride::Category));
        assert_eq!(options.kind_of("b"), None);
        assert_eq!(kind_override("text"), Some(KindOverride::Text));
    }
}
