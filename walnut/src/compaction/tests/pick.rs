//! The picks of leveled compaction, case by case.

use super::*;

fn sized(size: u64, meta: SstMeta) -> SstMeta {
    SstMeta { size, ..meta }
}

/// A quarter of the bytes dead, a quarter of the entries tombstones.
fn wasted(meta: SstMeta) -> SstMeta {
    SstMeta { dead_size: 500, tombstone_count: 25, ..meta }
}

#[test]
fn level_zero_goes_down_whole_when_it_has_four_runs() {
    let mut files = vec![
        (0, file(9, b"c", b"m")),
        (0, file(8, b"d", b"f")),
        (0, file(7, b"b", b"n")),
        (6, file(1, b"a", b"a")),
        (6, file(2, b"b", b"c")),
        (6, file(3, b"n", b"p")),
        (6, file(4, b"q", b"z")),
    ];
    assert_eq!(pick(&version(files.clone()), &CONFIG), Pick::Nothing);
    files.push((0, file(6, b"e", b"e")));
    let expected = (vec![(0, vec![9, 8, 7, 6]), (6, vec![2, 3])], 6);
    assert_eq!(merge(pick(&version(files), &CONFIG)), expected);
}

#[test]
fn level_zero_goes_to_the_first_level_whose_target_is_large_enough() {
    let runs = (20..24).map(|n| (0, file(n, b"a", b"z")));
    for (last_size, output) in [(99_000, 6), (100_000, 5), (999_000, 5), (1_000_000, 4)] {
        let files = runs.clone().chain([(6, sized(last_size, file(1, b"a", b"z")))]).collect();
        assert_eq!(merge(pick(&version(files), &CONFIG)).1, output, "{last_size} bytes");
    }
}

#[test]
fn level_zero_never_passes_a_level_that_holds_something() {
    // Level 3 is above its target, but the score of level 0 is higher.
    let mut files: Vec<_> = (20..24).map(|n| (0, file(n, b"a", b"z"))).collect();
    files.push((3, sized(0, file(5, b"x", b"x"))));
    files.push((6, file(1, b"a", b"z")));
    assert_eq!(merge(pick(&version(files), &CONFIG)), (vec![(0, vec![23, 22, 21, 20]), (3, vec![5])], 3));
}

#[test]
fn runs_that_share_nothing_move_as_they_are() {
    let mut files: Vec<_> = (1..5u8).map(|n| (0, file(u64::from(n), &[10 * n], &[10 * n + 5]))).collect();
    files.push((6, file(9, &[46], &[49])));
    let Pick::Move(Move { from, files: moved, to }) = pick(&version(files.clone()), &CONFIG) else {
        panic!("nothing has to be read")
    };
    assert_eq!((from, numbers(&moved), to), (Level::ZERO, vec![1, 2, 3, 4], Level::LAST));
    // Unless one of them is so small that there would be many of its kind,
    files[0].1.size = 100;
    assert_eq!(merge(pick(&version(files.clone()), &CONFIG)), (vec![(0, vec![1, 2, 3, 4])], 6));
    // or holds much that is dead.
    files[0].1 = wasted(file(1, &[10], &[15]));
    assert_eq!(merge(pick(&version(files), &CONFIG)), (vec![(0, vec![1, 2, 3, 4])], 6));
}

#[test]
fn small_neighbours_are_joined() {
    let mut files: Vec<_> = (1..5u8).map(|n| (0, sized(10, file(u64::from(n), &[10], &[20])))).collect();
    files.push((6, sized(120, file(5, &[1], &[2]))));
    files.push((6, sized(60, file(6, &[3], &[4]))));
    files.push((6, sized(900, file(7, &[21], &[29]))));
    assert_eq!(merge(pick(&version(files), &CONFIG)), (vec![(0, vec![4, 3, 2, 1]), (6, vec![5, 6])], 6));
}

#[test]
fn the_file_that_is_cheapest_to_merge_goes_first() {
    // The base level is 5, its target 10,000.
    let mut files: Vec<_> =
        (0..11u8).map(|n| (5, file(u64::from(n) + 50, &[10 * n], &[10 * n + 5]))).collect();
    files.extend((0..11u8).map(|n| (6, sized(9500, file(u64::from(n) + 1, &[10 * n], &[10 * n + 1])))));
    files[7 + 11].1.size = 8000;
    let cheapest = (vec![(5, vec![57]), (6, vec![8])], 6);
    assert_eq!(merge(pick(&version(files.clone()), &CONFIG)), cheapest);
    // Tombstones reclaim more.
    files[3].1.tombstone_count = 50;
    assert_eq!(merge(pick(&version(files.clone()), &CONFIG)), (vec![(5, vec![53]), (6, vec![4])], 6));
    // With one file less, the tombstones still make the level worth a merge.
    files.remove(0);
    assert_eq!(merge(pick(&version(files.clone()), &CONFIG)).0[0], (5, vec![53]));
    files[2].1.tombstone_count = 0;
    assert_eq!(pick(&version(files[1..].to_vec()), &CONFIG), Pick::Nothing);
}

