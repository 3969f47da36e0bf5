//! The code of the C file: encoding of a row, the walk of a tree, linear terms, links.

use std::fmt::Write;

use eyas_model::encoder::ZERO;
use eyas_model::{Bins, Derive, Link, Member, Model, Part};

use crate::c_source::layout::{Layout, is_calendar};
use crate::c_source::names::{Names, number};
use crate::c_source::tables::{ABOVE_OR_MISSING, IN, LEAF, n_numbers};

const BIN_OF_NUMBER: &str = "\
/* 1 + the number of edges below; 0 if it is missing. */
static unsigned char eyas_bin(double value, const double *edges, size_t n)
{
    size_t low = 0;
    if (isnan(value))
        return 0;
    while (low < n) {
        size_t middle = low + (n - low) / 2;
        if (value > edges[middle])
            low = middle + 1;
        else
            n = middle;
    }
    return (unsigned char)(low + 1);
}

";

const BIN_OF_NAME: &str = "\
/* The bin of a category; the one after the last if it is not known, 0 if it is missing. */
static unsigned char eyas_find(const char *name, const eyas_level *levels, size_t n)
{
    size_t low = 0, high = n;
    if (name == NULL || name[0] == '\\0')
        return 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, levels[middle].name);
        if (order == 0)
            return levels[middle].bin;
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return (unsigned char)(n + 1);
}

";

const CALENDAR: &str = "\
/* Part of a date: 0 year, 1 month, 2 weekday from Monday, 3 hour; proleptic Gregorian calendar. */
static double eyas_calendar(double seconds, int part)
{
    int64_t whole, days, in_day, era, day, year, month;
    if (isnan(seconds) || fabs(seconds) > 1e13)
        return NAN;
    whole = (int64_t)floor(seconds);
    in_day = whole % 86400 + (whole % 86400 < 0 ? 86400 : 0);
    days = (whole - in_day) / 86400;
    if (part == 3)
        return (double)(in_day / 3600);
    if (part == 2)
        return (double)(((days + 3) % 7 + 7) % 7);
    days += 719468; /* since 0000-03-01 */
    day = days % 146097 + (days % 146097 < 0 ? 146097 : 0);
    era = (days - day) / 146097;
    year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    month = (5 * day + 2) / 153;
    month = month < 10 ? month + 3 : month - 9;
    if (part == 1)
        return (double)month;
    return (double)(year + era * 400 + (month <= 2));
}

";

/// Writes the functions that the model needs, the prediction last.
pub fn write(text: &mut String, model: &Model, layout: &Layout, names: &Names) {
    if layout.has_edges {
        text.push_str(BIN_OF_NUMBER);
    }
    if layout.has_levels {
        text.push_str(BIN_OF_NAME);
    }
    if layout.has_dates {
        text.push_str(CALENDAR);
    }
    if !layout.roots.is_empty() {
        walk(text, model, layout);
    }
    if layout.has_terms {
        terms(text, model);
    }
    predict(text, model, layout, names);
}

/// Adds the leaves of a range of trees to the sums of the outputs.
fn walk(text: &mut String, model: &Model, layout: &Layout) {
    // A model of single leaves has no bins to read.
    let bins = if has_bins(layout) { "const unsigned char *bins, " } else { "" };
    let _ = write!(
        text,
        "static void eyas_add_trees({bins}size_t from, size_t to, double *sums)\n{{\n\
         \x20   for (; from < to; from++) {{\n\
         \x20       const eyas_tree *tree = &eyas_trees[from];\n\
         \x20       const eyas_node *node = &eyas_nodes[tree->root];\n"
    );
    if has_bins(layout) {
        let set = if layout.sets.is_empty() {
            String::new()
        } else {
            format!(
                "            if (node->kind == {IN})\n\
                 \x20               yes = (int)(eyas_sets[node->test][bin >> 6] >> (bin & 63) & 1);\n\
                 \x20           else\n    "
            )
        };
        let _ = write!(
            text,
            "        while (node->kind != {LEAF}) {{\n\
             \x20           unsigned bin = bins[node->feature];\n\
             \x20           int yes;\n\
             {set}\
             \x20           yes = bin > node->test || (bin == 0 && node->kind == {ABOVE_OR_MISSING});\n\
             \x20           node = &eyas_nodes[yes ? node->yes : node->no];\n\
             \x20       }}\n"
        );
    }
    let n_outputs = model.schema.n_outputs();
    let one = "sums[tree->output] += (double)eyas_values[tree->values + node->feature];\n";
    let all = format!(
        "for (k = 0; k < {n_outputs}; k++)\n\
         \x20               sums[k] += (double)eyas_values[tree->values + {n_outputs} * node->feature + k];\n"
    );
    match (layout.has_one, layout.has_all) {
        (true, false) => {
            let _ = write!(text, "        {one}");
        }
        (false, _) => {
            let _ =
                write!(text, "        {{\n            size_t k;\n            {all}        }}\n");
        }
        (true, true) => {
            let _ = write!(
                text,
                "        if (tree->output >= 0) {{\n            {one}        }} else {{\n\
                 \x20           size_t k;\n            {all}        }}\n"
            );
        }
    }
    text.push_str("    }\n}\n\n");
}

