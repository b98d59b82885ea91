//! Shapes of types of every kind, and rows that are walked by them.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(dead_code, reason = "of most types here only the shape is asked for")]
#![expect(
    clippy::option_option,
    clippy::zero_sized_map_values,
    reason = "rows may have what makes little sense"
)]

mod law;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use serde::de::{DeserializeOwned, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::*;

fn text(shape: &RowShape) -> String {
    fn write(shape: &RowShape, id: NodeId, above: &mut Vec<NodeId>) -> String {
        if let Some(levels) = above.iter().rev().position(|&other| other == id) {
            return format!("^{levels}");
        }
        above.push(id);
        let mut inner = |id: &NodeId| write(shape, *id, above);
        let text = match shape.node(id) {
            Node::Option(id) => format!("{}?", inner(id)),
            Node::Seq(id) => format!("[{}]", inner(id)),
            Node::Array { element, len } => format!("[{}; {len}]", inner(element)),
            Node::Map { key, value } => format!("{{{}: {}}}", inner(key), inner(value)),
            Node::Tuple(ids) => format!("({})", ids.iter().map(inner).collect::<Vec<_>>().join(", ")),
            Node::Newtype { name, inner: id } => format!("{name}({})", inner(id)),
            Node::Struct { name, fields } => {
                let fields =
                    fields.iter().map(|field| format!("{}: {}", field.names.join("|"), inner(&field.node)));
                format!("{name} {{{}}}", fields.collect::<Vec<_>>().join(", "))
            }
            Node::Enum { name, variants } => {
                let variants =
                    variants.iter().map(|it| format!("{}: {}", it.names.join("|"), inner(&it.node)));
                format!("{name} <{}>", variants.collect::<Vec<_>>().join(", "))
            }
            Node::Known { known, inner: id } => format!("{known:?}~{}", inner(id)),
            leaf => format!("{leaf:?}"),
        };
        above.pop();
        text
    }
    write(shape, 0, &mut Vec::new())
}

fn traced<T: DeserializeOwned>() -> String {
    let shape = trace::<T>();
    text(&shape.checked().unwrap())
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Point<T> {
    x: T,
    y: T,
}

#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Color {
    Red,
    Green = 7,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
enum Figure {
    Nothing,
    Dot(Point<i8>),
    Line(Point<u16>, Point<u16>),
    Circle { middle: Point<f32>, radius: Option<NonZeroU16> },
    Group(Vec<Figure>),
    Empty(),
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct List {
    value: u8,
    next: Option<Box<List>>,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Name(String);

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Marker;

/// A word of at least one letter, which is checked when it is read.
#[derive(Serialize, Clone, Debug, PartialEq)]
struct Word(String);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "only this" { Ok(Self(text)) } else { Err(serde::de::Error::custom("another word")) }
    }
}

#[test]
fn leaves_are_what_serde_asks_for() {
    assert_eq!(traced::<(bool, u8, u16, u32, u64, u128, usize)>(), "(Bool, U8, U16, U32, U64, U128, U64)");
    assert_eq!(traced::<(i8, i16, i32, i64, i128, f32, f64)>(), "(I8, I16, I32, I64, I128, F32, F64)");
    assert_eq!(traced::<(char, String, Box<str>, ())>(), "(Char, Text, Text, Unit)");
}

#[test]
fn what_is_made_of_other_types_is_traced_to_the_leaves() {
    assert_eq!(traced::<Point<Option<u8>>>(), "Point {x: U8?, y: U8?}");
    assert_eq!(traced::<Vec<VecDeque<BTreeSet<u8>>>>(), "[[[U8]]]");
    assert_eq!(
        traced::<HashMap<Color, BTreeMap<u8, Name>>>(),
        "{Color <Red: Unit, Green: Unit>: {U8: Name(Text)}}"
    );
    assert_eq!(traced::<([u8; 32], [Name; 2], Marker)>(), "([U8; 32], [Name(Text); 2], Unit)");
    assert_eq!(
        traced::<Figure>(),
        "Figure <Nothing: Unit, Dot: Point {x: I8, y: I8}, Line: (Point {x: U16, y: U16}, Point {x: U16, y: U16}), \
         Circle:  {middle: Point {x: F32, y: F32}, radius: U16?}, Group: [^1], Empty: ()>"
    );
}

#[test]
fn a_type_that_contains_itself_is_a_reference_back() {
    assert_eq!(traced::<List>(), "List {value: U8, next: ^1?}");
}

#[test]
fn a_field_that_refuses_every_sample_hides_nothing() {
    #[derive(Deserialize)]
    struct Row {
        first: Word,
        second: Point<Word>,
        third: u8,
    }

    assert_eq!(traced::<Row>(), "Row {first: Text, second: Point {x: Text, y: Text}, third: U8}");
    assert_eq!(traced::<(Word, u8)>(), "(Text, Opaque)", "a tuple is read in order");
}

#[test]
fn names_and_aliases_stand_at_their_places() {
    #[derive(Deserialize)]
    struct Row {
        #[serde(rename = "id", alias = "a", alias = "z")]
        first: u8,
        #[serde(skip)]
        second: u16,
        #[serde(default)]
        third: u32,
        #[serde(with = "text_of_a_number")]
        fourth: u64,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Word {
        TheFirst,
        #[serde(alias = "other")]
        TheSecond,
        #[serde(skip)]
        NoOne,
        #[serde(other)]
        Else,
    }

    mod text_of_a_number {
        use serde::{Deserialize, Deserializer};

        pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
            String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
        }
    }

    assert_eq!(traced::<Row>(), "Row {a|id|z: U8, third: U32, fourth: Text}");
    assert_eq!(traced::<Word>(), "Word <the-first: Unit, other|the-second: Unit, else: Unit>");
}

#[test]
fn what_needs_names_can_never_be_read() {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Number(u8),
    }

    #[derive(Deserialize)]
    #[serde(tag = "type")]
    enum Tagged {
        Number { value: u8 },
    }

    #[derive(Deserialize)]
    #[serde(tag = "type", content = "value")]
    enum Adjacent {
        Number(u8),
    }

    #[derive(Deserialize)]
    struct Flat {
        id: u64,
        #[serde(flatten)]
        rest: Point<u8>,
    }

    #[derive(Deserialize)]
    struct Row {
        id: u64,
        value: Option<Untagged>,
        last: u8,
    }

    for shape in
        [trace::<Untagged>(), trace::<Tagged>(), trace::<Adjacent>(), trace::<Flat>(), trace::<Row>()]
    {
        assert!(shape.has_unreadable() && !shape.is_complete(), "{}", text(&shape));
    }
    assert_eq!(traced::<Row>(), "Row {id: U64, value: Unreadable?, last: U8}");
}

#[test]
fn what_depends_on_what_was_read_is_opaque() {
    struct Depends;
    struct Pair;

    impl<'de> serde::de::DeserializeSeed<'de> for Depends {
        type Value = ();
        fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
            u8::deserialize(deserializer).map(drop)
        }
    }

