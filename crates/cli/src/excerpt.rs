//! The line of a data file that is at fault, with a caret below the cell.

use std::fs::File;
use std::io::{BufRead, BufReader};

/// Characters of the line that are shown.
const WIDTH: usize = 76;

/// A line of a file and the place in it.
#[derive(Debug, PartialEq)]
pub struct Excerpt {
    line: u64,
    text: String,
    /// First character and length of the cell at fault.
    cell: Option<(usize, usize)>,
}

impl Excerpt {
    /// Line `line` (counted from 1) of a file of plain text; `None` where it cannot be shown, e.g. in
    /// a compressed file.
    pub fn of(path: &str, line: u64, column: Option<&str>) -> Option<Excerpt> {
        let mut reader = BufReader::new(File::open(path).ok()?);
        let header = next_line(&mut reader)?;
        let mut text = header.clone();
        for _ in 1..line {
            text = next_line(&mut reader)?;
        }
        let delimiter = [b',', b';', b'\t', b'|']
            .into_iter()
            .max_by_key(|&candidate| header.bytes().filter(|&byte| byte == candidate).count())?;
        let cell = column.and_then(|name| {
            let at = cells(&header, delimiter).iter().position(|cell| cell.trim() == name)?;
            place_of(&text, delimiter, at)
        });
        Some(Excerpt { line, text, cell })
    }
}

/// The next line without its end, if it is text.
fn next_line(reader: &mut impl BufRead) -> Option<String> {
    let mut bytes = Vec::new();
    if reader.read_until(b'\n', &mut bytes).ok()? == 0 || bytes.contains(&0) {
        return None;
    }
    let text = String::from_utf8_lossy(&bytes);
    Some(text.trim_end_matches(['\n', '\r']).replace('\t', " "))
}

/// Cells of a line without quotes that span delimiters; good enough to point at one.
fn cells(line: &str, delimiter: u8) -> Vec<String> {
    let delimiter = if delimiter == b'\t' { ' ' } else { delimiter as char };
    let (mut out, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            c if c == delimiter && !quoted => out.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    out.push(cell);
    out
}

/// First character and length of cell `at` of a line.
fn place_of(line: &str, delimiter: u8, at: usize) -> Option<(usize, usize)> {
    let delimiter = if delimiter == b'\t' { ' ' } else { delimiter as char };
    let (mut index, mut start, mut quoted) = (0, 0, false);
    let mut end = 0;
    for (place, c) in line.chars().enumerate() {
        end = place + 1;
        match c {
            '"' => quoted = !quoted,
            c if c == delimiter && !quoted => {
                if index == at {
                    return Some((start, place - start));
                }
                (index, start) = (index + 1, place + 1);
            }
            _ => {}
        }
    }
    (index == at).then_some((start, end.max(start) - start))
}

impl std::fmt::Display for Excerpt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let number = self.line.to_string();
        let (start, length) = self.cell.unwrap_or((0, 0));
        // A window around the cell, so that the caret is always to be seen.
        let from = if start + length.min(20) > WIDTH { start.saturating_sub(WIDTH / 2) } else { 0 };
        let shown: String = self.text.chars().skip(from).take(WIDTH).collect();
        let dots = if from > 0 { "..." } else { "" };
        write!(f, "  {number} | {dots}{shown}")?;
        if self.cell.is_some() {
            let indent = " ".repeat(number.len() + 2);
            let before = " ".repeat(dots.len() + start - from);
            let room = (WIDTH + from).saturating_sub(start).max(1);
            let carets = "^".repeat(length.clamp(1, room));
            write!(f, "\n{indent} | {before}{carets}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn shown(contents: &str, line: u64, column: Option<&str>) -> Option<String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(contents.as_bytes()).unwrap();
        Excerpt::of(file.path().to_str().unwrap(), line, column).map(|it| it.to_string())
    }

    #[test]
    fn a_caret_points_at_the_cell() {
        let text = "age,name,income\n1,\"x, y\",inf\n";
        assert_eq!(
            shown(text, 2, Some("income")).unwrap(),
            "  2 | 1,\"x, y\",inf\n    |          ^^^"
        );
        assert_eq!(shown(text, 1, None).unwrap(), "  1 | age,name,income");
    }

    #[test]
    fn what_cannot_be_shown_is_left_out() {
        assert_eq!(shown("a,b\n1,2\n", 9, None), None);
        assert_eq!(shown("\u{0}\u{1}\n", 1, None), None);
        assert_eq!(Excerpt::of("/no/such/file", 1, None), None);
    }

    #[test]
    fn far_cells_of_long_lines_are_seen() {
        let header = (0..100).map(|at| format!("column{at}")).collect::<Vec<_>>().join(",");
        let row = vec!["1234567"; 99].join(",") + ",oops";
        let shown = shown(&format!("{header}\n{row}\n"), 2, Some("column99")).unwrap();
        assert!(shown.contains("oops"), "{shown}");
        assert!(shown.ends_with("^^^^"), "{shown}");
    }
}
