//! Every kind of index: what has an entry, what is found, and that rows and entries stay one to one whatever is done.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Bound;

use serde::{Deserialize, Serialize};
use walnut::{Database, Error, NoCase, Result, Table};
use walnut_tests::random::Random;

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "things")]
#[index(newest = (desc(at), id))]
#[index(place = (nocase(city), desc(at)))]
#[index(tagged = (group, each(tags)))]
#[index(handle = (group, nick), unique, sparse)]
#[index(initial: char = Thing::initial)]
#[index(words: Vec<String> = Thing::words, each, nocase)]
#[index(twice: u64 = Self::twice, unique)]
struct Thing {
    #[primary_key]
    id: u64,
    #[index(nocase, unique)]
    name: String,
    #[index(nocase)]
    nick: Option<String>,
    #[index(sparse)]
    group: Option<u8>,
    #[index(each)]
    tags: Vec<String>,
    #[index(each)]
    numbers: BTreeSet<i16>,
    #[index(each, unique)]
    badges: HashSet<u32>,
    #[index(each)]
    spare: Option<u8>,
    #[index(each, sparse)]
    pair: [Option<u8>; 2],
    city: String,
    at: i64,
    #[table(skip)]
    #[serde(skip)]
    scratch: u32,
}

impl Thing {
    fn initial(&self) -> Option<char> {
        self.name.chars().next()
    }

    fn words(&self) -> Vec<String> {
        self.city.split(' ').map(str::to_owned).collect()
    }

    fn twice(&self) -> u64 {
        self.id * 2
    }

    fn draw(random: &mut Random) -> Self {
        const CITIES: [&str; 5] = ["Neuss am Rhein", "NEUSS", "Straße", "strasse", ""];
        let id = random.below(12);
        let few = |random: &mut Random, limit| {
            (0..random.below(4)).map(|_| random.below(limit)).collect::<Vec<_>>()
        };
        let small = |number: u64| u8::try_from(number).unwrap();
        Self {
            id,
            name: format!("{}{}", random.pick(&["Å", "å", "a", "ß", "Σ", "ς", ""]), random.below(5)),
            nick: (!random.one_in(3)).then(|| (*random.pick(&["X", "x", "Y"])).to_owned()),
            group: (!random.one_in(3)).then(|| small(random.below(3))),
            tags: few(random, 3).iter().map(|tag| format!("t{tag}")).collect(),
            numbers: few(random, 5).iter().map(|&number| i16::try_from(number).unwrap() - 2).collect(),
            badges: few(random, 40).iter().map(|&badge| u32::try_from(badge).unwrap()).collect(),
            spare: (!random.one_in(2)).then(|| small(random.below(2))),
            pair: [None, Some(small(random.below(3)))],
            city: (*random.pick(&CITIES)).to_owned(),
            at: i64::try_from(random.below(5)).unwrap() - 2,
            scratch: 0,
        }
    }
}

fn fold(text: &str) -> String {
    NoCase::new(text).into_inner()
}

/// What an index should hold: its keys with primary keys, in its order.
fn expected<K: Ord, I: IntoIterator<Item = K>>(
    model: &BTreeMap<u64, Thing>,
    keys: impl Fn(&Thing) -> I,
) -> Vec<(K, u64)> {
    let entries: BTreeSet<_> =
        model.values().flat_map(|row| keys(row).into_iter().map(|key| (key, row.id))).collect();
    entries.into_iter().collect()
}

