//! Nets beside other libraries: seconds an epoch and accuracy on images, one row's latency, and what
//! the default rate and schedule are worth on tables.

use std::path::PathBuf;

use serde_json::Value;

use super::peers::Python;
use super::results::{Results, run_all};
use crate::shell::{Outcome, cargo, run, target_dir};

mod images;
mod page;
mod tables;

/// Arguments.
#[derive(Debug, Clone, clap::Args)]
pub struct Nets {
    /// Folder of data: mnist, and tables NAME/data.csv.gz with NAME/meta.json
    #[arg(long, env = "EYAS_DATA", value_name = "DIR")]
    data: PathBuf,

    /// What to measure; all if not given
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    only: Vec<String>,

    /// Tables that rates and schedules are measured on, instead of the twelve
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    tables: Vec<String>,

    /// Seeds of every measurement
    #[arg(long, default_value_t = 5)]
    seeds: u64,

    /// Epochs on images
    #[arg(long, default_value_t = 10)]
    epochs: u64,

    /// Threads of every system
    #[arg(long, default_value_t = 2)]
    threads: usize,

    /// Systems to measure beside Eyas on images
    #[arg(
        long,
        value_name = "NAME,...",
        value_delimiter = ',',
        default_value = "torch,keras,scikit-learn"
    )]
    peers: Vec<String>,

    /// Keep rows of other commits too, instead of measuring them again
    #[arg(long)]
    keep: bool,
}

/// One thing that is measured.
#[derive(Debug, Clone, Copy)]
struct Contest {
    name: &'static str,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Epochs and accuracy on images at a size of batches.
    Images { batch: usize },
    /// One row of the net of images.
    Row,
    /// The default rate beside tuned constant ones, a row of the results for each table.
    Rates,
    /// A falling and a constant rate in pairs.
    Schedules,
}

const CONTESTS: &[Contest] = &[
    Contest { name: "images-32", kind: Kind::Images { batch: 32 } },
    Contest { name: "images-256", kind: Kind::Images { batch: 256 } },
    Contest { name: "row", kind: Kind::Row },
    Contest { name: "rates", kind: Kind::Rates },
    Contest { name: "schedules", kind: Kind::Schedules },
];

/// Small and middling tables of all three tasks.
const TABLES: [&str; 12] = [
    "abalone",
    "adult",
    "bank-marketing",
    "bike-sharing",
    "california-housing",
    "credit-default",
    "electricity",
    "letter",
    "phoneme",
    "satimage",
    "telco-churn",
    "vehicle",
];

/// What runs.
struct Tools {
    options: Nets,
    mlp: PathBuf,
    python: Python,
    work: PathBuf,
}

impl Nets {
    /// Measures what is not measured yet, and writes `bench/results/nets.md`.
    ///
    /// # Errors
    /// Tools or data that are missing.
    pub fn run(&self) -> Outcome {
        let work = self.work()?;
        let needs_peers = work.iter().any(|(_, item)| matches!(item.kind, Kind::Images { .. }));
        let tools = Tools::make(self, needs_peers)?;
        let mut results = Results::open("nets", self.keep)?;
        run_all(&mut results, work, 1, |item| tools.measure(item))?;
        let (verdicts, page) = page::page(results.rows());
        println!("{verdicts}");
        results.publish("Neural nets beside other libraries", &page)
    }

    /// Keys of the results and what gives them.
    fn work(&self) -> Outcome<Vec<(String, Item)>> {
        if let Some(unknown) =
            self.only.iter().find(|name| CONTESTS.iter().all(|c| c.name != **name))
        {
            let names: Vec<&str> = CONTESTS.iter().map(|contest| contest.name).collect();
            return Err(format!("there is no `{unknown}`; there are {}", names.join(", ")));
        }
        let is_wanted = |contest: &&Contest| {
            self.only.is_empty() || self.only.iter().any(|name| name == contest.name)
        };
        let mut work = Vec::new();
        for contest in CONTESTS.iter().filter(is_wanted) {
            if !matches!(contest.kind, Kind::Rates | Kind::Schedules) {
                let item = Item { kind: contest.kind, table: String::new() };
                work.push((contest.name.to_string(), item));
                continue;
            }
            for table in self.tables() {
                let key = format!("{}-{table}", contest.name);
                work.push((key, Item { kind: contest.kind, table }));
            }
        }
        Ok(work)
    }

    fn tables(&self) -> Vec<String> {
        match self.tables.is_empty() {
            true => TABLES.iter().map(|name| name.to_string()).collect(),
            false => self.tables.clone(),
        }
    }
}

/// One row of the results to be.
struct Item {
    kind: Kind,
    table: String,
}

impl Tools {
    fn make(options: &Nets, needs_peers: bool) -> Outcome<Tools> {
        run(cargo().args(["build", "--release", "-p", "eyas-learn", "--example", "mlp"]))?;
        let target = target_dir()?;
        let bench = target.join("bench");
        let work = bench.join("nets");
        std::fs::create_dir_all(&work)
            .map_err(|error| format!("cannot make {}: {error}", work.display()))?;
        let python = match needs_peers {
            // Some gigabytes: the only wheel of torch there is brings CUDA's libraries.
            true => Python::install_list(&bench, "nets-python", "nets-requirements.txt")?,
            false => Python::install(&bench)?,
        };
        let mlp = target.join("release/examples/mlp");
        Ok(Tools { options: options.clone(), mlp, python, work })
    }

    fn measure(&self, item: &Item) -> Outcome<Value> {
        let mut row = match item.kind {
            Kind::Images { batch } => self.images(batch),
            Kind::Row => self.row(),
            Kind::Rates => self.rates(&item.table),
            Kind::Schedules => self.schedules(&item.table),
        }?;
        row["threads"] = self.options.threads.into();
        row["seeds"] = self.options.seeds.into();
        row["load_before"] = super::train::load().into();
        Ok(row)
    }
}
