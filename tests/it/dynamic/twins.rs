//! A random program runs twice: on a typed table, and on a dynamic table of another database. Each statement must end alike, and in
//! the end each database is read and verified the other way.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use walnut::dynamic::{Comparison, DynamicTable, Query, Value};
use walnut::{Database, DefaultTable, Error, Key, Nested, Result, Table};
use walnut_tests::model_check::seeds;
use walnut_tests::random::Random;

#[derive(Key, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
enum Rank {
    Guest = 9,
    Member = -1,
    #[serde(alias = "Boss")]
    Admin,
}

#[derive(Key, Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Id(u64);

#[derive(Key, Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Spot {
    shelf: i16,
    row: Option<u8>,
}

#[derive(Nested, Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Address {
    city: String,
    zip: (u32, Option<String>),
    #[serde(rename = "post", alias = "box")]
    code: u8,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
enum Shape {
    Dot,
    Circle(f64),
    Square { side: f32, turned: bool },
    Path(Vec<(i8, i8)>, Box<Option<Shape>>),
}

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "things", primary_key = (tenant, id))]
#[index(town = (address.city, desc(age)))]
#[index(zip = (address.zip.0, age))]
#[index(seat = (spot, rank), unique)]
#[index(label_rank = (nocase(label), desc(rank)))]
struct Thing {
    id: Id,
    tenant: String,
    #[index]
    age: u8,
    #[index(unique)]
    mail: Option<String>,
    #[index]
    rank: Rank,
    #[index(each)]
    tags: BTreeSet<String>,
    #[index(each)]
    numbers: Option<Vec<u16>>,
    #[index(each)]
    held: BTreeMap<char, Vec<Option<bool>>>,
    #[index(nocase, unique)]
    nick: Option<String>,
    #[index(scale = 2)]
    price: Option<Decimal>,
    #[index(sparse)]
    phone: Option<i128>,
    label: String,
    spot: Spot,
    #[index]
    hash: [u8; 4],
    #[index]
    raw: Vec<u8>,
    #[index]
    ratio: f32,
    #[index]
    wide: u128,
    address: Address,
    shape: Shape,
    #[expect(clippy::option_option, reason = "it has three values, and a form for each")]
    deep: Option<Option<()>>,
    points: [(i32, f64); 2],
}

const TEXTS: [&str; 7] = ["", "a", "A", "a\0", "Straße", "STRASSE", "b\u{10ffff}"];

fn small(random: &mut Random, end: u64) -> u8 {
    u8::try_from(random.below(end)).expect("it is small")
}

fn text(random: &mut Random) -> String {
    (*random.pick(&TEXTS)).to_owned()
}

fn optional<T>(random: &mut Random, some: impl FnOnce(&mut Random) -> T) -> Option<T> {
    if random.one_in(3) { None } else { Some(some(random)) }
}

fn shape(random: &mut Random, depth: u64) -> Shape {
    match random.below(if depth == 0 { 3 } else { 4 }) {
        0 => Shape::Dot,
        1 => Shape::Circle(f64::from_bits(random.next())),
        2 => Shape::Square { side: 0.1, turned: random.one_in(2) },
        _ => {
            let points = (0..random.below(3)).map(|_| (small(random, 99).cast_signed(), -1)).collect();
            Shape::Path(points, Box::new(optional(random, |random| shape(random, depth - 1))))
        }
    }
}