/// Compares every index of the table with the rows.
fn compare(db: &Database, model: &BTreeMap<u64, Thing>) -> Result<()> {
    let things = db.table::<Thing>()?;
    let by = things.by();
    macro_rules! same {
        ($index:ident, $keys:expr) => {
            let found = by.$index.iter().entries().collect::<Result<Vec<_>>>()?;
            assert_eq!(found, expected(model, $keys), "{}", stringify!($index));
        };
    }
    // A part that is folded is compared by its text.
    macro_rules! same_as {
        ($index:ident, $turn:expr, $keys:expr) => {
            let found = by.$index.iter().entries().map(|entry| entry.map(|(key, id)| ($turn(key), id)));
            assert_eq!(found.collect::<Result<Vec<_>>>()?, expected(model, $keys), "{}", stringify!($index));
        };
    }
    same!(newest, |row| [(Reverse(row.at), row.id)]);
    same_as!(place, |(city, at): (NoCase, _)| (city.into_inner(), at), |row| [(
        fold(&row.city),
        Reverse(row.at)
    )]);
    same!(tagged, |row| row.tags.iter().map(|tag| (row.group, tag.clone())).collect::<Vec<_>>());
    same!(handle, |row| row.group.zip(row.nick.clone()).map(|(group, nick)| (Some(group), Some(nick))));
    same!(initial, Thing::initial);
    same_as!(words, NoCase::into_inner, |row| row.words().iter().map(|word| fold(word)).collect::<Vec<_>>());
    same!(twice, |row| [row.twice()]);
    same_as!(name, NoCase::into_inner, |row| [fold(&row.name)]);
    same_as!(nick, NoCase::into_inner, |row| [row.nick.as_deref().map(fold)]);
    same!(group, |row| row.group.map(Some));
    same!(tags, |row| row.tags.clone());
    same!(numbers, |row| row.numbers.clone());
    same!(badges, |row| row.badges.iter().copied().collect::<Vec<_>>());
    same!(spare, |row| row.spare);
    same!(pair, |row| row.pair.into_iter().flatten().map(Some).collect::<Vec<_>>());
    assert_eq!(things.iter().collect_vec()?, model.values().cloned().collect::<Vec<_>>());
    db.verify().map(drop)
}

/// Whether a row could stand beside the others.
fn fits(model: &BTreeMap<u64, Thing>, row: &Thing) -> bool {
    let handle = |row: &Thing| row.group.zip(row.nick.clone());
    model.values().filter(|other| other.id != row.id).all(|other| {
        fold(&other.name) != fold(&row.name)
            && (handle(row).is_none() || handle(other) != handle(row))
            && other.badges.is_disjoint(&row.badges)
    })
}

#[test]
fn every_kind_of_index_holds_exactly_what_its_rows_ask_for() -> Result<()> {
    let seeds = std::env::var("WALNUT_SEEDS")
        .ok()
        .and_then(|seeds| seeds.parse().ok())
        .unwrap_or(walnut_tests::fewer!(6));
    for seed in 0..seeds {
        let random = &mut Random::new(seed, "indexes");
        let db = Database::in_memory()?;
        let things = db.table::<Thing>()?;
        let mut model = BTreeMap::new();
        for step in 0..120 {
            let row = Thing::draw(random);
            let fits = fits(&model, &row);
            let changed = match random.below(3) {
                0 => things.insert(&row).map(|()| None),
                1 => things.upsert(&row),
                _ => things.remove(row.id),
            };
            match changed {
                Ok(old) if old.is_some() && things.get(row.id)?.is_none() => {
                    assert_eq!(old, model.remove(&row.id), "seed {seed} step {step}");
                }
                Ok(_) if things.get(row.id)?.is_none() => {}
                Ok(_) => {
                    assert!(fits, "seed {seed} step {step}");
                    model.insert(row.id, row);
                }
                Err(Error::UniqueViolation(violation)) => {
                    let there = model.contains_key(&row.id);
                    let by_key = violation.index() == "primary_key";
                    assert!(if by_key { there } else { !fits }, "seed {seed} step {step}: {violation}");
                }
                Err(error) => return Err(error),
            }
        }
        compare(&db, &model)?;
    }
    Ok(())
}

fn thing(id: u64, name: &str) -> Thing {
    Thing { name: name.to_owned(), scratch: 5, ..Thing { id, ..Thing::draw(&mut Random::new(id, "thing")) } }
}

