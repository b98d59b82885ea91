//! An encoder for postcard that refuses what cannot be decoded again.
//!
//! The bytes are those of the crate `postcard` ("The Postcard Wire Format",
//! postcard.jamesmunns.com/wire-format). It exists because postcard writes more than it reads:
//!
//! 1. A skipped field, and a sequence whose length is unknown or wrong, is an error: what follows
//!    would be decoded in its place.
//! 2. Text from a [`Display`](fmt::Display) is formatted once, so its length is that of its bytes.
//! 3. With a [`Trace`](super::trace::Trace) as `N` the forms of all values are recorded; with `()`
//!    nothing is, at no cost.

use std::fmt::{self, Write};

use serde::Serialize;
use serde::ser::{
    self, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::trace::{EncodeObserver, ValueForm};
use crate::codec::Writer;

pub(super) struct Encoder<'o, N> {
    pub(super) out: &'o mut Vec<u8>,
    pub(super) notes: N,
}

/// Why a value was not written. Serde's message may hold a value, so it is not kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refusal {
    /// A field was skipped.
    SkippedField,
    /// A sequence or a map does not know its length, as with `flatten`.
    NoLength,
    /// A sequence or a map has more or fewer elements than it announced.
    WrongLength,
    /// A `SystemTime` is before 1970, which serde does not support.
    EarlyTime,
    /// The type's own `Serialize` failed.
    Failed,
}

/// Serde's message for a `SystemTime` before 1970.
const EARLY_TIME: &str = "SystemTime must be later than UNIX_EPOCH";

impl Refusal {
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::SkippedField => {
                "a field is left out (`skip_serializing_if`), and what follows it would be read in its place"
            }
            Self::NoLength => "a sequence or a map does not know its length, as with `flatten`",
            Self::WrongLength => "a sequence or a map has another number of elements than it announces",
            Self::EarlyTime => {
                "serde has no form for a `SystemTime` before 1970; store a signed number, such as seconds since then, by \
                 `#[serde(with = ..)]` or in a field of type `i64`"
            }
            Self::Failed => "the `Serialize` of a type in it failed for this value",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl std::error::Error for Refusal {}

impl ser::Error for Refusal {
    #[cold]
    fn custom<M: fmt::Display>(message: M) -> Self {
        if message.to_string() == EARLY_TIME { Self::EarlyTime } else { Self::Failed }
    }
}

type Result<T> = std::result::Result<T, Refusal>;

/// A sequence or a map, with its length in front.
pub(super) struct Counted<'e, 'o, N> {
    encoder: &'e mut Encoder<'o, N>,
    left: usize,
}

/// Fields without a length: a struct or a tuple.
pub(super) struct Group<'e, 'o, N> {
    encoder: &'e mut Encoder<'o, N>,
}

impl<'o, N: EncodeObserver> Encoder<'o, N> {
    #[inline]
    fn number(&mut self, form: ValueForm, number: u64) {
        self.notes.form(form);
        self.out.put_varint(number);
    }

