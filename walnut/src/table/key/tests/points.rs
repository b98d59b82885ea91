//! What a range can be given as: that it infers, and that it says what the owned range says.

use std::cmp::Reverse;
use std::ops::{Bound, RangeBounds};

use super::encode;
use crate::table::key::{Composite, Key, KeyBound, KeyRangeArg, KeyWriter, NoCase};

/// The bounds of a range with their encodings.
type Bounds = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// What a handle does with the range that it is given.
fn over<K: Key>(range: impl KeyRangeArg<K>) -> Bounds {
    bounds::<K, _>(range)
}

#[expect(clippy::needless_pass_by_value, reason = "ranges are given as a caller gives them")]
fn bounds<K: Key, M>(range: impl KeyRangeArg<K, M>) -> Bounds {
    let (mut start, mut end) = (KeyWriter::new(&[]), KeyWriter::new(&[]));
    let (from, to) = (range.start(&mut start), range.end(&mut end));
    (from.map(|()| start.finish().unwrap().to_vec()), to.map(|()| end.finish().unwrap().to_vec()))
}

fn whole<K: Key>(range: impl RangeBounds<K>) -> Bounds {
    (range.start_bound().map(encode), range.end_bound().map(encode))
}

#[expect(clippy::needless_pass_by_value, reason = "points are given as a caller gives them")]
fn point<K: Key>(point: impl KeyBound<K>) -> Vec<u8> {
    let mut out = KeyWriter::new(&[]);
    point.encode_point(&mut out);
    out.finish().unwrap().to_vec()
}

fn owned(text: &str) -> String {
    text.to_owned()
}

#[test]
fn literals_infer() {
    assert_eq!(over::<u8>(18..65), whole(18u8..65));
    assert_eq!(over::<i64>(-5..=5), whole(-5i64..=5));
    assert_eq!(over::<f64>(0.5..), whole(0.5f64..));
    assert_eq!(over::<char>('a'..='z'), whole('a'..='z'));
    assert_eq!(over::<u8>(..65), whole(..65u8));
    assert_eq!(over::<u8>(..=65), whole(..=65u8));
    assert_eq!(over::<u8>(..), (Bound::Unbounded, Bound::Unbounded));
    assert_eq!(over::<(u8, u16)>((1, 2)..(3, 4)), whole((1u8, 2u16)..(3, 4)));
    assert_eq!(over::<Option<u8>>(Some(1)..), whole(Some(1u8)..));
    assert_eq!(over::<[u8; 2]>([1, 2]..), whole([1u8, 2]..));
}

#[test]
fn references_are_points() {
    let (a, b) = (3u64, 9u64);
    assert_eq!(over::<u64>(&a..&b), whole(a..b));
    assert_eq!(over::<u64>(..=&b), whole(..=b));
    let (paris, rome) = (owned("Paris"), owned("Rome"));
    assert_eq!(over::<String>(&paris..&rome), whole(paris.clone()..rome.clone()));
    assert_eq!(over::<String>(paris.as_str()..), whole(paris..));
}

#[test]
fn text_may_be_borrowed_or_owned() {
    let expected = whole(owned("a")..owned("b"));
    assert_eq!(over::<String>("a".."b"), expected);
    assert_eq!(over::<String>(owned("a")..owned("b")), expected);
    assert_eq!(over::<String>("a"..="b"), whole(owned("a")..=owned("b")));
    assert_eq!(over::<String>(owned("a")..=owned("b")), whole(owned("a")..=owned("b")));
    assert_eq!(over::<Option<String>>(Some("a")..), whole(Some(owned("a"))..));
    assert_eq!(over::<Option<String>>(None..=Some("a")), whole(None..=Some(owned("a"))));
    assert_eq!(over::<Vec<u8>>(b"a".as_slice()..), whole(vec![b'a']..));
    assert_eq!(over::<Vec<u8>>(b"a"..b"b"), whole(vec![b'a']..vec![b'b']));
    assert_eq!(over::<Option<Vec<u8>>>(..Some(b"a".as_slice())), whole(..Some(vec![b'a'])));
}

