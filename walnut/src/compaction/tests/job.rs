//! Merges of real files, on a disk in memory.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::*;
use crate::base::{Entry, Kind};
use crate::crypt::DataKeys;
use crate::cursor::EntryCursor;
use crate::env::{Env, FaultEffect, FaultEnv, FaultPlan, MemoryEnv, Operations};
use crate::error::{Error, Result};
use crate::files::{DatabaseDir, OpenFiles};
use crate::sst::{BlockCache, BlockCompression, Sst, SstConfig, SstStore};
use crate::sync::{AtomicBool, Ordering};
use crate::vlog::ValueStore;

const DIR: &str = "/db";

pub(super) fn machine() -> MemoryEnv {
    let env = MemoryEnv::new();
    env.create_dir(Path::new(DIR)).unwrap();
    env
}

pub(super) fn sst_store(env: &(impl Env + Clone)) -> Arc<SstStore> {
    Arc::new(SstStore {
        dir: DatabaseDir {
            env: Arc::new(env.clone()),
            path: PathBuf::from(DIR),
            database: [7; 16],
            keys: DataKeys::none(),
        },
        config: SstConfig { block_size: 256, compression: BlockCompression::None, filter_bits_per_key: 10 },
        cache: BlockCache::new(1 << 20, 8192),
        open_files: OpenFiles::new(100),
    })
}

pub(super) fn value_store(sst_store: &SstStore) -> Arc<ValueStore> {
    Arc::new(ValueStore {
        dir: sst_store.dir.clone(),
        compression: sst_store.config.compression,
        cache: Arc::clone(sst_store.cache.budget()),
        open_files: Arc::clone(&sst_store.open_files),
    })
}

pub(super) fn nothing_moves(sst_store: &Arc<ValueStore>) -> Relocation<'_> {
    Relocation { candidates: BTreeMap::new(), value_store: sst_store, max_file_size: 1 << 20 }
}

pub(super) fn key(n: u32) -> Vec<u8> {
    [&[0, 0, 0, 1][..], &n.to_be_bytes()].concat()
}

/// An SST of these keys, each at the sequence number; `None` for tombstones.
pub(super) fn write(
    sst_store: &Arc<SstStore>,
    number: u64,
    seqno: u64,
    entries: &[(u32, Option<usize>)],
) -> Arc<Sst> {
    let mut temp_sst = sst_store.begin(FileNumber(number)).unwrap();
    for (n, value) in entries {
        let (kind, size) = value.map_or((Kind::Delete, 0), |size| (Kind::Put, size));
        let value = vec![seqno.to_le_bytes()[0]; size];
        temp_sst.add(Entry { key: &key(*n), seqno: SeqNo(seqno), kind, value: &value }).unwrap();
    }
    sst_store.publish(vec![temp_sst.finish().unwrap()]).unwrap().remove(0)
}

/// An older run in two files of the last level, and a newer one above, with tombstones for every
/// third key.
struct Scene {
    sst_store: Arc<SstStore>,
    inputs: BTreeMap<FileNumber, Arc<Sst>>,
    version: Version,
    merge: Merge,
    max_sst_size: u64,
}

impl Scene {
    fn new(env: &(impl Env + Clone)) -> Self {
        let sst_store = sst_store(env);
        let old: Vec<_> = (0..200).map(|n| (n, Some(50))).collect();
        let new: Vec<_> = (0..200).step_by(3).map(|n| (n, None)).collect();
        let ssts = [
            (6, write(&sst_store, 1, 1, &old[..100])),
            (6, write(&sst_store, 2, 1, &old[100..])),
            (0, write(&sst_store, 3, 2, &new)),
        ];
        let version = version(ssts.iter().map(|(level, sst)| (*level, sst.meta().clone())).collect());
        let Pick::Full(merge) = full(&version) else { panic!("there is something to merge") };
        let inputs = ssts.into_iter().map(|(_, sst)| (sst.meta().number, sst)).collect();
        Self { sst_store, inputs, version, merge, max_sst_size: 2000 }
    }

    fn run(&self, boundaries: &[u64], stop: &AtomicBool) -> Result<Vec<Arc<Sst>>> {
        let values = value_store(&self.sst_store);
        let job = MergeJob {
            merge: &self.merge,
            version: &self.version,
            sst_store: &self.sst_store,
            config: &LeveledConfig { max_sst_size: self.max_sst_size, base_level_size: 10_000 },
            boundaries: boundaries.iter().map(|&at| SeqNo(at)).collect(),
            relocation: nothing_moves(&values),
            progress: &|_| if stop.load(Ordering::Acquire) { Err(Error::Closed) } else { Ok(()) },
        };
        let next = Cell::new(10);
        let sst = |meta: &SstMeta| Arc::clone(&self.inputs[&meta.number]);
        Ok(job.run(sst, || Ok(FileNumber(next.replace(next.get() + 1))))?.ssts)
    }
}

