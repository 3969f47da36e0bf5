//! Questions about categories: one-hot splits, and statistics of one feature.
//!
//! CatBoost knows a category by a 32-bit hash. A model that was saved with its `pool` lists the names
//! of the hashes; every question about one feature is then a set of names, and one answer for all
//! other categories. Statistics (`ctr`) of a single feature are numbers by category, so a threshold
//! on them is such a set too. Statistics of combined features are not, and are refused.
//!
//! Reference: Prokhorenkova et al. 2018, CatBoost: unbiased boosting with categorical features,
//! arXiv:1706.09516.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use eyas_model::encoder::MAX_LEVELS;

use crate::catboost::file::{Cell, Ctr, CtrTable, File};
use crate::error::Error;

/// A question about a feature of categories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// The category has this hash.
    OneHot {
        /// The hash.
        hash: u32,
    },
    /// The statistic is above its border.
    Ctr {
        /// Place among the statistics of the file.
        ctr: usize,
        /// Place among its borders.
        border: usize,
    },
}

/// Answers to a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Answers {
    /// Names for which the answer is not that of the others, by their place in the file.
    pub other: BTreeSet<usize>,
    /// The answer for categories that are not listed.
    pub unseen: bool,
}

/// What is known about categories, and the questions that were asked about them.
pub struct Categories<'a> {
    file: &'a File,
    /// Places of the names by hash.
    names: HashMap<u32, Vec<usize>>,
    /// Statistics by name, made when first asked for.
    ctrs: BTreeMap<usize, CtrValues>,
    /// Answers by feature and question.
    asked: BTreeMap<(usize, Question), Answers>,
}

/// A statistic of the names that have counts.
struct CtrValues {
    by_name: Vec<(usize, f32)>,
    unseen: f32,
}

