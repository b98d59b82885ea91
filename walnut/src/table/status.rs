//! What each index of a table is good for, as programs see it.

use super::catalog::{BuiltState, TableInfo};
use super::key::{Key, KeyReader};
use super::mapper::TableMapper;
use crate::error::Fault;

/// An index of a table and its state;
/// [`DefaultTable::index_status`](crate::DefaultTable::index_status) gives them.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct IndexStatus<K> {
    /// The index's name.
    pub name: &'static str,
    /// What it is good for.
    pub state: IndexState<K>,
}

/// What an index is good for. `K` is the primary key of its table.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum IndexState<K> {
    /// It has an entry for each row that asks for one.
    Readable,
    /// It was added to a table that has rows, and is being built: rows that are written are
    /// entered, and who asks it waits.
    Building {
        /// How many rows have been looked at; [`len`](crate::DefaultTable::len) says how many there
        /// are.
        row_count: u64,
    },
    /// The state that a snapshot reads does not have it: it was added or built later, or was off.
    Absent,
    /// It is unique, and rows have the same value: it cannot be asked. It still refuses a value
    /// that another row has, so that there are never more such rows. It is built anew when the
    /// database is opened the next time.
    Off {
        /// The first pairs of rows that have one value, by their primary keys. There may be more.
        duplicates: Vec<(K, K)>,
    },
}

/// The state of each index, in the order of the struct.
pub(super) fn of<T: TableMapper>(info: &TableInfo) -> Result<Vec<IndexStatus<T::PrimaryKey>>, Fault> {
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
