//! A decoder for postcard, in place.
//!
//! The bytes are those of the crate `postcard` ("The Postcard Wire Format",
//! postcard.jamesmunns.com/wire-format), which writes them; this decoder accepts and refuses the
//! same. It exists because decoding is half of the cost of a scan: a varint of several bytes is
//! read in one step, without a branch for each byte.
//!
//! 1. Nothing is read behind the end of the bytes, and no memory is allocated for a size that
//!    exceeds them.
//! 2. With a [`TraceComparison`](super::trace::TraceComparison) as `C` each value is compared with
//!    the form in which it was written; with `()` nothing is compared, at no cost.

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::decode_error::RowDecodeError;
use super::trace::{DecodeObserver, ValueForm};
use crate::codec::{long_text, text};

pub(super) struct Decoder<'de, C> {
    rest: &'de [u8],
    /// The last eight bytes of all, the very last one most significant; zeros before the first.
    tail: u64,
    pub(super) compare: C,
}

type Result<T> = std::result::Result<T, RowDecodeError>;

impl<'de, C: DecodeObserver> Decoder<'de, C> {
    pub(super) fn new(bytes: &'de [u8], compare: C) -> Self {
        let tail = match bytes.last_chunk() {
            Some(tail) => u64::from_le_bytes(*tail),
            None => bytes.iter().fold(0, |tail, &byte| tail >> 8 | u64::from(byte) << 56),
        };
        Self { rest: bytes, tail, compare }
    }

    pub(super) fn rest(&self) -> &'de [u8] {
        self.rest
    }

    fn refuse<T>(&mut self, reason: &'static str) -> Result<T> {
        self.compare.refuse(reason);
        Err(RowDecodeError)
    }

    #[inline]
    fn byte(&mut self) -> Result<u8> {
        let (&byte, rest) = self.rest.split_first().ok_or(RowDecodeError)?;
        self.rest = rest;
        Ok(byte)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (&array, rest) = self.rest.split_first_chunk().ok_or(RowDecodeError)?;
        self.rest = rest;
        Ok(array)
    }

    /// Bytes with their length in front.
    #[inline]
    fn bytes(&mut self) -> Result<&'de [u8]> {
        let size = self.size(ValueForm::Text)?;
        let (bytes, rest) = self.rest.split_at_checked(size).ok_or(RowDecodeError)?;
        self.rest = rest;
        Ok(bytes)
    }

    #[inline]
    fn text(&mut self) -> Result<&'de str> {
        text(self.bytes()?).map_err(|_| RowDecodeError)
    }

    #[inline]
    fn size(&mut self, form: ValueForm) -> Result<usize> {
        self.compare.form(form)?;
        let size = usize::try_from(self.varint::<10>()?).map_err(|_| RowDecodeError)?;
        self.compare.count(form, size)?;
        Ok(size)
    }

    /// Fields without a length in front.
    #[inline]
    fn group<V: Visitor<'de>>(&mut self, left: usize, visitor: V) -> Result<V::Value> {
        if !C::COMPARES {
            return visitor.visit_seq(Items { decoder: self, left });
        }
        self.compare.form(ValueForm::Group)?;
        let value = visitor.visit_seq(Items { decoder: self, left })?;
        self.compare.form(ValueForm::End)?;
        Ok(value)
    }

    /// A varint of at most `MAX` bytes: seven bits a byte, the lowest first; the eighth bit is set
    /// if more follow.
    #[inline]
    fn varint<const MAX: usize>(&mut self) -> Result<u64> {
        let Some(&first) = self.rest.first() else { return Err(RowDecodeError) };
        if first < 0x80 {
            self.rest = &self.rest[1..];
            return Ok(u64::from(first));
        }
        self.long_varint::<MAX>()
    }

    #[inline]
    fn long_varint<const MAX: usize>(&mut self) -> Result<u64> {
        let word = match self.rest.first_chunk() {
            Some(word) => u64::from_le_bytes(*word),
            // Zeros follow the last byte.
            None => self.tail >> (8 * (8 - self.rest.len())),
        };
        let ends = !word & 0x8080_8080_8080_8080;
        // More than eight bytes: the largest numbers, or a fault.
        if ends == 0 {
            return u64::try_from(self.varint_by_byte(MAX)?).map_err(|_| RowDecodeError);
        }
        let size = ends.trailing_zeros() as usize / 8 + 1;
        if size > MAX {
            return Err(RowDecodeError);
        }
        self.rest = self.rest.get(size..).ok_or(RowDecodeError)?;
        Ok(close_ranks(word & (ends ^ (ends - 1))))
    }

    /// The same for up to 128 bits (`max` is 19 then), byte by byte.
    #[cold]
    fn varint_by_byte(&mut self, max: usize) -> Result<u128> {
        let mut value = 0;
        for group in 0..max {
            let byte = self.byte()?;
            let bits = u128::from(byte & 0x7f);
            if bits << (7 * group) >> (7 * group) != bits {
                return Err(RowDecodeError);
            }
            value |= bits << (7 * group);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(RowDecodeError)
    }

    #[inline]
    fn u16(&mut self) -> Result<u16> {
        u16::try_from(self.varint::<3>()?).map_err(|_| RowDecodeError)
    }

    #[inline]
    fn u32(&mut self) -> Result<u32> {
        u32::try_from(self.varint::<5>()?).map_err(|_| RowDecodeError)
    }

    #[inline]
    fn u64(&mut self) -> Result<u64> {
        self.varint::<10>()
    }
}

