//! The state of each index of a table, as programs see it.

use super::{BuiltState, TableInfo};
use crate::error::Fault;
use crate::table::key::{Key, KeyReader};
use crate::table::schema::mapper::Table;

/// An index of a table and its state;
/// [`DefaultTable::index_status`](crate::DefaultTable::index_status) returns them.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct IndexStatus<K> {
    /// The index's name.
    pub name: &'static str,
    /// Its state.
    pub state: IndexState<K>,
}

/// The state of an index. `K` is the primary key of its table.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum IndexState<K> {
    /// It has an entry for each row that has to have one.
    Readable,
    /// It was added to a table that has rows, and is being built: rows that are written are
    /// entered, and a reader of the index waits.
    Building {
        /// The number of rows that have been entered; [`len`](crate::DefaultTable::len) returns the
        /// number of rows in the table.
        row_count: u64,
    },
    /// The snapshot that is read does not have it: it was added or built later, or was off.
    Absent,
    /// It is unique, and rows have the same value: it cannot be read. It still refuses a value that
    /// another row has, so that there are never more such rows. It is built anew when the database
    /// is opened the next time.
    Off {
        /// The first pairs of rows that have one value, by their primary keys. There may be more.
        duplicates: Vec<(K, K)>,
    },
}

pub(in crate::table) fn of<T: Table>(info: &TableInfo) -> Result<Vec<IndexStatus<T::PrimaryKey>>, Fault> {
    let key = |bytes: &[u8]| T::PrimaryKey::decode(&mut KeyReader::new(bytes));
    let statuses = info.schema.indexes.iter().zip(&info.indexes).map(|(schema, index)| {
        let state = match index.built() {
            Some(BuiltState::Readable { .. }) => IndexState::Readable,
            Some(BuiltState::Absent) => IndexState::Absent,
            None => IndexState::Building { row_count: info.built_count() },
            Some(BuiltState::Off { duplicates }) => {
                let pairs = duplicates.iter().map(|pair| Ok((key(&pair.first)?, key(&pair.second)?)));
                IndexState::Off { duplicates: pairs.collect::<Result<_, Fault>>()? }
            }
        };
        Ok(IndexStatus { name: schema.name, state })
    });
    statuses.collect()
}
