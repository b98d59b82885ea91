//! What derived code calls, so that each thing it needs of a field's type is asked for in one
//! place.
//!
//! ```text
//! struct __Parts;
//! impl KeyPart<__Parts, 1> for User { type Key = String; .. }    the one place that asks for `String: Key`
//! index_part::<User, __Parts, 1>(row, entries)                asks only for `User: KeyPart<__Parts, 1>`
//! ```
//!
//! A field whose type is no key is therefore one error, under its type. `__Parts` is declared
//! beside the implementations and visible only there: without it a public struct could not have a
//! field of a private type as a part. Nothing here does anything of its own.

use super::elements::Elements;
use super::encoding::{Computed, Encoding};
use super::entries::IndexEntries;
use super::mapper::{GeneratesKey, Table};
use crate::error::Fault;
use crate::table::key::{Generated, Key, KeyReader, KeyShape, KeyShapePart, KeyWriter};

/// A field of a struct, which is a key; `Of` says what it is a part for.
pub trait KeyPart<Of, const AT: usize> {
    /// Its type.
    type Key: Key;
    /// Its value.
    fn part(&self) -> &Self::Key;
}

/// A field of a struct, which an index stores in an encoding of its own.
pub trait IndexColumn<Of, const AT: usize> {
    /// Its type.
    type Value;
    /// How it is stored.
    type Encoding: Encoding<Self::Value>;
    /// Its value.
    fn value(&self) -> &Self::Value;
}

/// A field of a struct, whose elements an index stores one by one.
pub trait IndexElements<Of, const AT: usize> {
    /// Its type.
    type Value: Elements;
    /// How an element is stored.
    type Encoding: Encoding<<Self::Value as Elements>::Element>;
    /// Its value, unless the collection itself is missing.
    fn value(&self) -> Option<&Self::Value>;
}

/// A type with a field whose name has this hash; for indexes over nested fields.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not tell the type of this field",
    label = "an index reaches into a `{Self}` here",
    note = "put `#[derive(walnut::Nested)]` on `{Self}`, or give the type of what is indexed: \
            `#[index(city: String = address.city)]`"
)]
pub trait NestedField<const NAME: u64> {
    /// Its type.
    type Type;
}

/// The hash of a digit, as the derive computes it.
const fn ordinal_hash(digit: u8) -> u64 {
    (0xcbf2_9ce4_8422_2325 ^ digit as u64).wrapping_mul(0x0100_0000_01b3)
}

macro_rules! tuple_fields {
    ($([$($all:ident)*] $part:ident $digit:literal;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($all),*> NestedField<{ ordinal_hash($digit) }> for ($($all,)*) {
            type Type = $part;
        }
    )*};
}

tuple_fields! {
    [A] A b'0';
    [A B] A b'0';
    [A B] B b'1';
    [A B C] A b'0';
    [A B C] B b'1';
    [A B C] C b'2';
    [A B C D] A b'0';
    [A B C D] B b'1';
    [A B C D] C b'2';
    [A B C D] D b'3';
}

/// Adds a primary key of one column.
pub fn encode_key<T: Table>(key: &T::PrimaryKey, out: &mut KeyWriter) {
    key.encode(out);
}

/// Whether the primary key's type is [exact](Key::EXACT).
pub const fn key_is_exact<T: Table>() -> bool {
    <T::PrimaryKey as Key>::EXACT
}

/// Adds a part to an entry of an index.
pub fn index_part<T: KeyPart<Of, AT>, Of, const AT: usize>(row: &T, entries: &mut IndexEntries) {
    entries.part(row.part());
}

/// How a part is encoded.
pub fn part_shape<T: KeyPart<Of, AT>, Of, const AT: usize>() -> KeyShape {
    T::Key::key_shape()
}

/// How a column is encoded.
pub fn column_shape<T: IndexColumn<Of, AT>, Of, const AT: usize>() -> KeyShape {
    <T::Encoding as Encoding<T::Value>>::Key::key_shape()
}

/// How an element is encoded.
pub fn elements_shape<T: IndexElements<Of, AT>, Of, const AT: usize>() -> KeyShape {
    <T::Encoding as Encoding<<T::Value as Elements>::Element>>::Key::key_shape()
}

/// The encoding of a value.
pub fn encoding_shape<F: Encoding<V>, V>() -> KeyShape {
    F::Key::key_shape()
}

/// The shape of an enum that is stored by its discriminants.
pub fn enum_shape(variants: &[(&str, i64)]) -> KeyShape {
    let variants = variants.iter().map(|&(name, number)| (name.to_owned(), number));
    KeyShape::of(KeyShapePart::Enum(variants.collect()))
}

/// Adds a column in its encoding to an entry of an index.
pub fn index_column<T: IndexColumn<Of, AT>, Of, const AT: usize>(row: &T, entries: &mut IndexEntries) {
    entries.encoded::<T::Encoding, T::Value>(row.value());
}

/// Adds a part for each element to an entry of an index.
pub fn index_elements<T: IndexElements<Of, AT>, Of, const AT: usize>(row: &T, entries: &mut IndexEntries) {
    match row.value() {
        Some(value) => entries.each::<T::Encoding, T::Value>(value),
        None => entries.leave_out(),
    }
}

