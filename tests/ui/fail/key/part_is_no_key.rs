use walnut::Key;

#[derive(Key)]
struct Id(NoKey, u8);

struct NoKey;

fn main() {}