fn has_bins(layout: &Layout) -> bool {
    layout.bin_used.contains(&true)
}

fn has_numbers(layout: &Layout) -> bool {
    layout.number_used.contains(&true)
}

/// Adds a range of linear terms to the scores. Both arrays are handed over even if one is not read.
fn terms(text: &mut String, model: &Model) {
    let k = model.schema.n_outputs();
    let _ = write!(
        text,
        "static void eyas_add_terms(const unsigned char *bins, const double *numbers,\n\
         \x20                          size_t from, size_t to, double *scores)\n{{\n\
         \x20   for (; from < to; from++) {{\n\
         \x20       const eyas_term *term = &eyas_terms[from];\n\
         \x20       const double *weights = &eyas_numbers[term->weights];\n\
         \x20       double factor = 1.0;\n\
         \x20       size_t k;\n\
         \x20       if (term->of_bin) {{\n\
         \x20           weights += {k} * (size_t)bins[term->feature];\n\
         \x20       }} else if (isnan(numbers[term->feature])) {{\n\
         \x20           weights += {k};\n\
         \x20       }} else {{\n\
         \x20           factor = (numbers[term->feature] - term->center) / term->scale;\n\
         \x20           factor = factor < -term->clip ? -term->clip : factor;\n\
         \x20           factor = factor > term->clip ? term->clip : factor;\n\
         \x20       }}\n\
         \x20       for (k = 0; k < {k}; k++) {{\n\
         \x20           double share = factor * weights[k];\n\
         \x20           scores[k] += share;\n\
         \x20       }}\n\
         \x20   }}\n}}\n\n"
    );
}

fn predict(text: &mut String, model: &Model, layout: &Layout, names: &Names) {
    let n_features = model.features.len();
    let k = model.schema.n_outputs();
    let name = &names.name;
    let is_trees = |member: &Member| matches!(member.part, Part::Trees(_));
    let _ = write!(text, "void {name}_predict(const {name}_row *row, double *out)\n{{\n");
    if has_bins(layout) {
        let _ = writeln!(text, "    unsigned char bins[{n_features}];");
    }
    if has_numbers(layout) {
        let _ = writeln!(text, "    double numbers[{n_features}];");
    }
    let sums = if model.members.iter().any(is_trees) { format!(", sums[{k}]") } else { "".into() };
    let _ = writeln!(text, "    double scores[{k}]{sums};\n    size_t k;");
    if !has_bins(layout) && !has_numbers(layout) {
        text.push_str("    (void)row;\n");
    }
    encode(text, model, layout, names);
    let _ = writeln!(text, "    for (k = 0; k < {k}; k++)\n        out[k] = 0.0;");
    let mut at = At { tree: 0, term: 0, number: 0 };
    for (index, member) in model.members.iter().enumerate() {
        let _ = write!(text, "\n    /* Member {index}. */\n    for (k = 0; k < {k}; k++)\n");
        scores(text, &member.part, layout, k, &mut at);
        link(text, member.link, k);
        let _ = write!(
            text,
            "    for (k = 0; k < {k}; k++) {{\n\
             \x20       double share = {weight} * scores[k];\n        out[k] += share;\n    }}\n",
            weight = number(member.weight)
        );
    }
    text.push_str("}\n\n#endif\n");
}

/// How far members have come in the tables.
struct At {
    tree: usize,
    term: usize,
    number: usize,
}

