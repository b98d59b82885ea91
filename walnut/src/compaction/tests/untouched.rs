//! Files that a merge leaves out, and its output around them.

use std::cell::Cell;
use std::collections::BTreeMap;

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use super::job::{contents, key, machine, nothing_moves, sst_store, value_store, write};
use super::*;
use crate::base::{Entry, Fragment, Kind};
use crate::error::Error;
use crate::sst::{Sst, SstStore};

const MAX_SST_SIZE: u64 = 1000;

/// An SST of puts of these keys; with a range tombstone over a span of them, which may be outside.
fn run(
    sst_store: &Arc<SstStore>,
    number: u64,
    keys: impl IntoIterator<Item = u32>,
    span: Option<(u32, u32)>,
) -> Arc<Sst> {
    let mut sst = sst_store.begin(FileNumber(number)).unwrap();
    let seqno = SeqNo(number);
    for n in keys {
        sst.add(Entry { key: &key(n), seqno, kind: Kind::Put, value: b"new" }).unwrap();
    }
    if let Some((start, end)) = span {
        let fragment = Fragment { start: key(start), end: key(end), seqnos: vec![seqno] };
        sst.add_fragment(&fragment).unwrap();
    }
    sst_store.publish(vec![sst.finish().unwrap()]).unwrap().remove(0)
}

fn outputs_of(merge: &Merge, version: &Version, store: &Arc<SstStore>, ssts: &Ssts) -> Vec<Arc<Sst>> {
    let (values, next) = (value_store(store), Cell::new(1000));
    let job = MergeJob {
        merge,
        version,
        sst_store: store,
        config: &LeveledConfig { max_sst_size: MAX_SST_SIZE, base_level_size: 10_000 },
        boundaries: vec![SeqNo(100)],
        relocation: nothing_moves(&values),
        progress: &|_| Ok(()),
    };
    let sst = |meta: &SstMeta| Arc::clone(&ssts[&meta.number]);
    job.run(sst, || Ok(FileNumber(next.replace(next.get() + 1)))).unwrap().ssts
}

type Ssts = BTreeMap<FileNumber, Arc<Sst>>;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_merge_leaves_out_what_it_would_write_as_it_is_and_its_output_is_around_it(
        // The files of the last level: how many keys, of which size, and whether one is deleted.
        old in vec((1_u32..20, 10_usize..60, prop::bool::weighted(0.2)), 1..12),
        new in vec((btree_set(0_u32..250, 1..6), prop::option::weighted(0.3, (0_u32..250, 1_u32..40))), 1..4),
    ) {
        let store = sst_store(&machine());
        let mut files = Vec::new();
        let mut first = 0;
        for (number, (count, size, has_tombstone)) in (1..).zip(&old) {
            let entry = |n| (n, (!has_tombstone || n > first).then_some(*size));
            files.push((6, write(&store, number, 1, &(first..first + count).map(entry).collect::<Vec<_>>())));
            first += count + 1;
        }
        for (number, (keys, span)) in (50..).zip(&new) {
            let span = span.map(|(start, count)| (start, start + count));
            files.push((0, run(&store, number, keys.iter().copied(), span)));
        }
        let version = version(files.iter().map(|(level, sst)| (*level, sst.meta().clone())).collect());
        let Pick::Full(whole) = full(&version) else { panic!("there is something to merge") };
        let ssts: Ssts = files.iter().map(|(_, sst)| (sst.meta().number, Arc::clone(sst))).collect();

        let mut merge = whole.clone();
        leave_out_untouched(&mut merge, MAX_SST_SIZE, |meta| Arc::clone(&ssts[&meta.number]), &|_| Ok(())).unwrap();
        let inputs: Vec<_> = merge.inputs.iter().flat_map(|(_, files)| numbers(files)).collect();
        let is_touched = |old: &SstMeta| files.iter().any(|(level, sst)| {
            let new = sst.meta();
            let has_key = || contents(sst).iter().any(|(key, ..)| old.smallest <= *key && *key < old.end);
            let overlaps = new.smallest < old.end && old.smallest < new.end;
            *level == 0 && (has_key() || overlaps && new.fragment_count > 0)
        });
        for (_, sst) in files.iter().filter(|(level, _)| *level == 6) {
            let meta = sst.meta();
            let stays = !is_touched(meta) && meta.size >= MAX_SST_SIZE / 4 && meta.tombstone_count == 0;
            prop_assert_eq!(inputs.contains(&meta.number.0), !stays, "{:?}", meta.number);
        }

        let mut level: Vec<_> = outputs_of(&merge, &version, &store, &ssts);
        level.extend(files.iter().filter(|(_, sst)| !inputs.contains(&sst.meta().number.0)).map(|(_, sst)| Arc::clone(sst)));
        level.sort_by(|left, right| left.meta().smallest.cmp(&right.meta().smallest));
        prop_assert!(level.windows(2).all(|pair| pair[0].meta().end <= pair[1].meta().smallest));
        let keys = |ssts: &[Arc<Sst>]| {
            ssts.iter().flat_map(contents).map(|(key, _, is_put)| (key, is_put)).collect::<Vec<_>>()
        };
        prop_assert_eq!(keys(&level), keys(&outputs_of(&whole, &version, &store, &ssts)));
    }
}

#[test]
fn the_look_at_the_files_that_may_be_left_out_can_be_stopped() {
    let store = sst_store(&machine());
    let old: Vec<_> = (0..20).map(|n| (n, Some(50))).collect();
    let ssts = [write(&store, 1, 1, &old), run(&store, 50, [10], None)];
    let version = version(vec![(6, ssts[0].meta().clone()), (0, ssts[1].meta().clone())]);
    let Pick::Full(mut merge) = full(&version) else { panic!("there is something to merge") };
    let before = merge.clone();
    let sst = |meta: &SstMeta| Arc::clone(ssts.iter().find(|sst| sst.meta() == meta).unwrap());
    let stopped = leave_out_untouched(&mut merge, MAX_SST_SIZE, sst, &|_| Err(Error::Closed));
    assert!(matches!(stopped, Err(Error::Closed)));
    assert_eq!(merge, before);
}
