use walnut::Table;

#[derive(Table)]
struct User<'a> {
    #[primary_key]
    id: u64,
    name: &'a str,
}

fn main() {}
