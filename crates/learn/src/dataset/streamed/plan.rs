//! What features the columns give, from what the first pass found.

use std::collections::HashMap;

use eyas_model::{Bins, ColumnKind, Derive, datetime};

use super::StreamOptions;
use super::scan::{Scan, Summary};
use crate::data::infer::{is_boolean, is_text, names_an_id, settled_column};
use crate::data::stream::{Mode, Source};
use crate::data::{KindOverride, Notice};
use crate::dataset::columns::{
    ALL_MISSING, CONSTANT, IDENTIFIER, ORDERS_ROWS, TEXT, date_parts, kept_levels,
};
use crate::dataset::edges::{bins_of_numbers, edges_of, midpoints};
use crate::dataset::numbers::Numbers;
use crate::error::Error;

/// The features of a column.
pub(super) struct Plan {
    /// Its place in the file.
    pub column: usize,
    /// What it holds.
    pub kind: ColumnKind,
    /// Its features; none if it gives none.
    pub parts: Vec<Part>,
    /// Bins of its names.
    pub bin_of_name: HashMap<String, u8>,
    /// Bin of a name that is not listed.
    pub other_bin: u8,
    /// Why there are no features.
    pub notice: Option<Notice>,
}

/// A feature.
pub(super) struct Part {
    pub derive: Derive,
    pub bins: Bins,
    pub numbers: Numbers,
}

/// What becomes of every column that may give features.
pub(super) fn plans(
    source: &dyn Source,
    scan: &Scan,
    options: &StreamOptions<'_>,
) -> Result<Vec<Plan>, Error> {
    let is_feature = |column: &usize| {
        let name = &source.header()[*column];
        let task = options.task;
        let is = |other: &Option<String>| other.as_ref() == Some(name);
        let no_feature = *name == task.target || is(&task.groups) || is(&task.weights);
        // A time column of plain numbers is none either.
        let is_clock = is(&task.time) && scan.modes[*column] != Mode::DateTime;
        !(no_feature || is_clock || scan.modes[*column] == Mode::Skip)
    };
    (0..source.header().len())
        .filter(is_feature)
        .map(|column| plan(source, scan, column, options))
        .collect()
}

fn plan(
    source: &dyn Source,
    scan: &Scan,
    column: usize,
    options: &StreamOptions<'_>,
) -> Result<Plan, Error> {
    let name = &source.header()[column];
    let is_stated = options.build.stated.contains(name);
    let (summary, sample) = (&scan.summaries[column], &scan.sample.columns[column]);
    let n_rows = scan.n_rows();
    let mut plan = Plan {
        column,
        kind: ColumnKind::Number,
        parts: Vec::new(),
        bin_of_name: HashMap::new(),
        other_bin: 0,
        notice: None,
    };
    let made = match scan.modes[column] {
        Mode::Names => {
            let problem = |problem: String| Error::Data {
                path: source.name().into(),
                line: None,
                column: Some(name.clone()),
                problem,
            };
            let stated = options.read.kind_of(name);
            let kind = kind_of_names(summary, stated).map_err(problem)?;
            plan.names(summary, kind, n_rows, is_stated)
        }
        Mode::DateTime => {
            plan.kind = ColumnKind::DateTime;
            let is_time = options.task.time.as_ref() == Some(name);
            plan.dates((summary, sample), n_rows, is_time)
        }
        _ => plan.numbers(name, (summary, sample), n_rows, is_stated),
    };
    if let Err(why) = made {
        plan.notice = Some(Notice::new(name, why));
    }
    Ok(plan)
}

/// Whether names are a category or a boolean; `None` is free text.
fn kind_of_names(
    summary: &Summary,
    stated: Option<KindOverride>,
) -> Result<Option<ColumnKind>, String> {
    let levels = summary.names.levels();
    let names = levels.iter().map(String::as_str);
    Ok(match stated {
        Some(KindOverride::Text) => None,
        Some(KindOverride::Boolean) => {
            settled_column(stated, Vec::new(), levels.iter().take(3).cloned().collect())?;
            Some(ColumnKind::Boolean)
        }
        None if is_text(summary.n_present as usize, names.clone()) => None,
        _ if is_boolean(names) => Some(ColumnKind::Boolean),
        _ => Some(ColumnKind::Category),
    })
}

impl Plan {
    fn names(
        &mut self,
        summary: &Summary,
        kind: Option<ColumnKind>,
        n_rows: usize,
        is_stated: bool,
    ) -> Result<(), &'static str> {
        if summary.overflows {
            return Err(TOO_MANY);
        }
        self.kind = kind.ok_or(TEXT)?;
        let levels = summary.names.levels();
        let kept = kept_levels(&summary.counts, levels, n_rows, is_stated)?;
        let listed = kept.iter().enumerate();
        self.bin_of_name =
            listed.map(|(index, &code)| (levels[code].clone(), index as u8 + 1)).collect();
        self.other_bin = kept.len() as u8 + 1;
        let bins = Bins::Levels(kept.iter().map(|&code| levels[code].clone()).collect());
        self.parts.push(Part { derive: Derive::Itself, bins, numbers: Numbers::default() });
        Ok(())
    }

    fn numbers(
        &mut self,
        name: &str,
        (summary, sample): (&Summary, &[f64]),
        n_rows: usize,
        is_stated: bool,
    ) -> Result<(), &'static str> {
        match summary.distinct.as_deref() {
            Some([]) => return Err(ALL_MISSING),
            Some([_]) if summary.n_present == n_rows as u64 => return Err(CONSTANT),
            _ => {}
        }
        let may_be_id = !is_stated && summary.whole && summary.n_present == n_rows as u64;
        if may_be_id && names_an_id(name) && all_distinct(sample) {
            return Err(IDENTIFIER);
        }
        let edges = match &summary.distinct {
            Some(distinct) => midpoints(distinct),
            None => edges_of(sample, None),
        };
        self.parts.push(Part::of_numbers(Derive::Itself, edges, sample));
        Ok(())
    }

    fn dates(
        &mut self,
        (summary, sample): (&Summary, &[f64]),
        n_rows: usize,
        is_time: bool,
    ) -> Result<(), &'static str> {
        let has_missing = summary.n_present < n_rows as u64;
        match summary.distinct.as_deref() {
            Some([]) => return Err(ALL_MISSING),
            Some([_]) if !has_missing => return Err(CONSTANT),
            _ => {}
        }
        for &derive in date_parts(is_time) {
            let numbers: Vec<f64> = sample.iter().map(|&s| datetime::part(s, derive)).collect();
            let edges = edges_of(&numbers, None);
            if has_missing || !edges.is_empty() {
                self.parts.push(Part::of_numbers(derive, edges, &numbers));
            }
        }
        if self.parts.is_empty() { Err(ORDERS_ROWS) } else { Ok(()) }
    }
}

const TOO_MANY: &str = "has over a million distinct names: not used";

/// Whether no two numbers are equal.
fn all_distinct(sample: &[f64]) -> bool {
    let mut sorted = sample.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.windows(2).all(|pair| pair[0] < pair[1])
}

impl Part {
    fn of_numbers(derive: Derive, edges: Vec<f64>, sample: &[f64]) -> Part {
        let codes = bins_of_numbers(&edges, sample);
        let bins = Bins::Edges(edges);
        let numbers = Numbers::means(bins.n_bins(), &codes, sample);
        Part { derive, bins, numbers }
    }
}
