//! What is computed can be a key, and suits the words of the index.

use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize)]
#[index(domain: Domain = User::domain)]
#[index(name: String = User::name, each)]
struct User {
    #[primary_key]
    id: u64,
}

struct Domain;

impl User {
    fn domain(&self) -> Domain {
        Domain
    }

    fn name(&self) -> String {
        String::new()
    }
}

#[derive(Table, Serialize, Deserialize)]
#[index(half: f64 = Height::half, unique)]
#[index(text: String = Height::text, sparse)]
struct Height {
    #[primary_key]
    id: u64,
}

impl Height {
    fn half(&self) -> f64 {
        0.5
    }

    fn text(&self) -> String {
        String::new()
    }
}

fn main() {}
