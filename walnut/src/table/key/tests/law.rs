//! Properties that hold for every type: order, injectivity, round trip, freedom of prefixes, one
//! form for each value.

use std::borrow::Cow;
use std::cmp::{Ordering, Reverse};
use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::NonZero;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::{decode, encode, encode_ref, skip};
use crate::table::key::{Key, NoCase};

/// Checks the law for `K`: `values` are its values, `compare` is its order, `borrow` its borrowed
/// form.
pub(super) fn holds<K: Key + Debug>(
    values: impl Strategy<Value = K>,
    compare: fn(&K, &K) -> Ordering,
    borrow: for<'a> fn(&'a K) -> K::Ref<'a>,
) {
    let config = Config { cases: 192, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let followers = (vec(any::<u8>(), 0..3), vec(any::<u8>(), 0..3));
    let input = (&values, &values, followers, vec(hostile_byte(), 0..40), any::<prop::sample::Index>());
    let outcome =
        TestRunner::new_with_rng(config, rng).run(&input, |(a, b, (after_a, after_b), bytes, index)| {
            sorts_as_it_compares(&a, &b, &after_a, &after_b, compare)?;
            comes_back_whole(&a, &after_a, compare, borrow)?;
            has_one_form::<K>(&bytes)?;
            let mut damaged = encode(&a);
            if !damaged.is_empty() {
                let index = index.index(damaged.len());
                damaged[index] = bytes.first().copied().unwrap_or(0x02);
            }
            has_one_form::<K>(&damaged)
        });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

/// Ordered, injective and prefix-free: two encodings compare as the values do, whatever follows
/// them.
fn sorts_as_it_compares<K: Key>(
    a: &K,
    b: &K,
    after_a: &[u8],
    after_b: &[u8],
    compare: fn(&K, &K) -> Ordering,
) -> Result<(), TestCaseError> {
    let (mut a_bytes, mut b_bytes) = (encode(a), encode(b));
    let order = compare(a, b);
    prop_assert_eq!(a_bytes.cmp(&b_bytes), order);
    if order != Ordering::Equal {
        prop_assert!(!a_bytes.starts_with(&b_bytes) && !b_bytes.starts_with(&a_bytes));
        a_bytes.extend_from_slice(after_a);
        b_bytes.extend_from_slice(after_b);
        prop_assert_eq!(a_bytes.cmp(&b_bytes), order);
    }
    Ok(())
}

/// A value comes back, from exactly its bytes and from no fewer; the borrowed form gives the same
/// bytes.
fn comes_back_whole<K: Key + Debug>(
    key: &K,
    after: &[u8],
    compare: fn(&K, &K) -> Ordering,
    borrow: for<'a> fn(&'a K) -> K::Ref<'a>,
) -> Result<(), TestCaseError> {
    let mut bytes = encode(key);
    let size = bytes.len();
    prop_assert_eq!(&encode_ref::<K>(&borrow(key)), &bytes);
    prop_assert_eq!(K::ref_is_none(&borrow(key)), key.is_none());
    for cut in 0..size {
        prop_assert!(decode::<K>(&bytes[..cut]).is_err());
        prop_assert!(skip::<K>(&bytes[..cut]).is_err());
    }
    bytes.extend_from_slice(after);
    let (back, taken) = decode::<K>(&bytes).unwrap();
    prop_assert_eq!(compare(&back, key), Ordering::Equal);
    prop_assert_eq!(taken, size);
    prop_assert_eq!(skip::<K>(&bytes), Ok(size));
    Ok(())
}

/// Whatever decodes encodes to the bytes that it was read from.
fn has_one_form<K: Key + Debug>(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok((key, taken)) = decode::<K>(bytes) {
        prop_assert_eq!(&encode(&key), &bytes[..taken], "{:?}", key);
        prop_assert_eq!(skip::<K>(bytes), Ok(taken));
    }
    Ok(())
}

/// The bytes that mean something to some encoding come up often.
fn hostile_byte() -> impl Strategy<Value = u8> {
    prop_oneof![select(&[0x00, 0x01, 0x02, 0x04, 0x06, 0x7f, 0x80, 0xff][..]), any::<u8>()]
}

/// Short texts of few characters, so that two of them often begin alike.
pub(super) fn text() -> impl Strategy<Value = String> {
    let character = prop_oneof![select(&['\0', '\u{1}', 'a', 'b', 'é', '\u{ffff}', '😀'][..]), any::<char>()];
    vec(character, 0..5).prop_map(String::from_iter)
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(hostile_byte(), 0..6)
}

fn array<const N: usize>() -> impl Strategy<Value = [u8; N]> {
    vec(hostile_byte(), N).prop_map(|bytes| bytes.try_into().unwrap())
}

/// Times around the epoch and far from it, to the nanosecond.
fn time() -> impl Strategy<Value = SystemTime> {
    let seconds = prop_oneof![0u64..3, 0u64..1 << 40];
    let nanos = prop_oneof![select(&[0, 1, 999_999_999][..]), 0u32..1_000_000_000];
    (any::<bool>(), seconds, nanos).prop_map(|(before, seconds, nanos)| {
        let distance = Duration::new(seconds, nanos);
        if before { UNIX_EPOCH - distance } else { UNIX_EPOCH + distance }
    })
}

fn duration() -> impl Strategy<Value = Duration> {
    let seconds = prop_oneof![0u64..3, any::<u64>()];
    let nanos = prop_oneof![select(&[0, 1, 999_999_999][..]), 0u32..1_000_000_000];
    (seconds, nanos).prop_map(|(seconds, nanos)| Duration::new(seconds, nanos))
}

fn v4() -> impl Strategy<Value = Ipv4Addr> {
    array().prop_map(<Ipv4Addr as From<[u8; 4]>>::from)
}

fn v6() -> impl Strategy<Value = Ipv6Addr> {
    array().prop_map(<Ipv6Addr as From<[u8; 16]>>::from)
}

fn socket_v4() -> impl Strategy<Value = SocketAddrV4> {
    (v4(), any::<u16>()).prop_map(|(ip, port)| SocketAddrV4::new(ip, port))
}

fn socket_v6() -> impl Strategy<Value = SocketAddrV6> {
    // Few addresses and ports, so that the fields after them get to decide.
    let ip = prop_oneof![Just(Ipv6Addr::LOCALHOST), v6()];
    (ip, 0u16..2, 0u32..2, any::<u32>())
        .prop_map(|(ip, port, flow, scope)| SocketAddrV6::new(ip, port, flow, scope))
}

macro_rules! integers {
    ($($name:ident: $int:ident;)*) => {$(
        #[test]
        fn $name() {
            // All bits but none or one: -1 and -2 when there is a sign, the greatest two when there
            // is none.
            let edges = [$int::MIN, $int::MIN + 1, 0, 1, !0, !1, $int::MAX - 1, $int::MAX];
            holds(prop_oneof![any::<$int>(), select(edges.to_vec())], Ord::cmp, |k| *k);
        }
    )*};
}

integers! {
    u8_obeys: u8;
    u16_obeys: u16;
    u32_obeys: u32;
    u64_obeys: u64;
    u128_obeys: u128;
    i16_obeys: i16;
    i32_obeys: i32;
    i64_obeys: i64;
    i128_obeys: i128;
}

#[test]
fn every_i8_sorts_in_its_place() {
    let encoded: Vec<_> = (i8::MIN..=i8::MAX).map(|key| encode(&key)).collect();
    assert!(encoded.is_sorted_by(|a, b| a < b));
    holds(any::<i8>(), Ord::cmp, |k| *k);
}

#[test]
fn f32_obeys_in_total_order_with_every_bit_pattern() {
    holds(any::<u32>().prop_map(f32::from_bits), f32::total_cmp, |k| *k);
}

#[test]
fn f64_obeys_in_total_order_with_every_bit_pattern() {
    holds(any::<u64>().prop_map(f64::from_bits), f64::total_cmp, |k| *k);
}

#[test]
fn simple_values_obey() {
    holds(Just(()), Ord::cmp, |k| *k);
    holds(any::<bool>(), Ord::cmp, |k| *k);
    holds(any::<char>(), Ord::cmp, |k| *k);
}

#[test]
fn text_obeys() {
    holds(text(), Ord::cmp, |k| k);
    holds(bytes(), Ord::cmp, |k| k);
}

#[test]
fn text_in_other_boxes_obeys() {
    holds(text().prop_map(String::into_boxed_str), Ord::cmp, |k| k);
    holds(text().prop_map(<Arc<str>>::from), Ord::cmp, |k| k);
    holds(text().prop_map(Cow::<'static, str>::from), Ord::cmp, |k| k);
    holds(prop::option::of(text().prop_map(<Arc<str>>::from)), Ord::cmp, |k| k.as_deref());
    holds((text().prop_map(String::into_boxed_str), any::<u8>()), Ord::cmp, |k| (&k.0, k.1));
    holds(text().prop_map(|text| Reverse(Cow::<'static, str>::from(text))), Ord::cmp, |k| &k.0);
    let folded =
        |text: String| decode::<NoCase<Box<str>>>(&encode_ref::<NoCase<Box<str>>>(&&*text)).unwrap().0;
    holds(text().prop_map(folded), Ord::cmp, |k| k.inner());
}

#[test]
fn numbers_that_are_not_zero_obey() {
    macro_rules! not_zero {
        ($($int:ident)*) => {$(
            let edges = [$int::MIN, $int::MIN + 1, 1, !0, $int::MAX - 1, $int::MAX].map(NonZero::<$int>::new);
            let edges = edges.into_iter().flatten().collect::<Vec<_>>();
            let numbers = any::<$int>().prop_filter_map("zero", NonZero::<$int>::new);
            holds(prop_oneof![numbers, select(edges)], Ord::cmp, |k| *k);
            assert!(matches!(decode::<NonZero<$int>>(&encode(&(0 as $int))), Err(crate::error::Fault::Invalid(_))));
        )*};
    }
    not_zero! { u8 u16 u32 u64 u128 i8 i16 i32 i64 i128 }
    holds(prop::option::of(any::<u8>()).prop_map(|it| it.and_then(NonZero::new)), Ord::cmp, |k| *k);
}

#[test]
fn arrays_obey() {
    holds(array::<0>(), Ord::cmp, |k| *k);
    holds(array::<3>(), Ord::cmp, |k| *k);
    holds(array::<16>(), Ord::cmp, |k| *k);
}

#[cfg(feature = "uuid")]
#[test]
fn uuid_obeys() {
    holds(array().prop_map(uuid::Uuid::from_bytes), Ord::cmp, |k| *k);
}

#[test]
fn times_obey() {
    holds(time(), Ord::cmp, |k| *k);
    holds(duration(), Ord::cmp, |k| *k);
}

#[test]
fn addresses_obey() {
    holds(v4(), Ord::cmp, |k| *k);
    holds(v6(), Ord::cmp, |k| *k);
    holds(prop_oneof![v4().prop_map(IpAddr::V4), v6().prop_map(IpAddr::V6)], Ord::cmp, |k| *k);
    holds(socket_v4(), Ord::cmp, |k| *k);
    holds(socket_v6(), Ord::cmp, |k| *k);
    let either = prop_oneof![socket_v4().prop_map(SocketAddr::V4), socket_v6().prop_map(SocketAddr::V6)];
    holds(either, Ord::cmp, |k| *k);
}

#[test]
fn options_obey() {
    holds(prop::option::of(any::<i16>()), Ord::cmp, |k| *k);
    holds(prop::option::of(text()), Ord::cmp, |k| k.as_deref());
    holds(prop::option::of(prop::option::of(any::<bool>())), Ord::cmp, |k| *k);
}

#[test]
fn tuples_obey() {
    holds((text(),), Ord::cmp, |k| (&k.0,));
    holds((text(), any::<i16>()), Ord::cmp, |k| (&k.0, k.1));
    holds((text(), text()), Ord::cmp, |k| (&k.0, &k.1));
    holds((prop::option::of(text()), any::<bool>(), bytes()), Ord::cmp, |k| (k.0.as_deref(), k.1, &k.2));
    holds(((text(), any::<u8>()), text()), Ord::cmp, |k| ((&k.0.0, k.0.1), &k.1));
    let flags = || prop::option::of(any::<bool>());
    holds((flags(), flags(), flags(), text(), 0u8..3), Ord::cmp, |k| (k.0, k.1, k.2, &k.3, k.4));
    let digit = || 0u8..2;
    let eight = (digit(), digit(), digit(), digit(), digit(), digit(), digit(), text());
    holds(eight, Ord::cmp, |k| (k.0, k.1, k.2, k.3, k.4, k.5, k.6, &k.7));
}

#[test]
fn keys_that_are_turned_round_obey() {
    holds(any::<u8>().prop_map(Reverse), Ord::cmp, |k| k.0);
    holds(any::<i64>().prop_map(Reverse), Ord::cmp, |k| k.0);
    holds(text().prop_map(Reverse), Ord::cmp, |k| &k.0);
    holds(bytes().prop_map(Reverse), Ord::cmp, |k| &k.0);
    holds(prop::option::of(text()).prop_map(Reverse), Ord::cmp, |k| k.0.as_deref());
    holds((text(), any::<i8>()).prop_map(Reverse), Ord::cmp, |k| (&k.0.0, k.0.1));
    holds(text().prop_map(Reverse).prop_map(Reverse), Ord::cmp, |k| &k.0.0);
    let numbers = any::<u32>().prop_map(|bits| Reverse(f32::from_bits(bits)));
    holds(numbers, |a, b| b.0.total_cmp(&a.0), |k| k.0);
}

#[test]
fn tuples_with_parts_that_are_turned_round_obey() {
    holds((0u8..3, text().prop_map(Reverse)), Ord::cmp, |k| (k.0, &k.1.0));
    holds((text().prop_map(Reverse), text()), Ord::cmp, |k| (&k.0.0, &k.1));
    let turned = || (0u8..2).prop_map(Reverse);
    holds((turned(), 0u8..2, turned(), text().prop_map(Reverse)), Ord::cmp, |k| (k.0.0, k.1, k.2.0, &k.3.0));
}

#[test]
fn text_without_case_obeys() {
    holds(text().prop_map(|text| NoCase::new(&text)), Ord::cmp, |k| k.as_str());
    let turned = text().prop_map(|text| Reverse(NoCase::new(&text)));
    holds(turned, Ord::cmp, |k| k.0.as_str());
    let optional = prop::option::of(text()).prop_map(|text| {
        decode::<NoCase<Option<String>>>(&encode_ref::<NoCase<Option<String>>>(&text.as_deref())).unwrap().0
    });
    let compare = |a: &NoCase<Option<String>>, b: &NoCase<Option<String>>| a.cmp(b);
    holds(optional, compare, |k| crate::table::key::CaseFold::point(k.inner()));
}

#[cfg(feature = "rust_decimal")]
#[test]
fn decimals_of_a_scale_obey() {
    use rust_decimal::Decimal;

    use crate::table::key::Scaled;

    let decimal = || {
        let number = prop_oneof![-300i64..300, any::<i64>()];
        (number, 0u32..3).prop_map(|(number, scale)| Decimal::new(number, scale))
    };
    holds(decimal().prop_map(Scaled::<_, 2>), Ord::cmp, |k| k.0);
    holds(decimal().prop_map(Scaled::<_, 9>), Ord::cmp, |k| k.0);
    holds(prop::option::of(decimal()).prop_map(Scaled::<_, 2>), Ord::cmp, |k| k.0);
    holds(decimal().prop_map(|it| Reverse(Scaled::<_, 2>(it))), Ord::cmp, |k| k.0.0);
}
