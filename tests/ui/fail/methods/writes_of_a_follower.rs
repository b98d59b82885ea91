//! A database that follows another process is only read.

use serde::{Deserialize, Serialize};
use walnut::{Database, Follower, Result, Table};

#[derive(Table, Serialize, Deserialize)]
struct User {
    #[primary_key]
    id: u64,
    #[index]
    age: u8,
}

fn use_it(follower: &Follower) -> Result<()> {
    let users = follower.table::<User>()?;
    users.insert(&User { id: 1, age: 3 })?;
    users.by().age.all(3).remove_all()?;
    follower.keyspace("raw")?.unwrap().put("key", "value")?;
    follower.transact(|_| Ok(()))?;
    follower.checkpoint()?;
    Database::builder().read_only().open("app.walnut")?.drop_table("users")?;
    Ok(())
}

fn main() {}
