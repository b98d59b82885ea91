//! A row owns its data.

use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    name: &'static str,
    tags: &'static [u8],
    age: &'static u8,
}

macro_rules! table {
    ($ty:ty) => {
        #[derive(Table)]
        struct FromAMacro {
            #[primary_key]
            id: u64,
            name: $ty,
        }
    };
}

table!(&'static str);

fn main() {}
