//! Encrypted databases: keys that do not fit, changes of keys under crashes, nonces, files in the
//! places of others.

use std::collections::BTreeSet;

use super::*;
use crate::crypt::Ledger;
use crate::env::{CrashPolicy, FaultEffect, FaultPlan, Operations};
use crate::error::KeyFault;

fn user_key(byte: u8) -> Arc<EncryptionKey> {
    Arc::new(EncryptionKey::from_bytes([byte; 32]))
}

/// Small files of every kind.
fn encrypted(key: &Arc<EncryptionKey>) -> EngineConfig {
    EngineConfig {
        encryption: Some(Arc::clone(key)),
        values: ValueConfig { threshold: 36, max_file_size: 1 << 10 },
        ..config()
    }
}

fn plain() -> EngineConfig {
    EngineConfig { encryption: None, ..encrypted(&user_key(1)) }
}

/// An engine with SSTs, value files, and commits in the log alone; and its state.
fn filled(env: &(impl Env + Clone), config: EngineConfig) -> (Engine, State) {
    let engine = open_with(env, config).unwrap();
    for n in 0..60 {
        put(&engine, n * 7 % 60, n).unwrap();
    }
    engine.flush_everything().unwrap();
    for n in 60..70 {
        put(&engine, n, 1).unwrap();
    }
    engine.sync().unwrap();
    assert!(engine.stats().sst_count > 2 && engine.stats().value_file_count > 1);
    let state = state(&engine).unwrap();
    (engine, state)
}

/// Every file, by its path.
fn image(env: &MemoryEnv) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    env.files().into_iter().map(|path| (path.clone(), env.read_file(path))).collect()
}

