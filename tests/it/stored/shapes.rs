//! Some fifty ways in which serde stores a value, or says that it does.

#![expect(clippy::cast_possible_truncation, reason = "numbers of every size are made of one")]
#![expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
#![expect(clippy::linkedlist, clippy::option_option, reason = "they are stored as others are")]

use std::borrow::Cow;
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, LinkedList, VecDeque};
use std::fmt::{self, Debug, Display};
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv6Addr, SocketAddrV6};
use std::num::{NonZeroU16, Wrapping};
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::de::{IgnoredAny, Visitor};
use serde::ser::{SerializeSeq, SerializeTuple};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use walnut_tests::random::Random;

/// A type that is stored in a row.
pub(super) trait Shape: Debug + Sized {
    /// Whether some values come back as others.
    const LOSSY: bool = false;

    fn make(random: &mut Random) -> Self;

    /// Whether this value must be refused; nothing where either is right.
    fn is_refused(&self) -> Option<bool> {
        Some(false)
    }

    /// The same for equal values only.
    fn text(&self) -> String {
        format!("{self:?}")
    }
}

/// A shape whose values are all stored, or all refused.
macro_rules! shapes {
    ($($(#[$derived:meta])* $name:ty: $make:expr $(, lossy $lossy:literal)? $(, refused $refused:expr)?;)*) => {$(
        impl Shape for $name {
            $(const LOSSY: bool = $lossy;)?

            fn make(random: &mut Random) -> Self {
                let make: fn(&mut Random) -> Self = $make;
                make(random)
            }

            $(fn is_refused(&self) -> Option<bool> {
                let refused: fn(&Self) -> Option<bool> = $refused;
                refused(self)
            })?
        }
    )*};
}

fn byte(random: &mut Random) -> u8 {
    random.next().to_le_bytes()[0]
}

fn short(random: &mut Random) -> u16 {
    u16::from(byte(random)) << random.below(9)
}

fn long(random: &mut Random) -> u64 {
    random.next() >> random.below(64)
}

fn text(random: &mut Random) -> String {
    let letters = ["a", "B", "\0", "é", "1", "🌰"];
    (0..random.below(4)).map(|_| *random.pick(&letters)).collect()
}

fn maybe<T>(random: &mut Random, make: impl FnOnce(&mut Random) -> T) -> Option<T> {
    (!random.one_in(2)).then(|| make(random))
}

fn list<T, C: FromIterator<T>>(random: &mut Random, make: impl Fn(&mut Random) -> T) -> C {
    (0..random.below(4)).map(|_| make(random)).collect()
}

/// Whole seconds of a time that has finer ones.
mod seconds {
    use super::*;

    pub(super) fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(time.as_secs())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_secs)
    }
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub(super) struct Stamp {
    #[serde(with = "seconds")]
    at: Duration,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(from = "String", into = "String")]
pub(super) struct Lower(String);

impl From<String> for Lower {
    fn from(text: String) -> Self {
        Self(text.to_lowercase())
    }
}

impl From<Lower> for String {
    fn from(lower: Lower) -> Self {
        lower.0
    }
}

#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(try_from = "u32", into = "u32")]
pub(super) struct Even(u32);

impl TryFrom<u32> for Even {
    type Error = &'static str;

    fn try_from(number: u32) -> Result<Self, &'static str> {
        if number.is_multiple_of(2) { Ok(Self(number)) } else { Err("odd") }
    }
}

impl From<Even> for u32 {
    fn from(even: Even) -> Self {
        even.0
    }
}

#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(into = "String")]
pub(super) struct IntoOnly(u32);

