//! Key codecs: encode a value as the key that its Rust type would have.
//!
//! ```text
//!   shape of the key          Tuple 2 · Named "SystemTime" Tuple 2 Signed 64 Unsigned 32 · Enum Guest 0, Admin 1
//!   shape of the field        struct { at: SystemTime, kind: enum { guest, admin } }
//!   codec                     Parts [ at: Known SystemTime, kind: Enum [guest, Guest] -> 0, [admin, Admin] -> 1 ]
//! ```
//!
//! A codec is built from both shapes, as only the key's says how a value is encoded, and only the
//! field's what serde calls its parts. A part that a program computes has no field: its values can
//! be looked up, and not derived from a row. If the shapes do not match, as with `#[serde(with)]`,
//! there is no codec.

use super::forms::{bytes_of, double, listed, single, unsigned};
use super::key_types::KnownKey;
use super::value::Value;
use crate::error::Problem;
use crate::table::key::{CaseFold, Key, KeyWriter, NoCase, TextKey, inverted};

/// The encoding of values as keys.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum KeyCodec {
    Unit,
    Bool,
    Char,
    Unsigned(u32),
    Signed(u32),
    Float(u32),
    Text,
    Bytes,
    Fixed(usize),
    /// A type with a key encoding of its own, by the name in its shape.
    Known(KnownKey),
    /// The names of each variant, and its number.
    Enum(Vec<(Vec<String>, i64)>),
    Option {
        inner: Box<Self>,
        /// Whether a present value is wrapped, as it may be `Null` itself.
        is_wrapped: bool,
    },
    Reverse(Box<Self>),
    NoCase(Box<Self>),
    Scaled {
        scale: u32,
        is_optional: bool,
    },
    /// Keys one after the other, each with its name in a map.
    Parts(Vec<(String, Self)>),
}

impl KeyCodec {
    /// Whether a value is a missing one, of which a unique index may hold any number.
    pub(super) fn is_none(&self, value: &Value) -> bool {
        match self {
            Self::Option { .. } | Self::Scaled { is_optional: true, .. } => value.is_null(),
            Self::Reverse(inner) | Self::NoCase(inner) => inner.is_none(value),
            Self::Parts(parts) => parts
                .iter()
                .enumerate()
                .any(|(at, (name, part))| part_of(value, at, name).is_some_and(|value| part.is_none(value))),
            _ => false,
        }
    }

    /// Whether its keys are in reverse order.
    pub(super) fn is_reversed(&self) -> bool {
        matches!(self, Self::Reverse(_))
    }

    pub(super) fn encode(&self, value: &Value, out: &mut KeyWriter) -> Result<(), Problem> {
        let kind = || Problem::Kind { takes: self.describe(), found: value.kind() };
        let range = || Problem::Range { takes: self.describe() };
        match (self, value) {
            (Self::Unit, Value::Null) => {}
            (Self::Bool, Value::Bool(value)) => value.encode(out),
            (Self::Char, Value::Text(text)) => {
                let mut characters = text.chars();
                let (Some(character), None) = (characters.next(), characters.next()) else {
                    return Err(range());
                };
                character.encode(out);
            }
            (Self::Unsigned(bits), Value::Int(_) | Value::Uint(_)) => {
                let number = unsigned(value, *bits).ok_or_else(range)?;
                put_number(number, *bits, out);
            }
            (Self::Signed(bits), Value::Int(number)) => {
                let spare = 128 - bits;
                if number << spare >> spare != *number {
                    return Err(range());
                }
                put_number(number.cast_unsigned() ^ 1 << (bits - 1), *bits, out);
            }
            (Self::Signed(_), Value::Uint(_)) => return Err(range()),
            (Self::Float(32), value) => single(value).ok_or_else(kind)?.encode(out),
            (Self::Float(_), value) => double(value).ok_or_else(kind)?.encode(out),
            (Self::Text, Value::Text(text)) => String::encode_ref(&text.as_str(), out),
            (Self::Bytes, value) => bytes_of(value).ok_or_else(kind)?.encode(out),
            (Self::Fixed(size), value) => {
                let bytes = bytes_of(value).ok_or_else(kind)?;
                if bytes.len() != *size {
                    return Err(range());
                }
                out.push(&bytes);
            }
            (Self::Known(known), value) => {
                known.encode(value, out).ok_or_else(|| match value {
                    Value::Text(_) => range(),
                    _ => kind(),
                })?;
            }
            (Self::Enum(variants), Value::Text(name)) => number_of(variants, name)?.encode(out),
            (Self::Option { .. } | Self::Scaled { is_optional: true, .. }, Value::Null) => out.push(&[0]),
            (Self::Option { inner, is_wrapped }, value) => {
                out.push(&[1]);
                let value = if *is_wrapped { value.field("Some").ok_or_else(kind)? } else { value };
                inner.encode(value, out)?;
            }
            (Self::Reverse(inner), value) => {
                let mut done = Ok(());
                inverted(out, |out| done = inner.encode(value, out));
                done?;
            }
            (Self::NoCase(inner), value) => inner.encode_folded(value, out).ok_or_else(kind)?,
            (Self::Scaled { scale, is_optional }, value) => {
                if *is_optional {
                    out.push(&[1]);
                }
                encode_scaled(*scale, value, out).ok_or_else(kind)?;
            }
            (Self::Parts(parts), value) => encode_parts(parts, value, out, kind)?,
            _ => return Err(kind()),
        }
        Ok(())
    }

