//! The quickstart of the documentation: the structs at its head, and what each of its calls does.

use serde::{Deserialize, Serialize};
use walnut::{Database, Durability, Error, Result, Table};

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "users")]
#[index(city_age = (city, age))]
#[index(login = (tenant, email), unique)]
#[index(recent = (tenant, desc(created)))]
#[index(domain: String = User::domain)]
struct User {
    #[primary_key]
    id: u64,
    #[index(unique)]
    email: String,
    #[index]
    age: u8,
    #[index(unique)]
    phone: Option<String>,
    #[index(each)]
    tags: Vec<String>,
    #[index(nocase)]
    name: String,
    #[index(was = "kind")]
    r#type: Kind,
    city: String,
    tenant: u32,
    created: i64,
}

#[derive(walnut::Key, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Guest,
    Admin,
}

impl User {
    fn domain(&self) -> Option<String> {
        self.email.split_once('@').map(|(_, domain)| domain.to_owned())
    }
}

fn user(id: u64, name: &str, age: u8, city: &str, tags: &[&str]) -> User {
    User {
        id,
        email: format!("{}@x.org", name.to_lowercase()),
        age,
        phone: None,
        tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
        name: name.to_owned(),
        r#type: if id == 7 { Kind::Admin } else { Kind::Guest },
        city: city.to_owned(),
        tenant: 3,
        created: 1_000 + i64::try_from(id).unwrap(),
    }
}

fn open() -> Result<(tempfile::TempDir, Database)> {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(dir.path().join("app.walnut"))?;
    Ok((dir, db))
}

#[test]
fn the_writing_methods_do_what_is_said_of_them() -> Result<()> {
    let (_dir, db) = open()?;
    let users = db.table::<User>()?;
    let ann = user(7, "Ann", 30, "Paris", &["rust"]);

    users.insert(&ann)?;
    assert!(matches!(users.insert(&ann), Err(Error::UniqueViolation(it)) if it.index() == "primary_key"));
    assert_eq!(users.upsert(&ann)?, Some(ann.clone()));
    assert_eq!(users.replace(&ann)?, ann);
    assert!(matches!(users.replace(&user(8, "Bob", 1, "Rome", &[])), Err(Error::NotFound)));
    assert_eq!(users.modify(7, |u| u.age += 1)?.map(|user| user.age), Some(31));
    assert!(users.modify(7, |u| u.id += 1).is_err(), "the primary key stays");
    assert_eq!(users.remove(7)?.map(|user| user.age), Some(31));
    assert_eq!(users.get(7)?, None);
    assert!(!users.contains(7)? && users.len()? == 0 && users.is_empty()?);

    let rows = [ann.clone(), user(1, "Bob", 20, "Rome", &[])];
    users.insert_many(&rows)?;
    assert_eq!(users.get_many([1, 2, 7])?, [Some(rows[1].clone()), None, Some(ann.clone())]);
    assert_eq!(users.iter().count()?, 2);
    assert_eq!(users.range(2..20).collect_vec()?, std::slice::from_ref(&ann));
    assert_eq!(users.upsert_many(&rows)?, [Some(ann.clone()), Some(rows[1].clone())]);
    assert_eq!(users.remove_many([1, 2])?, [Some(rows[1].clone()), None]);
    db.verify()?;
    Ok(())
}

