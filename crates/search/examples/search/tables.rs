//! Recorded tables: every configuration of a space, with its loss and its seconds.

use std::path::Path;

use eyas_search::{Config, Domain, Parameter, Space, Value};
use serde_json::Value as Json;

use crate::Problem;

/// A table as `bench/compare/search_peers.py` writes it.
pub struct Table {
    space: Space,
    sizes: Vec<usize>,
    /// In the order of the parameters, the last one fastest.
    losses: Vec<f64>,
    seconds: Vec<f64>,
}

impl Table {
    /// Reads `TASK.json`, `TASK.loss` and `TASK.seconds`.
    pub fn read(folder: &Path, task: &str) -> Result<Table, String> {
        let told = |error: String| format!("table `{task}` of {}: {error}", folder.display());
        let bytes = |ending: &str| {
            let path = folder.join(format!("{task}.{ending}"));
            std::fs::read(path).map_err(|error| told(format!(".{ending}: {error}")))
        };
        let numbers = |ending: &str| {
            let chunks = bytes(ending)?;
            let number = |c: &[u8]| f64::from_le_bytes(c.try_into().expect("eight bytes"));
            Ok::<Vec<f64>, String>(chunks.chunks_exact(8).map(number).collect())
        };
        let json: Json =
            serde_json::from_slice(&bytes("json")?).map_err(|error| told(error.to_string()))?;
        let list = |name: &str| json[name].as_array().cloned().unwrap_or_default();
        let sizes: Vec<usize> =
            list("sizes").iter().map(|n| n.as_u64().unwrap_or(0) as usize).collect();
        let mut parameters = Vec::new();
        for ((name, ordered), &size) in list("names").iter().zip(list("ordered")).zip(&sizes) {
            parameters.push(parameter(name.as_str().unwrap_or_default(), ordered == true, size));
        }
        let space = Space { learner: "table", parameters, forbidden: Vec::new() };
        let (losses, seconds) = (numbers("loss")?, numbers("seconds")?);
        let n: usize = sizes.iter().product();
        if losses.len() != n || seconds.len() != n || space.parameters.len() != sizes.len() {
            return Err(told(format!("{n} configurations, but {} losses", losses.len())));
        }
        Ok(Table { space, sizes, losses, seconds })
    }
}

/// Numbers of values as names; the process ends soon, so that they may stay.
fn parameter(name: &str, ordered: bool, size: usize) -> Parameter {
    let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
    let values: Vec<&'static str> =
        (0..size).map(|at| &*Box::leak(at.to_string().into_boxed_str())).collect();
    let values: &'static [&'static str] = Box::leak(values.into_boxed_slice());
    let domain = if ordered { Domain::Ordinal(values) } else { Domain::Category(values) };
    let default = Value::from(values[size / 2]);
    Parameter { name, domain, default, nested: false, when: None, help: "" }
}

impl Problem for Table {
    fn space(&self) -> &Space {
        &self.space
    }

    fn evaluate(&self, config: &Config) -> (f64, f64) {
        let mut at = 0;
        for (parameter, size) in self.space.parameters.iter().zip(&self.sizes) {
            let text = config.text(parameter.name).expect("configurations are complete");
            at = at * size + text.parse::<usize>().expect("values are numbers");
        }
        (self.losses[at], self.seconds[at])
    }
}
