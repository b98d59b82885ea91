//! Nothing is in scope, not even `Option`.
#![no_implicit_prelude]

#[derive(::walnut::Table, ::serde::Serialize, ::serde::Deserialize)]
#[table(name = "users", primary_key = (id, email))]
#[index(email_age = (email, age), unique)]
struct User {
    id: u64,
    #[index]
    email: ::std::string::String,
    #[index(unique)]
    age: ::core::option::Option<u8>,
}

#[derive(::walnut::Table, ::serde::Serialize, ::serde::Deserialize)]
#[index(newest = (desc(at), nocase(name)), was = "latest")]
#[index(handle: ::std::string::String = Self::handle, nocase)]
struct Words {
    #[primary_key(auto)]
    id: u64,
    #[index(each)]
    tags: ::std::vec::Vec<::std::string::String>,
    #[index(nocase, sparse)]
    nick: ::core::option::Option<::std::string::String>,
    name: ::std::string::String,
    at: i64,
}

impl Words {
    fn handle(&self) -> ::core::option::Option<::std::string::String> {
        ::core::option::Option::None
    }
}

#[derive(::walnut::Table, ::serde::Serialize, ::serde::Deserialize)]
struct Row<K> {
    #[primary_key]
    id: K,
}

#[derive(::walnut::Key, ::serde::Serialize, ::serde::Deserialize)]
struct Id(u64, u8);

#[derive(::walnut::Key, ::serde::Serialize, ::serde::Deserialize)]
#[repr(u64)]
enum Kind {
    Guest,
    Admin,
}

fn is_table<T: ::walnut::Table>() {}

fn main() {
    is_table::<User>();
    is_table::<Words>();
    is_table::<Row<Id>>();
    is_table::<Row<Kind>>();
    let _ = (Kind::Guest, Kind::Admin);
}
