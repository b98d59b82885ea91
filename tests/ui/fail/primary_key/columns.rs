//! The columns of a primary key are two to eight fields of the struct, in parentheses.

use walnut::Table;

#[derive(Table)]
#[table(primary_key = id)]
struct WithoutParentheses {
    id: u64,
}

#[derive(Table)]
#[table(primary_key = ())]
struct NoColumns {
    id: u64,
}

#[derive(Table)]
#[table(primary_key = (id))]
struct OneColumn {
    id: u64,
}

#[derive(Table)]
#[table(primary_key = (id, tenant, id))]
struct Twice {
    tenant: u32,
    id: u64,
}

#[derive(Table)]
#[table(primary_key = ("tenant", id))]
struct Quoted {
    tenant: u32,
    id: u64,
}

#[derive(Table)]
#[table(primary_key = (tenent, id))]
struct User {
    tenant: u32,
    id: u64,
}

#[derive(Table)]
#[table(primary_key = (a, b, c, d, e, f, g, h, i))]
struct NineColumns {
    a: u8,
    b: u8,
    c: u8,
    d: u8,
    e: u8,
    f: u8,
    g: u8,
    h: u8,
    i: u8,
}

fn main() {}
