//! What operations cost, counted: block reads and allocations, which no clock has to tell.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use walnut::env::{Counts, FaultEnv, MemoryEnv, Operation, Operations};
use walnut::{Background, Builder, Database, DefaultTable, Table};

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "users")]
struct User {
    #[primary_key]
    id: u64,
    #[index(unique)]
    email: String,
    #[index]
    age: u32,
    about: [u8; 24],
}

fn user(id: u64) -> User {
    User { id, email: format!("{id}@example.org"), age: (id % 90) as u32, about: [id.to_le_bytes()[0]; 24] }
}

fn small() -> Builder {
    Database::builder().background(Background::Manual).block_size(1 << 10)
}

/// Users with even ids, in one run of SSTs.
fn settled(db: &Database) -> DefaultTable<User> {
    let users = db.table::<User>().unwrap();
    for first in (0..4000).step_by(1000) {
        let rows: Vec<User> = (first..first + 1000).map(|number| user(2 * number)).collect();
        users.insert_many(&rows).unwrap();
    }
    db.checkpoint().unwrap();
    db.compact().unwrap();
    open_all(&users);
    users
}

/// Opens all files, which reads more than blocks.
fn open_all(users: &DefaultTable<User>) {
    users.iter().count().unwrap();
    users.by().email.iter().count().unwrap();
    users.by().age.iter().count().unwrap();
}

/// A database whose every touch of a block is a read of a file, as there is no cache, and a counter of these.
fn uncached() -> (DefaultTable<User>, impl Fn() -> u64) {
    let env = Arc::new(FaultEnv::over_memory(MemoryEnv::new()));
    let db = small().cache_size(0).env(Arc::clone(&env) as Arc<_>).open("/db").unwrap();
    (settled(&db), move || env.counts().of(Operation::Read))
}

#[test]
fn a_get_reads_one_block_of_a_settled_database() {
    let (users, reads) = uncached();
    for id in (0..8000).step_by(34) {
        let before = reads();
        assert_eq!(users.get(id).unwrap(), Some(user(id)));
        assert_eq!(reads() - before, 1, "for {id}");
    }
}

#[test]
fn a_get_by_a_unique_value_reads_two_blocks_of_a_settled_database() {
    let (users, reads) = uncached();
    for id in (0..8000).step_by(34) {
        let before = reads();
        assert_eq!(users.by().email.get(&user(id).email).unwrap(), Some(user(id)));
        assert_eq!(reads() - before, 2, "for {id}");
    }
}

#[test]
fn a_get_that_finds_nothing_reads_no_block_in_99_of_100_cases() {
    let (users, reads) = uncached();
    let before = reads();
    for id in (1..8000).step_by(2) {
        assert_eq!(users.get(id).unwrap(), None);
    }
    assert!(reads() - before <= 40, "{} of 4000 gets read a block", reads() - before);
}

#[test]
fn a_get_reads_at_most_one_block_of_each_level_searched() {
    let env = Arc::new(FaultEnv::over_memory(MemoryEnv::new()));
    let db = small().cache_size(0).env(Arc::clone(&env) as Arc<_>).open("/db").unwrap();
    let users = settled(&db);
    for run in 0..3 {
        (0..40).for_each(|place| users.insert(&user(200 * place + 2 * run + 1)).unwrap());
        db.checkpoint().unwrap();
    }
    open_all(&users);
    let levels = db.stats().levels;
    let searched = levels[0].sst_count + levels[1..].iter().filter(|level| level.sst_count > 0).count();
    let searched = searched as u64;
    assert!(searched >= 3, "what was added stands above what was settled");
    for id in 0..8000 {
        let before = env.counts().of(Operation::Read);
        assert_eq!(users.get(id).unwrap().is_some(), id % 2 == 0 || id % 200 < 6);
        assert!(env.counts().of(Operation::Read) - before <= searched);
    }
}

#[test]
fn get_many_reads_no_more_blocks_than_as_many_gets() {
    let (users, reads) = uncached();
    let ids: Vec<u64> = (0..129).rev().map(|place| 62 * place).collect();
    let before = reads();
    let rows = users.get_many(ids.iter().copied()).unwrap();
    assert_eq!(reads() - before, ids.len() as u64);
    assert_eq!(rows, ids.iter().map(|&id| Some(user(id))).collect::<Vec<_>>());
}

/// The allocations of a call.
fn allocations(call: impl FnOnce()) -> u64 {
    allocation_counter::measure(call).count_total
}

#[test]
fn a_cached_get_allocates_what_the_row_needs_and_nothing_else() {
    let db = small().in_memory().unwrap();
    let users = settled(&db);
    for id in [0, 2000, 7998] {
        let email = user(id).email;
        users.get(id).unwrap();
        users.by().email.get(&email).unwrap();
        assert_eq!(allocations(|| assert!(users.get(id).unwrap().is_some())), 1, "its one string");
        assert_eq!(allocations(|| assert!(users.by().email.get(&email).unwrap().is_some())), 1);
        assert_eq!(allocations(|| assert!(users.contains(id).unwrap())), 0);
        assert_eq!(allocations(|| assert!(users.get(id + 1).unwrap().is_none())), 0);
    }
}

