//! Opening, remembering, recalling and forgetting.

use std::path::{Path, PathBuf};
use std::time::Duration;

use eyas_search::Config;
use eyas_search::transfer::{PastTask, PastTrial, TaskFacts, quantile_normalise};
use rusqlite::{
    Connection, OpenFlags, OptionalExtension, Row, Transaction, TransactionBehavior, params,
};

use crate::error::Error;
use crate::record::{StoredTask, StoredTrial, TaskRecord, TrialRecord};
use crate::schema;

/// Trials that are kept of a task: the best ones, of equal ones the latest.
pub const MAX_TRIALS: usize = 200;

/// How long to wait for another process before giving up.
const BUSY_TIMEOUT: Duration = Duration::from_millis(2000);

/// What to forget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forget {
    /// One task, by its number.
    Task(i64),
    /// Everything.
    All,
}

/// A memory of past tasks, open.
#[derive(Debug)]
pub struct Memory {
    connection: Connection,
    pub(crate) path: PathBuf,
}

impl Memory {
    /// Opens the memory at a path, making the file and its folder if need be, and brings its
    /// format up to date.
    ///
    /// # Errors
    /// A file that cannot be opened, is damaged, belongs to something else or to a later release,
    /// or a URL of PostgreSQL, which is not supported yet.
    pub fn open(path: impl AsRef<Path>) -> Result<Memory, Error> {
        let path = file_path(path.as_ref())?;
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|error| Error::CannotOpen {
                path: path.clone(),
                reason: error.to_string(),
            })?;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let mut memory = Memory::connect(path, flags)?;
        schema::migrate(&mut memory.connection, &memory.path)?;
        memory.use_write_ahead_log()?;
        let set = memory.connection.pragma_update(None, "synchronous", "NORMAL");
        set.map_err(|source| memory.failure(source))?;
        Ok(memory)
    }

    /// Opens a memory that exists for reading only.
    ///
    /// # Errors
    /// As [`Memory::open`]; also a file that does not exist or has an older format.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Memory, Error> {
        let path = file_path(path.as_ref())?;
        let mut memory = Memory::connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        schema::migrate(&mut memory.connection, &memory.path)?;
        Ok(memory)
    }

    fn connect(path: PathBuf, flags: OpenFlags) -> Result<Memory, Error> {
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(&path, flags);
        let connection = opened.map_err(|source| Error::of_sqlite(&path, source))?;
        let memory = Memory { connection, path };
        let set = memory.connection.busy_timeout(BUSY_TIMEOUT);
        set.and_then(|()| memory.connection.pragma_update(None, "foreign_keys", true))
            .map_err(|source| memory.failure(source))?;
        Ok(memory)
    }

    /// With it, readers and a writer do not wait for each other; a crash of the machine may lose
    /// the last run, but never breaks the file. The file keeps this mode once it has it.
    fn use_write_ahead_log(&self) -> Result<(), Error> {
        if self.is_read_only()? {
            return Ok(());
        }
        let set = self.connection.pragma_update(None, "journal_mode", "WAL");
        match set.map_err(|source| self.failure(source)) {
            // SQLite does not wait here: another process has the file open, perhaps to do just
            // this. Without the mode all works too, if slower.
            Err(Error::Busy { .. }) => Ok(()),
            other => other,
        }
    }

    fn is_read_only(&self) -> Result<bool, Error> {
        self.connection.is_readonly(rusqlite::MAIN_DB).map_err(|source| self.failure(source))
    }

    pub(crate) fn failure(&self, source: rusqlite::Error) -> Error {
        Error::of_sqlite(&self.path, source)
    }

    /// Runs a change in one transaction: all of it happens, or nothing.
    pub(crate) fn change<T>(
        &mut self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let path = &self.path;
        let begun = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        begun
            .and_then(|transaction| {
                let done = change(&transaction)?;
                transaction.commit()?;
                Ok(done)
            })
            .map_err(|source| Error::of_sqlite(path, source))
    }

    /// Remembers a run: a task and its full trials. A task of the same fingerprint and metric
    /// takes the new name, facts and time; a configuration that was tried on it before takes its
    /// latest result; of more than [`MAX_TRIALS`] the best are kept. Losses are normalised among
    /// those of this call. Returns the task's number.
    ///
    /// # Errors
    /// A memory that cannot be written, is locked for too long, or is damaged.
    pub fn remember(&mut self, task: &TaskRecord, trials: &[TrialRecord]) -> Result<i64, Error> {
        let losses: Vec<f64> = trials.iter().map(|trial| trial.loss).collect();
        let stored = |(trial, loss_normalised): (&TrialRecord, f64)| StoredTrial {
            config: trial.config.clone(),
            loss_normalised,
            loss: Some(trial.loss).filter(|loss| loss.is_finite()),
            seconds: if trial.seconds.is_finite() { trial.seconds } else { 0.0 },
            ns: Some(trial.ns).filter(|ns| ns.is_finite()),
            bytes: trial.bytes,
            time: task.time,
        };
        let normalised = quantile_normalise(&losses);
        let stored: Vec<StoredTrial> = trials.iter().zip(normalised).map(stored).collect();
        self.change(|transaction| store(transaction, task, &stored))
    }

    /// Past tasks of a kind, and of a metric if one is given, latest first; trials without a
    /// latency are left out.
    ///
    /// # Errors
    /// A memory that is damaged or locked for too long.
    pub fn past_tasks(&self, kind: &str, metric: Option<&str>) -> Result<Vec<PastTask>, Error> {
        let all = self.list()?;
        let fits = |t: &StoredTask| {
            t.task.facts.kind == kind && metric.is_none_or(|metric| t.task.metric == metric)
        };
        all.into_iter().filter(fits).map(|stored| self.past_task(stored)).collect()
    }

    fn past_task(&self, stored: StoredTask) -> Result<PastTask, Error> {
        let past = |trial: StoredTrial| {
            let StoredTrial { config, loss_normalised: loss, seconds, ns, .. } = trial;
            Some(PastTrial { config, loss, seconds, ns: ns? })
        };
        let trials = self.trials(stored.id)?.into_iter().filter_map(past).collect();
        Ok(PastTask { facts: stored.task.facts, trials })
    }

    /// All tasks, latest first.
    ///
    /// # Errors
    /// A memory that is damaged or locked for too long.
    pub fn list(&self) -> Result<Vec<StoredTask>, Error> {
        let sql = format!("{SELECT_TASKS} ORDER BY time DESC, id DESC");
        let mut statement =
            self.connection.prepare_cached(&sql).map_err(|source| self.failure(source))?;
        let rows = statement.query_map([], task_row).and_then(Iterator::collect);
        let rows: Vec<TaskRow> = rows.map_err(|source| self.failure(source))?;
        rows.into_iter().map(|row| self.task(row)).collect()
    }

    /// One task with its trials, best first.
    ///
    /// # Errors
    /// No such task; a memory that is damaged or locked for too long.
    pub fn show(&self, id: i64) -> Result<(StoredTask, Vec<StoredTrial>), Error> {
        let sql = format!("{SELECT_TASKS} WHERE id = ?1");
        let row = self.connection.query_row(&sql, [id], task_row).optional();
        let row = row.map_err(|source| self.failure(source))?.ok_or(Error::NoSuchTask { id })?;
        Ok((self.task(row)?, self.trials(id)?))
    }

    /// Forgets; returns how many tasks.
    ///
    /// # Errors
    /// No such task; a memory that cannot be written, is locked for too long, or is damaged.
    pub fn forget(&mut self, what: Forget) -> Result<usize, Error> {
        let n_forgotten = self.change(|transaction| match what {
            Forget::Task(id) => transaction.execute("DELETE FROM tasks WHERE id = ?1", [id]),
            Forget::All => transaction.execute("DELETE FROM tasks", []),
        })?;
        match what {
            Forget::Task(id) if n_forgotten == 0 => Err(Error::NoSuchTask { id }),
            _ => Ok(n_forgotten),
        }
    }

    fn task(&self, row: TaskRow) -> Result<StoredTask, Error> {
        let TaskRow { id, name, metric, time, facts, n_trials } = row;
        let facts: TaskFacts = serde_json::from_str(&facts)
            .map_err(|error| Error::damaged(&self.path, format!("facts of task {id}: {error}")))?;
        let task = TaskRecord { name, metric, time, facts };
        Ok(StoredTask { id, task, n_trials: n_trials.unsigned_abs() })
    }

    /// Trials of a task, best first.
    pub(crate) fn trials(&self, task_id: i64) -> Result<Vec<StoredTrial>, Error> {
        let sql = "SELECT config, loss_normalised, loss, seconds, ns, bytes, time FROM trials
                   WHERE task_id = ?1 ORDER BY loss_normalised, time DESC, id";
        let mut statement =
            self.connection.prepare_cached(sql).map_err(|source| self.failure(source))?;
        let rows = statement.query_map([task_id], trial_row).and_then(Iterator::collect);
        let rows: Vec<(String, StoredTrial)> = rows.map_err(|source| self.failure(source))?;
        let parsed = rows.into_iter().map(|(json, trial)| {
            let config = serde_json::from_str(&json).map_err(|error| {
                Error::damaged(&self.path, format!("configuration of task {task_id}: {error}"))
            })?;
            Ok(StoredTrial { config, ..trial })
        });
        parsed.collect()
    }
}

