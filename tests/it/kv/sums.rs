//! Adds and sums of the raw engine, as its pages promise.

use std::sync::Arc;

use walnut::env::MemoryEnv;
use walnut::kv::{Keyspace, MAX_KEY_SIZE, WriteBatch};
use walnut::{Background, Builder, Database, Durability, Error};

fn builder(env: &MemoryEnv) -> Builder {
    let builder = Database::builder().background(Background::Manual).durability(Durability::Fast);
    builder.value_log_threshold(1).env(Arc::new(env.clone()))
}

/// A way to have what was written so far lie somewhere.
type Settle = fn(&Database);

/// Where entries can lie when they are read: together in a memtable, in a file each, or merged.
const SETTLED: [(&str, Settle); 3] = [
    ("in memory", |_| {}),
    ("in files", |db| db.checkpoint().unwrap()),
    ("merged", |db| db.compact().unwrap()),
];

fn shown(space: &Keyspace, key: &str) -> Option<i64> {
    let value = space.get(key).unwrap();
    assert_eq!(space.contains(key).unwrap(), value.is_some());
    assert_eq!(space.range(key..=key).next().map(|entry| entry.unwrap().1), value);
    assert_eq!(space.range(key..=key).next_back().map(|entry| entry.unwrap().1), value);
    let number = value.map(|value| i64::from_le_bytes(value.try_into().unwrap()));
    assert_eq!(space.get_sum(key).unwrap(), number.unwrap_or(0));
    number
}

#[test]
fn an_add_begins_at_the_number_that_is_there_and_at_zero_where_there_is_none() {
    for (place, settle) in SETTLED {
        let db = builder(&MemoryEnv::new()).open("/db").unwrap();
        let space = db.keyspace("space").unwrap();
        let add = |key: &str, delta| {
            space.add(key, delta).unwrap();
            settle(&db);
        };
        let expect = |key: &str, sum| assert_eq!(shown(&space, key), sum, "{key} {place}");
        expect("nothing", None);
        add("nothing", 5);
        add("nothing", -7);
        expect("nothing", Some(-2));
        add("nothing", 2);
        expect("nothing", Some(0));

        space.put("number", 40i64.to_le_bytes()).unwrap();
        settle(&db);
        add("number", 2);
        expect("number", Some(42));

        for (key, value) in [("empty", &b""[..]), ("text", b"seven"), ("long", &[7; 5000])] {
            space.put(key, value).unwrap();
            settle(&db);
            assert!(matches!(space.get_sum(key), Err(Error::Unsupported(_))), "{key} {place}");
            add(key, 3);
            add(key, 4);
            expect(key, Some(7));
        }

        add("removed", 9);
        space.remove("removed").unwrap();
        settle(&db);
        expect("removed", None);
        add("removed", 1);
        expect("removed", Some(1));

        for key in ["range a", "range b"] {
            add(key, 9);
        }
        space.remove_prefix("range ").unwrap();
        settle(&db);
        add("range b", 1);
        add("range b", 1);
        expect("range a", None);
        expect("range b", Some(2));

        space.put("number", "put over it").unwrap();
        settle(&db);
        assert_eq!(space.get("number").unwrap().unwrap(), b"put over it");
        assert_eq!(space.len().unwrap(), 7, "a key whose sum is zero is a key");
        db.verify().unwrap();
    }
}

#[test]
fn a_sum_wraps_around_whatever_the_order_in_which_it_is_folded() {
    for (place, settle) in SETTLED {
        let db = builder(&MemoryEnv::new()).open("/db").unwrap();
        let space = db.keyspace("space").unwrap();
        for delta in [i64::MAX, 1, i64::MIN, i64::MIN, -1, i64::MAX] {
            space.add("k", delta).unwrap();
            settle(&db);
        }
        let sum = [i64::MAX, 1, i64::MIN, i64::MIN, -1, i64::MAX]
            .iter()
            .fold(0, |sum: i64, delta| sum.wrapping_add(*delta));
        assert_eq!(shown(&space, "k"), Some(sum), "{place}");
    }
}

