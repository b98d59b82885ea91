use serde::{Deserialize, Serialize};
use walnut::{Result, Snapshot, Table};

#[derive(Table, Serialize, Deserialize)]
struct User {
    #[primary_key]
    id: u64,
    #[index]
    age: u8,
}

fn use_it(snapshot: &Snapshot) -> Result<()> {
    let users = snapshot.table::<User>()?;
    users.by().age.all(3).update_all(|user| user.age += 1)?;
    users.iter().in_batches(3);
    users.by().age.iter().distinct_first();
    Ok(())
}

fn main() {}