#[test]
fn what_is_sought_in_an_index_without_case_is_folded_too() -> Result<()> {
    let things = Database::in_memory()?.table::<Thing>()?;
    let one = Thing { badges: HashSet::new(), ..thing(1, "Straße ΟΔΟΣ") };
    things.insert(&one)?;
    for sought in ["STRASSE ΟΔΟΣ", "straße οδος", "Strasse οδοσ"] {
        assert_eq!(things.by().name.get(sought)?.map(|row| row.id), Some(1), "{sought}");
        assert!(things.by().name.contains(sought)?);
    }
    let twin = things.insert(&Thing { badges: HashSet::new(), ..thing(2, "STRASSE οδος") });
    let Err(Error::UniqueViolation(violation)) = twin else { panic!("{twin:?}") };
    assert!(violation.is(Thing::ix().name));
    let by = things.by();
    for start in ["STRA", "strass", "Straß", ""] {
        assert_eq!(by.name.starts_with(start).count()?, 1, "{start}");
    }
    assert_eq!(by.name.range("STRA".."strb").count()?, 1);
    assert_eq!(by.name.range("STRA".to_owned()..).count()?, 1);
    assert_eq!(by.name.range(..=&"STRA".to_owned()).count()?, 0);
    assert_eq!(things.get(1)?.map(|row| row.name), Some(one.name), "the row keeps its text");
    Ok(())
}

#[test]
fn a_field_that_is_skipped_is_not_stored() -> Result<()> {
    let things = Database::in_memory()?.table::<Thing>()?;
    things.insert(&thing(1, "a"))?;
    assert_eq!(things.get(1)?.map(|row| row.scratch), Some(0));
    assert!(<Thing as walnut::TableMapper>::SCHEMA.fields.iter().all(|field| field.name != "scratch"));
    Ok(())
}

#[test]
fn a_range_over_a_descending_part_is_given_from_the_less_to_the_greater() -> Result<()> {
    let things = Database::in_memory()?.table::<Thing>()?;
    for id in 0..10 {
        let row =
            Thing { badges: HashSet::new(), city: "Rome".into(), nick: None, ..thing(id, &id.to_string()) };
        things.insert(&Thing { at: i64::try_from(id).unwrap(), ..row })?;
    }
    let by = things.by();
    let at = |scan: walnut::Keys<'_, Thing>| scan.collect::<Result<Vec<_>>>();
    assert_eq!(at(by.place.prefix("rome").range(3..6).keys())?, [5, 4, 3]);
    assert_eq!(at(by.place.prefix("rome").range(3..=6).keys())?, [6, 5, 4, 3]);
    assert_eq!(at(by.place.prefix("rome").range(..2).keys())?, [1, 0]);
    assert_eq!(at(by.place.prefix("rome").range(..=2).keys())?, [2, 1, 0]);
    assert_eq!(at(by.place.prefix("rome").range(8..).keys())?, [9, 8]);
    let bounds = (Bound::Excluded(6), Bound::Included(8));
    assert_eq!(at(by.place.prefix("rome").range(bounds).keys())?, [8, 7]);
    assert_eq!(by.place.prefix("rome").range(..).count()?, 10);
    let ascending: Vec<i64> =
        by.place.prefix("rome").range(3..6).rev().map(|row| row.map(|row| row.at)).collect::<Result<_>>()?;
    assert_eq!(ascending, [3, 4, 5]);
    assert_eq!(at(by.place.prefix("ROME").all(4).keys())?, [4]);
    // In the order of the index, as it is with several parts.
    assert_eq!(at(by.place.prefix("rome").range(Reverse(5)..Reverse(3)).keys())?, [5, 4]);
    assert_eq!(at(by.newest.range((Reverse(5), 0)..(Reverse(3), 0)).keys())?, [5, 4]);
    Ok(())
}

#[test]
fn an_element_that_is_unique_has_one_owner() -> Result<()> {
    let things = Database::in_memory()?.table::<Thing>()?;
    let with = |id: u64, badges: &[u32]| Thing {
        badges: badges.iter().copied().collect(),
        nick: None,
        ..thing(id, &id.to_string())
    };
    things.insert(&with(1, &[5, 6]))?;
    things.insert(&with(2, &[7]))?;
    let taken = things.insert(&with(3, &[8, 6]));
    let Err(Error::UniqueViolation(violation)) = taken else { panic!("{taken:?}") };
    assert_eq!((violation.index(), violation.owner::<Thing>()), ("badges", Some(1)));
    assert!(!things.by().badges.contains(8)?, "nothing of the row was written");
    assert_eq!(things.by().badges.get(6)?.map(|row| row.id), Some(1));
    things.upsert(&with(1, &[5]))?;
    things.insert(&with(3, &[8, 6]))?;
    assert_eq!(things.by().badges.get(6)?.map(|row| row.id), Some(3));
    Ok(())
}

