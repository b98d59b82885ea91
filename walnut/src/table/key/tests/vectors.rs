//! The bytes of every type, pinned: a store that was written with them must open for ever.

use std::cmp::Reverse;
use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::NonZero;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{decode, encode};
use crate::table::key::{Key, NoCase};

/// The encodings of some values of a type, which stand in ascending order.
fn pinned<K: Key + Debug>(vectors: &[(K, &str)]) {
    let mut before = None;
    for (key, expected) in vectors {
        let bytes = encode(key);
        let found: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found.join(""), expected.replace(' ', ""), "{key:?}");
        // NaN is not equal to itself, so what was read back is compared by its bytes.
        let (back, taken) = decode::<K>(&bytes).unwrap();
        assert_eq!((encode(&back), taken), (bytes.clone(), bytes.len()), "{key:?}");
        assert!(before.as_ref() < Some(&bytes), "{key:?} is out of order");
        before = Some(bytes);
    }
}

#[test]
fn the_bytes_of_simple_values_are_these() {
    pinned(&[((), "")]);
    pinned(&[(false, "00"), (true, "01")]);
    pinned(&[('\0', "00000000"), ('a', "00000061"), ('é', "000000e9"), (char::MAX, "0010ffff")]);
}

#[test]
fn the_bytes_of_integers_are_these() {
    pinned(&[(0u8, "00"), (1, "01"), (u8::MAX, "ff")]);
    pinned(&[(0u16, "0000"), (0x0102, "0102"), (u16::MAX, "ffff")]);
    pinned(&[(0u32, "00000000"), (0x0102_0304, "01020304"), (u32::MAX, "ffffffff")]);
    pinned(&[(0u64, "0000000000000000"), (0x0102_0304_0506_0708, "0102030405060708")]);
    pinned(&[(1u128, "00000000000000000000000000000001"), (u128::MAX, "ffffffffffffffffffffffffffffffff")]);
    pinned(&[(i8::MIN, "00"), (-1, "7f"), (0, "80"), (1, "81"), (i8::MAX, "ff")]);
    pinned(&[(i16::MIN, "0000"), (-1, "7fff"), (0, "8000"), (i16::MAX, "ffff")]);
    pinned(&[(i32::MIN, "00000000"), (-5, "7ffffffb"), (5, "80000005"), (i32::MAX, "ffffffff")]);
    pinned(&[(i64::MIN, "0000000000000000"), (-1, "7fffffffffffffff"), (0, "8000000000000000")]);
    pinned(&[(-1i128, "7fffffffffffffffffffffffffffffff"), (1, "80000000000000000000000000000001")]);
}

#[test]
fn the_bytes_of_numbers_that_are_not_zero_are_those_of_the_numbers() {
    macro_rules! not_zero {
        ($number:expr) => {
            NonZero::new($number).unwrap()
        };
    }
    pinned(&[(not_zero!(1u8), "01"), (not_zero!(u8::MAX), "ff")]);
    pinned(&[(not_zero!(1u16), "0001"), (not_zero!(0x0102), "0102")]);
    pinned(&[(not_zero!(1u32), "00000001"), (not_zero!(u32::MAX), "ffffffff")]);
    pinned(&[(not_zero!(1u64), "0000000000000001"), (not_zero!(0x0102_0304_0506_0708), "0102030405060708")]);
    pinned(&[(not_zero!(1u128), "00000000000000000000000000000001")]);
    pinned(&[(not_zero!(i8::MIN), "00"), (not_zero!(-1), "7f"), (not_zero!(1), "81")]);
    pinned(&[(not_zero!(-1i16), "7fff"), (not_zero!(1), "8001")]);
    pinned(&[(not_zero!(-5i32), "7ffffffb"), (not_zero!(5), "80000005")]);
    pinned(&[(not_zero!(-1i64), "7fffffffffffffff"), (not_zero!(1), "8000000000000001")]);
    pinned(&[(not_zero!(-1i128), "7fffffffffffffffffffffffffffffff")]);
    pinned(&[(None, "00"), (NonZero::new(1u8), "0101")]);
}

#[test]
fn the_bytes_of_floats_are_these() {
    pinned(&[
        (f32::from_bits(0xffff_ffff), "00000000"),
        (f32::NEG_INFINITY, "007fffff"),
        (-1.0, "407fffff"),
        (-0.0, "7fffffff"),
        (0.0, "80000000"),
        (f32::MIN_POSITIVE, "80800000"),
        (1.0, "bf800000"),
        (f32::INFINITY, "ff800000"),
        (f32::from_bits(0x7fc0_0000), "ffc00000"),
        (f32::from_bits(0x7fff_ffff), "ffffffff"),
    ]);
    pinned(&[
        (f64::NEG_INFINITY, "000fffffffffffff"),
        (-0.0, "7fffffffffffffff"),
        (0.0, "8000000000000000"),
        (1.5, "bff8000000000000"),
        (f64::from_bits(0x7ff8_0000_0000_0000), "fff8000000000000"),
    ]);
}

