//! The user's own items have the names that emitted code could stumble over.
#![allow(dead_code, unused_macros, non_camel_case_types, non_upper_case_globals)]

mod walnut {}
mod core {}
mod std {}
mod user {}
mod private {}

struct Result;
struct Option;
struct Vec;
struct String;
struct Box;
struct Some;
struct None;
struct Ok;
struct Err;
struct Send;
struct Sync;
struct Unique;
struct Index;
struct Access;
struct DefaultTable;
struct IndexName;
struct KeyWriter;
struct PhantomData;
struct Reverse;
struct NoCase;
struct AsIs;
trait Elements {}
trait Form {}
trait Generated {}
struct EMAIL;
struct UserKey;
struct UserIndexes;
trait Default {}
trait Key {}
trait Table {}
trait TableMapper {}
trait Column {}
trait Serialize {}
macro_rules! assert {
    () => {};
}
const table: () = ();
const index: () = ();
const entries: () = ();
const out: () = ();
const bytes: () = ();
const input: () = ();
static point: () = ();
static part: () = ();

#[derive(::walnut::Table, ::serde::Serialize, ::serde::Deserialize)]
#[index(email_age = (email, age), unique)]
struct User {
    #[primary_key]
    id: u64,
    #[index(unique)]
    email: ::std::string::String,
    #[index]
    age: u16,
}

#[derive(::walnut::Table, ::serde::Serialize, ::serde::Deserialize)]
#[index(newest = (desc(at), nocase(name)))]
#[index(handle: ::std::string::String = Words::handle, nocase)]
struct Words {
    #[primary_key(auto)]
    id: u64,
    #[index(each)]
    tags: ::std::vec::Vec<::std::string::String>,
    #[index(nocase, sparse)]
    nick: ::core::option::Option<::std::string::String>,
    #[table(skip)]
    #[serde(skip)]
    cache: u8,
    name: ::std::string::String,
    at: i64,
}

impl Words {
    fn handle(&self) -> ::core::option::Option<::std::string::String> {
        ::core::option::Option::None
    }
}

#[derive(::walnut::Table, ::serde::Serialize, ::serde::Deserialize)]
struct Row<Access> {
    #[primary_key]
    id: Access,
}

#[derive(::walnut::Key, ::serde::Serialize, ::serde::Deserialize)]
struct Id(u64, u16);

#[derive(::walnut::Key, ::serde::Serialize, ::serde::Deserialize)]
enum Kind {
    Ok,
    None,
}

fn is_table<T: ::walnut::Table>() {}

fn main() {
    is_table::<User>();
    is_table::<Words>();
    is_table::<Row<Id>>();
    is_table::<Row<Kind>>();
    let _ = (Kind::Ok, Kind::None);
}
