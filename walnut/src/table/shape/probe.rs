//! A probe: a deserializer that follows one path into a type, and returns what serde asks for at
//! its end.
//!
//! ```text
//!   Deserialize::deserialize(probe)    way: field 1, element, some
//!     deserialize_struct               the visitor is offered a map with the one key 1
//!       deserialize_seq                .. an element
//!         deserialize_option           .. something
//!           deserialize_u64            the end: `u64` was asked for. No value is made of it, and the run ends with an error.
//! ```
//!
//! A field of a derived struct is reached by its name alone, so the fields before it need no value.
//! In a tuple, and in an implementation by hand that takes no map, they do: see `fill`.

use std::any::type_name;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, VariantAccess, Visitor};

use super::access::{ElementAccess, EntryAccess, VariantChoice, seeded};
use super::fill::{self, Choices};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PathStep {
    /// To the contents of an option, a newtype or a newtype variant.
    Inner,
    /// To an element, in the order of the visitor.
    Element(usize),
    /// To the field under a key.
    Field(FieldId),
    /// To the key of the first entry of a map.
    Key,
    /// To the value of the first entry of a map.
    Value,
    /// Into a variant.
    Variant(u32),
    /// To what a visitor makes of the name or the ordinal of a field or variant.
    Identify(FieldId),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FieldId {
    Ordinal(u64),
    Name(&'static str),
}

/// The call at the end of a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CallKind {
    Unreadable,
    Bool,
    U8,
    U16,
    U32,
    U64,
    U128,
    I8,
    I16,
    I32,
    I64,
    I128,
    F32,
    F64,
    Char,
    Text,
    Bytes,
    /// Also the contents of a unit variant.
    Unit,
    Option,
    /// Of a struct, or of a variant, which has no name of its own.
    Newtype(&'static str),
    Seq,
    Map,
    Tuple(usize),
    /// Of a struct, or of a variant, which has no name of its own.
    Struct(&'static str, &'static [&'static str]),
    Enum(&'static str, &'static [&'static str]),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Call {
    pub(super) kind: CallKind,
    /// The name of the visitor's type. Two nested calls with the same one are of a recursive type.
    pub(super) visitor: &'static str,
    /// The name of the type that the visitor makes.
    pub(super) value: &'static str,
    /// The name of the seed's type: `PhantomData` of the type, unless the type depends on what was
    /// read before.
    pub(super) seed: Option<&'static str>,
}

/// A run along one path.
#[derive(Default)]
pub(super) struct ProbeRun<'w> {
    pub(super) way: &'w [PathStep],
    found: Option<Call>,
    /// What the visitor made of a name or an ordinal.
    pub(super) identity: Option<String>,
    pub(super) seed: Option<&'static str>,
    choices: Choices,
}

#[derive(Debug)]
pub(super) enum ProbeOutcome {
    Found(Call),
    Identity(String),
    /// The visitor was content before the end of the path.
    NotAsked,
    Refused,
}

/// A run has ended, or a type refuses a sample.
#[derive(Debug)]
pub(super) struct Stop;

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the way ends here")
    }
}

impl std::error::Error for Stop {}

impl de::Error for Stop {
    fn custom<M: fmt::Display>(_: M) -> Self {
        Self
    }
}

pub(super) type Result<T> = std::result::Result<T, Stop>;

/// A deserializer for the traced type.
pub(super) type Begin = fn(Probe<'_, '_>) -> Result<()>;

/// Follows a path into the type behind `begin`.
pub(super) fn follow(begin: Begin, way: &[PathStep]) -> ProbeOutcome {
    let mut run = ProbeRun { way, ..ProbeRun::default() };
    for _ in 0..fill::MAX_TRIES {
        (run.seed, run.found, run.identity) = (None, None, None);
        let result = begin(Probe { run: &mut run, position: ProbePosition::OnWay(0) });
        if let Some(call) = run.found {
            return ProbeOutcome::Found(call);
        }
        if let Some(identity) = run.identity {
            return ProbeOutcome::Identity(identity);
        }
        if result.is_ok() {
            return ProbeOutcome::NotAsked;
        }
        if !run.choices.change_last() {
            break;
        }
    }
    ProbeOutcome::Refused
}

#[derive(Clone, Copy)]
pub(super) enum ProbePosition {
    /// This number of steps along the path.
    OnWay(usize),
    /// Beside it, at this depth in a sample value.
    Beside(usize),
}

/// Reads nothing: it records what serde asks for.
pub(super) struct Probe<'r, 'w> {
    pub(super) run: &'r mut ProbeRun<'w>,
    pub(super) position: ProbePosition,
}

impl Probe<'_, '_> {
    /// The next step on the path, with its position; `None` beside it. At the end of the path it
    /// records the call.
    fn next<'de, V: Visitor<'de>>(&mut self, kind: CallKind) -> Result<Option<(PathStep, usize)>> {
        match self.position {
            ProbePosition::OnWay(at) => {
                if let Some(&step) = self.run.way.get(at) {
                    return Ok(Some((step, at + 1)));
                }
                self.found(kind, type_name::<V>(), type_name::<V::Value>());
                Err(Stop)
            }
            ProbePosition::Beside(depth) if depth < fill::MAX_DEPTH => Ok(None),
            ProbePosition::Beside(_) => Err(Stop),
        }
    }

    /// An error on the path, which cannot continue through a leaf.
    fn leaf<'de, V: Visitor<'de>>(&mut self, kind: CallKind) -> Result<()> {
        match self.next::<V>(kind)? {
            None => Ok(()),
            Some(_) => Err(Stop),
        }
    }

    fn found(&mut self, kind: CallKind, visitor: &'static str, value: &'static str) {
        // The first call counts: a visitor that ignores errors may come here again.
        self.run.found.get_or_insert(Call { kind, visitor, value, seed: self.run.seed });
    }

    fn at(self, position: ProbePosition) -> Self {
        if matches!(position, ProbePosition::OnWay(_)) {
            self.run.seed = None;
        }
        Self { position, ..self }
    }

    fn number(&mut self) -> u8 {
        fill::NUMBERS[self.run.choices.pick(fill::NUMBERS.len())]
    }

    fn text(&mut self) -> &'static str {
        fill::TEXTS[self.run.choices.pick(fill::TEXTS.len())]
    }

    fn zeros(&mut self) -> &'static [u8] {
        &fill::ZEROS[..fill::SIZES[self.run.choices.pick(fill::SIZES.len())]]
    }

    fn deeper(&self) -> ProbePosition {
        match self.position {
            ProbePosition::OnWay(at) => ProbePosition::OnWay(at + 1),
            ProbePosition::Beside(depth) => ProbePosition::Beside(depth + 1),
        }
    }

    fn elements<'de, V: Visitor<'de>>(self, kind: CallKind, len: usize, visitor: V) -> Result<V::Value> {
        let mut this = self;
        let target = match this.next::<V>(kind)? {
            None => None,
            Some((PathStep::Element(target), position)) => Some((target, position)),
            Some(_) => return Err(Stop),
        };
        let position = this.deeper();
        visitor.visit_seq(ElementAccess { run: this.run, beside: beside(position), target, next: 0, len })
    }

    /// Shows a visitor the fields of a struct: by their keys, or one after the other.
    fn fields<'de, V: Visitor<'de>>(
        mut self,
        kind: CallKind,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match self.position {
            ProbePosition::OnWay(at)
                if matches!(self.run.way.get(at), Some(PathStep::Field(_) | PathStep::Identify(_))) =>
            {
                let Some((step, position)) = self.next::<V>(kind)? else { return Err(Stop) };
                visitor.visit_map(EntryAccess {
                    run: self.run,
                    step: Some(step),
                    position,
                    beside: 0,
                    left: 1,
                })
            }
            _ => self.elements(kind, fields.len(), visitor),
        }
    }
}

fn beside(position: ProbePosition) -> usize {
    match position {
        ProbePosition::OnWay(_) => 1,
        ProbePosition::Beside(depth) => depth,
    }
}

/// Methods for leaves: the call, and a sample.
macro_rules! leaves {
    ($($method:ident $kind:ident $visit:ident($sample:expr);)*) => {$(
        fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value> {
            self.leaf::<V>(CallKind::$kind)?;
            let sample: fn(&mut Self) -> _ = $sample;
            visitor.$visit(sample(&mut self))
        }
    )*};
}

impl<'de> Deserializer<'de> for Probe<'_, '_> {
    type Error = Stop;

    leaves! {
        deserialize_bool Bool visit_bool(|probe| probe.number() == 1);
        deserialize_u8 U8 visit_u8(Self::number);
        deserialize_u16 U16 visit_u16(|probe| u16::from(probe.number()));
        deserialize_u32 U32 visit_u32(|probe| u32::from(probe.number()));
        deserialize_u64 U64 visit_u64(|probe| u64::from(probe.number()));
        deserialize_u128 U128 visit_u128(|probe| u128::from(probe.number()));
        deserialize_i8 I8 visit_i8(|probe| probe.number().cast_signed());
        deserialize_i16 I16 visit_i16(|probe| i16::from(probe.number()));
        deserialize_i32 I32 visit_i32(|probe| i32::from(probe.number()));
        deserialize_i64 I64 visit_i64(|probe| i64::from(probe.number()));
        deserialize_i128 I128 visit_i128(|probe| i128::from(probe.number()));
        deserialize_f32 F32 visit_f32(|probe| f32::from(probe.number()));
        deserialize_f64 F64 visit_f64(|probe| f64::from(probe.number()));
        deserialize_char Char visit_char(|probe| if probe.number() == 1 { 'a' } else { '1' });
        deserialize_str Text visit_borrowed_str(Self::text);
        deserialize_string Text visit_str(Self::text);
        deserialize_bytes Bytes visit_borrowed_bytes(Self::zeros);
        deserialize_byte_buf Bytes visit_bytes(Self::zeros);
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_unit<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value> {
        self.leaf::<V>(CallKind::Unit)?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value> {
        match self.next::<V>(CallKind::Option)? {
            Some((PathStep::Inner, position)) => visitor.visit_some(self.at(ProbePosition::OnWay(position))),
            Some(_) => Err(Stop),
            None if self.run.choices.pick(2) == 0 => visitor.visit_none(),
            None => {
                let position = self.deeper();
                visitor.visit_some(self.at(position))
            }
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        match self.next::<V>(CallKind::Newtype(name))? {
            Some((PathStep::Inner, position)) => {
                visitor.visit_newtype_struct(self.at(ProbePosition::OnWay(position)))
            }
            Some(_) => Err(Stop),
            None => {
                let position = self.deeper();
                visitor.visit_newtype_struct(self.at(position))
            }
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let len = if matches!(self.position, ProbePosition::OnWay(_)) { 1 } else { self.run.choices.pick(2) };
        self.elements(CallKind::Seq, len, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value> {
        self.elements(CallKind::Tuple(len), len, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.elements(CallKind::Tuple(len), len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value> {
        let next = self.next::<V>(CallKind::Map)?;
        let beside = beside(self.deeper());
        let (step, position, left) = match next {
            None => (None, 0, self.run.choices.pick(2)),
            Some((step, position)) => (Some(step), position, 1),
        };
        visitor.visit_map(EntryAccess { run: self.run, step, position, beside, left })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.fields(CallKind::Struct(name, fields), fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match self.next::<V>(CallKind::Enum(name, variants))? {
            Some((PathStep::Variant(variant), position)) => visitor.visit_enum(VariantChoice {
                probe: self.at(ProbePosition::OnWay(position)),
                id: FieldId::Ordinal(variant.into()),
            }),
            Some((PathStep::Identify(id), position)) => {
                visitor.visit_enum(VariantChoice { probe: self.at(ProbePosition::OnWay(position)), id })
            }
            Some(_) => Err(Stop),
            None => {
                let variant = self.run.choices.pick(variants.len());
                let position = self.deeper();
                visitor.visit_enum(VariantChoice {
                    probe: self.at(position),
                    id: FieldId::Ordinal(variant as u64),
                })
            }
        }
    }

    // The bytes carry no types and no names, so these cannot be decoded.

    fn deserialize_any<V: Visitor<'de>>(mut self, _: V) -> Result<V::Value> {
        self.leaf::<V>(CallKind::Unreadable)?;
        Err(Stop)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_any(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_any(visitor)
    }
}

struct NoVisitor;

impl Visitor<'_> for NoVisitor {
    type Value = ();

    fn expecting(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl<'de> VariantAccess<'de> for Probe<'_, '_> {
    type Error = Stop;

    fn unit_variant(mut self) -> Result<()> {
        self.leaf::<NoVisitor>(CallKind::Unit)
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(mut self, seed: S) -> Result<S::Value> {
        match self.next::<NoVisitor>(CallKind::Newtype(""))? {
            Some((PathStep::Inner, position)) => seeded(self.run, seed, ProbePosition::OnWay(position)),
            Some(_) => Err(Stop),
            None => {
                let position = self.deeper();
                seeded(self.run, seed, position)
            }
        }
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value> {
        self.elements(CallKind::Tuple(len), len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.fields(CallKind::Struct("", fields), fields, visitor)
    }
}
