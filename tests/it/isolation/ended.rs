//! Handles of a transaction: of one type with those of the database, shared by threads, and of no use once it is over.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;

use serde::{Deserialize, Serialize, Serializer};
use walnut::kv::{Keyspace, WriteBatch};
use walnut::{Database, DefaultTable, Error, Result, Scan, Table, Transaction};
use walnut_tests::random::Random;

use super::{Item, elsewhere, item, named, two_rows, value, values};

/// What a program does with a table, wherever it has it from.
fn add(items: &DefaultTable<Item>, id: u64, amount: i64) -> Result<i64> {
    let before = items.get(id)?.map_or(0, |row| row.value);
    items.upsert(&item(id, before + amount))?;
    Ok(before + amount)
}

fn count_up(space: &Keyspace, key: &str) -> Result<i64> {
    space.add(key, 1)?;
    space.get_sum(key)
}

#[test]
fn a_function_over_a_table_works_in_a_transaction_and_out_of_one() -> Result<()> {
    let db = two_rows()?;
    let (items, space) = (db.table::<Item>()?, db.keyspace("space")?);
    assert_eq!((add(&items, 1, 5)?, count_up(&space, "n")?), (15, 1));
    let tx = db.begin();
    let mut tables = [items.clone(), tx.table::<Item>()?];
    assert_eq!((add(&tables[1], 1, 5)?, count_up(&tx.keyspace("space")?, "n")?), (20, 2));
    assert_eq!((value(&tables[0], 1)?, value(&tables[1], 1)?), (Some(15), Some(20)));
    tables.swap(0, 1);
    tx.commit()?;
    assert_eq!((values(&db)?, space.get_sum("n")?), (vec![(1, 20), (2, 20)], 2));
    Ok(())
}

/// Everything that can be asked of handles.
fn answers(items: &DefaultTable<Item>, space: &Keyspace) -> Vec<(&'static str, Result<()>)> {
    let by = items.by();
    vec![
        ("get", items.get(1).map(drop)),
        ("contains", items.contains(1).map(drop)),
        ("get_many", items.get_many([1, 2]).map(drop)),
        ("len", items.len().map(drop)),
        ("is_empty", items.is_empty().map(drop)),
        ("iter", items.iter().collect_vec().map(drop)),
        ("keys", items.range(1..).keys().try_for_each(|key| key.map(drop))),
        ("insert", items.insert(&item(9, 9))),
        ("insert_many", items.insert_many([item(9, 9)])),
        ("upsert", items.upsert(&item(1, 9)).map(drop)),
        ("upsert_many", items.upsert_many([item(1, 9)]).map(drop)),
        ("replace", items.replace(&item(1, 9)).map(drop)),
        ("modify", items.modify(1, |row| row.value = 9).map(drop)),
        ("remove", items.remove(1).map(drop)),
        ("remove_many", items.remove_many([1]).map(drop)),
        ("remove_all", items.range(..9).remove_all().map(drop)),
        ("pop_first", items.iter().pop_first().map(drop)),
        ("page", items.iter().page(1, None).map(drop)),
        ("unreadable", items.unreadable().remove_all().map(drop)),
        ("unique get", by.name.get(Some("ann")).map(drop)),
        ("unique contains", by.name.contains(Some("ann")).map(drop)),
        ("unique modify", by.name.modify(Some("ann"), |row| row.value = 9).map(drop)),
        ("unique remove", by.name.remove(Some("ann")).map(drop)),
        ("unique of none", by.name.contains(None).map(drop)),
        ("reserve", by.name.try_reserve_unique(Some("bob")).map(drop)),
        ("release", by.name.release_unique(Some("bob")).map(drop)),
        ("owner", by.name.is_unique_owner(Some("bob")).map(drop)),
        ("index", by.shelf.all(0).count().map(drop)),
        ("space get", space.get("a").map(drop)),
        ("space sum", space.get_sum("n").map(drop)),
        ("space contains", space.contains("a").map(drop)),
        ("space len", space.len().map(drop)),
        ("space iter", space.iter().try_for_each(|entry| entry.map(drop))),
        ("space put", space.put("a", "9")),
        ("space add", space.add("n", 9)),
        ("space remove", space.remove("a")),
        ("space range", space.remove_range(..)),
        ("space prefix", space.remove_prefix("")),
    ]
}

