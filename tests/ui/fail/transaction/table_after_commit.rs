//! A table of a transaction is gone with it.

use serde::{Deserialize, Serialize};
use walnut::{Database, Result, Table};

#[derive(Table, Serialize, Deserialize)]
struct User {
    #[primary_key]
    id: u64,
}

fn main() -> Result<()> {
    let db = Database::in_memory()?;
    let tx = db.begin();
    let users = tx.table::<User>()?;
    tx.commit()?;
    users.get(7)?;
    Ok(())
}
