//! Values as text of one line: what is typed as an argument, and the cells of CSV and of tables.
//!
//! ```text
//!   a number, true, text     as it is
//!   bytes                    0x00ff
//!   several values           JSON
//!   nothing                  null as an argument, an empty cell
//! ```
//!
//! In a CSV column of text that may be missing, a text that is empty or begins with a backslash has
//! one backslash before it, so that it is not taken for a missing one.

use std::borrow::Cow;

use walnut::dynamic::{Value, ValueKind};

use crate::failure::{Failure, Outcome};
use crate::json;

/// The value of an argument. `what` names its place in messages.
pub(crate) fn argument(text: &str, kind: ValueKind, what: &str) -> Outcome<Value> {
    if text == "null" && kind != ValueKind::Text {
        return Ok(Value::Null);
    }
    parse(text, kind)
        .ok_or_else(|| Failure::Usage(format!("{what} takes {}, and `{text}` is none", words(kind))))
}

/// The value of a condition: in quotes text, `null` nothing.
pub(crate) fn condition(text: &str, kind: ValueKind, what: &str) -> Outcome<Value> {
    let quoted = ['"', '\''].iter().find_map(|&quote| text.strip_prefix(quote)?.strip_suffix(quote));
    match quoted {
        Some(text) => Ok(Value::from(text)),
        None if text == "null" => Ok(Value::Null),
        None if kind == ValueKind::Compound => Ok(json::read(text).unwrap_or_else(|_| Value::from(text))),
        None => argument(text, kind, what),
    }
}

/// The value of a text; nothing when it is none of this kind.
fn parse(text: &str, kind: ValueKind) -> Option<Value> {
    Some(match kind {
        ValueKind::Null => Value::Null,
        ValueKind::Bool => Value::Bool(text.parse().ok()?),
        ValueKind::Integer => match text.parse::<i128>() {
            Ok(number) => Value::Int(number),
            Err(_) => Value::from(text.parse::<u128>().ok()?),
        },
        ValueKind::Float32 | ValueKind::Float64 if text.starts_with("NaN(") => Value::from(text),
        ValueKind::Float32 => Value::F32(text.parse().ok()?),
        ValueKind::Float64 => Value::F64(text.parse().ok()?),
        // What has no text is a list.
        ValueKind::Known if text.starts_with(['[', '{']) => json::read(text).ok()?,
        ValueKind::Text | ValueKind::Known | ValueKind::Bytes => Value::from(text),
        _ => json::read(text).ok()?,
    })
}

fn words(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Null => "nothing",
        ValueKind::Bool => "`true` or `false`",
        ValueKind::Integer => "a whole number",
        ValueKind::Float32 | ValueKind::Float64 => "a number",
        ValueKind::Text | ValueKind::Known => "text",
        ValueKind::Bytes => "bytes such as `0x00ff`",
        _ => "JSON",
    }
}

/// A value as a cell of a table for people.
pub(crate) fn shown(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::Text(text) if text.chars().any(char::is_control) => {
            let mut out = String::new();
            json::write(value, &mut out);
            Cow::Owned(out)
        }
        Value::Text(text) => Cow::Borrowed(text),
        Value::F32(_) | Value::F64(_) => Cow::Owned(json::number_text(value)),
        Value::Bytes(bytes) => Cow::Owned(json::hexadecimal(bytes)),
        value => {
            let mut out = String::new();
            json::write(value, &mut out);
            Cow::Owned(out)
        }
    }
}

/// A value as a cell of CSV, which [`from_cell`] reads as the same.
pub(crate) fn cell(value: &Value, kind: ValueKind, is_optional: bool) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::Text(text) if kind == ValueKind::Compound => {
            let mut out = String::new();
            json::write(&Value::from(&**text), &mut out);
            Cow::Owned(out)
        }
        Value::Text(text) if is_optional && (text.is_empty() || text.starts_with('\\')) => {
            Cow::Owned(format!("\\{text}"))
        }
        Value::Text(text) => Cow::Borrowed(text),
        value => shown(value),
    }
}

/// The value of a cell of CSV; nothing when it is none.
pub(crate) fn from_cell(text: &str, kind: ValueKind, is_optional: bool) -> Option<Value> {
    match kind {
        _ if text.is_empty() && (is_optional || kind == ValueKind::Null) => Some(Value::Null),
        ValueKind::Text if is_optional => Some(Value::from(text.strip_prefix('\\').unwrap_or(text))),
        kind => parse(text, kind),
    }
}
