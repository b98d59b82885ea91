//! Many threads at once: sums that must not waver, values that must have one owner.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use walnut::env::{CrashPolicy, MemoryEnv, Operations};
use walnut::{Access, Background, Database, DefaultTable, Durability, Error, Result};
use walnut_tests::random::Random;
use walnut_tests::threads::Ends;

use super::{Item, item, named, value};

fn total<A: Access>(items: &DefaultTable<Item, A>) -> Result<i64> {
    items.iter().try_fold(0, |sum, item| Ok(sum + item?.value))
}

#[test]
fn the_total_of_a_bank_never_wavers() -> Result<()> {
    const ACCOUNTS: u64 = 12;
    let db = Database::builder().memtable_size(16 << 10).durability(Durability::Fast).in_memory()?;
    let items = db.table::<Item>()?;
    items.insert_many(&(0..ACCOUNTS).map(|id| item(id, 100)).collect::<Vec<_>>())?;
    let expected = 100 * i64::try_from(ACCOUNTS).expect("it is small");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let ends = Ends(&done);
        let auditor = scope.spawn(|| -> Result<u64> {
            let mut audits = 0;
            while !done.load(Ordering::Relaxed) {
                let snapshot = db.snapshot().table::<Item>()?;
                assert_eq!(total(&snapshot)?, expected);
                assert_eq!(db.transact(|tx| total(&tx.table::<Item>()?))?, expected);
                assert_eq!(total(&snapshot)?, expected);
                audits += 1;
            }
            Ok(audits)
        });
        let tellers: Vec<_> = (0..8)
            .map(|teller| {
                let db = &db;
                scope.spawn(move || -> Result<()> {
                    let mut random = Random::new(teller, "bank");
                    for _ in 0..walnut_tests::fewer!(250) {
                        let (from, to, sum) =
                            (random.below(ACCOUNTS), random.below(ACCOUNTS), random.below(50));
                        let sum = i64::try_from(sum).expect("it is small");
                        db.transact(|tx| {
                            let items = tx.table::<Item>()?;
                            if value(&items, from)?.ok_or(Error::NotFound)? < sum {
                                return Ok(());
                            }
                            items.modify(from, |item| item.value -= sum)?;
                            items.modify(to, |item| item.value += sum)?;
                            Ok(())
                        })?;
                    }
                    Ok(())
                })
            })
            .collect();
        let outcomes: Vec<_> = tellers.into_iter().map(|teller| teller.join().unwrap()).collect();
        drop(ends);
        assert!(auditor.join().unwrap()? > 0);
        outcomes.into_iter().collect::<Result<()>>()
    })?;
    assert_eq!(total(&items)?, expected);
    assert!(items.iter().collect_vec()?.iter().all(|item| item.value >= 0));
    db.verify()?;
    Ok(())
}

/// One transaction over a few of fifty names: rows take, leave and exchange them.
fn play(db: &Database, random: &mut Random) -> Result<()> {
    let deeds: Vec<(u64, u64, u64)> =
        (0..=random.below(4)).map(|_| (random.below(5), random.below(80), random.below(50))).collect();
    let aborted = random.one_in(2);
    db.transact(|tx| {
        let items = tx.table::<Item>()?;
        for &(deed, id, name) in &deeds {
            let row = named(id, &name.to_string());
            let done = match deed {
                0 => items.insert(&row),
                1 => items.upsert(&row).map(drop),
                2 => items.remove(id).map(drop),
                3 => items.modify(id, |item| item.name.clone_from(&row.name)).map(drop),
                // Removed and taken at once by another row.
                _ => items.by().name.remove(row.name.as_deref()).and_then(|_| items.upsert(&row).map(drop)),
            };
            match done {
                Ok(()) => {}
                Err(Error::UniqueViolation(violation)) => {
                    // The owner is what the transaction itself sees.
                    let owner = items.get(violation.owner::<Item>().unwrap())?.unwrap();
                    assert!(owner.id == id || owner.name == row.name);
                }
                Err(error) => return Err(error),
            }
        }
        if aborted { Err(Error::abort("rolled back")) } else { Ok(()) }
    })
}