/// Adds what a function computed to an entry of an index, which is left out when that is nothing.
pub fn index_computed<V, F: Encoding<V>>(value: impl Computed<V>, entries: &mut IndexEntries) {
    match value.computed() {
        Some(value) => entries.encoded::<F, V>(&value),
        None => entries.leave_out(),
    }
}

/// Adds each element of what a function computed to an entry of an index, which is left out when
/// that is nothing.
pub fn index_computed_elements<V: Elements, F: Encoding<V::Element>>(
    value: impl Computed<V>,
    entries: &mut IndexEntries,
) {
    match value.computed() {
        Some(value) => entries.each::<F, V>(&value),
        None => entries.leave_out(),
    }
}

/// The number of a row's generated key, if it is a counted one.
pub fn generated_number<T: GeneratesKey>(row: &T) -> Option<u128> {
    row.generated_key().number()
}

/// Adds a part.
pub fn encode_part<T: KeyPart<Of, AT>, Of, const AT: usize>(whole: &T, out: &mut KeyWriter) {
    whole.part().encode(out);
}

/// Reads a part back.
pub fn decode_part<T: KeyPart<Of, AT>, Of, const AT: usize>(
    input: &mut KeyReader<'_>,
) -> Result<T::Key, Fault> {
    T::Key::decode(input)
}

/// Skips a part.
pub fn skip_part<T: KeyPart<Of, AT>, Of, const AT: usize>(input: &mut KeyReader<'_>) -> Result<(), Fault> {
    T::Key::skip(input)
}

/// Skips the key of a column.
pub fn skip_column<T: IndexColumn<Of, AT>, Of, const AT: usize>(
    input: &mut KeyReader<'_>,
) -> Result<(), Fault> {
    <T::Encoding as Encoding<T::Value>>::Key::skip(input)
}

/// Skips the key of an element.
pub fn skip_element<T: IndexElements<Of, AT>, Of, const AT: usize>(
    input: &mut KeyReader<'_>,
) -> Result<(), Fault> {
    <T::Encoding as Encoding<<T::Value as Elements>::Element>>::Key::skip(input)
}

/// Skips the key of an encoded value.
pub fn skip_encoding<F: Encoding<V>, V>(input: &mut KeyReader<'_>) -> Result<(), Fault> {
    F::Key::skip(input)
}

/// Whether a part is a missing value.
pub fn part_is_none<T: KeyPart<Of, AT>, Of, const AT: usize>(whole: &T) -> bool {
    whole.part().is_none()
}

/// Whether a part's type is [exact](Key::EXACT).
pub const fn part_is_exact<T: KeyPart<Of, AT>, Of, const AT: usize>() -> bool {
    <T::Key as Key>::EXACT
}

/// Whether a part's type [may be missing](Key::OPTIONAL).
pub const fn part_is_optional<T: KeyPart<Of, AT>, Of, const AT: usize>() -> bool {
    <T::Key as Key>::OPTIONAL
}

/// Whether the key of a column is [exact](Key::EXACT).
pub const fn column_is_exact<T: IndexColumn<Of, AT>, Of, const AT: usize>() -> bool {
    <<T::Encoding as Encoding<T::Value>>::Key as Key>::EXACT
}

/// Whether the key of a column [may be missing](Key::OPTIONAL).
pub const fn column_is_optional<T: IndexColumn<Of, AT>, Of, const AT: usize>() -> bool {
    <<T::Encoding as Encoding<T::Value>>::Key as Key>::OPTIONAL
}

/// Whether the key of an element is [exact](Key::EXACT).
pub const fn element_is_exact<T: IndexElements<Of, AT>, Of, const AT: usize>() -> bool {
    <<T::Encoding as Encoding<<T::Value as Elements>::Element>>::Key as Key>::EXACT
}

/// Whether the key of an element [may be missing](Key::OPTIONAL).
pub const fn element_is_optional<T: IndexElements<Of, AT>, Of, const AT: usize>() -> bool {
    <<T::Encoding as Encoding<<T::Value as Elements>::Element>>::Key as Key>::OPTIONAL
}

/// Whether the key of an encoded value is [exact](Key::EXACT).
pub const fn encoding_is_exact<F: Encoding<V>, V>() -> bool {
    <F::Key as Key>::EXACT
}

