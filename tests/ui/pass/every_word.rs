//! Every word of an index, the handles that come of it, and how the schema tells them apart.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashSet};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use walnut::{Access, DefaultTable, Index, NoCase, Scaled, Table, TableMapper, Unique};

#[derive(Table, Serialize, Deserialize)]
#[index(newest = (desc(at), name))]
#[index(both = (nocase(name), desc(nocase(nick))), unique, sparse, was = "pair")]
#[index(tagged = (each(tags), desc(scale(price, 2))))]
#[index(folded_tags = (at, nocase(each(tags))))]
#[index(domain: String = User::domain, nocase, unique)]
#[index(halves: Vec<u8> = self::halves, each, was = "parts")]
#[index(cents: Option<Decimal> = User::cents, scale = 2, sparse)]
struct User {
    #[primary_key]
    id: u64,
    #[index(nocase, unique, was = "title")]
    name: String,
    #[index(sparse, nocase)]
    nick: Option<String>,
    #[index(each)]
    tags: Vec<String>,
    #[index(each, nocase, unique)]
    words: HashSet<String>,
    #[index(each)]
    numbers: BTreeSet<i32>,
    #[index(each)]
    digits: [u8; 3],
    #[index(each)]
    spare: Option<u16>,
    #[index(each)]
    slice: Box<[bool]>,
    #[index(scale = 2)]
    price: Decimal,
    at: i64,
}

impl User {
    fn domain(&self) -> Option<String> {
        None
    }

    fn cents(&self) -> Option<Decimal> {
        Some(self.price)
    }
}

fn halves(user: &User) -> Vec<u8> {
    user.digits.to_vec()
}

type One<'a, K, A> = Unique<'a, User, K, A>;
type Many<'a, K, A> = Index<'a, User, K, A>;

fn types<A: Access>(users: &DefaultTable<User, A>) {
    let by = users.by();
    let _: Many<'_, (Reverse<i64>, String), A> = by.newest;
    let _: One<'_, (NoCase, Reverse<NoCase<Option<String>>>), A> = by.both;
    let _: Many<'_, (String, Reverse<Scaled<Decimal, 2>>), A> = by.tagged;
    let _: Many<'_, (i64, NoCase), A> = by.folded_tags;
    let _: One<'_, NoCase, A> = by.domain;
    let _: Many<'_, u8, A> = by.halves;
    let _: Many<'_, Scaled<Option<Decimal>, 2>, A> = by.cents;
    let _: One<'_, NoCase, A> = by.name;
    let _: Many<'_, NoCase<Option<String>>, A> = by.nick;
    let _: Many<'_, String, A> = by.tags;
    let _: One<'_, NoCase, A> = by.words;
    let _: Many<'_, i32, A> = by.numbers;
    let _: Many<'_, u8, A> = by.digits;
    let _: Many<'_, u16, A> = by.spare;
    let _: Many<'_, bool, A> = by.slice;
    let _: Many<'_, Scaled<Decimal, 2>, A> = by.price;
}

fn main() {
    let _ = types::<walnut::ReadWrite>;
    let texts: Vec<_> = User::SCHEMA.indexes.iter().map(|index| (index.name, index.parts)).collect();
    assert_eq!(texts[1], ("both", &["nocase(name)", "desc(nocase(nick))"][..]));
    assert_eq!(texts[2], ("tagged", &["each(tags)", "desc(scale(price, 2))"][..]));
    assert_eq!(texts[4], ("domain", &["nocase(: String)"][..]));
    assert_eq!(texts[8], ("nick", &["nocase(nick)"][..]));
    let of = |name: &str| User::SCHEMA.indexes.iter().find(|index| index.name == name);
    assert!(of("both").is_some_and(|it| it.unique && it.sparse && it.was == Some("pair")));
    assert!(of("name").is_some_and(|it| it.unique && !it.sparse && it.was == Some("title")));
}
