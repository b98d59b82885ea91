//! The way of an entry out of a walk: the stages that may hold it back, and the row where one is
//! needed.

use super::output::Output;
use super::trouble::Trouble;
use crate::engine::StoredValue;
use crate::error::Result;
use crate::table::catalog::TableInfo;
use crate::table::key::KeyWriter;
use crate::table::mapper::Table;
use crate::table::row;
use crate::txn::ScanState;

/// What happens to entries on their way out.
pub(super) enum Stage<'a, T> {
    /// So many are still to be passed over.
    Skip(u64),
    /// So many may still be returned.
    Limit(u64),
    /// Only rows of which this is true.
    Filter(Box<dyn FnMut(&T) -> bool + Send + 'a>),
}

impl<T> Stage<'_, T> {
    /// The same stage for another scan: a count is copied, a filter is lent.
    pub(super) fn lend(&mut self) -> Stage<'_, T> {
        match self {
            Self::Skip(count) => Stage::Skip(*count),
            Self::Limit(count) => Stage::Limit(*count),
            Self::Filter(keep) => Stage::Filter(Box::new(|row| keep(row))),
        }
    }
}

/// What an entry goes through before it is returned.
pub(super) struct Exit<'w, 'a, T> {
    pub(super) info: &'w TableInfo,
    pub(super) stages: &'w mut [Stage<'a, T>],
    pub(super) forgets_key: bool,
}

impl<T: Table> Exit<'_, '_, T> {
    /// Whether nothing more comes out.
    #[inline]
    pub(super) fn is_shut(&self) -> bool {
        self.stages.iter().any(|stage| matches!(stage, Stage::Limit(0)))
    }

    /// What is to be returned for an entry; `None` when a stage holds it back. `stored` is the
    /// row's value, if it is known.
    #[inline(always)]
    pub(super) fn pass<O: Output<T>>(
        &mut self,
        state: ScanState<'_>,
        key: &[u8],
        primary_key: &[u8],
        stored: Option<StoredValue<'_>>,
    ) -> Result<Option<O::Item>, Trouble> {
        for at in 0..self.stages.len() {
            match &mut self.stages[at] {
                Stage::Skip(0) => {}
                Stage::Skip(count) => {
                    *count -= 1;
                    return Ok(None);
                }
                Stage::Limit(count) => *count = count.saturating_sub(1),
                Stage::Filter(_) => {
                    let Some(row) = self.filter(at, state, primary_key, stored)? else { return Ok(None) };
                    return O::make(self.shown::<O>(key, primary_key), primary_key, || Ok(row)).map(Some);
                }
            }
        }
        let key = self.shown::<O>(key, primary_key);
        O::make(key, primary_key, || self.info.read_row::<T>(state, primary_key, stored)).map(Some)
    }

    /// The key that the output has for the one that the scan goes by.
    #[inline(always)]
    fn shown<'k, O: Output<T>>(&self, key: &'k [u8], primary_key: &'k [u8]) -> &'k [u8] {
        if self.forgets_key && !O::IS_INNER { primary_key } else { key }
    }

    /// The row of an entry, if it comes through the stages from a filter on.
    ///
    /// It is a call: scans without a filter are the most frequent, and their way has no row to be
    /// kept.
    #[inline(never)]
    fn filter(
        &mut self,
        from: usize,
        state: ScanState<'_>,
        primary_key: &[u8],
        stored: Option<StoredValue<'_>>,
    ) -> Result<Option<T>, Trouble> {
        let row = self.info.read_row::<T>(state, primary_key, stored)?;
        for stage in &mut self.stages[from..] {
            match stage {
                Stage::Skip(0) => {}
                Stage::Skip(count) => {
                    *count -= 1;
                    return Ok(None);
                }
                Stage::Limit(count) => *count = count.saturating_sub(1),
                Stage::Filter(keep) => {
                    if !keep(&row) {
                        return Ok(None);
                    }
                }
            }
        }
        Ok(Some(row))
    }
}

impl TableInfo {
    /// The row of a primary key, of its value if that is known.
    #[inline(always)]
    fn read_row<T: Table>(
        &self,
        state: ScanState<'_>,
        primary_key: &[u8],
        stored: Option<StoredValue<'_>>,
    ) -> Result<T, Trouble> {
        match stored {
            Some(StoredValue::Here(bytes)) => row::open(bytes).map_err(Trouble::Fault),
            stored => self.fetch_row(state, primary_key, stored),
        }
    }

    /// The same for a row that is not at hand. It is a call, so that the frame of a scan that has
    /// its rows at hand holds no key to be looked up.
    #[inline(never)]
    fn fetch_row<T: Table>(
        &self,
        state: ScanState<'_>,
        primary_key: &[u8],
        stored: Option<StoredValue<'_>>,
    ) -> Result<T, Trouble> {
        if let Some(value) = stored {
            return Ok(row::open(&value.load()?)?);
        }
        let key = self.key_of_row(primary_key);
        let row = state.reader().get(key.finish()?, row::open::<T>)?;
        Ok(row.ok_or(Trouble::NoRow)??)
    }

    /// The engine's key of the row with a primary key.
    pub(in crate::table) fn key_of_row(&self, primary_key: &[u8]) -> KeyWriter {
        let mut key = KeyWriter::new(&self.rows.prefix());
        key.push(primary_key);
        key
    }
}
