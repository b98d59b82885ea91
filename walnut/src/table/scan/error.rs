//! Errors of the entries of a scan, and their public form.

use super::layout::Target;
use crate::error::{Error, Fault, FindingKind};
use crate::table::catalog::TableInfo;

/// Why an entry cannot be returned.
pub(super) enum ScanError {
    /// Its row or its key cannot be decoded.
    Fault(Fault),
    /// There is no row with its primary key.
    NoRow,
    Error(Error),
}

impl ScanError {
    /// The public error for an entry of the target with this primary key.
    #[cold]
    #[inline(never)]
    pub(super) fn error(self, info: &TableInfo, target: Target, primary_key: &[u8]) -> Error {
        match (self, target) {
            (Self::Error(error), _) => error,
            (Self::NoRow, Target::Index(index)) => {
                info.finding(FindingKind::StrayEntry, Some(index), primary_key).into_error()
            }
            (Self::NoRow, Target::Rows) => Error::NotFound,
            (Self::Fault(fault), _) => info.unreadable(primary_key, fault),
        }
    }
}

impl From<Fault> for ScanError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Error> for ScanError {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}