#[test]
fn other_boxes_of_text_take_any_text() {
    use std::borrow::Cow;
    use std::sync::Arc;

    let expected = whole(owned("a")..owned("b"));
    assert_eq!(over::<Box<str>>("a".."b"), expected);
    assert_eq!(over::<Arc<str>>("a".."b"), expected);
    assert_eq!(over::<Cow<'static, str>>("a".."b"), expected);
    assert_eq!(over::<Arc<str>>(Arc::from("a")..Arc::from("b")), expected);
    assert_eq!(over::<Cow<'static, str>>(Cow::from("a")..Cow::from("b")), expected);
    assert_eq!(over::<Option<Arc<str>>>(Some("a")..), whole(Some(owned("a"))..));
    assert_eq!(over::<(Box<str>, u8)>((Box::from("a"), 1)..), whole((owned("a"), 1u8)..));
    assert_eq!(bounds::<NoCase<Arc<str>>, _>("A".."B"), expected);
    assert_eq!(
        bounds::<Reverse<Box<str>>, _>("a"..),
        (Bound::Unbounded, Bound::Included(encode(&Reverse(owned("a")))))
    );
}

#[test]
fn pairs_of_bounds_are_ranges() {
    let expected = (Bound::Excluded(encode(&3u8)), Bound::Included(encode(&9u8)));
    assert_eq!(over::<u8>((Bound::Excluded(3), Bound::Included(9))), expected);
    assert_eq!(over::<u8>((Bound::Excluded(&3), Bound::Included(&9))), expected);
    let text = (Bound::Excluded(encode(&owned("a"))), Bound::Unbounded);
    assert_eq!(over::<String>((Bound::Excluded("a"), Bound::Unbounded)), text);
    assert_eq!(over::<String>((Bound::Excluded(owned("a")), Bound::Unbounded)), text);
}

#[test]
fn text_may_be_borrowed_at_any_place_of_a_tuple() {
    assert_eq!(over::<(String, u8)>(("Paris", 21)..), whole((owned("Paris"), 21u8)..));
    assert_eq!(over::<(String, u8)>((owned("Paris"), 21)..), whole((owned("Paris"), 21u8)..));
    assert_eq!(over::<(u8, String)>((1, "a")..=(1, "b")), whole((1u8, owned("a"))..=(1, owned("b"))));
    assert_eq!(over::<(String, String)>(..("a", "b")), whole(..(owned("a"), owned("b"))));

    let (a, b) = (owned("a"), owned("b"));
    assert_eq!(point::<(String, u8, String)>(("a", 1, "b")), encode(&(a.clone(), 1u8, b.clone())));
    assert_eq!(point::<(String, u8, String)>((a.clone(), 1, "b")), encode(&(a.clone(), 1u8, b.clone())));
    assert_eq!(point::<(u8, String, i8)>((1, "a", -1)), encode(&(1u8, a.clone(), -1i8)));
    assert_eq!(
        point::<(u8, String, String, i8)>((1, "a", "b", 2)),
        encode(&(1u8, a.clone(), b.clone(), 2i8))
    );
    let texts = (a.clone(), b.clone(), a.clone(), b.clone());
    assert_eq!(point::<(String, String, String, String)>(("a", "b", "a", "b")), encode(&texts));
    assert_eq!(point::<(String, String, String, String)>((a, "b", "a", "b")), encode(&texts));
}

#[test]
fn the_first_part_and_the_rest_of_a_composite_make_the_whole() {
    fn split<K: Composite>(first: &K::First, rest: &K::Rest) -> Vec<u8> {
        [encode(first), encode(rest)].concat()
    }
    let a = owned("a");
    assert_eq!(split::<(String, u8)>(&a, &7), encode(&(a.clone(), 7u8)));
    assert_eq!(split::<(String, u8, char)>(&a, &(7, 'x')), encode(&(a, 7u8, 'x')));
    let eight = (1u8, 2u8, 3u8, 4u8, 5u8, 6u8, 7u8, 8u8);
    assert_eq!(split::<(u8, u8, u8, u8, u8, u8, u8, u8)>(&1, &(2, 3, 4, 5, 6, 7, 8)), encode(&eight));
}

#[test]
fn a_range_over_a_turned_key_ends_where_its_values_begin() {
    type Key = Reverse<i64>;

    let turned = |from: Bound<i64>, to: Bound<i64>| {
        (to.map(|key| encode(&Reverse(key))), from.map(|key| encode(&Reverse(key))))
    };
    assert_eq!(bounds::<Key, _>(3..9), turned(Bound::Included(3), Bound::Excluded(9)));
    assert_eq!(bounds::<Key, _>(3..=9), turned(Bound::Included(3), Bound::Included(9)));
    assert_eq!(bounds::<Key, _>(3..), turned(Bound::Included(3), Bound::Unbounded));
    assert_eq!(bounds::<Key, _>(..&9), turned(Bound::Unbounded, Bound::Excluded(9)));
    assert_eq!(bounds::<Key, _>(..), (Bound::Unbounded, Bound::Unbounded));
    let pair = (Bound::Excluded(3), Bound::Included(9));
    assert_eq!(bounds::<Key, _>(pair), turned(pair.0, pair.1));
    let text = (Bound::Included(encode(&Reverse(owned("b")))), Bound::Included(encode(&Reverse(owned("a")))));
    assert_eq!(bounds::<Reverse<String>, _>("a"..="b"), text);
    // Given as what is stored, it is given in the order of the index.
    assert_eq!(bounds::<Key, _>(Reverse(9)..Reverse(3)), whole(Reverse(9i64)..Reverse(3)));
    let mixed = (7u32, Reverse(9i64))..(7, Reverse(3));
    assert_eq!(bounds::<(u32, Reverse<i64>), _>(mixed.clone()), whole(mixed));
}

#[test]
fn what_is_sought_without_case_is_given_as_any_text() {
    let expected = whole(NoCase::new("A")..NoCase::new("B"));
    assert_eq!(bounds::<NoCase, _>("a".."B"), expected);
    assert_eq!(bounds::<NoCase, _>(owned("A")..owned("b")), expected);
    assert_eq!(bounds::<NoCase, _>(&owned("A")..&owned("b")), expected);
    assert_eq!(bounds::<(u8, NoCase), _>((1, "A")..), whole((1u8, NoCase::new("a"))..));
    assert_eq!(bounds::<(NoCase, String), _>(("A", "A")..), whole((NoCase::new("a"), owned("A"))..));
}
