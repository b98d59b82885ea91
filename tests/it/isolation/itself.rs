//! A transaction that would lose to itself says so after one run, and whatever can go well goes on as before.

use std::cell::Cell;

use walnut::kv::WriteBatch;
use walnut::{Database, Error, Result};
use walnut_tests::random::Random;

use super::{Item, elsewhere, item, set, two_rows, value, values};

/// Runs a transaction that reads row 1 and writes row 2, does `beside` on the way, and returns how often it ran and how it ended.
fn run(db: &Database, beside: impl Fn(&Database) -> Result<()>) -> (u32, Result<()>) {
    let mut runs = 0;
    let outcome = db.transact(|tx| {
        runs += 1;
        let items = tx.table::<Item>()?;
        let seen = value(&items, 1)?.unwrap_or(0);
        beside(db)?;
        items.upsert(&item(2, seen + 1)).map(drop)
    });
    (runs, outcome)
}

#[test]
fn what_a_body_changes_through_another_handle_is_found_out_after_one_run() -> Result<()> {
    type Beside = fn(&Database) -> Result<()>;
    let each: [Beside; 8] = [
        |db| set(&db.table::<Item>()?, 1, 7),
        |db| db.table::<Item>()?.remove(1).map(drop),
        |db| db.table::<Item>()?.upsert_many(&[item(1, 7), item(9, 9)]).map(drop),
        |db| db.table::<Item>()?.range(..=1).remove_all().map(drop),
        |db| db.transact(|inner| set(&inner.table::<Item>()?, 1, 7)),
        |db| db.transact(|_| db.transact(|inner| set(&inner.table::<Item>()?, 1, 7))),
        |db| {
            let tx = db.begin();
            set(&tx.table::<Item>()?, 1, 7)?;
            tx.commit()
        },
        |db| {
            // The first of them meets nothing.
            set(&db.table::<Item>()?, 3, 7)?;
            set(&db.table::<Item>()?, 1, 7)
        },
    ];
    for (place, beside) in each.into_iter().enumerate() {
        let db = two_rows()?;
        db.table::<Item>()?.insert(&item(3, 30))?;
        let (runs, outcome) = run(&db, beside);
        assert!(matches!(outcome, Err(Error::SelfConflict)), "{place}: {outcome:?}");
        assert_eq!(runs, 1, "{place}");
        let rows = values(&db)?;
        assert!(!rows.contains(&(2, 8)) && !rows.contains(&(2, 11)), "{place}: it was rolled back: {rows:?}");
    }
    Ok(())
}

#[test]
fn the_order_of_reading_and_writing_does_not_matter() -> Result<()> {
    let db = two_rows()?;
    let outside = db.table::<Item>()?;
    let mut runs = 0;
    let outcome = db.transact(|tx| {
        runs += 1;
        set(&outside, 1, 7)?;
        let items = tx.table::<Item>()?;
        set(&items, 2, value(&items, 1)?.unwrap())
    });
    assert!(matches!(outcome, Err(Error::SelfConflict)), "{outcome:?}");
    let text = outcome.unwrap_err().to_string();
    assert!(text.contains("itself") || text.contains("its own body"), "{text}");
    assert_eq!((runs, values(&db)?), (1, vec![(1, 7), (2, 20)]));
    Ok(())
}

#[test]
fn keyspaces_are_watched_as_tables_are() -> Result<()> {
    let db = Database::in_memory()?;
    let outside = db.keyspace("space")?;
    outside.put("a", "1")?;
    for way in 0..4 {
        let mut runs = 0;
        let outcome = db.transact(|tx| {
            runs += 1;
            let space = tx.keyspace("space")?;
            space.get("a")?;
            match way {
                0 => outside.put("a", "2")?,
                1 => outside.remove_prefix("")?,
                2 => {
                    let mut batch = WriteBatch::new();
                    batch.put(&outside, "b", "2")?;
                    batch.remove(&outside, "a")?;
                    db.write(batch)?;
                }
                _ => drop(db.drop_keyspace("space")?),
            }
            space.put("c", "3")
        });
        assert!(matches!(outcome, Err(Error::SelfConflict)), "{way}: {outcome:?}");
        assert_eq!(runs, 1, "{way}");
    }
    Ok(())
}

#[test]
fn a_closure_of_a_statement_that_changes_its_own_row_is_found_out() -> Result<()> {
    let db = two_rows()?;
    let items = db.table::<Item>()?;
    let calls = Cell::new(0);
    let outcome = items.modify(1, |row| {
        calls.set(calls.get() + 1);
        set(&items, 1, 5).unwrap();
        row.value += 1;
    });
    assert!(matches!(outcome, Err(Error::SelfConflict)), "{outcome:?}");
    assert_eq!((calls.get(), values(&db)?), (1, vec![(1, 5), (2, 20)]));
    // Another row is nobody's business.
    items.modify(1, |row| {
        set(&items, 2, 21).unwrap();
        row.value += 1;
    })?;
    assert_eq!(values(&db)?, [(1, 6), (2, 21)]);
    Ok(())
}

