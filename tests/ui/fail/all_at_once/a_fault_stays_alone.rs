//! A struct with a fault is a table and has its indexes all the same, so uses of them are no errors.

use walnut::{Access, DefaultTable, Table};

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(uniqe)]
    email: String,
    #[index]
    age: u8,
}

fn needs_a_table<T: Table<PrimaryKey = u64>>() {}

fn uses_its_indexes<A: Access>(users: &DefaultTable<User, A>) {
    let _: walnut::Index<'_, User, u8, A> = users.by().age;
    let _ = users.by().email;
    let _ = (User::ix().email, <User as walnut::TableMapper>::SCHEMA);
}

fn main() {
    needs_a_table::<User>();
    uses_its_indexes::<walnut::ReadWrite>;
}
