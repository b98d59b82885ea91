//! `unique`, `each`, `nocase` and `sparse` have neither a value nor parentheses.

use walnut::Table;

#[derive(Table)]
struct User {
    #[primary_key]
    id: u64,
    #[index(unique = true)]
    email: String,
    #[index(each = true)]
    tags: Vec<String>,
    #[index(each(a))]
    more_tags: Vec<String>,
    #[index(nocase = true)]
    name: String,
    #[index(nocase(a))]
    last_name: String,
    #[index(sparse = true)]
    phone: Option<String>,
    #[index(sparse(a))]
    fax: Option<String>,
}

fn main() {}
