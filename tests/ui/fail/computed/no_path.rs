use walnut::Table;

#[derive(Table)]
#[index(domain: String = )]
struct User {
    #[primary_key]
    id: u64,
    email: String,
}

impl User {
    fn domain(&self) -> String {
        self.email.clone()
    }
}

fn main() {}