/// The scores of a member, after the head of a loop over outputs.
fn scores(text: &mut String, part: &Part, layout: &Layout, k: usize, at: &mut At) {
    let first = at.number;
    at.number += n_numbers(part);
    let start = format!("scores[k] = eyas_numbers[{first} + k]");
    match part {
        Part::Trees(trees) => {
            let (from, end) = (at.tree, at.tree + trees.trees.len());
            at.tree = end;
            let bins = if has_bins(layout) { "bins, " } else { "" };
            text.push_str("        sums[k] = 0.0;\n");
            if end > from {
                let _ = writeln!(text, "    eyas_add_trees({bins}{from}, {end}, sums);");
            }
            let _ = write!(
                text,
                "    for (k = 0; k < {k}; k++) {{\n\
                 \x20       double scaled = {scale} * sums[k];\n        {start} + scaled;\n    }}\n",
                scale = number(trees.scale)
            );
        }
        Part::Linear(linear) => {
            let (from, end) = (at.term, at.term + linear.terms.len());
            at.term = end;
            let _ = writeln!(text, "        {start};");
            if end > from {
                let bins = if has_bins(layout) { "bins" } else { "NULL" };
                let numbers = if has_numbers(layout) { "numbers" } else { "NULL" };
                let _ =
                    writeln!(text, "    eyas_add_terms({bins}, {numbers}, {from}, {end}, scores);");
            }
        }
        Part::Net(_) => unreachable!("a layout of a net is refused"),
        Part::Constant(_) => {
            let _ = writeln!(text, "        {start};");
        }
    }
}

/// Bins and numbers of the features that members read.
fn encode(text: &mut String, model: &Model, layout: &Layout, names: &Names) {
    for (index, feature) in model.features.iter().enumerate() {
        let (bin_used, number_used) = (layout.bin_used[index], layout.number_used[index]);
        let column = feature.column as usize;
        let cell = format!("row->{}", names.fields[column]);
        let first = layout.first[index];
        match &feature.bins {
            Bins::Levels(levels) if bin_used => {
                let n = levels.len();
                let _ = writeln!(
                    text,
                    "    bins[{index}] = eyas_find({cell}, eyas_levels + {first}, {n});"
                );
            }
            Bins::Levels(_) => {}
            Bins::Edges(edges) => {
                let value = derived(feature.derive, &cell);
                if number_used {
                    let _ = writeln!(text, "    numbers[{index}] = {value};");
                }
                if bin_used {
                    let n = edges.len();
                    let _ = writeln!(
                        text,
                        "    bins[{index}] = eyas_bin({value}, eyas_edges + {first}, {n});"
                    );
                }
            }
        }
    }
}

fn derived(derive: Derive, cell: &str) -> String {
    if is_calendar(derive) {
        let part = match derive {
            Derive::Year => 0,
            Derive::Month => 1,
            Derive::Weekday => 2,
            _ => 3,
        };
        return format!("eyas_calendar({cell}, {part})");
    }
    match derive {
        Derive::NonZero => format!("(fabs({cell}) <= {} ? NAN : {cell})", number(ZERO)),
        _ => cell.into(),
    }
}

/// From the scores of a member to its prediction.
fn link(text: &mut String, link: Link, n_outputs: usize) {
    let each = match link {
        Link::Identity => return,
        Link::Logistic => "1.0 / (1.0 + exp(-scores[k]))",
        Link::Exp => "exp(scores[k])",
        Link::SignedSquare => "scores[k] * fabs(scores[k])",
        Link::Softplus => "(scores[k] > 0.0 ? scores[k] : 0.0) + log1p(exp(-fabs(scores[k])))",
        Link::Step => "scores[k] > 0.0 ? 1.0 : 0.0",
        Link::Softmax => {
            let _ = write!(
                text,
                "    {{\n        double top = scores[0], total = 0.0;\n\
                 \x20       for (k = 1; k < {n_outputs}; k++)\n\
                 \x20           top = scores[k] > top ? scores[k] : top;\n\
                 \x20       for (k = 0; k < {n_outputs}; k++) {{\n\
                 \x20           scores[k] = exp(scores[k] - top);\n\
                 \x20           total += scores[k];\n        }}\n\
                 \x20       for (k = 0; k < {n_outputs}; k++)\n            scores[k] /= total;\n    }}\n"
            );
            return;
        }
    };
    let _ = write!(text, "    for (k = 0; k < {n_outputs}; k++)\n        scores[k] = {each};\n");
}
