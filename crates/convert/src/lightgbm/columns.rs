//! The columns of a LightGBM model, and the names of their levels.

use super::text::ModelText;
use crate::document::Place;
use crate::error::Error;
use crate::json;
use crate::levels::Columns;

/// The columns in the order of the features.
///
/// # Errors
/// [`Error::BadFile`] for a wrong number of names or broken levels; [`Error::Unsupported`] if it
/// cannot be said which columns the levels belong to.
pub(super) fn columns(text: &ModelText<'_>) -> Result<Columns, Error> {
    let names: Vec<&str> = text.header.get("feature_names")?.split_ascii_whitespace().collect();
    let last: usize = text.header.number("max_feature_idx")?;
    if names.len() != last.saturating_add(1) {
        return Err(Error::BadFile(format!(
            "there are {} feature names, but the last feature has the index {last}",
            names.len()
        )));
    }
    let mut columns = Columns::new(names.iter().copied());
    let Some(json) = text.pandas_categorical else { return Ok(columns) };
    let document = json::parse(json.as_bytes())
        .map_err(|error| error.in_part("the levels in `pandas_categorical`"))?;
    let lists = Place::root(&document).items()?;
    if lists.is_empty() {
        return Ok(columns);
    }
    let categorical = categorical(text, names.len())?;
    if lists.len() != categorical.len() {
        return Err(Error::Unsupported(format!(
            "pandas held {} columns as categories and the model has {} categorical features, so \
             levels and features cannot be matched: train with unordered categories, and without \
             other columns in `categorical_feature`",
            lists.len(),
            categorical.len()
        )));
    }
    for (list, column) in lists.into_iter().zip(categorical) {
        columns.set_levels(column, list.value).map_err(|problem| {
            Error::Unsupported(format!("categories of column `{}`: {problem}", names[column]))
        })?;
    }
    Ok(columns)
}

/// Ascending indices of the categorical features.
fn categorical(text: &ModelText<'_>, n_columns: usize) -> Result<Vec<usize>, Error> {
    if let Some(list) = text.categorical.filter(|list| !list.is_empty()) {
        let indices = list.split(',').map(|index| index.trim().parse());
        // Names stand there only if the file was not written by the Python package.
        if let Ok(mut indices) = indices.collect::<Result<Vec<usize>, _>>() {
            indices.sort_unstable();
            indices.dedup();
            let fits = indices.last().is_none_or(|&last| last < n_columns);
            let problem = || Error::BadFile(format!("`categorical_feature` is `{list}`"));
            return if fits { Ok(indices) } else { Err(problem()) };
        }
    }
    // Numbers have a range, categories a list; a feature that was never used has neither.
    let infos = text.header.find("feature_infos").unwrap_or_default().split_ascii_whitespace();
    let is_list = |info: &&str| !info.starts_with('[') && *info != "none";
    let listed = infos.take(n_columns).enumerate().filter(|(_, info)| is_list(info));
    Ok(listed.map(|(at, _)| at).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categorical_features_are_found_in_either_place() {
        let header = "tree\nfeature_infos=[0:1] 3:1 none -1:0:2\nend of trees\n";
        let text = ModelText::parse(header).expect("sound");
        assert_eq!(categorical(&text, 4), Ok(vec![1, 3]));
        // More features told of than there are; found by fuzzing.
        assert_eq!(categorical(&text, 2), Ok(vec![1]));
        let told = format!("{header}[categorical_feature: 3,1,2]\n");
        let text = ModelText::parse(&told).expect("sound");
        assert_eq!(categorical(&text, 4), Ok(vec![1, 2, 3]));
        assert!(categorical(&text, 3).is_err());
    }
}
