//! Groups, segments and rotation, operation by operation.

use super::*;
use crate::error::Limit;

#[test]
fn commits_come_back_in_their_order_and_sizes() {
    for preallocate in [0, 4096, 200_000] {
        let env = machine();
        let mut log = create(&env, preallocate).unwrap();
        let sizes = [1, 0, 7, 8, 9, 500, 100_000, 3];
        for size in sizes {
            append(&mut log, size).unwrap();
        }
        log.write().unwrap();
        let (commits, recovered) = read(&env, &ANY_LOG).unwrap();
        assert_eq!(commits.iter().map(|(_, payload)| payload.len()).collect::<Vec<_>>(), sizes);
        assert_eq!(recovered.next_seqno, log.next_seqno());
        assert_eq!((recovered.last().end, recovered.last().record_count), (log.end(), 8));
        assert!(!recovered.sealed);
    }
}

#[test]
fn a_group_is_one_write() {
    let env = machine();
    let mut log = create(&env, 0).unwrap();
    env.start_trace();
    for _ in 0..10 {
        append(&mut log, 100).unwrap();
    }
    log.write().unwrap();
    log.write().unwrap();
    assert_eq!(env.trace(), ["write /db/wal-000001.log.tmp 64+1360"]);
}

#[test]
fn a_commit_larger_than_every_buffer_is_written_and_read() {
    let env = machine();
    let mut log = create(&env, 0).unwrap();
    append(&mut log, 10).unwrap();
    append(&mut log, (3 << 20) + 5).unwrap();
    append(&mut log, 10).unwrap();
    log.write().unwrap();
    log.close().unwrap();
    let (commits, recovered) = read(&env, &ANY_LOG).unwrap();
    assert_eq!(commits.len(), 3);
    assert!(recovered.sealed);
}

#[test]
fn a_commit_beyond_the_limit_is_refused_and_leaves_no_trace() {
    let env = machine();
    let mut log = create(&env, 0).unwrap();
    let payload = vec![0; MAX_PAYLOAD_SIZE + 1];
    let refused = log.append(&Commit { seq_start: SeqNo(1), count: 1, payload: &payload });
    assert!(matches!(refused, Err(Error::Limit(Limit::Commit { size, .. })) if size == payload.len()));
    commit(&mut log, 5).unwrap();
    log.close().unwrap();
    assert_eq!(read(&env, &ANY_LOG).unwrap().0.len(), 1);
}

#[test]
fn a_commit_without_entries_leaves_no_trace() {
    let env = machine();
    let mut log = create(&env, 0).unwrap();
    log.append(&Commit { seq_start: SeqNo(1), count: 0, payload: &[] }).unwrap();
    log.write().unwrap();
    assert_eq!((log.end(), log.next_seqno()), (64, SeqNo(1)));
}

#[test]
fn rotate_next_keeps_to_its_order() {
    let env = machine();
    let mut log = create(&env, 256).unwrap();
    commit(&mut log, 8).unwrap();
    env.start_trace();
    assert_eq!(log.rotate_next().unwrap(), FileNumber(2));
    let changes: Vec<_> = env.trace().into_iter().filter(|line| !line.starts_with("kind")).collect();
    let expected = [
        "create /db/wal-000002.log.tmp",
        "write /db/wal-000002.log.tmp 0+64",
        "write /db/wal-000002.log.tmp 64+192",
        "sync /db/wal-000002.log.tmp",
        "rename /db/wal-000002.log.tmp /db/wal-000002.log",
        "sync_dir /db",
        "write /db/wal-000001.log.tmp 104+32",
        "sync /db/wal-000001.log.tmp",
    ];
    assert_eq!(changes, expected);
}

#[test]
fn a_rotated_log_goes_on_where_it_was() {
    let env = machine();
    let mut log = create(&env, 0).unwrap();
    for number in 2..6 {
        commit(&mut log, 20).unwrap();
        let late = log.sync_point().unwrap();
        assert_eq!(log.rotate_next().unwrap(), FileNumber(number));
        assert_eq!(log.number(), FileNumber(number));
        log.mark_synced(&late);
    }
    commit(&mut log, 20).unwrap();
    log.close().unwrap();
    let (commits, recovered) = read(&env, &ANY_LOG).unwrap();
    assert_eq!(commits.len(), 5);
    assert_eq!(recovered.segments.iter().map(|segment| segment.record_count).sum::<u64>(), 5);
    assert!(recovered.sealed && recovered.obsolete.is_empty());
}

