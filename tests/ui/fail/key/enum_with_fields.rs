use walnut::Key;

#[derive(Key)]
enum Kind {
    Guest,
    Member(u64),
    Admin { level: u8 },
}

fn main() {}
