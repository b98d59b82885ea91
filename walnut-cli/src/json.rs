//! Values as JSON, both ways.
//!
//! ```text
//!   Null, Bool, numbers, Text      the same; numbers that JSON has not are text: "NaN", "inf"
//!   Bytes                          text: "0x00ff"
//!   List                           an array
//!   Map                            an object where its keys are text, else an array of pairs
//! ```
//!
//! What is written is read as the same row, as the table's schema says of each place what it takes.

use std::fmt::{self, Write};

use serde::de::{Deserialize, Deserializer, Error as DeserializeError, MapAccess, SeqAccess, Visitor};
use walnut::dynamic::Value;

/// Adds a value as JSON on one line.
pub(crate) fn write(value: &Value, out: &mut String) {
    match value {
        Value::Bool(value) => put(out, format_args!("{value}")),
        Value::Int(number) => match i64::try_from(*number) {
            Ok(number) => put(out, format_args!("{number}")),
            Err(_) => put(out, format_args!("{number}")),
        },
        Value::Uint(number) => put(out, format_args!("{number}")),
        Value::F64(number) if number.is_finite() => put(out, format_args!("{number:?}")),
        Value::F32(number) if number.is_finite() => out.push_str(&number_text(value)),
        Value::F32(_) | Value::F64(_) => write_text(&number_text(value), out),
        Value::Text(text) => write_text(text, out),
        Value::Bytes(bytes) => put(out, format_args!("\"{}\"", hexadecimal(bytes))),
        Value::List(values) => {
            separated(out, ('[', ']'), values, write);
        }
        Value::Map(entries) if entries.iter().all(|(key, _)| key.as_text().is_some()) => {
            separated(out, ('{', '}'), entries, |(key, value), out| {
                write(key, out);
                out.push(':');
                write(value, out);
            });
        }
        Value::Map(entries) => separated(out, ('[', ']'), entries, |(key, value), out| {
            out.push('[');
            write(key, out);
            out.push(',');
            write(value, out);
            out.push(']');
        }),
        // `Null`, and what a later version of the library may add.
        _ => out.push_str("null"),
    }
}

pub(crate) fn is_number(value: &Value) -> bool {
    match value {
        Value::Int(_) | Value::Uint(_) => true,
        Value::F64(number) => number.is_finite(),
        Value::F32(number) => number.is_finite(),
        _ => false,
    }
}

pub(crate) fn read(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(text).map(|Json(value)| value)
}

/// A value that serde reads from JSON, without a [`serde_json::Value`] between.
///
/// A name that an object has twice is in the value twice, and the table refuses it.
pub(crate) struct Json(pub(crate) Value);

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_any(JsonVisitor).map(Self)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::F64(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Json(value)) = elements.next_element()? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(name) = map.next_key()? {
            match name {
                Name::Number => return number_of(&map.next_value::<String>()?),
                Name::Of(name) => entries.push((Value::Text(name), map.next_value::<Json>()?.0)),
            }
        }
        Ok(Value::Map(entries))
    }
}

/// The name of a field of an object, or the one under which `serde_json` keeps all digits of a
/// number (its feature `arbitrary_precision`).
enum Name {
    Number,
    Of(String),
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct NameVisitor;

        impl Visitor<'_> for NameVisitor {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a field")
            }

            fn visit_str<E>(self, name: &str) -> Result<Name, E> {
                Ok(if name == "$serde_json::private::Number" {
                    Name::Number
                } else {
                    Name::Of(name.to_owned())
                })
            }
        }

        reader.deserialize_str(NameVisitor)
    }
}

fn number_of<E: DeserializeError>(text: &str) -> Result<Value, E> {
    let is_integer = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if is_integer && text != "-0" {
        if let Ok(number) = text.parse::<i128>() {
            return Ok(Value::Int(number));
        }
        if let Ok(number) = text.parse::<u128>() {
            return Ok(Value::from(number));
        }
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Value::F64(number)),
        _ => Err(E::custom(format_args!("the number {text:.32} is out of range"))),
    }
}