#[test]
fn a_handle_that_outlives_its_transaction_answers_that_it_is_over_and_does_nothing() -> Result<()> {
    type End = fn(Transaction);
    let ends: [(&str, End); 5] = [
        ("commit", |tx| tx.commit().unwrap()),
        ("commit of a reader", |tx| drop(tx.commit())),
        ("drop", drop),
        ("panic", |tx| {
            let panic = catch_unwind(AssertUnwindSafe(move || {
                let _tx = tx;
                panic!("in the middle of it");
            }));
            assert!(panic.is_err());
        }),
        ("a roll-back of writes", |tx| {
            tx.table::<Item>().unwrap().upsert(&item(2, 99)).unwrap();
            drop(tx);
        }),
    ];
    for (place, (name, end)) in ends.into_iter().enumerate() {
        let db = two_rows()?;
        db.table::<Item>()?.insert(&named(3, "ann"))?;
        db.keyspace("space")?.put("a", "1")?;
        let tx = db.begin();
        let (items, space) = (tx.table::<Item>()?, tx.keyspace("space")?);
        items.get(1)?;
        if place == 0 {
            items.upsert(&item(1, 11))?;
        }
        end(tx);
        let before = (values(&db)?, db.keyspace("space")?.get("a")?);
        for (what, answer) in answers(&items, &space) {
            assert!(matches!(answer, Err(Error::TransactionEnded)), "{what} after {name}: {answer:?}");
        }
        assert_eq!((values(&db)?, db.keyspace("space")?.get("a")?), before, "{name}");
        assert_eq!(db.stats().pinned_count, 0, "a handle keeps no state, after {name}");
        let other = db.begin();
        assert!(other.table::<Item>()?.by().name.try_reserve_unique(Some("bob"))?, "nor a reservation");
        drop((items, space));
        db.verify()?;
    }
    Ok(())
}

#[test]
fn a_commit_that_loses_ends_its_handles_too() -> Result<()> {
    let db = two_rows()?;
    let tx = db.begin();
    let items = tx.table::<Item>()?;
    add(&items, 1, 1)?;
    add(&db.table::<Item>()?, 1, 1)?;
    assert!(matches!(tx.commit(), Err(Error::Conflict)));
    assert!(matches!(items.get(1), Err(Error::TransactionEnded)));
    assert_eq!(db.stats().pinned_count, 0);
    Ok(())
}

#[test]
fn what_a_closure_of_transact_hands_out_is_over_when_it_has_run() -> Result<()> {
    let db = two_rows()?;
    let kept = RefCell::new(Vec::new());
    let items = db.transact(|tx| {
        let items = tx.table::<Item>()?;
        add(&items, 1, 1)?;
        kept.borrow_mut().push(items.clone());
        if kept.borrow().len() == 1 {
            // So the closure runs again.
            elsewhere(|| add(&db.table::<Item>()?, 1, 10))?;
        }
        Ok(items)
    })?;
    assert_eq!((kept.borrow().len(), values(&db)?), (2, vec![(1, 21), (2, 20)]));
    for items in kept.borrow().iter().chain([&items]) {
        assert!(matches!(add(items, 1, 100), Err(Error::TransactionEnded)));
    }
    assert_eq!((values(&db)?, db.stats().pinned_count), (vec![(1, 21), (2, 20)], 0));
    Ok(())
}