impl<'a> Categories<'a> {
    /// Nothing asked yet.
    pub fn new(file: &'a File) -> Categories<'a> {
        let mut names: HashMap<u32, Vec<usize>> = HashMap::new();
        for (place, name) in file.features_info.cat_features_hash.iter().enumerate() {
            names.entry(name.hash).or_default().push(place);
        }
        Categories { file, names, ctrs: BTreeMap::new(), asked: BTreeMap::new() }
    }

    /// Notes a question about a feature (its place among those of categories).
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the file does not name the categories; [`Error::BadFile`].
    pub fn ask(&mut self, feature: usize, question: Question) -> Result<(), Error> {
        if self.asked.contains_key(&(feature, question)) {
            return Ok(());
        }
        let answers = match question {
            Question::OneHot { hash } => {
                let names = self.names.get(&hash).ok_or_else(|| unnamed(hash))?;
                Answers { other: names.iter().copied().collect(), unseen: false }
            }
            Question::Ctr { ctr, border } => self.ask_ctr(ctr, border)?,
        };
        check_levels(answers.other.len())?;
        self.asked.insert((feature, question), answers);
        Ok(())
    }

    fn ask_ctr(&mut self, place: usize, border: usize) -> Result<Answers, Error> {
        let ctr = &self.file.features_info.ctrs[place];
        if !self.ctrs.contains_key(&place) {
            let values = self.values(ctr)?;
            self.ctrs.insert(place, values);
        }
        let (values, border) = (&self.ctrs[&place], ctr.borders[border] as f32);
        let unseen = values.unseen > border;
        let other = values.by_name.iter().filter(|(_, value)| (*value > border) != unseen);
        Ok(Answers { other: other.map(|(name, _)| *name).collect(), unseen })
    }

    fn values(&self, ctr: &Ctr) -> Result<CtrValues, Error> {
        let bad = |problem: String| {
            Error::BadFile(format!("statistics of categories `{}`: {problem}", ctr.identifier))
        };
        let table = self.file.ctr_data.get(&ctr.identifier);
        let table = table.ok_or_else(|| bad("there are none under this key of ctr_data".into()))?;
        let formula = Formula::of(ctr)?;
        let mut by_name = Vec::new();
        let mut n_hits = 0;
        let rows = rows(table).map_err(bad)?;
        for (place, name) in self.file.features_info.cat_features_hash.iter().enumerate() {
            let Some(counts) = rows.get(&combined_hash(name.hash)) else { continue };
            n_hits += 1;
            by_name.push((place, formula.value(counts, table).map_err(bad)?));
        }
        if n_hits < rows.len() {
            return Err(Error::Unsupported(format!(
                "{} categories in the statistics `{}` have no name: save the model with its data, \
                 save_model(file, format=\"json\", pool=Pool(...))",
                rows.len() - n_hits,
                ctr.identifier
            )));
        }
        Ok(CtrValues { by_name, unseen: formula.unseen(table) })
    }

    /// Names that some question about a feature tells apart, by their place in the file.
    pub fn levels(&self, feature: usize) -> BTreeSet<usize> {
        let asked = self.asked.iter().filter(|((asked, _), _)| *asked == feature);
        asked.flat_map(|(_, answers)| answers.other.iter().copied()).collect()
    }

    /// Answers to a question that was asked.
    pub fn answers(&self, feature: usize, question: Question) -> Option<&Answers> {
        self.asked.get(&(feature, question))
    }
}

/// Fails if more categories must be told apart than a feature can hold.
///
/// # Errors
/// [`Error::Unsupported`].
pub fn check_levels(n_levels: usize) -> Result<(), Error> {
    if n_levels <= MAX_LEVELS {
        return Ok(());
    }
    Err(Error::Unsupported(format!(
        "splits tell {n_levels} categories of a feature apart, at most {MAX_LEVELS} are possible: \
         merge rare ones before training"
    )))
}

fn unnamed(hash: u32) -> Error {
    Error::Unsupported(format!(
        "the category with the hash {hash} has no name in the file: save the model with its data, \
         save_model(file, format=\"json\", pool=Pool(...))"
    ))
}

/// Key of a single category among statistics. The 32 bits count as a signed number.
fn combined_hash(hash: u32) -> u64 {
    const FACTOR: u64 = 0x4906_ba49_4954_cb65;
    let hash = i64::from(hash.cast_signed()).cast_unsigned();
    FACTOR.wrapping_mul(FACTOR.wrapping_mul(hash))
}

/// Counts by hash. The largest hash marks places of the table that are free.
fn rows(table: &CtrTable) -> Result<HashMap<u64, Vec<f32>>, String> {
    let stride = table.hash_stride;
    if stride < 2 || !table.hash_map.len().is_multiple_of(stride) {
        let n = table.hash_map.len();
        return Err(format!("{n} cells do not fill rows of {stride}"));
    }
    let mut rows = HashMap::new();
    for row in table.hash_map.chunks_exact(stride) {
        let hash = match &row[0] {
            Cell::Text(text) => text.parse::<u64>().map_err(|_| format!("`{text}` is no hash"))?,
            Cell::Number(number) => return Err(format!("{number} is no hash")),
        };
        let counts = row[1..].iter().map(|cell| match cell {
            Cell::Number(number) => Ok(*number as f32),
            Cell::Text(text) => Err(format!("`{text}` is no count")),
        });
        if hash != u64::MAX {
            rows.insert(hash, counts.collect::<Result<Vec<f32>, String>>()?);
        }
    }
    Ok(rows)
}

/// How a statistic follows from counts, in 32-bit floats as CatBoost has it.
struct Formula {
    kind: Kind,
    target: usize,
    prior: f32,
    denominator: f32,
    shift: f32,
    scale: f32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Rows of classes above a border, of all rows.
    Borders,
    /// Rows of a class, of all rows.
    Buckets,
    /// Sum and number of rows.
    Mean,
    /// Rows of the category, of those of the largest one.
    Counter,
}

impl Formula {
    fn of(ctr: &Ctr) -> Result<Formula, Error> {
        let kind = match ctr.ctr_type.as_str() {
            "Borders" => Kind::Borders,
            "Buckets" => Kind::Buckets,
            "BinarizedTargetMeanValue" | "FloatTargetMeanValue" => Kind::Mean,
            "Counter" | "FeatureFreq" => Kind::Counter,
            other => {
                let what = format!("statistics of categories of the type `{other}`");
                return Err(Error::Unsupported(what));
            }
        };
        Ok(Formula {
            kind,
            target: ctr.target_border_idx,
            prior: ctr.prior_numerator as f32,
            denominator: ctr.prior_denominator as f32,
            shift: ctr.shift as f32,
            scale: ctr.scale as f32,
        })
    }

    fn of_counts(&self, good: f32, total: f32) -> f32 {
        ((good + self.prior) / (total + self.denominator) + self.shift) * self.scale
    }

    fn value(&self, counts: &[f32], table: &CtrTable) -> Result<f32, String> {
        let target = self.target;
        let missing = || format!("{} counts, but number {target} is asked for", counts.len());
        let total = counts.iter().sum();
        Ok(match self.kind {
            Kind::Borders => {
                let good = counts.get(target + 1..).ok_or_else(missing)?;
                self.of_counts(good.iter().sum(), total)
            }
            Kind::Buckets => self.of_counts(*counts.get(target).ok_or_else(missing)?, total),
            Kind::Mean => match counts {
                [sum, count] => self.of_counts(*sum, *count),
                _ => return Err(format!("{} counts, expected a sum and a count", counts.len())),
            },
            Kind::Counter => self.of_counts(counts[0], table.counter_denominator as f32),
        })
    }

    /// The statistic of a category without counts.
    fn unseen(&self, table: &CtrTable) -> f32 {
        let total = if self.kind == Kind::Counter { table.counter_denominator as f32 } else { 0.0 };
        self.of_counts(0.0, total)
    }
}