/// A way to read, within a transaction.
type Look = fn(&Keyspace<walnut::InTransaction<'_>>) -> i64;

#[test]
fn adds_conflict_with_nothing_and_who_reads_a_sum_conflicts_with_every_add() {
    let db = Database::in_memory().unwrap();
    let space = db.keyspace("space").unwrap();
    let (one, other) = (db.begin(), db.begin());
    for (tx, delta) in [(&one, 1), (&other, 10)] {
        tx.keyspace("space").unwrap().add("k", delta).unwrap();
    }
    space.add("k", 100).unwrap();
    one.commit().unwrap();
    other.commit().unwrap();
    assert_eq!(space.get_sum("k").unwrap(), 111);
    let looks: [Look; 3] = [
        |space| space.get_sum("k").unwrap(),
        |space| i64::from(space.contains("k").unwrap()),
        |space| space.iter().count().try_into().unwrap(),
    ];
    for looks_after_adding in [false, true] {
        for look in looks {
            let tx = db.begin();
            let inside = tx.keyspace("space").unwrap();
            if looks_after_adding {
                inside.add("other", 1).unwrap();
                inside.add("k", 0).unwrap();
            }
            look(&inside);
            inside.add("k", 1).unwrap();
            space.add("k", 1).unwrap();
            let is_known_without = looks_after_adding && look(&inside) == 1;
            let lost = tx.commit();
            assert!(is_known_without || matches!(lost, Err(Error::Conflict)), "{lost:?}");
        }
    }
}

#[test]
fn a_transaction_sees_its_own_adds_over_what_was_there_and_takes_them_back() {
    let db = Database::in_memory().unwrap();
    let space = db.keyspace("space").unwrap();
    space.add("a", 10).unwrap();
    space.put("c", "text").unwrap();
    let tx = db.begin();
    let inside = tx.keyspace("space").unwrap();
    space.add("a", 1000).unwrap();
    inside.add("a", 1).unwrap();
    inside.add("b", 2).unwrap();
    inside.add("c", 3).unwrap();
    let savepoint = tx.savepoint();
    inside.add("a", 5).unwrap();
    inside.remove("b").unwrap();
    inside.add("b", 7).unwrap();
    let sums = || ["a", "b", "c"].map(|key| inside.get_sum(key).unwrap());
    assert_eq!(sums(), [16, 7, 3]);
    tx.rollback_to(savepoint).unwrap();
    assert_eq!(sums(), [11, 2, 3]);
    let walked =
        |entry: walnut::Result<(Vec<u8>, Vec<u8>)>| i64::from_le_bytes(entry.unwrap().1.try_into().unwrap());
    assert_eq!(inside.iter().map(walked).collect::<Vec<_>>(), [11, 2, 3]);
    assert_eq!(inside.iter().rev().map(walked).collect::<Vec<_>>(), [3, 2, 11]);
    let mut ends = inside.iter();
    assert_eq!([ends.next(), ends.next_back(), ends.next()].map(|entry| walked(entry.unwrap())), [11, 3, 2]);
    assert!(ends.next().is_none() && ends.next_back().is_none());
    assert!(matches!(tx.commit(), Err(Error::Conflict)), "it has read what another has added to");
    assert_eq!((space.get_sum("a").unwrap(), space.len().unwrap()), (1010, 2));
}

#[test]
fn a_batch_adds_in_its_order_over_several_keyspaces() {
    let db = Database::in_memory().unwrap();
    let (left, right) = (db.keyspace("left").unwrap(), db.keyspace("right").unwrap());
    let mut batch = WriteBatch::new();
    batch.add(&left, "k", 1).unwrap();
    batch.add(&right, "k", 2).unwrap();
    batch.add(&left, "k", 3).unwrap();
    batch.remove_range(&right, ..).unwrap();
    batch.add(&right, "k", 5).unwrap();
    assert!(matches!(batch.add(&left, vec![7; MAX_KEY_SIZE + 1], 1), Err(Error::Limit(_))));
    db.write(batch).unwrap();
    assert_eq!([left.get_sum("k").unwrap(), right.get_sum("k").unwrap()], [4, 5]);
    assert_eq!(left.get_sum(vec![7; MAX_KEY_SIZE + 1]).unwrap(), 0);
}

#[test]
fn snapshots_count_what_was_added_before_them_through_flushes_and_merges() {
    let env = MemoryEnv::new();
    let db = builder(&env).memtable_size(1 << 12).open("/db").unwrap();
    let space = db.keyspace("space").unwrap();
    let mut held = Vec::new();
    for n in 1..=2000 {
        space.add("k", n).unwrap();
        if n % 200 == 0 {
            held.push((db.snapshot(), n * (n + 1) / 2));
        }
        if n % 700 == 0 {
            db.compact().unwrap();
        }
    }
    for turn in 0..2 {
        for (snapshot, sum) in &held {
            let space = snapshot.keyspace("space").unwrap().unwrap();
            assert_eq!(space.get_sum("k").unwrap(), *sum, "turn {turn}");
            assert_eq!(space.first().unwrap().unwrap().1, sum.to_le_bytes());
        }
        held.truncate(4);
        db.compact().unwrap();
    }
    assert_eq!(space.get_sum("k").unwrap(), 2000 * 2001 / 2);
    drop(held);
    db.close().unwrap();
    let db = builder(&env).open("/db").unwrap();
    assert_eq!(db.keyspace("space").unwrap().get_sum("k").unwrap(), 2000 * 2001 / 2);
}

#[test]
fn nothing_is_lost_or_counted_twice_when_many_threads_add_while_files_are_merged() {
    let env = MemoryEnv::new();
    let db = Database::builder()
        .durability(Durability::Fast)
        .memtable_size(1 << 14)
        .env(Arc::new(env))
        .open("/db")
        .unwrap();
    let space = db.keyspace("space").unwrap();
    let (threads, adds) = (4u32, 1500u32);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (space, db) = (&space, &db);
            scope.spawn(move || {
                for n in 0..adds {
                    match n % 3 {
                        0 => space.add("k", 1).unwrap(),
                        1 => db.transact(|tx| tx.keyspace("space")?.add("k", 1)).unwrap(),
                        _ => {
                            let mut batch = WriteBatch::new();
                            batch.add(space, "k", 1).unwrap();
                            batch.put(space, format!("{thread}/{n}"), [7; 40]).unwrap();
                            db.write(batch).unwrap();
                        }
                    }
                }
            });
        }
        scope.spawn(|| {
            let mut last = 0;
            while last < i64::from(threads * adds) {
                let sum = space.get_sum("k").unwrap();
                assert!(sum >= last, "{sum} after {last}");
                assert!(space.first().unwrap().is_none_or(|(_, value)| value.len() >= 8));
                last = sum;
                std::thread::yield_now();
            }
        });
    });
    db.compact().unwrap();
    assert_eq!(space.get_sum("k").unwrap(), i64::from(threads * adds));
    db.verify().unwrap();
}