#[test]
fn the_bytes_of_text_are_these() {
    let text = [("", "0000"), ("\0", "00ff 0000"), ("a", "61 0000"), ("a\0", "61 00ff 0000")];
    let longer =
        [("a\0b", "61 00ff 62 0000"), ("a\u{1}", "61 01 0000"), ("ab", "6162 0000"), ("é", "c3a9 0000")];
    let vectors: Vec<_> = text.into_iter().chain(longer).collect();
    pinned(&vectors.iter().map(|&(text, hex)| (text.to_owned(), hex)).collect::<Vec<_>>());
    pinned(&vectors.iter().map(|&(text, hex)| (text.as_bytes().to_vec(), hex)).collect::<Vec<_>>());
    pinned(&vectors.iter().map(|&(text, hex)| (Box::<str>::from(text), hex)).collect::<Vec<_>>());
    pinned(&vectors.iter().map(|&(text, hex)| (std::sync::Arc::<str>::from(text), hex)).collect::<Vec<_>>());
    pinned(&vectors.iter().map(|&(text, hex)| (std::borrow::Cow::Borrowed(text), hex)).collect::<Vec<_>>());
    pinned(&[(vec![0x00, 0x00], "00ff 00ff 0000"), (vec![0xff], "ff 0000"), (vec![0xff, 0xff], "ffff 0000")]);
    pinned(&[([0u8, 1, 2], "000102"), ([0xff, 0x00, 0x00], "ff0000")]);
    pinned(&[([0u8; 0], "")]);
}

#[cfg(feature = "uuid")]
#[test]
fn the_bytes_of_a_uuid_are_these() {
    let uuid = uuid::Uuid::from_u128(0x0190_2f3c_0000_7000_8000_0000_0000_0001);
    pinned(&[
        (uuid::Uuid::nil(), "00000000000000000000000000000000"),
        (uuid, "01902f3c000070008000000000000001"),
    ]);
}

#[test]
fn the_bytes_of_times_are_these() {
    let ns = Duration::from_nanos;
    pinned(&[
        (Duration::ZERO, "0000000000000000 00000000"),
        (ns(1), "0000000000000000 00000001"),
        (Duration::new(1, 999_999_999), "0000000000000001 3b9ac9ff"),
        (Duration::MAX, "ffffffffffffffff 3b9ac9ff"),
    ]);
    pinned::<SystemTime>(&[
        (UNIX_EPOCH - ns(1_250_000_000), "7ffffffffffffffe 2cb41780"),
        (UNIX_EPOCH - ns(1_000_000_000), "7fffffffffffffff 00000000"),
        (UNIX_EPOCH - ns(100), "7fffffffffffffff 3b9ac99c"),
        (UNIX_EPOCH, "8000000000000000 00000000"),
        (UNIX_EPOCH + ns(100), "8000000000000000 00000064"),
        (UNIX_EPOCH + Duration::from_secs(1_700_000_000), "800000006553f100 00000000"),
    ]);
}

#[test]
fn the_bytes_of_addresses_are_these() {
    let (v4, v6) = (Ipv4Addr::new(192, 168, 0, 1), Ipv6Addr::LOCALHOST);
    pinned(&[(Ipv4Addr::UNSPECIFIED, "00000000"), (v4, "c0a80001")]);
    pinned(&[
        (Ipv6Addr::UNSPECIFIED, "00000000000000000000000000000000"),
        (v6, "00000000000000000000000000000001"),
    ]);
    pinned(&[(IpAddr::V4(v4), "04 c0a80001"), (IpAddr::V6(v6), "06 00000000000000000000000000000001")]);
    let (socket4, socket6) = (SocketAddrV4::new(v4, 80), SocketAddrV6::new(v6, 80, 1, 2));
    let hex6 = "00000000000000000000000000000001 0050 00000001 00000002";
    pinned(&[(socket4, "c0a80001 0050"), (SocketAddrV4::new(v4, 443), "c0a80001 01bb")]);
    pinned(&[(socket6, hex6)]);
    pinned(&[
        (SocketAddr::V4(socket4), "04 c0a80001 0050"),
        (SocketAddr::V6(socket6), &format!("06 {hex6}")),
    ]);
}

