use walnut::Key;

#[derive(Key)]
struct Id(#[walnut(desc)] u64);

fn main() {}
