//! Compaction terminates on every version, and each pick is sound.

use std::collections::BTreeSet;

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use super::*;
use crate::manifest::LEVEL_COUNT;

/// The outcome of a merge: how many files, and whether all garbage can be dropped.
#[derive(Clone, Copy, Debug)]
struct Fate {
    output_count: usize,
    drops: bool,
}

fn any_file(number: u64, smallest: u16, largest: u16, counts: (u64, u64, u64, u64)) -> SstMeta {
    let (entry_count, tombstones, dead, seqno) = counts;
    SstMeta {
        size: 10 + entry_count * 20,
        entry_count,
        tombstone_count: tombstones.min(entry_count),
        raw_size: entry_count * 10,
        dead_size: (dead * 10).min(entry_count * 10),
        smallest_seqno: SeqNo(1000 + seqno),
        largest_seqno: SeqNo(1000 + seqno),
        ..file(number, &smallest.to_be_bytes(), &largest.to_be_bytes())
    }
}

fn any_counts() -> impl Strategy<Value = (u64, u64, u64, u64)> {
    let part = || prop_oneof![3 => Just(0u64), 1 => 0u64..100];
    (1u64..100, part(), part(), 0u64..100)
}

/// A level whose files do not overlap.
fn any_run(place: u8) -> impl Strategy<Value = Vec<(u8, SstMeta)>> {
    (btree_set(any::<u16>(), 0..24), vec(any_counts(), 12)).prop_map(move |(keys, counts)| {
        let keys: Vec<u16> = keys.into_iter().collect();
        let files = keys.chunks_exact(2).zip(counts).zip(1..);
        files
            .map(|((keys, counts), n)| {
                (place, any_file(u64::from(place) * 100 + n, keys[0], keys[1], counts))
            })
            .collect()
    })
}

fn any_version() -> impl Strategy<Value = Version> {
    let young = vec((any::<u16>(), any::<u16>(), any_counts()), 0..14).prop_map(|files| {
        let files = files.into_iter().zip(1..);
        #[expect(clippy::type_complexity, reason = "what is drawn is drawn together")]
        let of = |((a, b, counts), n): ((u16, u16, (u64, u64, u64, u64)), u64)| {
            (0, any_file(n, a.min(b), a.max(b), (counts.0, counts.1, counts.2, 10 * n)))
        };
        files.map(of).collect::<Vec<_>>()
    });
    let runs: Vec<_> = (1..7).map(any_run).collect();
    (young, runs, vec(prop::bool::weighted(0.4), 6)).prop_map(|(mut files, runs, held)| {
        files.extend(runs.into_iter().zip(held).filter(|(_, held)| *held).flat_map(|(run, _)| run));
        version(files)
    })
}

/// A measure that decreases with each pick: see the heads of `leveled` and `runs`.
fn weight(version: &Version) -> (u64, usize) {
    let weight =
        |(level, meta): (Level, &Arc<SstMeta>)| meta.entry_count * (LEVEL_COUNT - level.index()) as u64;
    (version.files().map(weight).sum(), version.runs().count())
}

fn carry_out(merge: &Merge, watermark: SeqNo, fate: Fate, next: &mut u64) -> VersionEdit {
    let inputs: Vec<_> =
        merge.inputs.iter().flat_map(|(level, files)| files.iter().map(|meta| (*level, meta))).collect();
    let removed = inputs.iter().map(|(level, meta)| (*level, meta.number)).collect();
    let drops = |meta: &SstMeta| {
        merge.output == Level::LAST && (fate.drops || is_rewrite(merge)) && meta.largest_seqno <= watermark
    };
    let (mut entries, mut tombstones, mut dead) = (0, 0, 0);
    for (_, meta) in &inputs {
        let lost = if drops(meta) { meta.tombstone_count.max(u64::from(meta.dead_size > 0)) } else { 0 };
        entries += meta.entry_count - lost;
        tombstones += if drops(meta) { 0 } else { meta.tombstone_count };
        dead += if drops(meta) { 0 } else { meta.dead_size / 10 };
    }
    let last = |meta: &'_ SstMeta| meta.end[..meta.end.len() - 1].to_vec();
    let keys: BTreeSet<Vec<u8>> =
        inputs.iter().flat_map(|(_, meta)| [meta.smallest.clone(), last(meta)]).collect();
    let keys: Vec<u16> =
        keys.into_iter().map(|key| u16::from_be_bytes(key.as_slice().try_into().unwrap())).collect();
    let count = fate.output_count.min(keys.len()).min(usize::try_from(entries).unwrap());
    let part =
        |whole: u64, place: usize| whole / count as u64 + u64::from((place as u64) < whole % count as u64);
    let pieces = keys.chunks(keys.len().div_ceil(count.max(1))).enumerate().take(count);
    let seqno = inputs.iter().map(|(_, meta)| meta.largest_seqno.0 - 1000).max().unwrap();
    let first = inputs.iter().map(|(_, meta)| meta.smallest_seqno).min().unwrap();
    let added = pieces.map(|(place, keys)| {
        *next += 1;
        let counts = (part(entries, place).max(1), part(tombstones, place), part(dead, place), seqno);
        let meta = any_file(*next, keys[0], keys[keys.len() - 1], counts);
        (merge.output, Arc::new(SstMeta { smallest_seqno: first, ..meta }))
    });
    VersionEdit { removed, added: added.collect(), ..VersionEdit::default() }
}

