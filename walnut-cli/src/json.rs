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

use std::fmt::Write;

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

/// Whether JSON has a number for a value.
pub(crate) fn is_number(value: &Value) -> bool {
    match value {
        Value::Int(_) | Value::Uint(_) => true,
        Value::F64(number) => number.is_finite(),
        Value::F32(number) => number.is_finite(),
        _ => false,
    }
}

/// The value of a JSON text.
pub(crate) fn read(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(text).map(of)
}

/// The value of parsed JSON.
pub(crate) fn of(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(value),
        serde_json::Value::Number(number) => number_of(&number.to_string()),
        serde_json::Value::String(text) => Value::Text(text),
        serde_json::Value::Array(values) => Value::List(values.into_iter().map(of).collect()),
        serde_json::Value::Object(entries) => {
            Value::Map(entries.into_iter().map(|(key, value)| (Value::Text(key), of(value))).collect())
        }
    }
}

/// The number of a text of digits.
fn number_of(text: &str) -> Value {
    if let Ok(number) = text.parse::<i128>()
        && !text.starts_with("-0")
    {
        return Value::Int(number);
    }
    match text.parse::<u128>() {
        Ok(number) => Value::from(number),
        Err(_) => Value::F64(text.parse().unwrap_or(f64::NAN)),
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

/// Bytes as digits.
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
fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
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
