//! Structs whose source text stays as it is while what serde reads changes, and the other way round.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use walnut::env::MemoryEnv;
use walnut::{Error, Key, Table};

use super::open;

/// The same source text for every type of value.
#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "things")]
struct Thing<V> {
    #[primary_key]
    id: u64,
    value: V,
    last: u8,
}

/// Writes a row with a value of `Old`, and opens the table with values of `New`: the value as it is read then, or the sentence.
fn change<Old, New>(value: Old) -> Result<New, String>
where
    Old: Serialize + DeserializeOwned + Send + Sync + 'static,
    New: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let env = MemoryEnv::with_seed(1);
    let db = open(&env).unwrap();
    db.table::<Thing<Old>>().unwrap().insert(&Thing { id: 1, value, last: 77 }).unwrap();
    db.close().unwrap();
    let db = open(&env).unwrap();
    match db.table::<Thing<New>>() {
        Ok(things) => {
            let thing = things.get(1).unwrap().unwrap();
            assert_eq!((thing.id, thing.last), (1, 77));
            things.upsert(&thing).unwrap();
            Ok(thing.value)
        }
        Err(Error::Schema(told)) => {
            db.close().unwrap();
            let db = open(&env).unwrap();
            db.table::<Thing<Old>>().unwrap().get(1).unwrap().unwrap();
            let told = told.to_string();
            assert!(told.contains("`things`") && told.contains("version = 2"), "{told}");
            Err(told)
        }
        Err(other) => panic!("{other}"),
    }
}

/// That the change is refused with a sentence that contains each of these.
fn refused<Old, New>(value: Old, parts: &[&str])
where
    Old: Serialize + DeserializeOwned + Send + Sync + 'static,
    New: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let Err(told) = change::<Old, New>(value) else { panic!("accepted, and was to tell {parts:?}") };
    assert!(parts.iter().all(|part| told.contains(part)), "{told}");
}

mod before {
    use super::*;

    #[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
    pub(super) struct Address {
        pub(super) city: String,
        pub(super) street: String,
    }

    #[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Key)]
    pub(super) enum Kind {
        Guest,
        Admin,
    }

    #[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
    pub(super) enum Figure {
        Dot,
        Circle { radius: u32 },
    }
}

fn address() -> before::Address {
    before::Address { city: "Ulm".into(), street: "Main".into() }
}

#[test]
fn fields_of_a_nested_struct_that_change_places_are_refused() {
    #[derive(Serialize, Deserialize)]
    struct Address {
        street: String,
        city: String,
    }

    let parts = ["field `value` had `city` as field 1 and now has `street` there"];
    refused::<_, Address>(address(), &parts);
    refused::<_, Vec<Address>>(vec![address()], &["field `value[]` had `city` as field 1"]);
    refused::<_, BTreeMap<u8, Address>>(
        BTreeMap::from([(1u8, address())]),
        &["field `value[value]` had `city`"],
    );
    refused::<_, Option<Address>>(Some(address()), &parts);
}

#[test]
fn a_field_of_a_nested_struct_that_changes_is_named() {
    #[derive(Serialize, Deserialize)]
    struct Retyped {
        city: Option<String>,
        street: String,
    }

    #[derive(Serialize, Deserialize)]
    struct Longer {
        city: String,
        street: String,
        number: Option<u8>,
    }

    #[derive(Serialize, Deserialize)]
    struct Shorter {
        city: String,
    }

    #[derive(Serialize, Deserialize)]
    struct Renamed {
        town: String,
        street: String,
    }

    refused::<_, Retyped>(address(), &["field `value.city` was `String` and is now `Option<String>`"]);
    refused::<_, Longer>(address(), &["field `value` has a new field `number`"]);
    refused::<_, Shorter>(address(), &["field `value` has lost its field `street`"]);
    refused::<_, Renamed>(address(), &["had a field `city` where `town` is now", "rename = \"city\""]);
}

#[test]
fn generic_arguments_and_aliases_are_looked_through() {
    #[derive(Serialize, Deserialize)]
    struct Measured<T> {
        amount: T,
    }

    refused::<_, u64>(7u32, &["field `value` was `u32` and is now `u64`"]);
    refused::<_, Measured<u16>>(
        Measured { amount: "1".to_owned() },
        &["field `value.amount` was `String` and is now `u16`"],
    );
    refused::<_, i64>(7u64, &["was `u64` and is now `i64`"]);
    refused::<_, u8>(true, &["was `bool` and is now `u8`"]);
    refused::<_, String>('x', &["was `char` and is now `String`"]);
    refused::<_, [u8; 3]>([1u8, 2], &["was `[u8; 2]` and is now `[u8; 3]`"]);
    refused::<_, HashMap<String, u8>>(BTreeMap::from([(1u8, 1u8)]), &["field `value[key]` was `u8`"]);
    refused::<_, u8>(Some(1u8), &["was `Option<u8>` and is now `u8`"]);
}

