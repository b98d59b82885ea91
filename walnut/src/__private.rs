//! What derived code speaks of, and nothing else. No promise is made about these names.

pub use serde::Serialize;
pub use serde::de::DeserializeOwned;
pub use std::vec::Vec;

pub use crate::error::{Fault, Result};
pub use crate::table::derived::{
    Made, MadeOfEach, NestedField, Part, counted_key, decode_part, each_is_exact, each_is_optional,
    each_shape, encode_key, encode_part, enum_shape, form_is_exact, form_is_optional, form_shape,
    index_computed, index_each, index_each_computed, index_made, index_part, key_is_exact, made_is_exact,
    made_is_optional, made_shape, part_is_exact, part_is_none, part_is_optional, part_shape, skip_each,
    skip_form, skip_made, skip_part,
};
pub use crate::table::encoding::{CaseFolded, Descending, Encoding, FixedPoint, Plain};
pub use crate::table::row::{Lossless, MaybeLossy, Serde, SerdeRow, migrate as migrate_row};
pub use crate::table::schema::assert_layout;
pub use crate::table::shape::RowShape;
pub use crate::table::stand_in::{AnyIndex, AnyKey};
pub use crate::table::{
    Access, DefaultTable, Elements, FieldSchema, Generated, GeneratesKey, Index, IndexEntries, IndexName,
    IndexSchema, Key, KeyGenerator, KeyReader, KeyShape, KeyWriter, NoCase, Scaled, TableMapper, TableSchema,
    Unique,
};
