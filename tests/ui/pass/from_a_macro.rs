//! A struct that a macro by example writes, with types and names handed in.

use walnut::{Access, DefaultTable, Index, Table, TableMapper};

mod reexported {
    pub use walnut;
}

macro_rules! table {
    ($name:ident, $text:expr, $($field:ident: $ty:ty),*) => {
        #[derive(Table, serde::Serialize, serde::Deserialize)]
        #[table(name = $text, crate = $crate::reexported::walnut)]
        #[index(all = ($($field),*))]
        struct $name {
            #[primary_key]
            id: u64,
            $(#[index] $field: $ty,)*
            #[cfg(any())]
            #[index]
            left_out: u8,
        }
    };
}

table!(User, "users", name: Option<String>, age: u8);

fn types<A: Access>(users: &DefaultTable<User, A>) {
    let _: Index<'_, User, (Option<String>, u8), A> = users.by().all;
}

fn main() {
    let _ = types::<walnut::ReadWrite>;
    assert_eq!(User::SCHEMA.name, "users");
    assert_eq!(User::SCHEMA.fields[1].type_name, "Option<String>");
}
