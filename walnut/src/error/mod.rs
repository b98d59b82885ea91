//! The errors of the crate: coarse where a caller would act the same, precise about file and offset
//! where an operator must look.

mod keys;
mod limit;
mod options;
mod remote;
mod rows;
mod value;

use std::any::Any;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

pub use keys::KeyFault;
pub use limit::Limit;
pub use options::OptionsError;
pub use remote::RemoteError;

pub use self::rows::{Disagreement, Finding, FindingKind, UniqueViolation, UnreadableRow, Unstorable};
pub(crate) use self::value::Problem;
pub use self::value::ValueError;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong. A variant exists where a caller would act differently.
///
/// The texts name tables, indexes, files and offsets; they never contain a stored value.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A row with this primary key or this unique value exists; nothing was written.
    UniqueViolation(UniqueViolation),
    /// The row that was to be replaced does not exist.
    NotFound,
    /// The table or the keyspace of this handle was dropped. A new handle from the database creates
    /// a new one.
    Dropped,
    /// Another commit changed what this transaction read; run the transaction again.
    Conflict,
    /// This transaction read what its own body changed through another handle, such as one of
    /// [`Database::table`](crate::Database::table), or through a nested transaction. It would
    /// conflict in every retry: change rows through the handles of the transaction, or before it or
    /// after it. The other handle's write has taken effect.
    SelfConflict,
    /// The transaction of this handle is over: it was committed or rolled back, or its closure has
    /// returned. Nothing was read or written. Use a handle of the database or of an open
    /// transaction.
    TransactionEnded,
    /// This snapshot or transaction is older than the age limit of the database
    /// ([`Builder::snapshot_age_limit`](crate::Builder::snapshot_age_limit)), so the versions that
    /// it reads are no longer kept; begin a new one.
    SnapshotTooOld,
    /// The stored table and the compiled struct do not match; the text says what to do.
    Schema(SchemaError),
    /// The stored table was written by a newer version of the struct; nothing was touched.
    SchemaTooNew {
        /// The table's name.
        table: String,
        /// The version of the stored layout.
        stored: u32,
        /// The version of the compiled struct.
        known: u32,
    },
    /// The row would not be readable again from the bytes that serde makes of it; nothing was
    /// written.
    Unstorable(Unstorable),
    /// A value does not fit the stored schema of its table; nothing was written.
    Value(ValueError),
    /// The compiled struct cannot decode a stored row. Its file is not damaged.
    Unreadable(UnreadableRow),
    /// Rows, the keys that they are stored under, or index entries do not agree;
    /// [`sweep`](crate::DefaultTable::sweep) repairs index entries.
    Disagreement(Disagreement),
    /// A file is damaged: it does not contain what was written to it.
    Corruption {
        /// The damaged file.
        file: PathBuf,
        /// The byte offset at which the fault was found.
        offset: u64,
        /// The kind of damage.
        fault: Fault,
    },
    /// The path is not a Walnut database; it was left untouched.
    NotADatabase {
        /// The path that was to be opened.
        path: PathBuf,
        /// What is there instead, as the end of a sentence.
        reason: &'static str,
    },
    /// The encryption key does not open this database, for this reason; nothing was touched.
    WrongKey(KeyFault),
    /// The database is already open, in this process or in another one.
    Locked,
    /// The directory is no longer the one that was opened: its lock file `LOCK` was removed or
    /// replaced, as when the directory was removed or another one was moved into its place. No
    /// further write is accepted or acknowledged; reads go on. Acknowledged commits are in the
    /// original directory, wherever it is now.
    Moved,
    /// This process is a fork of the one that opened the database and must not use it. Nothing was
    /// written. Open the database again in one of the two processes, after the other has closed it.
    Forked,
    /// A write or sync of the WAL failed, so durability cannot be guaranteed until the database is
    /// reopened.
    Poisoned,
    /// The disk is full, or a quota or the limit of a file's size is reached. Nothing was lost;
    /// writes are accepted again once there is space.
    OutOfSpace,
    /// A key, row or commit is too large; nothing was written.
    Limit(Limit),
    /// The cursor of a page cannot be used here.
    Cursor(CursorError),
    /// Options of the builder are out of range; nothing was touched.
    Options(OptionsError),
    /// The operation is not possible with these types, options or files.
    Unsupported(&'static str),
    /// The application aborted its transaction with a reason of its own: see [`Error::abort_ref`].
    Abort(Abort),
    /// The engine of this database, which runs elsewhere, could not be reached for as long as the
    /// database is patient; nothing was written.
    Unavailable(RemoteError),
    /// The engine of this database could not be reached since a commit was sent to it, so it is not
    /// known whether the commit has happened. Read what it would have written.
    CommitUnknown(RemoteError),
    /// The engine of this database refuses, as with a wrong password or a server that is too old,
    /// or answers what makes no sense; nothing was written.
    Remote(RemoteError),
    /// The operating system refused an operation.
    Io(IoError),
    /// The database was closed.
    Closed,
}

