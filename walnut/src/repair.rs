//! A damaged database into a new one.

use std::path::Path;

use crate::engine::{DamagedDatabase, Engine};
use crate::error::{Error, Result};
use crate::options::Builder;
use crate::table::{RepairReport, Store};

/// Copies everything readable of a damaged database into a new one, and lists what was lost by
/// table and range of keys. The source is only read, and never changed.
///
/// What is copied are the live rows and keys of every sound block, record of the log and large
/// value; [`RepairReport`] says where something is missing. In a listed range rows may be missing,
/// older than they were, or back that were removed, because their newest version was in what is
/// damaged. A table of which something is listed has its indexes built anew when a program opens
/// it; rows that then share a unique value are told by
/// [`index_status`](crate::DefaultTable::index_status).
///
/// Not listed is what no reader can know of: damage to the last commits before a crash looks like a
/// commit that was being written.
///
/// `target` must be empty or missing. `options` are those of both databases. The new database is
/// durable and closed when this returns. After an error `target` holds a part: remove it.
///
/// An encrypted database is read with the key of `options`, and the new one is encrypted under it,
/// with data keys of its own. Without its key file nothing of it can be read: keep backups.
///
/// [`Error::NotADatabase`](crate::Error::NotADatabase) when no file of a database can be read in
/// `source`, [`Error::Io`](crate::Error::Io) with
/// [`AlreadyExists`](std::io::ErrorKind::AlreadyExists) when something is in `target`,
/// [`Error::WrongKey`](crate::Error::WrongKey) when the key does not open `source`. No process may
/// have `source` open.
///
/// Cost: reads every SST twice at most and writes every live row; memory for the log and for one
/// block of each run.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use walnut::{Database, Table};
/// # #[derive(Table, Serialize, Deserialize)]
/// # struct City { #[primary_key] id: u64, name: String }
/// # let dir = tempfile::tempdir().unwrap();
/// # let (damaged, mended) = (dir.path().join("damaged.walnut"), dir.path().join("mended.walnut"));
/// # Database::open(&damaged)?.table::<City>()?.insert(&City { id: 1, name: "Paris".into() })?;
/// let report = walnut::repair(&damaged, &mended, &Database::builder())?;
/// for lost in &report.lost {
///     eprintln!("{lost}");
/// }
/// let db = Database::open(&mended)?;
/// assert_eq!(db.table::<City>()?.len()?, 1);
/// db.verify()?;
/// # Ok::<(), walnut::Error>(())
/// ```
pub fn repair(source: impl AsRef<Path>, target: impl AsRef<Path>, options: &Builder) -> Result<RepairReport> {
    options.check()?;
    let (machine, source) = options.location(source.as_ref());
    let (_, target) = options.location(target.as_ref());
    if target.starts_with(&source) {
        return Err(Error::Unsupported("a repair into the directory of the damaged database"));
    }
    let config = options.engine_config();
    let damaged = DamagedDatabase::open(&machine, &source, config.encryption.as_deref())?;
    let engine = Engine::open_empty(machine, target, config)?;
    let salvaged = engine.salvage(damaged)?;
    let store = Store::new(engine, options.chosen_durability());
    let repaired = store.complete_repair(&salvaged)?;
    store.engine()?.sync()?;
    store.engine()?.close()?;
    Ok(repaired)
}
