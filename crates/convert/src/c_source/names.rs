//! Names, texts and numbers as C writes them.

use std::collections::HashSet;
use std::fmt::Write;

use eyas_model::Model;

use crate::error::Error;

/// Longest text that every C99 compiler accepts, in bytes.
const MAX_TEXT: usize = 4095;

/// Words that no field may have as a name: those of C and C++, and what the headers define.
const RESERVED: &str = " alignas alignof and and_eq asm auto bitand bitor bool break case catch \
    char class compl complex concept const const_cast constexpr consteval constinit continue \
    co_await co_return co_yield decltype default delete do double dynamic_cast else enum explicit \
    export extern false float for friend goto if imaginary import inline int linux long module \
    mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected public \
    register reinterpret_cast requires restrict return short signed sizeof static static_assert \
    static_cast struct switch template this thread_local throw true try typedef typeid typename \
    typeof union unix unsigned using virtual void volatile wchar_t while xor xor_eq NULL NAN INFINITY HUGE_VAL EOF ";

/// Names in the file.
pub struct Names {
    /// Start of everything that a caller sees.
    pub name: String,
    /// The same in capitals, for macros.
    pub upper: String,
    /// Fields of the row, by column.
    pub fields: Vec<String>,
}

impl Names {
    /// For a model that is to be called `name`.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if a text of the model cannot be one of C.
    pub fn of(model: &Model, name: &str) -> Result<Names, Error> {
        let schema = &model.schema;
        schema.classes.iter().try_for_each(|class| check_text("class", class))?;
        let mut taken = HashSet::new();
        let fields = schema.columns.iter().map(|column| {
            let mut field = identifier(&column.name, "column");
            if RESERVED.contains(&format!(" {field} ")) {
                field.push('_');
            }
            let mut free = field.clone();
            let mut number = 2;
            while !taken.insert(free.clone()) {
                free = format!("{field}_{number}");
                number += 1;
            }
            free
        });
        let name = identifier(name, "model");
        let (upper, fields) = (name.to_ascii_uppercase(), fields.collect());
        Ok(Names { name, upper, fields })
    }
}

/// Letters, digits and single underscores: others separate words.
fn identifier(text: &str, otherwise: &str) -> String {
    let mut name = String::new();
    for c in text.chars().take(60) {
        if c.is_ascii_alphanumeric() {
            name.push(c);
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
    }
    let name = name.trim_end_matches('_');
    match name.chars().next() {
        None => otherwise.into(),
        Some(first) if first.is_ascii_digit() => format!("{otherwise}_{name}"),
        Some(_) => name.into(),
    }
}

/// Fails for text that C cannot hold.
///
/// # Errors
/// [`Error::Unsupported`] names it.
pub fn check_text(what: &str, text: &str) -> Result<(), Error> {
    let start: String = text.chars().take(40).collect();
    if text.contains('\0') {
        let what = format!("the {what} `{start}` holds the character 0, which ends texts in C");
        return Err(Error::Unsupported(what));
    }
    if text.len() > MAX_TEXT {
        let what = format!("the {what} `{start}...` is longer than {MAX_TEXT} bytes");
        return Err(Error::Unsupported(what));
    }
    Ok(())
}

/// A text between quotes.
pub fn string(text: &str) -> String {
    let mut literal = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' | b'?' => {
                literal.push('\\');
                literal.push(byte as char);
            }
            b' '..=b'~' => literal.push(byte as char),
            // Three octal digits: a digit that follows cannot be taken for a fourth.
            _ => {
                let _ = write!(literal, "\\{byte:03o}");
            }
        }
    }
    literal.push('"');
    literal
}

/// A text in a comment, which it cannot end.
pub fn comment(text: &str) -> String {
    let safe =
        |c: char| if c.is_ascii_alphanumeric() || " _.,:;()+-=%$#&".contains(c) { c } else { '_' };
    text.chars().take(80).map(safe).collect()
}

/// A double, exactly.
pub fn number(value: f64) -> String {
    if value.is_finite() {
        format!("{value:e}")
    } else if value > 0.0 {
        "HUGE_VAL".into()
    } else {
        "-HUGE_VAL".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_written_so_that_c_reads_them_back() {
        assert_eq!(string("a\"b\\c"), r#""a\"b\\c""#);
        assert_eq!(string("é1\n??="), r#""\303\2511\012\?\?=""#);
    }

    #[test]
    fn names_are_words_of_c() {
        assert_eq!(identifier("hours-per-week", "column"), "hours_per_week");
        assert_eq!(identifier("__x__", "column"), "x");
        assert_eq!(identifier("1st", "column"), "column_1st");
        assert_eq!(identifier("größe", "column"), "gr_e");
        assert_eq!(identifier("", "column"), "column");
    }

    #[test]
    fn comments_cannot_be_ended() {
        assert_eq!(comment("*/ x /* \n\\"), "__ x __ __");
    }
}
