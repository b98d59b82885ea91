//! Each struct has one fault, and no use of its table has one besides.

use serde::{Deserialize, Serialize};
use walnut::{DefaultTable, Result, Table, Transaction};

#[derive(Table, Serialize, Deserialize)]
struct User {
    #[primary_key]
    id: u64,
    #[index(uniqe)]
    email: String,
}

fn users(users: &DefaultTable<User>, user: &User) -> Result<()> {
    users.by().email.get("ann@x.org")?;
    users.by().email.contains("ann@x.org")?;
    users.by().email.modify("ann@x.org", |user| user.email.clear())?;
    users.by().email.remove("ann@x.org")?;
    users.by().email.all("ann@x.org").rev().first()?;
    users.by().email.range("a".."b").keys().count();
    users.by().email.starts_with("a").remove_all()?;
    users.upsert(user).map(drop)
}

#[derive(Table, Serialize, Deserialize)]
struct Sized {
    #[primary_key]
    id: usize,
    #[index]
    name: String,
}

fn sized(sized: &DefaultTable<Sized>, id: usize) -> Result<()> {
    sized.get(id)?;
    sized.get(7)?;
    sized.get_many([1, 2])?;
    sized.remove(id)?;
    sized.modify(3, |row| row.name.clear())?;
    sized.range(3..id).rev().collect_vec()?;
    sized.by().name.all("ann").count()?;
    Ok(())
}

#[derive(Table, Serialize, Deserialize)]
struct Peak {
    #[primary_key]
    height: f64,
}

fn peaks(tx: &Transaction) -> Result<()> {
    let peaks = tx.table::<Peak>()?;
    peaks.get(8848.0)?;
    peaks.range(4000.0..).first()?;
    peaks.remove(1.0).map(drop)
}

#[derive(Table, Serialize, Deserialize)]
#[table(primary_key = (tenat, id))]
#[index(city_age = (citty, age))]
#[index(recent = (age, desc(craeted)), unique)]
#[index(unknown = (whatever, age))]
#[index(broken = city)]
struct Order {
    tenant: u32,
    id: u64,
    city: String,
    age: u8,
    created: i64,
    #[index(eahc)]
    tags: Vec<String>,
    #[index(each = true)]
    days: Vec<u8>,
    #[index = "plain"]
    note: String,
}

fn orders(orders: &DefaultTable<Order>) -> Result<()> {
    orders.get((1, 2))?;
    orders.prefix(1).range(2..).count()?;
    orders.by().city_age.prefix("Paris").range(21..).rev().first()?;
    orders.by().city_age.all(("Paris", 30)).count()?;
    orders.by().recent.get((3, 4))?;
    orders.by().recent.prefix(3).range(3..5).count()?;
    orders.by().unknown.prefix("x").range(3..).rev().limit(3).collect_vec()?;
    orders.by().unknown.get(("x", 3))?;
    orders.by().unknown.modify(("x", 3), |order| order.age += 1)?;
    orders.by().broken.all("Paris").count()?;
    orders.by().tags.all("rust").keys().count();
    orders.by().tags.starts_with("ru").count()?;
    orders.by().note.get("x")?;
    Ok(())
}

#[derive(Table, Serialize, Deserialize)]
struct Post {
    #[primary_key(atuo)]
    id: u64,
}

#[derive(Table, Serialize, Deserialize)]
struct Tagged {
    #[primary_key]
    id: u64,
    #[index]
    tags: Vec<String>,
}

fn posts(posts: &DefaultTable<Post>, tagged: &DefaultTable<Tagged>) -> Result<u64> {
    posts.insert_new(&Post { id: 0 })?;
    tagged.by().tags.all("rust").count()?;
    tagged.by().tags.starts_with("ru").keys().count();
    posts.insert_new(&Post { id: 0 })
}

#[derive(Table, Serialize, Deserialize)]
struct Nameless {
    id: u64,
    name: String,
}

fn nameless(nameless: &DefaultTable<Nameless>) -> Result<()> {
    nameless.get(1)?;
    nameless.remove(1)?;
    nameless.range(3..).first().map(drop)
}

fn main() {}
