//! The reference engine keeps its own contract, and fails as it is told.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::backend::Writes;
use crate::engine::Durability;

fn put(memory: &Memory, entries: &[(&[u8], &[u8])]) {
    let mut session = memory.begin(Mode::Write).unwrap();
    session.pin().unwrap();
    let mut writes = Writes::new();
    for (key, value) in entries {
        writes.put(key, value);
    }
    session.commit(&writes, Durability::Safe).unwrap();
}

fn get(memory: &Memory, key: &[u8]) -> Option<Vec<u8>> {
    memory.begin(Mode::One).unwrap().get_many(&[key]).unwrap().remove(0)
}

fn write(key: &[u8]) -> Writes {
    let mut writes = Writes::new();
    writes.put(key, b"new");
    writes
}

#[test]
fn a_commit_that_arrives_late_conflicts_with_what_was_written_since() {
    let memory = Memory::new();
    put(&memory, &[(b"slot", b"0")]);
    for is_in_the_way in [false, true] {
        let mut session = memory.begin(Mode::Write).unwrap();
        session.pin().unwrap();
        memory.delay_next_commit();
        let unknown = session.commit(&write(b"slot"), Durability::Safe);
        assert!(matches!(unknown, Err(Failure::CommitUnknown(_))));
        if is_in_the_way {
            put(&memory, &[(b"slot", b"fence")]);
        }
        assert_eq!(memory.deliver(), usize::from(!is_in_the_way));
        let found = get(&memory, b"slot").unwrap();
        assert_eq!(found, if is_in_the_way { &b"fence"[..] } else { b"new" });
    }
    assert_eq!(memory.unknown_count(), 2);
    assert_eq!(memory.open_session_count(), 0);
}

#[test]
fn old_versions_go_when_no_session_reads_them() {
    let memory = Memory::new();
    let version_count = || memory.shared.versions.count();
    put(&memory, &[(b"a", b"0")]);
    let mut reader = memory.begin(Mode::Read).unwrap();
    reader.pin().unwrap();
    for _ in 0..10 {
        put(&memory, &[(b"a", b"1")]);
    }
    assert_eq!(reader.get_many(&[b"a"]).unwrap(), [Some(b"0".to_vec())]);
    drop(reader);
    put(&memory, &[(b"a", b"2")]);
    put(&memory, &[(b"a", b"3")]);
    assert!(version_count() <= 2, "{} versions", version_count());
}

#[test]
fn a_session_that_has_failed_or_is_too_old_is_of_no_more_use() {
    let memory = Memory::new();
    put(&memory, &[(b"a", b"0")]);
    let mut session = memory.begin(Mode::Write).unwrap();
    session.pin().unwrap();
    memory.expire_sessions();
    assert_eq!(session.get_many(&[b"a"]), Err(Failure::TooOld));
    assert!(matches!(session.get_many(&[b"a"]), Err(Failure::Other(_))));
    memory.set_reachable(false);
    let mut session = memory.begin(Mode::Read).unwrap();
    assert!(matches!(session.scan(b"", None, 1, false), Err(Failure::Unavailable(_))));
    memory.set_reachable(true);
    assert!(matches!(session.scan(b"", None, 1, false), Err(Failure::Other(_))));
}

#[test]
fn limits_are_refused_before_anything_is_written() {
    let memory = Memory::new();
    let mut limits = Limits::default();
    (limits.key, limits.value, limits.commit_count, limits.commit_size) = (3, 4, 2, 10);
    memory.set_limits(limits);
    let refuses = |writes: &Writes| {
        let mut session = memory.begin(Mode::Write).unwrap();
        session.pin().unwrap();
        matches!(session.commit(writes, Durability::Safe), Err(Failure::TooLarge(_)))
    };
    let writes = |entries: &[(&[u8], &[u8])]| {
        let mut writes = Writes::new();
        for (key, value) in entries {
            writes.put(key, value);
        }
        writes
    };
    assert!(!refuses(&writes(&[(b"abc", b"1234"), (b"b", b"")])));
    assert!(refuses(&writes(&[(b"abcd", b"")])));
    assert!(refuses(&writes(&[(b"a", b"12345")])));
    assert!(refuses(&writes(&[(b"a", b""), (b"b", b""), (b"c", b"")])));
    assert!(refuses(&writes(&[(b"abc", b"1234"), (b"bbb", b"1")])));
    assert_eq!(get(&memory, b"a"), None);
}
