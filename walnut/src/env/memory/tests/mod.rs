//! The machine in memory: like a real one while it runs, as cruel as one is allowed to be when it
//! stops.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod against_os;
mod crashes;

use super::*;
use crate::error::Error;

fn path(name: &str) -> &Path {
    Path::new(name)
}

/// The files after a crash of each kind, under many seeds.
fn crashes(env: &MemoryEnv) -> impl Iterator<Item = MemoryEnv> {
    CrashPolicy::ALL.into_iter().flat_map(move |policy| (0..50).map(move |seed| env.crash(policy, seed)))
}

/// Two threads that remove what is not needed list the same names.
#[test]
fn a_file_that_is_gone_is_removed() {
    let env = MemoryEnv::new();
    env.create(path("/file")).unwrap();
    env.create_dir(path("/dir")).unwrap();
    let env: &dyn Env = &env;
    for name in ["/file", "/file", "/dir"] {
        env.remove_file(path(name)).unwrap();
    }
    assert_eq!(env.list(path("/")).unwrap(), ["dir"]);
    // A file that is named by its owner is missed.
    assert!(
        matches!(env.remove(path("/file")), Err(Error::Io(error)) if error.kind() == ErrorKind::NotFound)
    );
}

#[test]
fn a_synced_file_without_a_synced_name_is_lost() {
    let env = MemoryEnv::new();
    env.create(path("/file")).unwrap().sync().unwrap();
    assert_eq!(env.crash(CrashPolicy::Lost, 0).files(), Vec::<PathBuf>::new());
    env.sync_dir(path("/")).unwrap();
    assert!(crashes(&env).all(|survivor| survivor.files() == [path("/file")]));
}

#[test]
fn a_directory_that_its_parent_was_not_synced_for_takes_its_files_along() {
    let env = MemoryEnv::new();
    env.create_dir(path("/db")).unwrap();
    env.create(path("/db/file")).unwrap().sync().unwrap();
    env.sync_dir(path("/db")).unwrap();
    let lost = env.crash(CrashPolicy::Lost, 0);
    assert_eq!(lost.kind(path("/db")).unwrap(), None);
    env.sync_dir(path("/")).unwrap();
    assert!(crashes(&env).all(|survivor| survivor.files() == [path("/db/file")]));
}

#[test]
fn a_named_file_without_a_sync_is_empty_at_worst() {
    let env = MemoryEnv::new();
    env.create(path("/file")).unwrap().write_at(b"bytes", 0).unwrap();
    env.sync_dir(path("/")).unwrap();
    assert_eq!(env.crash(CrashPolicy::Lost, 0).read_file("/file").unwrap(), b"");
}

#[test]
fn after_a_rename_the_target_is_the_old_or_the_new_file() {
    let env = MemoryEnv::new();
    env.write_file("/current", b"old").unwrap();
    env.write_file("/next", b"new").unwrap();
    env.rename(path("/next"), path("/current")).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for survivor in crashes(&env) {
        let current = survivor.read_file("/current").unwrap();
        assert!(current == b"old" || current == b"new");
        seen.insert((current == b"new", survivor.read_file("/next")));
    }
    assert_eq!(seen.len(), 4, "target and source go each their own way: {seen:?}");
    env.sync_dir(path("/")).unwrap();
    for survivor in crashes(&env) {
        assert_eq!(survivor.read_file("/current").unwrap(), b"new");
        assert_eq!(survivor.read_file("/next"), None);
    }
}

#[test]
fn both_names_that_a_crash_left_of_a_renamed_file_are_one_file() {
    let env = MemoryEnv::new();
    env.write_file("/a", b"nut").unwrap();
    env.rename(path("/a"), path("/b")).unwrap();
    let twice = (0..100).map(|seed| env.crash(CrashPolicy::Mixed, seed)).find(|env| env.files().len() == 2);
    let twice = twice.unwrap();
    twice.set_capacity(Some(10));
    assert_eq!(twice.free_space(path("/")).unwrap(), 7);
    twice.rename(path("/a"), path("/b")).unwrap();
    assert_eq!(twice.files().len(), 2, "a rename between names of one file does nothing");
    twice.remove(path("/a")).unwrap();
    assert_eq!(twice.read_file("/b").unwrap(), b"nut");
    twice.remove(path("/b")).unwrap();
    assert_eq!(twice.free_space(path("/")).unwrap(), 10);
}

#[test]
fn a_removed_file_may_come_back_until_its_directory_is_synced() {
    let env = MemoryEnv::new();
    env.write_file("/file", b"bytes").unwrap();
    env.remove(path("/file")).unwrap();
    assert_eq!(env.crash(CrashPolicy::Lost, 0).read_file("/file").unwrap(), b"bytes");
    env.sync_dir(path("/")).unwrap();
    assert!(crashes(&env).all(|survivor| survivor.files().is_empty()));
}

#[test]
fn a_removed_file_can_be_read_on() {
    let env = MemoryEnv::new();
    env.write_file("/file", b"bytes").unwrap();
    let file = env.open(path("/file")).unwrap();
    env.remove(path("/file")).unwrap();
    let mut bytes = [0; 5];
    file.read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!((&bytes, env.open_files()), (b"bytes", 1));
    drop(file);
    assert_eq!(env.open_files(), 0);
}