/// Not on an engine elsewhere: a scan ends with the session of its transaction.
#[cfg(not(feature = "remote"))]
#[test]
fn a_scan_goes_on_over_what_its_transaction_saw_but_removes_nothing() -> Result<()> {
    let db = two_rows()?;
    let tx = db.begin();
    let items = tx.table::<Item>()?;
    items.insert(&item(3, 30))?;
    let scans: [Scan<'_, Item>; 3] = [items.iter(), items.range(1..), items.iter()];
    drop(tx);
    db.table::<Item>()?.remove(1)?;
    let [shown, removed, popped] = scans;
    assert_eq!(shown.collect_vec()?.iter().map(|row| row.id).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(matches!(removed.remove_all(), Err(Error::TransactionEnded)));
    assert!(matches!(popped.pop_first(), Err(Error::TransactionEnded)));
    assert_eq!(values(&db)?, [(2, 20)]);
    Ok(())
}

#[test]
fn a_handle_of_a_transaction_refuses_what_is_no_part_of_it() -> Result<()> {
    let db = two_rows()?;
    let (direct, tx) = (db.table::<Item>()?, db.begin());
    let (items, space) = (tx.table::<Item>()?, tx.keyspace("space")?);
    let mut batch = WriteBatch::new();
    assert!(matches!(batch.put(&space, "a", "1"), Err(Error::Unsupported(_))));
    assert!(matches!(batch.add(&space, "a", 1), Err(Error::Unsupported(_))));
    assert!(matches!(batch.remove(&space, "a"), Err(Error::Unsupported(_))));
    assert!(matches!(batch.remove_range(&space, ..), Err(Error::Unsupported(_))));
    assert!(batch.is_empty());
    assert!(matches!(items.sweep(), Err(Error::Unsupported(_))));
    assert!(matches!(items.migrate_all(), Err(Error::Unsupported(_))));
    // And one of the database has nothing to keep a reservation for.
    assert!(matches!(direct.by().name.try_reserve_unique(Some("ann")), Err(Error::Unsupported(_))));
    assert!(matches!(direct.by().name.try_reserve_unique(None), Err(Error::Unsupported(_))));
    assert!(matches!(direct.by().name.release_unique(Some("ann")), Err(Error::Unsupported(_))));
    assert!(matches!(direct.by().name.is_unique_owner(Some("ann")), Err(Error::Unsupported(_))));
    tx.commit()?;
    assert_eq!(values(&db)?, [(1, 10), (2, 20)]);
    Ok(())
}

#[test]
fn threads_share_a_transaction_and_see_its_writes() -> Result<()> {
    let db = two_rows()?;
    db.transact(|tx| {
        let items = tx.table::<Item>()?;
        items.insert(&item(3, 30))?;
        let sums: Vec<i64> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    let items = items.clone();
                    scope.spawn(move || -> Result<i64> {
                        let rows = items.iter().collect_vec()?;
                        Ok(rows.iter().map(|row| row.value).sum())
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Result<_>>()
        })?;
        assert_eq!(sums, [60; 4]);
        // What another thread has read counts, too.
        elsewhere(|| add(&items, 3, 1)).map(drop)
    })?;
    assert_eq!(values(&db)?, [(1, 10), (2, 20), (3, 31)]);
    Ok(())
}

#[test]
fn a_second_statement_that_writes_waits_for_nobody_and_is_refused() -> Result<()> {
    let db = two_rows()?;
    let tx = db.begin();
    let items = tx.table::<Item>()?;
    items.modify(1, |row| {
        let second = elsewhere(|| items.remove(2));
        assert!(matches!(second, Err(Error::Unsupported(_))), "{second:?}");
        row.value += elsewhere(|| value(&items, 2)).unwrap().unwrap();
    })?;
    elsewhere(|| items.remove(2))?;
    tx.commit()?;
    assert_eq!(values(&db)?, [(1, 30)]);
    Ok(())
}

/// A row that says when it is encoded.
#[derive(Table, Serialize, Deserialize)]
struct Slow {
    #[primary_key]
    id: u64,
    #[index(unique)]
    name: String,
    #[serde(serialize_with = "after_the_hook")]
    waits: bool,
}

thread_local! {
    /// What is done when a slow row is encoded.
    static HOOK: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn after_the_hook<S: Serializer>(waits: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    if *waits && let Some(hook) = HOOK.take() {
        hook();
    }
    serializer.serialize_bool(*waits)
}

fn slow(id: u64) -> Slow {
    Slow { id, name: id.to_string(), waits: id == 50 }
}

#[test]
fn a_statement_that_is_not_done_when_its_transaction_is_committed_is_no_part_of_it() -> Result<()> {
    for commits in [true, false] {
        let db = Database::in_memory()?;
        let tx = db.begin();
        let rows = tx.table::<Slow>()?;
        rows.insert(&slow(1))?;
        let (reached, is_reached) = mpsc::channel::<()>();
        let (go, may_go) = mpsc::channel::<()>();
        let late = std::thread::spawn(move || {
            HOOK.set(Some(Box::new(move || {
                reached.send(()).unwrap();
                may_go.recv().unwrap();
            })));
            // Dozens of rows are written when the slow one is encoded.
            let many: Vec<Slow> = (2..60).map(slow).collect();
            (rows.insert_many(&many), rows.get(1).map(drop))
        });
        is_reached.recv().unwrap();
        if commits {
            tx.commit()?;
        } else {
            drop(tx);
        }
        go.send(()).unwrap();
        let outcome = late.join().unwrap();
        assert!(
            matches!(outcome, (Err(Error::TransactionEnded), Err(Error::TransactionEnded))),
            "{outcome:?}"
        );
        let there = db.table::<Slow>()?.iter().keys().collect::<Result<Vec<_>>>()?;
        assert_eq!(there, if commits { vec![1] } else { vec![] });
        assert_eq!(db.stats().pinned_count, 0);
        assert!(db.begin().table::<Slow>()?.by().name.try_reserve_unique("30")?);
        db.verify()?;
    }
    Ok(())
}

#[test]
fn a_transaction_that_ends_within_its_own_statement_keeps_nothing_of_that() -> Result<()> {
    let db = two_rows()?;
    let tx = db.begin();
    let items = tx.table::<Item>()?;
    items.upsert(&item(1, 11))?;
    let mut tx = Some(tx);
    let outcome = items.modify(2, |row| {
        row.value = 99;
        if let Some(tx) = tx.take() {
            tx.commit().unwrap();
        }
    });
    assert!(matches!(outcome, Err(Error::TransactionEnded)), "{outcome:?}");
    assert_eq!(values(&db)?, [(1, 11), (2, 20)]);
    db.verify()?;
    Ok(())
}

/// Threads that write through handles of one transaction while it ends: each acknowledged statement is in the commit, and no other.
#[test]
fn statements_that_race_with_the_end_are_in_the_commit_or_refused() -> Result<()> {
    for seed in 0..walnut_tests::fewer!(40) {
        let mut random = Random::new(seed, "ended");
        let db = two_rows()?;
        let tx = db.begin();
        let items = tx.table::<Item>()?;
        let pause = random.below(2000);
        let acknowledged: Vec<u64> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..2_u64)
                .map(|thread| {
                    let items = items.clone();
                    scope.spawn(move || {
                        let ids = (0..200).map(|n| 10 + 2 * n + thread);
                        let inserted = ids.map(|id| (id, items.insert(&named(id, &id.to_string()))));
                        let mut done = Vec::new();
                        for (id, outcome) in inserted {
                            match outcome {
                                Ok(()) => done.push(id),
                                // The other thread's statement is running, or all is over.
                                Err(Error::Unsupported(_) | Error::TransactionEnded) => {}
                                Err(error) => panic!("{error}"),
                            }
                        }
                        done
                    })
                })
                .collect();
            (0..pause).for_each(|_| std::hint::spin_loop());
            tx.commit().unwrap();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let mut expected = acknowledged;
        expected.extend([1, 2]);
        expected.sort_unstable();
        let there: Vec<u64> = values(&db)?.iter().map(|(id, _)| *id).collect();
        assert_eq!(there, expected, "seed {seed}");
        let named = db.table::<Item>()?.by().name.range(Some("")..).count()?;
        assert_eq!(usize::try_from(named).unwrap() + 2, there.len(), "seed {seed}");
        assert_eq!(db.stats().pinned_count, 0);
        db.verify()?;
    }
    Ok(())
}
