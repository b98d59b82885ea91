//! The program of the README, and what it shows when it is run a second time.
#![expect(clippy::print_stdout, reason = "a program shows what it finds")]

use serde::{Deserialize, Serialize};
use walnut::{Database, Error, Result, Table};

#[derive(Table, Serialize, Deserialize, Debug)]
struct User {
    #[primary_key]
    id: u64,
    #[index(unique)]
    email: String,
    #[index]
    age: u8,
}

fn main() -> Result<()> {
    let db = Database::open("quickstart.walnut")?; // a directory, made when missing
    let users = db.table::<User>()?;
    println!("{} users were here before", users.len()?);

    users.upsert(&User { id: 1, email: "ann@example.org".into(), age: 31 })?; // durable when it returns
    users.upsert(&User { id: 2, email: "bob@example.org".into(), age: 27 })?;
    for user in users.by().age.range(18..).rev() {
        println!("{:?}", user?); // the oldest first
    }
    println!("{:?}", users.by().email.get("bob@example.org")?);

    // A second owner of a unique value is refused, and the first one is named.
    match users.insert(&User { id: 3, email: "ann@example.org".into(), age: 50 }) {
        Err(Error::UniqueViolation(v)) => println!("{v}: {:?}", v.owner::<User>()),
        other => other?,
    }
    db.close()
}
