//! What a model expects of its input, and what its output means.

/// What is predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskKind {
    /// A number.
    Regression,
    /// One of two classes; the second class is the positive one.
    Binary,
    /// One of three or more classes.
    Multiclass,
}

/// How the cells of an input column are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnKind {
    /// Numbers; text is parsed as a number.
    Number,
    /// Two values, stored as the categories they were written as.
    Boolean,
    /// Names; a number is matched by its shortest decimal form.
    Category,
    /// Dates or times of ISO 8601 form, see [`crate::datetime`].
    DateTime,
}

/// A column that prediction data must have. Extra columns are ignored, order does not matter.
#[derive(Debug, Clone, PartialEq)]
pub struct InputColumn {
    /// Name as in the header of the training data.
    pub name: String,
    /// How its cells are read.
    pub kind: ColumnKind,
}

/// What goes in and what comes out.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    /// What is predicted.
    pub task: TaskKind,
    /// Name of the target column.
    pub target: String,
    /// Class labels in the order of the outputs; empty for regression.
    pub classes: Vec<String>,
    /// Input columns that the model reads.
    pub columns: Vec<InputColumn>,
}

impl Schema {
    /// Number of raw scores a member produces: 1 for regression and binary, else one a class.
    pub fn n_outputs(&self) -> usize {
        match self.task {
            TaskKind::Regression | TaskKind::Binary => 1,
            TaskKind::Multiclass => self.classes.len(),
        }
    }
}