fn thing(random: &mut Random) -> Thing {
    let decimals = ["0", "-1.5", "1.50", "99999.99", "0.01"];
    Thing {
        id: Id(random.below(6)),
        tenant: (*random.pick(&TEXTS[..3])).to_owned(),
        age: small(random, 5),
        mail: optional(random, |random| format!("{}{}", text(random), random.below(5))),
        rank: *random.pick(&[Rank::Guest, Rank::Member, Rank::Admin]),
        tags: (0..random.below(4)).map(|_| text(random)).collect(),
        numbers: optional(random, |random| (0..random.below(4)).map(|_| small(random, 3).into()).collect()),
        held: (0..random.below(3))
            .map(|_| (*random.pick(&['x', 'é', '\0']), vec![None, Some(true)]))
            .collect(),
        nick: optional(random, |random| format!("{}{}", text(random), random.below(9))),
        price: optional(random, |random| random.pick(&decimals).parse().expect("a decimal")),
        phone: optional(random, |random| *random.pick(&[i128::MIN, -1, 0, 1, i128::MAX])),
        label: text(random),
        spot: Spot {
            shelf: i16::from(small(random, 9)) - 4,
            row: optional(random, |random| small(random, 3)),
        },
        hash: [small(random, 2), 0, 255, small(random, 2)],
        raw: (0..random.below(3)).map(|_| small(random, 2)).collect(),
        ratio: *random.pick(&[0.0, -0.0, 0.1, f32::MAX, f32::NEG_INFINITY]),
        wide: *random.pick(&[0, 1, u128::MAX, 1 << 127]),
        address: Address {
            city: text(random),
            zip: (u32::from(small(random, 4)), optional(random, text)),
            code: small(random, 9),
        },
        shape: match shape(random, 2) {
            Shape::Circle(size) if size.is_nan() => Shape::Circle(0.5),
            shape => shape,
        },
        deep: *random.pick(&[None, Some(None), Some(Some(()))]),
        points: [(-1, 0.5), (i32::MAX, f64::from(small(random, 9)))],
    }
}

/// The twins, and a table in which a row becomes a value.
struct Twins {
    typed: DefaultTable<Thing>,
    twin: DynamicTable,
    scratch: (DefaultTable<Thing>, DynamicTable),
}

fn key_of(row: &Thing) -> Value {
    Value::List(vec![row.tenant.as_str().into(), row.id.0.into()])
}

impl Twins {
    fn value(&self, row: &Thing) -> Value {
        self.scratch.0.upsert(row).expect("no other row is there");
        let value = self.scratch.1.get(key_of(row)).expect("readable").expect("written");
        self.scratch.0.remove((&row.tenant, row.id.clone())).expect("there");
        value
    }

    fn values(&self, rows: &[Thing]) -> Vec<Value> {
        rows.iter().map(|row| self.value(row)).collect()
    }
}

/// Compares what came of a statement on either side.
fn agree<T: std::fmt::Debug + PartialEq>(what: &str, typed: &Result<T>, twin: &Result<T>) {
    match (typed, twin) {
        (Ok(one), Ok(other)) => assert_eq!(one, other, "{what}"),
        (one, other) => assert_eq!(format!("{one:?}"), format!("{other:?}"), "{what}"),
    }
}

/// One statement on both sides.
fn step(random: &mut Random, twins: &Twins, (typed, twin): (&DefaultTable<Thing>, &DynamicTable)) {
    let row = thing(random);
    let point = (row.tenant.as_str(), row.id.clone());
    let old = |old: Result<Option<Thing>>| old.map(|old| old.map(|old| twins.value(&old)));
    match random.below(9) {
        0 | 1 => agree("insert", &typed.insert(&row), &twin.insert(&twins.value(&row))),
        2 => agree("upsert", &old(typed.upsert(&row)), &twin.upsert(&twins.value(&row))),
        3 => {
            let replaced = typed.replace(&row).map(|old| twins.value(&old));
            agree("replace", &replaced, &twin.replace(&twins.value(&row)));
        }
        4 => agree("remove", &old(typed.remove(point)), &twin.remove(key_of(&row))),
        5 => {
            let modified = typed.modify(point, |found| {
                found.mail.clone_from(&row.mail);
                found.tags.clone_from(&row.tags);
                found.age = row.age;
            });
            let value = twins.value(&row);
            let twins_row = twin.modify(key_of(&row), |found| {
                for column in ["mail", "tags", "age"] {
                    found.set(column, value.field(column).expect("a column").clone());
                }
            });
            agree("modify", &old(modified), &twins_row);
        }
        6 => {
            let rows: Vec<Thing> = (0..random.below(5)).map(|_| thing(random)).collect();
            agree("insert_many", &typed.insert_many(&rows), &twin.insert_many(&twins.values(&rows)));
        }
        7 => {
            let rows: Vec<Thing> = (0..random.below(5)).map(|_| thing(random)).collect();
            let before = typed.upsert_many(&rows);
            let before =
                before.map(|old| old.iter().map(|old| old.as_ref().map(|old| twins.value(old))).collect());
            agree("upsert_many", &before, &twin.upsert_many(&twins.values(&rows)));
        }
        _ => {
            let removed = typed.by().age.range(row.age..=row.age + 1).remove_all();
            let query = Query::index("age").from(row.age).to(row.age + 1);
            agree("remove_all", &removed, &twin.remove_all(&query));
        }
    }
}

