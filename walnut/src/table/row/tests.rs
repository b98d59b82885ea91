//! The decoder reads what postcard writes, and refuses what postcard refuses.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "numbers of every size are made of one"
)]

use std::collections::BTreeMap;
use std::fmt::Debug;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::decoder::Decoder;
use super::encoder::Encoder;
use super::trace::Trace;
use super::{read, write, write_and_read};

/// Something of every kind that serde knows.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
struct Everything {
    flag: bool,
    small: (u8, i8),
    signed: (i16, i32, i64, i128),
    unsigned: (u16, u32, u64, u128),
    floats: [f32; 2],
    double: f64,
    letter: char,
    text: String,
    bytes: Vec<u8>,
    maybe: Option<Box<str>>,
    nothing: ((), Nothing),
    wrapped: Wrapped,
    pair: Pair,
    list: Vec<Variant>,
    map: BTreeMap<String, Option<i32>>,
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
struct Nothing;

#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
struct Wrapped(u64);

#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
struct Pair(i64, String);

#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
enum Variant {
    Unit,
    Newtype(String),
    Tuple(u8, i64),
    Struct { name: String, count: u32 },
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z ]{0,40}", "\\PC{0,20}"]
}

fn number() -> impl Strategy<Value = u128> {
    (any::<u128>(), 0u32..=128).prop_map(|(number, shift)| number.checked_shr(shift).unwrap_or_default())
}

fn variant() -> impl Strategy<Value = Variant> {
    prop_oneof![
        Just(Variant::Unit),
        text().prop_map(Variant::Newtype),
        (any::<u8>(), number()).prop_map(|(byte, number)| Variant::Tuple(byte, number as i64)),
        (text(), number()).prop_map(|(name, count)| Variant::Struct { name, count: count as u32 }),
    ]
}

fn everything() -> impl Strategy<Value = Everything> {
    let numbers = [number(), number(), number(), number(), number()];
    let texts = (text(), text(), prop::option::of(text()), vec(any::<u8>(), 0..300));
    let lists = (vec(variant(), 0..4), btree_map(text(), prop::option::of(any::<i32>()), 0..4));
    (any::<(bool, u8, i8, f64, char)>(), numbers, texts, lists).prop_map(|(simple, numbers, texts, lists)| {
        let (flag, byte, signed_byte, double, letter) = simple;
        let [first, second, third, fourth, fifth] = numbers;
        let (text, more, maybe, bytes) = texts;
        Everything {
            flag,
            small: (byte, signed_byte),
            signed: (first as i16, second as i32, third as i64, fourth as i128),
            unsigned: (fifth as u16, first as u32, second as u64, third),
            floats: [double as f32, 0.5],
            double,
            letter,
            text,
            bytes,
            maybe: maybe.map(Into::into),
            nothing: ((), Nothing),
            wrapped: Wrapped(fourth as u64),
            pair: Pair(fifth as i64, more),
            list: lists.0,
            map: lists.1,
        }
    })
}

/// What the decoder makes of the bytes, and what it leaves.
fn ours<T: DeserializeOwned>(bytes: &[u8]) -> Option<(T, &[u8])> {
    let mut decoder = Decoder::new(bytes, ());
    let value = T::deserialize(&mut decoder).ok()?;
    Some((value, decoder.rest()))
}

/// That the decoder and postcard agree about the bytes.
fn agree<T: DeserializeOwned + Serialize + Debug>(bytes: &[u8]) -> Result<(), TestCaseError> {
    // As bytes again, so that values that are not equal to themselves are compared as well.
    let again = |(value, rest): (T, &[u8])| (postcard::to_stdvec(&value).expect("it was read"), rest.len());
    prop_assert_eq!(ours::<T>(bytes).map(again), postcard::take_from_bytes::<T>(bytes).ok().map(again));
    Ok(())
}

