use walnut::Key;

#[derive(Key)]
#[walnut(crate = walnut, crate = ::walnut)]
struct Id(u64);

fn main() {}
