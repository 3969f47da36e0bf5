//! The features of a CatBoost model as columns, and its questions as tests.

use std::collections::HashMap;

use crate::catboost::categories::{Categories, Question, check_levels};
use crate::catboost::file::{File, Split};
use crate::ensemble::{Column, ForeignNode, ForeignTest, ForeignTree};
use crate::error::Error;
use crate::float32::edge_above;

/// Columns in the order of the training data.
pub struct Features<'a> {
    file: &'a File,
    columns: Vec<Column>,
    /// Column and answer of a missing value, by place among the features of numbers.
    numbers: HashMap<usize, (usize, bool)>,
    /// Column by place among the features of categories.
    cats: HashMap<usize, usize>,
    categories: Categories<'a>,
    /// Features and questions of the sets in trees, which hold their places here at first.
    asked: Vec<(usize, Question)>,
}

fn bad(problem: String) -> Error {
    Error::BadFile(problem)
}

impl<'a> Features<'a> {
    /// Reads the features of a file.
    ///
    /// # Errors
    /// [`Error::BadFile`] if two have the same place; [`Error::Unsupported`] for an unknown treatment
    /// of missing values.
    pub fn new(file: &'a File) -> Result<Features<'a>, Error> {
        let info = &file.features_info;
        let name = |name: &Option<String>, id: &Option<String>, place: usize| {
            let given = name.iter().chain(id).find(|name| !name.is_empty());
            given.cloned().unwrap_or_else(|| place.to_string())
        };
        let mut all = Vec::new();
        for (index, feature) in info.float_features.iter().enumerate() {
            let place = feature.flat_feature_index;
            all.push((
                place,
                false,
                index,
                name(&feature.feature_name, &feature.feature_id, place),
            ));
        }
        for (index, feature) in info.categorical_features.iter().enumerate() {
            let place = feature.flat_feature_index;
            all.push((place, true, index, name(&feature.feature_name, &feature.feature_id, place)));
        }
        all.sort();
        if let Some(pair) = all.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(bad(format!("two features have the place {}", pair[0].0)));
        }
        let (mut numbers, mut cats) = (HashMap::new(), HashMap::new());
        let mut columns = Vec::with_capacity(all.len());
        for (_, is_cat, index, name) in all {
            if is_cat {
                cats.insert(info.categorical_features[index].feature_index, columns.len());
            } else {
                let feature = &info.float_features[index];
                let missing = missing_answer(feature.nan_value_treatment.as_deref(), &name)?;
                numbers.insert(feature.feature_index, (columns.len(), missing));
            }
            columns.push(Column { name, levels: is_cat.then(Vec::new) });
        }
        let (categories, asked) = (Categories::new(file), Vec::new());
        Ok(Features { file, columns, numbers, cats, categories, asked })
    }

    /// Column and test of a question. The levels of a set are the place of the question at first,
    /// until [`Features::name_levels`].
    ///
    /// # Errors
    /// [`Error::BadFile`], or [`Error::Unsupported`] for questions that cannot be carried over.
    pub fn test(&mut self, split: &Split) -> Result<(usize, ForeignTest), Error> {
        match split.split_type.as_str() {
            "FloatFeature" => self.above(split),
            "OneHotFeature" => {
                let feature = required(split.cat_feature_index, "cat_feature_index")?;
                let hash = required(split.value, "value")?;
                // A signed or an unsigned 32-bit number.
                let hash = i32::try_from(hash).map(i32::cast_unsigned).or(u32::try_from(hash));
                let hash = hash.map_err(|_| bad("a category's hash has over 32 bits".into()))?;
                self.ask(feature, Question::OneHot { hash })
            }
            "OnlineCtr" => {
                let (ctr, border) = self.ctr_of(required(split.split_index, "split_index")?)?;
                let feature = self.single_feature(ctr)?;
                self.ask(feature, Question::Ctr { ctr, border })
            }
            other => Err(Error::Unsupported(format!(
                "splits of the type `{other}` (made from texts or embeddings)"
            ))),
        }
    }

    fn above(&self, split: &Split) -> Result<(usize, ForeignTest), Error> {
        let feature = required(split.float_feature_index, "float_feature_index")?;
        let border = required(split.border, "border")? as f32;
        let (column, missing_right) = *self
            .numbers
            .get(&feature)
            .ok_or_else(|| bad(format!("a split asks about float feature {feature}")))?;
        let edge = edge_above(border);
        Ok((column, ForeignTest::Above { edge, missing_right, zero_is_missing: false }))
    }

