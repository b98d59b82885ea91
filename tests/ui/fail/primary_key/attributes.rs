//! A table has one primary key, marked on a field or listed on the struct.

use walnut::Table;

#[derive(Table)]
struct User {
    id: u64,
}

#[derive(Table)]
struct Two {
    #[primary_key]
    tenant: u32,
    #[primary_key]
    id: u64,
}

#[derive(Table)]
struct Twice {
    #[primary_key]
    #[primary_key]
    id: u64,
}

#[derive(Table)]
struct Value {
    #[primary_key = "id"]
    id: u64,
}

#[derive(Table)]
#[primary_key]
struct OnTheStruct {
    #[primary_key]
    id: u64,
}

#[derive(Table)]
#[table(primary_key = (tenant, id))]
struct FieldAndStruct {
    tenant: u32,
    #[primary_key]
    id: u64,
}

#[derive(Table)]
#[table(primary_key = (tenant, id))]
#[table(primary_key = (id, tenant))]
struct TwiceOnTheStruct {
    tenant: u32,
    id: u64,
}

fn main() {}
