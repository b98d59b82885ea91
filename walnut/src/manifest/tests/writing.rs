//! Edits: durable in order, or refused.

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
        "write /db/MANIFEST-000001 0+96",
        "sync /db/MANIFEST-000001",
        "sync_dir /db",
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
