use walnut::{DefaultTable, Table};

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(unique)]
    email: String,
}

fn use_it(users: &DefaultTable<User>) {
    let _ = users.by().email.get("ann@x.org");
    let _ = users.insert(&User { id: 1, email: String::new() });
}

fn main() {}
