#[derive(Table)]
#[table(nam = "users")]
#[index(city_age = (city, agee))]
struct User<'a> {
    id: u64,
    #[index(uniqe)]
    city: &'a str,
    age: u8,
}

#[derive(Key)]
enum Kind {
    Guest,
    Member(u64),
}