pub(super) fn contents(sst: &Arc<Sst>) -> Vec<(Vec<u8>, u64, bool)> {
    let mut cursor = sst.sweep().unwrap();
    let mut entries = Vec::new();
    while let Some(entry) = cursor.entry() {
        entries.push((entry.key.to_vec(), entry.seqno.0, entry.kind == Kind::Put));
        cursor.advance().unwrap();
    }
    entries
}

fn names(env: &impl Env) -> Vec<String> {
    env.list(Path::new(DIR)).unwrap()
}

#[test]
fn a_merge_keeps_what_can_be_read_and_cuts_it_into_files() {
    let scene = Scene::new(&machine());
    let outputs = scene.run(&[2], &AtomicBool::new(false)).unwrap();
    assert!(outputs.len() > 3 && outputs.iter().all(|sst| sst.meta().size < 4000), "files of 2000 bytes");
    assert!(outputs.windows(2).all(|pair| pair[0].meta().end <= pair[1].meta().smallest));
    let kept: Vec<_> = outputs.iter().flat_map(contents).collect();
    let expected: Vec<_> = (0..200).filter(|n| n % 3 > 0).map(|n| (key(n), 0, true)).collect();
    assert_eq!(kept, expected);
    for sst in &outputs {
        sst.verify().unwrap();
        assert_eq!((sst.meta().dead_size, sst.meta().tombstone_count), (0, 0));
    }
}

/// The output of a merge of all levels down to `output`.
fn merged(ssts: &[(u8, Arc<Sst>)], output: u8, boundaries: &[u64]) -> Vec<(Vec<u8>, u64, bool)> {
    let sst_store = sst_store(&machine());
    let version = version(ssts.iter().map(|(level, sst)| (*level, sst.meta().clone())).collect());
    let inputs = version.runs().filter(|(level, _)| level.code() <= output);
    let merge = Merge {
        inputs: inputs.map(|(level, files)| (level, files.to_vec())).collect(),
        output: level(output),
    };
    let values = value_store(&sst_store);
    let job = MergeJob {
        merge: &merge,
        version: &version,
        sst_store: &sst_store,
        config: &CONFIG,
        boundaries: boundaries.iter().map(|&at| SeqNo(at)).collect(),
        relocation: nothing_moves(&values),
        progress: &|_| Ok(()),
    };
    let reader = |meta: &SstMeta| ssts.iter().map(|(_, sst)| sst).find(|sst| sst.meta() == meta).unwrap();
    let sst = |meta: &SstMeta| Arc::clone(reader(meta));
    let outputs = job.run(sst, || Ok(FileNumber(9))).unwrap().ssts;
    for sst in &outputs {
        sst.verify().unwrap();
    }
    outputs.iter().flat_map(contents).collect()
}

#[test]
fn what_can_be_told_apart_keeps_its_number_and_what_cannot_loses_it() {
    let sst_store = sst_store(&machine());
    let oldest = (6, write(&sst_store, 1, 3, &[(1, Some(1)), (2, Some(1)), (3, Some(1))]));
    let middle = (0, write(&sst_store, 2, 5, &[(1, Some(1)), (4, Some(1))]));
    let newest = (0, write(&sst_store, 3, 8, &[(2, Some(1)), (3, None), (5, Some(1))]));
    let all = [oldest.clone(), middle.clone(), newest.clone()];
    let values = |list: &[(u32, u64)]| list.iter().map(|(n, at)| (key(*n), *at, true)).collect::<Vec<_>>();
    let ageless = [(1, 0), (2, 0), (4, 0), (5, 0)];
    assert_eq!(merged(&all, 6, &[8]), values(&ageless), "everybody reads behind all of it");
    let mut expected = values(&[(1, 0), (2, 8), (2, 0), (3, 8), (3, 0), (4, 0), (5, 8)]);
    expected[3].2 = false;
    assert_eq!(merged(&all, 6, &[6, 9]), expected, "somebody reads before the newest, and nobody before 6");
    let expected = values(&[(1, 5), (1, 0), (2, 0), (3, 0), (4, 5)]);
    assert_eq!(merged(&all[..2], 6, &[4, 6]), expected, "one version at a boundary and one behind it");
    let mut expected = values(&[(1, 5), (2, 8), (3, 8), (4, 5), (5, 8)]);
    expected[2].2 = false;
    assert_eq!(merged(&all, 4, &[8]), expected, "something older lies below");
    assert_eq!(merged(&all[1..], 0, &[8]).iter().map(|entry| entry.1).min(), Some(5), "level 0");
    assert_eq!(merged(&all, 6, &[2]).iter().map(|entry| entry.1).min(), Some(3), "nobody may read it yet");
}

