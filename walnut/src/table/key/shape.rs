//! The shape of a key: the encoding of a key type, as a value that the catalog stores and compares.
//!
//! ```text
//!   (u64, Option<String>)      Tuple 2 · Unsigned 8 · Option · Text
//! ```
//!
//! 1. Parts are in preorder, so two encodings are the same if their parts are.
//! 2. An encoding by hand is [`KeyShapePart::Custom`]: nothing is known of it.

use serde::{Deserialize, Serialize};

use super::{Key, KeyReader};
use crate::error::Fault;
use crate::table::key::escape;

/// The encoding of a key type.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct KeyShape {
    /// In preorder; never empty.
    parts: Vec<KeyShapePart>,
}

/// A part of a key's shape.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum KeyShapePart {
    /// An implementation by hand.
    Custom,
    /// Nothing.
    Unit,
    /// A byte, 0 or 1.
    Bool,
    /// Its number, as that of four bytes.
    Char,
    /// A number with this number of bits.
    Unsigned(u32),
    /// A number with this number of bits, the sign bit flipped.
    Signed(u32),
    /// A number with this number of bits, which sorts as `total_cmp` does.
    Float(u32),
    /// Escaped UTF-8.
    Text,
    /// Escaped bytes.
    Bytes,
    /// This number of bytes as they are.
    Fixed(u32),
    /// The version, then the address.
    IpAddr,
    /// The version, then address and port, and with version 6 flow and scope.
    SocketAddr,
    /// A number with a sign, of eight bytes: the names and numbers that there are.
    Enum(Vec<(String, i64)>),
    /// A byte 0; or 1 and the key that follows.
    Option,
    /// The key that follows with every bit inverted.
    Reverse,
    /// The text that follows, folded.
    NoCase,
    /// The decimal that follows, or none, as a whole number at a scale.
    Scaled(u32),
    /// The key that follows, with a meaning of its own.
    Named(String),
    /// This number of keys, one after the other.
    Tuple(u32),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::table) enum KeyFit {
    /// Each old key is the same key of the new type.
    Same,
    Unknown,
    Differs,
}

impl KeyShape {
    /// A key of one part.
    pub fn of(part: KeyShapePart) -> Self {
        Self { parts: vec![part] }
    }

    /// A key of which nothing is known.
    pub fn custom() -> Self {
        Self::of(KeyShapePart::Custom)
    }

    /// The key within an outer part.
    pub fn within(self, outer: KeyShapePart) -> Self {
        Self { parts: std::iter::once(outer).chain(self.parts).collect() }
    }

    /// The key with a meaning of its own.
    pub fn named(self, name: &str) -> Self {
        self.within(KeyShapePart::Named(name.to_owned()))
    }

    /// Keys one after the other. Nested tuples are flattened.
    pub fn tuple(keys: impl IntoIterator<Item = Self>) -> Self {
        let (mut count, mut parts) = (0, Vec::new());
        for key in keys {
            if let Some((KeyShapePart::Tuple(inner), rest)) = key.parts.split_first() {
                count += inner;
                parts.extend_from_slice(rest);
            } else {
                count += 1;
                parts.extend(key.parts);
            }
        }
        if count != 1 {
            parts.insert(0, KeyShapePart::Tuple(count));
        }
        Self { parts }
    }

    /// Its parts, in preorder.
    pub fn parts(&self) -> &[KeyShapePart] {
        &self.parts
    }

    /// Whether all of it is known.
    pub fn is_complete(&self) -> bool {
        !self.parts.contains(&KeyShapePart::Custom)
    }

    pub(in crate::table) fn fit(&self, new: &Self) -> KeyFit {
        let fits = |(old, new): (&KeyShapePart, &KeyShapePart)| match (old, new) {
            (KeyShapePart::Enum(old), KeyShapePart::Enum(new)) => old.iter().all(|(name, number)| {
                // A variant may be renamed, but not change its number for that of another one.
                new.iter().any(|(_, other)| other == number)
                    && new.iter().all(|(other, its)| other != name || its == number)
            }),
            (old, new) => old == new,
        };
        if !self.is_complete() || !new.is_complete() {
            return KeyFit::Unknown;
        }
        let same = self.parts.len() == new.parts.len() && self.parts.iter().zip(&new.parts).all(fits);
        if same { KeyFit::Same } else { KeyFit::Differs }
    }

    /// The encoding in words, as a Rust type is written.
    pub fn describe(&self) -> String {
        let mut rest = self.parts.as_slice();
        let text = describe(&mut rest);
        if rest.is_empty() { text } else { "?".to_owned() }
    }

    /// Skips a key. Returns false if the shape does not say how long it is; part of it may then be
    /// skipped.
    pub(in crate::table) fn skip(&self, input: &mut KeyReader<'_>) -> Result<bool, Fault> {
        skip(&mut self.parts.as_slice(), input)
    }

    /// A key in readable form. Bytes that cannot be decoded are shown in hexadecimal.
    pub fn show(&self, bytes: &[u8]) -> String {
        let (mut parts, mut input) = (self.parts.as_slice(), KeyReader::new(bytes));
        match show(&mut parts, &mut input) {
            Ok(text) if parts.is_empty() && input.rest().is_empty() => text,
            _ => format!("0x{}", hexadecimal(bytes)),
        }
    }
}