#[test]
fn a_level_that_is_no_longer_needed_is_emptied() {
    let files = vec![(3, file(5, b"m", b"x")), (6, file(1, b"a", b"z")), (0, file(9, b"a", b"b"))];
    assert_eq!(merge(pick(&version(files), &CONFIG)), (vec![(3, vec![5]), (6, vec![1])], 6));
}

#[test]
fn a_file_that_shares_nothing_below_moves() {
    let files = vec![(3, file(5, b"m", b"x")), (6, file(1, b"a", b"b"))];
    let moved = pick(&version(files), &CONFIG);
    assert!(matches!(moved, Pick::Move(Move { to: Level::LAST, .. })), "{moved:?}");
}

#[test]
fn idle_gives_back_what_is_dead_when_nobody_reads_it() {
    let large = || sized(50_000, file(1, b"a", b"c"));
    let files = vec![(0, file(9, b"a", b"b")), (6, large()), (6, wasted(file(2, b"d", b"f")))];
    let pick =
        |files: &[(u8, SstMeta)], watermark| pick_idle(&version(files.to_vec()), &CONFIG, SeqNo(watermark));
    assert_eq!(pick(&files, 1), Pick::Nothing, "somebody reads at 1, and file 2 has a version at 2");
    assert_eq!(merge(pick(&files, 2)), (vec![(6, vec![2])], 6));
    let files = vec![(0, file(9, b"a", b"b")), (0, wasted(file(8, b"a", b"b"))), (6, large())];
    assert_eq!(merge(pick(&files, 8)), (vec![(0, vec![9, 8]), (6, vec![1])], 6));
    let files = vec![(5, wasted(file(8, b"a", b"b"))), (6, sized(200_000, file(1, b"c", b"c")))];
    assert_eq!(merge(pick(&files, 8)), (vec![(5, vec![8])], 6), "a merge and no move");
    assert_eq!(pick(&[(6, file(1, b"a", b"c"))], 9), Pick::Nothing);
    let nothing = SstMeta { raw_size: 0, ..file(1, b"", b"") };
    assert_eq!(pick(&[(6, nothing)], 9), Pick::Nothing, "nothing of nothing is not much");
}

#[test]
fn full_makes_one_run_and_then_nothing() {
    assert_eq!(full(&Version::default()), Pick::Nothing);
    let files = vec![(0, file(9, b"a", b"b")), (4, file(3, b"a", b"c")), (6, file(1, b"a", b"c"))];
    assert_eq!(merge(full(&version(files))), (vec![(0, vec![9]), (4, vec![3]), (6, vec![1])], 6));
    let run = [(6, file(1, b"a", b"c")), (6, file(2, b"d", b"e"))];
    assert_eq!(full(&version(run.to_vec())), Pick::Nothing);
    let dead = SstMeta { dead_size: 1, ..file(2, b"d", b"e") };
    assert_eq!(merge(full(&version(vec![run[0].clone(), (6, dead)]))), (vec![(6, vec![1, 2])], 6));
}

#[test]
fn what_stands_above_the_last_level_settles_when_it_is_a_tenth_of_it() {
    let pick = |above: u64, last: u64| {
        let files = vec![
            (0, sized(above, file(9, b"a", b"b"))),
            (5, sized(above, file(8, b"a", b"b"))),
            (6, sized(last, file(1, b"a", b"c"))),
        ];
        leveled::pick_full_merge(&version(files), &CONFIG)
    };
    assert_eq!(pick(1000, 20_001), Pick::Nothing);
    assert_eq!(merge(pick(1000, 20_000)), (vec![(0, vec![9]), (5, vec![8])], 5));
    let files = vec![(5, sized(2000, file(8, b"a", b"b"))), (6, sized(20_000, file(1, b"a", b"c")))];
    assert_eq!(
        merge(leveled::pick_full_merge(&version(files), &CONFIG)),
        (vec![(5, vec![8]), (6, vec![1])], 6)
    );
}

#[test]
fn debt_is_what_stands_above_limits_and_targets() {
    let mut files: Vec<_> = (20..24).map(|n| (0, file(n, b"a", b"z"))).collect();
    files.push((5, sized(10_000, file(2, b"a", b"z"))));
    files.push((6, sized(100_000, file(1, b"a", b"z"))));
    let debt = |files: &[(u8, SstMeta)]| leveled::debt(&version(files.to_vec()), &CONFIG);
    assert_eq!(debt(&files), 0);
    files.push((0, sized(70, file(24, b"a", b"z"))));
    files[4].1.size = 10_500;
    assert_eq!(debt(&files), 570);
}