#[test]
fn a_get_among_memtables_and_levels_allocates_nothing_else_either() {
    let db = small().in_memory().unwrap();
    let users = settled(&db);
    for id in (0..8000).step_by(20) {
        users.modify(id, |user| user.age += 1).unwrap();
    }
    db.checkpoint().unwrap();
    for id in (0..8000).step_by(40) {
        users.modify(id, |user| user.age += 1).unwrap();
    }
    for id in [0, 20, 22] {
        users.get(id).unwrap();
        assert_eq!(allocations(|| assert!(users.get(id).unwrap().is_some())), 1, "its one string");
        assert_eq!(allocations(|| assert!(users.get(id + 1).unwrap().is_none())), 0);
    }
}

/// Bytes of the heap that are given back by dropping this, on this thread.
fn given_back<T>(dropped: T) -> u64 {
    let counted = allocation_counter::measure(|| drop(dropped));
    u64::try_from(-counted.bytes_current).unwrap_or(0)
}

/// Whether two numbers are no further apart than a quarter of the second.
fn is_about(found: u64, expected: u64) -> bool {
    found.abs_diff(expected) <= expected / 4
}

#[test]
fn what_unfinished_iterators_hold_is_counted_once_and_comes_back_with_them() {
    let db = small().memtable_size(4 << 20).env(Arc::new(MemoryEnv::new())).open("/db").unwrap();
    let space = db.keyspace("k").unwrap();
    for n in 0..4000_u32 {
        space.put(n.to_be_bytes(), [7; 200]).unwrap();
    }
    assert_eq!(db.stats().iterator_count, 0);
    let mut iters = [space.iter(), space.iter()];
    for iter in &mut iters {
        iter.next().unwrap().unwrap();
    }
    let before = db.stats();
    assert_eq!((before.iterator_count, before.held_memory_size, before.pinned_size), (2, 0, 0));
    db.checkpoint().unwrap();
    let stats = db.stats();
    assert_eq!((stats.held_memory_size, stats.iterator_count), (before.active_memtable_size, 2));
    assert_eq!(stats.pinned_size, stats.held_memory_size as u64);
    let [first, second] = iters;
    assert!(given_back(first) < 10_000, "the other one holds it still");
    assert_eq!((db.stats().held_memory_size, db.stats().iterator_count), (before.active_memtable_size, 1));
    let freed = given_back(second);
    assert!(is_about(stats.held_memory_size as u64, freed), "{} of {freed}", stats.held_memory_size);
    assert_eq!((db.stats().held_memory_size, db.stats().pinned_size), (0, 0));

    // A file that is replaced has its space until the last iterator over it goes.
    let mut iter = space.iter();
    iter.next().unwrap().unwrap();
    let size = db.stats().sst_size;
    space.put("", "").unwrap();
    db.compact().unwrap();
    let stats = db.stats();
    assert_eq!((stats.held_file_size, stats.pinned_size), (size, size + stats.held_memory_size as u64));
    drop(iter);
    assert_eq!((db.stats().held_file_size, db.stats().pinned_size), (0, 0));
}

#[test]
fn what_a_snapshot_pins_is_about_what_comes_back_with_it() {
    let open = || {
        let builder = small().compression(walnut::Compression::None).memtable_size(4 << 20);
        builder.env(Arc::new(MemoryEnv::new())).open("/db").unwrap()
    };
    // Overwritten once and ten times, removed key by key, removed as a range in part, nothing but new keys.
    for (place, rounds) in [(0, 1), (0, 10), (1, 1), (3, 1)] {
        let db = open();
        let space = db.keyspace("k").unwrap();
        let put = |keys: std::ops::Range<u32>| {
            keys.for_each(|n| space.put(n.to_be_bytes(), [n.to_le_bytes()[0]; 300]).unwrap());
        };
        put(0..2000);
        db.compact().unwrap();
        let snapshot = db.snapshot();
        for _ in 0..rounds {
            match place {
                0 => put(0..2000),
                1 => (0..2000_u32).for_each(|n| space.remove(n.to_be_bytes()).unwrap()),
                _ => put(2000..4000),
            }
            db.checkpoint().unwrap();
        }
        db.compact().unwrap();
        let with = db.stats();
        drop(snapshot);
        db.compact().unwrap();
        let freed = with.sst_size - db.stats().sst_size;
        let pinned = with.pinned_size;
        assert!(
            is_about(pinned, freed) || pinned.max(freed) < 10_000,
            "{pinned} pinned, {freed} came back, {place} {rounds} times"
        );
        assert_eq!(db.stats().pinned_size, 0);
    }
}

