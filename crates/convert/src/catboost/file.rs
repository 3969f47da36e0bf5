//! The JSON that CatBoost writes, as far as predictions need it.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A model file, as `save_model(format="json")` writes it.
#[derive(Debug, Deserialize)]
pub struct File {
    /// What is predicted and how it was trained.
    #[serde(default)]
    pub model_info: ModelInfo,
    /// Features with their borders.
    pub features_info: FeaturesInfo,
    /// Statistics of categories, by [`Ctr::identifier`].
    #[serde(default)]
    pub ctr_data: BTreeMap<String, CtrTable>,
    /// Trees that ask the same question on a whole level.
    pub oblivious_trees: Option<Vec<ObliviousTree>>,
    /// Trees of any shape (`grow_policy` Depthwise or Lossguide).
    pub trees: Option<Vec<Branch>>,
    /// Factor on the sum of the leaf values, then what is added to it.
    pub scale_and_bias: (f64, OneOrMany),
}

/// A number, or one for each output.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    /// A number.
    One(f64),
    /// One for each output.
    Many(Vec<f64>),
}

impl OneOrMany {
    /// The numbers.
    pub fn as_slice(&self) -> &[f64] {
        match self {
            OneOrMany::One(number) => std::slice::from_ref(number),
            OneOrMany::Many(numbers) => numbers,
        }
    }
}

/// How the model was trained. A sum of models has its loss here and no parameters.
#[derive(Debug, Default, Deserialize)]
pub struct ModelInfo {
    /// Names of the classes.
    pub class_params: Option<ClassParams>,
    /// Training parameters.
    pub params: Option<Params>,
    /// Lines about the program, one of which names its release.
    #[serde(default)]
    pub catboost_version_info: String,
    /// Loss of a sum of models: JSON within a text.
    pub loss_function: Option<serde_json::Value>,
}

impl ModelInfo {
    /// Release of CatBoost; empty if it is not known.
    pub fn version(&self) -> &str {
        let rest = self.catboost_version_info.split("CatBoost release ").nth(1);
        rest.and_then(|rest| rest.split_whitespace().next()).unwrap_or("").trim_end_matches('.')
    }

    /// Name of the loss that was minimised, without its parameters.
    pub fn loss(&self) -> Option<String> {
        if let Some(loss) = self.params.as_ref().and_then(|params| params.loss_function.as_ref()) {
            return Some(loss.name.clone());
        }
        let loss: Loss = match self.loss_function.as_ref()? {
            serde_json::Value::String(text) => serde_json::from_str(text).ok()?,
            value => serde_json::from_value(value.clone()).ok()?,
        };
        Some(loss.name)
    }
}

/// Names of the classes.
#[derive(Debug, Deserialize)]
pub struct ClassParams {
    /// Names: texts, numbers or booleans.
    #[serde(default)]
    pub class_names: Vec<serde_json::Value>,
}

/// Training parameters.
#[derive(Debug, Deserialize)]
pub struct Params {
    /// Loss that was minimised.
    pub loss_function: Option<Loss>,
}

/// A loss.
#[derive(Debug, Clone, Deserialize)]
pub struct Loss {
    /// Its name, e.g. `Logloss`.
    #[serde(rename = "type")]
    pub name: String,
}

/// All features.
#[derive(Debug, Deserialize)]
pub struct FeaturesInfo {
    /// Features that hold numbers.
    #[serde(default)]
    pub float_features: Vec<FloatFeature>,
    /// Features that hold categories.
    #[serde(default)]
    pub categorical_features: Vec<CatFeature>,
    /// Names of categories by their hash; only if the model was saved with its `pool`.
    #[serde(default)]
    pub cat_features_hash: Vec<HashedName>,
    /// Statistics of categories that trees ask about.
    #[serde(default)]
    pub ctrs: Vec<Ctr>,
}

