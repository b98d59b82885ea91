//! The picks of the strategies that see only runs, case by case.

use super::*;

fn run(place: u8, number: u64, size: u64) -> (u8, SstMeta) {
    (place, SstMeta { size, ..file(number, b"a", b"z") })
}

/// Level 0 with these sizes, the newest first, and the oldest run in the last level.
fn of_sizes(young: &[u64], last: u64) -> Version {
    let young = (0..).zip(young.iter().rev()).map(|(n, &size)| run(0, 10 + n, size));
    version(young.chain([run(6, 1, last)]).collect())
}

/// The sizes of the inputs and the output level of a pick; empty when there is none.
fn sizes(pick: Pick) -> (Vec<u64>, u8) {
    match pick {
        Pick::Nothing => (Vec::new(), 0),
        Pick::Move(_) => panic!("no move: {pick:?}"),
        Pick::Merge(Merge { inputs, output }) | Pick::Full(Merge { inputs, output }) => {
            (inputs.iter().map(|(_, files)| level_sizes::size(files)).collect(), output.code())
        }
    }
}

#[test]
fn tiered_merges_four_neighbours_of_a_tier_in_their_place() {
    let due = |young: &[u64], last| sizes(Compaction::Tiered.pick(&of_sizes(young, last), &CONFIG));
    let nothing = (vec![], 0);
    assert_eq!(due(&[1000, 1000, 1000], 500_000), nothing);
    assert_eq!(due(&[1000, 900, 1000, 1000], 500_000), (vec![1000, 900, 1000, 1000], 0));
    // The second tier is above 10,000 bytes, up to 40,000.
    assert_eq!(due(&[1000, 1000, 1000, 20_000, 20_000, 20_000], 500_000), nothing);
    let tier = [1000, 20_000, 1000, 20_000, 20_000, 20_000];
    assert_eq!(due(&tier, 500_000), (vec![20_000, 1000, 20_000, 20_000, 20_000], 0));
    assert_eq!(
        due(&[20_000, 20_000, 20_000], 30_000),
        (vec![20_000, 20_000, 20_000, 30_000], 6),
        "all there are"
    );
    // A large run between small ones separates them.
    assert_eq!(due(&[1000, 1000, 20_000, 1000, 1000], 500_000), nothing);
}

#[test]
fn tiered_merges_tombstones_with_what_they_take_away_and_everything_when_too_much_piles_up() {
    let mut heavy = SstMeta { tombstone_count: 60, ..run(0, 11, 1000).1 };
    let versions = |heavy: &SstMeta| version(vec![(0, heavy.clone()), run(0, 10, 1000), run(6, 1, 90_000)]);
    let config = LeveledConfig { base_level_size: 100, ..CONFIG };
    // 92,000 bytes of 300 entries: each tombstone counts for 306 bytes, so two of them would do.
    let pick = |version: &Version| sizes(Compaction::Tiered.pick(version, &config));
    assert_eq!(pick(&versions(&heavy)), (vec![1000, 1000], 0));
    heavy.tombstone_count = 1;
    assert_eq!(pick(&versions(&heavy)), (vec![], 0));
    let major = of_sizes(&[100, 15_000, 100, 50_000], 15_000);
    assert_eq!(sizes(Compaction::Tiered.pick(&major, &CONFIG)).1, 6);
    assert_eq!(
        sizes(Compaction::Tiered.pick(&of_sizes(&[100, 15_000, 100, 40_000], 15_000), &CONFIG)).0.len(),
        0
    );
}

#[test]
fn tiered_keeps_the_number_of_runs_bounded_whatever_their_sizes() {
    let mixed: Vec<u64> =
        (0..23).map(|n| if n % 3 == 2 { 1 << (40 - n) } else { 10 << (20 - n / 2) }).collect();
    let config = LeveledConfig { base_level_size: 1, ..CONFIG };
    let mut version = of_sizes(&mixed, 1 << 50);
    while let Pick::Merge(merge) = Compaction::Tiered.pick(&version, &config) {
        let removed =
            merge.inputs.iter().flat_map(|(level, files)| files.iter().map(|meta| (*level, meta.number)));
        let all = || merge.inputs.iter().flat_map(|(_, files)| files);
        let sum = SstMeta { size: all().map(|meta| meta.size).sum(), ..(**all().next().unwrap()).clone() };
        let edit = VersionEdit {
            removed: removed.collect(),
            added: vec![(merge.output, Arc::new(sum))],
            ..VersionEdit::default()
        };
        version = version.apply(&edit).unwrap();
    }
    assert!(version.runs().count() < 24);
}

#[test]
fn universal_merges_all_when_the_newer_runs_take_as_much_as_the_oldest() {
    let due = |young: &[u64], last| sizes(Compaction::Universal.pick(&of_sizes(young, last), &CONFIG));
    assert_eq!(due(&[1000, 2000, 3000], 6001), (vec![], 0));
    assert_eq!(due(&[1000, 2000, 3000], 6000), (vec![1000, 2000, 3000, 6000], 6));
}

