//! Edits are durable in order, or refused.

use super::*;
use crate::env::{CrashPolicy, FaultEffect, FaultEnv, FaultPlan, Operation};

#[test]
fn a_state_comes_back_with_all_its_edits() {
    let env = machine();
    let mut manifest = create(&env, 1, new_state()).unwrap();
    let log = VersionEdit { log_number: Some(FileNumber(1)), ..VersionEdit::default() };
    manifest.append(&log).unwrap();
    for _ in 0..5 {
        manifest.append(&flush(manifest.state())).unwrap();
    }
    let loaded = read(&env).unwrap().unwrap();
    assert_eq!(loaded.state, *manifest.state());
    assert_eq!((loaded.number, loaded.database), (FileNumber(1), DATABASE));
    assert_eq!(loaded.end, env.read_file(path("MANIFEST-000001")).unwrap().len() as u64);
    assert_eq!(loaded.state.version.level(Level::ZERO).len(), 5);
}

#[test]
fn a_snapshot_of_many_files_comes_back() {
    let env = machine();
    let mut state = ManifestState { next_file: FileNumber(5000), ..ManifestState::default() };
    let added = (1..2500).map(|n| (level(3), sst(n, &format!("{n:05}a"), &format!("{n:05}b")))).collect();
    state = state.apply(&VersionEdit { added, ..VersionEdit::default() }).unwrap();
    create(&env, 1, state.clone()).unwrap();
    assert_eq!(read(&env).unwrap().unwrap().state, state);
}

#[test]
fn everything_is_durable_in_its_order() {
    let env = machine();
    env.start_trace();
    let mut manifest = create(&env, 1, new_state()).unwrap();
    let changes: Vec<_> = env.trace().into_iter().filter(|line| !line.starts_with("kind")).collect();
    let expected = [
        "create /db/MANIFEST-000001",
        "sync_dir /db",
        "write /db/MANIFEST-000001 0+96",
        "sync /db/MANIFEST-000001",
        "create /db/CURRENT.tmp",
        "write /db/CURRENT.tmp 0+127",
        "sync /db/CURRENT.tmp",
        "rename /db/CURRENT.tmp /db/CURRENT",
        "sync_dir /db",
    ];
    assert_eq!(changes, expected);
    env.start_trace();
    manifest.append(&flush(manifest.state())).unwrap();
    assert_eq!(env.trace(), ["write /db/MANIFEST-000001 96+48", "sync /db/MANIFEST-000001"]);
}

#[test]
fn old_manifests_go_when_current_names_the_new_one() {
    let env = machine();
    let manifest = create(&env, 1, new_state()).unwrap();
    let state = ManifestState { next_file: FileNumber(3), ..manifest.state().clone() };
    let manifest = create(&env, 2, state).unwrap();
    assert_eq!(env.list(Path::new("/db")).unwrap(), ["CURRENT", "MANIFEST-000001", "MANIFEST-000002"]);
    manifest.remove_others().unwrap();
    assert_eq!(env.list(Path::new("/db")).unwrap(), ["CURRENT", "MANIFEST-000002"]);
    assert_eq!(read(&env).unwrap().unwrap().number, FileNumber(2));
}

#[test]
fn an_edit_that_does_not_fit_is_written_nowhere() {
    let env = machine();
    let mut manifest = create(&env, 1, new_state()).unwrap();
    let before = env.read_file(path("MANIFEST-000001"));
    let removed = vec![(Level::ZERO, FileNumber(9))];
    let edit = VersionEdit { removed, ..VersionEdit::default() };
    assert!(matches!(manifest.append(&edit), Err(Error::Corruption { .. })));
    assert_eq!(env.read_file(path("MANIFEST-000001")), before);
    manifest.append(&flush(manifest.state())).unwrap();
}

#[test]
fn after_a_failed_append_or_sync_the_manifest_is_poisoned() {
    for operation in [Operation::Write, Operation::Sync] {
        let memory = machine();
        let env = FaultEnv::over_memory(memory.clone());
        let mut manifest = create(&env, 1, new_state()).unwrap();
        manifest.append(&flush(manifest.state())).unwrap();
        env.inject(FaultPlan::once(operation, 0, FaultEffect::ErrorAfter));
        manifest.append(&flush(manifest.state())).unwrap_err();
        assert!(matches!(manifest.append(&VersionEdit::default()), Err(Error::Poisoned)));

        // A new manifest decides whether the edit counts.
        let state = manifest.state().clone();
        let state = ManifestState { next_file: FileNumber(9), ..state };
        let mut manifest = create(&env, 8, state).unwrap();
        manifest.append(&flush(manifest.state())).unwrap();
        for policy in CrashPolicy::ALL {
            let loaded = read(&memory.crash(policy, 3)).unwrap().unwrap();
            assert_eq!(loaded.state, *manifest.state());
        }
    }
}

#[test]
fn a_place_without_a_database_is_told_from_a_lost_one() {
    let env = machine();
    assert_eq!(read(&env).unwrap(), None);
    env.write_file("/db/LOCK", b"").unwrap();
    env.write_file("/db/CURRENT.tmp", b"wal").unwrap();
    env.write_file("/db/MANIFEST-000001", b"wal").unwrap();
    assert_eq!(read(&env).unwrap(), None, "a making that a crash cut short");
    create(&env, 1, new_state()).unwrap();
    read(&env).unwrap().unwrap();

    for name in ["wal-000001.log", "000007.sst", "MANIFEST-000002"] {
        let env = machine();
        env.write_file(path("MANIFEST-000001"), b"wal").unwrap();
        env.write_file(path(name), b"something").unwrap();
        assert_eq!(corruption(read(&env).unwrap_err()), (path("CURRENT"), 0, Fault::Missing));
    }
}