/// Whether it is done only for the garbage in it.
fn is_rewrite(merge: &Merge) -> bool {
    merge.inputs.len() == 1 && merge.inputs[0].0 == merge.output
}

/// Checks that nothing newer goes below something older, and that nothing in the way is left
/// behind.
fn expect_sound(version: &Version, merge: &Merge) {
    let numbers: BTreeSet<_> =
        merge.inputs.iter().flat_map(|(_, files)| files).map(|meta| meta.number).collect();
    assert!(!numbers.is_empty() && merge.inputs.iter().all(|(_, files)| !files.is_empty()));
    let inputs: Vec<_> = merge.inputs.iter().flat_map(|(_, files)| files).collect();
    let smallest = inputs.iter().map(|meta| &meta.smallest).min().unwrap();
    let end = inputs.iter().map(|meta| &meta.end).max().unwrap();
    let order: Vec<_> = version.runs().collect();
    let is_touched = |files: &[Arc<SstMeta>]| files.iter().any(|meta| numbers.contains(&meta.number));
    let newest = order.iter().position(|(_, files)| is_touched(files)).unwrap();
    let oldest = order.iter().rposition(|(_, files)| is_touched(files)).unwrap();
    for (place, (level, files)) in order.iter().enumerate() {
        for meta in files.iter().filter(|meta| !numbers.contains(&meta.number)) {
            let shares = meta.smallest < *end && *smallest < meta.end;
            let stays_newer = place < newest
                || place == newest && *level < merge.output
                || place < oldest && *level == Level::ZERO && merge.output == Level::ZERO && !shares;
            let stays_older = place > oldest && (*level > merge.output || merge.output == Level::ZERO);
            assert!(!shares || stays_newer || stays_older, "{level:?} is in the way of {merge:?}");
        }
    }
    let seqnos = |meta: &SstMeta| (meta.smallest_seqno, meta.largest_seqno);
    if merge.output == Level::ZERO {
        let (first, last) =
            (inputs.iter().map(|meta| seqnos(meta).0).min(), inputs.iter().map(|meta| seqnos(meta).1).max());
        for meta in version.level(Level::ZERO).iter().filter(|meta| !numbers.contains(&meta.number)) {
            let (smallest, largest) = seqnos(meta);
            assert!(Some(largest) < first || Some(smallest) > last, "history is cut in the middle");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn picks_come_to_an_end_on_every_version(
        version in any_version(),
        fates in vec((1usize..6, any::<bool>()), 1..20),
        base_level_size in prop_oneof![Just(1u64), 100u64..100_000],
        max_sst_size in 1u64..10_000,
        watermark in 1000u64..1100,
        strategies in vec(0usize..3, 1..4),
    ) {
        let config = LeveledConfig { max_sst_size, base_level_size };
        let mut version = version;
        let mut next = 1000;
        let all = [Compaction::Leveled, Compaction::Tiered, Compaction::Universal];
        // Each strategy goes on from where the one before it had nothing left to do.
        for strategy in strategies.into_iter().map(|place| all[place]) {
            for (output_count, drops) in fates.iter().copied().cycle() {
                let pick = strategy.pick(&version, &config);
                let pick = pick.or_else(|| strategy.pick_idle(&version, &config, SeqNo(watermark)));
                let pick = pick.or_else(|| strategy.pick_full_merge(&version, &config));
                let edit = match &pick {
                    Pick::Nothing => break,
                    Pick::Move(Move { from, files, to }) => {
                        // Files between two moved ones are not touched.
                        for meta in files {
                            let inputs = vec![(*from, vec![Arc::clone(meta)])];
                            expect_sound(&version, &Merge { inputs, output: *to });
                        }
                        VersionEdit {
                            removed: files.iter().map(|meta| (*from, meta.number)).collect(),
                            added: files.iter().map(|meta| (*to, Arc::clone(meta))).collect(),
                            ..VersionEdit::default()
                        }
                    }
                    Pick::Merge(merge) | Pick::Full(merge) => {
                        expect_sound(&version, merge);
                        carry_out(merge, SeqNo(watermark), Fate { output_count, drops }, &mut next)
                    }
                };
                let after = version.apply(&edit).unwrap();
                prop_assert!(weight(&after) < weight(&version), "{:?} leads nowhere", pick);
                version = after;
            }
            if strategy == Compaction::Leveled {
                prop_assert!(version.level(Level::ZERO).len() < 4);
            }
        }
    }
}