#[test]
fn universal_merges_like_sizes_first_and_then_the_newest() {
    let due = |young: &[u64]| sizes(Compaction::Universal.pick(&of_sizes(young, 1_000_000), &CONFIG));
    assert_eq!(due(&[10, 20, 40, 80]), (vec![], 0));
    assert_eq!(due(&[10, 20, 15, 30, 400]), (vec![20, 15, 30], 0));
    assert_eq!(due(&[10, 20, 40, 80, 160]), (vec![10, 20], 0));
    assert_eq!(due(&[10, 20, 40, 80, 160, 320]), (vec![10, 20, 40], 0));
}

#[test]
fn runs_of_other_levels_are_runs_like_others() {
    // Levels left by another strategy.
    let left =
        version(vec![run(0, 9, 1000), run(3, 3, 1100), run(4, 2, 1200), run(5, 4, 1300), run(6, 1, 90_000)]);
    assert_eq!(
        merge(Compaction::Tiered.pick(&left, &CONFIG)),
        (vec![(0, vec![9]), (3, vec![3]), (4, vec![2]), (5, vec![4])], 5)
    );
    let full = version(vec![run(0, 9, 1000), run(3, 3, 1100), run(4, 2, 1200)]);
    assert_eq!(
        merge(Compaction::Universal.pick(&full, &CONFIG)),
        (vec![(0, vec![9]), (3, vec![3]), (4, vec![2])], 6)
    );
}

#[test]
fn what_is_loaded_in_order_moves_to_its_place() {
    let of = |number: u64, n: u8| SstMeta { size: 1000, ..file(number, &[n], &[n]) };
    for strategy in [Compaction::Tiered, Compaction::Universal] {
        let young = version((1..9u8).map(|n| (0, of(u64::from(n), n))).collect());
        assert_eq!(young.runs().count(), 1, "none of them shares a key with another");
        assert_eq!(strategy.pick(&young, &CONFIG), Pick::Nothing);
        let both = version(vec![(0, of(9, 9)), (6, of(1, 1))]);
        let Pick::Move(Move { from, to, .. }) = strategy.pick_full_merge(&both, &CONFIG) else {
            panic!("nothing is read")
        };
        assert_eq!((from, to), (Level::ZERO, Level::LAST));
    }
}

#[test]
fn a_newer_run_does_not_pass_an_older_one_that_is_not_in_its_place_yet() {
    let young = version(vec![run(0, 8, 1000), run(0, 9, 1000)]);
    for strategy in [Compaction::Tiered, Compaction::Universal] {
        assert_eq!(merge(strategy.pick_full_merge(&young, &CONFIG)), (vec![(0, vec![9, 8])], 6));
    }
}

#[test]
fn runs_settle_into_one_when_the_newer_ones_are_a_tenth_of_the_oldest() {
    for strategy in [Compaction::Tiered, Compaction::Universal] {
        let full_merge = |last| sizes(strategy.pick_full_merge(&of_sizes(&[1000], last), &CONFIG));
        assert_eq!(full_merge(10_001), (vec![], 0));
        assert_eq!(full_merge(10_000), (vec![1000, 10_000], 6));
    }
}

#[test]
fn idle_gives_back_what_is_dead_in_runs() {
    for strategy in [Compaction::Tiered, Compaction::Universal] {
        let idle =
            |version: &Version, watermark| sizes(strategy.pick_idle(version, &CONFIG, SeqNo(watermark)));
        assert_eq!(idle(&of_sizes(&[1000], 5000), 9), (vec![], 0));
        let wasted = SstMeta { dead_size: 500, tombstone_count: 25, ..run(6, 5, 1000).1 };
        let oldest = version(vec![(6, wasted.clone())]);
        assert_eq!(idle(&oldest, 4), (vec![], 0), "somebody reads before it");
        assert_eq!(idle(&oldest, 5), (vec![1000], 6));
        assert_eq!(idle(&version(vec![(0, wasted.clone())]), 5), (vec![1000], 6));
        // Half of 100 entries are tombstones; each may hide an entry of 40 bytes: 2,000 of 8,000.
        let newer = SstMeta { tombstone_count: 50, ..run(0, 9, 1000).1 };
        assert_eq!(idle(&version(vec![(0, newer), run(6, 1, 7000)]), 0), (vec![1000, 7000], 6));
    }
}

#[test]
fn debt_is_the_newest_runs_that_are_too_many() {
    let young: Vec<u64> = (1..=14).collect();
    assert_eq!(Compaction::Tiered.debt(&of_sizes(&young, 1000), &CONFIG), 1 + 2 + 3);
    assert_eq!(Compaction::Universal.debt(&of_sizes(&young[..7], 1000), &CONFIG), 1 + 2);
}