/// A feature that holds numbers.
#[derive(Debug, Deserialize)]
pub struct FloatFeature {
    /// Thresholds.
    #[serde(default)]
    pub borders: Vec<f64>,
    /// Name, or the place as text.
    pub feature_id: Option<String>,
    /// Name.
    pub feature_name: Option<String>,
    /// Place among the features of numbers.
    pub feature_index: usize,
    /// Place among all features.
    pub flat_feature_index: usize,
    /// `AsIs`, `AsFalse` or `AsTrue`: the answer of a missing value.
    pub nan_value_treatment: Option<String>,
}

/// A feature that holds categories.
#[derive(Debug, Deserialize)]
pub struct CatFeature {
    /// Name, or the place as text.
    pub feature_id: Option<String>,
    /// Name.
    pub feature_name: Option<String>,
    /// Place among the features of categories.
    pub feature_index: usize,
    /// Place among all features.
    pub flat_feature_index: usize,
    /// Hashes that one-hot splits ask for.
    #[serde(default)]
    pub values: Vec<i64>,
}

/// A category and its hash.
#[derive(Debug, Deserialize)]
pub struct HashedName {
    /// CatBoost's 32-bit hash of the name.
    pub hash: u32,
    /// The name.
    pub value: String,
}

/// A statistic of categories: `((good + prior) / (total + denominator) + shift) * scale`.
#[derive(Debug, Deserialize)]
pub struct Ctr {
    /// Thresholds.
    #[serde(default)]
    pub borders: Vec<f64>,
    /// How `good` and `total` are counted.
    pub ctr_type: String,
    /// Features that are combined.
    pub elements: Vec<CtrElement>,
    /// Key of [`File::ctr_data`].
    pub identifier: String,
    /// Added to the denominator.
    #[serde(rename = "prior_denomerator")]
    pub prior_denominator: f64,
    /// Added to the numerator.
    pub prior_numerator: f64,
    /// Last factor.
    pub scale: f64,
    /// Added before the factor.
    pub shift: f64,
    /// Which class or class border is counted.
    #[serde(default)]
    pub target_border_idx: usize,
}

/// One feature of a combination.
#[derive(Debug, Deserialize)]
pub struct CtrElement {
    /// `cat_feature_value` if the category itself is meant.
    pub combination_element: String,
    /// Place among the features of categories.
    pub cat_feature_index: Option<usize>,
}

/// Counts by hash of a category.
#[derive(Debug, Deserialize)]
pub struct CtrTable {
    /// `total` of counters.
    #[serde(default)]
    pub counter_denominator: i64,
    /// Rows of a hash (as text) and its counts.
    pub hash_map: Vec<Cell>,
    /// Cells of a row.
    pub hash_stride: usize,
}

/// A cell of [`CtrTable::hash_map`].
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    /// A count or a sum.
    Number(f64),
    /// A hash.
    Text(String),
}

/// A tree that asks the same question on a whole level.
#[derive(Debug, Deserialize)]
pub struct ObliviousTree {
    /// Values `(2^n_splits, n_outputs)`; the answer to split `i` is bit `i` of the row.
    pub leaf_values: Vec<f64>,
    /// Questions, that of the lowest bit first.
    #[serde(default)]
    pub splits: Option<Vec<Split>>,
}

/// A node of a tree of any shape, and all below it.
#[derive(Debug, Deserialize)]
pub struct Branch {
    /// The question, if it is no leaf.
    pub split: Option<Split>,
    /// For "no".
    pub left: Option<Box<Branch>>,
    /// For "yes".
    pub right: Option<Box<Branch>>,
    /// What a leaf holds.
    pub value: Option<OneOrMany>,
}

/// A question; which fields there are depends on its type.
#[derive(Debug, Deserialize)]
pub struct Split {
    /// `FloatFeature`, `OneHotFeature`, `OnlineCtr` or another.
    pub split_type: String,
    /// Threshold: above it is "yes".
    pub border: Option<f64>,
    /// Feature of numbers that is asked about.
    pub float_feature_index: Option<usize>,
    /// Feature of categories that is asked about.
    pub cat_feature_index: Option<usize>,
    /// Hash of the category that is "yes", as a signed 32-bit number.
    pub value: Option<i64>,
    /// Place among all questions: borders of numbers, one-hot values, borders of statistics.
    pub split_index: Option<usize>,
}