#[test]
fn what_does_not_meet_is_as_free_as_before() -> Result<()> {
    type Beside = fn(&Database) -> Result<()>;
    let each: [Beside; 9] = [
        |db| db.table::<Item>()?.len().map(drop),
        |db| db.snapshot().table::<Item>()?.len().map(drop),
        |db| set(&db.table::<Item>()?, 3, 7),
        |db| db.transact(|inner| inner.table::<Item>()?.len()).map(drop),
        |db| db.transact(|inner| set(&inner.table::<Item>()?, 3, 7)),
        |db| db.keyspace("log")?.put("seen", "1"),
        |db| db.begin().table::<Item>()?.remove(1).map(drop),
        |_| {
            let other = two_rows()?;
            other.transact(|_| set(&other.table::<Item>()?, 1, 7))
        },
        |db| {
            let outcome = db.transact(|inner| {
                set(&inner.table::<Item>()?, 1, 7)?;
                Err::<(), _>(Error::abort("never mind"))
            });
            assert!(outcome.is_err());
            Ok(())
        },
    ];
    for (place, beside) in each.into_iter().enumerate() {
        let db = two_rows()?;
        db.table::<Item>()?.insert(&item(3, 30))?;
        let (runs, outcome) = run(&db, beside);
        assert!(outcome.is_ok(), "{place}: {outcome:?}");
        assert_eq!((runs, values(&db)?[1]), (1, (2, 11)), "{place}");
    }
    Ok(())
}

#[test]
fn a_transaction_that_writes_nothing_never_loses_to_itself() -> Result<()> {
    let db = two_rows()?;
    let outside = db.table::<Item>()?;
    let moved = db.transact(|tx| {
        let rows = tx.table::<Item>()?.iter().collect_vec()?;
        rows.iter().try_for_each(|row| set(&outside, row.id, row.value + 1))?;
        Ok(rows.len())
    })?;
    assert_eq!((moved, values(&db)?), (2, vec![(1, 11), (2, 21)]));
    Ok(())
}

/// Not on PostgreSQL: it orders the reader before the change, and both commit.
#[cfg(not(feature = "postgres"))]
#[test]
fn other_threads_are_conflicts_like_any_other_and_a_panic_leaves_nothing_behind() -> Result<()> {
    let db = two_rows()?;
    let first = Cell::new(true);
    let (runs, outcome) =
        run(
            &db,
            |db| {
                if first.replace(false) { elsewhere(|| set(&db.table::<Item>()?, 1, 7)) } else { Ok(()) }
            },
        );
    outcome?;
    assert_eq!((runs, values(&db)?), (2, vec![(1, 7), (2, 8)]));

    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        db.transact(|tx| -> Result<()> {
            tx.table::<Item>()?.len()?;
            panic!("a body of no use")
        })
    }));
    assert!(panicked.is_err());
    let (runs, outcome) = run(&db, |db| set(&db.table::<Item>()?, 9, 7));
    outcome?;
    assert_eq!(runs, 1);
    Ok(())
}

/// Whether a transaction loses to its body is decided by what it read and what the body changed beside it, and by nothing else.
#[test]
fn random_bodies_lose_to_themselves_if_and_only_if_they_read_what_they_changed_beside() -> Result<()> {
    for seed in 0..walnut_tests::fewer!(60) {
        let mut random = Random::new(seed, "itself");
        let db = Database::in_memory()?;
        let outside = db.table::<Item>()?;
        outside.insert_many(&(0..12).map(|id| item(id, 0)).collect::<Vec<_>>())?;
        let steps: Vec<(u64, u64)> =
            (0..=random.below(8)).map(|_| (random.below(4), random.below(12))).collect();
        let (mut read, mut beside, mut wrote) = (Vec::new(), Vec::new(), false);
        for &(step, id) in &steps {
            match step {
                0 => read.extend([id]),
                1 => read.extend(id..12),
                2 => beside.push(id),
                _ => {
                    read.push(id);
                    wrote = true;
                }
            }
        }
        let expected = wrote && read.iter().any(|id| beside.contains(id));
        let mut runs = 0;
        let outcome = db.transact(|tx| {
            runs += 1;
            let items = tx.table::<Item>()?;
            for &(step, id) in &steps {
                match step {
                    0 => drop(items.get(id)?),
                    1 => drop(items.range(id..).collect_vec()?),
                    2 => set(&outside, id, i64::try_from(seed).unwrap_or(0) + 1)?,
                    _ => set(&items, id, -1)?,
                }
            }
            Ok(())
        });
        assert_eq!(
            matches!(outcome, Err(Error::SelfConflict)),
            expected,
            "seed {seed}: {steps:?} {outcome:?}"
        );
        assert!(expected || outcome.is_ok(), "seed {seed}: {outcome:?}");
        assert_eq!(runs, 1, "seed {seed}");
    }
    Ok(())
}
