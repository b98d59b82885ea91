//! Transactions over the engine: reads of one state, writes of one's own, a commit that is all or nothing.

mod transaction;

pub(crate) use transaction::{Transaction, transact};
