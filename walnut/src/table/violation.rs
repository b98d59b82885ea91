//! What a violation says about the row that owns the value.

use super::key::{Key, KeyReader};
use super::{IndexName, Table};
use crate::error::UniqueViolation;

impl UniqueViolation {
    /// The primary key of the row that owns the value; `None` when this is a violation of another table than `T`'s.
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