impl From<IntoOnly> for String {
    fn from(number: IntoOnly) -> Self {
        number.0.to_string()
    }
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub(super) enum SkipsMiddle {
    First,
    #[serde(skip)]
    Middle,
    Third,
    Fourth(u8),
    Fifth {
        number: u16,
    },
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub(super) struct SkipsNone {
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<u32>,
    second: u64,
}

fn is_zero(number: &u8) -> bool {
    *number == 0
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub(super) struct SkipsInTuple(#[serde(skip_serializing_if = "is_zero")] u8, u8);

#[derive(Serialize, Deserialize, Clone, Debug)]
pub(super) struct Skips {
    first: u16,
    #[serde(skip)]
    #[expect(dead_code, reason = "nothing is stored of it")]
    cached: u32,
    last: String,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub(super) struct SkipsWriting {
    #[serde(skip_serializing)]
    #[expect(dead_code, reason = "nothing is stored of it")]
    first: u8,
    second: u8,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub(super) struct SkipsReading {
    #[serde(skip_deserializing)]
    first: u8,
    second: u8,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub(super) struct Flat {
    number: u8,
    #[serde(flatten)]
    rest: Inner,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Inner {
    name: String,
    size: u8,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(tag = "kind")]
pub(super) enum Tagged {
    One { size: u8 },
    Two(Inner),
    None,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(tag = "kind", content = "of")]
pub(super) enum Adjacent {
    One { size: u8 },
    Two(Inner),
    Three(u8, u16),
    Four,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(untagged)]
pub(super) enum Untagged {
    One(u8),
    Two(String),
}

#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Renamed {
    #[serde(rename(serialize = "a", deserialize = "b"), default)]
    first_name: String,
    #[serde(alias = "x", alias = "y", alias = "z")]
    second_name: Option<u8>,
    #[serde(default)]
    third: Choice,
}

#[derive(Serialize, Deserialize, Clone, Debug, Default)]
pub(super) enum Choice {
    #[serde(alias = "none", alias = "Aaa", rename(serialize = "w", deserialize = "r"))]
    #[default]
    Nothing,
    #[serde(alias = "other", alias = "another")]
    One(u16),
    Many(Vec<i64>, bool),
    Named {
        first: i8,
        second: Option<Box<Choice>>,
    },
}

#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(transparent)]
pub(super) struct Transparent {
    inner: Vec<Option<u32>>,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub(super) struct Borrowing {
    owned: Cow<'static, str>,
    list: Cow<'static, [u16]>,
}

#[derive(Clone, Debug)]
pub(super) struct Foreign {
    first: u8,
    second: String,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Foreign")]
struct Remote {
    first: u8,
    second: String,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub(super) struct HasRemote(#[serde(with = "Remote")] Foreign, u32);

#[derive(Serialize, Deserialize, Clone, Debug)]
pub(super) struct Generic<A, B = u8> {
    first: A,
    second: Vec<(A, B)>,
}

/// Text for people, a number for machines.
#[derive(Clone, Debug)]
pub(super) struct Switching(u32);

impl Serialize for Switching {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            self.0.to_string().serialize(serializer)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Switching {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map(Self).map_err(serde::de::Error::custom)
        } else {
            u32::deserialize(deserializer).map(Self)
        }
    }
}

/// Written as bytes.
#[derive(Clone, Debug)]
pub(super) struct Blob<const AS_SEQUENCE: bool>(Vec<u8>);

impl<const AS_SEQUENCE: bool> Serialize for Blob<AS_SEQUENCE> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if AS_SEQUENCE { self.0.serialize(serializer) } else { serializer.serialize_bytes(&self.0) }
    }
}

impl<'de, const AS_SEQUENCE: bool> Deserialize<'de> for Blob<AS_SEQUENCE> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
        }
        // Whatever it was written as: the bytes are the same.
        deserializer.deserialize_byte_buf(Bytes).map(Self)
    }
}

/// Written as it is displayed.
#[derive(Clone, Debug)]
pub(super) struct Shown(u32, u8);

impl Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

impl FromStr for Shown {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (first, second) = text.split_once('/').ok_or(())?;
        Ok(Self(first.parse().map_err(drop)?, second.parse().map_err(drop)?))
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Shown {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(|()| serde::de::Error::custom("it is not shown so"))
    }
}

/// A sequence that says nothing about its length, or something wrong.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Unlike<const LENGTH: usize>(Vec<u8>);

impl<const LENGTH: usize> Serialize for Unlike<LENGTH> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(LENGTH.checked_sub(1))?;
        self.0.iter().try_for_each(|item| sequence.serialize_element(item))?;
        sequence.end()
    }
}

/// Asks what there is.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Asking<const PASSES_OVER: bool>(u8);

impl<'de, const PASSES_OVER: bool> Deserialize<'de> for Asking<PASSES_OVER> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Anything;
        impl Visitor<'_> for Anything {
            type Value = u8;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
        }
        if PASSES_OVER {
            return IgnoredAny::deserialize(deserializer).map(|_| Self(0));
        }
        deserializer.deserialize_any(Anything).map(Self)
    }
}

