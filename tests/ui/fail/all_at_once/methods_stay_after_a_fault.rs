//! The methods of indexes exist after a fault, so calls of them are no errors.

use walnut::{Database, Table};

#[derive(Table)]
#[index(newest = (name, desc(age)))]
#[index(domain: String = User::domain)]
struct User {
    #[primary_key(auto)]
    id: u64,
    #[index(nocase, uniqe)]
    name: String,
    #[index(each)]
    tags: Vec<String>,
    age: u8,
}

impl User {
    fn domain(&self) -> String {
        self.name.clone()
    }
}

fn main() -> walnut::Result<()> {
    let users = Database::in_memory()?.table::<User>()?;
    users.by().name.starts_with("an").first()?;
    users.by().tags.all("rust").count()?;
    users.by().newest.prefix("ann").range(3..).first()?;
    users.by().domain.all("x.org").first()?;
    users.insert_new(&User { id: 0, name: String::new(), tags: Vec::new(), age: 1 })?;
    Ok(())
}
