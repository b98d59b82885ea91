//! Why a scan cannot return an entry.

use super::layout::Target;
use crate::error::{Error, Fault, FindingKind};
use crate::table::catalog::TableInfo;

/// Why an entry cannot be returned.
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
