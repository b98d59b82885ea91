//! Edits and what they do to a state, without a disk.

use proptest::prelude::*;

use super::*;
use crate::manifest::version::Version;
use crate::sst::ValueShare;
use crate::vlog::ValueMeta;

fn numbers(files: &[Arc<SstMeta>]) -> Vec<u64> {
    files.iter().map(|meta| meta.number.0).collect()
}

fn edit(removed: &[(u8, u64)], added: &[(u8, Arc<SstMeta>)]) -> VersionEdit {
    VersionEdit {
        removed: removed.iter().map(|&(place, number)| (level(place), FileNumber(number))).collect(),
        added: added.iter().map(|(place, meta)| (level(*place), Arc::clone(meta))).collect(),
        ..VersionEdit::default()
    }
}

#[test]
fn level_zero_stands_newest_first_and_the_others_by_key() {
    let added = [
        (0, sst(3, "a", "z")),
        (0, sst(9, "a", "z")),
        (0, sst(5, "a", "z")),
        (1, sst(6, "m", "p")),
        (1, sst(4, "a", "c")),
        (1, sst(7, "q", "q")),
    ];
    let version = Version::default().apply(&edit(&[], &added)).unwrap();
    assert_eq!(numbers(version.level(Level::ZERO)), [9, 5, 3]);
    assert_eq!(numbers(version.level(level(1))), [4, 6, 7]);
    assert_eq!(version.files().count(), 6);

    // The file number does not matter.
    let older =
        SstMeta { smallest_seqno: SeqNo(80), largest_seqno: SeqNo(82), ..(*sst(99, "a", "z")).clone() };
    let version = version.apply(&edit(&[], &[(0, Arc::new(older))])).unwrap();
    assert_eq!(numbers(version.level(Level::ZERO)), [9, 99, 5, 3]);
}

#[test]
fn sizes_and_counts_whose_sum_runs_over_are_refused() {
    const MOST: u64 = 1 << 56;
    let change: [fn(&mut SstMeta, u64); 4] = [
        |meta, number| meta.size = number,
        |meta, number| meta.raw_size = number,
        |meta, number| meta.entry_count = number,
        |meta, number| meta.fragment_count = number,
    ];
    for change in change {
        let file = |number, key: &str, size| {
            let mut meta = (*sst(number, key, key)).clone();
            (meta.tombstone_count, meta.dead_size) = (0, 0);
            change(&mut meta, size);
            (1, Arc::new(meta))
        };
        let refused = Err(Fault::Invalid("size or count of a file"));
        assert_eq!(Version::default().apply(&edit(&[], &[file(1, "a", u64::MAX)])), refused);
        assert_eq!(Version::default().apply(&edit(&[], &[file(1, "a", MOST + 1)])), refused);
        let version = Version::default().apply(&edit(&[], &[file(1, "a", MOST - 500)])).unwrap();
        assert_eq!(version.apply(&edit(&[], &[file(2, "b", 501)])), refused);
        assert!(version.apply(&edit(&[], &[file(2, "b", 500)])).is_ok());
    }
}

/// A file with these sequence numbers.
fn of_history(number: u64, smallest: &str, largest: &str, seqnos: (u64, u64)) -> (u8, Arc<SstMeta>) {
    let (smallest_seqno, largest_seqno) = (SeqNo(seqnos.0), SeqNo(seqnos.1));
    (0, Arc::new(SstMeta { smallest_seqno, largest_seqno, ..(*sst(number, smallest, largest)).clone() }))
}

#[test]
fn files_of_level_zero_that_share_history_or_are_next_to_each_other_without_sharing_keys_are_one_run() {
    let added = [
        of_history(1, "a", "c", (1, 30)),
        of_history(2, "d", "f", (5, 12)),
        of_history(3, "b", "e", (31, 31)),
        of_history(4, "x", "z", (32, 40)),
        of_history(5, "f", "f", (41, 41)),
        of_history(6, "e", "f", (42, 50)),
    ];
    let version = Version::default().apply(&edit(&[], &added)).unwrap();
    let runs: Vec<_> = version.runs().map(|(_, files)| numbers(files)).collect();
    assert_eq!(runs, [vec![6], vec![3, 5, 4], vec![1, 2]]);
    let without = version.apply(&edit(&[(0, 6), (0, 3)], &[])).unwrap();
    let runs: Vec<_> = without.runs().map(|(_, files)| numbers(files)).collect();
    assert_eq!(runs, [vec![5, 4], vec![1, 2]], "5 shares a key with 2, which is older");
    let moved = without.apply(&edit(&[(0, 5)], &[(6, Arc::clone(&added[4].1))])).unwrap();
    let runs: Vec<_> = moved.runs().map(|(level, files)| (level, numbers(files))).collect();
    assert_eq!(runs, [(Level::ZERO, vec![1, 2, 4]), (Level::LAST, vec![5])]);
}

