//! Two tables, one below the other.

use std::collections::HashMap;

use super::table::{Column, ColumnData, MISSING_CODE, Table};
use crate::error::Error;

impl Table {
    /// This table with the rows of `below` after its own. Columns are matched by name, those that
    /// only `below` has are left out; levels of both are joined.
    ///
    /// # Errors
    /// `below` lacks a column, or has it in another kind.
    pub fn stacked(&self, below: &Table) -> Result<Table, Error> {
        let columns = self.columns.iter().map(|column| {
            let other = below.column(&column.name).ok_or_else(|| {
                Error::Task(format!(
                    "the validation data has no column `{}`; it must have all columns of the \
                     training data",
                    column.name
                ))
            })?;
            let data = stack(&column.data, &other.data).ok_or_else(|| {
                Error::Task(format!(
                    "column `{0}` is of another kind in the validation data; state its kind with \
                     --type {0}=KIND",
                    column.name
                ))
            })?;
            Ok(Column { name: column.name.clone(), data })
        });
        Ok(Table { columns: columns.collect::<Result<_, Error>>()? })
    }
}

fn stack(above: &ColumnData, below: &ColumnData) -> Option<ColumnData> {
    use ColumnData::{Category, DateTime, Number, Text};
    let joined = |a: &[f64], b: &[f64]| [a, b].concat();
    let missing = (0..below.len()).all(|row| below.is_missing(row));
    Some(match (above, below) {
        (Number(a), Number(b)) => Number(joined(a, b)),
        (DateTime(a), DateTime(b)) => DateTime(joined(a, b)),
        (Number(a), _) if missing => Number(joined(a, &vec![f64::NAN; below.len()])),
        (DateTime(a), _) if missing => DateTime(joined(a, &vec![f64::NAN; below.len()])),
        (
            Category { codes, levels, boolean },
            Category { codes: more, levels: names, .. } | Text { codes: more, levels: names },
        ) => {
            let (codes, levels) = stack_levels((codes, levels), (more, names));
            let boolean = *boolean && levels.len() <= 2;
            Category { codes, levels, boolean }
        }
        (
            Text { codes, levels },
            Category { codes: more, levels: names, .. } | Text { codes: more, levels: names },
        ) => {
            let (codes, levels) = stack_levels((codes, levels), (more, names));
            Text { codes, levels }
        }
        _ => return None,
    })
}

fn stack_levels(above: (&[u32], &[String]), below: (&[u32], &[String])) -> (Vec<u32>, Vec<String>) {
    let mut levels = above.1.to_vec();
    let mut code_of: HashMap<&str, u32> =
        above.1.iter().zip(0..).map(|(level, code)| (level.as_str(), code)).collect();
    let mut codes_below: Vec<u32> = Vec::with_capacity(below.1.len());
    for level in below.1 {
        let next = levels.len() as u32;
        let code = *code_of.entry(level.as_str()).or_insert(next);
        if code == next {
            levels.push(level.clone());
        }
        codes_below.push(code);
    }
    let recoded = below.0.iter().map(|&code| match code {
        MISSING_CODE => MISSING_CODE,
        code => codes_below[code as usize],
    });
    (above.0.iter().copied().chain(recoded).collect(), levels)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(of: &[&str]) -> Column {
        let mut levels: Vec<String> = Vec::new();
        let codes = of.iter().map(|name| {
            if name.is_empty() {
                return MISSING_CODE;
            }
            let known = levels.iter().position(|level| level == name);
            known.unwrap_or_else(|| {
                levels.push((*name).to_owned());
                levels.len() - 1
            }) as u32
        });
        let codes = codes.collect();
        Column { name: "c".into(), data: ColumnData::Category { codes, levels, boolean: false } }
    }

    #[test]
    fn levels_are_joined_by_name() {
        let above = Table { columns: vec![names(&["a", "", "b"])] };
        let below = Table { columns: vec![names(&["c", "b", ""])] };
        let both = above.stacked(&below).expect("same columns");
        assert_eq!(both.columns[0], names(&["a", "", "b", "c", "b", ""]));
    }

    #[test]
    fn a_column_that_lacks_or_differs_is_an_error() {
        let above = Table { columns: vec![names(&["a", "b"])] };
        let error = above.stacked(&Table::default()).expect_err("lacks").to_string();
        assert!(error.contains("`c`"), "{error}");
        let number = Column { name: "c".into(), data: ColumnData::Number(vec![1.0]) };
        let error = above.stacked(&Table { columns: vec![number] }).expect_err("differs");
        assert!(error.to_string().contains("--type c=KIND"), "{error}");
    }
}
