//! The tables of the C file: edges, levels, sets, nodes, leaf values, terms.

use std::fmt::Write;

use eyas_model::{Bins, Model, Node, Part, Term, Test, Tree, TreeOutput};

use crate::c_source::layout::Layout;
use crate::c_source::names::{check_text, number, string};
use crate::error::Error;

/// Kind of a node: a leaf. `functions.rs` writes the walk that reads the kinds.
pub const LEAF: u8 = 0;
/// The bin is above.
pub const ABOVE: u8 = 1;
/// The bin is above, or the value is missing.
pub const ABOVE_OR_MISSING: u8 = 2;
/// The bin is in a set.
pub const IN: u8 = 3;

/// Writes every table that the model needs.
///
/// # Errors
/// [`Error::Unsupported`] if a level is no text of C.
pub fn write(text: &mut String, model: &Model, layout: &Layout) -> Result<(), Error> {
    features(text, model, layout)?;
    if !layout.sets.is_empty() {
        let sets = layout.sets.iter().map(|set| {
            let [a, b, c, d] = set.0;
            format!("{{{a:#x}u, {b:#x}u, {c:#x}u, {d:#x}u}}")
        });
        table(text, "const uint64_t eyas_sets[][4]", sets, 1);
    }
    trees(text, model, layout);
    numbers(text, model);
    Ok(())
}

/// Writes a static table, so many items a line.
fn table(
    text: &mut String,
    declaration: &str,
    items: impl Iterator<Item = String>,
    per_line: usize,
) {
    let _ = write!(text, "static {declaration} = {{");
    for (index, item) in items.enumerate() {
        text.push_str(if index % per_line == 0 { "\n    " } else { " " });
        text.push_str(&item);
        text.push(',');
    }
    text.push_str("\n};\n\n");
}

fn features(text: &mut String, model: &Model, layout: &Layout) -> Result<(), Error> {
    let used = || {
        let all = model.features.iter().zip(&layout.bin_used);
        all.filter(|(_, used)| **used).map(|(feature, _)| &feature.bins)
    };
    let edges = || used().filter_map(|bins| if let Bins::Edges(e) = bins { Some(e) } else { None });
    if layout.has_edges {
        // A feature without edges still tells missing values apart, and a table is never empty.
        let edges = edges().flatten().copied().chain([0.0]).map(number);
        table(text, "const double eyas_edges[]", edges, 6);
    }
    if !layout.has_levels {
        return Ok(());
    }
    text.push_str("typedef struct { const char *name; unsigned char bin; } eyas_level;\n");
    let mut rows = Vec::new();
    for bins in used() {
        let Bins::Levels(levels) = bins else { continue };
        levels.iter().try_for_each(|level| check_text("category", level))?;
        // Bytes in the order of strcmp.
        let mut sorted: Vec<(&String, usize)> = levels.iter().zip(1..).collect();
        sorted.sort_unstable();
        rows.extend(sorted.iter().map(|(name, bin)| format!("{{{}, {bin}}}", string(name))));
    }
    rows.push("{\"\", 0}".into());
    table(text, "const eyas_level eyas_levels[]", rows.into_iter(), 2);
    Ok(())
}

fn trees(text: &mut String, model: &Model, layout: &Layout) {
    if layout.roots.is_empty() {
        return;
    }
    let all = || {
        let parts = model.members.iter().filter_map(|member| match &member.part {
            Part::Trees(trees) => Some(trees.trees.iter().zip(&trees.outputs)),
            _ => None,
        });
        parts.flatten().zip(layout.roots.iter().zip(&layout.values))
    };
    text.push_str(
        "/* A node: its feature, what it is compared with, the nodes for no and yes, its kind.\n\
         \x20* A leaf: its row of values. */\n\
         typedef struct { uint32_t feature, test, no, yes; unsigned char kind; } eyas_node;\n",
    );
    let nodes = all().flat_map(|((tree, _), (root, _))| nodes(tree, *root, layout));
    table(text, "const eyas_node eyas_nodes[]", nodes, 4);
    let values = all().flat_map(|((tree, _), _)| &tree.values);
    // A table is never empty.
    let values = values.chain([&0.0]).map(|value| format!("{value:e}f"));
    table(text, "const float eyas_values[]", values, 6);
    text.push_str(
        "/* A tree: its root, its first value, and the output it adds to. */\n\
         typedef struct { uint32_t root, values; int output; } eyas_tree;\n",
    );
    let trees = all().map(|((_, output), (root, values))| {
        let output = if let TreeOutput::One(k) = output { i64::from(*k) } else { -1 };
        format!("{{{root}u, {values}u, {output}}}")
    });
    table(text, "const eyas_tree eyas_trees[]", trees, 4);
}