fn refusal(env: &(impl Env + Clone), config: EngineConfig) -> KeyFault {
    match open_with(env, config) {
        Err(Error::WrongKey(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

fn names(env: &MemoryEnv) -> Vec<String> {
    env.list(Path::new(DIR)).unwrap()
}

fn path(name: &str) -> PathBuf {
    Path::new(DIR).join(name)
}

/// The ids of data keys in the headers of all files.
fn data_keys(env: &MemoryEnv) -> BTreeSet<u32> {
    let mut ids = BTreeSet::new();
    for file in env.files() {
        let bytes = env.read_file(&file).unwrap();
        let name = file.file_name().unwrap().to_str().unwrap();
        if [".sst", ".vlog", ".log", "MANIFEST"].iter().any(|part| name.contains(part)) {
            ids.insert(u32::from_le_bytes(*bytes[64..].first_chunk().unwrap()));
        }
    }
    ids
}

type Change<'a> = &'a dyn Fn(&MemoryEnv);

type Expected<'a> = &'a dyn Fn(KeyFault) -> bool;

#[test]
fn a_key_that_does_not_fit_is_told_before_anything_is_touched() {
    let (vault, open_db) = (machine(), machine());
    filled(&vault, encrypted(&user_key(1))).0.close().unwrap();
    filled(&open_db, plain()).0.close().unwrap();
    let keys = vault.read_file(path("KEYS")).unwrap();
    let unreadable = |fault: KeyFault| matches!(fault, KeyFault::Unreadable(_));
    let is = |expected: KeyFault| move |fault| fault == expected;
    let cases: [(&MemoryEnv, Option<u8>, Change<'_>, Expected<'_>); 10] = [
        (&vault, Some(2), &|_| (), &is(KeyFault::Wrong)),
        (&vault, None, &|_| (), &is(KeyFault::Missing)),
        (&open_db, Some(1), &|_| (), &is(KeyFault::NotEncrypted)),
        (&vault, Some(1), &|env| env.remove(&path("KEYS")).unwrap(), &unreadable),
        (&vault, None, &|env| env.remove(&path("KEYS")).unwrap(), &unreadable),
        (&vault, Some(1), &|env| env.write_file(path("KEYS"), &keys[..100]).unwrap(), &unreadable),
        (&vault, Some(1), &|env| env.write_file(path("KEYS"), &[]).unwrap(), &unreadable),
        (&open_db, None, &|env| env.write_file(path("KEYS"), &keys).unwrap(), &is(KeyFault::Missing)),
        (&open_db, Some(1), &|env| env.write_file(path("KEYS"), &keys).unwrap(), &is(KeyFault::NotEncrypted)),
        (&vault, Some(2), &|env| env.remove(&path("LOCK")).unwrap(), &is(KeyFault::Wrong)),
    ];
    for (number, (source, key, change, expected)) in cases.into_iter().enumerate() {
        let env = source.crash(CrashPolicy::Kept, 7);
        change(&env);
        let before = image(&env);
        let config = EngineConfig { encryption: key.map(user_key), ..plain() };
        let fault = refusal(&env, config);
        assert!(expected(fault), "case {number}: {fault:?}");
        assert_eq!(image(&env), before, "case {number}");
    }
    // The key file of another database under the same user's key.
    let env = vault.crash(CrashPolicy::Kept, 8);
    let strange = MemoryEnv::with_seed(77);
    strange.create_dir(Path::new(DIR)).unwrap();
    filled(&strange, encrypted(&user_key(1))).0.close().unwrap();
    env.write_file(path("KEYS"), &strange.read_file(path("KEYS")).unwrap()).unwrap();
    let before = image(&env);
    assert_eq!(refusal(&env, encrypted(&user_key(1))), KeyFault::OtherDatabase);
    assert_eq!(image(&env), before);
}

#[test]
fn a_database_goes_on_with_its_key_and_every_file_is_under_it() {
    let env = machine();
    let (engine, state) = filled(&env, encrypted(&user_key(1)));
    engine.close().unwrap();
    for _ in 0..3 {
        let engine = open_with(&env, encrypted(&user_key(1))).unwrap();
        assert_eq!(super::state(&engine).unwrap(), state);
        let verified = engine.verify().unwrap();
        assert!(verified.orphans.is_empty(), "{:?}", verified.orphans);
        assert_eq!(data_keys(&env), [1].into());
        engine.close().unwrap();
    }
    let sizes = names(&env).iter().filter(|name| name.starts_with("MANIFEST")).count();
    assert_eq!(sizes, 1);
}

#[test]
fn a_crash_at_every_operation_of_the_making_leaves_what_the_key_opens() {
    for cut in 0.. {
        let env = machine();
        env.power_off_after(Operations::Mutations, cut);
        let is_made = open_with(&env, encrypted(&user_key(1))).and_then(|engine| put(&engine, 1, 1)).is_ok();
        for policy in CrashPolicy::ALL {
            let survivor = env.crash(policy, cut);
            let engine = open_with(&survivor, encrypted(&user_key(1))).unwrap();
            put(&engine, 2, 1).unwrap();
            engine.close().unwrap();
            assert!(matches!(refusal(&survivor, plain()), KeyFault::Missing), "cut at {cut}");
        }
        if is_made && !env.is_off() {
            assert!(cut > 8);
            return;
        }
    }
}

#[test]
fn a_crash_at_every_operation_of_a_change_of_key_leaves_one_that_opens() {
    for cut in 0.. {
        let env = machine();
        let (engine, state) = filled(&env, encrypted(&user_key(1)));
        env.power_off_after(Operations::Mutations, cut);
        let is_changed = engine.change_key(&user_key(2)).is_ok();
        for policy in CrashPolicy::ALL {
            let survivor = env.crash(policy, cut);
            let opened = |byte| open_with(&survivor, encrypted(&user_key(byte)));
            let engine = match opened(2) {
                Err(Error::WrongKey(KeyFault::Wrong)) if !is_changed => opened(1).unwrap(),
                engine => {
                    let engine = engine.unwrap();
                    assert!(matches!(opened(1), Err(Error::WrongKey(KeyFault::Wrong))), "cut at {cut}");
                    engine
                }
            };
            assert_eq!(super::state(&engine).unwrap(), state, "cut at {cut}, {policy:?}");
            expect_no_leak(&survivor, &engine);
        }
        if is_changed && !env.is_off() {
            assert!(cut > 3, "{cut} operations");
            return;
        }
    }
}

#[test]
fn a_change_of_key_that_fails_leaves_one_that_opens() {
    for effect in [FaultEffect::Error, FaultEffect::ErrorAfter, FaultEffect::LostSync, FaultEffect::FullDisk]
    {
        for n in 0.. {
            let memory = machine();
            let env = FaultEnv::over_memory(memory.clone());
            let (engine, state) = filled(&env, encrypted(&user_key(1)));
            env.inject(FaultPlan::once(Operations::Any, n, effect));
            let changed = engine.change_key(&user_key(2));
            let struck = env.struck() > 0;
            env.heal();
            // What was not acknowledged is tried again.
            engine.change_key(&user_key(3)).unwrap();
            engine.close().unwrap();
            let engine = open_with(&memory, encrypted(&user_key(3))).unwrap();
            assert_eq!(super::state(&engine).unwrap(), state, "operation {n}, {effect:?}, {changed:?}");
            if !struck {
                assert!(n > 1, "{n} operations");
                break;
            }
        }
    }
}

/// Runs background work until a rotation is done.
fn finish_rotation(engine: &Engine) -> Result<()> {
    while engine.stats().data_key_count > 1 {
        if !engine.run_one_job()? {
            return Err(Error::Unsupported("a rotation that waits for files which cannot be removed"));
        }
    }
    Ok(())
}

#[test]
fn after_a_rotation_no_file_is_under_the_old_data_key() {
    let env = machine();
    let (engine, state) = filled(&env, encrypted(&user_key(1)));
    for current in 2..5 {
        engine.rotate_data_key().unwrap();
        let begun = engine.stats();
        assert!(begun.rotating_file_count > 3 && begun.rotating_size > 0 && begun.data_key_count == 2);
        put(&engine, 500, current).unwrap();
        finish_rotation(&engine).unwrap();
        assert_eq!(data_keys(&env), [current].into());
        assert_eq!((engine.stats().rotating_file_count, engine.stats().rotating_size), (0, 0));
        engine.verify().unwrap();
    }
    delete(&engine, 500).unwrap();
    assert_eq!(super::state(&engine).unwrap(), state);
    engine.close().unwrap();
    let engine = open_with(&env, encrypted(&user_key(1))).unwrap();
    assert_eq!(super::state(&engine).unwrap(), state);
    // It goes on after an opening.
    engine.rotate_data_key().unwrap();
    engine.close().unwrap();
    let engine = open_with(&env, encrypted(&user_key(1))).unwrap();
    assert_eq!(engine.stats().data_key_count, 2);
    finish_rotation(&engine).unwrap();
    assert_eq!(data_keys(&env), [5].into());
    assert_eq!(super::state(&engine).unwrap(), state);
}

#[test]
fn a_crash_at_every_operation_of_a_rotation_loses_nothing_and_it_is_finished_later() {
    for cut in (0..).step_by(if cfg!(debug_assertions) { 3 } else { 1 }) {
        let env = machine();
        let (engine, state) = filled(&env, encrypted(&user_key(1)));
        env.power_off_after(Operations::Mutations, cut);
        let is_done = engine.rotate_data_key().and_then(|()| finish_rotation(&engine)).is_ok();
        for policy in CrashPolicy::ALL {
            let survivor = env.crash(policy, cut);
            let engine = open_with(&survivor, encrypted(&user_key(1))).unwrap();
            assert_eq!(super::state(&engine).unwrap(), state, "cut at {cut}, {policy:?}");
            engine.rotate_data_key().unwrap();
            finish_rotation(&engine).unwrap();
            assert_eq!(data_keys(&survivor).len(), 1, "cut at {cut}, {policy:?}");
            assert_eq!(super::state(&engine).unwrap(), state, "cut at {cut}, {policy:?}");
            engine.verify().unwrap();
        }
        if is_done && !env.is_off() {
            assert!(cut > 20, "{cut} operations");
            return;
        }
    }
}

#[test]
fn a_rotation_waits_for_the_files_that_a_reader_may_still_open() {
    let env = machine();
    let (engine, _) = filled(&env, EngineConfig { open_limit: 8, cache_size: 0, ..encrypted(&user_key(1)) });
    let before = state(&engine).unwrap();
    let mut scan = engine.scan(KeyRange::all()).unwrap();
    engine.rotate_data_key().unwrap();
    while engine.run_one_job().unwrap() {}
    put(&engine, 1, 99).unwrap();
    assert_eq!(drain(&mut scan, false).unwrap().into_iter().collect::<State>(), before);
    drop(scan);
    finish_rotation(&engine).unwrap();
    assert_eq!(data_keys(&env), [2].into());
}

/// Commits, flushes, compactions, failures, crashes, reopenings and copies that go on beside the
/// original, chosen by a seed. Returns when so many seals were made.
fn wander(seed: u64, ledger: &Arc<Ledger>, seals: u64) {
    let mut random = Random(seed);
    let key = Arc::new(EncryptionKey::from_bytes([1; 32]).noted_in(ledger));
    let limits = || EngineConfig { preallocate: 4 << 10, reserve_size: 4 << 10, ..encrypted(&key) };
    let mut memory = MemoryEnv::with_seed(seed);
    memory.create_dir(Path::new(DIR)).unwrap();
    memory.sync_dir(Path::new("/")).unwrap();
    // Every machine that a crash or a copy makes has randomness of its own.
    let mut machines = seed << 32;
    let mut copy = |memory: &MemoryEnv, policy| {
        machines += 1;
        memory.crash(policy, machines)
    };
    let (began, _) = ledger.read();
    let mut refused_in_turn = 0;
    while ledger.read().0 < began + seals {
        let env = FaultEnv::over_memory(memory.clone());
        let Ok(engine) = open_with(&env, limits()) else {
            refused_in_turn += 1;
            assert!(refused_in_turn < 100, "seed {seed}: no opening succeeds");
            memory = copy(&memory, CrashPolicy::Kept);
            continue;
        };
        refused_in_turn = 0;
        for _ in 0..random.below(60) {
            let effect =
                [FaultEffect::Error, FaultEffect::ErrorAfter, FaultEffect::LostSync, FaultEffect::FullDisk]
                    [random.below(4) as usize];
            match random.below(40) {
                0 => env.inject(FaultPlan::once(Operations::Mutations, random.below(12).into(), effect)),
                1 => env.heal(),
                2 => drop(engine.flush_everything()),
                3 => drop(engine.compact()),
                4 => drop(engine.run_one_job()),
                5 => drop(engine.sync()),
                6 => drop(engine.rotate_data_key()),
                7 => drop(engine.change_key(&EncryptionKey::from_bytes([1; 32]))),
                8 => drop(engine.commits.note_durable()),
                9 => write_beside(&copy(&memory, CrashPolicy::Kept), limits(), &mut random),
                _ => drop(put(&engine, random.below(50), random.below(1 << 20))),
            }
        }
        match random.below(4) {
            0 => {
                drop(engine.close());
                // What was closed in order goes on where it ended, and so does a copy of it.
                if random.below(2) == 0 {
                    write_beside(&copy(&memory, CrashPolicy::Kept), limits(), &mut random);
                }
            }
            1 => {
                env.inject(FaultPlan::for_ever(
                    Operations::Mutations,
                    random.below(6).into(),
                    FaultEffect::FullDisk,
                ));
                drop(engine.close());
                env.heal();
                drop(engine);
            }
            chance => {
                let policy =
                    CrashPolicy::ALL[random.below(CrashPolicy::ALL.len().try_into().unwrap()) as usize];
                if chance == 2 {
                    memory.power_off();
                }
                let survivor = copy(&memory, policy);
                drop(engine);
                memory = survivor;
            }
        }
    }
}

/// Writes to a copy of a directory, while the original goes on.
fn write_beside(copy: &MemoryEnv, config: EngineConfig, random: &mut Random) {
    if let Ok(twin) = open_with(&FaultEnv::over_memory(copy.clone()), config) {
        for n in 0..=random.below(20) {
            drop(put(&twin, n, random.below(1 << 20)));
        }
        drop(twin.flush_everything());
    }
}

/// `WALNUT_SEALS=1000000` for the million; it prints how many there were.
#[test]
fn no_place_is_sealed_twice_with_other_bytes_whatever_fails_and_is_copied() {
    let wanted = std::env::var("WALNUT_SEALS").ok().and_then(|text| text.parse().ok()).unwrap_or(20_000);
    let ledger = Arc::new(Ledger::default());
    let mut seed = 0;
    while ledger.read().0 < wanted {
        seed += 1;
        wander(seed, &ledger, wanted.min(20_000));
    }
    let (count, repeats) = ledger.read();
    assert!(repeats.is_empty(), "{} of {count} seals are at a place that was sealed before", repeats.len());
    assert!(count >= wanted);
    if wanted > 20_000 {
        #[expect(clippy::print_stdout, reason = "the figure is what the long run is for")]
        {
            println!("{count} seals in {seed} runs, no place twice with other bytes");
        }
    }
}

/// The state that is read of a directory, or that it is refused.
fn read_all(env: &MemoryEnv) -> Option<State> {
    let engine = open_with(env, encrypted(&user_key(1))).ok()?;
    let state = state(&engine).ok()?;
    engine.verify().ok()?;
    Some(state)
}

/// Three moments of a database, and a second database under the same user's key; all are closed.
fn moments() -> (Vec<MemoryEnv>, Vec<State>, MemoryEnv) {
    let env = machine();
    let (engine, state) = filled(&env, encrypted(&user_key(1)));
    engine.close().unwrap();
    let (mut envs, mut states) = (vec![env.crash(CrashPolicy::Kept, 1)], vec![state]);
    for round in 1..3 {
        let engine = open_with(&env, encrypted(&user_key(1))).unwrap();
        for n in 0..40 {
            put(&engine, n, 100 * round).unwrap();
        }
        engine.flush_everything().unwrap();
        put(&engine, 80, round).unwrap();
        states.push(super::state(&engine).unwrap());
        engine.close().unwrap();
        envs.push(env.crash(CrashPolicy::Kept, u64::from(round) + 1));
    }
    let other = MemoryEnv::with_seed(55);
    other.create_dir(Path::new(DIR)).unwrap();
    filled(&other, encrypted(&user_key(1))).0.close().unwrap();
    (envs, states, other)
}

#[test]
fn a_file_of_another_moment_place_or_database_is_never_taken_for_the_own() {
    let (envs, states, other) = moments();
    let (last, state) = (&envs[2], &states[2]);
    let mut refused = 0;
    let mut check = |change: &dyn Fn(&MemoryEnv), what: String| {
        let env = last.crash(CrashPolicy::Kept, 3);
        change(&env);
        match read_all(&env) {
            None => refused += 1,
            Some(read) => assert_eq!(read, *state, "{what}"),
        }
    };
    for name in names(last).iter().filter(|name| *name != "LOCK" && *name != "RESERVE") {
        let own = last.read_file(path(name)).unwrap();
        // Its own bytes of an earlier moment, and those of every other file.
        for source in [&envs[0], &envs[1], last, &other] {
            for from in names(source) {
                let Some(bytes) = source.read_file(path(&from)) else { continue };
                if bytes != own {
                    check(
                        &|env| env.write_file(path(name), &bytes).unwrap(),
                        format!("{from} in the place of {name}"),
                    );
                }
            }
        }
        check(&|env| env.remove(&path(name)).unwrap(), format!("without {name}"));
        for cut in (0..own.len()).step_by((own.len() / 12).max(1)) {
            check(
                &|env| env.write_file(path(name), &own[..cut]).unwrap(),
                format!("{name} cut to {cut} bytes"),
            );
        }
        // Stretches of a file in the place of others, as long as a block or a record and its parts.
        for size in [16, 277] {
            for from in (0..own.len().saturating_sub(size)).step_by((own.len() / 5).max(1)) {
                for to in (0..own.len().saturating_sub(size)).step_by((own.len() / 3).max(1)) {
                    let mut bytes = own.clone();
                    bytes.copy_within(from..from + size, to);
                    if bytes != own {
                        let change = |env: &MemoryEnv| env.write_file(path(name), &bytes).unwrap();
                        check(&change, format!("{size} bytes of {name} from {from} at {to}"));
                    }
                }
            }
        }
    }
    assert!(refused > 200, "{refused}");
}

#[test]
fn every_flipped_bit_of_an_encrypted_file_is_found_or_means_nothing() {
    let (envs, states, _) = moments();
    let (last, state) = (&envs[2], &states[2]);
    let mut random = Random(4);
    for name in names(last).iter().filter(|name| *name != "LOCK" && *name != "RESERVE") {
        let own = last.read_file(path(name)).unwrap();
        for _ in 0..25 {
            let bit = random.below(u32::try_from(own.len() * 8).unwrap()) as usize;
            let mut bytes = own.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let env = last.crash(CrashPolicy::Kept, 3);
            env.write_file(path(name), &bytes).unwrap();
            if let Some(read) = read_all(&env) {
                assert_eq!(read, *state, "bit {bit} of {name}");
            }
        }
    }
}

#[test]
fn a_copy_is_under_the_key_that_was_asked_for() {
    let keys: [Option<u8>; 3] = [None, Some(1), Some(2)];
    for from in keys {
        for to in keys {
            let env = machine();
            let config = |key: Option<u8>| EngineConfig { encryption: key.map(user_key), ..plain() };
            let (engine, state) = filled(&env, config(from));
            let key = to.map(|byte| EncryptionKey::from_bytes([byte; 32]));
            engine.backup(Path::new("/copy"), &CopyKey::Other(key)).unwrap();
            engine.backup(Path::new("/same"), &CopyKey::Same).unwrap();
            for (dir, key) in [("/copy", to), ("/same", from)] {
                let copy = Engine::open(Arc::new(env.clone()), PathBuf::from(dir), config(key)).unwrap();
                assert_eq!(super::state(&copy).unwrap(), state, "from {from:?} to {to:?}, {dir}");
                copy.verify().unwrap();
                put(&copy, 1, 1).unwrap();
                copy.close().unwrap();
                assert_eq!(env.read_file(Path::new(dir).join("KEYS")).is_some(), key.is_some());
            }
        }
    }
}

#[test]
fn the_digest_of_a_state_is_that_of_its_entries_and_shows_a_roll_back() {
    let env = machine();
    let (engine, _) = filled(&env, encrypted(&user_key(1)));
    let first = engine.core().state_digest().unwrap();
    engine.compact().unwrap();
    assert_eq!(engine.core().state_digest().unwrap(), first);
    engine.close().unwrap();
    let old = env.crash(CrashPolicy::Kept, 1);
    let engine = open_with(&env, encrypted(&user_key(1))).unwrap();
    assert_eq!(engine.core().state_digest().unwrap(), first);
    put(&engine, 1, 1000).unwrap();
    let later = engine.core().state_digest().unwrap();
    assert!(later.epoch > first.epoch && later.digest != first.digest);
    let engine = open_with(&old, encrypted(&user_key(1))).unwrap();
    assert_eq!(engine.core().state_digest().unwrap(), first);
    // Two histories of one length.
    put(&engine, 1, 1001).unwrap();
    let other = engine.core().state_digest().unwrap();
    assert!(other.epoch == later.epoch && other.digest != later.digest);
}

/// How often each masked part of a secret is in the memory of this process.
#[cfg(target_os = "linux")]
fn count_in_memory(masked: &[&[u8]], mask: u8) -> Vec<usize> {
    use std::os::unix::fs::FileExt;
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let memory = std::fs::File::open("/proc/self/mem").unwrap();
    let mut by_first_byte = vec![Vec::new(); 256];
    for (index, secret) in masked.iter().enumerate() {
        by_first_byte[usize::from(secret[0])].push(index);
    }
    let mut counts = vec![0; masked.len()];
    let mut window = vec![0_u8; (1 << 20) + 32];
    for line in
        maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|flags| flags.starts_with("rw")))
    {
        let (start, rest) = line.split_once('-').unwrap();
        let end = rest.split(' ').next().unwrap();
        let (mut at, end) = (u64::from_str_radix(start, 16).unwrap(), u64::from_str_radix(end, 16).unwrap());
        while at < end {
            let size = usize::try_from(end - at).unwrap_or(usize::MAX).min(window.len());
            // A map may be gone by now.
            let read = memory.read_at(&mut window[..size], at).unwrap_or(0);
            // The window itself must not be found.
            window[..read].iter_mut().for_each(|byte| *byte ^= mask);
            for (from, byte) in window[..read].iter().enumerate() {
                for index in &by_first_byte[usize::from(*byte)] {
                    counts[*index] += usize::from(window[from..read].starts_with(masked[*index]));
                }
            }
            window[..read].fill(0);
            at += 1 << 20;
        }
    }
    counts
}

/// The search works: it finds the keys while the database is open.
#[cfg(target_os = "linux")]
#[test]
fn no_key_is_left_in_memory_when_a_database_is_closed() {
    let mut random = [0_u8; 32];
    crate::env::OsEnv::new().fill_random(&mut random);
    let key = Arc::new(EncryptionKey::from_bytes(random));
    zeroize::Zeroize::zeroize(&mut random);
    // Other tests have other data keys in the memory of the process meanwhile.
    let env = MemoryEnv::with_seed(crate::env::OsEnv::new().random());
    env.create_dir(Path::new(DIR)).unwrap();
    let (engine, _) = filled(&env, encrypted(&key));
    engine.rotate_data_key().unwrap();
    let headers: Vec<_> = names(&env)
        .iter()
        .filter(|name| [".sst", ".vlog", ".log", "MANIFEST"].iter().any(|part| name.contains(part)))
        .map(|name| env.read_file(path(name)).unwrap()[..128].to_vec())
        .collect();
    let mask = 0xa5;
    let secrets = engine.sst_store.dir.keys.masked_secrets(mask, &headers);
    assert!(secrets.len() > 8);
    // In parts, because an allocator writes its lists into the first bytes of memory that is freed.
    let parts: Vec<&[u8]> = secrets.iter().flat_map(|secret| secret.chunks(8)).collect();
    let open = count_in_memory(&parts, mask);
    assert!(open[..3 * 4].iter().all(|count| *count > 0), "an open database has its keys: {open:?}");
    engine.close().unwrap();
    drop((engine, key));
    let closed = count_in_memory(&parts, mask);
    assert!(closed.iter().all(|count| *count == 0), "{closed:?}");
}

#[test]
fn a_database_that_is_not_encrypted_has_no_key_to_change() {
    let engine = open_with(&machine(), plain()).unwrap();
    let not_encrypted = |done| matches!(done, Err(Error::WrongKey(KeyFault::NotEncrypted)));
    assert!(not_encrypted(engine.change_key(&user_key(1))) && not_encrypted(engine.rotate_data_key()));
    assert_eq!(engine.stats().data_key_count, 0);
}
