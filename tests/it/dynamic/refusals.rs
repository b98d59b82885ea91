//! What a dynamic table does not take: values of other kinds, and writes that only the program can make.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use walnut::dynamic::{Query, Value};
use walnut::{Database, Error, Table};

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "users")]
#[index(initial: char = User::initial)]
struct User {
    #[primary_key]
    id: u64,
    name: String,
}

impl User {
    fn initial(&self) -> Option<char> {
        self.name.chars().next()
    }
}

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "plain")]
struct Plain {
    #[primary_key]
    id: u8,
    #[index(unique)]
    name: String,
    address: Address,
    kind: Kind,
    note: Option<String>,
    marks: BTreeMap<String, u8>,
    ranks: BTreeMap<u16, u8>,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Address {
    city: String,
    zip: u16,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
enum Kind {
    Guest,
    Admin,
}

fn plain() -> Value {
    let address = Value::row([("city", Value::from("Oslo")), ("zip", 5.into())]);
    let none = || Value::Map(Vec::new());
    Value::row([
        ("id", 1.into()),
        ("name", "ann".into()),
        ("address", address),
        ("kind", "Guest".into()),
        ("marks", none()),
        ("ranks", none()),
    ])
}

#[test]
fn a_computed_index_is_read_and_its_table_is_not_written() {
    let db = Database::in_memory().unwrap();
    let typed = db.table::<User>().unwrap();
    typed.insert(&User { id: 1, name: "Ann".into() }).unwrap();
    let users = db.dynamic("users").unwrap();
    let found: Vec<_> =
        users.scan(&Query::index("initial").prefix('A')).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(found.len(), 1);
    let row = Value::row([("id", Value::from(2)), ("name", "Bob".into())]);
    let statements = [
        users.insert(&row),
        users.upsert(&row).map(drop),
        users.remove(1).map(drop),
        users.modify(1, |row| row.set("name", "x")).map(drop),
        users.remove_all(&Query::all()).map(drop),
    ];
    for refused in statements {
        let error = refused.unwrap_err().to_string();
        assert!(error.contains("`: char`") && error.contains("program"), "{error}");
    }
    assert_eq!(typed.len().unwrap(), 1);
    users.verify().unwrap();
    assert!(!users.describe().unwrap().indexes[0].is_derived);
}

#[test]
fn a_value_that_does_not_fit_is_named_by_its_place() {
    let db = Database::in_memory().unwrap();
    let typed = db.table::<Plain>().unwrap();
    let table = db.dynamic("plain").unwrap();
    let with = |column: &str, value: Value| {
        let mut row = plain();
        row.set(column, value);
        row
    };
    let address = |zip: Value| Value::row([("city", Value::from("Oslo")), ("zip", zip)]);
    let without = |column: &str| match plain() {
        Value::Map(entries) => {
            Value::Map(entries.into_iter().filter(|(name, _)| name.as_text() != Some(column)).collect())
        }
        other => other,
    };
    for (row, sentence) in [
        (with("id", "one".into()), "table `plain`: `id` is u8, and text was given"),
        (with("id", 256.into()), "table `plain`: `id` is u8, which cannot hold the given value"),
        (with("id", Value::Null), "table `plain`: `id` is u8, and nothing was given"),
        (without("name"), "table `plain`: `name` is String, and nothing was given"),
        (
            with("nmae", "x".into()),
            "table `plain`: there is no column `nmae`; there are `id`, `name`, `address`, `kind`, `note`, `marks`, `ranks`",
        ),
        (
            with("marks", Value::row([("a", 1.into()), ("b", 2.into()), ("a", Value::from(3))])),
            "table `plain`: `marks` has a key twice",
        ),
        (
            with("ranks", Value::Map(vec![(7.into(), 1.into()), (7.into(), 1.into())])),
            "table `plain`: `ranks` has a key twice",
        ),
        (
            with(
                "ranks",
                Value::List(vec![
                    Value::List(vec![7.into(), 1.into()]),
                    Value::List(vec![7.into(), 2.into()]),
                ]),
            ),
            "table `plain`: `ranks` has a key twice",
        ),
        (
            with("address", address((-1).into())),
            "table `plain`: `address.zip` is u16, which cannot hold the given value",
        ),
        (with("address", "Oslo".into()), "table `plain`: `address` is struct Address, and text was given"),
        (
            with("kind", "guest".into()),
            "table `plain`: `kind` has no field or variant `guest`; it has `Guest`, `Admin`",
        ),
        (Value::Null, "table `plain`: the row is a map of columns to values, and nothing was given"),
    ] {
        let error = table.insert(&row).unwrap_err();
        assert!(matches!(error, Error::Value(_)), "{error:?}");
        assert_eq!(error.to_string(), sentence);
    }
    assert!(typed.is_empty().unwrap());
    table.insert(&plain()).unwrap();
    let mut twin = plain();
    twin.set("id", 2);
    let Err(Error::UniqueViolation(violation)) = table.insert(&twin) else { panic!("the name is there") };
    assert_eq!((violation.table(), violation.index()), ("plain", "name"));
    assert!(matches!(table.replace(&with("id", 9.into())), Err(Error::NotFound)));
    assert!(table.modify(1, |row| row.set("id", 7)).is_err());
    assert_eq!(typed.get(1).unwrap().unwrap().note, None);
}

#[test]
fn what_is_not_there_is_said_by_its_name() {
    let db = Database::in_memory().unwrap();
    assert!(matches!(db.dynamic("plain"), Err(Error::Schema(_))));
    let typed = db.table::<Plain>().unwrap();
    let table = db.dynamic("plain").unwrap();
    for (query, sentence) in [
        (Query::index("mail"), "it has no index `mail`; its indexes are `name`"),
        (Query::all().matching("mail", walnut::dynamic::Comparison::Equal, 1), "there is no column `mail`"),
        (Query::all().prefix(1).from(2), "more values than the key has parts"),
        (Query::all().from("x"), "`id` is u8, and text was given"),
        (Query::all().starts_with("x"), "`id` is u8"),
    ] {
        let error = table.scan(&query).unwrap_err().to_string();
        assert!(error.contains(sentence), "{error}");
    }
    drop(typed);
    db.drop_table("plain").unwrap();
    assert!(matches!(table.insert(&plain()), Err(Error::Dropped)));
    assert!(matches!(table.get(1), Err(Error::Dropped)));
}

#[test]
fn a_layout_that_changes_meanwhile_is_taken_over() {
    #[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[table(name = "plain")]
    struct Indexed {
        #[primary_key]
        id: u8,
        #[index(unique)]
        name: String,
        address: Address,
        #[index]
        kind: String,
        note: Option<String>,
    }
    let env = std::sync::Arc::new(walnut::env::MemoryEnv::new());
    let open = || Database::builder().env(env.clone()).open("db").unwrap();
    {
        let db = open();
        db.table::<Plain>()
            .unwrap()
            .insert(&Plain {
                id: 1,
                name: "ann".into(),
                address: Address { city: "Oslo".into(), zip: 1 },
                kind: Kind::Admin,
                note: None,
                marks: BTreeMap::new(),
                ranks: BTreeMap::new(),
            })
            .unwrap();
    }
    let db = open();
    let table = db.dynamic("plain").unwrap();
    assert!(table.get(1).unwrap().is_some());
    // The struct is another one, and so is refused; the dynamic handle is none the worse.
    assert!(db.table::<Indexed>().is_err());
    table
        .insert(&{
            let mut row = plain();
            row.set("id", 2);
            row.set("name", "bob");
            row
        })
        .unwrap();
    assert_eq!(db.table::<Plain>().unwrap().len().unwrap(), 2);
    db.verify().unwrap();
}
