//! Keys: values whose encoding sorts as they do.
//!
//! The law, which holds for every implementation of [`Key`]:
//!
//! 1. *injective*: two different values have different encodings;
//! 2. *prefix-free*: no encoding is the beginning of another one, so parts of a composite key need no separator;
//! 3. *ordered*: encodings compare bytewise as the values compare.

mod codec;
mod range;

pub use codec::{KeyReader, KeyWriter, MAX_KEY_SIZE};
pub use range::{Point, RangeOver};

use crate::error::Fault;

/// A type that can be a primary key or be indexed: its encoding compares bytewise as its values do.
///
/// Implemented for the types that databases are keyed by, for tuples and `Option`s of them, and by
/// [`#[derive(Key)]`](derive@crate::Key) for newtypes, fieldless enums and structs of keys.
///
/// # By hand
///
/// A type of one's own implements it by putting together what is there. The three laws at the head of this
/// module are the implementer's promise; a wrong order gives wrong ranges.
///
/// ```
/// use walnut::{Fault, Key, KeyReader, KeyWriter};
///
/// /// A version that sorts by major, then by minor number.
/// #[derive(Clone, Copy, Debug, PartialEq)]
/// struct Version { major: u16, minor: u16 }
///
/// impl Key for Version {
///     type Ref<'a> = Version;
///     fn encode(&self, out: &mut KeyWriter) {
///         self.major.encode(out);
///         self.minor.encode(out);
///     }
///     fn encode_ref(point: &Version, out: &mut KeyWriter) {
///         point.encode(out);
///     }
///     fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
///         Ok(Version { major: Key::decode(input)?, minor: Key::decode(input)? })
///     }
/// }
/// ```
pub trait Key: Sized + Send + Sync + 'static {
    /// How a single key is passed to `get`, `all`, `remove`: numbers by value, `&str` for a `String`.
    type Ref<'a>;

    /// Whether equal values always have equal encodings and the other way round, so that the type may be a primary
    /// key or stand in a unique index. Not so for floating-point numbers.
    const EXACT: bool = true;

    /// Adds the encoding of this value.
    fn encode(&self, out: &mut KeyWriter);

    /// Adds the encoding of a value that is given as a [`Ref`](Key::Ref): the same bytes as [`encode`](Key::encode).
    fn encode_ref(point: &Self::Ref<'_>, out: &mut KeyWriter);

    /// Reads a value back; what stands in `input` may be damaged, which is an error and never a panic.
    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault>;

    /// Passes over a value without building it.
    fn skip(input: &mut KeyReader<'_>) -> Result<(), Fault> {
        Self::decode(input).map(drop)
    }

    /// Whether this is a missing value, of which a unique index may hold any number.
    fn is_none(&self) -> bool {
        false
    }

    /// [`is_none`](Key::is_none) of a value that is given as a [`Ref`](Key::Ref).
    fn ref_is_none(_point: &Self::Ref<'_>) -> bool {
        false
    }
}

/// A key of several parts, which can be searched by the first of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is a key of one part, so it has no prefix",
    note = "`prefix` exists on indexes of several columns, such as `#[index(city_age = (city, age))]`"
)]
pub trait Composite: Key {
    /// The first part.
    type First: Key;
    /// The parts after it: a key itself.
    type Rest: Key;
}

/// A key of text or bytes, which can be searched by how it begins.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not text, so nothing starts with it",
    note = "`starts_with` exists on indexes of `String` and `Vec<u8>`; use `range` here"
)]
pub trait TextKey: Key {
    /// Adds the beginning that all encodings of values share that begin with `text`.
    fn encode_start(text: &Self::Ref<'_>, out: &mut KeyWriter);
}
