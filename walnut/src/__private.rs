//! What derived code speaks of, and nothing else. No promise is made about these names.

pub use serde::Serialize;
pub use serde::de::DeserializeOwned;
pub use std::vec::Vec;

pub use crate::error::{Fault, Result};
pub use crate::table::row::{Lossless, MaybeLossy, Serde, SerdeRow, migrate as migrate_row};
pub use crate::table::schema::assert_layout;
pub use crate::table::schema::derived::{
    IndexColumn, IndexElements, KeyPart, NestedField, column_is_exact, column_is_optional, column_shape,
    decode_part, element_is_exact, element_is_optional, elements_shape, encode_key, encode_part,
    encoding_is_exact, encoding_is_optional, encoding_shape, enum_shape, generated_number, index_column,
    index_computed, index_computed_elements, index_elements, index_part, key_is_exact, part_is_exact,
    part_is_none, part_is_optional, part_shape, skip_column, skip_element, skip_encoding, skip_part,
};
pub use crate::table::schema::encoding::{CaseFolded, Descending, Encoding, FixedPoint, Plain};
pub use crate::table::schema::stand_in::{AnyIndex, AnyKey};
pub use crate::table::shape::RowShape;
pub use crate::table::{
    Access, DefaultTable, Elements, FieldSchema, Generated, GeneratesKey, Index, IndexEntries, IndexName,
    IndexSchema, Key, KeyGenerator, KeyReader, KeyShape, KeyWriter, NoCase, Scaled, Table as TableMapper,
    TableSchema, Unique,
};