#[test]
fn what_another_function_reads_is_noticed() {
    #[derive(Table, Serialize, Deserialize)]
    #[table(name = "events")]
    struct Plain {
        #[primary_key]
        id: u64,
        time: u64,
    }

    #[derive(Table, Serialize, Deserialize)]
    #[table(name = "events")]
    struct Texts {
        #[primary_key]
        id: u64,
        #[serde(with = "as_text")]
        time: u64,
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "so serde calls it")]
    mod as_text {
        use serde::{Deserialize, Deserializer, Serializer};

        pub(super) fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(number)
        }

        pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
            String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
        }
    }

    let env = MemoryEnv::with_seed(1);
    open(&env).unwrap().table::<Plain>().unwrap().insert(&Plain { id: 1, time: 5 }).unwrap();
    let told = open(&env).unwrap().table::<Texts>().unwrap_err().to_string();
    assert!(
        told.contains("`events`") && told.contains("field `time` was `u64` and is now `String`"),
        "{told}"
    );
}

#[test]
fn a_variant_may_come_behind_the_last_one_and_nowhere_else() {
    use before::{Figure, Kind};

    #[derive(Serialize, Deserialize, Debug, PartialEq, Eq, PartialOrd, Ord)]
    enum Longer {
        Guest,
        Admin,
        Robot(String),
    }

    #[derive(Serialize, Deserialize)]
    enum Middle {
        Guest,
        Member,
        Admin,
    }

    #[derive(Serialize, Deserialize)]
    enum Shorter {
        Guest,
    }

    #[derive(Serialize, Deserialize)]
    enum Swapped {
        Admin,
        Guest,
    }

    #[derive(Serialize, Deserialize)]
    enum Fuller {
        Dot,
        Circle { radius: u32, filled: bool },
    }

    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    enum Called {
        #[serde(rename = "Guest")]
        Visitor,
        #[serde(alias = "Admin")]
        Boss,
    }

    assert_eq!(change::<_, Longer>(Kind::Admin).unwrap(), Longer::Admin);
    let deep = BTreeMap::from([(Kind::Guest, vec![Some(Kind::Admin)])]);
    let same = BTreeMap::from([(Longer::Guest, vec![Some(Longer::Admin)])]);
    assert_eq!(change::<_, BTreeMap<Longer, Vec<Option<Longer>>>>(deep).unwrap(), same);
    assert_eq!(change::<_, Called>(Kind::Admin).unwrap(), Called::Boss);

    let place = "had `Admin` as variant 2 and now has `Member` there; a row stores the place of a variant";
    refused::<_, Middle>(Kind::Admin, &["field `value`", place]);
    refused::<_, Shorter>(Kind::Admin, &["has lost its variant `Admin`"]);
    refused::<_, Swapped>(Kind::Admin, &["had `Guest` as variant 1 and now has `Admin` there"]);
    refused::<_, Fuller>(Figure::Circle { radius: 1 }, &["field `value::Circle` has a new field `filled`"]);
    assert_eq!(change::<_, Figure>(Figure::Dot).unwrap(), Figure::Dot);
}

#[test]
fn what_leaves_the_bytes_as_they_are_is_accepted() {
    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    struct Place {
        city: Box<str>,
        #[serde(rename = "street")]
        road: Street,
    }

    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    struct Street(String);

    let place = Place { city: "Ulm".into(), road: Street("Main".into()) };
    assert_eq!(change::<_, Place>(address()).unwrap(), place);
    assert_eq!(change::<_, Box<str>>("a".to_owned()).unwrap(), "a".into());
    assert_eq!(change::<_, BTreeSet<u8>>(vec![2u8, 1]).unwrap(), BTreeSet::from([1, 2]));
    assert_eq!(change::<_, (u8, u8)>([1u8, 2]).unwrap(), (1, 2));
}

#[test]
fn how_a_type_is_written_does_not_matter() {
    type Text = String;

    #[derive(Table, Serialize, Deserialize)]
    #[table(name = "notes")]
    struct Short {
        #[primary_key]
        id: u64,
        #[index]
        text: String,
        #[serde(rename = "words")]
        count: u32,
    }

    #[derive(Table, Serialize, Deserialize)]
    #[table(name = "notes")]
    struct Long {
        #[primary_key]
        id: core::primitive::u64,
        #[index]
        text: std::string::String,
        #[serde(rename = "words")]
        word_count: u32,
    }

    #[derive(Table, Serialize, Deserialize)]
    #[table(name = "notes")]
    struct Aliased {
        #[primary_key]
        id: u64,
        #[index]
        text: Text,
        #[serde(rename = "words")]
        count: u32,
    }

    let env = MemoryEnv::with_seed(1);
    open(&env)
        .unwrap()
        .table::<Short>()
        .unwrap()
        .insert(&Short { id: 1, text: "a".into(), count: 2 })
        .unwrap();
    let db = open(&env).unwrap();
    let long = db.table::<Long>().unwrap();
    assert_eq!(long.by().text.all("a").next().unwrap().unwrap().word_count, 2);
    db.close().unwrap();
    open(&env).unwrap().table::<Aliased>().unwrap();
}

