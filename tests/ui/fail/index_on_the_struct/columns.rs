//! The columns of an index are two to eight fields of the struct, in parentheses.

use walnut::Table;

#[derive(Table)]
#[index(bare = city)]
#[index(nothing = ())]
#[index(one = (city))]
#[index(one_in_a_word = (desc(age)))]
#[index(twice = (city, city))]
#[index(twice_in_a_word = (age, desc(age)))]
#[index(typo = (citty, age))]
#[index(unlike = (country, age))]
#[index(typo_in_a_word = (city, desc(aeg)))]
#[index(missing_comma = (city age) unique)]
struct User {
    #[primary_key]
    id: u64,
    city: String,
    age: u8,
}

#[derive(Table)]
#[index(all = (a, b, c, d, e, f, g, h, i))]
struct Wide {
    #[primary_key]
    a: u8,
    b: u8,
    c: u8,
    d: u8,
    e: u8,
    f: u8,
    g: u8,
    h: u8,
    i: u8,
}

fn main() {}