/// A number with a point, with as few digits as tell it from all others when it is read.
pub(crate) fn number_text(value: &Value) -> String {
    match value {
        Value::F32(number) if number.is_nan() && number.to_bits() != f32::NAN.to_bits() => {
            format!("NaN(0x{:08x})", number.to_bits())
        }
        Value::F64(number) if number.is_nan() && number.to_bits() != f64::NAN.to_bits() => {
            format!("NaN(0x{:016x})", number.to_bits())
        }
        Value::F32(number) => {
            let text = format!("{number:?}");
            // A reader may go by the nearest number of 64 bits.
            let again = text.parse().map(|again: f64| Value::F64(again));
            match again {
                Ok(Value::F64(again)) if is_nearest(again, *number) => text,
                _ => format!("{:?}", f64::from(*number)),
            }
        }
        Value::F64(number) => format!("{number:?}"),
        _ => String::new(),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the nearest is what is asked for")]
fn is_nearest(wide: f64, narrow: f32) -> bool {
    (wide as f32).to_bits() == narrow.to_bits() || narrow.is_nan()
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 + 2 * bytes.len());
    text.push_str("0x");
    for byte in bytes {
        put(&mut text, format_args!("{byte:02x}"));
    }
    text
}

fn separated<T>(
    out: &mut String,
    (open, close): (char, char),
    values: &[T],
    write: impl Fn(&T, &mut String),
) {
    out.push(open);
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write(value, out);
    }
    out.push(close);
}

/// Adds a text in quotes.
pub(crate) fn write_text(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(at) =
        rest.find(|character: char| character.is_control() || matches!(character, '"' | '\\'))
    {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let mut characters = special.chars();
        match characters.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            // Each control character is a single unit of UTF-16.
            Some(control) => put(out, format_args!("\\u{:04x}", u32::from(control))),
            None => {}
        }
        rest = characters.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

/// Writing to a text does not fail.
fn put(out: &mut String, text: fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let value = Value::row([
            ("text", Value::from("a\"\\\n\u{7}\u{9f}é\u{10ffff}")),
            ("big", Value::from(u128::MAX)),
            ("small", Value::from(i128::MIN)),
            ("float", Value::from(-0.0)),
            ("huge", Value::from(1e300)),
            ("list", Value::List(vec![Value::Null, true.into(), 1.into()])),
        ]);
        let mut text = String::new();
        write(&value, &mut text);
        let serde_json::Value::Object(_) = serde_json::from_str(&text).expect("it is JSON") else {
            panic!("{text}")
        };
        let read = read(&text).expect("it is JSON");
        for (name, held) in [
            ("text", "text"),
            ("big", "big"),
            ("small", "small"),
            ("float", "float"),
            ("huge", "huge"),
            ("list", "list"),
        ] {
            assert_eq!(read.field(name), value.field(held), "{text}");
        }
    }

    #[test]
    fn numbers_and_names_are_read_as_they_are_written() {
        let read_back = |text: &str| read(text).map_err(|error| error.to_string());
        assert_eq!(read_back("0"), Ok(0.into()));
        assert_eq!(read_back("-0"), Ok((-0.0).into()));
        assert_eq!(read_back("9223372036854775808"), Ok(Value::from(1u64 << 63)));
        assert_eq!(read_back("1e3"), Ok(1000.0.into()));
        assert!(read_back("1e999").is_err_and(|error| error.contains("is out of range")));
        assert_eq!(read_back("[]"), Ok(Value::List(Vec::new())));
        assert_eq!(read_back("{}"), Ok(Value::Map(Vec::new())));
        let Ok(Value::Map(entries)) = read_back(r#"{"b":1,"a":2,"b":3}"#) else { panic!("it is an object") };
        assert_eq!(entries, [("b".into(), 1.into()), ("a".into(), 2.into()), ("b".into(), 3.into())]);
        assert!(read_back(&"[".repeat(200)).is_err_and(|error| error.contains("recursion limit")));
        assert!(read_back(r#"{"$serde_json::private::Number":"x"}"#).is_err());
    }

    #[test]
    fn numbers_without_a_form_in_json_are_text() {
        let shown = |value: Value| {
            let mut text = String::new();
            write(&value, &mut text);
            text
        };
        assert_eq!(shown(f64::NEG_INFINITY.into()), "\"-inf\"");
        assert_eq!(shown(f64::NAN.into()), "\"NaN\"");
        assert_eq!(shown(f32::from_bits(0x7fc0_0001).into()), "\"NaN(0x7fc00001)\"");
        assert_eq!(shown(0.1f32.into()), "0.1");
        assert_eq!(shown(vec![0u8, 255].into()), "\"0x00ff\"");
        assert_eq!(shown(Value::Map(vec![(1.into(), "a".into())])), "[[1,\"a\"]]");
    }
}
