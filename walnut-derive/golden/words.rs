#[derive(walnut::Table, Serialize, Deserialize)]
#[index(newest = (tenant, desc(created)), was = "latest")]
#[index(shelf = (nocase(name), scale(price, 2)), sparse)]
#[index(domain: String = User::domain, nocase, unique)]
struct User {
    #[primary_key(auto)]
    id: u64,
    #[index(each)]
    tags: Vec<String>,
    name: Option<String>,
    price: Decimal,
    tenant: u32,
    created: i64,
    #[table(skip)]
    #[serde(skip)]
    cache: u8,
}

#[derive(walnut::Key, Serialize, Deserialize)]
struct Id {
    number: u64,
}