fn nodes<'a>(
    tree: &'a Tree,
    root: usize,
    layout: &'a Layout,
) -> impl Iterator<Item = String> + use<'a> {
    tree.nodes.iter().map(move |node| match node {
        Node::Leaf { value } => format!("{{{value}u, 0, 0, 0, {LEAF}}}"),
        Node::Split { feature, test, left, right, .. } => {
            let (kind, test) = match test {
                Test::Above { threshold, missing_right: false } => (ABOVE, *threshold as usize),
                Test::Above { threshold, missing_right: true } => {
                    (ABOVE_OR_MISSING, *threshold as usize)
                }
                Test::In(set) => (IN, layout.set_places[set]),
            };
            let (no, yes) = (root + *left as usize, root + *right as usize);
            format!("{{{feature}u, {test}u, {no}u, {yes}u, {kind}}}")
        }
    })
}

/// The numbers of members, in the order in which the code reads them: the start of each output, then
/// the weights of linear terms.
fn numbers(text: &mut String, model: &Model) {
    let mut numbers: Vec<f64> = Vec::new();
    let mut terms = Vec::new();
    for member in &model.members {
        numbers.extend(start(&member.part));
        let Part::Linear(linear) = &member.part else { continue };
        for term in &linear.terms {
            let at = numbers.len();
            match term {
                Term::Number { feature, center, scale, clip, weights, missing } => {
                    let (center, scale) = (number(*center), number(*scale));
                    let clip = number(*clip);
                    terms.push(format!("{{{feature}u, 0, {center}, {scale}, {clip}, {at}u}}"));
                    numbers.extend(weights.iter().chain(missing));
                }
                Term::Bins { feature, weights } => {
                    terms.push(format!("{{{feature}u, 1, 0.0, 1.0, 0.0, {at}u}}"));
                    numbers.extend(weights);
                }
            }
        }
    }
    table(text, "const double eyas_numbers[]", numbers.into_iter().map(number), 4);
    if terms.is_empty() {
        return;
    }
    text.push_str(
        "/* A term: its feature, whether its bin counts, center, scale, clip, first weight. */\n\
         typedef struct {\n    uint32_t feature;\n    unsigned char of_bin;\n\
         \x20   double center, scale, clip;\n    uint32_t weights;\n} eyas_term;\n",
    );
    table(text, "const eyas_term eyas_terms[]", terms.into_iter(), 1);
}

/// Where the scores of a member start `(n_outputs,)`.
pub fn start(part: &Part) -> &[f64] {
    match part {
        Part::Trees(trees) => &trees.base,
        Part::Linear(linear) => &linear.intercept,
        Part::Net(net) => &net.base,
        Part::Constant(values) => values,
    }
}

/// How many entries of the table of numbers a member takes.
pub fn n_numbers(part: &Part) -> usize {
    let terms = if let Part::Linear(linear) = part { &linear.terms[..] } else { &[] };
    let of_terms: usize = terms
        .iter()
        .map(|term| match term {
            Term::Number { weights, missing, .. } => weights.len() + missing.len(),
            Term::Bins { weights, .. } => weights.len(),
        })
        .sum();
    start(part).len() + of_terms
}
