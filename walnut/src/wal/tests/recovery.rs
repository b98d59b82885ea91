//! What a replay returns, and what it rejects.

use super::*;
use crate::codec::{FileHeader, FileKind};

#[test]
fn a_log_cut_by_three_bytes_opens() {
    let env = machine();
    let mut log = create(&env, 0).unwrap();
    for _ in 0..3 {
        append(&mut log, 13).unwrap();
        log.write().unwrap();
    }
    let mut bytes = env.read_file(path(1)).unwrap();
    for cut in 1..=3 {
        // Three zeros follow a record of 45 bytes, so more than these are cut.
        bytes.truncate(bytes.len() - 3 - cut);
        env.write_file(path(1), &bytes).unwrap();
        let (commits, recovered) = read(&env, &ANY_LOG).unwrap();
        assert_eq!(commits.len(), 2);
        assert!(!recovered.sealed);
        bytes.resize(bytes.len() + 3 + cut, 0);
    }
}

#[test]
fn a_torn_tail_is_dropped_silently_wherever_it_is_torn() {
    let env = machine();
    let mut log = create(&env, 0).unwrap();
    let mut ends = vec![log.end()];
    for size in [5, 40, 16] {
        append(&mut log, size).unwrap();
        log.write().unwrap();
        ends.push(log.end());
    }
    let bytes = env.read_file(path(1)).unwrap();
    for cut in 64..=bytes.len() {
        env.write_file(path(1), &bytes[..cut]).unwrap();
        let (commits, recovered) = read(&env, &ANY_LOG).unwrap();
        let whole = ends.iter().filter(|&&end| end <= (cut as u64).next_multiple_of(8)).count() - 1;
        assert!(commits.len() == whole || commits.len() + 1 == whole, "cut at {cut}");
        assert_eq!(recovered.last().end, ends[commits.len()]);
    }
}

#[test]
fn stray_bytes_after_the_end_do_not_hide_the_next_write() {
    let env = machine();
    let mut log = create(&env, 0).unwrap();
    commit(&mut log, 13).unwrap();
    let mut bytes = env.read_file(path(1)).unwrap();
    let end = bytes.len();
    for stray in [&[0; 100][..], &[0xff; 3], &[1; 4096], b"garbage that is not a record"] {
        bytes.truncate(end);
        bytes.extend_from_slice(stray);
        env.write_file(path(1), &bytes).unwrap();
        let survivor = env.crash(crate::env::CrashPolicy::Lost, 0);
        let (commits, recovered) = read(&survivor, &ANY_LOG).unwrap();
        assert_eq!(commits.len(), 1);
        let mut log = resume(&survivor, &recovered).unwrap();
        commit(&mut log, 4).unwrap();
        assert_eq!(read(&survivor, &ANY_LOG).unwrap().0.len(), 2);
    }
}

#[test]
fn a_bad_frame_does_not_cut_later_acknowledged_commits() {
    let env = machine();
    let mut log = create(&env, 0).unwrap();
    let mut starts = Vec::new();
    for _ in 0..5 {
        starts.push(log.end());
        commit(&mut log, 21).unwrap();
    }
    let bytes = env.read_file(path(1)).unwrap();
    for (index, &start) in starts.iter().enumerate() {
        let mut damaged = bytes.clone();
        damaged[start as usize + 40] ^= 1;
        env.write_file(path(1), &damaged).unwrap();
        // The fifth is the last: no later record acknowledges it.
        if index == 4 {
            assert_eq!(read(&env, &ANY_LOG).unwrap().0.len(), 4);
            continue;
        }
        let (file, offset, fault) = corruption(read(&env, &ANY_LOG).unwrap_err());
        assert_eq!((file, offset), (path(1), start));
        assert!(matches!(fault, Fault::Checksum { .. }));
    }
}

#[test]
fn damage_to_the_last_commit_is_found_after_a_clean_close() {
    let env = machine();
    let mut log = create(&env, 4096).unwrap();
    commit(&mut log, 21).unwrap();
    let start = log.end();
    commit(&mut log, 21).unwrap();
    log.close().unwrap();
    let mut bytes = env.read_file(path(1)).unwrap();
    bytes[start as usize + 4] ^= 0x80;
    env.write_file(path(1), &bytes).unwrap();
    assert_eq!(corruption(read(&env, &ANY_LOG).unwrap_err()).1, start);
}

#[test]
fn later_records_of_a_torn_group_are_not_promised() {
    let env = machine();
    let mut log = create(&env, 0).unwrap();
    commit(&mut log, 8).unwrap();
    for _ in 0..4 {
        append(&mut log, 8).unwrap();
    }
    let start = log.end();
    log.write().unwrap();
    let mut bytes = env.read_file(path(1)).unwrap();
    bytes[start as usize..start as usize + 40].fill(0);
    env.write_file(path(1), &bytes).unwrap();
    let (commits, recovered) = read(&env, &ANY_LOG).unwrap();
    assert_eq!((commits.len(), recovered.last().end), (1, start));

    let mut log = resume(&env, &recovered).unwrap();
    commit(&mut log, 8).unwrap();
    let (commits, recovered) = read(&env, &ANY_LOG).unwrap();
    assert_eq!((commits.len(), recovered.segments.len()), (2, 1), "the second has all of the first");
}