#[test]
fn a_lock_is_exclusive_until_it_is_dropped_or_the_machine_crashes() {
    let env = MemoryEnv::new();
    env.write_file("/LOCK", b"").unwrap();
    let held = env.lock(path("/LOCK")).unwrap();
    assert!(matches!(env.clone().lock(path("/LOCK")), Err(Error::Locked)));
    env.crash(CrashPolicy::Lost, 0).lock(path("/LOCK")).unwrap();
    drop(held);
    env.lock(path("/LOCK")).unwrap();
}

#[test]
fn a_full_disk_takes_what_fits_and_frees_what_has_no_name_and_no_reader() {
    let env = MemoryEnv::new();
    env.set_capacity(Some(1000));
    let file = env.create(path("/file")).unwrap();
    assert!(matches!(file.write_at(&[1; 600], 500), Err(Error::OutOfSpace)));
    assert_eq!((file.size().unwrap(), env.free_space(path("/")).unwrap()), (1000, 0));
    file.write_at(&[2; 1000], 0).unwrap();
    assert!(matches!(file.set_size(1001), Err(Error::OutOfSpace)));
    assert!(matches!(file.write_at(b"x", 1000), Err(Error::OutOfSpace)));
    file.set_size(900).unwrap();
    assert_eq!(env.free_space(path("/")).unwrap(), 100);
    assert!(matches!(file.write_at(b"x", 2000), Err(Error::OutOfSpace)), "the gap has no room either");
    file.write_at(b"", 2000).unwrap();
    assert_eq!(file.size().unwrap(), 900);

    env.remove(path("/file")).unwrap();
    assert_eq!(env.free_space(path("/")).unwrap(), 100, "it is still open");
    drop(file);
    assert_eq!(env.free_space(path("/")).unwrap(), 1000);
}

#[test]
fn a_replaced_file_gives_its_space_back() {
    let env = MemoryEnv::new();
    env.set_capacity(Some(100));
    env.write_file("/a", &[1; 30]).unwrap();
    env.write_file("/b", &[1; 50]).unwrap();
    env.rename(path("/a"), path("/b")).unwrap();
    assert_eq!(env.free_space(path("/")).unwrap(), 70);
    let survivor = env.crash(CrashPolicy::Lost, 0);
    assert_eq!(survivor.free_space(path("/")).unwrap(), 20);
}

#[test]
fn the_power_goes_off_at_the_operation_that_was_named() {
    let run = |plan: &dyn Fn(&MemoryEnv)| {
        let env = MemoryEnv::new();
        env.start_trace();
        plan(&env);
        let mut results = Vec::new();
        results.push(env.create(path("/f")).is_ok());
        if let Ok(file) = env.crash(CrashPolicy::Kept, 0).create(path("/g")) {
            results.push(file.sync().is_ok());
        }
        results.push(env.sync_dir(path("/")).is_ok());
        results.push(env.kind(path("/")).is_ok());
        results.push(env.sync_dir(path("/")).is_ok());
        results.push(env.list(path("/")).is_ok());
        (results, env.is_off(), env.sync_count())
    };
    let (yes, no) = (true, false);
    let expected = [
        (run(&|_| {}), (vec![yes, yes, yes, yes, yes, yes], no, 2)),
        (run(&|env| env.power_off_after(Operations::Syncs, 1)), (vec![yes, yes, yes, no, no, no], yes, 1)),
        (
            run(&|env| env.power_off_before_next(Operations::Syncs, 1)),
            (vec![yes, yes, yes, yes, no, no], yes, 1),
        ),
        (run(&|env| env.power_off_after(Operations::Mutations, 1)), (vec![yes, yes, no, no, no, no], yes, 0)),
        (run(&|env| env.power_off_after(Operation::List, 0)), (vec![no, yes, no, no, no, no], yes, 0)),
        (
            run(&|env| env.power_off_before_next(Operation::List, 0)),
            (vec![yes, yes, yes, yes, yes, no], yes, 2),
        ),
        (run(&MemoryEnv::power_off), (vec![no, yes, no, no, no, no], yes, 0)),
    ];
    for (index, (found, expected)) in expected.into_iter().enumerate() {
        assert_eq!(found, expected, "case {index}");
    }
}

#[test]
fn without_power_files_and_locks_are_dropped_in_peace() {
    let env = MemoryEnv::new();
    let file = env.create(path("/file")).unwrap();
    let lock = env.lock(path("/LOCK")).unwrap();
    env.power_off();
    let Err(Error::Io(error)) = file.size() else { panic!("there is no power") };
    assert_eq!(error.to_string(), "cannot measure /file: the machine has no power");
    drop((file, lock));
    assert_eq!(env.open_files(), 0);
}

