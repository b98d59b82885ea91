//! A table of a snapshot cannot be written, and the compiler says so.

use serde::{Deserialize, Serialize};
use walnut::{Database, Result, Snapshot, Table};

#[derive(Table, Serialize, Deserialize)]
struct User {
    #[primary_key]
    id: u64,
    #[index(unique)]
    email: String,
    #[index]
    age: u8,
}

fn main() -> Result<()> {
    let db = Database::in_memory()?;
    let users = db.snapshot().table::<User>()?;
    users.get(7)?;
    users.insert(&User { id: 7, email: String::new(), age: 3 })?;
    users.remove(7)?;
    users.by().email.remove("ann@x.org")?;
    users.range(..7).remove_all()?;
    users.iter().pop_first()?;
    let Some(space) = db.snapshot().keyspace("space")? else { return Ok(()) };
    space.put("key", "value")?;
    Ok(())
}

fn in_batches(snapshot: &Snapshot) -> Result<()> {
    let users = snapshot.table::<User>()?;
    users.by().age.all(3).update_all(|user| user.age += 1)?;
    users.iter().in_batches(3);
    users.by().age.iter().distinct_first();
    Ok(())
}
