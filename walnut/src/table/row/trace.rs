//! The forms in which a row was encoded, compared with those in which it is decoded.
//!
//! The bytes of a row carry no types, so a row that is decoded in other forms may become another
//! row. A form says how many bytes a value takes, unless the bytes say so themselves; a `u32` and a
//! `u64` are one form, a number. By induction, equal forms are read at equal offsets.
//!
//! ```text
//!   written   group  number  text  group  byte  end  end
//!   read      group  number  text  group  byte  end  end      the same: each value is read from its own bytes
//! ```
//!
//! 1. Units, newtypes and empty groups have no bytes and no form, so a trace is at most a small
//!    multiple of the row. Runs of single bytes are counted: the trace of a blob is a few bytes.
//! 2. Text, bytes and a sequence of single bytes have equal bytes; only the type that decodes them
//!    differs.

use super::decode_error::RowDecodeError;
use crate::codec::{Reader, Writer};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum ValueForm {
    /// A `bool`, `u8` or `i8`.
    Byte,
    /// A longer unsigned number, as a varint.
    Number,
    /// A longer signed number, as a varint.
    Signed,
    Float,
    Double,
    /// A length and this number of bytes: text, a `char`, bytes.
    Text,
    /// Whether there is a value, which follows.
    Option,
    /// A length and this number of elements; of a map, pairs.
    Sequence,
    /// The ordinal of a variant, whose contents follow.
    Variant,
    /// The beginning of a struct's or a tuple's fields.
    Group,
    /// Their end.
    End,
}

impl ValueForm {
    const ALL: [Self; 11] = [
        Self::Byte,
        Self::Number,
        Self::Signed,
        Self::Float,
        Self::Double,
        Self::Text,
        Self::Option,
        Self::Sequence,
        Self::Variant,
        Self::Group,
        Self::End,
    ];

    /// The form in words, for an error.
    fn name(self) -> &'static str {
        match self {
            Self::Byte => "a `bool` or a number of one byte",
            Self::Number => "an unsigned number",
            Self::Signed => "a signed number",
            Self::Float => "an `f32`",
            Self::Double => "an `f64`",
            Self::Text => "text or bytes",
            Self::Option => "an `Option`",
            Self::Sequence => "a sequence or a map",
            Self::Variant => "a variant of an enum",
            Self::Group => "a struct or a tuple",
            Self::End => "the end of a struct or a tuple",
        }
    }
}

/// Called by the encoder for each value that it writes.
pub(super) trait EncodeObserver {
    fn form(&mut self, form: ValueForm);
    fn variant(&mut self, name: &'static str);
}

/// Records nothing.
impl EncodeObserver for () {
    #[inline(always)]
    fn form(&mut self, _: ValueForm) {}

    #[inline(always)]
    fn variant(&mut self, _: &'static str) {}
}

/// The forms of an encoded row.
pub(super) struct Trace {
    /// One byte each. A variant is followed by the ordinal of its name, single bytes by their
    /// number, as a varint.
    forms: Vec<u8>,
    /// Trailing single bytes that are not in `forms` yet.
    run: u64,
    /// Trailing groups that are empty so far.
    empty: usize,
    /// The distinct names of variants.
    names: Vec<&'static str>,
}

impl EncodeObserver for Trace {
    #[inline]
    fn form(&mut self, form: ValueForm) {
        match form {
            ValueForm::Byte if self.empty == 0 => self.run += 1,
            ValueForm::Group => self.empty += 1,
            ValueForm::End if self.empty > 0 => self.empty -= 1,
            _ => self.push(form),
        }
    }

    fn variant(&mut self, name: &'static str) {
        self.form(ValueForm::Variant);
        let known = self.names.iter().position(|known| std::ptr::eq(*known, name));
        let ordinal = known.unwrap_or_else(|| {
            self.names.push(name);
            self.names.len() - 1
        });
        self.forms.put_varint(ordinal as u64);
    }
}

impl Trace {
    pub(super) fn new() -> Self {
        // Enough for most rows, so that it does not grow step by step.
        Self { forms: Vec::with_capacity(64), run: 0, empty: 0, names: Vec::new() }
    }

    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.forms.len()
    }