/// A place of an encrypted file is sealed once.
#[cfg(feature = "encryption")]
#[test]
fn an_edit_without_room_is_undone_unless_the_manifest_is_encrypted() {
    use crate::crypt::{EncryptionKey, KeyFile};
    let key = EncryptionKey::from_bytes([1; 32]);
    let (_, encrypted) = KeyFile::create(&MemoryEnv::with_seed(1), DATABASE, &key).unwrap();
    for keys in [DataKeys::none(), encrypted] {
        let env = FaultEnv::over_memory(machine());
        let dir = dir(&env, keys.clone());
        let mut manifest = ManifestWriter::create(&dir, FileNumber(1), new_state()).unwrap();
        note(&mut manifest, 1..2);
        env.inject(FaultPlan::once(Operation::Write, 0, FaultEffect::FullDisk));
        let edit = VersionEdit { log_seqno: Some(SeqNo(2)), ..VersionEdit::default() };
        assert!(matches!(manifest.append(&edit), Err(Error::OutOfSpace)));
        env.heal();
        let edit = VersionEdit { log_seqno: Some(SeqNo(3)), ..VersionEdit::default() };
        let found = match manifest.append(&edit) {
            Ok(_) => {
                assert!(!keys.is_encrypted());
                3
            }
            Err(error) => {
                assert!(keys.is_encrypted() && matches!(error, Error::Poisoned), "{error:?}");
                1
            }
        };
        let loaded = load(&env, &dir.path, &env.list(&dir.path).unwrap(), &keys).unwrap().unwrap();
        assert_eq!(loaded.state.log_seqno, SeqNo(found));
    }
}

/// Edits that each record one of the numbers in a range.
fn note(manifest: &mut ManifestWriter, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let edit = VersionEdit { log_seqno: Some(SeqNo(number)), ..VersionEdit::default() };
        manifest.append(&edit).unwrap();
    }
}

fn reopen(env: &MemoryEnv) -> ManifestWriter {
    let loaded = read(env).unwrap().unwrap();
    ManifestWriter::reopen(&dir(env, DataKeys::none()), &loaded).unwrap()
}

#[test]
fn a_manifest_that_was_read_is_added_to_when_nothing_but_its_last_edit_is_in_doubt() {
    let env = machine();
    let mut manifest = create(&env, 1, new_state()).unwrap();
    assert!(reopen(&env).is_poisoned(), "only an edit says that CURRENT was durable");
    note(&mut manifest, 1..3);
    for round in 3..30 {
        let is_sealed = round % 2 == 0;
        if is_sealed {
            manifest.seal().unwrap();
        }
        manifest = reopen(&env);
        assert_eq!((manifest.is_poisoned(), manifest.is_durable()), (false, is_sealed));
        manifest.seal().unwrap();
        let before = env.sync_count();
        note(&mut manifest, round..round + 1);
        assert_eq!(env.sync_count() - before, if is_sealed { 1 } else { 2 });
        assert_eq!(read(&env).unwrap().unwrap().state.log_seqno, SeqNo(round));
    }
    let path = path("MANIFEST-000001");
    let mut bytes = env.read_file(&path).unwrap();
    bytes.extend_from_slice(&[1; 8]);
    env.write_file(&path, &bytes).unwrap();
    assert!(reopen(&env).is_poisoned(), "something stands behind the last frame");
}

#[test]
fn an_edit_that_a_failed_sync_has_left_in_sight_is_durable_before_the_next_one() {
    for cut in 0..3 {
        let env = machine();
        let mut manifest = create(&env, 1, new_state()).unwrap();
        note(&mut manifest, 1..3);
        env.power_off_after(Operation::Sync, 0);
        drop(manifest);
        let env = env.crash(CrashPolicy::Kept, 0);
        let faulty = crate::env::FaultEnv::over_memory(env.clone());
        let loaded = read(&env).unwrap().unwrap();
        let mut manifest = ManifestWriter::reopen(&dir(&faulty, DataKeys::none()), &loaded).unwrap();
        let lost = crate::env::FaultPlan::once(Operation::Sync, 1, crate::env::FaultEffect::LostSync);
        faulty.inject(lost);
        let edit = VersionEdit { log_seqno: Some(SeqNo(3)), ..VersionEdit::default() };
        assert!(matches!(manifest.append(&edit), Err(Error::Io(_))));
        // The edit is readable, and only a sync after a rewrite makes it durable.
        let mut manifest = reopen(&env);
        assert_eq!(manifest.state().log_seqno, SeqNo(3));
        env.power_off_after(Operation::Sync, cut);
        let edit = VersionEdit { log_seqno: Some(SeqNo(4)), ..VersionEdit::default() };
        let appended = manifest.append(&edit).is_ok();
        for policy in CrashPolicy::ALL {
            let found = read(&env.crash(policy, cut)).unwrap().unwrap().state.log_seqno;
            let least = if appended { 4 } else { 2 };
            assert!((least..=4).contains(&found.0), "{found:?} after {cut} syncs, {policy:?}");
        }
    }
}
