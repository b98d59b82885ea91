//! For a log that was closed cleanly, every outcome but the whole history is an error that names a
//! segment.

use super::*;

/// A closed log of three segments, with single commits and groups.
fn closed_log(sizes: &[usize]) -> (MemoryEnv, Commits, DurableBounds) {
    let env = machine();
    let mut log = create(&env, 256).unwrap();
    for (index, &size) in sizes.iter().enumerate() {
        append(&mut log, size).unwrap();
        if index % 3 != 1 {
            log.write().unwrap();
            sync(&mut log).unwrap();
        }
        if index % 3 == 2 && index < 6 {
            log.rotate_next().unwrap();
        }
    }
    log.write().unwrap();
    let last_seqno = SeqNo(log.next_seqno().0 - 1);
    let newest = log.number();
    log.close().unwrap();
    let commits = read(&env, &ANY_LOG).unwrap().0;
    assert_eq!(commits.len(), sizes.len());
    (env, commits, DurableBounds { newest, last_seqno, ..ANY_LOG })
}

/// Replays a log in which the bytes of one segment were changed.
fn expect_all_or_error(env: &MemoryEnv, bounds: &DurableBounds, commits: &Commits, what: &str) {
    match read(env, bounds) {
        Ok((found, _)) => assert_eq!(found, *commits, "{what}"),
        Err(error) => {
            let (file, ..) = corruption(error);
            assert!(FileName::parse(file.file_name().unwrap().to_str().unwrap()).is_some(), "{what}");
        }
    }
}

#[test]
fn every_flipped_bit_is_harmless_or_named() {
    let (env, commits, bounds) = closed_log(&[4, 30, 8, 0, 50, 16, 9, 1]);
    for number in 1..=bounds.newest.0 {
        let bytes = env.read_file(path(number)).unwrap();
        for index in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[index] ^= 1 << (index % 8);
            env.write_file(path(number), &damaged).unwrap();
            // The log's own acknowledgements are enough.
            expect_all_or_error(&env, &ANY_LOG, &commits, &format!("{number}: byte {index}"));
        }
        env.write_file(path(number), &bytes).unwrap();
    }
}

#[test]
fn every_truncation_is_harmless_or_named() {
    let (env, commits, bounds) = closed_log(&[4, 30, 8, 0, 50, 16, 9, 1]);
    for number in 1..=bounds.newest.0 {
        let bytes = env.read_file(path(number)).unwrap();
        for cut in 0..bytes.len() {
            env.write_file(path(number), &bytes[..cut]).unwrap();
            expect_all_or_error(&env, &bounds, &commits, &format!("{number}: {cut} bytes"));
        }
        env.write_file(path(number), &bytes).unwrap();
    }
}

#[test]
fn every_zeroed_sector_is_harmless_or_named() {
    let (env, commits, bounds) = closed_log(&[400, 3000, 800, 10, 5000, 1600, 900, 1000]);
    for number in 1..=bounds.newest.0 {
        let bytes = env.read_file(path(number)).unwrap();
        for start in (0..bytes.len()).step_by(512) {
            let mut damaged = bytes.clone();
            let end = damaged.len().min(start + 512);
            damaged[start..end].fill(0);
            env.write_file(path(number), &damaged).unwrap();
            expect_all_or_error(&env, &bounds, &commits, &format!("{number}: sector at {start}"));
        }
        env.write_file(path(number), &bytes).unwrap();
    }
}

#[test]
fn a_length_that_was_damaged_takes_no_memory() {
    let (env, ..) = closed_log(&[4, 30]);
    let mut bytes = env.read_file(path(1)).unwrap();
    bytes[68..72].copy_from_slice(&u32::MAX.to_le_bytes());
    env.write_file(path(1), &bytes).unwrap();
    assert_eq!(corruption(read(&env, &ANY_LOG).unwrap_err()), (path(1), 64, Fault::Truncated));
}

#[test]
fn a_record_with_a_right_checksum_that_is_never_written_is_damage() {
    let (env, ..) = closed_log(&[4, 30]);
    let bytes = env.read_file(path(1)).unwrap();
    let seed = u32::from_le_bytes(*bytes[..64].last_chunk().unwrap());
    let header = |seq_start, synced| format::RecordHeader {
        kind: format::RecordKind::Commit,
        seq_start: SeqNo(seq_start),
        count: 1,
        synced,
    };
    let cases = [
        (header(2, 64), Fault::Sequence { expected: 1, found: 2 }),
        (header(0, 64), Fault::Invalid("sequence number of the record")),
        (header(1, 72), Fault::Invalid("synced field of the record")),
        (header(u64::MAX, 64), Fault::Invalid("sequence number of the record")),
    ];
    for (header, fault) in cases {
        let mut record = Vec::new();
        format::put_record(&mut record, &Sealer::checksummed(seed), 64, &header, b"");
        env.write_file(path(1), &[&bytes[..64], &record].concat()).unwrap();
        assert_eq!(corruption(read(&env, &ANY_LOG).unwrap_err()), (path(1), 64, fault));
    }
}
