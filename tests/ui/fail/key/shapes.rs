//! A key is a struct of keys or an enum without fields.

use walnut::Key;

#[derive(Key)]
struct Nothing;

#[derive(Key)]
enum NoVariants {}

#[derive(Key)]
enum Kind {
    Guest,
    Member(u64),
    Admin { level: u8 },
}

#[derive(Key)]
union Bits {
    raw: u64,
}

#[derive(Key)]
struct Name<'a>(&'a str);

fn main() {}
