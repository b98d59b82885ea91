use walnut::Table;

#[derive(Table)]
struct AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA {
    #[primary_key]
    id: u64,
}

fn main() {}