fn agree_about_each_kind(bytes: &[u8]) -> Result<(), TestCaseError> {
    agree::<Everything>(bytes)?;
    agree::<Variant>(bytes)?;
    agree::<(u16, i16)>(bytes)?;
    agree::<(u32, i32)>(bytes)?;
    agree::<(u64, i64)>(bytes)?;
    agree::<(u128, i128)>(bytes)?;
    agree::<(bool, char, Option<u8>)>(bytes)?;
    agree::<[char; 2]>(bytes)?;
    agree::<(f32, f64)>(bytes)?;
    agree::<(String, Vec<u16>)>(bytes)?;
    agree::<BTreeMap<u8, i8>>(bytes)
}

proptest! {
    #[test]
    fn what_postcard_writes_comes_back(value in everything()) {
        let mut bytes = Vec::new();
        write(&value, &mut bytes).expect("it has a form");
        prop_assert_eq!(read::<Everything>(&bytes), Ok(value));
        bytes.push(0);
        prop_assert!(read::<Everything>(&bytes).is_err(), "a byte is left");
    }

    #[test]
    fn encoder_and_postcard_write_the_same_bytes(value in everything()) {
        let expected = postcard::to_stdvec(&value).expect("it has a form");
        let mut bytes = vec![7];
        write(&value, &mut bytes).expect("it has a form");
        prop_assert_eq!(&bytes[1..], &expected);
        let read = write_and_read(&value, &mut bytes).expect("it is read as it was written");
        prop_assert_eq!(&bytes[1..], [&expected[..], &expected].concat());
        prop_assert_eq!(read, value);
    }

    #[test]
    fn decoder_and_postcard_agree_about_damaged_bytes(
        value in everything(),
        hits in vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        end in any::<prop::sample::Index>(),
    ) {
        let mut bytes = postcard::to_stdvec(&value).expect("it has a form");
        for (ordinal, byte) in hits {
            let ordinal = ordinal.index(bytes.len());
            bytes[ordinal] = byte;
        }
        agree_about_each_kind(&bytes)?;
        agree_about_each_kind(&bytes[..end.index(bytes.len())])?;
    }

    #[test]
    fn decoder_and_postcard_agree_about_any_bytes(
        bytes in vec(prop_oneof![3 => 0x80u8.., 2 => 0u8..4, 1 => any::<u8>()], 0..40),
    ) {
        agree_about_each_kind(&bytes)?;
    }
}

/// Numbers end at each of their bytes, at the end of the bytes or not, and are too large by one
/// bit.
#[test]
fn decoder_and_postcard_agree_about_numbers_of_every_size() {
    for size in 0..20 {
        for last in [0x00, 0x01, 0x02, 0x03, 0x04, 0x0f, 0x10, 0x7f, 0x80] {
            for more in 0..12 {
                let bytes = [vec![0xff; size], vec![last], vec![0; more]].concat();
                agree_about_each_kind(&bytes).unwrap_or_else(|fault| panic!("{bytes:x?}: {fault}"));
            }
        }
    }
}

/// Letters are of every number of bytes, and one to three stand where one is read.
#[test]
fn decoder_and_postcard_agree_about_letters() {
    for size in 0..6 {
        for text in ["", "a", "ab", "abc", "abcd", "é", "aé", "éa", "éé", "€", "a€", "€a", "é€", "🌰", "🌰a"]
        {
            let bytes = [&[size], text.as_bytes(), b"\0\x01z\0"].concat();
            agree_about_each_kind(&bytes).unwrap_or_else(|fault| panic!("{bytes:x?}: {fault}"));
        }
    }
}