/// Skips the next key of `input`, whose shape is the next one of `parts`. Returns false if the
/// shape does not say how.
fn skip(parts: &mut &[KeyShapePart], input: &mut KeyReader<'_>) -> Result<bool, Fault> {
    let Some((part, rest)) = parts.split_first() else { return Ok(false) };
    *parts = rest;
    let size = |bits: u32| usize::try_from(bits.clamp(8, 128) / 8).unwrap_or(16);
    match part {
        KeyShapePart::Custom => return Ok(false),
        KeyShapePart::Unit => {}
        KeyShapePart::Bool => bool::skip(input)?,
        KeyShapePart::Char => char::skip(input)?,
        KeyShapePart::Unsigned(bits) | KeyShapePart::Signed(bits) | KeyShapePart::Float(bits) => {
            input.take(size(*bits))?;
        }
        KeyShapePart::Text | KeyShapePart::Bytes => escape::skip(input)?,
        KeyShapePart::Fixed(size) => {
            input.take(usize::try_from(*size).unwrap_or(usize::MAX))?;
        }
        KeyShapePart::IpAddr => std::net::IpAddr::skip(input)?,
        KeyShapePart::SocketAddr => std::net::SocketAddr::skip(input)?,
        KeyShapePart::Enum(_) => i64::skip(input)?,
        KeyShapePart::Option => match input.take_array()? {
            [0] => drop(describe(parts)),
            [1] => return skip(parts, input),
            _ => return Err(Fault::Invalid("tag of an `Option` in a key")),
        },
        KeyShapePart::Reverse => {
            let bytes: Vec<u8> = input.rest().iter().map(|byte| !byte).collect();
            let mut inverted = KeyReader::new(&bytes);
            let is_known = skip(parts, &mut inverted)?;
            input.take(bytes.len() - inverted.rest().len())?;
            return Ok(is_known);
        }
        KeyShapePart::NoCase | KeyShapePart::Named(_) | KeyShapePart::Scaled(_) => return skip(parts, input),
        KeyShapePart::Tuple(count) => {
            for _ in 0..*count {
                if !skip(parts, input)? {
                    return Ok(false);
                }
            }
        }
    }
    Ok(true)
}

fn describe(parts: &mut &[KeyShapePart]) -> String {
    let Some((part, rest)) = parts.split_first() else { return "?".to_owned() };
    *parts = rest;
    match part {
        KeyShapePart::Custom => "a key of its own".to_owned(),
        KeyShapePart::Unit => "()".to_owned(),
        KeyShapePart::Bool => "bool".to_owned(),
        KeyShapePart::Char => "char".to_owned(),
        KeyShapePart::Unsigned(bits) => format!("u{bits}"),
        KeyShapePart::Signed(bits) => format!("i{bits}"),
        KeyShapePart::Float(bits) => format!("f{bits}"),
        KeyShapePart::Text => "String".to_owned(),
        KeyShapePart::Bytes => "Vec<u8>".to_owned(),
        KeyShapePart::Fixed(size) => format!("[u8; {size}]"),
        KeyShapePart::IpAddr => "IpAddr".to_owned(),
        KeyShapePart::SocketAddr => "SocketAddr".to_owned(),
        KeyShapePart::Enum(variants) => {
            let variants: Vec<_> =
                variants.iter().map(|(name, number)| format!("{name} = {number}")).collect();
            format!("enum {{ {} }}", variants.join(", "))
        }
        KeyShapePart::Option => format!("Option<{}>", describe(parts)),
        KeyShapePart::Reverse => format!("Reverse<{}>", describe(parts)),
        KeyShapePart::NoCase => format!("NoCase<{}>", describe(parts)),
        KeyShapePart::Scaled(scale) => format!("Scaled<{}, {scale}>", describe(parts)),
        KeyShapePart::Named(name) => {
            describe(parts);
            name.clone()
        }
        KeyShapePart::Tuple(count) => {
            let keys: Vec<_> =
                (0..*count).map_while(|_| (!parts.is_empty()).then(|| describe(parts))).collect();
            format!("({})", keys.join(", "))
        }
    }
}