#[test]
fn the_versions_of_a_key_stay_in_one_file() {
    let scene = Scene { max_sst_size: 1, ..Scene::new(&machine()) };
    let outputs = scene.run(&[1, 2], &AtomicBool::new(false)).unwrap();
    let kept: Vec<_> = outputs.iter().flat_map(contents).collect();
    assert_eq!(kept.len(), 200 + 67, "somebody reads before the removals");
    assert_eq!(outputs.len(), 200, "a file is as small as it can be, and a key is whole");
    assert!(outputs.windows(2).all(|pair| pair[0].meta().end <= pair[1].meta().smallest));
}

#[test]
fn a_tombstone_stays_while_a_file_below_may_hold_its_key() {
    let sst_store = sst_store(&machine());
    let older = write(&sst_store, 1, 1, &[(5, Some(10)), (7, Some(10))]);
    let newer = write(&sst_store, 2, 2, &[(4, None), (6, None), (8, None)]);
    let version = version(vec![(6, older.meta().clone()), (4, newer.meta().clone())]);
    let inputs = vec![(level(4), vec![Arc::new(newer.meta().clone())])];
    let values = value_store(&sst_store);
    let job = MergeJob {
        merge: &Merge { inputs, output: level(5) },
        version: &version,
        sst_store: &sst_store,
        config: &CONFIG,
        boundaries: vec![SeqNo(2)],
        relocation: nothing_moves(&values),
        progress: &|_| Ok(()),
    };
    let outputs = job.run(|_| Arc::clone(&newer), || Ok(FileNumber(9))).unwrap().ssts;
    assert_eq!(contents(&outputs[0]), [(key(6), 2, false)], "file 1 spans key 6, though it does not have it");
}

#[test]
fn a_merge_of_which_nothing_is_left_writes_nothing() {
    let env = machine();
    let sst_store = sst_store(&env);
    let sst = write(&sst_store, 1, 1, &[(1, None), (2, None)]);
    let version = version(vec![(6, sst.meta().clone())]);
    let Pick::Full(merge) = full(&version) else { panic!("there is something to merge") };
    let (config, boundaries) = (&CONFIG, vec![SeqNo(5)]);
    let values = value_store(&sst_store);
    let job = MergeJob {
        merge: &merge,
        version: &version,
        sst_store: &sst_store,
        config,
        boundaries,
        relocation: nothing_moves(&values),
        progress: &|_| Ok(()),
    };
    assert!(job.run(|_| Arc::clone(&sst), || Ok(FileNumber(9))).unwrap().ssts.is_empty());
    assert_eq!(names(&env), ["000001.sst"]);
}

#[test]
fn a_merge_that_is_stopped_leaves_its_inputs_and_nothing_else() {
    let env = machine();
    let scene = Scene::new(&env);
    let stop = AtomicBool::new(false);
    stop.store(true, Ordering::Release);
    assert!(matches!(scene.run(&[2], &stop), Err(Error::Closed)));
    assert_eq!(names(&env), ["000001.sst", "000002.sst", "000003.sst"]);
}

#[test]
fn a_damaged_input_fails_the_merge_and_loses_nothing() {
    let env = machine();
    drop(Scene::new(&env));
    let path = Path::new(DIR).join("000001.sst");
    let mut bytes = env.read_file(&path).unwrap();
    bytes[1000] ^= 1;
    env.write_file(&path, &bytes).unwrap();
    let scene = Scene { sst_store: sst_store(&env), ..Scene::new(&machine()) };
    let meta = scene.inputs[&FileNumber(1)].meta().clone();
    let damaged = Arc::new(Sst::unopened(&scene.sst_store, &Arc::new(meta)));
    let scene =
        Scene { inputs: scene.inputs.into_iter().chain([(FileNumber(1), damaged)]).collect(), ..scene };
    let error = scene.run(&[2], &AtomicBool::new(false)).unwrap_err();
    assert!(matches!(&error, Error::Corruption { file, .. } if *file == path), "{error}");
    assert_eq!(names(&env), ["000001.sst", "000002.sst", "000003.sst"]);
}

#[test]
fn a_merge_that_fails_at_any_operation_leaves_no_output() {
    for n in 0.. {
        let env = FaultEnv::over_memory(machine());
        let scene = Scene::new(&env);
        env.inject(FaultPlan::once(Operations::Any, n, FaultEffect::Error));
        let outcome = scene.run(&[2], &AtomicBool::new(false));
        if env.struck() == 0 {
            assert!(n > 30 && outcome.is_ok());
            break;
        }
        assert!(outcome.is_err(), "operation {n}");
        assert_eq!(names(&env), ["000001.sst", "000002.sst", "000003.sst"], "operation {n}");
    }
}
