//! The whole grammar, and the schema that comes of it.

use serde::{Deserialize, Serialize};
use walnut::{Access, DefaultTable, Index, Table, Unique};

#[derive(Table, Serialize, Deserialize)]
#[table(name = "users")]
#[index(city_age = (city, age))]
#[index(login = (tenant, email), unique)]
struct User {
    #[primary_key]
    id: u64,
    #[index(unique)]
    email: String,
    #[index]
    age: u8,
    #[index(unique)]
    phone: Option<String>,
    city: String,
    tenant: u32,
    tags: Vec<String>,
    #[index]
    height: f64,
}

fn types<A: Access>(users: &DefaultTable<User, A>) {
    let _: Unique<'_, User, String, A> = users.by().email;
    let _: Index<'_, User, u8, A> = users.by().age;
    let _: Unique<'_, User, Option<String>, A> = users.by().phone;
    let _: Index<'_, User, (String, u8), A> = users.by().city_age;
    let _: Unique<'_, User, (u32, String), A> = users.by().login;
}

fn main() {
    let _ = types::<walnut::ReadWrite>;
    let schema = <User as walnut::TableMapper>::SCHEMA;
    assert_eq!((schema.name, schema.version, schema.primary_key), ("users", 1, &["id"][..]));
    let fields: Vec<_> = schema.fields.iter().map(|field| (field.name, field.type_name)).collect();
    assert_eq!(fields[..4], [("id", "u64"), ("email", "String"), ("age", "u8"), ("phone", "Option<String>")]);
    let indexes: Vec<_> = schema.indexes.iter().map(|index| (index.name, index.unique, index.parts)).collect();
    // Those of the struct first, then those of the fields, as they are written.
    assert_eq!(
        indexes,
        [
            ("city_age", false, &["city", "age"][..]),
            ("login", true, &["tenant", "email"]),
            ("email", true, &["email"]),
            ("age", false, &["age"]),
            ("phone", true, &["phone"]),
            ("height", false, &["height"]),
        ]
    );
    let names = User::ix();
    assert_eq!((names.login.table, names.login.index), ("users", "login"));
    assert_ne!(names.email, names.phone);
}