    impl<'de> Visitor<'de> for Pair {
        type Value = Self;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a pair")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
            seq.next_element::<u8>()?;
            seq.next_element_seed(Depends)?;
            Ok(self)
        }
    }

    impl<'de> Deserialize<'de> for Pair {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_tuple(2, Self)
        }
    }

    assert_eq!(traced::<Pair>(), "(U8, Opaque)");
}

#[test]
fn a_type_that_panics_at_a_sample_is_opaque() {
    struct Panics;

    impl<'de> Deserialize<'de> for Panics {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let (text, _) = <(String, u8)>::deserialize(deserializer).unwrap_or_default();
            assert_eq!(text, "never");
            Ok(Self)
        }
    }

    assert_eq!(traced::<Panics>(), "Opaque");
}

#[test]
fn types_that_many_know_are_told() {
    assert_eq!(traced::<Duration>(), "Duration~Duration {secs: U64, nanos: U32}");
    assert_eq!(
        traced::<(SystemTime, u8)>(),
        "(SystemTime~SystemTime {secs_since_epoch: U64, nanos_since_epoch: U32}, U8)"
    );
    assert_eq!(traced::<IpAddr>(), "IpAddr~IpAddr <V4: Ipv4Addr~[U8; 4], V6: Ipv6Addr~[U8; 16]>");
    #[cfg(feature = "uuid")]
    assert_eq!(traced::<(u8, uuid::Uuid)>(), "(U8, Uuid~Bytes)");
}

#[test]
fn a_shape_is_bounded() {
    type Two<T> = Point<T>;
    type Sixteen<T> = Two<Two<Two<Two<T>>>>;
    let wide = trace::<Sixteen<Sixteen<Sixteen<Two<u8>>>>>();
    assert!(wide.nodes().len() <= MAX_NODES && !wide.is_complete());
    wide.checked().unwrap();
}

#[test]
fn a_damaged_shape_is_a_fault() {
    let broken = [
        vec![],
        vec![Node::Option(1)],
        vec![Node::Tuple(vec![1, 1]), Node::U8],
        vec![Node::Tuple(vec![0])],
        vec![Node::Newtype { name: String::new(), inner: 0 }],
        vec![Node::U8, Node::U8],
        vec![Node::Tuple(vec![1, 2]), Node::Seq(3), Node::Seq(1), Node::U8],
    ];
    for nodes in broken {
        let shape = RowShape { nodes };
        assert!(shape.clone().checked().is_err(), "{shape:?}");
    }
    let deep = (1..).map(Node::Option).take(MAX_NODES - 1).chain([Node::U8]).collect();
    assert!(RowShape { nodes: deep }.checked().is_err());
}

