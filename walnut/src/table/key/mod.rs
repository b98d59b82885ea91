//! Keys: values whose encoding sorts as they do.
//!
//! The law, which holds for every implementation of [`Key`]:
//!
//! 1. *injective*: two different values have different encodings;
//! 2. *prefix-free*: no encoding is a prefix of another one, so parts of a composite key need no
//!    separator;
//! 3. *ordered*: encodings compare bytewise as the values compare.
//!
//! Every encoding is canonical too: decoding accepts exactly the bytes that encoding writes.
//! [`Key`] has the table of encodings; each file here draws its own. This module does not name the
//! index that a key belongs to.

mod borrowed;
mod codec;
mod escape;
mod folding;
#[cfg(any(feature = "time", feature = "chrono", feature = "jiff"))]
mod foreign;
mod fuzz;
mod generated;
mod net;
mod no_case;
mod number;
mod option;
mod range;
mod reverse;
mod scaled;
mod shape;
mod simple;
mod text;
mod time;
mod tuple;

#[cfg(test)]
mod tests;

pub(super) use codec::Edge;
pub(crate) use codec::KeyBytes;
pub use codec::{KeyReader, KeyWriter, MAX_KEY_SIZE};
#[cfg(feature = "parts")]
pub use codec::{decode_key, encode_key};
pub use fuzz::fuzz;
pub use generated::{Generated, KeyGenerator};
pub use no_case::{CaseFold, NoCase};
pub use range::{AscendingKey, DescendingKey, KeyBound, KeyRangeArg};
pub(super) use reverse::inverted;
pub use scaled::{FixedPointKey, Scaled};
pub(super) use shape::KeyFit;
pub use shape::{KeyShape, KeyShapePart};

use crate::error::Fault;

/// For a type that is passed as it is where a single key is wanted: the two items that say so.
macro_rules! by_value {
    () => {
        type Ref<'a> = Self;

        fn encode_ref(point: &Self, out: &mut KeyWriter) {
            point.encode(out);
        }
    };
}
use by_value;

/// A type that can be a primary key or be indexed: its encoding compares bytewise as its values do.
///
/// Implemented for the types that databases are keyed by, for tuples and `Option`s of them, and by
/// [`#[derive(Key)]`](derive@crate::Key) for newtypes, fieldless enums and structs of keys.
///
/// # How they are stored
///
/// These bytes are on disk, so they never change. Numbers stand with the most significant byte
/// first.
///
/// | type | encoding | order |
/// |---|---|---|
/// | `()` | nothing | |
/// | `bool` | `00` or `01` | `false < true` |
/// | `char` | its number as a `u32` | by number |
/// | `u8` .. `u128` | 1 to 16 bytes | by number |
/// | `i8` .. `i128` | the same with the sign bit flipped | by number |
/// | `NonZero` of these | the number | by number |
/// | `f32`, `f64` | 4 or 8 bytes; the sign bit flipped, or every bit of a negative one | [`total_cmp`](f64::total_cmp): `-0.0 < 0.0`, NaNs at both ends |
/// | `String`, `Box<str>`, `Arc<str>`, `Cow<'static, str>`, `Vec<u8>` | the bytes with each `00` as `00 ff`, then `00 00` | bytewise: `"a" < "a\0" < "ab"` |
/// | `[u8; N]`, `Uuid` | the bytes | bytewise |
/// | `Option<K>` | `00`, or `01` and the key | `None` first |
/// | tuples of 1 to 8 keys | the parts, one after the other | by the first part that differs |
/// | `Duration` | seconds as a `u64`, nanoseconds as a `u32` | by length |
/// | `SystemTime` | seconds since the Unix epoch, rounded down, as an `i64`, and nanoseconds as a `u32` | by time |
/// | `Ipv4Addr`, `Ipv6Addr` | 4 or 16 bytes | bytewise |
/// | `SocketAddrV4` | address, port as a `u16` | by address, then port |
/// | `SocketAddrV6` | address, port as a `u16`, flow and scope as `u32` | in this order |
/// | `IpAddr`, `SocketAddr` | `04` or `06`, then the address | version 4 first |
/// | `Reverse<K>` | the key with every bit inverted | the other way round; a part with `desc` |
/// | [`NoCase`] | the folded text | an index with `nocase` |
///
/// With the features of these names, the dates, times and spans of the crates `time`, `chrono` and
/// `jiff` are keys, and with `rust_decimal` its `Decimal` in an index with `scale = N`. Moments
/// with an offset compare by the moment alone, and come back in UTC.
///
/// `usize` and `isize` are no keys: their size differs from machine to machine.
///
/// # By hand
///
/// A type of one's own implements it by putting together what is there. The three laws at the head
/// of this module are the implementer's promise; a wrong order makes wrong ranges.
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
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key",
    label = "this type has no order on disk",
    note = "keys are `bool`, `char`, `u8` to `u128`, `i8` to `i128`, `NonZero` of these, `f32`, `f64`, `String` and other text, \
            `Vec<u8>`, `[u8; N]`, `Uuid`, times, addresses, and `Option`s and tuples of keys",
    note = "for a collection: `#[index(each)]` indexes each of its elements",
    note = "for a type of your own, also within an `Option` or a tuple: `#[derive(walnut::Key)]` on a newtype, a fieldless enum or a \
            struct of keys",
    note = "instead of `usize` and `isize`, whose size differs from machine to machine, take `u64` and `i64`"
)]
pub trait Key: Sized + Send + Sync + 'static {
    /// How a single key is passed to `get`, `all`, `remove`: numbers by value, `&str` for a
    /// `String`.
    type Ref<'a>;

    /// Whether equal values always have equal encodings and the other way round, so that the type
    /// may be a primary key or stand in a unique index. Not so for floating-point numbers.
    const EXACT: bool = true;

    /// Whether a value may be missing, as that of an `Option` may, or one of several parts.
    const OPTIONAL: bool = false;

    /// How keys of this type are encoded: the catalog keeps it, so that a type that changed is
    /// noticed. By default it is not known.
    fn key_shape() -> KeyShape {
        KeyShape::custom()
    }

    /// Adds the encoding of this value.
    fn encode(&self, out: &mut KeyWriter);

    /// Adds the encoding of a value that is given as a [`Ref`](Key::Ref): the same bytes as
    /// [`encode`](Key::encode).
    fn encode_ref(point: &Self::Ref<'_>, out: &mut KeyWriter);

    /// Decodes a value; `input` may be damaged, which is an error and never a panic.
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
    label = "`prefix` is for several columns",
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
    label = "`starts_with` is for text and bytes",
    note = "`starts_with` exists where the next column is a `String`, a `Vec<u8>` or a kin of these; use `range` here"
)]
pub trait TextKey: Key {
    /// Adds the beginning that all encodings of values share that begin with `text`.
    fn encode_start(text: &Self::Ref<'_>, out: &mut KeyWriter);
}

/// A key that begins with text: text itself, or several parts of which the first is text. A
/// [`TextKey`] by hand is one when that is said:
/// `impl BeginsWithText for Label { type Text = Label; }`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not begin with text, so nothing starts with it",
    label = "`starts_with` is for text and bytes",
    note = "`starts_with` exists where the next column is a `String`, a `Vec<u8>` or a kin of these; use `range` here, or `prefix` for \
            the columns before it"
)]
pub trait BeginsWithText: Key {
    /// The text.
    type Text: TextKey;
}
