//! The tables, and how files of older formats are brought up to date.

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::error::Error;

/// Marks a file as a memory: "EYAS" in ASCII.
const APPLICATION_ID: i64 = 0x4559_4153;

/// Steps from each format to the next; the first one makes the tables. A step is never changed
/// once released: the format is the number of steps that a file has been through.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE tasks (
        id INTEGER PRIMARY KEY,
        fingerprint TEXT NOT NULL,
        metric TEXT NOT NULL,
        name TEXT NOT NULL,
        kind TEXT NOT NULL,
        facts TEXT NOT NULL,
        time INTEGER NOT NULL,
        UNIQUE (fingerprint, metric)
    );
    CREATE TABLE trials (
        id INTEGER PRIMARY KEY,
        task_id INTEGER NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
        config TEXT NOT NULL,
        loss_normalised REAL NOT NULL,
        loss REAL,
        seconds REAL NOT NULL,
        ns REAL,
        bytes INTEGER NOT NULL,
        time INTEGER NOT NULL,
        UNIQUE (task_id, config)
    );
"];

/// The latest format.
pub(crate) const VERSION: i64 = MIGRATIONS.len() as i64;

/// Brings a file to the latest format. Does nothing, and takes no lock, if it has it already.
pub(crate) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), Error> {
    let of_sqlite = |source| Error::of_sqlite(path, source);
    // One snapshot for all that is read: another process may be making the file right now.
    let snapshot = connection.transaction().map_err(of_sqlite)?;
    let version = check(&snapshot, path)?;
    drop(snapshot);
    if version == VERSION {
        return Ok(());
    }
    if connection.is_readonly(rusqlite::MAIN_DB).map_err(of_sqlite)? {
        return Err(Error::ReadOnly { path: path.to_owned() });
    }
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(of_sqlite)?;
    // Another process may have migrated it while this one waited for the lock.
    let version = check(&transaction, path)?;
    apply(&transaction, version).map_err(of_sqlite)?;
    transaction.commit().map_err(of_sqlite)
}

fn apply(transaction: &Transaction<'_>, version: i64) -> rusqlite::Result<()> {
    for step in MIGRATIONS.iter().skip(usize::try_from(version).unwrap_or(0)) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)
}

/// The format of a file, 0 for an empty one.
fn check(connection: &Connection, path: &Path) -> Result<i64, Error> {
    let number = |sql: &str| {
        let found = connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        found.map_err(|source| Error::of_sqlite(path, source))
    };
    let found = number("PRAGMA user_version")?;
    let application_id = number("PRAGMA application_id")?;
    let is_empty = number("SELECT count(*) FROM sqlite_master")? == 0;
    let path = path.to_owned();
    match (application_id, found) {
        (APPLICATION_ID, found) if found > VERSION => {
            Err(Error::NewerVersion { path, found, known: VERSION })
        }
        (APPLICATION_ID, 1..) => Ok(found),
        (0, 0) if is_empty => Ok(0),
        _ => Err(Error::NotAMemory { path }),
    }
}
