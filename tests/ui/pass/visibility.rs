//! Any visibility of the struct, of its fields and of their types; inside functions and modules too.

use walnut::{Access, DefaultTable, Table, TableMapper};

pub mod store {
    use serde::{Deserialize, Serialize};

    #[derive(walnut::Key, Serialize, Deserialize)]
    pub(crate) struct Secret(u64);

    #[derive(walnut::Table, Serialize, Deserialize)]
    #[index(both = (secret, id))]
    pub struct Public {
        #[primary_key]
        pub(crate) id: u64,
        #[index(unique)]
        secret: Secret,
    }

    mod inner {
        #[derive(walnut::Table, serde::Serialize, serde::Deserialize)]
        pub(in crate::store) struct Hidden {
            #[primary_key]
            id: super::Secret,
        }
    }

    pub fn hidden() -> &'static str {
        <inner::Hidden as walnut::TableMapper>::SCHEMA.name
    }
}

fn by_secret<A: Access>(table: &DefaultTable<store::Public, A>) {
    let _ = (table.by().secret, table.by().both);
}

fn main() {
    let _ = by_secret::<walnut::ReadWrite>;
    assert_eq!(store::hidden(), "Hidden");

    #[derive(Table, serde::Serialize, serde::Deserialize)]
    struct Local {
        #[primary_key]
        id: u64,
    }
    assert_eq!(Local::SCHEMA.name, "Local");
}
