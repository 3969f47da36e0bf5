//! The columns of an XGBoost model, and the names of their levels.

use crate::document::{Document, Place};
use crate::error::Error;
use crate::levels::Columns;

/// Most columns of a file that does not name them.
const MAX_NAMELESS: i64 = 1 << 16;

/// The columns in the order of the features; `f0`, `f1`, ... if the file does not name them.
///
/// # Errors
/// [`Error::BadFile`] if the parts do not fit together, [`Error::Unsupported`] for levels that
/// cannot be matched with cells.
pub(super) fn columns(
    learner: &Place<'_>,
    parameters: &Place<'_>,
    categories: Option<Place<'_>>,
) -> Result<Columns, Error> {
    let names = names(learner, &parameters.get("num_feature")?)?;
    let mut columns = Columns::new(names.iter().map(String::as_str));
    if let Some(encodings) = categories.and_then(|categories| categories.find("enc")) {
        // Without any category the list may be empty.
        for (column, encoding) in encodings.items()?.iter().enumerate().take(names.len()) {
            let list = levels_of(encoding)?;
            columns.set_levels(column, &list).map_err(|problem| {
                Error::Unsupported(format!("categories of column `{}`: {problem}", names[column]))
            })?;
        }
    }
    Ok(columns)
}

fn names(learner: &Place<'_>, count: &Place<'_>) -> Result<Vec<String>, Error> {
    let n_columns = count.integer()?;
    let listed = learner.find("feature_names").map_or(Ok(vec![]), |names| names.items())?;
    let names: Vec<String> = if listed.is_empty() {
        if !(0..=MAX_NAMELESS).contains(&n_columns) {
            return Err(Error::Unsupported(format!(
                "{n_columns} columns without names; at most {MAX_NAMELESS} can be"
            )));
        }
        (0..n_columns).map(|column| format!("f{column}")).collect()
    } else {
        listed.iter().map(|place| place.text().map(String::from)).collect::<Result<_, Error>>()?
    };
    match names.len() as i64 == n_columns {
        true => Ok(names),
        false => Err(count.bad(format!("{n_columns} columns with {} names", names.len()))),
    }
}

/// The levels of a column; none if it has no categories.
fn levels_of(encoding: &Place<'_>) -> Result<Document, Error> {
    let values = encoding.get("values")?;
    match encoding.find("offsets") {
        Some(offsets) => texts(&values, &offsets),
        None => Ok(values.value.clone()),
    }
}

/// Texts whose bytes follow each other; `offsets` are their borders.
fn texts(values: &Place<'_>, offsets: &Place<'_>) -> Result<Document, Error> {
    // Bytes are stored with a sign.
    let bytes: Vec<u8> = values.integers()?.into_iter().map(|byte| byte as u8).collect();
    let offsets_of = offsets.integers()?;
    let text = |pair: &[i64]| {
        let (from, to) = (usize::try_from(pair[0]).ok()?, usize::try_from(pair[1]).ok()?);
        let text = String::from_utf8(bytes.get(from..to)?.to_vec()).ok()?;
        Some(Document::Text(text))
    };
    let texts: Option<Vec<Document>> = offsets_of.windows(2).map(text).collect();
    match texts {
        Some(texts) if texts.is_empty() => Ok(Document::Numbers(vec![])),
        Some(texts) => Ok(Document::List(texts)),
        None => Err(offsets.bad("no borders of texts")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn levels(encoding: &str) -> Result<Document, Error> {
        levels_of(&Place::root(&json::parse(encoding.as_bytes()).expect("JSON")))
    }

    #[test]
    fn levels_are_texts_or_numbers() {
        let of = |json: &str| Ok(json::parse(json.as_bytes()).expect("JSON"));
        let texts = levels(r#"{"offsets":[0,2,2,4],"values":[97,98,-61,-87]}"#);
        assert_eq!(texts, of(r#"["ab","","é"]"#));
        assert_eq!(levels(r#"{"type":15,"values":[3,0,12]}"#), of("[3,0,12]"));
        assert_eq!(levels(r#"{"offsets":[],"values":[]}"#), of("[]"));
        assert!(levels(r#"{"offsets":[0,9],"values":[97]}"#).is_err());
        assert!(levels(r#"{"offsets":[1,0],"values":[97]}"#).is_err());
    }

    #[test]
    fn columns_without_names_are_bounded() {
        let of = |n: &str| {
            let document = json::parse(format!(r#"{{"num_feature":"{n}"}}"#).as_bytes());
            let document = document.expect("JSON");
            let empty = Document::Map(vec![]);
            columns(&Place::root(&empty), &Place::root(&document), None)
        };
        let names: Vec<String> =
            of("2").expect("two").columns.into_iter().map(|c| c.name).collect();
        assert_eq!(names, ["f0", "f1"]);
        assert!(of("4000000000").is_err() && of("-1").is_err() && of("x").is_err());
    }
}
