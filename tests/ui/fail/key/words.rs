//! `#[walnut(..)]` on a key knows `crate`, once.

use walnut::Key;

#[derive(Key)]
#[walnut(crat = walnut)]
struct Typo(u64);

#[derive(Key)]
#[walnut(crate = walnut, crate = ::walnut)]
struct Twice(u64);

#[derive(Key)]
struct OnAField(#[walnut(desc)] u64);

fn main() {}