    #[inline(never)]
    fn push(&mut self, form: ValueForm) {
        self.end_run();
        self.forms.extend(std::iter::repeat_n(ValueForm::Group as u8, self.empty));
        self.empty = 0;
        if form == ValueForm::Byte { self.run = 1 } else { self.forms.push(form as u8) }
    }

    fn end_run(&mut self) {
        if self.run > 0 {
            self.forms.push(ValueForm::Byte as u8);
            self.forms.put_varint(self.run);
            self.run = 0;
        }
    }

    /// The trace, to be compared with a decoding.
    pub(super) fn comparison(&mut self) -> TraceComparison<'_> {
        self.end_run();
        TraceComparison {
            forms: Reader::new(&self.forms),
            names: &self.names,
            empty: 0,
            sized: ValueForm::Text,
            bytes: 0,
            name: None,
            variants: &[],
            reason: None,
        }
    }
}

/// Called by the decoder for each value before it is read.
pub(super) trait DecodeObserver {
    /// Whether anything is compared, so that calls for this alone cost nothing otherwise.
    const COMPARES: bool;

    fn form(&mut self, form: ValueForm) -> Result<(), RowDecodeError>;
    /// A sequence or text with this number of elements or bytes; a call for each element follows.
    fn count(&mut self, read: ValueForm, count: usize) -> Result<(), RowDecodeError>;
    fn variants(&mut self, names: &'static [&'static str]) -> Result<(), RowDecodeError>;
    /// The variant that was found in an enum.
    fn variant(&mut self, ordinal: u32) -> Result<(), RowDecodeError>;
    /// The type cannot be decoded.
    fn refuse(&mut self, reason: &'static str);
}

/// Compares nothing.
impl DecodeObserver for () {
    const COMPARES: bool = false;

    #[inline(always)]
    fn form(&mut self, _: ValueForm) -> Result<(), RowDecodeError> {
        Ok(())
    }

    #[inline(always)]
    fn count(&mut self, _: ValueForm, _: usize) -> Result<(), RowDecodeError> {
        Ok(())
    }

    #[inline(always)]
    fn variants(&mut self, _: &'static [&'static str]) -> Result<(), RowDecodeError> {
        Ok(())
    }

    #[inline(always)]
    fn variant(&mut self, _: u32) -> Result<(), RowDecodeError> {
        Ok(())
    }

    #[inline(always)]
    fn refuse(&mut self, _: &'static str) {}
}

/// Why an encoded row is not the decoded one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mismatch {
    /// Encoded in one form and decoded in another.
    Forms { written: &'static str, read: &'static str },
    /// Something else, as the end of a sentence.
    Other(&'static str),
}

pub(super) struct TraceComparison<'t> {
    forms: Reader<'t>,
    names: &'t [&'static str],
    /// Groups that were begun last, in which nothing was decoded yet.
    empty: usize,
    /// The form of the length that is being decoded: text, or a sequence.
    sized: ValueForm,
    /// Single bytes that were encoded, as text or in a run, and not decoded yet.
    bytes: usize,
    /// The name of the encoded variant, until its ordinal is known.
    name: Option<&'static str>,
    variants: &'static [&'static str],
    reason: Option<Mismatch>,
}

