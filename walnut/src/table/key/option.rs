//! `Option`: 00 for `None`, and 01 before the encoding of a value. `None` comes before every
//! `Some`.

use super::{Key, KeyReader, KeyShape, KeyShapePart, KeyWriter};
use crate::error::Fault;

const NONE: u8 = 0;
const SOME: u8 = 1;

#[diagnostic::do_not_recommend]
impl<K: Key> Key for Option<K> {
    type Ref<'a> = Option<K::Ref<'a>>;

    const EXACT: bool = K::EXACT;
    const OPTIONAL: bool = true;

    fn key_shape() -> KeyShape {
        K::key_shape().within(KeyShapePart::Option)
    }

    fn encode(&self, out: &mut KeyWriter) {
        match self {
            None => out.push(&[NONE]),
            Some(key) => {
                out.push(&[SOME]);
                key.encode(out);
            }
        }
    }

    fn encode_ref(point: &Self::Ref<'_>, out: &mut KeyWriter) {
        match point {
            None => out.push(&[NONE]),
            Some(key) => {
                out.push(&[SOME]);
                K::encode_ref(key, out);
            }
        }
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        if take_tag(input)? { K::decode(input).map(Some) } else { Ok(None) }
    }

    fn skip(input: &mut KeyReader<'_>) -> Result<(), Fault> {
        if take_tag(input)? { K::skip(input) } else { Ok(()) }
    }

    fn is_none(&self) -> bool {
        Option::is_none(self)
    }

    fn ref_is_none(point: &Self::Ref<'_>) -> bool {
        Option::is_none(point)
    }
}

/// Reads whether a value follows.
fn take_tag(input: &mut KeyReader<'_>) -> Result<bool, Fault> {
    match input.take_array()? {
        [NONE] => Ok(false),
        [SOME] => Ok(true),
        _ => Err(Fault::Invalid("tag of an `Option` in a key")),
    }
}