/// Whether the key of an encoded value [may be missing](Key::OPTIONAL).
pub const fn encoding_is_optional<F: Encoding<V>, V>() -> bool {
    <F::Key as Key>::OPTIONAL
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::table::Table;

    #[derive(crate::Key, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
    #[walnut(crate = crate)]
    struct UserId(u64);

    #[derive(crate::Key, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
    #[walnut(crate = crate)]
    #[repr(i8)]
    enum Kind {
        Guest = 9,
        Banned = -1,
        Admin,
    }

    #[derive(crate::Key, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[walnut(crate = crate)]
    struct Place<K> {
        country: String,
        region: Option<K>,
        kind: Kind,
    }

    #[derive(crate::Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[table(name = "users", primary_key = (tenant, id), crate = crate)]
    #[index(place_age = (place, age), unique)]
    struct User {
        id: UserId,
        tenant: u32,
        #[index]
        age: Option<u8>,
        place: Place<i16>,
    }

    fn bytes<K: Key>(key: &K) -> Vec<u8> {
        let mut out = KeyWriter::new(&[]);
        key.encode(&mut out);
        out.finish().unwrap().to_vec()
    }

    fn read<K: Key>(bytes: &[u8]) -> Result<K, Fault> {
        K::decode(&mut KeyReader::new(bytes))
    }

    fn kinds() -> impl Strategy<Value = Kind> {
        prop_oneof![Just(Kind::Guest), Just(Kind::Banned), Just(Kind::Admin)]
    }

    prop_compose! {
        fn places()(country in "[a\0]{0,3}", region in any::<Option<i16>>(), kind in kinds()) -> Place<i16> {
            Place { country, region, kind }
        }
    }

    prop_compose! {
        fn users()(id: u64, tenant: u32, age: Option<u8>, place in places()) -> User {
            User { id: UserId(id), tenant, age, place }
        }
    }

    #[test]
    fn a_newtype_is_stored_as_what_it_wraps() {
        assert_eq!(bytes(&UserId(7)), bytes(&7u64));
        assert!(!UserId(7).is_none());
    }

    #[test]
    fn an_enum_is_stored_by_its_discriminant() {
        for (kind, discriminant) in [(Kind::Guest, 9i64), (Kind::Banned, -1), (Kind::Admin, 0)] {
            assert_eq!(bytes(&kind), bytes(&discriminant));
            assert_eq!(read::<Kind>(&bytes(&kind)).unwrap(), kind);
        }
    }

    #[test]
    fn a_discriminant_that_no_variant_has_is_a_fault() {
        assert_eq!(read::<Kind>(&bytes(&1i64)), Err(Fault::Invalid("discriminant of a `Kind`")));
        assert_eq!(read::<Kind>(&[0x80]), Err(Fault::Truncated));
    }

    #[test]
    fn a_key_misses_when_a_part_of_it_misses() {
        let place = |region| Place { country: String::new(), region, kind: Kind::Admin };
        assert!(place(None::<u8>).is_none() && !place(Some(1u8)).is_none());
        assert!(Place::<u8>::ref_is_none(&place(None)));
    }

    #[test]
    fn a_type_is_exact_when_all_parts_are() {
        let _ =
            [const { assert!(<Place<u8> as Key>::EXACT) }, const { assert!(!<Place<f32> as Key>::EXACT) }];
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_struct_of_keys_is_stored_as_the_tuple_of_its_parts(place in places()) {
            let whole = bytes(&place);
            prop_assert_eq!(&whole, &bytes(&(place.country.clone(), place.region, place.kind)));
            let mut input = KeyReader::new(&whole);
            Place::<i16>::skip(&mut input).unwrap();
            prop_assert!(input.rest().is_empty());
            let mut out = KeyWriter::new(&[]);
            Place::encode_ref(&place, &mut out);
            prop_assert_eq!(out.finish().unwrap(), &whole[..]);
            prop_assert_eq!(read::<Place<i16>>(&whole).unwrap(), place);
        }

        #[test]
        fn damaged_bytes_are_a_fault_or_another_key_but_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..24)) {
            let _ = (read::<Place<i16>>(&bytes), read::<Kind>(&bytes), read::<UserId>(&bytes));
        }

        #[test]
        fn a_row_gives_its_key_and_its_entries_in_the_order_of_the_columns(user in users()) {
            let mut key = KeyWriter::new(&[]);
            user.encode_primary_key(&mut key);
            prop_assert_eq!(key.finish().unwrap(), bytes(&(user.tenant, user.id)));

            let expected = [bytes(&(user.place.clone(), user.age)), bytes(&user.age)];
            let missing = [user.place.is_none() || user.age.is_none(), user.age.is_none()];
            prop_assert_eq!(User::SCHEMA.indexes.len(), expected.len());
            for index in 0..expected.len() {
                let mut entries = IndexEntries::new(&[]);
                user.encode_index(index, &mut entries);
                let entries = entries.take();
                prop_assert_eq!(entries.len(), 1);
                prop_assert_eq!(entries[0].key.finish().unwrap(), &expected[index][..]);
                prop_assert_eq!(entries[0].has_none, missing[index]);
            }
        }

        #[test]
        fn a_row_is_read_as_it_was_written(user in users()) {
            let mut out = Vec::new();
            user.encode_row(&mut out).unwrap();
            prop_assert_eq!(User::decode_row(&out).unwrap(), user);
            prop_assert!(User::decode_row(&out[..out.len() - 1]).is_err());
        }
    }

    #[test]
    fn the_names_of_indexes_are_the_schemas() {
        let names = [<User as Table>::ix().place_age, <User as Table>::ix().age];
        for (name, schema) in names.iter().zip(User::SCHEMA.indexes) {
            assert_eq!((name.table, name.index), (User::SCHEMA.name, schema.name));
        }
    }
}