    fn large(&mut self, form: ValueForm, mut number: u128) {
        self.notes.form(form);
        while number >= 0x80 {
            self.out.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.out.push((number & 0x7f) as u8);
    }

    #[inline]
    fn byte(&mut self, form: ValueForm, byte: u8) {
        self.notes.form(form);
        self.out.push(byte);
    }

    #[inline]
    fn text(&mut self, bytes: &[u8]) {
        self.notes.form(ValueForm::Text);
        self.out.put_varint(bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }

    #[inline]
    fn variant(&mut self, index: u32, name: &'static str) {
        self.notes.variant(name);
        self.out.put_varint(u64::from(index));
    }

    #[inline]
    fn group(&mut self) -> Group<'_, 'o, N> {
        self.notes.form(ValueForm::Group);
        Group { encoder: self }
    }

    #[inline]
    fn counted(&mut self, len: Option<usize>) -> Result<Counted<'_, 'o, N>> {
        let left = len.ok_or(Refusal::NoLength)?;
        self.number(ValueForm::Sequence, left as u64);
        Ok(Counted { encoder: self, left })
    }
}

/// The zigzag encoding of a signed number, whose sign is the lowest bit: 0, -1, 1, -2, .. become 0,
/// 1, 2, 3, ..
macro_rules! zigzag {
    ($number:expr, $signed:ty) => {{
        let number: $signed = $number;
        (number << 1 ^ number >> (<$signed>::BITS - 1)).cast_unsigned()
    }};
}

impl<'e, 'o, N: EncodeObserver> Serializer for &'e mut Encoder<'o, N> {
    type Ok = ();
    type Error = Refusal;
    type SerializeSeq = Counted<'e, 'o, N>;
    type SerializeTuple = Group<'e, 'o, N>;
    type SerializeTupleStruct = Group<'e, 'o, N>;
    type SerializeTupleVariant = Group<'e, 'o, N>;
    type SerializeMap = Counted<'e, 'o, N>;
    type SerializeStruct = Group<'e, 'o, N>;
    type SerializeStructVariant = Group<'e, 'o, N>;

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<()> {
        self.byte(ValueForm::Byte, u8::from(value));
        Ok(())
    }

    #[inline]
    fn serialize_i8(self, value: i8) -> Result<()> {
        self.byte(ValueForm::Byte, value.cast_unsigned());
        Ok(())
    }

    #[inline]
    fn serialize_i16(self, value: i16) -> Result<()> {
        self.number(ValueForm::Signed, u64::from(zigzag!(value, i16)));
        Ok(())
    }

    #[inline]
    fn serialize_i32(self, value: i32) -> Result<()> {
        self.number(ValueForm::Signed, u64::from(zigzag!(value, i32)));
        Ok(())
    }

    #[inline]
    fn serialize_i64(self, value: i64) -> Result<()> {
        self.number(ValueForm::Signed, zigzag!(value, i64));
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Result<()> {
        self.large(ValueForm::Signed, zigzag!(value, i128));
        Ok(())
    }

    #[inline]
    fn serialize_u8(self, value: u8) -> Result<()> {
        self.byte(ValueForm::Byte, value);
        Ok(())
    }

    #[inline]
    fn serialize_u16(self, value: u16) -> Result<()> {
        self.number(ValueForm::Number, u64::from(value));
        Ok(())
    }

    #[inline]
    fn serialize_u32(self, value: u32) -> Result<()> {
        self.number(ValueForm::Number, u64::from(value));
        Ok(())
    }

    #[inline]
    fn serialize_u64(self, value: u64) -> Result<()> {
        self.number(ValueForm::Number, value);
        Ok(())
    }

    fn serialize_u128(self, value: u128) -> Result<()> {
        self.large(ValueForm::Number, value);
        Ok(())
    }

    #[inline]
    fn serialize_f32(self, value: f32) -> Result<()> {
        self.notes.form(ValueForm::Float);
        self.out.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Result<()> {
        self.notes.form(ValueForm::Double);
        self.out.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    #[inline]
    fn serialize_char(self, value: char) -> Result<()> {
        self.text(value.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<()> {
        self.text(value.as_bytes());
        Ok(())
    }

    #[inline]
    fn serialize_bytes(self, value: &[u8]) -> Result<()> {
        self.text(value);
        Ok(())
    }

    #[inline]
    fn serialize_none(self) -> Result<()> {
        self.byte(ValueForm::Option, 0);
        Ok(())
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        self.byte(ValueForm::Option, 1);
        value.serialize(self)
    }

    #[inline]
    fn serialize_unit(self) -> Result<()> {
        Ok(())
    }

    #[inline]
    fn serialize_unit_struct(self, _: &'static str) -> Result<()> {
        Ok(())
    }

    #[inline]
    fn serialize_unit_variant(self, _: &'static str, index: u32, name: &'static str) -> Result<()> {
        self.variant(index, name);
        Ok(())
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<()> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        name: &'static str,
        value: &T,
    ) -> Result<()> {
        self.variant(index, name);
        value.serialize(self)
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Counted<'e, 'o, N>> {
        self.counted(len)
    }

    #[inline]
    fn serialize_tuple(self, _: usize) -> Result<Group<'e, 'o, N>> {
        Ok(self.group())
    }

    #[inline]
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Group<'e, 'o, N>> {
        Ok(self.group())
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Group<'e, 'o, N>> {
        self.variant(index, name);
        Ok(self.group())
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<Counted<'e, 'o, N>> {
        self.counted(len)
    }

    #[inline]
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Group<'e, 'o, N>> {
        Ok(self.group())
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Group<'e, 'o, N>> {
        self.variant(index, name);
        Ok(self.group())
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<()> {
        let mut text = String::new();
        write!(text, "{value}").map_err(|_| Refusal::Failed)?;
        self.serialize_str(&text)
    }
}

impl<N: EncodeObserver> SerializeSeq for Counted<'_, '_, N> {
    type Ok = ();
    type Error = Refusal;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.left = self.left.checked_sub(1).ok_or(Refusal::WrongLength)?;
        value.serialize(&mut *self.encoder)
    }

    #[inline]
    fn end(self) -> Result<()> {
        if self.left == 0 { Ok(()) } else { Err(Refusal::WrongLength) }
    }
}

/// A map is written as the sequence of its pairs.
impl<N: EncodeObserver> SerializeMap for Counted<'_, '_, N> {
    type Ok = ();
    type Error = Refusal;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        self.encoder.notes.form(ValueForm::Group);
        SerializeSeq::serialize_element(self, key)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        value.serialize(&mut *self.encoder)?;
        self.encoder.notes.form(ValueForm::End);
        Ok(())
    }

    #[inline]
    fn end(self) -> Result<()> {
        SerializeSeq::end(self)
    }
}

macro_rules! groups {
    ($($group:ident: $element:ident;)*) => {$(
        impl<N: EncodeObserver> $group for Group<'_, '_, N> {
            type Ok = ();
            type Error = Refusal;

            #[inline]
            fn $element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
                value.serialize(&mut *self.encoder)
            }

            #[inline]
            fn end(self) -> Result<()> {
                self.encoder.notes.form(ValueForm::End);
                Ok(())
            }
        }
    )*};
}

groups! {
    SerializeTuple: serialize_element;
    SerializeTupleStruct: serialize_field;
    SerializeTupleVariant: serialize_field;
}

macro_rules! structs {
    ($($group:ident)*) => {$(
        impl<N: EncodeObserver> $group for Group<'_, '_, N> {
            type Ok = ();
            type Error = Refusal;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(&mut self, _: &'static str, value: &T) -> Result<()> {
                value.serialize(&mut *self.encoder)
            }

            #[cold]
            fn skip_field(&mut self, _: &'static str) -> Result<()> {
                Err(Refusal::SkippedField)
            }

            #[inline]
            fn end(self) -> Result<()> {
                self.encoder.notes.form(ValueForm::End);
                Ok(())
            }
        }
    )*};
}

structs! { SerializeStruct SerializeStructVariant }