#[test]
fn fifty_values_never_have_two_owners_among_sixteen_threads() -> Result<()> {
    let db = Database::builder().memtable_size(16 << 10).durability(Durability::Fast).in_memory()?;
    db.table::<Item>()?;
    let outcomes: Vec<Result<()>> = thread::scope(|scope| {
        let players: Vec<_> = (0..16)
            .map(|player| {
                let db = &db;
                scope.spawn(move || -> Result<()> {
                    let mut random = Random::new(player, "owners");
                    for round in 0..walnut_tests::fewer!(100) {
                        match play(db, &mut random) {
                            Err(error) if error.abort_ref::<&str>().is_none() => return Err(error),
                            _ => {}
                        }
                        if round % 20 == 0 {
                            one_owner_each(&db.snapshot().table::<Item>()?)?;
                        }
                    }
                    Ok(())
                })
            })
            .collect();
        players.into_iter().map(|player| player.join().unwrap()).collect()
    });
    outcomes.into_iter().collect::<Result<()>>()?;
    one_owner_each(&db.table::<Item>()?)?;
    db.verify()?;
    Ok(())
}

/// Rows and entries of the unique index are the same pairs, and no name is there twice.
fn one_owner_each<A: Access>(items: &DefaultTable<Item, A>) -> Result<()> {
    let (by_name, by_id) = (items.by().name.iter().entries(), items.iter());
    let entries: BTreeSet<_> = by_name.collect::<Result<_>>()?;
    let rows: BTreeSet<_> = by_id.map(|item| item.map(|item| (item.name, item.id))).collect::<Result<_>>()?;
    assert_eq!(entries, rows);
    let names: BTreeSet<_> = rows.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), rows.len());
    Ok(())
}

/// What a thread does until the power goes: a few transactions of [`play`], half of them rolled back.
fn play_on(db: &Database, random: &mut Random, rounds: u64) {
    for _ in 0..rounds {
        match play(db, random) {
            Err(error) if error.abort_ref::<&str>().is_none() => return,
            _ => {}
        }
    }
}

#[test]
fn fifty_values_never_have_two_owners_after_any_crash() -> Result<()> {
    let mut env = MemoryEnv::with_seed(50);
    let mut random = Random::new(50, "crashes");
    for life in 0..walnut_tests::fewer!(12) {
        let memtable_size = *random.pick(&[4 << 10, 64 << 10]);
        let builder = Database::builder().env(Arc::new(env.clone())).memtable_size(memtable_size);
        let db = builder.background(Background::Manual).open("/db")?;
        let items = db.table::<Item>()?;
        one_owner_each(&items)?;
        db.verify()?;
        assert!(items.sweep()?.is_clean());
        env.power_off_before_next(Operations::Mutations, 50 + random.below(400));
        thread::scope(|scope| {
            for player in 0..16 {
                let db = &db;
                scope.spawn(move || play_on(db, &mut Random::new(life * 16 + player, "lives"), 20));
            }
        });
        drop((items, db));
        env = env.crash(*random.pick(&CrashPolicy::ALL), random.next());
    }
    Ok(())
}

/// Not on an engine elsewhere: its processes do not crash with a machine.
#[cfg(not(feature = "remote"))]
#[test]
fn the_total_of_a_bank_never_wavers_through_crashes() -> Result<()> {
    const ACCOUNTS: u64 = 8;
    let mut env = MemoryEnv::with_seed(8);
    let mut random = Random::new(8, "bank crashes");
    let builder = Database::builder().memtable_size(8 << 10).background(Background::Manual);
    let db = builder.clone().env(Arc::new(env.clone())).open("/db")?;
    db.table::<Item>()?.insert_many(&(0..ACCOUNTS).map(|id| item(id, 100)).collect::<Vec<_>>())?;
    db.close()?;
    drop(db);
    for life in 0..12 {
        let durability = *random.pick(&[Durability::Safe, Durability::Group, Durability::Fast]);
        let db = builder.clone().durability(durability).env(Arc::new(env.clone())).open("/db")?;
        assert_eq!(total(&db.table::<Item>()?)?, 800);
        db.verify()?;
        env.power_off_before_next(Operations::Mutations, 20 + random.below(200));
        thread::scope(|scope| {
            for teller in 0..8 {
                let db = &db;
                scope.spawn(move || {
                    let mut random = Random::new(life * 8 + teller, "tellers");
                    for _ in 0..40 {
                        let (from, to) = (random.below(ACCOUNTS), random.below(ACCOUNTS));
                        let moved = db.transact(|tx| {
                            let items = tx.table::<Item>()?;
                            items.modify(from, |item| item.value -= 1)?;
                            items.modify(to, |item| item.value += 1)
                        });
                        let seen = db.snapshot().table::<Item>().and_then(|items| total(&items));
                        if moved.is_err() {
                            return;
                        }
                        assert!(seen.map_or(true, |total| total == 800));
                    }
                });
            }
        });
        drop(db);
        env = env.crash(*random.pick(&CrashPolicy::ALL), random.next());
    }
    Ok(())
}