#[test]
fn values_that_imitate_records_prove_nothing() {
    let env = machine();
    let mut log = create(&env, 0).unwrap();
    commit(&mut log, 8).unwrap();
    let start = log.end();
    // A value that contains a complete record for this very offset, but for the seed, which cannot
    // be guessed, again and again, and each announces all that follows.
    let mut forged = Vec::new();
    let size = 512 << 10;
    while forged.len() < size {
        let offset = start + 32 + forged.len() as u64;
        let header = format::RecordHeader {
            kind: format::RecordKind::Commit,
            seq_start: SeqNo(4),
            count: 1,
            synced: offset,
        };
        let mut record = Vec::new();
        format::put_record(&mut record, &Sealer::checksummed(0), offset, &header, &[]);
        record[4..8].copy_from_slice(&((size - forged.len() - 64) as u32).to_le_bytes());
        forged.extend_from_slice(&record);
        if size - forged.len() <= 64 {
            break;
        }
    }
    log.append(&Commit { seq_start: log.next_seqno(), count: 1, payload: &forged }).unwrap();
    log.write().unwrap();
    let mut bytes = env.read_file(path(1)).unwrap();
    bytes[start as usize] ^= 1;
    env.write_file(path(1), &bytes).unwrap();
    assert_eq!(read(&env, &ANY_LOG).unwrap().0.len(), 1);
}

#[test]
fn a_missing_segment_is_named() {
    let env = machine();
    let mut log = create(&env, 0).unwrap();
    for _ in 0..3 {
        commit(&mut log, 8).unwrap();
        log.rotate_next().unwrap();
    }
    commit(&mut log, 8).unwrap();
    let bounds = DurableBounds { newest: FileNumber(4), ..ANY_LOG };
    for lost in 1..=4 {
        for bounds in [ANY_LOG, bounds] {
            let env = env.crash(crate::env::CrashPolicy::Lost, 0);
            env.remove(&path(lost)).unwrap();
            let missing = (path(lost), 0, Fault::Missing);
            assert_eq!(corruption(read(&env, &bounds).unwrap_err()), missing);
        }
    }
    let (_, recovered) = read(&env, &bounds).unwrap();
    drop(log);
    // Between two openings there is no end record that announces the next segment, but the manifest
    // does.
    let mut log = resume(&env, &recovered).unwrap();
    commit(&mut log, 8).unwrap();
    env.remove(&path(5)).unwrap();
    let bounds = DurableBounds { newest: FileNumber(5), ..ANY_LOG };
    assert_eq!(corruption(read(&env, &bounds).unwrap_err()).0, path(5));
}

#[test]
fn obsolete_segments_are_listed_and_not_read() {
    let env = machine();
    let mut log = create(&env, 0).unwrap();
    commit(&mut log, 8).unwrap();
    log.rotate_next().unwrap();
    commit(&mut log, 8).unwrap();
    env.write_file(path(1), b"rubbish").unwrap();
    env.write_file("/db/wal-000009.log.tmp", b"rubbish").unwrap();
    env.write_file("/db/wal-9.log", b"somebody else's").unwrap();
    let bounds =
        DurableBounds { first: FileNumber(2), newest: FileNumber(2), last_seqno: SeqNo(3), ..ANY_LOG };
    let mut numbers = Vec::new();
    let recovered = replay(&log_dir(&env), &bounds, &mut |found| {
        numbers.push(found.commit.seq_start.0);
        Ok(())
    });
    let recovered = recovered.unwrap();
    assert_eq!((numbers, recovered.obsolete.clone()), (vec![4], vec![FileNumber(1)]));
    resume(&env, &recovered).unwrap();
    let left = env.list(Path::new("/db")).unwrap();
    let expected = ["wal-000001.log", "wal-000002.log", "wal-000003.log", "wal-000009.log.tmp", "wal-9.log"];
    assert_eq!(left, expected, "what is left over is for the engine to remove");
}

#[test]
fn a_log_that_does_not_fit_the_manifest_is_an_error() {
    let env = machine();
    let mut log = create(&env, 0).unwrap();
    commit(&mut log, 8).unwrap();
    log.rotate_next().unwrap();
    commit(&mut log, 8).unwrap();
    // The SSTs end at 2, the log begins at 4.
    let bounds =
        DurableBounds { first: FileNumber(2), newest: FileNumber(2), last_seqno: SeqNo(2), ..ANY_LOG };
    let fault = Fault::Sequence { expected: 3, found: 4 };
    assert_eq!(corruption(read(&env, &bounds).unwrap_err()), (path(2), 0, fault));
    // The SSTs have number 7, the log has lost it.
    let bounds = DurableBounds { last_seqno: SeqNo(7), ..ANY_LOG };
    let fault = Fault::Sequence { expected: 8, found: 7 };
    assert_eq!(corruption(read(&env, &bounds).unwrap_err()), (path(2), 104, fault));
}