fn show(parts: &mut &[KeyShapePart], input: &mut KeyReader<'_>) -> Result<String, Fault> {
    const UNKNOWN: Fault = Fault::Invalid("shape of a key");
    let (part, rest) = parts.split_first().ok_or(UNKNOWN)?;
    *parts = rest;
    Ok(match part {
        KeyShapePart::Custom => return Err(UNKNOWN),
        KeyShapePart::Unit => "()".to_owned(),
        KeyShapePart::Bool => bool::decode(input)?.to_string(),
        KeyShapePart::Char => format!("{:?}", char::decode(input)?),
        KeyShapePart::Unsigned(bits) => number(input, *bits, false)?.to_string(),
        KeyShapePart::Signed(bits) => number(input, *bits, true)?.cast_signed().to_string(),
        KeyShapePart::Float(32) => f32::decode(input)?.to_string(),
        KeyShapePart::Float(_) => f64::decode(input)?.to_string(),
        KeyShapePart::Text => format!("{:?}", String::decode(input)?),
        KeyShapePart::Bytes => format!("{:02x?}", escape::decode(input)?),
        KeyShapePart::Fixed(size) => {
            let bytes = input.take(usize::try_from(*size).map_err(|_| UNKNOWN)?)?;
            hexadecimal(bytes)
        }
        KeyShapePart::IpAddr => std::net::IpAddr::decode(input)?.to_string(),
        KeyShapePart::SocketAddr => std::net::SocketAddr::decode(input)?.to_string(),
        KeyShapePart::Enum(variants) => {
            let number = i64::decode(input)?;
            let variant = variants.iter().find(|(_, other)| *other == number);
            variant.map_or_else(|| number.to_string(), |(name, _)| name.clone())
        }
        KeyShapePart::Option => match input.take_array()? {
            [0] => {
                describe(parts);
                "None".to_owned()
            }
            [_] => format!("Some({})", show(parts, input)?),
        },
        KeyShapePart::Reverse => {
            let bytes: Vec<u8> = input.rest().iter().map(|byte| !byte).collect();
            let mut inverted = KeyReader::new(&bytes);
            let text = show(parts, &mut inverted)?;
            input.take(bytes.len() - inverted.rest().len())?;
            text
        }
        KeyShapePart::NoCase | KeyShapePart::Named(_) => show(parts, input)?,
        KeyShapePart::Scaled(scale) => format!("{} at scale {scale}", show(parts, input)?),
        KeyShapePart::Tuple(count) => {
            let keys = (0..*count).map(|_| show(parts, input)).collect::<Result<Vec<_>, _>>()?;
            format!("({})", keys.join(", "))
        }
    })
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// A number with this number of bits; the least signed one is stored as zeros.
fn number(input: &mut KeyReader<'_>, bits: u32, signed: bool) -> Result<u128, Fault> {
    let bytes = input.take(usize::try_from(bits.clamp(8, 128) / 8).unwrap_or(16))?;
    let value = bytes.iter().fold(0u128, |value, &byte| value << 8 | u128::from(byte));
    Ok(if signed { value.wrapping_sub(1 << (bits.clamp(8, 128) - 1)) } else { value })
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::time::Duration;

    use super::*;
    use crate::table::key::{KeyWriter, NoCase};

    fn shown<K: Key>(key: &K) -> String {
        let mut out = KeyWriter::new(&[]);
        key.encode(&mut out);
        K::key_shape().show(out.finish().expect("short"))
    }

    #[test]
    fn keys_are_shown_as_people_write_them() {
        assert_eq!(shown(&7u64), "7");
        assert_eq!([shown(&-7i8), shown(&i128::MIN), shown(&5i32)], ["-7", &i128::MIN.to_string(), "5"]);
        assert_eq!(shown(&("ann".to_owned(), Some(true), 'x')), "(\"ann\", Some(true), 'x')");
        assert_eq!(shown(&(Reverse((1u8, "b".to_owned())), None::<u8>)), "((1, \"b\"), None)");
        assert_eq!(shown(&NoCase::new("ANN")), "\"ann\"");
        assert_eq!(shown(&(1u8, (2u8, 3u8))), "(1, 2, 3)");
        assert_eq!(shown(&Duration::new(1, 2)), "(1, 2)");
        assert_eq!(<(u64, Option<String>)>::key_shape().describe(), "(u64, Option<String>)");
        assert_eq!(KeyShape::custom().show(&[1, 0xab]), "0x01ab");
        assert_eq!(u64::key_shape().show(&[1]), "0x01", "what is damaged is shown as it is");
    }

    #[test]
    fn keys_fit_when_each_is_the_same_as_before() {
        let kinds = |variants: &[(&str, i64)]| {
            KeyShape::of(KeyShapePart::Enum(
                variants.iter().map(|&(name, number)| (name.into(), number)).collect(),
            ))
        };
        let old = kinds(&[("Guest", 0), ("Admin", 1)]);
        for (new, fit) in [
            (kinds(&[("Guest", 0), ("Member", 7), ("Admin", 1)]), KeyFit::Same),
            (kinds(&[("Visitor", 0), ("Admin", 1)]), KeyFit::Same),
            (kinds(&[("Guest", 1), ("Admin", 0)]), KeyFit::Differs),
            (kinds(&[("Guest", 0)]), KeyFit::Differs),
            (kinds(&[("Guest", 0), ("Admin", 2)]), KeyFit::Differs),
            (i64::key_shape(), KeyFit::Differs),
            (KeyShape::custom(), KeyFit::Unknown),
        ] {
            assert_eq!(old.fit(&new), fit, "{}", new.describe());
        }
        assert_eq!(<(u8, (u8, u8))>::key_shape().fit(&<(u8, u8, u8)>::key_shape()), KeyFit::Same);
        assert_eq!(u32::key_shape().fit(&u64::key_shape()), KeyFit::Differs);
        assert_eq!(Reverse::<u8>::key_shape().fit(&u8::key_shape()), KeyFit::Differs);
    }
}
