#[derive(Key)]
struct Id(u64);

#[derive(Key)]
struct Place<K> {
    country: String,
    r#type: K,
}

#[derive(Key)]
#[walnut(crate = renamed)]
#[repr(u64)]
enum Kind {
    Guest,
    Admin = 9,
}
