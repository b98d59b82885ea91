//! The derive macros of Walnut: [`Table`] for the rows of a table, [`Key`](macro@Key) for types that rows are found by.
//!
//! Take them from `walnut`, which exports them beside the traits that they implement.
//!
//! ```text
//! lib ── expand ── plan ── part ── check ── ast ── attr ── diag
//!  │       │         │      │       │       │      │       └ faults, collected; what a word was meant to be
//!  │       │         │      │       │       │      └ the attributes, word for word
//!  │       │         │      │       │       └ the struct as it is written      (key: the same for a key, with its rules)
//!  │       │         │      │       └ the rules
//!  │       │         │      └ what an index stores of a column, as types
//!  │       │         └ what is to be emitted, with every name resolved
//!  │       └ the emitted code: handles and names of indexes, key and row codec, schema; a stand-in after a fault
//!  └ the grammar, documented
//! ```
//!
//! 1. Reading never stops at a fault: all faults of a struct are reported at once, each under its smallest token.
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
mod nested;
mod part;
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
/// | `#[index(recent = (tenant, desc(created)))]` | a column may descend, and be stored otherwise: `nocase(name)`, `each(tags)`, `scale(price, 2)` |
/// | `#[index(domain: String = User::domain)]` | an index that is computed from the row |
///
/// # On a field
///
/// | attribute | meaning |
/// |---|---|
/// | `#[primary_key]` | this field is the primary key |
/// | `#[primary_key(auto)]` | the same, and [`insert_new`](https://docs.rs/walnut/latest/walnut/struct.DefaultTable.html#method.insert_new) makes the key: a number that never comes twice, or a `Uuid` of version 7 |
/// | `#[index]` | an index that is called as the field is |
/// | `#[table(skip)]` | the field is not stored; it needs `#[serde(skip)]`, too |
///
/// A field has one `#[index]`; it may be a column of any number of indexes besides. Each index has a name
/// of its own, and none is called `primary_key`, which is the primary key's name where an index is named.
///
/// The indexes are numbered, in the schema, from those of the struct on, as they are written, to those of the fields.
/// A name is the same with and without `r#`: `r#type` is the index `type` on disk, and `by().r#type` in Rust.
///
/// # The words of an index
///
/// They are written in `#[index(..)]`: on a field, behind the columns of an index on the struct, or behind a function.
///
/// | word | meaning | cost |
/// |---|---|---|
/// | `unique` | no two rows have this value; a `None` does not count | a look-up when the value changes |
/// | `each` | one entry for each distinct element of a `Vec`, an array, a set or an `Option` | an entry written for each element that comes or goes |
/// | `nocase` | text is found whatever its case is | the text is folded when it is written and when it is sought; an allocation where that changes it |
/// | `scale = 2` | a `rust_decimal::Decimal`, with so many digits after its point (feature `rust_decimal`) | 16 bytes an entry |
/// | `sparse` | a row in which a part is `None` has no entry | saves that entry; the row is not found by `None` |
/// | `was = "mail"` | the index was called so before; its entries are kept | none |
///
/// `each`, `nocase` and `scale` say how one value is stored. In an index of several columns they are written around the column.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use walnut::{Database, Table};
/// #[derive(Table, Serialize, Deserialize)]
/// #[index(recent = (tenant, desc(created)))]
/// #[index(domain: String = Account::domain)]
/// struct Account {
///     #[primary_key(auto)]
///     id: u64,
///     #[index(nocase, unique)]
///     name: String,
///     #[index(each)]
///     tags: Vec<String>,
///     email: String,
///     tenant: u32,
///     created: i64,
/// }
///
/// impl Account {
///     fn domain(&self) -> Option<String> {
///         self.email.split_once('@').map(|(_, domain)| domain.to_owned())
///     }
/// }
///
/// let accounts = Database::in_memory()?.table::<Account>()?;
/// let id = accounts.insert_new(&Account {
///     id: 0, // any value
///     name: "Ann".into(),
///     tags: vec!["rust".into(), "sql".into()],
///     email: "ann@x.org".into(),
///     tenant: 3,
///     created: 1_700_000_000,
/// })?;
/// let by = accounts.by();
/// assert_eq!(by.name.get("ANN")?.map(|it| it.id), Some(id));
/// assert_eq!(by.tags.all("rust").count()?, 1);
/// assert_eq!(by.domain.all("x.org").count()?, 1);
/// assert_eq!(by.recent.prefix(3).range(1_600_000_000..).count()?, 1);
/// # Ok::<(), walnut::Error>(())
/// ```
///
/// ## Descending columns
///
/// What is put in descends, so that the latest comes first in a scan that goes forward. An index of one column needs none of
/// it: `rev()` costs nothing. A single value is passed as ever. A range of values is given as ever too, from the less to
/// the greater, and what it holds comes in the order of the index. Of several columns of which some descend no range of
/// values is one piece of the index; there the key is written as it is stored, `(7, Reverse(9))..(7, Reverse(3))`.
///
/// ## Text without case
///
/// What is stored is the text folded as Unicode 17.0 says, in full: `"STRASSE"` finds `"Straße"`. What is sought is folded
/// too, and so are the bounds of a range. No language is preferred, and nothing is composed or decomposed. The table of the
/// folding never changes; a character that Unicode takes in later is compared with its case. The row keeps its text;
/// `entries()` returns the folded one, as a `NoCase`.
///
/// ## Missing values
///
/// A `None` in an `Option` field is a value like others: `by().phone.all(None)` finds the rows that have none, and a unique
/// index takes any number of them. With `sparse` these rows have no entry. Where a function computes the index, the type
/// behind the name is that of the value, and a function that returns an `Option` of it leaves the row out with `None`.
///
/// ## Computed indexes
///
/// The function is called with a row whenever one is written or removed. It must return the same for the same row, always:
/// what it returned in an earlier version of the program stays in the index. When it is to return something else, give the index
/// another name, which builds it anew. It reads nothing but the row.
///
/// ## Elements
///
/// With `each`, the entries of one row take at most 16 MiB. A unique index of elements has one owner for each element.
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
/// A floating-point number can be indexed, but it cannot be in a primary key or a unique index: two numbers may be
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
/// A row is stored by serde without the names of its fields. What serde skips is said to the table too, with `#[table(skip)]`;
/// `skip_serializing_if` and `flatten` are refused, because what they write could not be read back.
///
/// ## What is stored is what counts
///
/// A row is stored by serde in postcard, without names and types. The primary key and the index entries of a row are those of the
/// row *as it is read again*: where serde changes a value, as `#[serde(with = ..)]` with whole seconds does, or a newtype that
/// is put into lower case by `#[serde(from = ..)]`, the row is found by what is stored, and two rows collide in a unique index when
/// that is the same. Refused with [`Error::Unstorable`](https://docs.rs/walnut/latest/walnut/enum.Error.html), in every build and
/// before anything is written, is a row
///
/// - that cannot be read again: its types ask serde what the bytes are (`untagged`, `tag`), leave a field
///   out (`skip_serializing_if`), write a map without its length (`flatten`), or refuse the value that they wrote; nor has serde a form
///   for a `SystemTime` before 1970, though it is a key;
/// - that is written in other forms than it is read in, so that it would be misread: `serialize_with`, `into` or
///   `skip_serializing` without their counterparts, `#[serde(skip)]` on a variant in the middle of an enum;
/// - whose primary key would be read as another one.
///
/// `rust_decimal` is stored with its feature `serde-str`.
///
/// A row whose fields are all of these types, with none of serde's attributes but names, `default` and `skip`, is known to
/// come back as it was, and is not read again when it is written: numbers, `bool`, `char`, `String`, `Box<str>`,
/// `Cow<'static, str>`, `Duration`, `SystemTime`, `IpAddr` and its kin, `SocketAddrV4`, `Uuid`, and `Option`, `Box`, `Vec`, arrays,
/// tuples of up to four, and std's collections of these. Any other row, as one with a nested struct or a derived key, is read again with
/// each write, which adds about an eighth to the instructions of an insert or an upsert; so is every row in a build with `debug_assertions`. One thing cannot be seen: a `Serialize` or `Deserialize`
/// of the row's own struct that was written by hand. Of a struct that seems to be known, the first 64 rows after each
/// opening are read again, and [`verify`](https://docs.rs/walnut/latest/walnut/struct.Database.html#method.verify) compares all.
///
/// What serde makes of a row must follow from the row alone, and what it reads from the bytes alone.
///
/// A table is a struct with named fields: a column needs a name. Keys may be tuple structs, see [`Key`](macro@Key).
///
/// The struct, its fields and their types may have any visibility, but for one thing: the type of the primary key is seen
/// wherever the struct is seen.
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

