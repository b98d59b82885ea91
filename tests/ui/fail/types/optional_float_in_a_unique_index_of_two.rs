use walnut::Table;
use serde::{Deserialize, Serialize};

#[derive(Table, Serialize, Deserialize)]
#[index(size = (height, width), unique)]
struct User {
    #[primary_key]
    id: u64,
    height: Option<f32>,
    width: u8,
}

fn main() {}
