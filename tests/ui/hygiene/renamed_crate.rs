//! The crate is reached by another path than `::walnut`.

mod ours {
    pub use walnut as kernel;
}

#[derive(ours::kernel::Table, serde::Serialize, serde::Deserialize)]
#[table(name = "users", crate = crate::ours::kernel)]
struct User {
    #[primary_key]
    id: Id,
    #[index]
    age: u8,
}

#[derive(ours::kernel::Key, serde::Serialize, serde::Deserialize)]
#[walnut(crate = ours::kernel)]
struct Id(u64);

fn main() {
    assert_eq!(<User as ours::kernel::TableMapper>::SCHEMA.name, "users");
}
