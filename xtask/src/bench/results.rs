//! Rows of results: kept as JSON while they come, so that a stopped measurement goes on.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::machine;
use crate::shell::{self, Outcome, root};

/// The results of one measurement.
#[derive(Debug)]
pub struct Results {
    path: PathBuf,
    rows: Vec<Value>,
}

impl Results {
    /// Reads what is there already. Rows of other commits are dropped unless `keep`.
    ///
    /// # Errors
    /// A file that is no JSON.
    pub fn open(name: &str, keep: bool) -> Outcome<Results> {
        let path = root().join("bench/results").join(format!("{name}.json"));
        let rows = match shell::read(&path) {
            Ok(text) => {
                let told = |error| format!("{}: {error}; remove the file", path.display());
                let whole: Value = serde_json::from_str(&text).map_err(told)?;
                whole["rows"].as_array().cloned().unwrap_or_default()
            }
            Err(_) => Vec::new(),
        };
        let commit = machine::commit();
        let mut results = Results { path, rows };
        results.rows.retain(|row| row["error"].is_null() && (keep || row["commit"] == commit));
        Ok(results)
    }

    /// Whether a row of this key is there.
    pub fn has(&self, key: &str) -> bool {
        self.rows.iter().any(|row| row["key"] == key)
    }

    /// The rows, by key.
    pub fn rows(&self) -> &[Value] {
        &self.rows
    }

    /// Adds a row and writes everything.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn add(&mut self, key: &str, mut row: Value) -> Outcome {
        row["key"] = key.into();
        row["commit"] = machine::commit().into();
        self.rows.push(row);
        self.rows.sort_by_key(|row| row["key"].as_str().unwrap_or_default().to_string());
        let whole = json!({
            "machine": machine::machine(),
            "command": machine::command(),
            "rows": self.rows,
        });
        let text = serde_json::to_string_pretty(&whole).expect("values are JSON");
        shell::write(&self.path, &(text + "\n"))
    }

    /// Writes the page beside the JSON.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn publish(&self, title: &str, body: &str) -> Outcome {
        let mut commits: Vec<&str> =
            self.rows.iter().filter_map(|row| row["commit"].as_str()).collect();
        commits.sort_unstable();
        commits.dedup();
        let machine = machine::machine();
        let page = format!(
            "# {title}\n\n- command: `{}`\n- commit: {}\n- machine: {}, {} cores, {}\n\n{body}",
            machine::command(),
            commits.join(", "),
            machine["processor"].as_str().unwrap_or_default(),
            machine["cores"],
            machine["memory"].as_str().unwrap_or_default(),
        );
        shell::write(&self.path.with_extension("md"), &page)
    }
}

/// Runs work that is not done yet, `jobs` at a time; a piece that fails becomes a row with `error`.
///
/// # Errors
/// Results that cannot be written.
pub fn run_all<T: Send>(
    results: &mut Results,
    work: Vec<(String, T)>,
    jobs: usize,
    one: impl Fn(&T) -> Outcome<Value> + Sync,
) -> Outcome {
    let left: VecDeque<_> = work.into_iter().filter(|(key, _)| !results.has(key)).collect();
    let n_left = left.len();
    let queue = Mutex::new(left);
    let shared = Mutex::new((results, Ok(()), 0_usize));
    let worker = || {
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some((key, item)) = next else { return };
            let row = one(&item).unwrap_or_else(|problem| json!({ "error": problem }));
            let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
            shared.2 += 1;
            eprintln!("[{}/{n_left}] {key}: {}", shared.2, brief(&row));
            let added = shared.0.add(&key, row);
            if added.is_err() {
                shared.1 = added;
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..jobs.max(1) {
            scope.spawn(worker);
        }
        worker();
    });
    shared.into_inner().unwrap_or_else(PoisonError::into_inner).1
}

fn brief(row: &Value) -> String {
    match (row["error"].as_str(), row["summary"].as_str()) {
        (Some(problem), _) => format!("FAILED: {problem}"),
        (None, Some(summary)) => summary.to_string(),
        _ => format!("{} (gain {}, se {})", row["score"], row["gain"], row["gain_se"]),
    }
}

/// A table in Markdown.
pub fn markdown(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(header.iter().map(|name| name.to_string()).collect());
    text += &line(header.iter().map(|_| "---".to_string()).collect());
    rows.into_iter().for_each(|row| text += &line(row));
    text
}

/// A number of a row with so many places; `-` where there is none.
pub fn number(value: &Value, places: usize) -> String {
    value.as_f64().map_or_else(|| "-".into(), |value| format!("{value:.places$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_numbers_are_written() {
        let text = markdown(&["a", "b"], [vec!["1".to_string(), number(&json!(0.25), 3)]]);
        assert_eq!(text, "| a | b |\n| --- | --- |\n| 1 | 0.250 |\n");
        assert_eq!(number(&Value::Null, 3), "-");
    }
}
