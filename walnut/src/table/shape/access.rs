//! The serde accessors of a probe: elements, entries, variants, and the names of fields.

use std::any::type_name;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::probe::{FieldId, PathStep, Probe, ProbePosition, ProbeRun, Result, Stop};

pub(super) struct ElementAccess<'r, 'w> {
    pub(super) run: &'r mut ProbeRun<'w>,
    pub(super) beside: usize,
    /// The element on the path, and the position of its contents.
    pub(super) target: Option<(usize, usize)>,
    pub(super) next: usize,
    pub(super) len: usize,
}

impl<'de> SeqAccess<'de> for ElementAccess<'_, '_> {
    type Error = Stop;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        if self.next == self.len {
            return Ok(None);
        }
        let position = match self.target {
            Some((target, position)) if target == self.next => ProbePosition::OnWay(position),
            _ => ProbePosition::Beside(self.beside),
        };
        self.next += 1;
        seeded(self.run, seed, position).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.len - self.next)
    }
}

/// Lets a seed deserialize at a position.
pub(super) fn seeded<'de, S: DeserializeSeed<'de>>(
    run: &mut ProbeRun<'_>,
    seed: S,
    position: ProbePosition,
) -> Result<S::Value> {
    if matches!(position, ProbePosition::OnWay(_)) {
        run.seed = Some(type_name::<S>());
    }
    seed.deserialize(Probe { run, position })
}

/// The entries of a map, or one field of a struct under its key.
pub(super) struct EntryAccess<'r, 'w> {
    pub(super) run: &'r mut ProbeRun<'w>,
    pub(super) step: Option<PathStep>,
    pub(super) position: usize,
    pub(super) beside: usize,
    pub(super) left: usize,
}

impl<'de> MapAccess<'de> for EntryAccess<'_, '_> {
    type Error = Stop;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        match self.step {
            Some(PathStep::Key) => seeded(self.run, seed, ProbePosition::OnWay(self.position)).map(Some),
            Some(PathStep::Field(id)) => seed.deserialize(Name(id)).map(Some),
            Some(PathStep::Identify(id)) => {
                let value = seed.deserialize(Name(id))?;
                self.run.identity.get_or_insert_with(|| identity(&value));
                Err(Stop)
            }
            Some(PathStep::Value) | None => {
                seeded(self.run, seed, ProbePosition::Beside(self.beside)).map(Some)
            }
            Some(_) => Err(Stop),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value> {
        match self.step {
            Some(PathStep::Field(_) | PathStep::Value) => {
                seeded(self.run, seed, ProbePosition::OnWay(self.position))
            }
            _ => seeded(self.run, seed, ProbePosition::Beside(self.beside)),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// Distinguishes what visitors make of identifiers: the variants of an enum.
fn identity<T>(value: &T) -> String {
    format!("{:?}", std::mem::discriminant(value))
}

pub(super) struct VariantChoice<'r, 'w> {
    pub(super) probe: Probe<'r, 'w>,
    pub(super) id: FieldId,
}

impl<'de, 'r, 'w> EnumAccess<'de> for VariantChoice<'r, 'w> {
    type Error = Stop;
    type Variant = Probe<'r, 'w>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Probe<'r, 'w>)> {
        let Self { probe, id } = self;
        let value = seed.deserialize(Name(id))?;
        if let ProbePosition::OnWay(at) = probe.position
            && let Some(PathStep::Identify(_)) = probe.run.way.get(at - 1)
        {
            probe.run.identity.get_or_insert_with(|| identity(&value));
            return Err(Stop);
        }
        Ok((value, probe))
    }
}

/// The name or the ordinal of a field or variant.
struct Name(FieldId);

impl<'de> Deserializer<'de> for Name {
    type Error = Stop;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0 {
            // The decoder of rows passes the ordinal of a variant the same way.
            FieldId::Ordinal(position) => match u32::try_from(position) {
                Ok(position) => visitor.visit_u32(position),
                Err(_) => visitor.visit_u64(position),
            },
            FieldId::Name(name) => visitor.visit_borrowed_str(name),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
