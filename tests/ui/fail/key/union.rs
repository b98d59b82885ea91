use walnut::Key;

#[derive(Key)]
union Bits {
    raw: u64,
}

fn main() {}