impl Error {
    /// Aborts a transaction with an error of the application; [`Error::abort_ref`] returns it.
    ///
    /// ```
    /// #[derive(Debug, PartialEq)]
    /// struct NoSuchUser;
    /// let error = walnut::Error::abort(NoSuchUser);
    /// assert_eq!(error.abort_ref::<NoSuchUser>(), Some(&NoSuchUser));
    /// ```
    pub fn abort<E: fmt::Debug + Send + Sync + 'static>(reason: E) -> Self {
        Self::Abort(Abort { text: format!("{reason:?}"), reason: Box::new(reason) })
    }

    /// The reason given to [`Error::abort`], when this is such an error and the reason is an `E`.
    pub fn abort_ref<E: 'static>(&self) -> Option<&E> {
        match self {
            Self::Abort(abort) => abort.reason.downcast_ref(),
            _ => None,
        }
    }

    /// The error for a failed operation of the operating system. A full disk, an exhausted quota
    /// and a file at its size limit (`ENOSPC`, `EDQUOT`, `EFBIG`) become [`Error::OutOfSpace`]:
    /// bytes were refused, and existing data is untouched.
    pub fn io(operation: &'static str, path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::OutOfSpace
            }
            _ => Self::Io(IoError { operation, path: path.to_owned(), source }),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UniqueViolation(violation) => violation.fmt(f),
            Self::NotFound => f.write_str("there is no row with this primary key"),
            Self::Dropped => f.write_str("this table or keyspace was dropped; a new handle makes a new one"),
            Self::Conflict => f.write_str("another commit changed what this transaction read; run it again"),
            Self::SelfConflict => f.write_str(
                "this transaction read what its own body changed through another handle, so it would lose each time; write through the \
                 handles of the transaction, or before or after it",
            ),
            Self::TransactionEnded => f.write_str(
                "the transaction of this handle was committed or rolled back; use a handle of the database, or of a transaction that is open",
            ),
            Self::SnapshotTooOld => f.write_str(
                "this snapshot or transaction is older than the age limit of the database; begin a new one",
            ),
            Self::Schema(error) => error.fmt(f),
            Self::SchemaTooNew { table, stored, known } => write!(
                f,
                "table `{table}` has version {stored}, and the compiled struct is version {known}; open it with the newer program"
            ),
            Self::Unstorable(row) => row.fmt(f),
            Self::Value(error) => error.fmt(f),
            Self::Unreadable(row) => row.fmt(f),
            Self::Disagreement(disagreement) => disagreement.fmt(f),
            Self::Corruption { file, fault: Fault::Missing, .. } => {
                write!(f, "{} is missing, and the database cannot be read without it", file.display())
            }
            Self::Corruption { file, offset, fault } => {
                write!(f, "{} is damaged at byte {offset}: {fault}", file.display())
            }
            Self::NotADatabase { path, reason } => {
                write!(f, "{} is not a Walnut database: {reason}", path.display())
            }
            Self::WrongKey(fault) => fault.fmt(f),
            Self::Locked => f.write_str("the database is already open, in this process or in another one"),
            Self::Moved => f.write_str(
                "the directory is no longer the one that was opened: its file LOCK was removed or replaced, so nothing more is written",
            ),
            Self::Forked => f.write_str(
                "this process is a fork of the one that opened the database, so nothing is written; only that one may use it",
            ),
            Self::Poisoned => f.write_str(
                "an earlier write to the log failed, so nothing more is accepted until the database is reopened",
            ),
            Self::OutOfSpace => f.write_str("no space is left on the disk; nothing was lost"),
            Self::Limit(limit) => limit.fmt(f),
            Self::Cursor(error) => error.fmt(f),
            Self::Options(error) => error.fmt(f),
            Self::Unsupported(what) => write!(f, "unsupported: {what}"),
            Self::Abort(abort) => write!(f, "the application aborted the transaction: {}", abort.text),
            Self::Unavailable(error) => write!(f, "the engine cannot be reached: {error}"),
            Self::CommitUnknown(error) => {
                write!(f, "it is not known whether a commit has happened, because its reply was lost: {error}")
            }
            Self::Remote(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
            Self::Closed => f.write_str("the database is closed"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(&error.source),
            _ => None,
        }
    }
}

/// How a stored table and a compiled struct disagree, and what to do, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaError {
    pub(crate) table: String,
    pub(crate) sentence: String,
}

impl SchemaError {
    /// The table's name.
    pub fn table(&self) -> &str {
        &self.table
    }
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "table `{}`: {}", self.table, self.sentence)
    }
}

/// Why the cursor of a page cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CursorError {
    /// The text is not a cursor, or not a complete one.
    Malformed,
    /// The cursor was made by another scan: of another table or index, or in the other direction.
    Foreign {
        /// The scan that it was made for.
        cursor: String,
        /// The scan that it was used on.
        scan: String,
    },
    /// The scan has more or fewer `skip` and `limit` calls than the one that made the cursor.
    Counts,
}