/// Written in another order than it is read in.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Swapped {
    first: u32,
    second: u32,
}

impl Serialize for Swapped {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(2)?;
        tuple.serialize_element(&self.second)?;
        tuple.serialize_element(&self.first)?;
        tuple.end()
    }
}

fn one_more<S: Serializer>(number: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u32(number.wrapping_add(1))
}

fn as_text<S: Serializer>(number: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

fn narrower<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16((number & 0xffff) as u16)
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub(super) struct OneMore(#[serde(serialize_with = "one_more")] u32, ());

#[derive(Serialize, Deserialize, Clone, Debug)]
pub(super) struct AsText(#[serde(serialize_with = "as_text")] u32, ());

#[derive(Serialize, Deserialize, Clone, Debug)]
pub(super) struct Narrower(#[serde(serialize_with = "narrower")] u64, ());

/// Compares by its size alone.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub(super) struct BySize(pub Lower);

impl PartialEq for BySize {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for BySize {}

impl PartialOrd for BySize {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for BySize {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.0.len().cmp(&other.0.0.len())
    }
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub(super) struct Empty {}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub(super) struct Unit;

#[derive(Serialize, Deserialize, Clone, Debug)]
pub(super) struct Nothing {
    unit: Unit,
    empty: Empty,
    many: [(); 3],
    list: Vec<Empty>,
    ghost: PhantomData<String>,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub(super) struct Floats(f32, f64);

#[derive(Serialize, Deserialize, Clone, Debug)]
pub(super) struct Standard {
    number: NonZeroU16,
    wrapping: Wrapping<i32>,
    reverse: Reverse<i16>,
    linked: LinkedList<i128>,
    deque: VecDeque<u128>,
    twice: Option<Option<u8>>,
    letter: char,
    flag: bool,
    address: IpAddr,
    result: Result<String, Box<u8>>,
    array: [u16; 3],
    map: BTreeMap<Inner, Vec<u8>>,
}

fn choice(random: &mut Random) -> Choice {
    match random.below(5) {
        0 => Choice::Nothing,
        1 => Choice::One(short(random)),
        2 => Choice::Many(list(random, |random| long(random).cast_signed()), random.one_in(2)),
        _ => Choice::Named {
            first: byte(random).cast_signed(),
            second: maybe(random, |random| Box::new(choice(random))),
        },
    }
}

fn inner(random: &mut Random) -> Inner {
    Inner { name: text(random), size: byte(random) }
}

shapes! {
    Stamp: |random| Stamp { at: Duration::new(long(random), (random.below(3) * 7) as u32) }, lossy true;
    Lower: |random| Lower(text(random)), lossy true;
    Even: |random| Even(u32::from(short(random))), refused |even| Some(even.0 % 2 == 1);
    IntoOnly: |random| IntoOnly(u32::from(short(random))), refused |_| Some(true);
    SkipsMiddle: |random| match random.below(5) {
            0 => SkipsMiddle::First,
            1 => SkipsMiddle::Middle,
            2 => SkipsMiddle::Third,
            3 => SkipsMiddle::Fourth(byte(random)),
            _ => SkipsMiddle::Fifth { number: short(random) },
        },
        refused |it| Some(!matches!(it, SkipsMiddle::First));
    SkipsNone: |random| SkipsNone { first: maybe(random, |it| u32::from(short(it))), second: long(random) },
        refused |it| Some(it.first.is_none());
    SkipsInTuple: |random| SkipsInTuple(byte(random) % 2, byte(random)), refused |it| Some(it.0 == 0);
    Skips: |random| Skips { first: short(random), cached: u32::from(short(random)), last: text(random) }, lossy true;
    SkipsWriting: |random| SkipsWriting { first: byte(random), second: byte(random) }, refused |_| Some(true);
    SkipsReading: |random| SkipsReading { first: byte(random), second: byte(random) }, refused |_| Some(true);
    Flat: |random| Flat { number: byte(random), rest: inner(random) }, refused |_| Some(true);
    Tagged: |random| match random.below(3) {
            0 => Tagged::One { size: byte(random) },
            1 => Tagged::Two(inner(random)),
            _ => Tagged::None,
        },
        refused |_| Some(true);
    Adjacent: |random| match random.below(4) {
            0 => Adjacent::One { size: byte(random) },
            1 => Adjacent::Two(inner(random)),
            2 => Adjacent::Three(byte(random), short(random)),
            _ => Adjacent::Four,
        },
        refused |_| Some(true);
    Untagged: |random| if random.one_in(2) { Untagged::One(byte(random)) } else { Untagged::Two(text(random)) },
        refused |_| Some(true);
    Renamed: |random| Renamed { first_name: text(random), second_name: maybe(random, byte), third: choice(random) };
    Choice: choice;
    Transparent: |random| Transparent { inner: list(random, |it| maybe(it, |it| u32::from(short(it)))) };
    Borrowing: |random| Borrowing { owned: text(random).into(), list: list::<_, Vec<u16>>(random, short).into() };
    HasRemote: |random| HasRemote(Foreign { first: byte(random), second: text(random) }, 7);
    Generic<Choice, Inner>: |random| Generic { first: choice(random), second: list(random, |it| (choice(it), inner(it))) };
    Switching: |random| Switching(u32::from(short(random)));
    Blob<false>: |random| Blob(list(random, byte));
    Blob<true>: |random| Blob(list(random, byte));
    Shown: |random| Shown(u32::from(short(random)), byte(random));
    Unlike<0>: |random| Unlike(list(random, byte)), refused |_| Some(true);
    Unlike<2>: |random| Unlike(list(random, byte)), refused |it| Some(it.0.len() != 1);
    Asking<false>: |random| Asking(byte(random)), refused |_| Some(true);
    Asking<true>: |random| Asking(byte(random)), refused |_| Some(true);
    Swapped: |random| Swapped { first: 1, second: u32::from(short(random)) }, lossy true;
    OneMore: |random| OneMore(u32::from(short(random)), ()), lossy true;
    AsText: |random| AsText(u32::from(short(random)), ()), refused |_| Some(true);
    Narrower: |random| Narrower(long(random), ()), lossy true;
    Nothing: |random| Nothing {
        unit: Unit,
        empty: Empty {},
        many: [(); 3],
        list: list(random, |_| Empty {}),
        ghost: PhantomData,
    };
    Standard: |random| Standard {
        number: NonZeroU16::MIN.saturating_add(short(random)),
        wrapping: Wrapping(i32::from(short(random)) - 300),
        reverse: Reverse(i16::from(byte(random)) - 100),
        linked: list(random, |it| i128::from(long(it)).wrapping_mul(long(it).into()).wrapping_sub(77)),
        deque: list(random, |it| u128::from(long(it)) * u128::from(long(it))),
        twice: maybe(random, |it| maybe(it, byte)),
        letter: *random.pick(&['a', 'é', '€', '🌰', '\0']),
        flag: random.one_in(2),
        address: if random.one_in(2) { IpAddr::from([byte(random); 4]) } else { IpAddr::from([byte(random); 16]) },
        result: if random.one_in(2) { Ok(text(random)) } else { Err(Box::new(byte(random))) },
        array: [short(random), 0, u16::MAX],
        map: list(random, |it| (inner(it), list(it, byte))),
    };
    SocketAddrV6: |random| SocketAddrV6::new(Ipv6Addr::LOCALHOST, short(random), 0, random.below(2) as u32), lossy true;
    Duration: |random| Duration::new(long(random), u32::from(short(random)));
    SystemTime: |random| {
            let distance = Duration::new(random.below(1 << 40), u32::from(short(random)));
            let epoch = SystemTime::UNIX_EPOCH;
            if random.one_in(3) { epoch - distance } else { epoch + distance }
        },
        refused |time| Some(*time < SystemTime::UNIX_EPOCH);
    BTreeSet<BySize>: |random| list(random, |it| BySize(Lower(text(it)))), lossy true;
    BTreeSet<Vec<u8>>: |random| list(random, |it| list(it, byte));
}

impl Shape for Floats {
    fn make(random: &mut Random) -> Self {
        let singles = [0.0, -0.0, f32::NAN, -f32::NAN, f32::INFINITY, f32::from_bits(0x7f80_0001)];
        Self(*random.pick(&singles), f64::from_bits(random.next()))
    }

    fn text(&self) -> String {
        format!("{:x} {:x}", self.0.to_bits(), self.1.to_bits())
    }
}

impl Shape for HashSet<u16> {
    fn make(random: &mut Random) -> Self {
        list(random, short)
    }

    fn text(&self) -> String {
        format!("{:?}", self.iter().collect::<BTreeSet<_>>())
    }
}

impl Shape for HashMap<String, Inner> {
    fn make(random: &mut Random) -> Self {
        list(random, |random| (text(random), inner(random)))
    }

    fn text(&self) -> String {
        format!("{:?}", self.iter().collect::<BTreeMap<_, _>>())
    }
}

/// A value of any of these shapes.
macro_rules! values {
    ($($name:ident($shape:ty),)*) => {
        #[derive(Serialize, Deserialize, Clone, Debug)]
        pub(super) enum Value {
            $($name($shape),)*
        }

        impl Value {
            /// What makes a value of each shape.
            pub(super) const MAKERS: &[fn(&mut Random) -> Self] =
                &[$(|random| Self::$name(<$shape as Shape>::make(random)),)*];

            /// Whether it may come back as another one.
            pub(super) fn is_lossy(&self) -> bool {
                match self {
                    $(Self::$name(_) => <$shape as Shape>::LOSSY,)*
                }
            }

            pub(super) fn is_refused(&self) -> Option<bool> {
                match self {
                    $(Self::$name(value) => value.is_refused(),)*
                }
            }

            pub(super) fn text(&self) -> String {
                match self {
                    $(Self::$name(value) => format!("{} {}", stringify!($name), value.text()),)*
                }
            }
        }
    };
}

values! {
    Stamp(Stamp), Lower(Lower), Even(Even), IntoOnly(IntoOnly), SkipsMiddle(SkipsMiddle), SkipsNone(SkipsNone),
    SkipsInTuple(SkipsInTuple), Skips(Skips), SkipsWriting(SkipsWriting), SkipsReading(SkipsReading), Flat(Flat),
    Tagged(Tagged), Adjacent(Adjacent), Untagged(Untagged), Renamed(Renamed), Choice(Choice),
    Transparent(Transparent), Borrowing(Borrowing), HasRemote(HasRemote), Generic(Generic<Choice, Inner>),
    Switching(Switching), Bytes(Blob<false>), Sequence(Blob<true>), Shown(Shown), NoLength(Unlike<0>),
    WrongLength(Unlike<2>), Asking(Asking<false>), PassingOver(Asking<true>), Swapped(Swapped), OneMore(OneMore),
    AsText(AsText), Narrower(Narrower), Nothing(Nothing), Standard(Box<Standard>), Floats(Floats),
    Address(SocketAddrV6), Duration(Duration), Time(SystemTime), BySize(BTreeSet<BySize>),
    Sets(BTreeSet<Vec<u8>>), Hashed(HashSet<u16>), Mapped(HashMap<String, Inner>),
}

impl<S: Shape> Shape for Box<S> {
    const LOSSY: bool = S::LOSSY;

    fn make(random: &mut Random) -> Self {
        Self::new(S::make(random))
    }
}
