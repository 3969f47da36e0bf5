//! Measurements against other systems on tables of real data. What they print is written to
//! `bench/results`; the other systems live in `bench/compare`, a package of its own.

use std::path::PathBuf;

use crate::shell::Outcome;

mod automl;
mod cv;
mod machine;
mod nets;
mod peers;
mod predict;
mod results;
mod search;
mod tables;
mod train;

/// What is measured.
#[derive(Debug, clap::Subcommand)]
pub enum Bench {
    /// `eyas fit` against LightGBM on one split of every table
    Automl(automl::Automl),
    /// Means over folds beside published figures
    Cv(cv::Cv),
    /// Predictions of imported models against the libraries they come from, and compilers of trees
    Predict(predict::Predict),
    /// The search of strategies beside Optuna, on recorded tables and functions
    Search(search::Search),
    /// Training beside the libraries that train the same models, and how its time grows
    Train(train::Train),
    /// Nets beside other libraries, and what their default rate and schedule are worth
    Nets(nets::Nets),
}

/// Where tables come from and how many run at a time.
#[derive(Debug, Clone, clap::Args)]
pub struct Common {
    /// Folder of tables: NAME/data.csv.gz and NAME/meta.json
    #[arg(long, env = "EYAS_DATA", value_name = "DIR")]
    data: PathBuf,

    /// Names of tables; all binary, multiclass and regression tables of the folder if not given
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    tables: Vec<String>,

    /// Runs at a time; with more than one, times and latencies disturb each other
    #[arg(long, default_value_t = 1)]
    jobs: usize,

    /// Threads of each run; the cores shared among the jobs if not given
    #[arg(long)]
    threads: Option<usize>,

    /// Keep rows of other commits too, instead of measuring them again
    #[arg(long)]
    keep: bool,
}

impl Common {
    /// Threads of one run.
    fn threads(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
        self.threads.unwrap_or((cores / self.jobs.max(1)).max(1))
    }
}

impl Bench {
    /// Measures and writes the results.
    ///
    /// # Errors
    /// Tools or tables that are missing. Runs that fail are rows of the results.
    pub fn run(&self) -> Outcome {
        match self {
            Bench::Automl(automl) => automl.run(),
            Bench::Cv(cv) => cv.run(),
            Bench::Predict(predict) => predict.run(),
            Bench::Search(search) => search.run(),
            Bench::Train(train) => train.run(),
            Bench::Nets(nets) => nets.run(),
        }
    }
}
