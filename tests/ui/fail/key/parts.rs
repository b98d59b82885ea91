//! The parts of a key are keys, and a discriminant is stored as an `i64`.

use walnut::Key;

#[derive(Key)]
struct Id(NoKey, u8);

struct NoKey;

#[derive(Key)]
#[repr(u64)]
enum Kind {
    Small = 1,
    Large = u64::MAX,
}

fn main() {}
