//! Scans of a transaction, held against a sorted map: rows below, writes over them, both ends, `skip` and `limit`.

use std::collections::BTreeMap;

use proptest::prelude::*;
use walnut::{Database, Result};

use super::{Item, on_shelf};

/// A write of a row, or a removal.
type Deed = (u64, Option<u32>);

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    prop::collection::vec((0u64..24, prop::option::weighted(0.7, 0u32..3)), 0..24)
}

fn apply(model: &mut BTreeMap<u64, u32>, deeds: &[Deed]) {
    for (id, shelf) in deeds {
        match shelf {
            Some(shelf) => drop(model.insert(*id, *shelf)),
            None => drop(model.remove(id)),
        }
    }
}

/// What a list gives when its ends are asked in this order, true for the front.
fn from_ends<T>(mut list: impl DoubleEndedIterator<Item = T>, ends: &[bool]) -> Vec<Option<T>> {
    ends.iter().map(|&front| if front { list.next() } else { list.next_back() }).collect()
}

fn ids(found: Vec<Option<Result<Item>>>) -> Vec<Option<u64>> {
    found.into_iter().map(|item| item.map(|item| item.unwrap().id)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(walnut_tests::fewer!(300)))]

    #[test]
    fn a_scan_of_a_transaction_gives_what_a_sorted_map_would(
        below in deeds(),
        flushed in any::<bool>(),
        later in deeds(),
        written in deeds(),
        (start, length, shelf) in (0u64..24, 0u64..30, 0u32..3),
        (skip, limit) in (0usize..4, prop::option::of(0usize..9)),
        ends in prop::collection::vec(any::<bool>(), 30),
    ) {
        let db = Database::in_memory().unwrap();
        let items = db.table::<Item>().unwrap();
        let mut model = BTreeMap::new();
        let put = |items: &walnut::DefaultTable<Item, _>, (id, shelf): &Deed| match shelf {
            Some(shelf) => items.upsert(&on_shelf(*id, *shelf)).map(drop),
            None => items.remove(*id).map(drop),
        };
        for deed in &below {
            put(&items, deed).unwrap();
        }
        apply(&mut model, &below);
        if flushed {
            db.checkpoint().unwrap();
        }
        let tx = db.begin();
        // What others do from now on is not seen.
        for deed in &later {
            put(&items, deed).unwrap();
        }
        let own = tx.table::<Item>().unwrap();
        for (id, shelf) in &written {
            match shelf {
                Some(shelf) => drop(own.upsert(&on_shelf(*id, *shelf)).unwrap()),
                None => drop(own.remove(*id).unwrap()),
            }
        }
        apply(&mut model, &written);

        let range = start..start + length;
        let expected: Vec<u64> = model.range(range.clone()).map(|(id, _)| *id).collect();
        let scan = own.range(range.clone());
        prop_assert_eq!(ids(from_ends(scan, &ends)), from_ends(expected.iter().copied(), &ends));
        prop_assert_eq!(own.range(range.clone()).count().unwrap(), expected.len() as u64);

        let (mut narrowed, count) = (own.range(range).rev().skip(skip as u64), limit.unwrap_or(99));
        if let Some(limit) = limit {
            narrowed = narrowed.limit(limit as u64);
        }
        let listed: Vec<u64> = expected.into_iter().rev().skip(skip).take(count).collect();
        prop_assert_eq!(ids(from_ends(narrowed, &ends)), from_ends(listed.into_iter(), &ends));

        let on_it: Vec<u64> = model.iter().filter(|(_, on)| **on == shelf).map(|(id, _)| *id).collect();
        let scan = own.by().shelf.all(shelf);
        prop_assert_eq!(ids(from_ends(scan, &ends)), from_ends(on_it.into_iter(), &ends));

        if later.is_empty() {
            tx.commit().unwrap();
            let stored: BTreeMap<u64, u32> =
                items.iter().map(|item| item.map(|item| (item.id, item.shelf)).unwrap()).collect();
            prop_assert_eq!(stored, model);
            db.verify().unwrap();
        }
    }
}