    fn ask(&mut self, feature: usize, question: Question) -> Result<(usize, ForeignTest), Error> {
        let column = *self
            .cats
            .get(&feature)
            .ok_or_else(|| bad(format!("a split asks about categorical feature {feature}")))?;
        self.categories.ask(feature, question)?;
        let levels = vec![self.asked.len() as u32];
        self.asked.push((feature, question));
        Ok((column, ForeignTest::In { levels, missing_right: false, unseen_right: false }))
    }

    /// Statistic and border of a place among all questions.
    fn ctr_of(&self, split_index: usize) -> Result<(usize, usize), Error> {
        let info = &self.file.features_info;
        let n_borders: usize = info.float_features.iter().map(|f| f.borders.len()).sum();
        let n_values: usize = info.categorical_features.iter().map(|f| f.values.len()).sum();
        let mut left = split_index.checked_sub(n_borders + n_values);
        for (ctr, known) in info.ctrs.iter().enumerate() {
            match left {
                Some(border) if border < known.borders.len() => return Ok((ctr, border)),
                Some(place) => left = Some(place - known.borders.len()),
                None => break,
            }
        }
        Err(bad(format!("split_index {split_index} is no statistic of categories")))
    }

    /// The only feature of a statistic.
    fn single_feature(&self, ctr: usize) -> Result<usize, Error> {
        match &self.file.features_info.ctrs[ctr].elements[..] {
            [element] if element.combination_element == "cat_feature_value" => {
                required(element.cat_feature_index, "cat_feature_index")
            }
            _ => Err(Error::Unsupported(
                "statistics of combined categories: train with max_ctr_complexity=1, or with a \
                 one_hot_max_size that is large enough"
                    .into(),
            )),
        }
    }

    /// Turns the questions that stand in trees into sets of levels, once all were asked.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if a feature has too many levels.
    pub fn name_levels(&mut self, trees: &mut [ForeignTree]) -> Result<(), Error> {
        let names = &self.file.features_info.cat_features_hash;
        let mut levels_of = HashMap::new();
        for (&feature, &column) in &self.cats {
            // Empty text is a missing value, not a level.
            let mut levels: Vec<usize> = self.categories.levels(feature).into_iter().collect();
            levels.retain(|&level| !names[level].value.is_empty());
            check_levels(levels.len()).map_err(|error| match error {
                Error::Unsupported(what) => {
                    let name = &self.columns[column].name;
                    Error::Unsupported(format!("column `{name}`: {what}"))
                }
                other => other,
            })?;
            let named = levels.iter().map(|&level| names[level].value.clone()).collect();
            self.columns[column].levels = Some(named);
            levels_of.insert(feature, levels);
        }
        for node in trees.iter_mut().flat_map(|tree| &mut tree.nodes) {
            let ForeignNode::Split { test: test @ ForeignTest::In { .. }, .. } = node else {
                continue;
            };
            let ForeignTest::In { levels, .. } = &*test else { continue };
            let (feature, question) = self.asked[levels[0] as usize];
            *test = self.set(feature, question, &levels_of[&feature]);
        }
        Ok(())
    }

    fn set(&self, feature: usize, question: Question, levels: &[usize]) -> ForeignTest {
        let names = &self.file.features_info.cat_features_hash;
        let answers = self.categories.answers(feature, question).expect("it was asked");
        let answer = |name: usize| answers.other.contains(&name) != answers.unseen;
        let right = (0..levels.len()).filter(|&level| answer(levels[level]));
        let missing = answers.other.iter().find(|&&name| names[name].value.is_empty());
        ForeignTest::In {
            levels: right.map(|level| level as u32).collect(),
            missing_right: missing.is_some() != answers.unseen,
            unseen_right: answers.unseen,
        }
    }

    /// The columns, with the levels that questions tell apart.
    pub fn columns(self) -> Vec<Column> {
        self.columns
    }
}

/// Whether a missing value is above every border.
fn missing_answer(treatment: Option<&str>, name: &str) -> Result<bool, Error> {
    match treatment {
        None | Some("AsIs" | "AsFalse") => Ok(false),
        Some("AsTrue") => Ok(true),
        Some(other) => {
            let what = format!("feature `{name}` treats missing values as `{other}`");
            Err(Error::Unsupported(what))
        }
    }
}

fn required<T: Copy>(field: Option<T>, name: &str) -> Result<T, Error> {
    field.ok_or_else(|| bad(format!("a split has no {name}")))
}