    fn encode_folded(&self, value: &Value, out: &mut KeyWriter) -> Option<()> {
        match (self, value) {
            (Self::Option { .. }, Value::Null) => out.push(&[0]),
            (Self::Option { .. }, Value::Text(text)) => {
                out.push(&[1]);
                String::encode_folded(&text.as_str(), out);
            }
            (_, Value::Text(text)) => String::encode_folded(&text.as_str(), out),
            _ => return None,
        }
        Some(())
    }

    /// Adds the common prefix of all keys whose text begins with `text`; `None` if they are not
    /// text.
    pub(super) fn encode_start(&self, text: &str, out: &mut KeyWriter) -> Option<()> {
        match self {
            Self::Text => String::encode_start(&text, out),
            Self::NoCase(inner) if **inner == Self::Text => NoCase::<String>::encode_start(&text, out),
            Self::Bytes => {
                let bytes = bytes_of(&Value::from(text)).unwrap_or_else(|| text.as_bytes().to_vec());
                Vec::<u8>::encode_start(&&bytes[..], out);
            }
            Self::Option { inner, is_wrapped: false } => {
                out.push(&[1]);
                inner.encode_start(text, out)?;
            }
            Self::NoCase(inner) if matches!(**inner, Self::Option { .. }) => {
                out.push(&[1]);
                NoCase::<String>::encode_start(&text, out);
            }
            Self::Reverse(inner) => {
                let mut done = None;
                inverted(out, |out| done = inner.encode_start(text, out));
                done?;
            }
            _ => return None,
        }
        Some(())
    }

    /// The values that it accepts, in words.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Unit => "()".to_owned(),
            Self::Bool => "bool".to_owned(),
            Self::Char => "char".to_owned(),
            Self::Unsigned(bits) => format!("u{bits}"),
            Self::Signed(bits) => format!("i{bits}"),
            Self::Float(bits) => format!("f{bits}"),
            Self::Text => "String".to_owned(),
            Self::Bytes => "bytes".to_owned(),
            Self::Fixed(size) => format!("[u8; {size}]"),
            Self::Known(known) => format!("{known:?}"),
            Self::Enum(variants) => {
                let names = variants.iter().map(|(names, _)| names.first().map_or("", |name| &**name));
                format!("one of {}", listed(names))
            }
            Self::Option { inner, .. } => format!("Option<{}>", inner.describe()),
            Self::Reverse(inner) | Self::NoCase(inner) => inner.describe(),
            Self::Scaled { scale, .. } => format!("a decimal with at most {scale} digits after its point"),
            Self::Parts(parts) => {
                let parts: Vec<_> = parts.iter().map(|(_, part)| part.describe()).collect();
                format!("({})", parts.join(", "))
            }
        }
    }
}

fn number_of(variants: &[(Vec<String>, i64)], name: &String) -> Result<i64, Problem> {
    let variant = variants.iter().find(|(names, _)| names.contains(name));
    let names = || variants.iter().map(|(names, _)| names.first().map_or("", |name| &**name));
    let unknown = || Problem::Unknown { name: name.clone(), fields: listed(names()) };
    variant.map(|(_, number)| *number).ok_or_else(unknown)
}

fn encode_parts(
    parts: &[(String, KeyCodec)],
    value: &Value,
    out: &mut KeyWriter,
    kind: impl Fn() -> Problem,
) -> Result<(), Problem> {
    if matches!(value, Value::List(values) if values.len() != parts.len()) {
        return Err(kind());
    }
    parts
        .iter()
        .enumerate()
        .try_for_each(|(at, (name, part))| part.encode(part_of(value, at, name).ok_or_else(&kind)?, out))
}

/// A part of a compound value: by name in a map, by ordinal in a list.
fn part_of<'v>(value: &'v Value, at: usize, name: &str) -> Option<&'v Value> {
    match value {
        Value::List(values) => values.get(at),
        value => value.field(name),
    }
}

/// Adds a number with this number of bits, the most significant byte first.
fn put_number(number: u128, bits: u32, out: &mut KeyWriter) {
    let size = usize::try_from(bits / 8).unwrap_or(16).min(16);
    out.push(&number.to_be_bytes()[16 - size..]);
}

fn encode_scaled(scale: u32, value: &Value, out: &mut KeyWriter) -> Option<()> {
    /// The greatest mantissa of 96 bits.
    const LAST: i128 = (1 << 96) - 1;
    let text = match value {
        Value::Text(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        _ => return None,
    };
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.trim_end_matches('0');
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let scale = usize::try_from(scale).ok()?;
    if fraction.len() > scale {
        out.refuse("a decimal has more digits than the scale of its index");
        return Some(());
    }
    let number = format!("{whole}{fraction:0<scale$}").parse::<i128>().ok().filter(|number| *number <= LAST);
    match number {
        Some(number) => (if negative { -number } else { number }).encode(out),
        None => out.refuse("a decimal is too large for the scale of its index"),
    }
    Some(())
}
