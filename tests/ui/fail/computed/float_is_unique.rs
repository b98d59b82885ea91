use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
#[index(half: f64 = User::half, unique)]
struct User {
    #[primary_key]
    id: u64,
    email: String,
}

impl User {
    fn half(&self) -> f64 {
        0.5
    }
}

fn main() {}
