//! The client of FoundationDB for `walnut-fdb`, over the crate `foundationdb`. **Type-checked, not run.**
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use walnut_fdb::Fdb;
//! use walnut_fdb_client::FoundationDb;
//!
//! // SAFETY: it is dropped before the program ends.
//! let network = unsafe { foundationdb::boot() };
//! let engine = Fdb::open(FoundationDb::connect(None)?)?;
//! # drop(engine);
//! drop(network);
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::sync::Arc;

use foundationdb::options::{ConflictRangeType, StreamingMode, TransactionOption};
use foundationdb::{Database, FdbError, KeySelector, RangeOption};
use futures_executor::block_on;
use futures_util::future::try_join_all;
use walnut_fdb::{Client, Code, RangeAnswer, RangeRead, Transaction};

/// How long one call may take, in milliseconds.
const TIMEOUT: i32 = 10_000;

/// A cluster.
#[derive(Clone)]
pub struct FoundationDb {
    database: Arc<Database>,
    file: String,
}

/// Why a cluster cannot be used at all.
#[derive(Debug)]
pub struct ConnectError(FdbError);

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for ConnectError {}

impl FoundationDb {
    /// The cluster of a cluster file, or of the default one. The network of the client has to run:
    /// `foundationdb::boot`.
    pub fn connect(cluster_file: Option<&str>) -> Result<Self, ConnectError> {
        let database = Database::new(cluster_file).map_err(ConnectError)?;
        let file = cluster_file.unwrap_or(foundationdb::default_config_path()).to_owned();
        Ok(Self { database: Arc::new(database), file })
    }
}

impl fmt::Debug for FoundationDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FoundationDb").field("file", &self.file).finish_non_exhaustive()
    }
}

fn code(error: FdbError) -> Code {
    Code(error.code())
}

impl Client for FoundationDb {
    fn cluster(&self) -> String {
        self.file.clone()
    }

    fn begin(&self) -> Result<Box<dyn Transaction>, Code> {
        let inner = self.database.create_trx().map_err(code)?;
        inner.set_option(TransactionOption::Timeout(TIMEOUT)).map_err(code)?;
        inner.set_option(TransactionOption::ReadYourWritesDisable).map_err(code)?;
        Ok(Box::new(FdbTransaction { inner }))
    }
}

struct FdbTransaction {
    inner: foundationdb::Transaction,
}

impl Transaction for FdbTransaction {
    fn read_version(&mut self) -> Result<i64, Code> {
        block_on(self.inner.get_read_version()).map_err(code)
    }

    fn get_many(&mut self, keys: &[Vec<u8>], snapshot: bool) -> Result<Vec<Option<Vec<u8>>>, Code> {
        let values = keys.iter().map(|key| self.inner.get(key, snapshot));
        let values = block_on(try_join_all(values)).map_err(code)?;
        Ok(values.into_iter().map(|value| value.map(|value| value.to_vec())).collect())
    }

    fn get_range(&mut self, range: &RangeRead) -> Result<RangeAnswer, Code> {
        let option = RangeOption {
            begin: KeySelector::first_greater_or_equal(&range.start),
            end: KeySelector::first_greater_or_equal(&range.end),
            limit: Some(range.limit),
            mode: StreamingMode::WantAll,
            reverse: range.reverse,
            ..RangeOption::default()
        };
        let values = block_on(self.inner.get_range(&option, 1, range.snapshot)).map_err(code)?;
        let entries = values.iter().map(|entry| (entry.key().to_vec(), entry.value().to_vec())).collect();
        Ok(RangeAnswer { entries, more: values.more() })
    }

    fn add_read_conflict(&mut self, start: &[u8], end: &[u8]) -> Result<(), Code> {
        self.inner.add_conflict_range(start, end, ConflictRangeType::Read).map_err(code)
    }

    fn set(&mut self, key: &[u8], value: &[u8]) {
        self.inner.set(key, value);
    }

    fn clear(&mut self, key: &[u8]) {
        self.inner.clear(key);
    }

    fn clear_range(&mut self, start: &[u8], end: &[u8]) {
        self.inner.clear_range(start, end);
    }

    fn commit(self: Box<Self>) -> Result<(), Code> {
        let Self { inner } = *self;
        block_on(inner.commit()).map(drop).map_err(|error| Code(error.code()))
    }
}
