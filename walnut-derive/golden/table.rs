#[derive(walnut::Table, Serialize, Deserialize)]
#[table(name = "users")]
#[index(city_age = (city, age))]
#[index(login = (tenant, email), unique)]
struct User {
    #[primary_key]
    id: u64,
    #[index(unique)]
    email: String,
    #[index]
    age: u8,
    #[index]
    r#type: Option<Kind>,
    city: String,
    tenant: u32,
}