#[test]
fn files_of_level_zero_that_share_keys_and_history_are_refused() {
    let first = of_history(1, "a", "m", (1, 30));
    for (seqnos, fits) in [((30, 40), false), ((31, 40), true), ((10, 20), false), ((1, 1), false)] {
        let version = Version::default().apply(&edit(&[], &[first.clone(), of_history(2, "m", "z", seqnos)]));
        assert_eq!(version.is_ok(), fits, "{seqnos:?}");
        assert!(
            Version::default().apply(&edit(&[], &[first.clone(), of_history(2, "n", "z", seqnos)])).is_ok()
        );
    }
}

#[test]
fn a_file_moves_within_one_edit() {
    let version = Version::default().apply(&edit(&[], &[(0, sst(3, "a", "z"))])).unwrap();
    let moved = version.apply(&edit(&[(0, 3)], &[(6, sst(3, "a", "z"))])).unwrap();
    assert_eq!(numbers(moved.level(Level::LAST)), [3]);
    assert!(moved.level(Level::ZERO).is_empty());
    assert_eq!(numbers(version.level(Level::ZERO)), [3], "a version never changes");
}

#[test]
fn an_edit_that_does_not_fit_is_refused() {
    let base = edit(&[], &[(0, sst(3, "a", "z")), (1, sst(4, "d", "m"))]);
    let version = Version::default().apply(&base).unwrap();
    let backwards = SstMeta { smallest_seqno: SeqNo(900), ..(*sst(8, "a", "b")).clone() };
    let tombstones = SstMeta { tombstone_count: 11, ..(*sst(8, "a", "b")).clone() };
    let dead = SstMeta { raw_size: 1, dead_size: 2, ..(*sst(8, "a", "b")).clone() };
    let cases = [
        (edit(&[(0, 5)], &[]), "removed file that is not there"),
        (edit(&[(1, 3)], &[]), "removed file that is not there"),
        (edit(&[(0, 3), (0, 3)], &[]), "file that is removed twice"),
        (edit(&[], &[(2, sst(3, "a", "z"))]), "number of a file that is there already"),
        (
            edit(&[], &[(2, sst(8, "a", "b")), (3, sst(8, "a", "b"))]),
            "number of a file that is there already",
        ),
        (edit(&[], &[(1, sst(8, "m", "z"))]), "range of keys of a file, which overlaps another"),
        (edit(&[], &[(1, sst(8, "a", "d"))]), "range of keys of a file, which overlaps another"),
        (edit(&[], &[(1, sst(8, "e", "f"))]), "range of keys of a file, which overlaps another"),
        (edit(&[], &[(1, sst(8, "a", "z"))]), "range of keys of a file, which overlaps another"),
        (edit(&[], &[(1, Arc::new(backwards))]), "range of sequence numbers of a file"),
        (edit(&[], &[(1, Arc::new(tombstones))]), "tombstone count of a file"),
        (edit(&[], &[(1, Arc::new(dead))]), "dead bytes of a file"),
    ];
    for (edit, what) in cases {
        assert_eq!(version.apply(&edit), Err(Fault::Invalid(what)), "{edit:?}");
    }
    assert_eq!(version.apply(&edit(&[], &[(1, sst(8, "c", "b"))])), Err(Fault::Order));
}

#[test]
fn no_number_falls() {
    let state = ManifestState {
        log_number: Some(FileNumber(4)),
        newest_log: Some(FileNumber(6)),
        next_file: FileNumber(10),
        last_seqno: SeqNo(100),
        ..ManifestState::default()
    };
    let edits = [
        VersionEdit { log_number: Some(FileNumber(3)), ..VersionEdit::default() },
        VersionEdit { newest_log: Some(FileNumber(5)), ..VersionEdit::default() },
        VersionEdit { next_file: Some(FileNumber(9)), ..VersionEdit::default() },
        VersionEdit { last_seqno: Some(SeqNo(99)), ..VersionEdit::default() },
        edit(&[], &[(0, sst(10, "a", "b"))]),
    ];
    for edit in edits {
        assert!(matches!(state.apply(&edit), Err(Fault::Invalid(_))), "{edit:?}");
    }
    let logless = VersionEdit { newest_log: Some(FileNumber(5)), ..VersionEdit::default() };
    assert!(matches!(new_state().apply(&logless), Err(Fault::Invalid(_))));

    let next = state.apply(&VersionEdit { log_number: Some(FileNumber(7)), ..VersionEdit::default() });
    assert_eq!(next.unwrap().newest_log, Some(FileNumber(7)));
    let files = VersionEdit { next_file: Some(FileNumber(30)), ..edit(&[], &[(0, sst(20, "a", "b"))]) };
    assert_eq!(state.apply(&files).unwrap().last_seqno, SeqNo(209));
}

