//! What can be said in one call: many generated keys, a row or the one that is there, updates and removals of a whole scan, in batches
//! too, distinct values. Each is compared with a map under random programs.

use std::collections::{BTreeMap, BTreeSet};
use std::slice::from_ref;

use serde::{Deserialize, Serialize};
use walnut::{Database, DefaultTable, Error, Inserted, Result, Table};
use walnut_tests::random::Random;

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[index(town_age = (town, age))]
#[index(newest = (town, desc(age)))]
struct Person {
    #[primary_key(auto)]
    id: u16,
    #[index(unique)]
    name: Option<String>,
    #[index]
    age: u8,
    #[index(each)]
    tags: Vec<u8>,
    #[index(nocase)]
    town: String,
}

const TOWNS: [&str; 4] = ["Oslo", "Paris", "Rome", "rome"];

/// Which rows a statement is about.
type Meant = Box<dyn Fn(&Person) -> bool>;

fn small(random: &mut Random, end: u64) -> u8 {
    u8::try_from(random.below(end)).expect("it is small")
}

fn person(random: &mut Random, id: u16) -> Person {
    let town = (*random.pick(&TOWNS)).to_owned();
    let name = (!random.one_in(3)).then(|| format!("name {}", random.below(60)));
    let tags = (0..random.below(4)).map(|_| small(random, 5)).collect();
    Person { id, name, age: small(random, 12), tags, town }
}

/// The rows as they should be, and the greatest key that a committed row had.
#[derive(Default)]
struct Model {
    rows: BTreeMap<u16, Person>,
    last: u16,
}

impl Model {
    fn has_name(&self, name: Option<&String>, but: u16) -> bool {
        name.is_some() && self.rows.values().any(|row| row.id != but && row.name.as_ref() == name)
    }

    fn put(&mut self, row: Person) {
        self.last = self.last.max(row.id);
        self.rows.insert(row.id, row);
    }

    /// Whether no two of these and no row there share a name.
    fn fit(&self, rows: &[Person]) -> bool {
        let names: Vec<_> = rows.iter().filter_map(|row| row.name.as_ref()).collect();
        names.iter().collect::<BTreeSet<_>>().len() == names.len()
            && rows.iter().all(|row| !self.has_name(row.name.as_ref(), row.id))
    }
}

fn is_refused<R>(outcome: &Result<R>) -> bool {
    matches!(outcome, Err(Error::UniqueViolation(_)))
}

/// One statement of a random program, on the table and on the model.
fn step(random: &mut Random, people: &DefaultTable<Person>, model: &mut Model) -> Result<()> {
    match random.below(9) {
        0 | 1 => {
            let drafts: Vec<Person> = (0..random.below(5)).map(|_| person(random, u16::MAX)).collect();
            let outcome = people.insert_new_many(&drafts);
            assert_eq!(is_refused(&outcome), !model.fit(&drafts), "{drafts:?}");
            if let Ok(keys) = outcome {
                assert!(keys.is_sorted() && keys.first().is_none_or(|&key| key > model.last), "{keys:?}");
                keys.iter().zip(drafts).for_each(|(&id, draft)| model.put(Person { id, ..draft }));
            }
        }
        2 => {
            let draft = person(random, u16::MAX);
            let outcome = people.insert_new_row(&draft);
            assert_eq!(is_refused(&outcome), !model.fit(from_ref(&draft)));
            if let Ok(row) = outcome {
                assert_eq!(row, Person { id: row.id, ..draft });
                assert!(row.id > model.last);
                model.put(row);
            }
        }
        3 | 4 => {
            let id: u16 = random.below(u64::from(model.last) + 3).try_into().expect("it is small");
            let row = person(random, id);
            match people.insert_or_get(&row) {
                Ok(Inserted::Existing(old)) => assert_eq!(Some(&old), model.rows.get(&id)),
                Ok(Inserted::New) => {
                    assert!(!model.rows.contains_key(&id) && model.fit(from_ref(&row)));
                    model.put(row);
                }
                refused => {
                    assert!(is_refused(&refused) && !model.rows.contains_key(&id) && !model.fit(&[row]));
                }
            }
        }
        5 | 6 => update(random, people, model)?,
        _ => remove(random, people, model)?,
    }
    Ok(())
}

