//! FoundationDB's own operations, as its client has them.

use std::fmt;

/// An error code of FoundationDB.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Code(pub i32);

/// A client of a cluster.
pub trait Client: Send + Sync + fmt::Debug + 'static {
    /// Which cluster it is, for errors: its coordinators, or the path of its file. Never a secret.
    fn cluster(&self) -> String;

    /// Begins a transaction, as `fdb_database_create_transaction`: sends nothing.
    fn begin(&self) -> Result<Box<dyn Transaction>, Code>;
}

/// A transaction of FoundationDB.
///
/// All reads are of one version, that of the first read or of [`read_version`](Self::read_version).
/// Reads that are not snapshot reads are added to the conflict ranges, writes are kept by the client
/// until the commit. Walnut never reads after a write.
pub trait Transaction: Send {
    /// Chooses the version that is read, unless it is chosen: `fdb_transaction_get_read_version`.
    fn read_version(&mut self) -> Result<i64, Code>;

    /// The values of keys, asked for at the same time: `fdb_transaction_get`.
    fn get_many(&mut self, keys: &[Vec<u8>], snapshot: bool) -> Result<Vec<Option<Vec<u8>>>, Code>;

    /// A part of a range: `fdb_transaction_get_range`.
    fn get_range(&mut self, range: &RangeRead) -> Result<RangeAnswer, Code>;

    /// Declares a range as read: `fdb_transaction_add_conflict_range`.
    fn add_read_conflict(&mut self, start: &[u8], end: &[u8]) -> Result<(), Code>;

    /// Sets the value of a key with the commit.
    fn set(&mut self, key: &[u8], value: &[u8]);

    /// Removes a key with the commit.
    fn clear(&mut self, key: &[u8]);

    /// Removes a range with the commit.
    fn clear_range(&mut self, start: &[u8], end: &[u8]);

    /// Commits, and waits for the answer.
    fn commit(self: Box<Self>) -> Result<(), Code>;
}

/// A range to read: from `start`, inclusive, to `end`, exclusive.
#[derive(Clone, Debug)]
pub struct RangeRead {
    /// Its first key.
    pub start: Vec<u8>,
    /// The key behind it.
    pub end: Vec<u8>,
    /// The most entries of the answer.
    pub limit: usize,
    /// Whether the entries nearest to the end come first.
    pub reverse: bool,
    /// Whether it is not added to the conflict ranges.
    pub snapshot: bool,
}

/// Entries of a range.
#[derive(Clone, Debug, Default)]
pub struct RangeAnswer {
    /// Keys and values in the order of the read.
    pub entries: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether there may be more.
    pub more: bool,
}
