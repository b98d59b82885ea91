use walnut::Table;

#[derive(Table)]
#[walnut(table(nam = "users"), index(city_age = (city)))]
struct User {
    #[walnut(primary_key(always))]
    id: u64,
    #[walnut(index(uniqe))]
    city: String,
}

fn main() {}
