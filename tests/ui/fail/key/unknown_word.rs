use walnut::Key;

#[derive(Key)]
#[walnut(crat = walnut)]
struct Id(u64);

fn main() {}