impl fmt::Display for CursorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("this is not the text of a page's cursor"),
            Self::Foreign { cursor, scan } => {
                write!(f, "the cursor belongs to a scan of {cursor}, and this one is of {scan}")
            }
            Self::Counts => {
                f.write_str("the cursor belongs to a scan with other calls of `skip` and `limit`")
            }
        }
    }
}

/// The reason with which the application aborted a transaction.
pub struct Abort {
    text: String,
    reason: Box<dyn Any + Send + Sync>,
}

impl fmt::Debug for Abort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A failed operation of the operating system: the operation, the path, and the system's error.
#[derive(Debug)]
pub struct IoError {
    operation: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl IoError {
    /// The kind of the operating system's error.
    pub fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }

    /// The file or directory.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl fmt::Display for IoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path == Path::new("") { Path::new("\"\"") } else { &self.path };
        write!(f, "cannot {} {}: {}", self.operation, path.display(), self.source)
    }
}

/// What is wrong with bytes that were read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The stored checksum does not match the bytes.
    Checksum {
        /// The checksum in the file.
        stored: u32,
        /// The checksum of the bytes in the file.
        computed: u32,
    },
    /// The authentication tag does not match the encrypted bytes at this place.
    Tag,
    /// The bytes end before the length that they announce.
    Truncated,
    /// The file does not begin with the magic number of its kind.
    Magic,
    /// The file has a format that this version cannot read.
    Format {
        /// The format number in the file.
        found: u32,
        /// The highest format number that this version reads.
        known: u32,
    },
    /// The file belongs to another database, or its header does not match its name.
    Identity,
    /// A file that must exist does not.
    Missing,
    /// The file's length is not the recorded one.
    Length {
        /// The recorded length in bytes.
        recorded: u64,
        /// The length found.
        found: u64,
    },
    /// Sequence numbers are not consecutive.
    Sequence {
        /// The number that should come next.
        expected: u64,
        /// The number found.
        found: u64,
    },
    /// Keys are not in order.
    Order,
    /// A field has a value that is never written; the text names the field.
    Invalid(&'static str),
    /// A row and its index entries disagree; the text says how.
    Index(&'static str),
    /// A row of an older layout cannot be migrated to the newer one: its `TryFrom` refused it.
    Migration {
        /// The table's name.
        table: &'static str,
        /// The version of the layout that the row has.
        from: u32,
        /// The version of the layout that refused it.
        to: u32,
    },
}

impl Fault {
    /// The error for this fault at an offset of a file. A row that no migration accepts is not
    /// corruption, but an error of the schema.
    pub fn at(self, file: &Path, offset: u64) -> Error {
        if let Self::Migration { table, .. } = self {
            return Error::Schema(SchemaError { table: table.to_owned(), sentence: self.to_string() });
        }
        Error::Corruption { file: file.to_owned(), offset, fault: self }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checksum { stored, computed } => {
                write!(f, "the checksum is {stored:08x}, the bytes have {computed:08x}")
            }
            Self::Tag => f.write_str("the authentication tag does not match the encrypted bytes"),
            Self::Truncated => f.write_str("it ends before what it announces"),
            Self::Magic => f.write_str("it does not begin as such a file begins"),
            Self::Format { found, known } => {
                write!(f, "it has format {found}, and this version knows up to {known}")
            }
            Self::Identity => f.write_str("its header belongs to another file or another database"),
            Self::Missing => f.write_str("the file is missing"),
            Self::Length { recorded, found } => write!(f, "it has {found} bytes instead of {recorded}"),
            Self::Sequence { expected, found } => {
                write!(f, "sequence number {found} stands where {expected} should")
            }
            Self::Order => f.write_str("keys are out of order"),
            Self::Invalid(field) => write!(f, "the {field} is impossible"),
            Self::Index(how) => f.write_str(how),
            Self::Migration { from, to, .. } => write!(
                f,
                "a row of version {from} was refused by the struct of version {to}; change its `TryFrom` so that it takes every row"
            ),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_no_room_for_bytes_is_a_full_disk_and_nothing_else_is() {
        use rustix::io::Errno;
        let error = |errno: Errno| Error::io("write", Path::new("/x"), errno.into());
        for full in [Errno::NOSPC, Errno::DQUOT, Errno::FBIG] {
            assert!(matches!(error(full), Error::OutOfSpace), "{full:?}");
        }
        let others =
            [Errno::IO, Errno::ROFS, Errno::MFILE, Errno::NFILE, Errno::ACCESS, Errno::NOMEM, Errno::NOENT];
        for other in others {
            let Error::Io(told) = error(other) else { panic!("{other:?}") };
            assert_eq!(told.source.raw_os_error(), Some(other.raw_os_error()));
        }
    }
}
