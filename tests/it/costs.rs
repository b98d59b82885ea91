//! What operations cost, counted: block reads and allocations, which no clock has to tell.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use walnut::env::{FaultEnv, MemoryEnv, Operation};
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