/// Moves the seven lower bits of each byte together.
#[inline]
fn close_ranks(word: u64) -> u64 {
    let word = word & 0x007f_007f_007f_007f | (word & 0x7f00_7f00_7f00_7f00) >> 1;
    let word = word & 0x0000_3fff_0000_3fff | (word & 0x3fff_0000_3fff_0000) >> 2;
    word & 0x0000_0000_0fff_ffff | (word & 0x0fff_ffff_0000_0000) >> 4
}

/// The signed number of a zigzag: 0, 1, 2, 3, .. are 0, -1, 1, -2, ..
macro_rules! unzigzag {
    ($number:expr, $signed:ty) => {{
        let number = $number;
        (number >> 1).cast_signed() ^ -((number & 1).cast_signed() as $signed)
    }};
}

impl<'de, C: DecodeObserver> Deserializer<'de> for &mut Decoder<'de, C> {
    type Error = RowDecodeError;

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }

    #[inline]
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.compare.form(ValueForm::Byte)?;
        match self.byte()? {
            0 => visitor.visit_bool(false),
            1 => visitor.visit_bool(true),
            _ => Err(RowDecodeError),
        }
    }

    #[inline]
    fn deserialize_i8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.compare.form(ValueForm::Byte)?;
        visitor.visit_i8(self.byte()?.cast_signed())
    }

    #[inline]
    fn deserialize_i16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.compare.form(ValueForm::Signed)?;
        visitor.visit_i16(unzigzag!(self.u16()?, i16))
    }

    #[inline]
    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.compare.form(ValueForm::Signed)?;
        visitor.visit_i32(unzigzag!(self.u32()?, i32))
    }

    #[inline]
    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.compare.form(ValueForm::Signed)?;
        visitor.visit_i64(unzigzag!(self.u64()?, i64))
    }

    #[inline]
    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.compare.form(ValueForm::Signed)?;
        visitor.visit_i128(unzigzag!(self.varint_by_byte(19)?, i128))
    }

    #[inline]
    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.compare.form(ValueForm::Byte)?;
        visitor.visit_u8(self.byte()?)
    }

    #[inline]
    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.compare.form(ValueForm::Number)?;
        visitor.visit_u16(self.u16()?)
    }

    #[inline]
    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.compare.form(ValueForm::Number)?;
        visitor.visit_u32(self.u32()?)
    }

    #[inline]
    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.compare.form(ValueForm::Number)?;
        visitor.visit_u64(self.u64()?)
    }

    #[inline]
    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.compare.form(ValueForm::Number)?;
        visitor.visit_u128(self.varint_by_byte(19)?)
    }

    #[inline]
    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.compare.form(ValueForm::Float)?;
        visitor.visit_f32(f32::from_le_bytes(self.array()?))
    }

    #[inline]
    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.compare.form(ValueForm::Double)?;
        visitor.visit_f64(f64::from_le_bytes(self.array()?))
    }

    #[inline]
    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        // Postcard reads the first of several letters if they take no more bytes than one may.
        let text = self.text()?;
        match text.chars().next() {
            Some(char) if text.len() <= char::MAX.len_utf8() => visitor.visit_char(char),
            _ => Err(RowDecodeError),
        }
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_borrowed_str(self.text()?)
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        // Text of less than 128 bytes has a length of one byte.
        if self.rest.first().is_none_or(|first| *first < 0x80) {
            visitor.visit_str(self.text()?)
        } else {
            visitor.visit_string(long_text(self.bytes()?).map_err(|_| RowDecodeError)?)
        }
    }

    #[inline]
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_borrowed_bytes(self.bytes()?)
    }

    #[inline]
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_bytes(self.bytes()?)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.compare.form(ValueForm::Option)?;
        match self.byte()? {
            0 => visitor.visit_none(),
            1 => visitor.visit_some(self),
            _ => Err(RowDecodeError),
        }
    }

    #[inline]
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let left = self.size(ValueForm::Sequence)?;
        visitor.visit_seq(Items { decoder: self, left })
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value> {
        self.group(len, visitor)
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.group(len, visitor)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let left = self.size(ValueForm::Sequence)?;
        visitor.visit_map(Items { decoder: self, left })
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.group(fields.len(), visitor)
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.compare.variants(variants)?;
        visitor.visit_enum(self)
    }

    // The bytes do not describe themselves, so such a type cannot be decoded.

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value> {
        self.refuse("a type in it asks what the bytes are (`deserialize_any`), as with `untagged` or `tag`")
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _: V) -> Result<V::Value> {
        self.refuse("a type in it asks for a name, as with `tag`, and names are not stored")
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value> {
        self.refuse("a type in it passes over what it does not know, and nothing tells where that ends")
    }
}

