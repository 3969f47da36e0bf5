//! Where the parts of a model lie in the tables of the C file.

use std::collections::HashMap;

use eyas_model::{BinSet, Bins, ColumnKind, Derive, Model, Node, Part, Term, Test, TreeOutput};

use crate::error::{Error, refuse_nets};

/// Rows of the tables, and which parts of the code are needed.
pub struct Layout {
    /// Whether a tree or a linear term reads the bin of a feature.
    pub bin_used: Vec<bool>,
    /// Whether a linear term reads the number of a feature.
    pub number_used: Vec<bool>,
    /// First edge or level of each feature.
    pub first: Vec<usize>,
    /// First node of each tree, member after member.
    pub roots: Vec<usize>,
    /// First leaf value of each tree, member after member.
    pub values: Vec<usize>,
    /// Different sets, in the order in which they are first met.
    pub sets: Vec<BinSet>,
    /// Their places.
    pub set_places: HashMap<BinSet, usize>,
    /// Whether some feature has edges.
    pub has_edges: bool,
    /// Whether some feature has levels.
    pub has_levels: bool,
    /// Whether some feature is a part of a date.
    pub has_dates: bool,
    /// Whether some tree adds to one output.
    pub has_one: bool,
    /// Whether some tree has a value for every output.
    pub has_all: bool,
    /// Whether some linear term is there.
    pub has_terms: bool,
}

impl Layout {
    /// Of a model.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if it has a neural net or is too large to be counted in 32 bits.
    pub fn of(model: &Model) -> Result<Layout, Error> {
        refuse_nets(model, "C")?;
        let n_features = model.features.len();
        let mut layout = Layout {
            bin_used: vec![false; n_features],
            number_used: vec![false; n_features],
            first: Vec::new(),
            roots: Vec::new(),
            values: Vec::new(),
            sets: Vec::new(),
            set_places: HashMap::new(),
            has_edges: false,
            has_levels: false,
            has_dates: false,
            has_one: false,
            has_all: false,
            has_terms: false,
        };
        layout.note_used(model);
        layout.features(model)?;
        let (mut n_nodes, mut n_values) = (0, 0);
        for member in &model.members {
            match &member.part {
                Part::Trees(trees) => {
                    for (tree, output) in trees.trees.iter().zip(&trees.outputs) {
                        layout.roots.push(n_nodes);
                        layout.values.push(n_values);
                        n_nodes += tree.nodes.len();
                        n_values += tree.values.len();
                        layout.has_one |= matches!(output, TreeOutput::One(_));
                        layout.has_all |= *output == TreeOutput::All;
                        layout.sets(&tree.nodes);
                    }
                }
                Part::Linear(linear) => layout.has_terms |= !linear.terms.is_empty(),
                Part::Constant(_) | Part::Net(_) => {}
            }
        }
        if n_nodes.max(n_values) > u32::MAX as usize {
            return Err(Error::Unsupported(format!("{n_nodes} nodes in one C file")));
        }
        Ok(layout)
    }

    fn features(&mut self, model: &Model) -> Result<(), Error> {
        let (mut n_edges, mut n_levels) = (0, 0);
        for (index, feature) in model.features.iter().enumerate() {
            let (bin_used, number_used) = (self.bin_used[index], self.number_used[index]);
            match &feature.bins {
                Bins::Edges(edges) => {
                    self.first.push(n_edges);
                    self.has_edges |= bin_used;
                    n_edges += if bin_used { edges.len() } else { 0 };
                }
                Bins::Levels(levels) => {
                    let column = &model.schema.columns[feature.column as usize];
                    if matches!(column.kind, ColumnKind::Number | ColumnKind::DateTime) {
                        let what = format!("column `{}` of numbers has categories", column.name);
                        return Err(Error::Unsupported(what));
                    }
                    self.first.push(n_levels);
                    self.has_levels |= bin_used;
                    n_levels += if bin_used { levels.len() } else { 0 };
                }
            }
            self.has_dates |= is_calendar(feature.derive) && (bin_used || number_used);
        }
        Ok(())
    }

    fn note_used(&mut self, model: &Model) {
        for member in &model.members {
            match &member.part {
                Part::Trees(trees) => {
                    for node in trees.trees.iter().flat_map(|tree| &tree.nodes) {
                        if let Node::Split { feature, .. } = node {
                            self.bin_used[*feature as usize] = true;
                        }
                    }
                }
                Part::Linear(linear) => {
                    for term in &linear.terms {
                        match term {
                            Term::Number { feature, .. } => {
                                self.number_used[*feature as usize] = true;
                            }
                            Term::Bins { feature, .. } => self.bin_used[*feature as usize] = true,
                        }
                    }
                }
                Part::Constant(_) | Part::Net(_) => {}
            }
        }
    }

    fn sets(&mut self, nodes: &[Node]) {
        for node in nodes {
            let Node::Split { test: Test::In(set), .. } = node else { continue };
            let next = self.sets.len();
            if *self.set_places.entry(*set).or_insert(next) == next {
                self.sets.push(*set);
            }
        }
    }
}

/// Whether the calendar is needed.
pub fn is_calendar(derive: Derive) -> bool {
    matches!(derive, Derive::Year | Derive::Month | Derive::Weekday | Derive::Hour)
}
