//! The limit of a key, exactly, and what makes a value missing or inexact.

use super::{decode, encode};
use crate::error::{Error, Fault, Limit, Result};
use crate::table::key::{Key, KeyWriter, MAX_KEY_SIZE, TextKey};

fn outcome<K: Key>(key: &K) -> Result<usize> {
    let mut out = KeyWriter::new(&[]);
    key.encode(&mut out);
    out.finish().map(<[u8]>::len)
}

fn is_too_long<K: Key>(key: &K) -> bool {
    matches!(outcome(key), Err(Error::Limit(Limit::Key { limit: MAX_KEY_SIZE })))
}

#[test]
fn a_key_of_the_limit_passes_and_one_byte_more_does_not() {
    assert_eq!(outcome(&[7u8; 2600]).unwrap(), 2600);
    assert!(is_too_long(&[7u8; 2601]));

    assert_eq!(outcome(&"x".repeat(2598)).unwrap(), 2600);
    assert!(is_too_long(&"x".repeat(2599)));

    assert_eq!(outcome(&(0u8, vec![1u8; 2597])).unwrap(), 2600);
    assert!(is_too_long(&(0u8, vec![1u8; 2598])));
    assert!(is_too_long(&(vec![1u8; 2598], 0u8)));
}

#[test]
fn the_limit_counts_encoded_bytes() {
    assert_eq!(outcome(&vec![0u8; 1299]).unwrap(), 2600);
    assert!(is_too_long(&vec![0u8; 1300]));
}

#[test]
fn a_keyspace_before_the_key_does_not_count() {
    let mut out = KeyWriter::new(&[1, 2, 3, 4]);
    [7u8; 2600].encode(&mut out);
    assert_eq!(out.finish().unwrap().len(), 2604);
}

#[test]
fn floats_are_not_exact_and_nothing_made_of_them_is() {
    const { assert!(!f32::EXACT && !f64::EXACT && !Option::<f64>::EXACT && !<(u8, f32)>::EXACT) }
    const { assert!(u8::EXACT && String::EXACT && Option::<String>::EXACT && <(u8, String)>::EXACT) }
}

#[test]
fn a_tuple_with_a_missing_part_is_missing() {
    assert!(None::<u8>.is_none() && !Key::is_none(&Some(1u8)) && !Key::is_none(&Some(None::<u8>)));
    assert!(Key::is_none(&(1u8, None::<u8>)) && Key::is_none(&((None::<u8>, 1u8), 2u8)));
    assert!(!Key::is_none(&(1u8, Some(1u8))) && !Key::is_none(&1u8));
    assert!(<(String, Option<String>)>::ref_is_none(&("", None)));
    assert!(!<(String, Option<String>)>::ref_is_none(&("", Some(""))));
}

#[test]
fn the_start_of_a_text_is_shared_by_what_begins_with_it_alone() {
    let mut out = KeyWriter::new(&[]);
    String::encode_start(&"a\0", &mut out);
    let start = out.finish().unwrap();
    for (text, begins) in
        [("a\0", true), ("a\0\0", true), ("a\0z", true), ("a", false), ("ab", false), ("", false)]
    {
        assert_eq!(encode(&text.to_owned()).starts_with(start), begins, "{text:?}");
    }
}

#[test]
fn bytes_that_are_never_written_are_refused() {
    fn refused<K: Key>(bytes: &[u8]) -> bool {
        matches!(decode::<K>(bytes), Err(Fault::Invalid(_)))
    }
    assert!(refused::<bool>(&[2]));
    assert!(refused::<char>(&[0x00, 0x00, 0xd8, 0x00]) && refused::<char>(&[0x00, 0x11, 0x00, 0x00]));
    assert!(refused::<String>(&[0xff, 0x00, 0x00]), "not UTF-8");
    assert!(refused::<String>(&[0xe9, 0x00, 0xff, 0x00, 0x00]), "a character is cut by a zero");
    assert!(refused::<Vec<u8>>(&[0x61, 0x00, 0x01]), "neither an end nor a zero");
    assert!(refused::<Option<u8>>(&[2, 0]));
    assert!(refused::<std::net::IpAddr>(&[5, 1, 2, 3, 4]));
    let full_second = [[0; 8], 1_000_000_000u64.to_be_bytes()].concat();
    let full_second = [&full_second[..8], &full_second[12..]].concat();
    assert!(refused::<std::time::Duration>(&full_second) && refused::<std::time::SystemTime>(&full_second));
}

#[cfg(feature = "rust_decimal")]
#[test]
fn a_decimal_with_more_digits_than_its_scale_is_refused_and_one_with_as_many_is_not() {
    use rust_decimal::Decimal;

    use crate::table::key::Scaled;

    let at_two = |text: &str| outcome(&Scaled::<Decimal, 2>(text.parse().unwrap()));
    for fits in ["0.01", "-0.01", "1.2300", "792281625142643375935439503.35"] {
        assert!(at_two(fits).is_ok(), "{fits}");
    }
    for refused in
        ["0.001", "-1.230000001", "792281625142643375935439503.36", "79228162514264337593543950335"]
    {
        assert!(matches!(at_two(refused), Err(Error::Limit(Limit::Inexact(_)))), "{refused}");
    }
}

#[test]
fn what_is_turned_round_or_folded_counts_as_it_is_written() {
    use std::cmp::Reverse;

    use crate::table::key::NoCase;

    assert_eq!(outcome(&Reverse("x".repeat(2598))).unwrap(), 2600);
    assert!(is_too_long(&Reverse("x".repeat(2599))));
    // Two bytes are folded to six.
    assert_eq!(outcome(&NoCase::new(&"ΐ".repeat(433))).unwrap(), 2600);
    assert!(is_too_long(&NoCase::new(&"ΐ".repeat(434))));
}

#[test]
fn a_type_says_whether_a_value_may_be_missing() {
    use std::cmp::Reverse;

    use crate::table::key::NoCase;

    const { assert!(!u8::OPTIONAL && !String::OPTIONAL && !<(u8, u8)>::OPTIONAL && !<NoCase>::OPTIONAL) }
    const { assert!(Option::<u8>::OPTIONAL && <(u8, Option<u8>)>::OPTIONAL && Reverse::<Option<u8>>::OPTIONAL) }
    const { assert!(NoCase::<Option<String>>::OPTIONAL) }
    assert!(Key::is_none(&Reverse(None::<u8>)) && !Key::is_none(&Reverse(1u8)));
}