const SELECT_TASKS: &str = "SELECT id, name, metric, time, facts,
    (SELECT count(*) FROM trials WHERE trials.task_id = tasks.id) FROM tasks";

struct TaskRow {
    id: i64,
    name: String,
    metric: String,
    time: i64,
    facts: String,
    n_trials: i64,
}

fn task_row(row: &Row<'_>) -> rusqlite::Result<TaskRow> {
    Ok(TaskRow {
        id: row.get(0)?,
        name: row.get(1)?,
        metric: row.get(2)?,
        time: row.get(3)?,
        facts: row.get(4)?,
        n_trials: row.get(5)?,
    })
}

/// The configuration as JSON, and the trial without it.
fn trial_row(row: &Row<'_>) -> rusqlite::Result<(String, StoredTrial)> {
    let config = Config { learner: String::new(), values: Default::default() };
    let trial = StoredTrial {
        config,
        loss_normalised: row.get(1)?,
        loss: row.get(2)?,
        seconds: row.get(3)?,
        ns: row.get(4)?,
        bytes: row.get::<_, i64>(5)?.unsigned_abs(),
        time: row.get(6)?,
    };
    Ok((row.get(0)?, trial))
}

/// Adds a task and trials to those that are there, and drops the worst beyond the limit. What is
/// there and is later stays.
pub(crate) fn store(
    transaction: &Transaction<'_>,
    task: &TaskRecord,
    trials: &[StoredTrial],
) -> rusqlite::Result<i64> {
    let facts = &task.facts;
    let facts_json = json(facts);
    let key = params![facts.fingerprint, task.metric, task.name, facts.kind, facts_json, task.time];
    transaction.execute(
        "INSERT INTO tasks (fingerprint, metric, name, kind, facts, time)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (fingerprint, metric) DO UPDATE SET name = excluded.name,
         kind = excluded.kind, facts = excluded.facts, time = excluded.time
         WHERE excluded.time >= time",
        key,
    )?;
    let sql = "SELECT id FROM tasks WHERE fingerprint = ?1 AND metric = ?2";
    let key = params![facts.fingerprint, task.metric];
    let id: i64 = transaction.query_row(sql, key, |row| row.get(0))?;
    for trial in trials {
        store_trial(transaction, id, trial)?;
    }
    transaction.execute(
        "DELETE FROM trials WHERE task_id = ?1 AND id NOT IN (SELECT id FROM trials
         WHERE task_id = ?1 ORDER BY loss_normalised, time DESC, id LIMIT ?2)",
        params![id, MAX_TRIALS as i64],
    )?;
    Ok(id)
}

