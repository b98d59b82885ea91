//! Moving a database to another engine.

use super::Database;
use crate::error::Result;
use crate::table::{CopyProgress, CopyReport};

/// Copies all tables and keyspaces of a database into a new one, whatever engines the two are on:
/// from a directory to a server, back, or between servers.
///
/// What is copied is one state of `from`, which programs may go on using; what they write
/// meanwhile is not copied, unless the engine of `from` lets go of the state that is read, and the
/// copy has to go on with a newer one. Stop them before a move. `to` must never have had a table or
/// a keyspace. It has none until all is there; then one commit makes all tables and keyspaces
/// appear.
///
/// A copy that ends with an error, or with its process, is resumed by calling this again: what is
/// there already is read, compared and not written again. What `from` has removed since goes.
///
/// When this returns, every key of `to` has been compared with one state of `from`. No struct is
/// needed, and indexes are copied as they are; [`verify_tables`](Database::verify_tables) compares
/// them with the rows, too.
///
/// Errors: [`Error::Unsupported`](crate::Error::Unsupported) when `to` was used,
/// [`Error::Limit`](crate::Error::Limit) when its engine does not accept a key, a row, or the
/// commit with the records of all tables,
/// [`Error::SnapshotTooOld`](crate::Error::SnapshotTooOld) when one of the two is being written and
/// sixteen passes did not find them alike, and those of reading and writing.
///
/// Cost: two passes, each of which reads both databases; a commit for every thousand keys that
/// differ. Memory for 4 MiB of rows of each side.
///
/// ```
/// use walnut::Database;
/// use walnut::remote::{Memory, copy};
/// # use serde::{Deserialize, Serialize};
/// # use walnut::Table;
/// # #[derive(Table, Serialize, Deserialize)]
/// # struct Note { #[primary_key] id: u64 }
///
/// let here = Database::in_memory()?;
/// here.table::<Note>()?.insert(&Note { id: 1 })?;
/// let there = Database::on(Memory::new())?;
/// let copied = copy(&here, &there)?;
/// assert_eq!(copied.tables, ["Note"]);
/// assert!(there.table::<Note>()?.contains(1)?);
/// # Ok::<(), walnut::Error>(())
/// ```
pub fn copy<A, B>(from: &Database<A>, to: &Database<B>) -> Result<CopyReport> {
    copy_with(from, to, |_| Ok(()))
}

/// Like [`copy`], and calls `progress` after each transaction. An error of it ends the copy, which
/// can be resumed.
///
/// ```
/// # use walnut::Database;
/// # use walnut::remote::{Memory, copy_with};
/// # let (here, there) = (Database::in_memory()?, Database::on(Memory::new())?);
/// copy_with(&here, &there, |progress| {
///     println!("pass {}: {} keys", progress.pass, progress.key_count);
///     Ok(())
/// })?;
/// # Ok::<(), walnut::Error>(())
/// ```
pub fn copy_with<A, B>(
    from: &Database<A>,
    to: &Database<B>,
    mut progress: impl FnMut(&CopyProgress) -> Result<()>,
) -> Result<CopyReport> {
    from.store.copy_to(&to.store, &mut progress)
}
