//! Keys that serde stores otherwise than they are, as primary keys and in every kind of index.

#![expect(clippy::cast_possible_truncation, reason = "numbers of every size are made of one")]
#![expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashSet};
use std::net::{Ipv6Addr, SocketAddrV6};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use walnut::env::MemoryEnv;
use walnut::{Database, Error, Fault, Key, KeyReader, KeyWriter, Table};
use walnut_tests::random::Random;

use super::shapes::{BySize, Lower, Shape, Skips, Stamp};

/// A key that is compared as it is and stored in lower case.
#[derive(Key, Serialize, Deserialize, Clone, Debug, PartialEq, Eq, Hash)]
#[serde(from = "String", into = "String")]
struct Email(String);

impl From<String> for Email {
    fn from(text: String) -> Self {
        Self(text.to_lowercase())
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

/// A key of which a part is not stored.
#[derive(Key, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    country: u8,
    #[serde(skip)]
    region: u8,
}

/// A key whose discriminants are not the numbers that serde gives the variants, and one variant of which is not stored.
#[derive(Key, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Guest = 30,
    #[serde(skip)]
    Ghost = 20,
    Admin = 10,
    Owner = 40,
}

/// Rounded where it is written.
#[derive(Key, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rounded(#[serde(serialize_with = "rounded")] u16);

fn rounded<S: serde::Serializer>(number: &u16, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(number / 10 * 10)
}

