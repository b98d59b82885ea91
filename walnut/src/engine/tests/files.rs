//! Files are opened on their first read, and the number of open files is bounded.

use super::*;
use crate::env::Operation;

const ROWS: u32 = 600;

/// A closed database of many small SSTs in one run.
fn many_files() -> MemoryEnv {
    let env = machine();
    let engine = open(&env).unwrap();
    for n in 0..ROWS {
        put(&engine, n, 1).unwrap();
    }
    engine.compact().unwrap();
    assert!(engine.stats().sst_count > 20);
    engine.close().unwrap();
    env
}

fn with_limit(open_limit: usize) -> EngineConfig {
    EngineConfig { open_limit, cache_size: 0, ..config() }
}

/// A closed database of many value files, and some SSTs that point to them.
fn many_value_files() -> MemoryEnv {
    let env = machine();
    let engine = open_with(&env, values_with_limit(1000)).unwrap();
    for n in 0..ROWS {
        put(&engine, n * 7 % ROWS, 1).unwrap();
    }
    engine.checkpoint().unwrap();
    assert!(engine.stats().value_file_count > 20, "{:?}", engine.stats());
    engine.close().unwrap();
    env
}

fn values_with_limit(open_limit: usize) -> EngineConfig {
    EngineConfig { values: ValueConfig { threshold: 20, max_file_size: 1500 }, ..with_limit(open_limit) }
}

#[test]
fn an_opening_opens_no_sst_and_a_read_the_one_that_it_needs() {
    if is_encrypted() {
        return;
    }
    let env = many_files();
    let before = env.counts();
    let engine = open(&env).unwrap();
    assert_eq!(engine.stats().open_file_count, 0);
    let opened = env.counts().since(&before).of(Operation::Open);
    assert!(opened < 8, "{opened} files were opened beside the log and the manifest");
    assert_eq!(get(&engine, 300).unwrap(), Some(value(300, 1)));
    assert_eq!(get(&engine, 300).unwrap(), Some(value(300, 1)));
    assert_eq!(engine.stats().open_file_count, 1);
    assert_eq!(state(&engine).unwrap().len(), ROWS as usize);
    assert_eq!(engine.stats().open_file_count, engine.stats().sst_count);
    engine.verify().unwrap();
}

#[test]
fn no_more_files_stay_open_than_may_and_all_can_be_read() {
    let env = many_files();
    let engine = open_with(&env, with_limit(8)).unwrap();
    for n in 0..3 * ROWS {
        let n = n * 7919 % ROWS;
        assert_eq!(get(&engine, n).unwrap(), Some(value(n, 1)));
        assert!(engine.stats().open_file_count <= 8, "{:?}", engine.stats());
    }
    assert_eq!(state(&engine).unwrap().len(), ROWS as usize);
    assert!(engine.stats().open_file_count <= 9);
    engine.verify().unwrap();
    engine.compact().unwrap();
    assert!(engine.stats().open_file_count <= 9);
    engine.close().unwrap();
    drop(engine);
    assert_eq!(env.open_files(), 0);
}

#[test]
fn what_is_read_often_stays_open() {
    // The last file is the first to be closed unless it is read.
    let one: fn(&Engine) = |engine| drop(get(engine, ROWS - 1).unwrap());
    let many: fn(&Engine) = |engine| drop(get_many(engine, &[key(ROWS - 2), key(ROWS - 1)]));
    for read in [one, many] {
        let env = many_files();
        let engine = open_with(&env, EngineConfig { open_limit: 8, ..config() }).unwrap();
        read(&engine);
        let before = env.counts();
        for n in 0..ROWS {
            get(&engine, n).unwrap();
            read(&engine);
        }
        let opened = env.counts().since(&before).of(Operation::Open);
        let files = engine.stats().sst_count as u64;
        assert!(opened <= files + 2, "{opened} openings for {files} files");
    }
}

#[test]
fn a_scan_whose_file_is_closed_behind_it_reads_on() {
    let env = many_files();
    let engine = open_with(&env, with_limit(8)).unwrap();
    let mut scan = engine.scan(KeyRange::all()).unwrap();
    for n in 0..ROWS {
        let found = scan.next().unwrap().map(|found| found.key.to_vec());
        assert_eq!(found, Some(key(n)));
        assert!(engine.stats().open_file_count <= 9, "{:?}", engine.stats());
        // Other files evict those that the scan reads.
        for other in (0..ROWS).step_by(60) {
            get(&engine, other).unwrap();
        }
    }
    assert!(scan.next().unwrap().is_none());
}

