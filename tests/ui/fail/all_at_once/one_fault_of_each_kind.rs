//! Faults of different attributes do not hide each other.

use walnut::Table;

#[derive(Table)]
#[table(nmae = "users")]
#[index(a = (name, dsec(age)), sprase)]
#[index(domain: String = User::domain, desc)]
struct User {
    #[primary_key(aut)]
    id: u64,
    #[index(no_case)]
    name: String,
    #[index(scale = 99)]
    age: u8,
    #[index(each)]
    count: u32,
    #[table(skpi)]
    cache: u8,
}

impl User {
    fn domain(&self) -> String {
        self.name.clone()
    }
}

fn main() {}