#[test]
fn the_indexes_find_what_is_said_of_them() -> Result<()> {
    let (_dir, db) = open()?;
    let users = db.table::<User>()?;
    let rows = [
        user(7, "Ann", 30, "Paris", &["rust", "sql", "rust"]),
        user(1, "ANDREA", 17, "Paris", &["rust"]),
        user(2, "Bob", 66, "Rome", &[]),
        user(9, "Zoé", 21, "Paris", &["sql"]),
    ];
    users.insert_many(&rows)?;
    let ids = |scan: walnut::Keys<'_, User>| scan.collect::<Result<Vec<_>>>();

    assert_eq!(users.by().email.get("ann@x.org")?.map(|user| user.id), Some(7));
    assert!(users.by().email.contains("bob@x.org")? && !users.by().email.contains("x")?);
    assert_eq!(ids(users.by().age.all(30).keys())?, [7]);
    let twenties: Vec<u8> = users
        .by()
        .age
        .range(18..65)
        .rev()
        .limit(20)
        .map(|user| user.map(|user| user.age))
        .collect::<Result<_>>()?;
    assert_eq!(twenties, [30, 21]);
    let in_paris = users.by().city_age.prefix("Paris").range(21..).rev().collect_vec()?;
    assert_eq!(in_paris.iter().map(|user| user.id).collect::<Vec<_>>(), [7, 9]);
    let named: Vec<String> =
        users.by().name.starts_with("an").map(|user| user.map(|user| user.name)).collect::<Result<_>>()?;
    assert_eq!(named, ["ANDREA", "Ann"]);
    assert_eq!(users.by().name.all("ZOÉ").count()?, 1);
    assert_eq!(ids(users.by().tags.all("rust").keys())?, [1, 7]);
    assert_eq!(ids(users.by().recent.prefix(3).keys())?, [9, 7, 2, 1], "the latest first");
    assert_eq!(ids(users.by().recent.prefix(3).range(1_002..=1_007).keys())?, [7, 2]);
    assert_eq!(ids(users.by().recent.all((3, 1_002)).keys())?, [2]);
    assert_eq!(users.by().domain.all("x.org").count()?, 4);
    assert_eq!(ids(users.by().r#type.range(Kind::Admin..).keys())?, [7]);
    assert_eq!(users.by().login.get((3, "bob@x.org"))?.map(|user| user.id), Some(2));
    assert_eq!(users.by().phone.all(None).count()?, 4, "any number has none, and they are found");
    users.by().email.modify("bob@x.org", |user| user.age -= 6)?;
    assert_eq!(users.by().age.all(60).count()?, 1);
    assert_eq!(users.by().email.remove("bob@x.org")?.map(|user| user.id), Some(2));

    let tags = users.by().tags.iter().entries().collect::<Result<Vec<_>>>()?;
    assert_eq!(tags, [("rust".into(), 1), ("rust".into(), 7), ("sql".into(), 7), ("sql".into(), 9)]);
    let folded = users.by().name.iter().entries().map(|entry| entry.map(|(name, _)| name.into_inner()));
    assert_eq!(folded.collect::<Result<Vec<_>>>()?, ["andrea", "ann", "zoé"]);
    db.verify()?;
    Ok(())
}

#[test]
fn pages_and_removals_by_an_index_do_what_is_said_of_them() -> Result<()> {
    let (_dir, db) = open()?;
    let users = db.table::<User>()?;
    let rows: Vec<User> = (0..120)
        .map(|id| user(id, &format!("n{id}"), u8::try_from(10 + id % 70).unwrap(), "Rome", &[]))
        .collect();
    users.insert_many(&rows)?;
    let grown = users.by().age.range(18..).count()?;
    let page = users.by().age.range(18..).page(50, None)?;
    let first = page.rows.len();
    let page = users.by().age.range(18..).page(50, page.next)?;
    assert_eq!((first, page.rows.len()), (50, 50));
    let text = page.next.map(|cursor| cursor.to_string()).expect("there are more");
    let page = users.by().age.range(18..).page(50, Some(text.parse()?))?;
    assert_eq!((page.rows.len() as u64, page.next), (grown - 100, None));

    assert_eq!(users.by().age.range(..18).remove_all()?, 120 - grown);
    assert_eq!(users.len()?, grown);
    db.verify()?;
    Ok(())
}

#[derive(Debug)]
struct NoSuchUser;

#[test]
fn transactions_and_snapshots_do_what_is_said_of_them() -> Result<()> {
    let (_dir, db) = open()?;
    db.table::<User>()?.insert(&user(7, "Ann", 30, "Paris", &["rust"]))?;
    let snap = db.snapshot();

    let n = db.transact(|tx| {
        let users = tx.table::<User>()?;
        let u = users.by().email.get("ann@x.org")?.ok_or_else(|| Error::abort(NoSuchUser))?;
        users.modify(u.id, |u| u.age += 1)?;
        users.len()
    })?;
    assert_eq!(n, 1);
    db.transact_with(Durability::Fast, |tx| tx.table::<User>()?.insert(&user(8, "Bob", 20, "Rome", &[])))?;
    let aborted = db.transact(|tx| {
        let users = tx.table::<User>()?;
        users.by().age.range(..).remove_all()?;
        users.by().email.get("nobody@x.org")?.ok_or_else(|| Error::abort(NoSuchUser))
    });
    assert!(aborted.unwrap_err().abort_ref::<NoSuchUser>().is_some());

    let tx = db.begin();
    let users = tx.table::<User>()?;
    let sp = tx.savepoint();
    assert_eq!(users.by().city_age.prefix("Rome").remove_all()?, 1);
    assert_eq!(users.len()?, 1);
    tx.rollback_to(sp)?;
    assert_eq!(users.by().age.range(..).page(9, None)?.rows.len(), 2);
    tx.commit()?;

    assert_eq!(snap.table::<User>()?.get(7)?.map(|user| user.age), Some(30));
    assert_eq!(db.table::<User>()?.get(7)?.map(|user| user.age), Some(31));
    assert_eq!(db.table::<User>()?.len()?, 2);
    Ok(())
}

#[test]
fn a_page_is_followed_by_the_next_and_a_range_is_removed() -> Result<()> {
    let (_dir, db) = open()?;
    let users = db.table::<User>()?;
    let rows: Vec<User> =
        (0..60).map(|id| user(id, &format!("u{id}"), 10 + u8::try_from(id).unwrap(), "Rome", &[])).collect();
    users.insert_many(&rows)?;

    let page = users.by().age.range(18..).page(50, None)?;
    assert_eq!(page.rows.len(), 50);
    users.remove(0)?;
    let page = users.by().age.range(18..).page(50, page.next)?;
    assert_eq!((page.rows.len(), page.next.is_none()), (2, true));

    let page = users.by().recent.prefix(3).page(40, None)?;
    assert_eq!(page.rows[0].id, 59, "the latest first");
    let text = page.next.map(|cursor| cursor.to_string()).unwrap();
    let page = users.by().recent.prefix(3).page(40, Some(text.parse()?))?;
    assert_eq!(page.rows.iter().map(|user| user.id).collect::<Vec<_>>(), (1..20).rev().collect::<Vec<_>>());

    assert_eq!(users.by().age.range(..18).remove_all()?, 7);
    assert_eq!(users.by().tags.all("rust").remove_all()?, 0);
    assert_eq!(users.by().name.starts_with("U1").remove_all()?, 10);
    assert_eq!(users.len()?, 42);
    db.verify()?;
    Ok(())
}
