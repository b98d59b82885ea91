//! Each word of an index is given once.

use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(unique, unique)]
    email: String,
    #[index(nocase, nocase)]
    name: String,
    #[index(each, each)]
    tags: Vec<String>,
    #[index(sparse, sparse)]
    phone: Option<String>,
    #[index(scale = 2, scale = 2)]
    price: u64,
    #[index(was = "mail", was = "post")]
    city: String,
}

fn main() {}