#[test]
fn the_bytes_of_options_and_tuples_are_these() {
    let text = |text: &str| text.to_owned();
    pinned(&[(None, "00"), (Some(0u8), "01 00"), (Some(255), "01 ff")]);
    pinned(&[(None, "00"), (Some(text("")), "01 0000"), (Some(text("a")), "01 61 0000")]);
    pinned(&[(None, "00"), (Some(None), "01 00"), (Some(Some(true)), "01 01 01")]);
    pinned(&[((7u8,), "07")]);
    pinned(&[((text("Paris"), 20u8), "5061726973 0000 14"), ((text("Paris"), 21), "5061726973 0000 15")]);
    pinned(&[((1u8, None::<u8>, 'a'), "01 00 00000061"), ((1, Some(2), 'a'), "01 01 02 00000061")]);
    pinned(&[((1u8, 2u8, 3u8, 4u8, 5u8, 6u8, 7u8, 8u8), "01 02 03 04 05 06 07 08")]);
    pinned(&[((1u8, (text("a"), -1i8)), "01 61 0000 7f")]);
}

#[test]
fn the_bytes_of_keys_that_are_turned_round_are_these() {
    pinned(&[(Reverse(u8::MAX), "00"), (Reverse(1), "fe"), (Reverse(0), "ff")]);
    pinned(&[(Reverse(5i16), "7ffa"), (Reverse(-5), "8004")]);
    let text = |text: &str| Reverse(text.to_owned());
    pinned(&[
        (text("ab"), "9e9d ffff"),
        (text("a\0"), "9e ff00 ffff"),
        (text("a"), "9e ffff"),
        (text(""), "ffff"),
    ]);
    pinned(&[(Reverse(Some(1u8)), "fe fe"), (Reverse(None), "ff")]);
    pinned(&[
        ((7u32, Reverse(2i64)), "00000007 7ffffffffffffffd"),
        ((7, Reverse(1)), "00000007 7ffffffffffffffe"),
    ]);
}

#[test]
fn the_bytes_of_text_without_case_are_these() {
    pinned(&[(NoCase::new("ANNA"), "616e6e61 0000"), (NoCase::new("Straße"), "73747261737365 0000")]);
    pinned(&[(NoCase::new("İ"), "69cc87 0000"), (NoCase::new("Σ"), "cf83 0000")]);
}

#[cfg(feature = "rust_decimal")]
#[test]
fn the_bytes_of_decimals_are_these() {
    use rust_decimal::Decimal;

    use crate::table::key::Scaled;

    let at = |number, scale| Scaled::<_, 2>(Decimal::new(number, scale));
    pinned(&[
        (at(-1, 2), "7fffffffffffffffffffffffffffffff"),
        (at(0, 0), "80000000000000000000000000000000"),
        (at(125, 1), "800000000000000000000000000004e2"),
        (at(13, 0), "80000000000000000000000000000514"),
    ]);
    pinned(&[
        (Scaled::<_, 0>(None), "00"),
        (Scaled(Some(Decimal::ONE)), "01 80000000000000000000000000000001"),
    ]);
}

/// Faults of a peer, each by its name.
mod peers_fault {
    use super::*;

    #[test]
    fn tuples_whose_parts_join_to_the_same_text_are_different_keys() {
        let keys =
            [("", "abc"), ("a", "bc"), ("ab", "c"), ("abc", "")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        let encoded = keys.each_ref().map(encode);
        assert!(encoded.is_sorted_by(|a, b| a < b), "{encoded:x?}");
    }

    #[test]
    fn floats_sort_as_numbers() {
        let numbers =
            [f64::NEG_INFINITY, -1e300, -2.0, -1.0, -1e-300, -0.0, 0.0, 1e-300, 1.0, 2.0, f64::INFINITY];
        assert!(numbers.map(|number| encode(&number)).is_sorted_by(|a, b| a < b));
        assert!(encode(&-0.0f64) < encode(&0.0f64));
    }

    #[test]
    fn nothing_comes_before_the_empty_text() {
        assert!(encode(&None::<String>) < encode(&Some(String::new())));
    }

    #[test]
    fn negative_numbers_come_before_positive_ones() {
        assert!(encode(&-1i64) < encode(&0i64) && encode(&i64::MIN) < encode(&-1i64));
    }

    #[test]
    fn a_text_comes_before_what_it_begins() {
        let texts = ["a", "a\0", "a\0\0", "a\0b", "ab"].map(|text| encode(&text.to_owned()));
        assert!(texts.is_sorted_by(|a, b| a < b));
    }
}
