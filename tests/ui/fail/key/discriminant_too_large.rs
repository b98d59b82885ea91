use walnut::Key;

#[derive(Key)]
#[repr(u64)]
enum Kind {
    Small = 1,
    Large = u64::MAX,
}

fn main() {}