#[test]
fn a_header_stays_as_it_is() {
    let env = machine();
    let mut log = create(&env, 128).unwrap();
    commit(&mut log, 1).unwrap();
    let bytes = env.read_file(path(1)).unwrap();
    assert_eq!(bytes.len(), 128);
    assert_eq!(bytes[..16], *b"walnutL\n\x01\0\0\0\0\0\0\0");
    assert_eq!(bytes[16..32], DATABASE);
    assert_eq!(bytes[32..40], 1u64.to_le_bytes());
    assert_eq!(bytes[48..56], 1u64.to_le_bytes());
    assert_eq!(bytes[68..97], *b"\x01\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\x40\0\0\0\0\0\0\0\x1f");
}

#[test]
fn the_last_sequence_number_is_the_end_and_not_beyond() {
    let env = machine();
    let first = SeqNo(SeqNo::MAX.0 - 2);
    let mut log = LogWriter::create(log_dir(&env), FileNumber(1), first, LogConfig::default()).unwrap();
    let append = |log: &mut LogWriter, count| {
        log.append(&Commit { seq_start: log.next_seqno(), count, payload: &[0; 9] })
    };
    assert!(matches!(append(&mut log, 3), Err(Error::Unsupported(_))));
    append(&mut log, 2).unwrap();
    log.write().unwrap();
    assert!(matches!(append(&mut log, 1), Err(Error::Unsupported(_))));
    let bounds = DurableBounds { last_seqno: SeqNo(first.0 - 1), ..ANY_LOG };
    let recovered = replay(&log_dir(&env), &bounds, &mut |_| Ok(())).unwrap();
    assert_eq!(recovered.next_seqno, SeqNo::MAX);
}

#[test]
fn a_log_that_was_closed_in_order_goes_on_in_its_segment_and_in_any_other_case_does_not() {
    let env = machine();
    let config = LogConfig { preallocate: 512, ..LogConfig::default() };
    let mut log = LogWriter::create(log_dir(&env), FileNumber(1), SeqNo(1), config).unwrap();
    commit(&mut log, 20).unwrap();
    let (_, recovered) = read(&env, &ANY_LOG).unwrap();
    assert!(LogWriter::reopen(&log_dir(&env), &recovered, config).unwrap().is_none(), "it was not closed");
    log.close().unwrap();
    for round in 2..40 {
        let (commits, recovered) = read(&env, &ANY_LOG).unwrap();
        assert_eq!((commits.len(), recovered.sealed), (round - 1, true));
        let before = env.read_file(path(1)).unwrap();
        let mut log = LogWriter::reopen(&log_dir(&env), &recovered, config).unwrap().unwrap();
        assert_eq!(log.number(), FileNumber(1));
        log.try_close().unwrap();
        assert_eq!(env.read_file(path(1)).unwrap(), before, "nothing was written");
        let mut log = LogWriter::reopen(&log_dir(&env), &recovered, config).unwrap().unwrap();
        commit(&mut log, round * 7).unwrap();
        log.close().unwrap();
    }
    // A segment with bytes behind its end record is not appended to.
    let (_, recovered) = read(&env, &ANY_LOG).unwrap();
    let bytes = env.read_file(path(1)).unwrap();
    env.write_file(path(1), &[&bytes[..], &[0; 8]].concat()).unwrap();
    assert!(LogWriter::reopen(&log_dir(&env), &recovered, config).unwrap().is_none());
}

#[test]
fn records_of_a_write_that_failed_do_not_follow_what_is_added_to_the_segment_later() {
    let env = machine();
    let mut log = create(&env, 0).unwrap();
    commit(&mut log, 8).unwrap();
    let end = log.end();
    // Three records of one size, of which two and a part of the third fit.
    (0..3).for_each(|_| append(&mut log, 8).unwrap());
    env.set_capacity(Some(end + 2 * 40 + 10));
    assert!(matches!(log.write(), Err(Error::OutOfSpace)));
    env.set_capacity(None);
    log.close().unwrap();
    let (commits, recovered) = read(&env, &ANY_LOG).unwrap();
    assert_eq!(commits.len(), 1);
    let mut log = LogWriter::reopen(&log_dir(&env), &recovered, LogConfig::default()).unwrap().unwrap();
    append(&mut log, 8).unwrap();
    log.write().unwrap();
    assert_eq!(read(&env, &ANY_LOG).unwrap().0.len(), 2, "the second of the failed ones would be the third");
}
