//! The machine that fails, on command and only then.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::env::{CrashPolicy, Operations, OsEnv};

fn path(name: &str) -> &Path {
    Path::new(name)
}

fn over_memory() -> (MemoryEnv, FaultEnv) {
    let memory = MemoryEnv::new();
    (memory.clone(), FaultEnv::over_memory(memory))
}

fn once(operations: impl Into<Operations>, effect: FaultEffect) -> FaultPlan {
    FaultPlan::once(operations, 0, effect)
}

/// Every operation there is, under a directory.
fn workload(env: &dyn Env, root: &Path) -> Result<()> {
    let (one, two, dir) = (root.join("one"), root.join("two"), root.join("dir"));
    env.create_dir(&dir)?;
    env.sync_dir(root)?;
    let _lock = env.lock(&root.join("LOCK"))?;
    let file = env.create(&one)?;
    file.write_at(b"bytes", 0)?;
    file.sync()?;
    file.set_size(3)?;
    file.size()?;
    env.rename(&one, &two)?;
    let mut bytes = [0; 3];
    env.open(&two)?.read_exact_at(&mut bytes, 0)?;
    assert_eq!(&bytes, b"byt");
    env.list(&dir)?;
    env.kind(&two)?;
    env.free_space(&two)?;
    env.remove(&two)
}

#[test]
fn every_operation_can_be_made_to_fail_on_every_machine() {
    let machines: [fn() -> FaultEnv; 2] =
        [|| FaultEnv::new(Arc::new(OsEnv)), || FaultEnv::over_memory(MemoryEnv::new())];
    for machine in machines {
        let run = |env: &FaultEnv| {
            let directory = tempfile::tempdir().unwrap();
            let root = if let Inner::Memory(_) = env.inner { path("/") } else { directory.path() };
            workload(env, root)
        };
        let counting = machine();
        run(&counting).unwrap();
        assert_eq!(counting.counts().of(Operations::Any), 15);
        for n in 0..15 {
            for effect in [FaultEffect::Error, FaultEffect::ErrorAfter] {
                let env = machine();
                env.inject(FaultPlan::once(Operations::Any, n, effect));
                let Err(Error::Io(error)) = run(&env) else { panic!("operation {n} did not fail") };
                assert_eq!(error.kind(), io::ErrorKind::Other);
                assert_eq!((env.struck(), env.counts().of(Operations::Any)), (1, n + 1));
            }
        }
    }
}

#[test]
fn a_plan_strikes_once_or_for_ever_and_only_where_it_was_meant() {
    let (_, env) = over_memory();
    let (wal, sst) = (env.create(path("/1.wal")).unwrap(), env.create(path("/2.sst")).unwrap());
    env.inject(FaultPlan::once(Operation::Sync, 1, FaultEffect::Error).in_files(".wal"));
    let outcome = [wal.sync(), sst.sync(), wal.sync(), wal.sync()].map(|result| result.is_ok());
    assert_eq!(outcome, [true, true, false, true]);

    env.inject(FaultPlan::for_ever(Operation::Sync, 1, FaultEffect::Error));
    let outcome = [wal.sync(), sst.sync(), wal.sync()].map(|result| result.is_ok());
    assert_eq!(outcome, [true, false, false]);
    env.heal();
    wal.sync().unwrap();
    assert_eq!(env.struck(), 3);
}

#[test]
fn a_failed_operation_did_not_happen_and_a_hidden_success_did() {
    let (memory, env) = over_memory();
    env.inject(once(Operation::Create, FaultEffect::Error));
    assert!(env.create(path("/a")).is_err() && memory.files().is_empty());
    env.inject(once(Operation::Create, FaultEffect::ErrorAfter));
    assert!(env.create(path("/a")).is_err() && memory.files() == [path("/a")]);
    assert_eq!(memory.open_files(), 0);
}

#[test]
fn a_short_write_leaves_its_first_half() {
    for (effect, is_full) in [(FaultEffect::ShortWrite, false), (FaultEffect::FullDisk, true)] {
        let (memory, env) = over_memory();
        let file = env.create(path("/file")).unwrap();
        env.inject(once(Operations::Any, effect));
        assert_eq!(matches!(file.write_at(b"walnut", 0), Err(Error::OutOfSpace)), is_full);
        assert_eq!(memory.read_file("/file").unwrap(), b"wal");
    }
}

#[test]
fn a_full_disk_refuses_what_needs_space_and_nothing_else() {
    let (_, env) = over_memory();
    let file = env.create(path("/file")).unwrap();
    env.inject(FaultPlan::for_ever(Operations::Any, 0, FaultEffect::FullDisk));
    assert!(matches!(file.set_size(9), Err(Error::OutOfSpace)));
    assert!(matches!(env.create(path("/other")), Err(Error::OutOfSpace)));
    assert!(matches!(file.sync(), Err(Error::OutOfSpace)));
    file.read_at(&mut [0; 4], 0).unwrap();
    env.remove(path("/file")).unwrap();
}

#[test]
fn a_lost_sync_of_a_renamed_file_takes_its_bytes_for_good() {
    let (memory, env) = over_memory();
    let file = env.create(path("/a")).unwrap();
    file.write_at(b"safe", 0).unwrap();
    file.sync().unwrap();
    file.write_at(b" and lost", 4).unwrap();
    env.rename(path("/a"), path("/b")).unwrap();
    env.sync_dir(path("/")).unwrap();
    env.inject(once(Operations::Syncs, FaultEffect::LostSync));
    assert!(file.sync().is_err());
    file.sync().unwrap();
    assert_eq!(memory.read_file("/b").unwrap(), b"safe and lost");
    assert_eq!(memory.crash(CrashPolicy::Kept, 0).read_file("/b").unwrap(), b"safe");
}

#[test]
fn a_lost_sync_of_a_directory_takes_its_names_for_good() {
    let (memory, env) = over_memory();
    env.create(path("/file")).unwrap();
    env.inject(once(Operation::SyncDir, FaultEffect::LostSync));
    assert!(env.sync_dir(path("/")).is_err());
    env.sync_dir(path("/")).unwrap();
    assert!(memory.crash(CrashPolicy::Kept, 0).files().is_empty());
}

#[test]
fn a_flipped_bit_is_in_the_answer_and_not_on_the_disk() {
    let (memory, env) = over_memory();
    memory.write_file("/file", &[0; 3]).unwrap();
    let file = env.open(path("/file")).unwrap();
    let mut bytes = [0; 3];
    for (bit, expected) in [(0, [1, 0, 0]), (23, [0, 0, 128]), (24 + 9, [0, 2, 0])] {
        env.inject(once(Operations::Any, FaultEffect::FlippedBit(bit)));
        file.read_at(&mut bytes, 0).unwrap();
        assert_eq!(bytes, expected);
    }
    file.read_at(&mut bytes, 0).unwrap();
    assert_eq!(bytes, [0; 3]);
    env.inject(once(Operations::Any, FaultEffect::FlippedBit(0)));
    assert_eq!(file.read_at(&mut bytes, 3).unwrap(), 0, "there is no bit to flip at the end");
}
