//! Methods of a database whose engine runs elsewhere.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::Database;
use crate::backend::{
    Client, Engine, RemoteOptions, RemoteSession, Serializable, Session, StaleReads, TimeTravel,
};
use crate::engine::VerifyReport;
use crate::error::{Error, Result};
use crate::table::{Snapshot, Store};

impl<E: Engine + Serializable> Database<E> {
    /// Opens the database that an engine elsewhere holds; an empty engine is an empty database.
    /// Other programs may have it open at the same time, with other structs: see
    /// [`remote`](crate::remote).
    ///
    /// [`Error::Unavailable`] when the engine cannot be reached for ten seconds: see
    /// [`on_with`](Self::on_with). [`Error::Remote`] when it refuses, as with a wrong password.
    /// Cost: two reads.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use walnut::remote::Memory;
    /// use walnut::{Database, Table};
    /// # #[derive(Table, Serialize, Deserialize, Debug, PartialEq)]
    /// # struct Note { #[primary_key] id: u64, text: String }
    ///
    /// let db = Database::on(Memory::new())?;
    /// let notes = db.table::<Note>()?;
    /// notes.insert(&Note { id: 1, text: "a walnut is a drupe".into() })?;
    /// assert_eq!(notes.len()?, 1);
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn on(engine: E) -> Result<Self> {
        Self::on_with(engine, &RemoteOptions::default())
    }

    /// Like [`on`](Self::on), with options.
    pub fn on_with(engine: E, options: &RemoteOptions) -> Result<Self> {
        let client = Client::new(engine, options.patience)?;
        let database = Self { store: Arc::new(Store::on(client, options.durability)), engine: PhantomData };
        database.store.empty_dropped()?;
        if let Some(client) = database.store.client() {
            client.sweep_slots();
        }
        Ok(database)
    }

    /// Compares the rows, index entries and keys of the tables that this process has opened, in one
    /// state: every entry that a row asks for is there, and no other one is.
    ///
    /// [`Error::Disagreement`] lists what differs. Cost: reads every row and every entry, and looks
    /// up every entry of every row.
    pub fn verify_tables(&self) -> Result<VerifyReport> {
        self.store.verify_open(&Snapshot::new(&self.store).source(), VerifyReport::default())
    }

    /// Drops an index of a table; returns whether there was one of this name. Opening a table never
    /// does that on an engine that other programs use, too: programs whose struct has the index are
    /// refused from now on when they write to the table.
    ///
    /// Cost: a small commit; then what is in the index is removed, in chunks.
    pub fn retire_index(&self, table: &str, index: &str) -> Result<bool> {
        self.store.retire_index(table, index)
    }

    fn snapshot_of(
        &self,
        session: impl FnOnce(&E) -> Result<Box<dyn Session>, crate::backend::Failure>,
    ) -> Result<Snapshot> {
        let client = self.store.client().ok_or(Error::Unsupported("an engine that is not elsewhere"))?;
        let engine = client.typed::<E>().ok_or(Error::Unsupported("an engine of another type"))?;
        let session = session(engine).map_err(|failure| client.error(&failure))?;
        Ok(Snapshot::of_session(&self.store, RemoteSession::over(client, session)))
    }
}

impl<E: StaleReads + Serializable> Database<E> {
    /// A state that is at most `bound` old, from a near replica: see [`StaleReads`].
    pub fn snapshot_stale(&self, bound: Duration) -> Result<Snapshot> {
        self.snapshot_of(|engine| engine.begin_stale(bound))
    }
}

impl<E: TimeTravel + Serializable> Database<E> {
    /// The state of a moment in the past; [`Error::SnapshotTooOld`] when it is no longer kept.
    pub fn snapshot_at(&self, at: SystemTime) -> Result<Snapshot> {
        self.snapshot_of(|engine| engine.begin_at(at))
    }
}