#[test]
fn what_one_row_asks_of_an_index_is_bounded() -> Result<()> {
    #[derive(Table, Serialize, Deserialize)]
    #[index(both = (name, each(numbers)))]
    struct Wide {
        #[primary_key]
        id: u8,
        name: String,
        numbers: Vec<u32>,
    }
    let wide = Database::in_memory()?.table::<Wide>()?;
    // 16 MiB of entries: as many elements as fit, and one more.
    let entry = 2_000 + 2 + 4;
    let fits = (16 << 20) / entry;
    let row = |count| Wide { id: 1, name: "x".repeat(2_000), numbers: (0..count).collect() };
    assert!(matches!(wide.insert(&row(fits + 1)), Err(Error::Limit(_))));
    assert!(wide.is_empty()?);
    wide.insert(&row(100))?;
    assert_eq!(wide.by().both.prefix(&"x".repeat(2_000)).count()?, 100);
    Ok(())
}

#[test]
fn a_field_that_is_indexed_by_scale_takes_no_more_digits_than_that() -> Result<()> {
    use rust_decimal::Decimal;

    #[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[index(shop_price = (shop, scale(price, 2)))]
    struct Offer {
        #[primary_key]
        id: u8,
        #[index(scale = 2)]
        price: Decimal,
        #[index(unique, scale = 0)]
        code: Option<Decimal>,
        shop: u8,
    }
    let offers = Database::in_memory()?.table::<Offer>()?;
    let price = |text: &str| -> Decimal { text.parse().unwrap() };
    for (id, text) in ["10.5", "-3", "2.50", "10.49"].into_iter().enumerate() {
        let id = u8::try_from(id).unwrap();
        offers.insert(&Offer { id, price: price(text), code: None, shop: id % 2 })?;
    }
    let by = offers.by();
    let ids = |scan: walnut::Keys<'_, Offer>| scan.collect::<Result<Vec<_>>>();
    assert_eq!(ids(by.price.iter().keys())?, [1, 2, 3, 0], "as numbers compare");
    assert_eq!(ids(by.price.all(price("2.5")).keys())?, [2], "zeros at the end do not count");
    assert_eq!(ids(by.price.range(price("2.5")..price("10.5")).keys())?, [2, 3]);
    assert_eq!(ids(by.shop_price.prefix(0).range(price("3")..).keys())?, [0]);
    let entries = by.price.iter().entries().collect::<Result<Vec<_>>>()?;
    assert_eq!(entries[1].0.0, price("2.50"));

    let too_fine = Offer { id: 9, price: price("1.001"), code: None, shop: 0 };
    assert!(matches!(offers.insert(&too_fine), Err(Error::Limit(_))), "refused, never cut");
    assert_eq!(by.price.all(price("1.001")).first()?, None, "what cannot be stored is not there");
    assert!(by.code.get(Some(price("7.5")))?.is_none() && !by.code.contains(Some(price("7.5")))?);
    assert_eq!(ids(by.price.range(price("2.499")..price("10.499")).keys())?, [2, 3]);
    assert_eq!(ids(by.price.range(price("2.501")..=price("10.491")).keys())?, [3]);
    assert_eq!(ids(by.price.range(..price("-2.999")).keys())?, [1]);
    assert_eq!(ids(by.price.range(price("-3.001")..price("-2.999")).keys())?, [1]);
    assert_eq!(ids(by.price.range(Decimal::MIN..Decimal::MAX).keys())?, [1, 2, 3, 0]);
    assert_eq!(ids(by.price.range(Decimal::MAX..).keys())?, [] as [u8; 0]);
    assert_eq!(ids(by.price.range(..=Decimal::MIN).keys())?, [] as [u8; 0]);
    assert_eq!(ids(by.shop_price.prefix(0).range(price("10.499")..).keys())?, [0]);
    offers.insert(&Offer { id: 9, price: price("1.0"), code: Some(price("7.00")), shop: 0 })?;
    assert_eq!(by.code.get(Some(price("7")))?.map(|row| row.id), Some(9));
    assert_eq!(by.code.all(None).count()?, 4);
    assert_eq!(offers.len()?, 5);
    Ok(())
}
