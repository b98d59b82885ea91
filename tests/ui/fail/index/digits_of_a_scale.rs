//! `scale` is the number of digits behind the point of a decimal.

use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(scale)]
    a: u64,
    #[index(scale(2))]
    b: u64,
    #[index(scale = "2")]
    c: u64,
    #[index(scale = -1)]
    d: u64,
    #[index(scale = 29)]
    e: u64,
    #[index(scale = 99999999999)]
    f: u64,
    #[index(scale = 2, nocase)]
    g: u64,
}

fn main() {}