/// The elements of a sequence or the entries of a map that are left.
struct Items<'d, 'de, C> {
    decoder: &'d mut Decoder<'de, C>,
    left: usize,
}

impl<'de, C: DecodeObserver> SeqAccess<'de> for Items<'_, 'de, C> {
    type Error = RowDecodeError;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(&mut *self.decoder).map(Some)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        // An element takes at least a byte, unless elements take no memory at all.
        Some(self.left).filter(|&left| left <= self.decoder.rest.len())
    }
}

impl<'de, C: DecodeObserver> MapAccess<'de> for Items<'_, 'de, C> {
    type Error = RowDecodeError;

    #[inline]
    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        if self.left > 0 {
            self.decoder.compare.form(ValueForm::Group)?;
        }
        self.next_element_seed(seed)
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value> {
        let value = seed.deserialize(&mut *self.decoder);
        if C::COMPARES {
            self.decoder.compare.form(ValueForm::End)?;
        }
        value
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        SeqAccess::size_hint(self)
    }
}

impl<'de, C: DecodeObserver> EnumAccess<'de> for &mut Decoder<'de, C> {
    type Error = RowDecodeError;
    type Variant = Self;

    #[inline]
    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self)> {
        let ordinal = self.u32()?;
        self.compare.variant(ordinal)?;
        Ok((seed.deserialize(ordinal.into_deserializer())?, self))
    }
}

impl<'de, C: DecodeObserver> VariantAccess<'de> for &mut Decoder<'de, C> {
    type Error = RowDecodeError;

    #[inline]
    fn unit_variant(self) -> Result<()> {
        Ok(())
    }

    #[inline]
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value> {
        seed.deserialize(self)
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value> {
        self.group(len, visitor)
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.group(fields.len(), visitor)
    }
}
