use walnut::Table;

#[derive(Table)]
union User {
    id: u64,
}

fn main() {}
