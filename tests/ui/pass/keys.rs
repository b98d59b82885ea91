//! What `derive(Key)` takes, as primary key and in indexes.

use serde::{Deserialize, Serialize};
use walnut::{Access, DefaultTable, Index, Key, Table, TableMapper, Unique};

#[derive(Key, Serialize, Deserialize)]
struct UserId(u64);

#[derive(Key, Serialize, Deserialize)]
struct Place {
    country: String,
    r#type: Kind,
}

#[derive(Key, Serialize, Deserialize)]
#[repr(u8)]
enum Kind {
    City = 9,
    Village = 3,
    // A variant may be called as an item of the trait is.
    Ref,
}

#[derive(Key, Serialize, Deserialize)]
struct Tagged<K: Clone, const N: usize>(K, [u8; N])
where
    [u8; N]: Serialize + for<'a> Deserialize<'a>;

#[derive(Key, Serialize, Deserialize)]
struct Float(f64);

#[derive(Table, Serialize, Deserialize)]
struct User {
    #[primary_key]
    id: UserId,
    #[index(unique)]
    place: Place,
    #[index]
    kind: Option<Kind>,
    #[index]
    height: Float,
    #[index]
    tagged: Tagged<u8, 4>,
}

// A struct may be a key and a table.
#[derive(Key, Table, Serialize, Deserialize)]
#[walnut(crate = ::walnut, table(name = "both"))]
struct Both {
    #[walnut(primary_key)]
    id: u64,
    #[walnut(index)]
    city: String,
}

fn types<A: Access>(users: &DefaultTable<User, A>) {
    let _: Unique<'_, User, Place, A> = users.by().place;
    let _: Index<'_, User, Option<Kind>, A> = users.by().kind;
}

fn keyed_by<K, T: TableMapper<PrimaryKey = K>>() {}

fn main() {
    let _ = types::<walnut::ReadWrite>;
    let _ = (Kind::City, Kind::Village, Kind::Ref);
    keyed_by::<UserId, User>();
    keyed_by::<u64, Both>();
    assert_eq!(Both::SCHEMA.name, "both");
    assert!(<Place as Key>::EXACT && <Kind as Key>::EXACT && <Tagged<u8, 4> as Key>::EXACT);
    assert!(!<Float as Key>::EXACT);
    assert!(!<Tagged<f32, 4> as Key>::EXACT);
}
