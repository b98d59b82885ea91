//! The words behind the columns are `unique`, `sparse` and `was`; those of one column are put around it.

use walnut::Table;

#[derive(Table)]
#[index(a = (name, age), uniqe)]
#[index(b = (name, age), include(city))]
#[index(c = (name, age), desc)]
#[index(d = (name, age), sparse, sparse)]
#[index(e = (name, age), sparse = true)]
#[index(f = (name, age), nocase)]
#[index(g = (age, tags), each)]
#[index(h = (age, price), scale = 2)]
struct User {
    #[primary_key]
    id: u64,
    name: String,
    age: u8,
    tags: Vec<String>,
    price: u64,
}

fn main() {}
