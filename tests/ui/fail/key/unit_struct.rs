use walnut::Key;

#[derive(Key)]
struct Nothing;

fn main() {}