macro_rules! shapes {
    ($($name:ty: $make:expr $(, lossy $lossy:literal)? $(, refused $refused:expr)?;)*) => {$(
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

shapes! {
    Email: |random| Email((*random.pick(&["ann", "Ann", "ANN", "bob", "Bob", "eve"])).to_owned()), lossy true;
    Place: |random| Place { country: random.below(3) as u8, region: random.below(3) as u8 }, lossy true;
    Kind: |random| *random.pick(&[Kind::Guest, Kind::Ghost, Kind::Admin, Kind::Owner]),
        refused |kind| Some(*kind != Kind::Guest);
    Rounded: |random| Rounded(random.below(40) as u16), lossy true;
}

/// A row that is found by all of these.
#[derive(Table, Serialize, Deserialize, Clone, Debug)]
#[index(both = (kind, desc(rounded)))]
struct Found {
    #[primary_key]
    id: u8,
    #[index]
    email: Email,
    #[index]
    place: Place,
    #[index]
    kind: Kind,
    #[index]
    rounded: Rounded,
    #[index]
    maybe: Option<Rounded>,
    #[index]
    address: SocketAddrV6,
    #[index]
    reverse: Reverse<(Rounded, Place)>,
    #[index]
    float: f64,
    #[index(unique)]
    own: Option<Rounded>,
    #[index(unique)]
    own_email: Email,
}

impl Found {
    fn made(id: u8, random: &mut Random) -> Self {
        Self {
            id,
            email: Email::make(random),
            place: Place::make(random),
            kind: if random.one_in(4) { Kind::make(random) } else { Kind::Guest },
            rounded: Rounded::make(random),
            maybe: (!random.one_in(3)).then(|| Rounded::make(random)),
            address: SocketAddrV6::make(random),
            reverse: Reverse((Rounded::make(random), Place::make(random))),
            float: *random.pick(&[0.0, -0.0, 1.5, f64::NAN, -f64::NAN, f64::INFINITY]),
            own: (!random.one_in(3)).then(|| Rounded(random.below(400) as u16)),
            own_email: Email(format!("{}{}", Email::make(random).0, random.below(9))),
        }
    }

    /// Each index answers as the rows say.
    fn check(table: &walnut::DefaultTable<Self>) {
        let rows = table.iter().collect_vec().unwrap();
        macro_rules! check {
            ($($index:ident)*) => {$(
                let entries = table.by().$index.iter().entries();
                let mut found: Vec<_> = entries.map(|it| it.map(|(key, id)| format!("{key:?} {id}")).unwrap()).collect();
                let mut expected: Vec<_> = rows.iter().map(|row| format!("{:?} {}", row.$index, row.id)).collect();
                found.sort_unstable();
                expected.sort_unstable();
                assert_eq!(found, expected, "index {}", stringify!($index));
                assert_eq!(table.by().$index.iter().collect_vec().unwrap().len(), rows.len());
            )*};
        }
        check! { email place kind rounded maybe address reverse float own own_email }
        assert_eq!(table.by().both.prefix(Kind::Guest).count().unwrap(), rows.len() as u64);
    }
}

#[test]
fn entries_are_those_of_the_row_that_is_read() {
    for seed in 0..super::seeds() * 4 {
        let mut random = Random::new(seed, "keys");
        let env = MemoryEnv::new();
        let mut db = super::open(&env);
        let mut stored = 0;
        for step in 0..80 {
            let table = db.table::<Found>().unwrap();
            let id = random.next().to_le_bytes()[0] % 12;
            let row = Found::made(id, &mut random);
            let is_refused = row.kind != Kind::Guest;
            let outcome = match random.below(6) {
                0 => table.insert(&row),
                1 => table.upsert(&row).map(drop),
                2 => table.insert_many([&row]),
                3 => table.modify(id, |old| *old = row.clone()).map(drop),
                4 => {
                    drop(table.remove(id).unwrap());
                    continue;
                }
                _ => table.upsert_many([&row]).map(drop),
            };
            match outcome {
                Ok(()) => stored += 1,
                Err(Error::UniqueViolation(_)) => {}
                Err(Error::Unstorable(why)) => assert!(is_refused, "{why}"),
                Err(other) => panic!("{other}"),
            }
            if step % 20 == 19 {
                db.verify().unwrap();
                Found::check(&table);
                db.close().unwrap();
                db = super::open(&env);
            }
        }
        assert!(stored > 10, "{stored}");
    }
}

#[derive(Table, Serialize, Deserialize, Clone, Debug)]
struct User {
    #[primary_key]
    id: u8,
    #[index(unique)]
    email: Email,
}

#[test]
fn a_unique_value_is_the_one_that_is_stored() {
    let db = Database::in_memory().unwrap();
    let users = db.table::<User>().unwrap();
    users.insert(&User { id: 1, email: Email("Ann@X.org".to_owned()) }).unwrap();
    let twin = users.insert(&User { id: 2, email: Email("ann@x.ORG".to_owned()) });
    assert!(matches!(twin, Err(Error::UniqueViolation(it)) if it.owner::<User>() == Some(1)));
    users.modify(1, |user| user.email = Email("BOB".to_owned())).unwrap();
    assert!(users.by().email.contains(Email("bob".to_owned())).unwrap());
    users.insert(&User { id: 2, email: Email("ann@x.org".to_owned()) }).unwrap();
    users.remove(1).unwrap();
    assert_eq!(users.by().email.iter().count().unwrap(), 1);
    db.verify().unwrap();
}

#[derive(Table, Serialize, Deserialize, Clone, Debug)]
struct Keyed<K> {
    #[primary_key]
    id: K,
    #[index]
    size: u8,
}

#[test]
fn a_row_whose_primary_key_is_read_as_another_one_is_refused() {
    let db = Database::in_memory().unwrap();
    macro_rules! keyed {
        ($same:expr, $other:expr, $key:ty) => {{
            let table = db.table::<Keyed<$key>>().unwrap();
            table.insert(&Keyed { id: $same, size: 1 }).unwrap();
            for row in [Keyed { id: $other, size: 2 }] {
                assert!(matches!(table.insert(&row), Err(Error::Unstorable(_))));
                assert!(matches!(table.upsert(&row), Err(Error::Unstorable(_))));
                assert!(matches!(table.insert_many([&row, &row]), Err(Error::Unstorable(_))));
                assert!(matches!(table.replace(&row), Err(Error::Unstorable(_) | Error::NotFound)));
            }
            assert_eq!(table.len().unwrap(), 1);
            assert!(table.get($same).unwrap().is_some());
            db.verify().unwrap();
            db.drop_table("Keyed").unwrap();
        }};
    }
    keyed!(Email("ann".to_owned()), Email("Ann".to_owned()), Email);
    keyed!(Place { country: 1, region: 0 }, Place { country: 1, region: 2 }, Place);
    keyed!(Kind::Guest, Kind::Admin, Kind);
    keyed!(Rounded(20), Rounded(21), Rounded);
    let far = |scope| SocketAddrV6::new(Ipv6Addr::LOCALHOST, 80, 0, scope);
    keyed!(far(0), far(2), SocketAddrV6);
}

/// Indexes of every other kind over what serde changes.
#[derive(Table, Serialize, Deserialize, Clone, Debug)]
#[table(name = "mixed")]
#[index(sum: u32 = Mixed::sum)]
#[index(names: Vec<String> = Mixed::names, each)]
#[index(pair = (seconds, desc(email)), unique)]
struct Mixed {
    #[primary_key]
    id: u16,
    #[serde(with = "whole")]
    #[index]
    seconds: Duration,
    #[index(each)]
    tags: HashSet<Email>,
    #[serde(serialize_with = "shortened")]
    #[index(nocase)]
    name: String,
    email: Email,
    sets: BTreeSet<BySize>,
    stamp: Stamp,
    skips: Skips,
    #[serde(skip)]
    #[table(skip)]
    cached: u32,
}

mod whole {
    use super::*;

    pub(super) fn serialize<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(time.as_secs())
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_secs)
    }
}

fn shortened<S: serde::Serializer>(name: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&name.chars().take(2).collect::<String>())
}