type Scanned = Result<Vec<Thing>>;

/// Queries by every index and by the primary key, both ways.
fn ask(random: &mut Random, twins: &Twins, (typed, twin): (&DefaultTable<Thing>, &DynamicTable)) {
    let row = thing(random);
    let rank = Value::from(match row.rank {
        Rank::Guest => "guest",
        Rank::Member => "Member",
        Rank::Admin => "Boss",
    });
    let by = typed.by();
    let spot = twins.value(&row).field("spot").expect("a column").clone();
    let tag = row.tags.first().cloned().unwrap_or_default();
    let price = row.price;
    let shown_price = || Value::from(price.map(|price| price.to_string()));
    let bound = Bound::Excluded(row.age);
    let (query, rows): (Query, Scanned) = match random.below(22) {
        0 => (Query::all(), typed.iter().collect_vec()),
        1 => (Query::all().prefix(&*row.tenant), typed.prefix(&row.tenant).collect_vec()),
        2 => (
            Query::all().prefix(&*row.tenant).after(row.id.0),
            typed
                .prefix(&row.tenant)
                .range((Bound::Excluded(row.id.clone()), Bound::Unbounded))
                .collect_vec(),
        ),
        3 => (Query::index("age").from(row.age).before(4), by.age.range(row.age..4).collect_vec()),
        4 => (Query::index("age").before(row.age), by.age.range((Bound::Unbounded, bound)).collect_vec()),
        5 => (Query::index("mail").prefix(row.mail.clone()), by.mail.all(row.mail.as_deref()).collect_vec()),
        6 => (Query::index("rank").from(rank), by.rank.range(row.rank..).collect_vec()),
        7 => (Query::index("rank").to(rank), by.rank.range(..=row.rank).collect_vec()),
        8 => (Query::index("tags").starts_with(&*tag), by.tags.starts_with(&tag).collect_vec()),
        9 => (Query::index("numbers").prefix(row.age), by.numbers.all(row.age.into()).collect_vec()),
        10 => (Query::index("held").from('x'), by.held.range('x'..).collect_vec()),
        11 => (Query::index("nick").prefix("STRASSE1"), by.nick.all(Some("straße1")).collect_vec()),
        12 => (Query::index("price").from(shown_price()), by.price.range(price..).collect_vec()),
        13 => (Query::index("phone").to(row.phone), by.phone.range(..=row.phone).collect_vec()),
        14 => (
            Query::index("town").prefix(&*row.address.city).from(row.age),
            by.town.prefix(&row.address.city).range(row.age..).collect_vec(),
        ),
        15 => (Query::index("zip").prefix(row.address.zip.0), by.zip.prefix(row.address.zip.0).collect_vec()),
        16 => (
            Query::index("seat").prefix(spot).prefix(rank),
            by.seat.prefix(row.spot.clone()).all(row.rank).collect_vec(),
        ),
        17 => (
            Query::index("label_rank").prefix(row.label.to_uppercase()),
            by.label_rank.prefix(&row.label.to_uppercase()).collect_vec(),
        ),
        18 => (Query::index("hash").from(&row.hash[..]), by.hash.range(row.hash..).collect_vec()),
        19 => (Query::index("raw").starts_with("0x01"), by.raw.starts_with(&[1]).collect_vec()),
        20 => (Query::index("ratio").from(row.ratio), by.ratio.range(row.ratio..).collect_vec()),
        _ => (Query::index("wide").from(row.wide), by.wide.range(row.wide..).collect_vec()),
    };
    let expected = twins.values(&rows.expect("readable"));
    let found =
        |query: &Query| twin.scan(query).and_then(Iterator::collect::<Result<Vec<_>>>).expect("readable");
    assert_eq!(found(&query), expected, "{query:?}");
    assert_eq!(twin.count(&query).expect("readable"), expected.len() as u64, "{query:?}");
    let reversed: Vec<Value> = expected.iter().rev().cloned().collect();
    assert_eq!(found(&query.clone().rev()), reversed, "{query:?}");
    let part: Vec<Value> = expected.iter().skip(1).take(2).cloned().collect();
    assert_eq!(found(&query.clone().skip(1).limit(2)), part, "{query:?}");
    let is_older = |value: &&Value| value.field("age").and_then(Value::as_int) > Some(2);
    let older: Vec<Value> = expected.iter().filter(is_older).cloned().collect();
    assert_eq!(found(&query.matching("age", Comparison::Above, 2)), older);
}

