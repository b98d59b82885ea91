//! The forms that a value may be passed in, of which one is stored.

use super::value::{Misfit, Value};
use crate::error::Problem;
use crate::table::shape::NodeId;

/// For each field, the value under one of its names; an error for a name that no field has.
pub(super) fn find_fields<'v>(
    fields: &[(&[String], NodeId)],
    entries: &'v [(Value, Value)],
    path: &str,
) -> Result<Vec<Option<&'v Value>>, Misfit> {
    let mut found: Vec<Option<&Value>> = vec![None; fields.len()];
    for (at, (name, value)) in entries.iter().enumerate() {
        let name = name.as_text().unwrap_or_default();
        // Most maps have the fields in their order.
        let is_it =
            |at: &usize| fields.get(*at).is_some_and(|(names, _)| names.iter().any(|other| other == name));
        let ordinal = Some(at).filter(is_it).or_else(|| (0..fields.len()).find(is_it));
        let Some(ordinal) = ordinal else {
            let names = fields.iter().map(|(names, _)| names.first().map_or("", |name| &**name));
            return Err((path.to_owned(), Problem::Unknown { name: name.to_owned(), fields: listed(names) }));
        };
        if found[ordinal].replace(value).is_some() {
            let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            return Err((path, Problem::Twice));
        }
    }
    Ok(found)
}

/// Quoted names for a message.
pub(super) fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<_> = names.take(32).map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// Bytes, a list of numbers, or a text such as `0x00ff`.
pub(super) fn bytes_of(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Bytes(bytes) => Some(bytes.clone()),
        Value::List(values) => {
            values.iter().map(|value| value.as_int().and_then(|number| u8::try_from(number).ok())).collect()
        }
        Value::Text(text) => {
            let digits = text.strip_prefix("0x")?.as_bytes();
            let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            let pairs = digits.chunks(2).map(|pair| match pair {
                [upper, lower] => Some(digit(*upper)? << 4 | digit(*lower)?),
                _ => None,
            });
            pairs.collect()
        }
        _ => None,
    }
}

pub(super) fn unsigned(value: &Value, bits: u32) -> Option<u128> {
    let number = match value {
        Value::Int(number) => u128::try_from(*number).ok()?,
        Value::Uint(number) => *number,
        _ => return None,
    };
    (bits >= 128 || number >> bits == 0).then_some(number)
}

/// The nearest number of 32 bits; a text may be one, such as `NaN`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "the nearest is what is meant"
)]
pub(super) fn single(value: &Value) -> Option<f32> {
    match value {
        Value::F32(number) => Some(*number),
        Value::F64(number) => Some(*number as f32),
        Value::Int(number) => Some(*number as f32),
        Value::Uint(number) => Some(*number as f32),
        Value::Text(text) => match text.strip_prefix("NaN(0x") {
            Some(bits) => u32::from_str_radix(bits.strip_suffix(')')?, 16).ok().map(f32::from_bits),
            None => text.parse().ok(),
        },
        _ => None,
    }
}

/// The same for 64 bits.
#[expect(clippy::cast_precision_loss, reason = "the nearest is what is meant")]
pub(super) fn double(value: &Value) -> Option<f64> {
    match value {
        Value::F32(number) => Some((*number).into()),
        Value::F64(number) => Some(*number),
        Value::Int(number) => Some(*number as f64),
        Value::Uint(number) => Some(*number as f64),
        Value::Text(text) => match text.strip_prefix("NaN(0x") {
            Some(bits) => u64::from_str_radix(bits.strip_suffix(')')?, 16).ok().map(f64::from_bits),
            None => text.parse().ok(),
        },
        _ => None,
    }
}
