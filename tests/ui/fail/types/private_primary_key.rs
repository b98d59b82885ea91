//! The type of a primary key is as visible as its table.

mod store {
    #[derive(walnut::Key, serde::Serialize, serde::Deserialize)]
    struct Secret(u64);

    #[derive(walnut::Table, serde::Serialize, serde::Deserialize)]
    pub struct User {
        #[primary_key]
        id: Secret,
    }
}

fn main() {}
