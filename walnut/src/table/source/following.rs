//! The tables of a database that this process only reads.

use std::any::TypeId;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::base::KeyRange;
use crate::engine::{EngineFollower, VerifyReport};
use crate::error::Result;
use crate::sync::Mutex;
use crate::table::catalog::keyspaces;
use crate::table::catalog::{self, Compiled};
use crate::table::maintenance::verify;
use crate::table::maintenance::verify::Findings;
use crate::table::{DefaultTable, ReadOnly, Snapshot, Table};
use crate::txn::EntryScan;

/// Shared by the handles of one follower.
pub(crate) struct Following {
    engine: Arc<EngineFollower>,
    tables: Mutex<HashMap<TypeId, FollowedTable>>,
}

#[derive(Clone)]
struct FollowedTable {
    compiled: Arc<Compiled>,
    /// Compares rows and index entries of one type.
    verify: fn(&Snapshot, &mut VerifyReport, &mut Findings) -> Result<()>,
}

impl Following {
    pub(crate) fn new(engine: Arc<EngineFollower>) -> Self {
        Self { engine, tables: Mutex::default() }
    }

    pub(crate) fn engine(&self) -> &Arc<EngineFollower> {
        &self.engine
    }

    /// The compiled schema of `T`; its shape is traced once.
    pub(super) fn compiled<T: Table>(&self) -> Arc<Compiled> {
        let known = self.tables.lock().get(&TypeId::of::<T>()).map(|table| Arc::clone(&table.compiled));
        known.unwrap_or_else(|| {
            let table = FollowedTable { compiled: Arc::new(Compiled::of::<T>()), verify: verify_in::<T> };
            Arc::clone(&self.tables.lock().entry(TypeId::of::<T>()).or_insert(table).compiled)
        })
    }

    /// The table of `T` as of the last refresh.
    pub(crate) fn table<T: Table>(self: &Arc<Self>) -> Result<DefaultTable<T, ReadOnly>> {
        Snapshot::of_moment(self).table()
    }

    pub(crate) fn table_names(&self) -> Result<Vec<String>> {
        let moment = self.engine.moment();
        catalog::names(|range| Ok(EntryScan::Engine(moment.scan(range))))
    }

    pub(crate) fn keyspace_names(&self) -> Result<Vec<String>> {
        let moment = self.engine.moment();
        keyspaces::names(|range| Ok(EntryScan::Engine(moment.scan(range))))
    }

    /// Verifies the files of the last refresh, then rows against index entries of the opened
    /// tables.
    pub(crate) fn verify(self: &Arc<Self>) -> Result<VerifyReport> {
        let snapshot = Snapshot::of_moment(self);
        let mut verified = self.engine.moment().verify()?;
        let tables: Vec<FollowedTable> = self.tables.lock().values().cloned().collect();
        let mut findings = Findings::default();
        for table in tables {
            (table.verify)(&snapshot, &mut verified, &mut findings)?;
        }
        findings.into_result().map(|()| verified)
    }
}

fn verify_in<T: Table>(
    snapshot: &Snapshot,
    verified: &mut VerifyReport,
    findings: &mut Findings,
) -> Result<()> {
    let info = snapshot.info::<T>()?;
    let rows = snapshot.scan(KeyRange::prefix(&info.rows.prefix()))?;
    verify::table::<T>(rows, &info, verified, findings)
}

impl fmt::Debug for Following {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Following").field("engine", &self.engine).finish_non_exhaustive()
    }
}
