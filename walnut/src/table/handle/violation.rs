//! The rows that violations and findings of `verify` name.

use crate::error::{Finding, UniqueViolation};
use crate::table::key::{Key, KeyReader};
use crate::table::{IndexName, Table};

impl UniqueViolation {
    /// The primary key of the row that owns the value; `None` when this is a violation of another
    /// table than `T`'s.
    pub fn owner<T: Table>(&self) -> Option<T::PrimaryKey> {
        if self.table != T::SCHEMA.name {
            return None;
        }
        T::PrimaryKey::decode(&mut KeyReader::new(&self.owner)).ok()
    }

    /// Whether it is this index that the value exists in: `violation.is(User::ix().email)`.
    pub fn is(&self, index: IndexName) -> bool {
        self.table == index.table && self.index == index.index
    }
}

impl Finding {
    /// The primary key of the row that it is about; `None` if that is not known, or for another
    /// table than `T`'s.
    pub fn primary_key<T: Table>(&self) -> Option<T::PrimaryKey> {
        if self.table != T::SCHEMA.name {
            return None;
        }
        T::PrimaryKey::decode(&mut KeyReader::new(&self.primary_key)).ok()
    }
}