#[test]
fn who_holds_one_view_for_long_opens_no_more_files_than_may_be() {
    for (env, config) in [(many_files(), with_limit(8)), (many_value_files(), values_with_limit(8))] {
        let engine = open_with(&env, config).unwrap();
        let beside = env.open_files();
        let mut scan = engine.scan(KeyRange::all()).unwrap();
        assert_eq!(drain(&mut scan, false).unwrap().len(), ROWS as usize);
        assert!(engine.stats().open_file_count <= 9, "{:?}", engine.stats());
        for n in 0..ROWS {
            let n = n * 7919 % ROWS;
            let found = scan.reader().get(&key(n), <[u8]>::to_vec).unwrap();
            assert_eq!(found, Some(value(n, 1)));
            assert!(engine.stats().open_file_count <= 9, "{:?}", engine.stats());
            assert!(env.open_files() <= beside + 9);
        }
        engine.verify().unwrap();
        engine.compact().unwrap();
        assert!(engine.stats().open_file_count <= 9, "{:?}", engine.stats());
    }
}

#[test]
fn an_opening_opens_no_value_file_and_a_read_the_one_that_it_needs() {
    let env = many_value_files();
    let engine = open_with(&env, values_with_limit(1000)).unwrap();
    assert_eq!(engine.stats().open_file_count, 0);
    let before = env.counts();
    assert!(engine.read(|reader| reader.contains(&key(300))).unwrap());
    let ssts = engine.stats().open_file_count;
    assert_eq!(env.counts().since(&before).of(Operation::Open), ssts as u64);
    for _ in 0..2 {
        assert_eq!(get(&engine, 300).unwrap(), Some(value(300, 1)));
        assert_eq!(engine.stats().open_file_count, ssts + 1);
    }
    assert_eq!(state(&engine).unwrap().len(), ROWS as usize);
    let stats = engine.stats();
    assert_eq!(stats.open_file_count, stats.sst_count + stats.value_file_count);
}

#[test]
fn a_scan_reads_files_that_it_never_opened_after_they_lost_their_names() {
    for open_limit in [8, 1000] {
        reads_on(&many_files(), with_limit(open_limit), ".sst");
        reads_on(&many_value_files(), values_with_limit(open_limit), ".vlog");
    }
}

fn reads_on(env: &MemoryEnv, config: EngineConfig, ending: &str) {
    let is_roomy = config.open_limit == 1000;
    let engine = open_with(env, config).unwrap();
    let mut scan = engine.scan(KeyRange::all()).unwrap();
    for n in 0..ROWS {
        delete(&engine, n).unwrap();
    }
    engine.compact().unwrap();
    assert_eq!((engine.stats().sst_count, engine.stats().value_file_count), (0, 0));
    let names = files(env, ending).len();
    // Names beyond the bound wait for the scan instead of being opened.
    assert_eq!(names == 0, is_roomy, "{names} names are left");
    assert_eq!(drain(&mut scan, false).unwrap().len(), ROWS as usize);
    drop(scan);
    put(&engine, 1, 1).unwrap();
    engine.checkpoint().unwrap();
    expect_no_leak(env, &engine);
    engine.close().unwrap();
    drop(engine);
    assert_eq!(env.open_files(), 0);
}

#[test]
fn a_damaged_file_is_named_when_it_is_read_and_its_neighbours_answer() {
    let env = many_files();
    let names = files(&env, ".sst");
    let name = Path::new(DIR).join(&names[names.len() / 2]);
    let mut bytes = env.read_file(&name).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    env.write_file(&name, &bytes).unwrap();
    let engine = open(&env).unwrap();
    let (mut right, mut refused) = (0, 0);
    for n in 0..ROWS {
        match get(&engine, n) {
            Ok(found) => {
                assert_eq!(found, Some(value(n, 1)));
                right += 1;
            }
            Err(Error::Corruption { file, .. }) => {
                assert_eq!(file, name);
                refused += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(right > refused && refused > 0, "{right} right, {refused} refused");
    assert!(matches!(engine.verify(), Err(Error::Corruption { file, .. }) if file == name));
    assert!(state(&engine).is_err(), "no row is passed over");
}