#[test]
fn the_bytes_of_an_edit_stay_as_they_are() {
    let values = vec![ValueShare { file: FileNumber(9), size: 200 }];
    let added = SstMeta { values, ..(*sst(7, "k1", "k2")).clone() };
    let edit = VersionEdit {
        log_number: Some(FileNumber(1)),
        newest_log: Some(FileNumber(2)),
        next_file: Some(FileNumber(300)),
        last_seqno: Some(SeqNo(4)),
        log_seqno: Some(SeqNo(3)),
        removed: vec![(level(0), FileNumber(5)), (level(6), FileNumber(6))],
        added: vec![(level(1), Arc::new(added))],
        values: vec![value_meta(9, 300)],
    };
    let mut golden = b"\x01\x01\x01\x02\x01\x02\x03\x02\xac\x02\x04\x01\x04\x05\x01\x03".to_vec();
    golden.extend_from_slice(b"\x06\x02\x00\x05\x06\x02\x06\x06");
    golden.extend_from_slice(b"\x07\x1f\x01\x07\xd8\x36\x92\x24\x49\x92\x24\x49\x92\x24\x0a\x07");
    golden.extend_from_slice(b"\xb0\x6d\x07\x01\x02k1\x03k2\x00\x46\x4f\x01\x09\xc8\x01");
    golden.extend_from_slice(b"\x08\x0c\x09\xac\x02\x71\x1c\xc7\x71\x1c\xc7\x71\x1c\x03");
    assert_eq!(edit.encode(), golden);
    assert_eq!(VersionEdit::decode(&golden), Ok(edit));
}

#[test]
fn a_tag_that_is_not_known_is_an_error() {
    let cases: [(&[u8], Fault); 9] = [
        (
            &[1, 9, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1],
            Fault::Invalid("file number of an edit"),
        ),
        (&[9, 0], Fault::Invalid("tag of a field of an edit")),
        (&[0, 0], Fault::Invalid("tag of a field of an edit")),
        (&[2, 1, 1, 1, 1, 1], Fault::Invalid("order of the fields of an edit")),
        (&[1, 1, 1, 1, 1, 1], Fault::Invalid("order of the fields of an edit")),
        (&[1, 2, 1, 1], Fault::Invalid("length")),
        (&[6, 2, 7, 1], Fault::Invalid("level of a file")),
        (
            &[4, 9, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1],
            Fault::Invalid("sequence number of an edit"),
        ),
        (&[7, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], Fault::Truncated),
    ];
    for (bytes, fault) in cases {
        assert_eq!(VersionEdit::decode(bytes), Err(fault), "{bytes:?}");
    }
}

fn value_meta(number: u64, size: u64) -> ValueMeta {
    ValueMeta { number: FileNumber(number), size, digest: u64::MAX / number.max(1), record_count: 3 }
}

fn any_meta() -> impl Strategy<Value = SstMeta> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..20);
    let numbers =
        (0..=FileNumber::MAX.0, any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>(), any::<(u64, u64)>());
    (numbers, bytes(), bytes(), 0..=SeqNo::MAX.0, 0..=SeqNo::MAX.0).prop_map(
        |(numbers, smallest, end, smallest_seqno, largest_seqno)| SstMeta {
            number: FileNumber(numbers.0),
            size: numbers.1,
            digest: numbers.2,
            entry_count: numbers.3,
            tombstone_count: numbers.4,
            raw_size: numbers.5.0,
            dead_size: numbers.5.1,
            fragment_count: numbers.4 / 2,
            smallest,
            end,
            smallest_seqno: SeqNo(smallest_seqno),
            largest_seqno: SeqNo(largest_seqno),
            values: vec![ValueShare { file: FileNumber(numbers.0), size: numbers.1 }; numbers.1 as usize % 3],
        },
    )
}

fn any_edit() -> impl Strategy<Value = VersionEdit> {
    let number = || prop::option::of((0..=FileNumber::MAX.0).prop_map(FileNumber));
    let removed = prop::collection::vec((0..7u8, 0..=FileNumber::MAX.0), 0..4);
    let added = prop::collection::vec((0..7u8, any_meta()), 0..4);
    let seqno = || prop::option::of((0..=SeqNo::MAX.0).prop_map(SeqNo));
    (number(), number(), number(), seqno(), seqno(), removed, added).prop_map(
        |(log_number, newest_log, next_file, last_seqno, log_seqno, removed, added)| VersionEdit {
            log_number,
            newest_log,
            next_file,
            last_seqno,
            log_seqno,
            removed: removed.into_iter().map(|(place, number)| (level(place), FileNumber(number))).collect(),
            values: added.iter().map(|(_, meta)| value_meta(meta.number.0, meta.size)).collect(),
            added: added.into_iter().map(|(place, meta)| (level(place), Arc::new(meta))).collect(),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_edit_comes_back(edit in any_edit()) {
        let bytes = edit.encode();
        prop_assert_eq!(VersionEdit::decode(&bytes), Ok(edit));
        for cut in 0..bytes.len() {
            // A cut between two fields leaves a shorter edit; every other one is a fault.
            if let Ok(shorter) = VersionEdit::decode(&bytes[..cut]) {
                prop_assert_eq!(shorter.encode(), &bytes[..cut]);
            }
        }
    }

    #[test]
    fn hostile_bytes_are_an_edit_of_one_encoding_or_a_fault(bytes in prop::collection::vec(0..16u8, 0..40)) {
        if let Ok(edit) = VersionEdit::decode(&bytes) {
            prop_assert_eq!(edit.encode(), bytes);
        }
    }
}