#[test]
fn a_segment_under_another_name_or_of_another_database_is_refused() {
    let env = machine();
    let mut log = create(&env, 0).unwrap();
    commit(&mut log, 8).unwrap();
    log.rotate_next().unwrap();
    let bytes = env.read_file(path(1)).unwrap();
    env.write_file(path(2), &bytes).unwrap();
    assert_eq!(corruption(read(&env, &ANY_LOG).unwrap_err()), (path(2), 0, Fault::Identity));

    let other = DatabaseDir { database: [9; 16], ..log_dir(&env) };
    let refused = replay(&other, &ANY_LOG, &mut |_| Ok(())).unwrap_err();
    assert_eq!(corruption(refused), (path(1), 0, Fault::Identity));
}

#[test]
fn records_of_an_earlier_life_are_not_taken_up() {
    let env = machine();
    let mut log = create(&env, 0).unwrap();
    commit(&mut log, 8).unwrap();
    let old = env.read_file(path(1)).unwrap();
    drop(create(&env, 0).unwrap());
    let mut bytes = env.read_file(path(1)).unwrap();
    assert_ne!(old[..64], bytes[..64]);
    bytes.extend_from_slice(&old[64..]);
    env.write_file(path(1), &bytes).unwrap();
    assert_eq!(read(&env, &ANY_LOG).unwrap().0.len(), 0);
}

#[test]
fn an_error_of_the_visitor_ends_the_replay() {
    let env = machine();
    let mut log = create(&env, 0).unwrap();
    commit(&mut log, 8).unwrap();
    commit(&mut log, 8).unwrap();
    let mut seen = 0;
    let refused = replay(&log_dir(&env), &ANY_LOG, &mut |found| {
        seen += 1;
        Err(found.damaged(Fault::Order))
    });
    assert_eq!(corruption(refused.unwrap_err()), (path(1), 64, Fault::Order));
    assert_eq!(seen, 1);
}

#[test]
fn opening_again_and_again_changes_nothing() {
    let env = machine();
    let mut log = create(&env, 512).unwrap();
    commit(&mut log, 8).unwrap();
    append(&mut log, 8).unwrap();
    log.write().unwrap();
    let (before, mut recovered) = read(&env, &ANY_LOG).unwrap();
    for _ in 0..4 {
        let log = resume(&env, &recovered).unwrap();
        assert_eq!(log.next_seqno(), recovered.next_seqno);
        let (after, again) = read(&env, &ANY_LOG).unwrap();
        assert_eq!(after, before);
        recovered = again;
    }
    let numbers: Vec<_> = recovered.segments.iter().map(|segment| segment.number.0).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
}

#[test]
fn an_empty_last_segment_is_made_again_and_not_followed() {
    let env = machine();
    let mut log = create(&env, 0).unwrap();
    commit(&mut log, 8).unwrap();
    log.rotate_next().unwrap();
    for _ in 0..3 {
        let (commits, recovered) = read(&env, &ANY_LOG).unwrap();
        assert_eq!((commits.len(), recovered.segments.len()), (1, 2));
        let log = resume(&env, &recovered).unwrap();
        assert_eq!(log.number(), FileNumber(2));
        log.close().unwrap();
    }
}

#[test]
fn a_segment_that_begins_within_a_commit_is_refused() {
    let env = machine();
    let mut log = create(&env, 0).unwrap();
    commit(&mut log, 8).unwrap();
    log.rotate_next().unwrap();
    let bytes = env.read_file(path(2)).unwrap();
    let header = FileHeader::decode(FileKind::Wal, &bytes).unwrap();
    let cases = [
        (2, Fault::Sequence { expected: 4, found: 2 }),
        (0, Fault::Invalid("first sequence number")),
        (u64::MAX, Fault::Invalid("first sequence number")),
    ];
    for (first_seqno, fault) in cases {
        let header = FileHeader { word: first_seqno, ..header };
        env.write_file(path(2), &header.encode()).unwrap();
        assert_eq!(corruption(read(&env, &ANY_LOG).unwrap_err()), (path(2), 0, fault));
    }
}

#[test]
fn damage_to_a_copied_tail_is_found() {
    let env = machine();
    let mut log = create(&env, 0).unwrap();
    for _ in 0..3 {
        append(&mut log, 13).unwrap();
    }
    log.write().unwrap();
    drop(log);
    let (commits, recovered) = read(&env, &ANY_LOG).unwrap();
    drop(resume(&env, &recovered).unwrap());
    let (again, recovered) = read(&env, &ANY_LOG).unwrap();
    assert_eq!((again, recovered.segments.len()), (commits, 1), "the second has all of the first");
    let bytes = env.read_file(path(2)).unwrap();
    for start in [64, 112] {
        let mut damaged = bytes.clone();
        damaged[start + 33] ^= 1;
        env.write_file(path(2), &damaged).unwrap();
        let (file, offset, _) = corruption(read(&env, &ANY_LOG).unwrap_err());
        assert_eq!((file, offset), (path(2), start as u64));
    }
}
