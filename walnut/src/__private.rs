//! What derived code speaks of, and nothing else. No promise is made about these names.

pub use crate::error::{Fault, Result};
pub use crate::table::row::{decode as decode_row, encode as encode_row};
pub use crate::table::{
    Access, DefaultTable, FieldSchema, Index, IndexEntries, IndexName, IndexSchema, Key, KeyReader,
    KeyWriter, TableMapper, TableSchema, Unique,
};
