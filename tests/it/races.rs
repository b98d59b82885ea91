//! Many threads: a unique value has one owner, an update is never lost, a commit is seen whole or not at all.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use walnut::env::MemoryEnv;
use walnut::{Background, Builder, Database, DefaultTable, Durability, Error, Table};
use walnut_tests::random::Random;
use walnut_tests::threads::Ends;
use walnut_tests::watched_env::{WatchedEnv, WatchedOperation};

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[index(pair = (group, name), unique)]
struct Claim {
    #[primary_key]
    id: u64,
    #[index(unique)]
    name: String,
    #[index(unique)]
    alias: Option<u8>,
    #[index]
    group: u8,
    count: u64,
}

fn claim(id: u64, name: u64) -> Claim {
    let alias = (!name.is_multiple_of(3)).then(|| u8::try_from(name % 7).unwrap());
    Claim { id, name: format!("name {name}"), alias, group: u8::try_from(name % 2).unwrap(), count: 0 }
}

/// A database on each machine: threads run, memtables are tiny.
fn on_both_machines(test: impl Fn(Database)) {
    let small = || Database::builder().memtable_size(8 << 10).block_size(512).background(Background::Thread);
    let memory: Builder = small().env(Arc::new(MemoryEnv::new()));
    test(memory.open("/db").unwrap());
    let dir = tempfile::tempdir().unwrap();
    test(small().durability(Durability::Fast).open(dir.path().join("db")).unwrap());
}

fn in_threads(count: u64, work: impl Fn(u64) + Sync) {
    std::thread::scope(|scope| {
        for thread in 0..count {
            let work = &work;
            scope.spawn(move || work(thread));
        }
    });
}

/// Every row has exactly its entries, every entry its row.
fn assert_bijection(claims: &DefaultTable<Claim>) {
    let rows = claims.iter().collect_vec().unwrap();
    let entries = |of: fn(&Claim) -> String| rows.iter().map(of).collect::<Vec<_>>();
    let sorted = |mut texts: Vec<String>| {
        texts.sort();
        texts
    };
    macro_rules! found {
        ($index:ident) => {
            sorted(claims.by().$index.iter().entries().map(|entry| format!("{:?}", entry.unwrap())).collect())
        };
    }
    assert_eq!(found!(name), sorted(entries(|row| format!("{:?}", (&row.name, row.id)))));
    assert_eq!(found!(alias), sorted(entries(|row| format!("{:?}", (row.alias, row.id)))));
    assert_eq!(found!(group), sorted(entries(|row| format!("{:?}", (row.group, row.id)))));
    assert_eq!(found!(pair), sorted(entries(|row| format!("{:?}", ((row.group, &row.name), row.id)))));
    let names: BTreeSet<_> = rows.iter().map(|row| &row.name).collect();
    let aliases: Vec<_> = rows.iter().filter_map(|row| row.alias).collect();
    assert_eq!(names.len(), rows.len(), "a name has two owners");
    assert_eq!(aliases.iter().collect::<BTreeSet<_>>().len(), aliases.len(), "an alias has two owners");
}

#[test]
fn a_unique_value_has_one_owner_whoever_races_for_it() {
    on_both_machines(|db| {
        let claims = db.table::<Claim>().unwrap();
        in_threads(8, |thread| {
            let mut random = Random::new(thread, "race");
            for _ in 0..60 {
                let row = claim(random.below(10), random.below(9));
                let refused = match random.below(5) {
                    0 | 1 => claims.insert(&row).err(),
                    2 => claims.upsert(&row).err(),
                    3 => claims.remove(row.id).err(),
                    _ => claims.modify(row.id, |old| old.name.clone_from(&row.name)).err(),
                };
                assert!(matches!(refused, None | Some(Error::UniqueViolation(_))), "{refused:?}");
            }
        });
        assert_bijection(&claims);
        db.checkpoint().unwrap();
        assert_bijection(&claims);
    });
}

#[test]
fn of_those_who_insert_the_same_value_one_wins() {
    on_both_machines(|db| {
        let claims = db.table::<Claim>().unwrap();
        for round in 0..20 {
            let winners = Mutex::new(Vec::new());
            in_threads(8, |thread| {
                let row =
                    Claim { alias: None, name: format!("round {round}"), ..claim(round * 8 + thread, 0) };
                match claims.insert(&row) {
                    Ok(()) => winners.lock().unwrap().push(row.id),
                    Err(Error::UniqueViolation(violation)) => {
                        assert!(violation.owner::<Claim>().is_some_and(|owner| owner / 8 == round));
                    }
                    Err(error) => panic!("{error}"),
                }
            });
            let winners = winners.into_inner().unwrap();
            let owner = claims.by().name.get(&format!("round {round}")).unwrap().unwrap();
            assert_eq!(winners, [owner.id]);
        }
        assert_bijection(&claims);
    });
}