impl Mixed {
    fn sum(&self) -> u32 {
        self.cached + self.seconds.subsec_nanos()
    }

    fn names(&self) -> Vec<String> {
        self.sets.iter().map(|set| format!("{set:?}")).collect()
    }

    fn made(id: u16, random: &mut Random) -> Self {
        Self {
            id,
            seconds: Duration::from_millis(random.below(20) * 300),
            tags: (0..random.below(4)).map(|_| Email::make(random)).collect(),
            name: format!("{}{}", random.pick(&["Ann", "ANna", "ab", "B"]), random.below(3)),
            email: Email(format!("X{id}")),
            sets: (0..random.below(4)).map(|_| BySize(Lower::make(random))).collect(),
            stamp: Stamp::make(random),
            skips: Skips::make(random),
            cached: random.below(9) as u32,
        }
    }

    /// What the indexes hold as the rows say.
    fn expected(rows: &[Self]) -> Vec<String> {
        let mut expected = Vec::new();
        for row in rows {
            let id = row.id;
            expected.push(format!("seconds {:?} {id}", row.seconds));
            let tags: BTreeSet<&str> = row.tags.iter().map(|tag| tag.0.as_str()).collect();
            expected.extend(tags.iter().map(|tag| format!("tags {tag} {id}")));
            expected.push(format!("name {} {id}", row.name.to_lowercase()));
            expected.push(format!("sum {} {id}", row.sum()));
            let names: BTreeSet<String> = row.names().into_iter().collect();
            expected.extend(names.iter().map(|name| format!("names {name} {id}")));
            expected.push(format!("pair {:?} {} {id}", row.seconds, row.email.0));
        }
        expected.sort();
        expected
    }

