//! The derive macros of Walnut: [`Table`] for the rows of a table, [`Key`](macro@Key) for types that rows are found by.
//!
//! Take them from `walnut`, which exports them beside the traits that they implement.
//!
//! ```text
//! lib ── expand ── plan ── check ── ast ── attr ── diag
//!  │       │                 │       │      │       └ faults, collected; what a word was meant to be
//!  │       │                 │       │      └ the attributes, word for word
//!  │       │                 │       └ the struct as it is written          (key: the same for a key, with its rules)
//!  │       │                 └ the rules
//!  │       └ the emitted code: handles and names of indexes, key and row codec, schema; a stand-in after a fault
//!  └ the grammar, documented
//! ```
//!
//! 1. Reading never stops at a fault: all faults of a struct are told at once, each under its smallest token.
//! 2. After a fault the trait is implemented all the same, so that code which uses the type has no errors of its own.
//! 3. Emitted code names nothing but `::core` and `walnut::__private`.
//!
//! The types of fields are not known here. What must hold of them, the emitted code asks of the compiler.

mod ast;
mod attr;
mod check;
mod diag;
mod expand;
#[cfg(test)]
mod golden;
mod key;
mod plan;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct a table.
///
/// The struct has named fields, and serde's `Serialize` and `Deserialize` besides; in these the row is stored. A field
/// by which rows are found is a [`Key`](macro@Key).
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use walnut::Table;
///
/// #[derive(Table, Serialize, Deserialize)]
/// #[table(name = "users")]
/// #[index(city_age = (city, age))]
/// #[index(login = (tenant, email), unique)]
/// struct User {
///     #[primary_key]
///     id: u64,
///     #[index(unique)]
///     email: String,
///     #[index]
///     age: u8,
///     #[index(unique)]
///     phone: Option<String>,
///     city: String,
///     tenant: u32,
/// }
///
/// let indexes = <User as walnut::TableMapper>::SCHEMA.indexes.iter().map(|index| index.name);
/// assert!(indexes.eq(["city_age", "login", "email", "age", "phone"]));
/// assert_eq!(User::ix().login.index, "login");
/// ```
///
/// # On the struct
///
/// | attribute | meaning |
/// |---|---|
/// | `#[table(name = "users")]` | the table's name on disk; the struct's name when left out. 1 to 64 bytes, no control characters |
/// | `#[table(primary_key = (tenant, id))]` | a primary key of two to eight columns, in this order |
/// | `#[table(version = 2)]` | the version of the row's layout, 1 when left out: each row carries it |
/// | `#[table(migrate_from = UserV1)]` | the struct of the layout before, of which this one is made by `From` or `TryFrom` |
/// | `#[table(history)]` | a layout of the past: it reads rows for a newer struct, and cannot be opened itself |
/// | `#[table(crate = path)]` | where the crate `walnut` is, when it is not at `::walnut` |
/// | `#[index(city_age = (city, age))]` | an index of two to eight columns, in this order |
/// | `#[index(login = (tenant, email), unique)]` | the same, and no two rows have these values |
///
/// # On a field
///
/// | attribute | meaning |
/// |---|---|
/// | `#[primary_key]` | this field is the primary key |
/// | `#[index]` | an index that is called as the field is |
/// | `#[index(unique)]` | the same, and no two rows have this value; a `None` does not count |
///
/// A field has one `#[index]`; it may stand in any number of indexes of several columns besides. Each index has a name
/// of its own, and none is called `primary_key`, which is the primary key's name where an index is named.
///
/// The indexes are numbered, in the schema, from those of the struct on, as they are written, to those of the fields.
/// A name is the same with and without `r#`: `r#type` is the index `type` on disk, and `by().r#type` in Rust.
///
/// # Beside another derive
///
/// Where another derive has attributes of these names, they are written within `#[walnut(..)]`. A word that a struct
/// writes so, anywhere, leaves its short form to the other derive on the whole struct.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use walnut::Table;
/// #[derive(Table, Serialize, Deserialize)]
/// #[walnut(table(name = "users"), index(city_age = (city, age)))]
/// struct User {
///     #[walnut(primary_key)]
///     id: u64,
///     #[walnut(index(unique))]
///     email: String,
///     city: String,
///     age: u8,
/// }
/// ```
///
/// # Types
///
/// Parameters of types and constants are fine, with bounds, defaults and where clauses; a field of a parameter's type by
/// which rows are found makes that parameter a key. A lifetime is refused: a row is read from disk and owns its data.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use walnut::Table;
/// #[derive(Table, Serialize, Deserialize)]
/// struct Measured<K, V> {
///     #[primary_key]
///     id: K,
///     #[index]
///     height: f64,
///     value: V,
/// }
/// # fn is_table<T: Table>() {}
/// # is_table::<Measured<u64, String>>();
/// ```
///
/// A floating-point number can be indexed, but it cannot stand in a primary key or a unique index: two numbers may be
/// equal and not the same. Of a type with parameters this is found where the parameters are given.
///
/// ```compile_fail,E0080
/// # use serde::{Deserialize, Serialize};
/// # use walnut::Table;
/// #[derive(Table, Serialize, Deserialize)]
/// struct Measured {
///     #[primary_key]
///     height: f64,
/// }
/// ```
///
/// The struct, its fields and their types may have any visibility, but for one thing: the type of the primary key is seen
/// by whoever sees the struct.
#[proc_macro_derive(Table, attributes(table, primary_key, index, walnut))]
pub fn table(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::table(&input).into()
}

/// Makes a type a key: something to be a primary key, or to be indexed.
///
/// | type | stored as |
/// |---|---|
/// | a struct of one field | that field: `UserId(7)` has the bytes of `7` |
/// | a struct of several keys | its fields, one after the other; they compare in the order in which they are written |
/// | an enum without fields | its discriminant, as the eight bytes of an `i64`, whatever its `#[repr(..)]` |
///
/// ```
/// use walnut::Key;
///
/// #[derive(Key)]
/// struct UserId(u64);
///
/// #[derive(Key)]
/// struct Place<K> {
///     country: String,
///     region: K,
/// }
///
/// #[derive(Key)]
/// enum Kind {
///     Guest = 10,
///     Member = 20,
///     Admin = 30,
/// }
/// ```
///
/// # Enums
///
/// Variants are ordered by their discriminants, and a stored discriminant that no variant has any more is damage. So
/// give the discriminants when the enum may change: without them, a variant put before others renumbers those.
///
/// `derive(PartialOrd)` orders an enum's variants as they are written, whatever their discriminants are. Where the two
/// orders differ, ranges and scans follow the discriminants.
///
/// # Attributes
///
/// `#[walnut(crate = path)]` says where the crate `walnut` is, when it is not at `::walnut`. A field and a variant have no
/// attributes.
///
/// # What it is passed as
///
/// Where a point is wanted, in `get` or `all`, a derived key is passed by value.
///
/// A key with a part that [misses](https://docs.rs/walnut/latest/walnut/trait.Key.html#method.is_none), such as a `None`, is a
/// missing value as a whole; a unique index takes any number of these. A key is exact, so that it may be a primary key or
/// unique, when all of its parts are.
#[proc_macro_derive(Key, attributes(walnut))]
pub fn key(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::key(&input).into()
}
