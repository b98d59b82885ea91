//! A table of a snapshot has no method that writes.

use serde::{Deserialize, Serialize};
use walnut::{Database, Result, Table};

#[derive(Table, Serialize, Deserialize)]
struct User {
    #[primary_key]
    id: u64,
    #[index(unique)]
    email: String,
}

fn main() -> Result<()> {
    let db = Database::in_memory()?;
    let users = db.snapshot().table::<User>()?;
    users.get(7)?;
    users.insert(&User { id: 7, email: String::new() })?;
    users.remove(7)?;
    users.by().email.remove("ann@x.org")?;
    Ok(())
}