#[test]
fn whatever_a_typed_table_does_its_dynamic_twin_does_as_well() {
    for seed in seeds(walnut_tests::fewer!(12)) {
        let random = &mut Random::new(seed, "twins");
        let databases: Vec<Database> = (0..3).map(|_| Database::in_memory().expect("in memory")).collect();
        let open = |at: usize| databases[at].table::<Thing>().expect("a table");
        let (typed, other, scratch) = (open(0), open(1), open(2));
        drop(other);
        let twin = databases[1].dynamic("things").expect("a table");
        let twins =
            Twins { typed, twin, scratch: (scratch, databases[2].dynamic("things").expect("a table")) };
        for _ in 0..30 {
            if random.one_in(4) {
                let (one, other) = (databases[0].begin(), databases[1].begin());
                let tables = (one.table().expect("a table"), other.dynamic("things").expect("a table"));
                for _ in 0..random.below(4) {
                    step(random, &twins, (&tables.0, &tables.1));
                    ask(random, &twins, (&tables.0, &tables.1));
                }
                if random.one_in(3) {
                    drop((one, other));
                } else {
                    one.commit().expect("nobody else writes");
                    other.commit().expect("nobody else writes");
                }
            } else {
                step(random, &twins, (&twins.typed, &twins.twin));
                ask(random, &twins, (&twins.typed, &twins.twin));
            }
        }
        let rows = twins.typed.iter().collect_vec().expect("readable");
        let dynamic = databases[0].dynamic("things").expect("a table");
        let read: Result<Vec<Value>> = dynamic.scan(&Query::all()).expect("readable").collect();
        assert_eq!(read.expect("readable"), twins.values(&rows), "seed {seed}");
        let written = open(1).iter().collect_vec().expect("each row is one of the struct");
        // As values, which are equal by their bits: a shape may hold a float that is no number.
        assert_eq!(twins.values(&written), twins.values(&rows), "seed {seed}");
        for database in &databases {
            database.verify().expect("entries are those of the struct");
            database.dynamic("things").expect("a table").verify().expect("and those of the stored schema");
        }
        let snapshot = databases[1].snapshot();
        let past = snapshot.dynamic("things").expect("a table");
        twins.twin.remove_all(&Query::all()).expect("readable");
        assert_eq!(past.count(&Query::all()).expect("readable"), rows.len() as u64);
        assert!(open(1).is_empty().expect("readable"));
    }
}

#[test]
fn a_row_is_written_under_the_conflicts_of_the_typed_table() {
    let db = Database::in_memory().expect("in memory");
    let typed = db.table::<Thing>().expect("a table");
    let random = &mut Random::new(1, "conflicts");
    let row = thing(random);
    typed.insert(&row).expect("new");
    let tx = db.begin();
    let twin = tx.dynamic("things").expect("a table");
    assert!(twin.get(key_of(&row)).expect("readable").is_some());
    twin.modify(key_of(&row), |row| row.set("age", 200)).expect("there");
    typed.modify((row.tenant.as_str(), row.id.clone()), |row| row.age = 100).expect("there");
    assert!(matches!(tx.commit(), Err(Error::Conflict)));
}