/// Lets indexes of a table reach into a struct: `#[index(city = address.city)]`.
///
/// It goes on the struct that is the type of a field of the table, and makes the types of its fields known. Those of tuples are known, and
/// where the type is written, as in `#[index(city: String = address.city)]`, none has to be.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use walnut::{Database, Nested, Table};
///
/// #[derive(Nested, Serialize, Deserialize)]
/// struct Address {
///     city: String,
///     zip: u32,
/// }
///
/// #[derive(Table, Serialize, Deserialize)]
/// #[index(city = address.city)]
/// #[index(place = (address.zip, desc(at.0)))]
/// struct User {
///     #[primary_key]
///     id: u64,
///     address: Address,
///     at: (i32, i32),
/// }
///
/// let users = Database::in_memory()?.table::<User>()?;
/// users.insert(&User { id: 1, address: Address { city: "Paris".into(), zip: 75001 }, at: (3, 4) })?;
/// assert_eq!(users.by().city.all("Paris").count()?, 1);
/// assert_eq!(users.by().place.prefix(75001).range(..9).count()?, 1);
/// # Ok::<(), walnut::Error>(())
/// ```
///
/// The type of a field may not be more private than the struct. `#[walnut(crate = path)]` says where the crate `walnut` is.
#[proc_macro_derive(Nested, attributes(walnut))]
pub fn nested(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::nested(&input).into()
}
