//! A model as one C99 file: a struct for a row, tables, and one function that predicts.
//!
//! Nothing but the standard library is used, nothing is allocated and nothing fails. Tables hold the
//! logical model, so predictions equal those of Eyas: bit for bit, but for the last digit of `exp`
//! where the C library rounds it otherwise. That needs a compiler that keeps the order of sums (so
//! no `-ffast-math`) and does not fuse products with them (`-ffp-contract=off`, which `-std=c99`
//! implies for gcc).

mod functions;
mod layout;
mod names;
mod tables;

use std::fmt::Write;

use eyas_model::{ColumnKind, Model, TaskKind};

use crate::Exporter;
use crate::c_source::layout::Layout;
use crate::c_source::names::{Names, comment, string};
use crate::error::Error;

/// The entry of [`crate::EXPORTERS`].
pub(crate) const EXPORTER: Exporter =
    Exporter { name: "c", about: "one C99 file without dependencies", extension: "c", write };

fn write(model: &Model, name: &str) -> Result<Vec<u8>, Error> {
    let layout = Layout::of(model)?;
    let names = Names::of(model, name)?;
    let mut text = String::new();
    declarations(&mut text, model, &names);
    tables::write(&mut text, model, &layout)?;
    functions::write(&mut text, model, &layout, &names);
    Ok(text.into_bytes())
}

/// Comment, struct and prototype: what a caller needs.
fn declarations(text: &mut String, model: &Model, names: &Names) {
    let (name, upper) = (&names.name, &names.upper);
    let schema = &model.schema;
    let task = match schema.task {
        TaskKind::Regression => "out[0] is the number",
        TaskKind::Binary => "out[0] is the probability of the second class",
        TaskKind::Multiclass => "out[k] is the probability of class k",
    };
    let target = comment(&schema.target);
    let n_outputs = schema.n_outputs();
    let _ = write!(
        text,
        "/* A model of {target}, written by Eyas {version}.\n\
         \x20*\n\
         \x20* {name}_row row = {{ ... }};\n\
         \x20* double out[{upper}_N_OUTPUTS];\n\
         \x20* {name}_predict(&row, out);      ({task})\n\
         \x20*\n\
         \x20* Numbers: NAN is missing. Dates: seconds since 1970-01-01T00:00:00. Categories: the text\n\
         \x20* as in the training data; NULL or \"\" is missing. Any number of threads may predict.\n\
         \x20* Define {upper}_DECLARATIONS_ONLY to include this file as a header.\n\
         \x20* Compile with -std=c99 -O2 and without -ffast-math; link with -lm.\n\
         \x20*/\n\
         #ifndef {upper}_H\n#define {upper}_H\n\n\
         #include <stddef.h>\n\n\
         #define {upper}_N_OUTPUTS {n_outputs}\n",
        version = env!("CARGO_PKG_VERSION"),
    );
    if !schema.classes.is_empty() {
        let _ = writeln!(text, "#define {upper}_N_CLASSES {}", schema.classes.len());
        let _ = writeln!(text, "extern const char *const {name}_classes[{upper}_N_CLASSES];");
    }
    text.push_str("\ntypedef struct {\n");
    for (column, field) in schema.columns.iter().zip(&names.fields) {
        let (kind, about) = match column.kind {
            ColumnKind::Number => ("double ", ""),
            ColumnKind::DateTime => ("double ", ", seconds since 1970"),
            ColumnKind::Category | ColumnKind::Boolean => ("const char *", ""),
        };
        let _ = writeln!(text, "    {kind}{field}; /* {}{about} */", comment(&column.name));
    }
    if schema.columns.is_empty() {
        text.push_str("    char unused;\n");
    }
    let _ = write!(
        text,
        "}} {name}_row;\n\n\
         void {name}_predict(const {name}_row *row, double *out);\n\n\
         #endif\n\n\
         #ifndef {upper}_DECLARATIONS_ONLY\n\n\
         #include <math.h>\n#include <stdint.h>\n#include <string.h>\n\n"
    );
    if !schema.classes.is_empty() {
        let _ = writeln!(text, "const char *const {name}_classes[{upper}_N_CLASSES] = {{");
        for class in &schema.classes {
            let _ = writeln!(text, "    {},", string(class));
        }
        text.push_str("};\n\n");
    }
}