#[test]
fn a_size_that_is_not_there_takes_no_memory() {
    let mut bytes = Vec::new();
    write(&u64::MAX, &mut bytes).expect("a number has a form");
    assert!(read::<String>(&bytes).is_err());
    assert!(read::<Vec<u64>>(&bytes).is_err());
    assert!(read::<BTreeMap<u64, u64>>(&bytes).is_err());
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(number: &u8) -> bool {
    *number == 0
}

#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Debug)]
struct LeavesOut(#[serde(skip_serializing_if = "is_zero")] u8, u8);

/// The bytes are those of another row as well, which would be written as the same bytes.
#[test]
fn a_row_that_can_be_read_as_another_one_is_refused() {
    let mut bytes = Vec::new();
    let row = (LeavesOut(0, 5), 128u32);
    write(&row, &mut bytes).expect("it has a form");
    assert_eq!(read::<(LeavesOut, u32)>(&bytes), Ok((LeavesOut(5, 128), 1)));
    write_and_read(&row, &mut bytes).expect_err("it would be misread");
    let row = (LeavesOut(7, 5), 128u32);
    assert_eq!(write_and_read(&row, &mut bytes), Ok(row));
}

/// Where a struct begins or ends between single bytes is noted.
#[test]
fn bytes_are_compared_within_their_groups() {
    fn reads<W: Serialize, R: DeserializeOwned>(written: &W) -> bool {
        let mut bytes = Vec::new();
        let mut encoder = Encoder { out: &mut bytes, notes: Trace::new() };
        written.serialize(&mut encoder).expect("it has a form");
        let mut trace = encoder.notes;
        let mut decoder = Decoder::new(&bytes, trace.comparison());
        R::deserialize(&mut decoder).is_ok() && decoder.compare.finish().is_ok()
    }
    let written = (1u8, (2u8, 3u8), vec![4u8, 5], ((), 6i8), true);
    assert!(reads::<_, (u8, (bool, i8), Vec<u8>, ((), u8), u8)>(&(
        1u8,
        (1u8, 3u8),
        [4u8, 5].as_slice(),
        ((), 6u8),
        1u8
    )));
    assert!(reads::<_, (u8, (u8, u8), String, ((), u8), u8)>(&written));
    assert!(!reads::<_, ((u8, u8), u8, Vec<u8>, ((), u8), u8)>(&written));
    assert!(!reads::<_, (u8, u8, u8, Vec<u8>, ((), u8), u8)>(&written));
    assert!(!reads::<_, (u8, (u8, u8), Vec<(u8,)>, ((), u8), u8)>(&written));
    assert!(!reads::<_, (u8, (u8, u8), Vec<u8>, (u8,), (u8, ()))>(&written));
    assert!(!reads::<_, (u8, (u8, u8), Vec<u8>, ((), u8))>(&written));
    assert!(!reads::<_, [u8; 3]>(&[1u8, 2]));
    assert!(!reads::<_, [u8; 2]>(&[1u8, 2, 3]));
}

/// What is noted of single bytes does not grow with their number.
#[test]
fn the_trace_of_a_blob_is_a_few_bytes() {
    let mut bytes = Vec::new();
    let mut encoder = Encoder { out: &mut bytes, notes: Trace::new() };
    (vec![7u8; 1 << 16], [vec![1i8; 999].as_slice(), &[]]).serialize(&mut encoder).expect("it has a form");
    assert!(encoder.notes.size() < 64);
}

#[test]
fn forms_that_have_the_same_bytes_are_one_form() {
    #[expect(clippy::needless_pass_by_value, reason = "what is written down at once is passed as it is")]
    fn reads_as<W: Serialize, R: DeserializeOwned + PartialEq + Debug>(written: W, read: R) {
        let mut bytes = Vec::new();
        let mut encoder = Encoder { out: &mut bytes, notes: Trace::new() };
        written.serialize(&mut encoder).expect("it has a form");
        let mut trace = encoder.notes;
        let mut decoder = Decoder::new(&bytes, trace.comparison());
        assert_eq!(R::deserialize(&mut decoder).expect("the forms are the same"), read);
        decoder.compare.finish().expect("all is read");
    }
    reads_as((3u16, 4u64), (3u64, 4u16));
    reads_as(("é", [1u8; 3]), ('é', (true, 1i8, 1u8)));
    reads_as("ab".to_owned(), vec![97u8, 98]);
    reads_as(vec![97u8, 98], "ab".to_owned());
    reads_as((Vec::<u8>::new(), ""), (String::new(), Vec::<u8>::new()));
    reads_as(BTreeMap::from([(1u8, 2u16), (3, 4)]), vec![(1u8, 2u16), (3, 4)]);
    reads_as(vec![((), 1u8)], BTreeMap::from([((), 1u8)]));
    reads_as((Variant::Unit, Nothing, Wrapped(7)), (0u32, (), 7u64));
}
