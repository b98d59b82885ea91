//! Emitted code raises no lint where the user's own code raises none.
#![deny(warnings, missing_docs, unreachable_pub, missing_debug_implementations, missing_copy_implementations)]
#![deny(unused_qualifications, single_use_lifetimes, trivial_casts, trivial_numeric_casts, rust_2018_idioms)]
#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};
use walnut::{Key, Table};

#[derive(Debug, Table, Serialize, Deserialize)]
#[table(primary_key = (id, kind))]
#[index(both = (loud_NAME, kind))]
#[allow(non_camel_case_types, non_snake_case)]
struct user<T: Copy> {
    id: u64,
    #[index]
    loud_NAME: String,
    kind: Kind,
    value: T,
}

#[derive(Clone, Copy, Debug, Key, Serialize, Deserialize)]
#[repr(i64)]
enum Kind {
    Guest = -1,
    Admin,
}

#[derive(Debug, Key, Serialize, Deserialize)]
struct Id(u64, Kind);

#[derive(Debug, Table, Serialize, Deserialize)]
#[index(both = (second, first), unique)]
struct Plain {
    #[primary_key]
    id: Id,
    #[index(unique)]
    first: u8,
    #[index]
    #[deprecated]
    second: String,
}

mod inner {
    #[derive(Debug, walnut::Table, serde::Serialize, serde::Deserialize)]
    pub(crate) struct Empty {
        #[primary_key]
        id: u64,
    }
}

fn is_table<T: Table>() {}

fn main() {
    is_table::<user<u8>>();
    is_table::<Plain>();
    is_table::<inner::Empty>();
    let _ = Kind::Admin;
}