/// Every kind of field.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Everything {
    integers: (u8, u16, u32, u64, u128, i8, i16, i32, i64, i128),
    floats: (f32, f64, bool, char),
    name: Name,
    text: String,
    array: [u16; 3],
    units: Vec<()>,
    marker: Marker,
    figures: Vec<Figure>,
    list: List,
    colors: BTreeMap<Color, Option<Option<u8>>>,
    nothing: BTreeMap<(), ()>,
    word: Option<Word>,
    time: SystemTime,
    address: IpAddr,
}

fn figures() -> impl Strategy<Value = Figure> {
    let leaf = prop_oneof![
        Just(Figure::Nothing),
        Just(Figure::Empty()),
        any::<(i8, i8)>().prop_map(|(x, y)| Figure::Dot(Point { x, y })),
        any::<(u16, u16)>().prop_map(|(x, y)| Figure::Line(Point { x, y }, Point { x: y, y: x })),
        any::<(f32, Option<NonZeroU16>)>()
            .prop_map(|(x, radius)| Figure::Circle { middle: Point { x, y: 0.0 }, radius }),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| prop::collection::vec(inner, 0..4).prop_map(Figure::Group))
}

prop_compose! {
    fn everything()(
        integers: (u8, u16, u32, u64, u128, i8, i16, i32, i64, i128),
        floats: (f32, f64, bool, char),
        texts: (String, String),
        array: [u16; 3],
        units in prop::collection::vec(Just(()), 0..5),
        figures in prop::collection::vec(figures(), 0..4),
        list in prop::collection::vec(any::<u8>(), 0..200),
        colors in prop::collection::btree_map(prop_oneof![Just(Color::Red), Just(Color::Green)], any::<Option<Option<u8>>>(), 0..3),
        word: bool,
        address: IpAddr,
        (seconds, nanos) in (0..u64::from(u32::MAX), 0..1_000_000_000u32),
    ) -> Everything {
        let list = list.into_iter().fold(None, |next, value| Some(Box::new(List { value, next })));
        let (text, name) = texts;
        Everything {
            integers, floats, name: Name(name), text, array, units, marker: Marker, figures, colors, address,
            list: List { value: 0, next: list },
            nothing: BTreeMap::from([((), ())]),
            word: word.then(|| Word("only this".to_owned())),
            time: SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_row_is_walked_to_its_end_by_its_shape_alone(row in everything(), behind: [u8; 3]) {
        let shape = trace::<Everything>().checked().unwrap();
        prop_assert!(shape.is_complete(), "{}", text(&shape));
        let mut bytes = postcard::to_stdvec(&row).unwrap();
        let size = bytes.len();
        bytes.extend(behind);
        prop_assert_eq!(shape.skip(&bytes).unwrap(), &behind[..]);
        prop_assert!(shape.skip(&bytes[..size - 1]).is_err());
        // A shape that went through the catalog is the same.
        let stored: RowShape = postcard::from_bytes(&postcard::to_stdvec(&shape).unwrap()).unwrap();
        prop_assert_eq!(stored, shape);
    }

    #[test]
    fn bytes_that_are_no_row_are_a_fault_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let read = postcard::take_from_bytes::<Everything>(&bytes);
        let walked = trace::<Everything>().skip(&bytes);
        // What can be read can be walked, as far as it was read.
        if let Ok((_, rest)) = read {
            prop_assert_eq!(walked.unwrap(), rest);
        }
    }

    #[test]
    fn hostile_shapes_end(nodes in prop::collection::vec(0..12u32, 1..12), row in prop::collection::vec(0..4u8, 0..24)) {
        let count = NodeId::try_from(nodes.len()).unwrap();
        let node = |(at, kind): (usize, &u32)| {
            let child = (u32::try_from(at).unwrap() * 7 + kind * 5 + 1) % count;
            match kind {
                0..3 => Node::Option(child),
                3..5 => Node::Seq(child),
                5..7 => Node::Tuple(vec![child]),
                7 => Node::Map { key: child, value: child },
                8 => Node::Array { element: child, len: u32::MAX },
                9 => Node::Unit,
                _ => Node::U8,
            }
        };
        let shape = RowShape { nodes: nodes.iter().enumerate().map(node).collect() };
        if let Ok(shape) = shape.checked() {
            let _ = shape.skip(&row);
        }
    }
}
