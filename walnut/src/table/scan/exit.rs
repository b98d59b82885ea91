//! The way of an entry out of a walk: the stages that may hold it back, and the row where one is needed.

use super::filter::RowFilter;
use super::layout::Target;
use super::output::Output;
use crate::engine::StoredValue;
use crate::error::{Error, Fault, FindingKind, Result};
use crate::table::catalog::TableInfo;
use crate::table::key::KeyWriter;
use crate::table::mapper::Table;
use crate::table::row;
use crate::txn::EntryReader;

/// What happens to entries on their way out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// So many are still to be passed over.
    Skip(u64),
    /// So many may still be given.
    Limit(u64),
    /// The filter at this place decides.
    Filter(usize),
}

/// What an entry goes through before it is given.
pub(super) struct Exit<'w, F> {
    pub(super) info: &'w TableInfo,
    pub(super) stages: &'w mut [Stage],
    pub(super) filter: &'w mut F,
    pub(super) forgets_key: bool,
}

/// Why an entry could not be given.
pub(super) enum Trouble {
    /// Its row, or its key, cannot be read.
    Fault(Fault),
    /// There is no row with its primary key.
    NoRow,
    Error(Error),
}

impl Trouble {
    /// The error for an entry of what is walked over, with this primary key.
    #[cold]
    #[inline(never)]
    pub(super) fn error(self, info: &TableInfo, target: Target, primary_key: &[u8]) -> Error {
        match (self, target) {
            (Self::Error(error), _) => error,
            (Self::NoRow, Target::Index(place)) => {
                info.finding(FindingKind::StrayEntry, Some(place), primary_key).into_error()
            }
            (Self::NoRow, Target::Rows) => Error::NotFound,
            (Self::Fault(fault), _) => info.unreadable(primary_key, fault),
        }
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl<F> Exit<'_, F> {
    /// What is to be given for an entry; `None` when a stage holds it back. `stored` is the row's value, if it is known.
    #[inline(always)]
    pub(super) fn pass<T: Table, O: Output<T>>(
        &mut self,
        reader: EntryReader<'_>,
        key: &[u8],
        primary_key: &[u8],
        stored: Option<StoredValue<'_>>,
    ) -> Result<Option<O::Item>, Trouble>
    where
        F: RowFilter<T>,
    {
        let mut row = None;
        for stage in &mut *self.stages {
            match stage {
                Stage::Skip(0) => {}
                Stage::Skip(count) => {
                    *count -= 1;
                    return Ok(None);
                }
                Stage::Limit(count) => *count = count.saturating_sub(1),
                Stage::Filter(place) => {
                    if row.is_none() {
                        row = Some(self.info.read_row::<T>(reader, primary_key, stored)?);
                    }
                    if !row.as_ref().is_some_and(|row| self.filter.keeps(*place, row)) {
                        return Ok(None);
                    }
                }
            }
        }
        let key = if self.forgets_key && !O::IS_INNER { primary_key } else { key };
        if F::COUNT > 0
            && let Some(row) = row
        {
            return O::make(key, primary_key, || Ok(row)).map(Some);
        }
        O::make(key, primary_key, || self.info.read_row::<T>(reader, primary_key, stored)).map(Some)
    }
}

impl TableInfo {
    /// The row of a primary key, of its value if that is known.
    #[inline(always)]
    fn read_row<T: Table>(
        &self,
        reader: EntryReader<'_>,
        primary_key: &[u8],
        stored: Option<StoredValue<'_>>,
    ) -> Result<T, Trouble> {
        match stored {
            Some(StoredValue::Here(bytes)) => return row::open(bytes).map_err(Trouble::Fault),
            Some(value) => return Ok(row::open(&value.load()?)?),
            None => {}
        }
        let key = self.key_of_row(primary_key);
        let row = reader.get(key.finish()?, row::open::<T>)?;
        Ok(row.ok_or(Trouble::NoRow)??)
    }

    /// The engine's key of the row with a primary key.
    pub(super) fn key_of_row(&self, primary_key: &[u8]) -> KeyWriter {
        let mut key = KeyWriter::new(&self.rows.prefix());
        key.push(primary_key);
        key
    }
}