#[test]
fn updates_of_one_row_are_never_lost() {
    on_both_machines(|db| {
        let claims = db.table::<Claim>().unwrap();
        claims.insert(&claim(1, 1)).unwrap();
        in_threads(4, |_| {
            for _ in 0..50 {
                claims.modify(1, |row| row.count += 1).unwrap().unwrap();
            }
        });
        assert_eq!(claims.get(1).unwrap().unwrap().count, 200);
    });
}

#[test]
fn a_table_that_many_open_at_once_is_made_once() {
    on_both_machines(|db| {
        in_threads(8, |thread| {
            db.table::<Claim>().unwrap().insert(&Claim { alias: None, ..claim(thread, thread) }).unwrap();
        });
        assert_eq!(db.table_names().unwrap(), ["Claim"]);
        assert_eq!(db.table::<Claim>().unwrap().len().unwrap(), 8);
        assert_bijection(&db.table().unwrap());
    });
}

#[test]
fn a_commit_is_seen_whole_or_not_at_all_while_memtables_are_flushed() {
    on_both_machines(|db| {
        let claims = db.table::<Claim>().unwrap();
        let pair =
            |count| [(1, 10), (900, 11)].map(|(id, name)| Claim { alias: None, count, ..claim(id, name) });
        claims.insert_many(&pair(0)).unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let ends = Ends(&done);
            let reader = || {
                let mut last = 0;
                while !done.load(Ordering::Relaxed) {
                    let rows = claims.iter().collect_vec().unwrap();
                    let many = claims.get_many([1, 900]).unwrap();
                    let by_name = claims.by().name.starts_with("name 1").collect_vec().unwrap();
                    for counts in [
                        rows.iter()
                            .filter(|row| row.id == 1 || row.id == 900)
                            .map(|row| row.count)
                            .collect::<Vec<_>>(),
                        many.iter().flatten().map(|row| row.count).collect(),
                        by_name.iter().map(|row| row.count).collect(),
                    ] {
                        assert!(counts.len() == 2 && counts[0] == counts[1], "half a commit: {counts:?}");
                        assert!(counts[0] >= last, "a read goes back in time");
                        last = counts[0];
                    }
                }
            };
            let readers = [scope.spawn(reader), scope.spawn(reader)];
            for count in 1..=150 {
                claims.upsert_many(&pair(count)).unwrap();
                let filler =
                    Claim { alias: None, name: format!("z{count}").repeat(60), ..claim(100 + count % 20, 0) };
                claims.upsert(&filler).unwrap();
            }
            drop(ends);
            for reader in readers {
                reader.join().unwrap();
            }
        });
    });
}

#[test]
fn an_answer_without_a_write_waits_for_the_commit_that_it_rests_on() {
    let (arrivals, arrived) = mpsc::sync_channel(8);
    let (open, signal) = mpsc::channel();
    let (shut, signal) = (Arc::new(AtomicBool::new(false)), Mutex::new(signal));
    let is_shut = Arc::clone(&shut);
    // The syncs of files wait for a signal while the gate is shut.
    let gate = WatchedEnv::plain(Arc::new(MemoryEnv::new()), move |operation| {
        if matches!(operation, WatchedOperation::Sync) && is_shut.load(Ordering::SeqCst) {
            arrivals.send(()).expect("the test waits for it");
            signal.lock().unwrap().recv().expect("the test opens the gate");
        }
    });
    let db = Database::builder().env(Arc::new(gate)).background(Background::Manual).open("/db").unwrap();
    let claims = db.table::<Claim>().unwrap();
    let row = claim(1, 1);
    // Each of these writes nothing, because of a commit that waits for its sync.
    let answers: [fn(&DefaultTable<Claim>); 2] = [
        |claims| assert_eq!(claims.upsert(&claim(1, 1)).unwrap(), Some(claim(1, 1))),
        |claims| assert!(matches!(claims.insert(&claim(1, 1)), Err(Error::UniqueViolation(_)))),
    ];
    std::thread::scope(|scope| {
        shut.store(true, Ordering::SeqCst);
        let writer = scope.spawn(|| claims.insert(&row).unwrap());
        arrived.recv_timeout(Duration::from_secs(120)).unwrap();
        assert_eq!(claims.get(1).unwrap(), None, "it is not durable, so it is not seen");
        let (tell, told) = mpsc::channel();
        for answer in answers {
            let (tell, claims) = (tell.clone(), claims.clone());
            scope.spawn(move || {
                answer(&claims);
                tell.send(()).unwrap();
            });
        }
        // All that a test can do about an answer that must not come is to give it some time.
        assert!(told.recv_timeout(Duration::from_millis(50)).is_err(), "an answer rests on what may be lost");
        shut.store(false, Ordering::SeqCst);
        for _ in 0..3 {
            open.send(()).unwrap();
        }
        writer.join().unwrap();
        for _ in answers {
            told.recv_timeout(Duration::from_secs(120)).unwrap();
        }
    });
}