/// The most memory that a call takes at a time, beyond what was taken before it.
fn memory(call: impl FnOnce()) -> u64 {
    allocation_counter::measure(call).bytes_max
}

#[test]
fn a_database_in_memory_takes_a_small_multiple_of_its_live_data() {
    let row = |id: u64, round: u64| User {
        id,
        email: format!(
            "{id}.{}@example.org",
            round.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ id.wrapping_mul(0xD134_2543_DE82_EF95)
        ),
        age: (id % 90) as u32,
        about: std::array::from_fn(|place| (id * 31 + round * 7 + place as u64 * 13).to_le_bytes()[0]),
    };
    let count = 30_000;
    // The row, and its key in the table and in two indexes.
    let live: u64 = (0..count).map(|id| row(id, 9).email.len() as u64 * 2 + 24 + 4 * 9 + 8).sum();
    assert!(live > 3 << 20);
    let most = memory(|| {
        let db = Database::builder().background(Background::Manual).in_memory().unwrap();
        let users = db.table::<User>().unwrap();
        for round in 0..3 {
            for first in (0..count).step_by(100) {
                let rows: Vec<User> = (first..first + 100).map(|id| row(id, round)).collect();
                users.upsert_many(&rows).unwrap();
            }
            while db.step().unwrap() {}
        }
        assert_eq!(users.len().unwrap(), count);
    });
    // Memtables and their log, two of each, take what they take, however little is live.
    assert!(most < 3 * live + (32 << 20), "{} MiB for {} MiB", most >> 20, live >> 20);
}

/// What a call does on a machine.
fn work<R>(env: &MemoryEnv, call: impl FnOnce() -> R) -> (R, Counts) {
    let before = env.counts();
    let done = call();
    (done, env.counts().since(&before))
}

#[test]
fn opening_a_settled_database_and_closing_it_changes_nothing_and_one_write_between_is_two_syncs() {
    let env = MemoryEnv::new();
    let open = || small().env(Arc::new(env.clone())).open("/db").unwrap();
    let db = open();
    settled(&db);
    db.close().unwrap();
    for round in 0..5 {
        let (db, opening) = work(&env, &open);
        assert_eq!((opening.of(Operations::Syncs), opening.of(Operation::List)), (0, 1));
        assert_eq!((opening.of(Operation::Write), opening.of(Operation::Create)), (0, 0));
        assert!(opening.of(Operation::Read) <= 4 && opening.bytes_read < 8 << 10, "{opening:?}");
        let (users, table) = work(&env, || db.table::<User>().unwrap());
        assert_eq!(table.of(Operations::Mutations), 0);
        let (found, get) = work(&env, || users.get(20 * round).unwrap());
        assert_eq!(found, Some(user(20 * round)));
        // Two files at most, the catalog's and the row's, and a block of each.
        assert!(table.of(Operation::Read) + get.of(Operation::Read) <= 12, "{table:?} {get:?}");
        drop(users);
        let (closed, closing) = work(&env, || db.close());
        closed.unwrap();
        assert_eq!(closing.of(Operations::Any), 0);
    }
    for id in (1..21).step_by(2) {
        let ((), all) = work(&env, || {
            let db = open();
            db.table::<User>().unwrap().insert(&user(id)).unwrap();
            db.close().unwrap();
        });
        assert_eq!(all.of(Operations::Syncs), 2, "the commit, and the note how far the log goes");
        assert_eq!(all.of(Operation::List), 1);
    }
    let db = open();
    assert_eq!(db.table::<User>().unwrap().len().unwrap(), 4010);
    db.verify().unwrap();
}

#[test]
fn a_drop_is_one_small_write_and_one_sync_however_much_is_dropped() {
    let env = MemoryEnv::new();
    let db = small().env(Arc::new(env.clone())).open("/db").unwrap();
    let spaces = ["some", "many"].map(|name| db.keyspace(name).unwrap());
    settled(&db);
    for (place, space) in (1..).zip(&spaces) {
        (0..place * 500_u32).for_each(|n| space.put(n.to_be_bytes(), [7; 20]).unwrap());
    }
    db.checkpoint().unwrap();
    let drops: [&dyn Fn() -> bool; 3] =
        [&|| db.drop_keyspace("some").unwrap(), &|| db.drop_keyspace("many").unwrap(), &|| {
            db.drop_table("users").unwrap()
        }];
    for drop in drops {
        let (dropped, work) = work(&env, drop);
        assert!(dropped);
        assert_eq!((work.of(Operation::Write), work.of(Operations::Syncs)), (1, 1));
        assert_eq!(work.of(Operations::Mutations), 2);
        assert!(work.bytes_written < 500, "{} bytes", work.bytes_written);
    }
}