/// Makes everybody of an age older by a year or two, which moves them within the index that they are found by.
fn update(random: &mut Random, people: &DefaultTable<Person>, model: &mut Model) -> Result<()> {
    let (from, tag) = (small(random, 12), small(random, 5));
    let years = 1 + small(random, 2);
    let older = |row: &mut Person| row.age += years;
    let (count, is_meant): (u64, Meant) = match random.below(5) {
        0 => (people.by().age.range(from..).update_all(older)?, Box::new(move |row| row.age >= from)),
        1 => {
            let count = people.by().age.range(from..).in_batches(random.place(4) + 1).update_all(older)?;
            (count, Box::new(move |row| row.age >= from))
        }
        2 => (people.by().tags.range(tag..).update_all(older)?, Box::new(move |row| has_tag_from(row, tag))),
        3 => {
            let scan = people.by().tags.range(tag..).rev();
            (
                scan.in_batches(random.place(4) + 1).update_all(older)?,
                Box::new(move |row| has_tag_from(row, tag)),
            )
        }
        _ => {
            let scan = people.iter().filter(move |row| row.age % 2 == 0);
            (scan.in_batches(random.place(4) + 1).update_all(older)?, Box::new(|row| row.age % 2 == 0))
        }
    };
    let meant: Vec<&mut Person> = model.rows.values_mut().filter(|row| is_meant(row)).collect();
    assert_eq!(count, meant.len() as u64);
    meant.into_iter().for_each(older);
    Ok(())
}

fn has_tag_from(row: &Person, tag: u8) -> bool {
    row.tags.iter().any(|&own| own >= tag)
}

fn remove(random: &mut Random, people: &DefaultTable<Person>, model: &mut Model) -> Result<()> {
    let (age, tag, size) = (small(random, 14), small(random, 5), random.place(5) + 1);
    let before = model.rows.len();
    let count = match random.below(3) {
        0 => {
            model.rows.retain(|_, row| row.age != age);
            people.by().age.all(age).in_batches(size).remove_all()?
        }
        1 => {
            model.rows.retain(|_, row| !row.tags.contains(&tag));
            people.by().tags.all(tag).in_batches(size).remove_all()?
        }
        _ => {
            let ids: Vec<u16> = model.rows.keys().rev().skip(1).take(3).copied().collect();
            model.rows.retain(|id, _| !ids.contains(id));
            people.iter().rev().skip(1).limit(3).in_batches(size).remove_all()?
        }
    };
    assert_eq!(count, (before - model.rows.len()) as u64);
    Ok(())
}

/// Compares everything that can be asked.
fn compare(people: &DefaultTable<Person>, model: &Model) -> Result<()> {
    let rows: Vec<Person> = model.rows.values().cloned().collect();
    assert_eq!(people.iter().collect_vec()?, rows);
    let ages: BTreeSet<u8> = rows.iter().map(|row| row.age).collect();
    let found = people.by().age.iter().distinct().collect::<Result<Vec<_>>>()?;
    assert_eq!(found, ages.iter().copied().collect::<Vec<_>>());
    let back: Vec<u8> = people.by().age.range(3..9).rev().distinct().collect::<Result<_>>()?;
    assert_eq!(back, ages.range(3..9).rev().copied().collect::<Vec<_>>());
    let towns: BTreeSet<String> = rows.iter().map(|row| row.town.clone()).collect();
    let found = people.by().town_age.iter().distinct_first().collect::<Result<Vec<_>>>()?;
    assert_eq!(found, towns.iter().cloned().collect::<Vec<_>>());
    let newest = people.by().newest.iter().rev().distinct_first().collect::<Result<Vec<_>>>()?;
    assert_eq!(newest, towns.iter().rev().cloned().collect::<Vec<_>>());
    let tags: BTreeSet<u8> = rows.iter().flat_map(|row| row.tags.clone()).collect();
    assert_eq!(
        people.by().tags.iter().distinct().collect::<Result<Vec<_>>>()?,
        tags.into_iter().collect::<Vec<_>>()
    );
    // Of a scan that counts its rows, and of one with a filter.
    let of_some = |rows: &mut dyn Iterator<Item = &Person>| rows.map(|row| row.age).collect::<BTreeSet<_>>();
    let mut by_age: Vec<&Person> = rows.iter().collect();
    by_age.sort_by_key(|row| (row.age, row.id));
    let counted = people.by().age.iter().skip(2).limit(5).distinct().collect::<Result<BTreeSet<_>>>()?;
    assert_eq!(counted, of_some(&mut by_age.iter().skip(2).take(5).copied()));
    let filtered =
        people.by().age.iter().filter(|row| row.id % 2 == 0).distinct().collect::<Result<BTreeSet<_>>>()?;
    assert_eq!(filtered, of_some(&mut rows.iter().filter(|row| row.id % 2 == 0)));
    let by_row = people.by().age.iter().by_row().distinct().collect::<Result<Vec<_>>>()?;
    assert_eq!(by_row, by_age.iter().map(|row| row.id).collect::<Vec<_>>());
    // Folds.
    let sum: u64 = rows.iter().map(|row| u64::from(row.age)).sum();
    assert_eq!(people.iter().sum_of(|row| u64::from(row.age))?, sum);
    assert_eq!(people.iter().min_of(|row| row.town.clone())?, rows.iter().map(|row| row.town.clone()).min());
    assert_eq!(people.iter().max_of(|row| row.age)?, rows.iter().map(|row| row.age).max());
    assert_eq!(people.iter().fold_rows(0, |count, _| count + 1)?, rows.len());
    // Many by a unique value, some of which nobody has.
    let names: Vec<String> = (0..70).map(|number| format!("name {number}")).collect();
    let asked = names.iter().map(|name| Some(name.as_str())).chain([None]);
    let owner = |name: Option<&str>| {
        rows.iter().find(|row| row.name.is_some() && row.name.as_deref() == name).cloned()
    };
    assert_eq!(people.by().name.get_many(asked.clone())?, asked.map(owner).collect::<Vec<_>>());
    Ok(())
}

