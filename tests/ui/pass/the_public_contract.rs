//! Every line of the contract's sections on programs, transactions, the database, keys and the derive.

use std::ops::Bound;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use walnut::kv::WriteBatch;
use walnut::{
    Compression, Cursor, Database, DefaultTable, Durability, Error, Page, Result, Savepoint, Scan, Table, TableMapper, UniqueViolation,
};

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

impl User {
    fn domain(&self) -> Option<String> {
        self.email.split_once('@').map(|(_, domain)| domain.to_owned())
    }
}

#[derive(walnut::Key, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Guest,
    Admin,
}

#[derive(Debug, PartialEq)]
struct NoSuchUser;

fn user(id: u64, age: u8) -> User {
    User {
        id,
        email: format!("{id}@x.org"),
        age,
        phone: None,
        tags: vec!["rust".into()],
        name: "Ann".into(),
        r#type: Kind::Guest,
        city: "Paris".into(),
        tenant: 7,
        created: 3,
    }
}

/// 1. A program.
fn program() -> Result<()> {
    let dir = std::env::temp_dir().join(format!("walnut-contract-{}", std::process::id()));
    let db = Database::open(&dir)?;
    let users = db.table::<User>()?;
    let (ann, rows) = (User { email: "ann@x.org".into(), ..user(7, 30) }, [user(20, 40), user(21, 50)]);

    users.insert(&ann)?;
    let _: Option<User> = users.upsert(&ann)?;
    let _: User = users.replace(&ann)?;
    let _: Option<User> = users.modify(7, |u| u.age += 1)?;
    let _: Option<User> = users.remove(7)?;
    users.insert(&ann)?;
    let _: Option<User> = users.get(7)?;
    let _: (bool, u64, bool) = (users.contains(7)?, users.len()?, users.is_empty()?);
    let _: Vec<Option<User>> = users.get_many([1, 2, 9])?;
    users.insert_many(&rows)?;
    users.upsert_many(&rows)?;
    users.remove_many([20])?;
    let _: Scan<User> = users.iter();
    let _: Scan<User> = users.range(10..20);

    let _: Option<User> = users.by().email.get("ann@x.org")?;
    let _ = users.by().email.contains("ann@x.org")?;
    users.by().email.modify("ann@x.org", |u| u.age = 30)?;
    assert_eq!(users.by().age.all(30).count()?, 1);
    let _: Vec<User> = users.by().age.range(18..65).rev().limit(20).collect_vec()?;
    for user in users.by().city_age.prefix("Paris").range(21..).rev() {
        assert_eq!(user?.city, "Paris");
    }
    assert_eq!(users.by().name.starts_with("an").count()?, 2);
    let _: Vec<u64> = users.by().tags.all("rust").keys().collect::<Result<_>>()?;
    let _: Vec<(String, u64)> = users.by().tags.all("rust").entries().collect::<Result<_>>()?;
    let page: Page<User> = users.by().age.range(18..).page(1, None)?;
    let text = page.next.expect("one more").to_string();
    let next: Cursor = text.parse()?;
    let page = users.by().age.range(18..).page(50, Some(next))?;
    assert_eq!((page.rows.len(), page.next), (1, None));
    let _: u64 = users.by().age.range(..18).remove_all()?;
    let _: (Option<User>, Option<User>) = (users.iter().first()?, users.iter().skip(1).last()?);
    let _: u64 = users.iter().filter(|user| user.age > 3).count()?;
    assert!(users.iter().all(|user| user.is_ok()));
    let (low, high) = (21_u8, 30_u8);
    users.by().age.range((Bound::Excluded(&low), Bound::Included(&high))).count()?;
    users.by().login.get((7, "ann@x.org"))?;
    users.by().recent.prefix(7).range(1..).first()?;
    users.by().domain.all("x.org").first()?;
    users.by().r#type.range(Kind::Admin..).first()?;
    users.by().phone.get(Some("1"))?;
    users.by().email.remove("ann@x.org")?;
    db.close()?;
    drop((users, db));
    std::fs::remove_dir_all(dir).expect("it is ours");
    Ok(())
}

fn helper(users: &DefaultTable<User>) -> Result<u64> {
    users.len()
}