/// Rows by a key, which is indexed, too.
#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "keyed")]
struct Keyed<K: Key> {
    #[primary_key]
    id: K,
    #[index]
    kind: K,
}

/// Rows with an indexed value.
#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "indexed")]
struct Indexed<K: Key> {
    #[primary_key]
    id: u64,
    #[index]
    kind: K,
}

mod numbered {
    use super::*;

    /// The same variants for serde, with other numbers.
    #[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Key)]
    pub(super) enum Kind {
        Guest = 1,
        Admin = 0,
    }

    #[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Key)]
    pub(super) enum Longer {
        Guest = 0,
        Admin = 1,
        Robot = -1,
    }
}

#[test]
fn numbers_of_a_key_enum_that_change_are_refused_in_a_primary_key_and_rebuilt_in_an_index() {
    use before::Kind;

    let env = MemoryEnv::with_seed(1);
    let db = open(&env).unwrap();
    db.table::<Keyed<Kind>>().unwrap().insert(&Keyed { id: Kind::Admin, kind: Kind::Guest }).unwrap();
    db.table::<Indexed<Kind>>().unwrap().insert(&Indexed { id: 1, kind: Kind::Admin }).unwrap();
    db.close().unwrap();

    let db = open(&env).unwrap();
    let told = db.table::<Keyed<numbered::Kind>>().unwrap_err().to_string();
    assert!(told.contains("Guest = 0, Admin = 1") && told.contains("Guest = 1, Admin = 0"), "{told}");
    let indexed = db.table::<Indexed<numbered::Kind>>().unwrap();
    assert_eq!(indexed.by().kind.all(numbered::Kind::Admin).keys().next().unwrap().unwrap(), 1);
    assert_eq!(indexed.by().kind.all(numbered::Kind::Guest).count().unwrap(), 0);
    db.verify().unwrap();
    db.close().unwrap();

    let db = open(&env).unwrap();
    let longer = db.table::<Keyed<numbered::Longer>>().unwrap();
    assert!(longer.get(numbered::Longer::Admin).unwrap().is_some());
    let indexed = db.table::<Indexed<numbered::Longer>>().unwrap();
    assert_eq!(indexed.by().kind.all(numbered::Longer::Admin).count().unwrap(), 1);
    db.verify().unwrap();
}

#[test]
fn a_layout_that_is_pinned_is_pinned_down_to_the_leaves() {
    let told = |pinned: fn()| {
        let told = std::panic::catch_unwind(pinned).unwrap_err().downcast::<String>().unwrap();
        told.split(" is ").nth(1).unwrap()[..16].to_owned()
    };
    let hashes = [
        told(|| walnut::assert_schema!(Thing<u32>, "")),
        told(|| walnut::assert_schema!(Thing<u64>, "")),
        told(|| walnut::assert_schema!(Thing<before::Address>, "")),
        told(|| walnut::assert_schema!(Thing<before::Kind>, "")),
        told(|| walnut::assert_schema!(Thing<Vec<before::Kind>>, "")),
    ];
    assert_eq!(hashes.iter().collect::<BTreeSet<_>>().len(), hashes.len(), "{hashes:?}");
    assert_eq!(
        told(|| walnut::assert_schema!(Thing<String>, "")),
        told(|| walnut::assert_schema!(Thing<Box<str>>, ""))
    );
    let keys = [
        told(|| walnut::assert_schema!(Keyed<before::Kind>, "")),
        told(|| walnut::assert_schema!(Keyed<numbered::Kind>, "")),
    ];
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn two_structs_of_one_program_that_read_otherwise_are_not_one_table() {
    let db = open(&MemoryEnv::with_seed(1)).unwrap();
    let texts = db.table::<Thing<String>>().unwrap();
    texts.insert(&Thing { id: 1, value: "a".into(), last: 1 }).unwrap();
    let told = db.table::<Thing<u16>>().unwrap_err().to_string();
    assert!(told.contains("two different structs"), "{told}");
    assert_eq!(&*db.table::<Thing<Box<str>>>().unwrap().get(1).unwrap().unwrap().value, "a");
}
