//! An index has a name of its own, which is neither a keyword nor `primary_key`.

use walnut::Table;

#[derive(Table)]
#[index(primary_key = (city, age))]
#[index(type = (city, age))]
#[index(age = (city, age))]
#[index(city_age = (city, age))]
#[index(city_age = (age, city), unique)]
#[index(email: String = User::domain)]
struct User {
    #[primary_key]
    id: u64,
    city: String,
    #[index]
    age: u8,
    #[index]
    email: String,
}

impl User {
    fn domain(&self) -> String {
        self.email.clone()
    }
}

#[derive(Table)]
struct FieldCalledPrimaryKey {
    #[primary_key]
    id: u64,
    #[index]
    primary_key: u8,
}

#[derive(Table)]
#[index(primary_key: String = Computed::domain)]
#[index(type: String = Computed::domain)]
struct Computed {
    #[primary_key]
    id: u64,
}

impl Computed {
    fn domain(&self) -> String {
        String::new()
    }
}

fn main() {}
