//! What a model says about where it comes from, as JSON.

use crate::ensemble::{Column, ForeignNode, ForeignTree};
use crate::json::quote;

/// Where a model comes from.
#[derive(Debug, Clone)]
pub(crate) struct Origin<'a> {
    /// Name of the format.
    pub format: &'a str,
    /// Version that the file names.
    pub version: &'a str,
    /// What was trained for, as the library writes it.
    pub objective: &'a str,
}

impl Origin<'_> {
    /// The notes of a model: origin, number of trees, and each column's share of the gain, largest
    /// first.
    pub fn notes(&self, columns: &[Column], trees: &[ForeignTree]) -> String {
        let importances: Vec<String> = importances(columns, trees)
            .into_iter()
            .map(|(column, share)| format!("[{},{share}]", quote(column)))
            .collect();
        format!(
            r#"{{"imported_from":{},"version":{},"objective":{},"n_trees":{},"importances":[{}]}}"#,
            quote(self.format),
            quote(self.version),
            quote(self.objective),
            trees.len(),
            importances.join(",")
        )
    }
}

/// Share of the whole gain that each column has; columns without gain are left out.
fn importances<'a>(columns: &'a [Column], trees: &[ForeignTree]) -> Vec<(&'a str, f64)> {
    let mut gains = vec![0.0; columns.len()];
    for node in trees.iter().flat_map(|tree| &tree.nodes) {
        let ForeignNode::Split { column, gain, .. } = node else { continue };
        if let Some(sum) = gains.get_mut(*column).filter(|_| gain.is_finite()) {
            *sum += f64::from(gain.max(0.0));
        }
    }
    let total: f64 = gains.iter().sum();
    let names = columns.iter().map(|column| column.name.as_str());
    let mut shares: Vec<_> = names.zip(gains).filter(|&(_, gain)| gain > 0.0).collect();
    shares.iter_mut().for_each(|(_, gain)| *gain /= total);
    shares.sort_by(|a, b| b.1.total_cmp(&a.1));
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Place;
    use crate::ensemble::ForeignTest;
    use crate::json;
    use eyas_model::TreeOutput;

    #[test]
    fn notes_are_json_with_shares_of_the_gain() {
        let column = |name: &str| Column { name: name.into(), levels: None };
        let columns = [column("a"), column("b \"quoted\""), column("never used")];
        let split = |column, gain| ForeignNode::Split {
            column,
            test: ForeignTest::Inside { spans: vec![], missing_right: false },
            left: 0,
            right: 0,
            gain,
        };
        let nodes = vec![split(0, 1.0), split(1, 2.0), split(1, 1.0), split(0, f32::NAN)];
        let tree = ForeignTree { nodes, values: vec![], output: TreeOutput::One(0) };
        let origin = Origin { format: "lightgbm", version: "v4", objective: "binary sigmoid:1" };
        let notes = origin.notes(&columns, &[tree]);
        assert!(notes.contains(r#"[["b \"quoted\"",0.75],["a",0.25]]"#), "{notes}");
        let document = json::parse(notes.as_bytes()).expect("it is JSON");
        let version = Place::root(&document).get("version").expect("it is there");
        assert_eq!(version.text(), Ok("v4"));
    }
}
