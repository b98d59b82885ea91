//! A chain of layouts, one of them refused by `TryFrom`, in structs that have indexes of their own.
use serde::{Deserialize, Serialize};
use walnut::{Table, TableMapper};

mod past {
    use super::*;

    #[derive(Table, Serialize, Deserialize)]
    #[table(name = "users", history)]
    pub struct User {
        #[primary_key]
        pub id: u64,
        #[index(unique)]
        pub mail: String,
    }
}

#[derive(Table, Serialize, Deserialize)]
#[walnut(table(name = "users", version = 2, migrate_from = past::User, history))]
struct UserV2 {
    #[walnut(primary_key)]
    id: u64,
    email: String,
}

#[derive(Table, Serialize, Deserialize)]
#[table(name = "users", version = 0x3, migrate_from = UserV2)]
struct User {
    #[primary_key]
    id: u64,
    extra: u8,
}

impl From<past::User> for UserV2 {
    fn from(old: past::User) -> Self {
        Self { id: old.id, email: old.mail }
    }
}

impl TryFrom<UserV2> for User {
    type Error = ();

    fn try_from(old: UserV2) -> Result<Self, ()> {
        if old.email.is_empty() { Err(()) } else { Ok(Self { id: old.id, extra: 0 }) }
    }
}

fn main() {
    assert_eq!(UserV2::SCHEMA.version, 2);
    assert!(UserV2::SCHEMA.before.is_some_and(|before| before.history && before.version == 1));
}
