//! Keys that are made: of every integer, of a `Uuid`, of newtypes, under an alias and in a generic struct.

use serde::{Deserialize, Serialize};
use walnut::{Database, Key, Result, Table};

#[derive(Key, Serialize, Deserialize, Debug, PartialEq)]
struct UserId(u32);

#[derive(Key, Serialize, Deserialize, Debug, PartialEq)]
struct Wrapped<K> {
    id: K,
}

#[derive(Table, Serialize, Deserialize)]
struct User {
    #[primary_key(auto)]
    id: UserId,
}

#[derive(Table, Serialize, Deserialize)]
struct Aliased {
    #[walnut(primary_key(auto))]
    r#type: i128,
}

#[derive(Table, Serialize, Deserialize)]
struct Timed {
    #[primary_key(auto)]
    id: uuid::Uuid,
}

#[derive(Table, Serialize, Deserialize)]
struct Row<K> {
    #[primary_key(auto)]
    id: K,
}

fn main() -> Result<()> {
    let db = Database::in_memory()?;
    assert_eq!(db.table::<User>()?.insert_new(&User { id: UserId(0) })?, UserId(1));
    assert_eq!(db.table::<Aliased>()?.insert_new(&Aliased { r#type: 0 })?, 1);
    assert_eq!(db.table::<Row<Wrapped<u8>>>()?.insert_new(&Row { id: Wrapped { id: 9 } })?, Wrapped { id: 1 });
    let id = db.transact(|tx| tx.table::<Timed>()?.insert_new(&Timed { id: uuid::Uuid::nil() }))?;
    assert!(db.table::<Timed>()?.contains(id)?);
    Ok(())
}
