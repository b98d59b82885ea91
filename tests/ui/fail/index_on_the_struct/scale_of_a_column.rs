//! A decimal among the columns is in `scale(column, digits)`.

use walnut::Table;

#[derive(Table)]
#[index(a = (age, scale(price)))]
#[index(b = (age, scale(price, "2")))]
#[index(c = (age, scale(price, 2, 3)))]
#[index(d = (age, scale(price, 30)))]
#[index(e = (age, nocase(scale(price, 2))))]
struct User {
    #[primary_key]
    id: u64,
    age: u8,
    price: u64,
}

fn main() {}
