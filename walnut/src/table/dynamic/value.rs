//! Values: what a field holds, without the field's type.

use std::cmp::Ordering;
use std::fmt::{self, Write};

use crate::error::Problem;

/// A value of a row or a key, without its Rust type.
///
/// | Rust | `Value` |
/// |---|---|
/// | `()`, `None` | `Null`; `Some(x)` is `x` |
/// | integers | `Int`; above [`i128::MAX`] `Uint` |
/// | `f32`, `f64` | `F32`, `F64` |
/// | `char`, text | `Text` |
/// | `Vec<u8>`, `[u8; N]`, bytes | `Bytes` |
/// | lists, sets, tuples, arrays | `List` |
/// | structs, maps | `Map`, in their order; the names of fields are `Text` |
/// | a newtype | what it wraps |
/// | an enum | `Text` with the variant's name; with contents, a `Map` of that name to them |
/// | `Uuid`, addresses, `Decimal`, dates, times, spans | `Text` as people write it: `1970-01-01T00:00:00Z`, `1.5s` |
/// | `Option<Option<T>>` | `Some(x)` of the outer one is a `Map` of `Some` to `x` |
///
/// Two values are equal when they have the same kind and the same bits, so a NaN equals itself.
#[derive(Clone)]
#[non_exhaustive]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// An integer.
    Int(i128),
    /// An integer above [`i128::MAX`].
    Uint(u128),
    /// A number of 32 bits.
    F32(f32),
    /// A number of 64 bits.
    F64(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Values one after the other.
    List(Vec<Value>),
    /// Values under keys.
    Map(Vec<(Value, Value)>),
}

impl Value {
    /// A map of names to values: a row, or a struct in one.
    ///
    /// ```
    /// use walnut::dynamic::Value;
    ///
    /// let row = Value::row([("id", Value::from(1)), ("name", "Ann".into())]);
    /// assert_eq!(row.field("name"), Some(&Value::from("Ann")));
    /// ```
    pub fn row<N: Into<String>>(fields: impl IntoIterator<Item = (N, Self)>) -> Self {
        Self::Map(fields.into_iter().map(|(name, value)| (Self::Text(name.into()), value)).collect())
    }

    /// The value under a name in a map; nothing when there is none, or this is no map.
    pub fn field(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => {
                entries.iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// Sets the value under a name in a map, and adds the name when it is missing. Of a value that
    /// is no map, nothing is left.
    pub fn set(&mut self, name: &str, value: impl Into<Self>) {
        let value = value.into();
        if !matches!(self, Self::Map(_)) {
            *self = Self::Map(Vec::new());
        }
        if let Self::Map(entries) = self {
            match entries.iter_mut().find(|(key, _)| key.as_text() == Some(name)) {
                Some((_, old)) => *old = value,
                None => entries.push((Self::Text(name.to_owned()), value)),
            }
        }
    }

    /// The text, if it is text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The integer, if it is one that an `i128` holds.
    pub fn as_int(&self) -> Option<i128> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// Whether it is `Null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// How two values compare: numbers of every kind by their size, text and bytes bytewise, lists
    /// by the first element that differs. `Null` comes first. Nothing for values of kinds that do
    /// not compare, and for maps.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Null, Self::Null) => Some(Ordering::Equal),
            (Self::Null, _) => Some(Ordering::Less),
            (_, Self::Null) => Some(Ordering::Greater),
            (Self::Bool(one), Self::Bool(other)) => Some(one.cmp(other)),
            (Self::Text(one), Self::Text(other)) => Some(one.cmp(other)),
            (Self::Bytes(one), Self::Bytes(other)) => Some(one.cmp(other)),
            (Self::List(one), Self::List(other)) => {
                for (one, other) in one.iter().zip(other) {
                    match one.compare(other)? {
                        Ordering::Equal => {}
                        decided => return Some(decided),
                    }
                }
                Some(one.len().cmp(&other.len()))
            }
            (one, other) => match (one.magnitude()?, other.magnitude()?) {
                (Magnitude::Whole(negative, one), Magnitude::Whole(its, other)) => {
                    Some(match (negative, its) {
                        (true, true) => other.cmp(&one),
                        (true, false) => Ordering::Less,
                        (false, true) => Ordering::Greater,
                        (false, false) => one.cmp(&other),
                    })
                }
                (one, other) => one.float().partial_cmp(&other.float()),
            },
        }
    }

