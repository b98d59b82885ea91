use walnut::Table;

macro_rules! table {
    ($ty:ty) => {
        #[derive(Table)]
        struct User {
            #[primary_key]
            id: u64,
            name: $ty,
        }
    };
}

table!(&'static str);

fn main() {}
