//! What `#[index]` on a field looks like, and where it is not needed.

use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    #[index(unique)]
    id: u64,
    #[index = "name"]
    name: String,
    #[index("unique")]
    city: String,
    #[index("by_age")]
    age: u8,
    #[index]
    #[index(unique)]
    email: String,
    #[index(desc)]
    created: i64,
}

fn main() {}
