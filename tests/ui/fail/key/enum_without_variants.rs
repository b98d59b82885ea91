use walnut::Key;

#[derive(Key)]
enum Kind {}

fn main() {}
