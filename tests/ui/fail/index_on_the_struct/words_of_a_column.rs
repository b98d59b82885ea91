//! A column may be in `desc(..)`, `nocase(..)`, `each(..)` or `scale(.., n)`, once in each.

use walnut::Table;

#[derive(Table)]
#[index(a = (name, desk(age)))]
#[index(b = (name, asc(age)))]
#[index(c = (name, age desc))]
#[index(d = (name, desc = age))]
#[index(e = (name, desc()))]
#[index(f = (name, desc("age")))]
#[index(g = (name, desc(age, price)))]
#[index(h = (name, desc(desc(age))))]
#[index(i = (age, each(each(tags))))]
#[index(j = (age, nocase(nocase(name))))]
#[table(primary_key = (tenant, desc(id)))]
struct User {
    id: u64,
    tenant: u32,
    name: String,
    age: u8,
    tags: Vec<String>,
    price: u64,
}

fn main() {}