    fn magnitude(&self) -> Option<Magnitude> {
        Some(match self {
            Self::Int(number) => Magnitude::Whole(*number < 0, number.unsigned_abs()),
            Self::Uint(number) => Magnitude::Whole(false, *number),
            Self::F32(number) => Magnitude::Float(f64::from(*number)),
            Self::F64(number) => Magnitude::Float(*number),
            _ => return None,
        })
    }

    /// The kind of the value, with an article, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Uint(_) => "an integer",
            Self::F32(_) | Self::F64(_) => "a number with a point",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

enum Magnitude {
    /// Whether it is negative, and its magnitude.
    Whole(bool, u128),
    Float(f64),
}

impl Magnitude {
    #[expect(clippy::cast_precision_loss, reason = "a comparison with a float is as exact as the float")]
    fn float(&self) -> f64 {
        match self {
            Self::Whole(true, size) => -(*size as f64),
            Self::Whole(false, size) => *size as f64,
            Self::Float(number) => *number,
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(one), Self::Bool(other)) => one == other,
            (Self::Int(one), Self::Int(other)) => one == other,
            (Self::Uint(one), Self::Uint(other)) => one == other,
            (Self::F32(one), Self::F32(other)) => one.to_bits() == other.to_bits(),
            (Self::F64(one), Self::F64(other)) => one.to_bits() == other.to_bits(),
            (Self::Text(one), Self::Text(other)) => one == other,
            (Self::Bytes(one), Self::Bytes(other)) => one == other,
            (Self::List(one), Self::List(other)) => one == other,
            (Self::Map(one), Self::Map(other)) => one == other,
            _ => false,
        }
    }
}

impl Eq for Value {}

impl fmt::Debug for Value {
    /// As a literal, a map in braces.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Uint(value) => value.fmt(f),
            Self::F32(value) => value.fmt(f),
            Self::F64(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
            Self::Bytes(value) => {
                f.write_str("0x")?;
                value.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::List(values) => values.fmt(f),
            Self::Map(entries) => {
                f.debug_map().entries(entries.iter().map(|(key, value)| (key, value))).finish()
            }
        }
    }
}

macro_rules! from_integers {
    ($($int:ident)*) => {$(
        impl From<$int> for Value {
            fn from(value: $int) -> Self {
                Self::Int(i128::from(value))
            }
        }
    )*};
}

from_integers! { u8 u16 u32 u64 i8 i16 i32 i64 i128 }

impl From<u128> for Value {
    fn from(value: u128) -> Self {
        i128::try_from(value).map_or(Self::Uint(value), Self::Int)
    }
}

macro_rules! from_others {
    ($($from:ty => $kind:ident),*) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$kind(value.into())
            }
        }
    )*};
}

from_others! { bool => Bool, f32 => F32, f64 => F64, &str => Text, String => Text, char => Text, Vec<u8> => Bytes, &[u8] => Bytes, Vec<Value> => List }

impl<V: Into<Value>> From<Option<V>> for Value {
    fn from(value: Option<V>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A path in a row, from the inside out.
#[derive(Clone, Copy)]
pub(super) struct ValuePath<'p> {
    above: Option<&'p Self>,
    step: &'p str,
    at: Option<usize>,
}

/// A value that cannot be encoded: where, and why.
pub(super) type Misfit = (String, Problem);

impl<'p> ValuePath<'p> {
    pub(super) fn column(name: &'p str) -> Self {
        Self { above: None, step: name, at: None }
    }

    pub(super) fn field<'q>(&'q self, name: &'q str) -> ValuePath<'q> {
        ValuePath { above: Some(self), step: name, at: None }
    }

    pub(super) fn element(&self, at: usize) -> ValuePath<'_> {
        ValuePath { above: Some(self), step: "", at: Some(at) }
    }

    pub(super) fn depth(&self) -> usize {
        std::iter::successors(Some(self), |path| path.above).count()
    }

    pub(super) fn text(&self) -> String {
        let mut path = self.above.map(Self::text).unwrap_or_default();
        match self.at {
            // Writing to a text does not fail.
            Some(at) => drop(write!(path, "[{at}]")),
            None if path.is_empty() => path.push_str(self.step),
            None => drop(write!(path, ".{}", self.step)),
        }
        path
    }
}