/// 2. Transactions.
fn transactions() -> Result<()> {
    let db = Database::in_memory()?;
    let users = db.table::<User>()?;
    users.insert(&User { email: "ann@x.org".into(), ..user(1, 30) })?;
    let n = db.transact(|tx| {
        let users = tx.table::<User>()?;
        let u = users.by().email.get("ann@x.org")?.ok_or_else(|| Error::abort(NoSuchUser))?;
        users.modify(u.id, |u| u.age += 1)?;
        users.len()
    })?;
    assert_eq!((n, helper(&users)?), (1, 1));
    db.transact_with(Durability::Fast, |tx| tx.table::<User>()?.upsert(&user(2, 3)))?;
    let tx = db.begin();
    let sp: Savepoint = tx.savepoint();
    tx.table::<User>()?.remove(1)?;
    tx.rollback_to(sp)?;
    tx.commit()?;
    db.begin().commit_with(Durability::Group)?;
    let snap = db.snapshot();
    assert!(snap.table::<User>()?.get(1)?.is_some());
    Ok(())
}

/// 3. Database, and 4. errors.
fn database() -> Result<()> {
    let dir = std::env::temp_dir().join(format!("walnut-contract-db-{}", std::process::id()));
    let db = Database::builder()
        .durability(Durability::Group)
        .group_window(Duration::from_micros(100))
        .cache_size(1 << 20)
        .memtable_size(1 << 20)
        .compression(Compression::Lz4)
        .checkpoint_on_close(true)
        .open(&dir)?;
    let users = db.table::<User>()?;
    users.insert(&user(1, 2))?;
    db.sync()?;
    db.checkpoint()?;
    db.compact()?;
    assert_eq!(db.table_names()?, ["users"]);
    let _ = db.stats();
    db.verify()?;
    let copy = dir.with_extension("copy");
    db.backup(&copy)?;
    let _: Result<_> = db.preflight(&dir);
    assert!(matches!(Database::open(&dir), Err(Error::Locked)));
    let space = db.keyspace("raw")?;
    space.put("k", "v")?;
    space.remove_range("a".."b")?;
    assert_eq!((space.get("k")?, space.range("a"..).count(), space.prefix("k").count()), (Some(b"v".to_vec()), 1, 1));
    let mut batch = WriteBatch::new();
    batch.remove(&space, "k")?;
    db.write(batch)?;
    match users.insert(&user(1, 2)) {
        Err(Error::UniqueViolation(v)) => {
            let _: &UniqueViolation = &v;
            assert_eq!((v.table(), v.index(), v.owner::<User>()), ("users", "primary_key", Some(1)));
            assert!(!v.is(User::ix().email));
        }
        _ => panic!("the key exists"),
    }
    assert!(matches!(users.replace(&user(9, 1)), Err(Error::NotFound)));
    assert_eq!(Error::abort(NoSuchUser).abort_ref::<NoSuchUser>(), Some(&NoSuchUser));
    assert!(db.drop_table("users")?);
    db.close()?;
    drop((users, space, db));
    std::fs::remove_dir_all(dir).expect("it is ours");
    std::fs::remove_dir_all(copy).expect("it is ours");
    Ok(())
}

/// 6. The derive.
#[derive(Table, Serialize, Deserialize)]
#[table(primary_key = (tenant, id))]
struct Order {
    tenant: u32,
    id: u64,
    name: String,
}

#[derive(Table, Serialize, Deserialize, Clone)]
#[walnut(index(both = (city, age)))]
struct Aliased {
    #[walnut(primary_key(auto))]
    id: u64,
    #[walnut(index(unique))]
    city: String,
    age: u8,
}

fn by_bound<T: Table>(table: &DefaultTable<T>) -> Result<u64> {
    assert!(!<T as TableMapper>::SCHEMA.name.is_empty());
    table.len()
}

fn derive() -> Result<()> {
    let db = Database::in_memory()?;
    let aliased = db.table::<Aliased>()?;
    let key: u64 = aliased.insert_new(&Aliased { id: 0, city: "Paris".into(), age: 3 })?;
    assert_eq!((key, by_bound(&aliased)?), (1, 1));
    // 8. What came later.
    let orders = db.table::<Order>()?;
    orders.insert_many([Order { tenant: 7, id: 1, name: "x".into() }])?;
    assert_eq!((orders.prefix(7).count()?, orders.prefix(7).range(2..).count()?), (1, 0));
    let users = db.table::<User>()?;
    users.insert_many([user(1, 20), user(2, 30)])?;
    let swapped = [User { email: "2@x.org".into(), ..user(1, 20) }, User { email: "1@x.org".into(), ..user(2, 30) }];
    users.upsert_many(&swapped)?;
    assert!(users.iter().page(0, None).is_err());
    assert!(users.by().email.get(&"x".repeat(5_000))?.is_none());
    assert_eq!(users.by().login.prefix(7).starts_with("1").count()?, 1);
    Ok(())
}

fn main() -> Result<()> {
    program()?;
    transactions()?;
    database()?;
    derive()
}