    fn found(table: &walnut::DefaultTable<Self>) -> Vec<String> {
        let by = table.by();
        let mut found = Vec::new();
        found.extend(
            by.seconds
                .iter()
                .entries()
                .map(|it| it.map(|(key, id)| format!("seconds {key:?} {id}")).unwrap()),
        );
        found.extend(
            by.tags.iter().entries().map(|it| it.map(|(key, id)| format!("tags {} {id}", key.0)).unwrap()),
        );
        found.extend(
            by.name
                .iter()
                .entries()
                .map(|it| it.map(|(key, id)| format!("name {} {id}", key.into_inner())).unwrap()),
        );
        found
            .extend(by.sum.iter().entries().map(|it| it.map(|(key, id)| format!("sum {key} {id}")).unwrap()));
        found.extend(
            by.names.iter().entries().map(|it| it.map(|(key, id)| format!("names {key} {id}")).unwrap()),
        );
        found.extend(by.pair.iter().entries().map(|it| {
            it.map(|((first, second), id)| format!("pair {first:?} {} {id}", second.0.0)).unwrap()
        }));
        found.sort();
        found
    }
}

#[test]
fn every_kind_of_index_holds_what_is_stored() {
    for seed in 0..super::seeds() * 4 {
        let mut random = Random::new(seed, "mixed");
        let db = Database::in_memory().unwrap();
        let table = db.table::<Mixed>().unwrap();
        for _ in 0..60 {
            let id = random.below(8) as u16;
            let row = Mixed::made(id, &mut random);
            match random.below(6) {
                0 => drop(table.insert(&row)),
                1 => drop(table.upsert(&row).unwrap()),
                2 => drop(table.insert_many(&[row, Mixed::made(id + 1, &mut random)])),
                3 => {
                    let modified = table.modify(id, |old| *old = row.clone()).unwrap();
                    let read = table.get(id).unwrap();
                    assert_eq!(
                        modified.map(|row| Mixed::expected(&[row])),
                        read.map(|row| Mixed::expected(&[row]))
                    );
                }
                4 => drop(table.remove(id).unwrap()),
                _ => drop(table.by().tags.all(Email("ann".to_owned())).remove_all().unwrap()),
            }
        }
        db.verify().unwrap();
        assert_eq!(
            Mixed::found(&table),
            Mixed::expected(&table.iter().collect_vec().unwrap()),
            "seed {seed}"
        );
    }
}

/// A struct with its own way to serde, which nobody but serde sees.
#[derive(Table, Clone, Debug)]
struct ByHand {
    #[primary_key]
    id: u16,
    #[index]
    name: String,
}

impl Serialize for ByHand {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.id, self.name.to_lowercase()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ByHand {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (id, name) = Deserialize::deserialize(deserializer)?;
        Ok(Self { id, name })
    }
}

#[test]
fn the_first_rows_of_a_struct_with_its_own_serialize_are_filed_as_they_are_read() {
    let db = Database::in_memory().unwrap();
    let table = db.table::<ByHand>().unwrap();
    for id in 0..20 {
        table.insert(&ByHand { id, name: format!("Name {id}") }).unwrap();
    }
    db.verify().unwrap();
    assert_eq!(table.by().name.all("name 3").count().unwrap(), 1);
}

/// A key that is written by hand, over a value that serde changes.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Grade(#[serde(serialize_with = "rounded")] u16);

impl Key for Grade {
    type Ref<'a> = Self;

    fn encode(&self, out: &mut KeyWriter) {
        self.0.encode(out);
    }

    fn encode_ref(point: &Self, out: &mut KeyWriter) {
        point.encode(out);
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        u16::decode(input).map(Self)
    }
}

#[derive(Table, Serialize, Deserialize, Clone, Debug)]
struct Graded {
    #[primary_key]
    id: u16,
    #[index]
    grade: Grade,
}

#[test]
fn a_key_by_hand_is_filed_as_it_is_stored_however_many_rows_there_are() {
    let db = Database::in_memory().unwrap();
    let table = db.table::<Graded>().unwrap();
    const { assert!(!<Graded as walnut::TableMapper>::LOSSLESS) };
    for id in 0..300 {
        table.insert(&Graded { id, grade: Grade(id) }).unwrap();
    }
    db.verify().unwrap();
    assert_eq!(table.by().grade.all(Grade(120)).count().unwrap(), 10);
}
