use walnut::Key;

#[derive(Key)]
struct Name<'a>(&'a str);

fn main() {}
