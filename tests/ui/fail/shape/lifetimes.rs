//! A table and a key have no lifetime; nothing else is said of what follows from one.

use walnut::{Key, Table};

#[derive(Key)]
struct Name<'a, T: 'a>(&'a T);

#[derive(Table)]
struct User<'a, T: 'a>
where
    T: Clone,
{
    #[primary_key]
    id: u64,
    #[index]
    value: &'a T,
    #[index(unique)]
    name: &'a str,
}

fn is_table<T: Table>() {}

fn is_key<K: Key>() {}

fn main() {
    is_table::<User<'_, String>>();
    is_key::<Name<'_, u8>>();
}