impl TraceComparison<'_> {
    /// An error unless everything was decoded.
    pub(super) fn finish(&mut self) -> Result<(), RowDecodeError> {
        match self.next() {
            None if self.bytes == 0 => Ok(()),
            written => self.differ(written.unwrap_or(ValueForm::Byte), "nothing more"),
        }
    }

    /// Why the rows differ, if that is known.
    pub(super) fn reason(&self) -> Option<Mismatch> {
        self.reason
    }

    fn next(&mut self) -> Option<ValueForm> {
        let [byte] = *self.forms.bytes(1).ok()? else { return None };
        let form = ValueForm::ALL.get(usize::from(byte)).copied();
        if let Some(ValueForm::Variant | ValueForm::Byte) = form {
            let number = self.forms.varint().ok().and_then(|number| usize::try_from(number).ok())?;
            if form == Some(ValueForm::Byte) {
                self.bytes = number.checked_sub(1)?;
            } else {
                self.name = self.names.get(number).copied();
            }
        }
        form
    }

    /// The next form; the groups that were begun come first.
    fn take(&mut self, read: ValueForm) -> Result<ValueForm, RowDecodeError> {
        if self.bytes > 0 {
            return self.differ_from(Some(ValueForm::Byte), read);
        }
        for _ in 0..std::mem::take(&mut self.empty) {
            match self.next() {
                Some(ValueForm::Group) => {}
                written => return self.differ_from(written, ValueForm::Group),
            }
        }
        match self.next() {
            Some(written) => Ok(written),
            None => self.differ_from(None, read),
        }
    }

    #[inline(never)]
    fn compare(&mut self, form: ValueForm) -> Result<(), RowDecodeError> {
        match self.take(form)? {
            written @ (ValueForm::Text | ValueForm::Sequence)
                if matches!(form, ValueForm::Text | ValueForm::Sequence) =>
            {
                self.sized = written;
                Ok(())
            }
            written if written == form => Ok(()),
            // The ordinal of a variant is a number.
            ValueForm::Variant if form == ValueForm::Number => Ok(()),
            written => self.differ_from(Some(written), form),
        }
    }

    fn differ_from<T>(&mut self, written: Option<ValueForm>, read: ValueForm) -> Result<T, RowDecodeError> {
        let written = written.map_or("nothing more", ValueForm::name);
        self.reason.get_or_insert(Mismatch::Forms { written, read: read.name() });
        Err(RowDecodeError)
    }

    fn differ<T>(&mut self, written: ValueForm, read: &'static str) -> Result<T, RowDecodeError> {
        self.reason.get_or_insert(Mismatch::Forms { written: written.name(), read });
        Err(RowDecodeError)
    }
}

impl DecodeObserver for TraceComparison<'_> {
    const COMPARES: bool = true;

    #[inline]
    fn form(&mut self, form: ValueForm) -> Result<(), RowDecodeError> {
        match form {
            ValueForm::Byte if self.bytes > 0 && self.empty == 0 => self.bytes -= 1,
            ValueForm::Group => self.empty += 1,
            ValueForm::End if self.empty > 0 => self.empty -= 1,
            _ => return self.compare(form),
        }
        Ok(())
    }

    fn count(&mut self, read: ValueForm, count: usize) -> Result<(), RowDecodeError> {
        match (self.sized, read) {
            (ValueForm::Text, ValueForm::Sequence) => self.bytes = count,
            (ValueForm::Sequence, ValueForm::Text) => {
                return (0..count).try_for_each(|_| self.form(ValueForm::Byte));
            }
            _ => {}
        }
        Ok(())
    }

    fn variants(&mut self, names: &'static [&'static str]) -> Result<(), RowDecodeError> {
        self.name = None;
        self.variants = names;
        match self.take(ValueForm::Variant)? {
            ValueForm::Variant | ValueForm::Number => Ok(()),
            written => self.differ_from(Some(written), ValueForm::Variant),
        }
    }

    fn variant(&mut self, ordinal: u32) -> Result<(), RowDecodeError> {
        // A name has its variant's ordinal, or a greater one if earlier variants have other names
        // too (`alias`). If it is less, a variant is left out of the decoded type and not of the
        // encoded one.
        let found = self.name.take().and_then(|name| self.variants.iter().position(|known| *known == name));
        if found.is_some_and(|found| found < ordinal as usize) {
            self.reason.get_or_insert(Mismatch::Other(
                "a variant of an enum is read as another one, as when one before it has `#[serde(skip)]`",
            ));
            return Err(RowDecodeError);
        }
        Ok(())
    }

    fn refuse(&mut self, reason: &'static str) {
        self.reason.get_or_insert(Mismatch::Other(reason));
    }
}