fn store_trial(
    transaction: &Transaction<'_>,
    task_id: i64,
    trial: &StoredTrial,
) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO trials (task_id, config, loss_normalised, loss, seconds, ns, bytes, time)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (task_id, config) DO UPDATE SET loss_normalised = excluded.loss_normalised,
         loss = excluded.loss, seconds = excluded.seconds, ns = excluded.ns,
         bytes = excluded.bytes, time = excluded.time WHERE excluded.time >= time",
    )?;
    let bytes = i64::try_from(trial.bytes).unwrap_or(i64::MAX);
    statement.execute(params![
        task_id,
        json(&trial.config),
        trial.loss_normalised,
        trial.loss,
        trial.seconds,
        trial.ns,
        bytes,
        trial.time
    ])?;
    Ok(())
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("plain data with text keys is always JSON")
}

/// The path of a file; a URL is refused, that of a database server by name.
fn file_path(path: &Path) -> Result<PathBuf, Error> {
    let text = path.to_string_lossy();
    for scheme in ["postgres", "postgresql"] {
        // A path library may have folded the two slashes into one.
        if text.to_ascii_lowercase().starts_with(&format!("{scheme}:/")) {
            return Err(Error::PostgresUnsupported { scheme: scheme.to_owned() });
        }
    }
    let is_scheme = |name: &str| !name.is_empty() && name.chars().all(char::is_alphanumeric);
    if text.split_once("://").is_some_and(|(scheme, _)| is_scheme(scheme)) {
        let reason = "it is a URL, but only the path of a file is supported now".to_owned();
        return Err(Error::CannotOpen { path: path.to_owned(), reason });
    }
    Ok(path.to_owned())
}