#[test]
fn a_lost_sync_stays_in_sight_and_is_never_durable() {
    let env = MemoryEnv::new();
    env.write_file("/file", b"old old").unwrap();
    let open = env.create(path("/other")).unwrap();
    open.write_at(b"one", 0).unwrap();
    env.lose_unsynced("/other").unwrap();
    open.write_at(b"two", 3).unwrap();
    open.sync().unwrap();
    env.sync_dir(path("/")).unwrap();
    assert_eq!(env.read_file("/other").unwrap(), b"onetwo");
    for survivor in crashes(&env) {
        assert_eq!(survivor.read_file("/other").unwrap(), b"\0\0\0two");
    }
    env.drop_cache("/other").unwrap();
    assert_eq!(env.read_file("/other").unwrap(), b"\0\0\0two");
}

#[test]
fn the_same_calls_give_the_same_trace_times_and_randomness() {
    let run = |seed| {
        let env = MemoryEnv::with_seed(seed);
        env.start_trace();
        env.create_dir(path("/d")).unwrap();
        let file = env.create(path("/d/f")).unwrap();
        file.write_at(b"abc", 9).unwrap();
        file.read_at(&mut [0; 4], 2).unwrap();
        file.sync().unwrap();
        file.set_size(5).unwrap();
        env.remove(path("/d/f")).unwrap();
        assert!(env.open(path("/d/f")).is_err());
        let mut random = [0; 20];
        env.fill_random(&mut random);
        (env.trace(), env.wall_clock(), env.monotonic_clock(), random)
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3).3, run(4).3);
    let lines = [
        "create_dir /d",
        "create /d/f",
        "write /d/f 9+3",
        "read /d/f 2+4",
        "sync /d/f",
        "set_size /d/f 5",
        "remove /d/f",
        "open /d/f",
    ];
    assert_eq!(run(3).0, lines);
}

#[test]
fn a_machine_that_starts_again_has_new_randomness_and_a_later_wall_clock() {
    let env = MemoryEnv::with_seed(3);
    let survivor = env.crash(CrashPolicy::Lost, 0);
    let random = |env: &MemoryEnv| {
        let mut bytes = [0; 16];
        env.fill_random(&mut bytes);
        bytes
    };
    assert_ne!(random(&env), random(&survivor));
    env.advance(Duration::from_secs(5));
    let before = env.wall_clock();
    let survivor = env.crash(CrashPolicy::Lost, 0);
    assert!(survivor.wall_clock() > before && survivor.monotonic_clock() < Duration::from_secs(1));
}

#[test]
fn a_file_put_on_the_disk_by_a_test_is_durable_whatever_was_pending() {
    let env = MemoryEnv::new();
    env.write_file("/d/file", b"old").unwrap();
    let open = env.open(path("/d/file")).unwrap();
    env.write_file("/d/file", b"damaged").unwrap();
    let mut bytes = [0; 7];
    open.read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!(&bytes, b"damaged");

    env.create_dir(path("/e")).unwrap();
    env.create(path("/e/file")).unwrap().write_at(b"pending bytes", 0).unwrap();
    env.remove(path("/d/file")).unwrap();
    env.write_file("/d/file", b"new").unwrap();
    env.write_file("/e/file", b"new").unwrap();
    for survivor in crashes(&env) {
        assert_eq!(survivor.files(), [path("/d/file"), path("/e/file")]);
        assert!(survivor.files().iter().all(|file| survivor.read_file(file).unwrap() == b"new"));
    }
}

#[test]
fn threads_read_write_and_crash_one_machine_together() {
    let env = MemoryEnv::new();
    std::thread::scope(|scope| {
        for thread in 0..4u8 {
            let env = env.clone();
            scope.spawn(move || {
                let name = format!("/{thread}");
                let file = env.create(path(&name)).unwrap();
                env.sync_dir(path("/")).unwrap();
                for round in 0..50 {
                    file.write_at(&[thread; 100], round * 100).unwrap();
                    file.sync().unwrap();
                    let survivor = env.crash(CrashPolicy::Torn, round);
                    let bytes = survivor.read_file(&name).unwrap();
                    assert_eq!(bytes, vec![thread; usize::try_from(round + 1).unwrap() * 100]);
                }
            });
        }
    });
    assert_eq!((env.sync_count(), env.open_files()), (204, 0));
}

#[test]
fn senseless_paths_and_offsets_are_errors() {
    let env = MemoryEnv::new();
    env.write_file("/file", b"x").unwrap();
    assert!(env.create(path("/")).is_err() && env.create_dir(path("/")).is_err());
    assert!(env.create(path("/file/below")).is_err() && env.create(path("/missing/file")).is_err());
    assert!(env.write_file("/file/below", b"").is_err() && env.write_file("/", b"").is_err());
    assert_eq!(env.kind(path("/d/../file")).unwrap(), Some(PathKind::File));
    let file = env.create(path("/big")).unwrap();
    for offset in [1 << 30, u64::MAX - 1, u64::MAX] {
        assert!(
            file.write_at(b"xy", offset).is_err()
                && file.set_size(offset + u64::from(offset < u64::MAX)).is_err()
        );
        assert_eq!(file.read_at(&mut [0; 2], offset).unwrap(), 0);
    }
    assert!(env.open(path("/file")).unwrap().write_at(b"y", 0).is_err(), "opened for reading alone");
}
