//! Scans are iterators: whatever is called on one gives what the standard library's adapters give of a vector.

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use walnut::{Background, Database, Table};

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Item {
    #[primary_key]
    id: u8,
    #[index]
    group: u8,
}

fn items(rows: &[(u8, u8)], flushed: usize) -> (walnut::DefaultTable<Item>, Vec<Item>) {
    let db = Database::builder().background(Background::Manual).in_memory().unwrap();
    let items = db.table::<Item>().unwrap();
    let mut model = std::collections::BTreeMap::new();
    for (number, &(id, group)) in rows.iter().enumerate() {
        items.upsert(&Item { id, group }).unwrap();
        model.insert(id, Item { id, group });
        if number == flushed {
            db.checkpoint().unwrap();
        }
    }
    (items, model.into_values().collect())
}

/// A call on an iterator.
#[derive(Clone, Copy, Debug)]
enum Call {
    Rev,
    Skip(usize),
    Take(usize),
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![Just(Call::Rev), (0..6_usize).prop_map(Call::Skip), (0..12_usize).prop_map(Call::Take)]
}

/// What the standard library's adapters leave, called from the outside in.
fn adapted(rows: Vec<Item>, calls: &[Call]) -> Vec<Item> {
    calls.iter().fold(rows, |rows, call| match *call {
        Call::Rev => rows.into_iter().rev().collect(),
        Call::Skip(count) => rows.into_iter().skip(count).collect(),
        Call::Take(count) => rows.into_iter().take(count).collect(),
    })
}

macro_rules! called {
    ($scan:expr, $calls:expr) => {
        $calls.iter().fold($scan, |scan, call| match *call {
            Call::Rev => scan.rev(),
            Call::Skip(count) => scan.skip(count as u64),
            Call::Take(count) => scan.limit(count as u64),
        })
    };
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(walnut_tests::fewer!(200)))]

    #[test]
    fn calls_on_a_scan_are_calls_on_an_iterator(
        rows in prop::collection::vec((0..24_u8, 0..4_u8), 0..30),
        flushed in 0..30_usize,
        first in prop::collection::vec(call(), 0..4),
        keep in prop::option::of(0..4_u8),
        then in prop::collection::vec(call(), 0..4),
        by_group in any::<bool>(),
        ends in prop::collection::vec(any::<bool>(), 40),
    ) {
        let (table, mut model) = items(&rows, flushed);
        if by_group {
            model.sort_by_key(|item| item.group);
        }
        let keeps = |item: &Item| keep.is_none_or(|group| item.group != group);
        let mut expected = adapted(model, &first);
        expected.retain(keeps);
        let mut expected = std::collections::VecDeque::from(adapted(expected, &then));

        macro_rules! compare {
            ($make:expr) => {{
                let scan = || called!(called!($make, first).filter(keeps), then);
                prop_assert_eq!(scan().count().unwrap(), expected.len() as u64);
                prop_assert_eq!(scan().first().unwrap(), expected.front().cloned());
                prop_assert_eq!(scan().last().unwrap(), expected.back().cloned());
                let keys: Vec<u8> = scan().keys().map(|key| key.unwrap()).collect();
                prop_assert_eq!(keys, expected.iter().map(|item| item.id).collect::<Vec<_>>());
                let mut both = scan();
                for front in ends {
                    let (found, wanted) = if front {
                        (both.next(), expected.pop_front())
                    } else {
                        (both.next_back(), expected.pop_back())
                    };
                    prop_assert_eq!(found.transpose().unwrap(), wanted);
                }
            }};
        }
        if by_group { compare!(table.by().group.iter()) } else { compare!(table.iter()) }
    }
}

/// What `Iterator` has and a scan has not otherwise, is had of a scan.
#[test]
fn the_methods_of_iterators_are_not_hidden() -> walnut::Result<()> {
    let (table, model) = items(&[(1, 0), (2, 1), (3, 1)], 1);
    let by = table.by();
    assert!(table.iter().all(|item| item.is_ok()));
    assert!(!by.group.range(0..).all(|item| item.is_ok_and(|item| item.group == 1)));
    assert!(by.group.all(1).all(|item| item.is_ok_and(|item| item.group == 1)));
    assert!(table.iter().filter(|item| item.id > 1).limit(1).all(|item| item.is_ok()));
    assert!(table.iter().any(|item| item.is_ok_and(|item| item.id == 2)));
    assert_eq!(
        table
            .iter()
            .map(|item| item.map(|item| item.id))
            .max_by_key(|id| id.as_ref().ok().copied())
            .transpose()?,
        Some(3)
    );
    assert_eq!(
        table.iter().keys().all(|key| key.is_ok()),
        by.group.iter().entries().all(|entry| entry.is_ok())
    );
    assert_eq!(
        table.iter().find(|item| item.as_ref().is_ok_and(|item| item.id == 2)).transpose()?,
        Some(model[1].clone())
    );
    assert_eq!((&table).into_iter().position(|item| item.is_ok_and(|item| item.id == 3)), Some(2));
    assert_eq!(table.iter().step_by(2).zip(1..).count(), 2);
    assert_eq!(table.iter().take(2).chain(table.iter()).enumerate().last().map(|(place, _)| place), Some(4));
    assert_eq!(table.iter().fold(0, |sum, item| sum + item.map_or(0, |item| item.id)), 6);
    assert_eq!(table.iter().try_fold(0, |sum, item| Ok::<_, walnut::Error>(sum + item?.id))?, 6);
    assert_eq!(table.iter().flatten().map(|item| item.id).min(), Some(1));
    Ok(())
}

#[test]
fn a_scan_that_is_over_stays_over() {
    let (table, _) = items(&[(1, 0), (2, 0)], 1);
    let mut scan = table.iter();
    assert_eq!(scan.by_ref().count(), 2);
    table.insert(&Item { id: 3, group: 0 }).unwrap();
    assert!(scan.next().is_none() && scan.next_back().is_none() && scan.next().is_none());
}

#[test]
fn a_range_that_ends_before_it_begins_is_empty() {
    let (table, _) = items(&[(1, 0), (2, 0), (3, 1)], 0);
    let (two, one) = (2_u8, 1_u8);
    assert_eq!(table.range(two..one).count().unwrap(), 0);
    assert_eq!(table.range(two..two).count().unwrap(), 0);
    assert_eq!(table.range(two..=one).rev().count().unwrap(), 0);
    assert_eq!(table.by().group.range(two..one).collect_vec().unwrap(), []);
    assert_eq!(table.range(255..).count().unwrap() + table.range(..0).count().unwrap(), 0);
}
