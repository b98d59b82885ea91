//! What derived code speaks of, and nothing else. No promise is made about these names.

pub use serde::Serialize;
pub use serde::de::DeserializeOwned;
pub use std::vec::Vec;

pub use crate::error::{Fault, Result};
pub use crate::table::derived::{
    Part, decode_part, encode_key, encode_part, index_part, key_is_exact, part_is_exact, part_is_none,
    skip_part,
};
pub use crate::table::row::{decode as decode_row, encode as encode_row, migrate as migrate_row};
pub use crate::table::schema::assert_layout;
pub use crate::table::{
    Access, DefaultTable, FieldSchema, Index, IndexEntries, IndexName, IndexSchema, Key, KeyReader,
    KeyWriter, TableMapper, TableSchema, Unique,
};
