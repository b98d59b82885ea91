//! The stages of a scan, skip, limit and filter, and the row where one is needed.

use super::layout::ScanError;
use super::output::Output;
use crate::engine::StoredValue;
use crate::error::Result;
use crate::table::catalog::TableInfo;
use crate::table::key::KeyWriter;
use crate::table::row;
use crate::table::schema::mapper::Table;
use crate::txn::ScanState;

pub(super) enum ScanStage<'a, T> {
    /// The number of entries still to be skipped.
    Skip(u64),
    /// The number of entries that may still be returned.
    Limit(u64),
    Filter(Box<dyn FnMut(&T) -> bool + Send + 'a>),
}

impl<T> ScanStage<'_, T> {
    /// The same stage for another scan: a count is copied, a filter is borrowed.
    pub(super) fn lend(&mut self) -> ScanStage<'_, T> {
        match self {
            Self::Skip(count) => ScanStage::Skip(*count),
            Self::Limit(count) => ScanStage::Limit(*count),
            Self::Filter(keep) => ScanStage::Filter(Box::new(|row| keep(row))),
        }
    }
}

/// The stages between an entry and the caller.
pub(super) struct ScanStages<'w, 'a, T> {
    pub(super) info: &'w TableInfo,
    pub(super) stages: &'w mut [ScanStage<'a, T>],
    pub(super) shows_primary_key: bool,
}

impl<T: Table> ScanStages<'_, '_, T> {
    /// Whether a limit is used up.
    #[inline]
    pub(super) fn is_exhausted(&self) -> bool {
        self.stages.iter().any(|stage| matches!(stage, ScanStage::Limit(0)))
    }

    /// The item for an entry; `None` if a stage drops it. `stored` is the row's value, if it is
    /// known.
    #[inline(always)]
    pub(super) fn apply<O: Output<T>>(
        &mut self,
        state: ScanState<'_>,
        key: &[u8],
        primary_key: &[u8],
        stored: Option<StoredValue<'_>>,
    ) -> Result<Option<O::Item>, ScanError> {
        for at in 0..self.stages.len() {
            match &mut self.stages[at] {
                ScanStage::Skip(0) => {}
                ScanStage::Skip(count) => {
                    *count -= 1;
                    return Ok(None);
                }
                ScanStage::Limit(count) => *count = count.saturating_sub(1),
                ScanStage::Filter(_) => {
                    let Some(row) = self.filter(at, state, primary_key, stored)? else { return Ok(None) };
                    return O::make(self.shown::<O>(key, primary_key), primary_key, || Ok(row)).map(Some);
                }
            }
        }
        let key = self.shown::<O>(key, primary_key);
        O::make(key, primary_key, || self.info.read_row::<T>(state, primary_key, stored)).map(Some)
    }

    #[inline(always)]
    fn shown<'k, O: Output<T>>(&self, key: &'k [u8], primary_key: &'k [u8]) -> &'k [u8] {
        if self.shows_primary_key && !O::IS_INNER { primary_key } else { key }
    }

    /// The row of an entry, if it passes the stages from a filter on.
    ///
    /// Not inlined: most scans have no filter, and their path keeps no row.
    #[inline(never)]
    fn filter(
        &mut self,
        from: usize,
        state: ScanState<'_>,
        primary_key: &[u8],
        stored: Option<StoredValue<'_>>,
    ) -> Result<Option<T>, ScanError> {
        let row = self.info.read_row::<T>(state, primary_key, stored)?;
        for stage in &mut self.stages[from..] {
            match stage {
                ScanStage::Skip(0) => {}
                ScanStage::Skip(count) => {
                    *count -= 1;
                    return Ok(None);
                }
                ScanStage::Limit(count) => *count = count.saturating_sub(1),
                ScanStage::Filter(keep) => {
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
    /// Decodes the row of a primary key, whose value is `stored` if it is known.
    #[inline(always)]
    fn read_row<T: Table>(
        &self,
        state: ScanState<'_>,
        primary_key: &[u8],
        stored: Option<StoredValue<'_>>,
    ) -> Result<T, ScanError> {
        match stored {
            Some(StoredValue::Here(bytes)) => row::open(bytes).map_err(ScanError::Fault),
            stored => self.fetch_row(state, primary_key, stored),
        }
    }

    /// Not inlined, so that the frame of a scan whose values are at hand holds no lookup key.
    #[inline(never)]
    fn fetch_row<T: Table>(
        &self,
        state: ScanState<'_>,
        primary_key: &[u8],
        stored: Option<StoredValue<'_>>,
    ) -> Result<T, ScanError> {
        if let Some(value) = stored {
            return Ok(row::open(&value.load()?)?);
        }
        let key = self.key_of_row(primary_key);
        let row = state.reader().get(key.finish()?, row::open::<T>)?;
        Ok(row.ok_or(ScanError::NoRow)??)
    }

    pub(in crate::table) fn key_of_row(&self, primary_key: &[u8]) -> KeyWriter {
        let mut key = KeyWriter::new(&self.rows.prefix());
        key.push(primary_key);
        key
    }
}