#[test]
fn random_programs_agree_with_a_map() -> Result<()> {
    for seed in 0..walnut_tests::fewer!(12) {
        let mut random = Random::new(seed, "comforts");
        let db = Database::in_memory()?;
        let (people, mut model) = (db.table::<Person>()?, Model::default());
        for _ in 0..60 {
            step(&mut random, &people, &mut model)?;
            if random.one_in(10) {
                db.checkpoint()?;
            }
            if random.one_in(4) {
                compare(&people, &model)?;
            }
        }
        compare(&people, &model)?;
        db.verify()?;
    }
    Ok(())
}

/// Not on PostgreSQL: a batch next to a changed page conflicts and is run again, so there are more calls.
#[cfg(not(feature = "postgres"))]
#[test]
fn batches_pass_over_what_others_changed_meanwhile() -> Result<()> {
    let db = Database::in_memory()?;
    let people = db.table::<Person>()?;
    let row = |id| Person { id, name: None, age: 5, tags: vec![], town: "Oslo".into() };
    people.insert_many((1..=9).map(row))?;
    let other = people.clone();
    let mut calls = 0;
    let count = people.by().age.all(5).in_batches(3).update_all(|person| {
        calls += 1;
        if person.id == 1 {
            // Between the first batch and the third.
            other.remove(8).unwrap();
            other.modify(9, |person| person.age = 6).unwrap();
        }
        person.age = 7;
    })?;
    assert_eq!((count, calls), (7, 7));
    assert_eq!(people.by().age.all(7).keys().collect::<Result<Vec<_>>>()?, [1, 2, 3, 4, 5, 6, 7]);
    db.verify()?;
    Ok(())
}

#[test]
fn an_error_leaves_the_batches_before_it_and_nothing_of_its_own() -> Result<()> {
    let db = Database::in_memory()?;
    let people = db.table::<Person>()?;
    people.insert_many((1..=9).map(|id| Person {
        id,
        name: None,
        age: 5,
        tags: vec![],
        town: "Oslo".into(),
    }))?;
    let same_name = |person: &mut Person| person.name = (person.id > 4).then(|| "Ann".to_owned());
    let refused = people.iter().in_batches(3).update_all(same_name);
    assert!(is_refused(&refused));
    let town =
        |person: &mut Person| person.town = if person.id == 5 { "x".repeat(5000) } else { "Rome".into() };
    assert!(matches!(people.iter().in_batches(3).update_all(town), Err(Error::Limit(_))));
    let moved = people.iter().filter(|person| person.town == "Rome").keys().collect::<Result<Vec<_>>>()?;
    assert_eq!(moved, [1, 2, 3]);
    // In one commit, nothing at all.
    assert!(matches!(people.iter().update_all(|person| person.id += 100), Err(Error::Unsupported(_))));
    assert!(is_refused(&people.iter().update_all(same_name)));
    assert_eq!(people.by().name.all(None).count()?, 9);
    for outcome in [people.iter().in_batches(0).remove_all(), people.iter().in_batches(0).update_all(|_| ())]
    {
        assert!(matches!(outcome, Err(Error::Unsupported(_))));
    }
    db.verify()?;
    Ok(())
}

#[test]
fn numbers_of_many_rows_pass_over_those_that_others_brought() -> Result<()> {
    #[derive(Table, Serialize, Deserialize)]
    #[table(name = "tickets")]
    struct Brought {
        #[primary_key]
        id: u8,
    }
    #[derive(Table, Serialize, Deserialize, Debug)]
    #[table(name = "tickets")]
    struct Ticket {
        #[primary_key(auto)]
        id: u8,
    }
    let db = Database::in_memory()?;
    let tickets = db.table::<Ticket>()?;
    let drafts = |count: usize| (0..count).map(|_| Ticket { id: 0 });
    assert_eq!(tickets.insert_new_many(drafts(2))?, [1, 2]);
    db.table::<Brought>()?.insert_many([3, 5].map(|id| Brought { id }))?;
    let keys = tickets.insert_new_many(drafts(3))?;
    assert!(keys[0] > 2 && keys.is_sorted() && !keys.contains(&5), "{keys:?}");
    // What does not fit is refused as a whole, and what fits goes in to the last number.
    let left = usize::from(u8::MAX - keys[2]);
    assert!(matches!(tickets.insert_new_many(drafts(left + 1)), Err(Error::Limit(_))));
    assert_eq!(tickets.insert_new_many(drafts(left))?.last(), Some(&u8::MAX));
    assert!(matches!(tickets.insert_new(&Ticket { id: 0 }), Err(Error::Limit(_))));
    db.verify()?;
    Ok(())
}
