//! The whole engine, with levels so small that compaction runs all the time.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod crash;
mod dead;
#[cfg(feature = "encryption")]
mod encryption;
mod errors;
mod files;
mod full;
mod groups;
mod leftovers;
mod levels;
mod log;
mod manifest;
mod model;
mod notes;
mod opening;
mod ranges;
mod scans;
mod space;
mod stats;
mod steps;
mod strategies;
mod sums;
mod thin;
mod threads;
#[cfg(feature = "tracing")]
mod trace;
mod validate;
mod value_cache;
mod values;
mod warm;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;
use crate::base::{KeyRange, KeySet, KeyspaceId};
use crate::batch::EntryBatch;
#[cfg(feature = "tracing")]
use crate::compaction;
use crate::env::{FaultEnv, MemoryEnv};
use crate::error::Fault;
use crate::sst::{BlockCompression, SstConfig};
use crate::sync::{AtomicBool, Ordering};

const DIR: &str = "/db";

/// Waits for another thread. The test fails instead of waiting forever.
fn until(what: &str, condition: impl Fn() -> bool) {
    let began = std::time::Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(120), "it does not happen that {what}");
        std::thread::yield_now();
    }
}

/// Sets a flag when dropped, even by a panic, so that threads that run until then end.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// A machine whose directory is durable.
fn machine() -> MemoryEnv {
    let env = MemoryEnv::new();
    env.create_dir(Path::new(DIR)).unwrap();
    env.sync_dir(Path::new("/")).unwrap();
    env
}

/// Whether all databases of these tests are encrypted. A test of exact sizes, offsets, reads or syncs
/// is one of a database that is not, and does nothing then: a stage of its own runs it.
fn is_encrypted() -> bool {
    test_key().is_some()
}

/// The key of all databases of these tests, when they are run with encryption: `WALNUT_ENCRYPTION=1`.
fn test_key() -> Option<Arc<EncryptionKey>> {
    #[cfg(feature = "encryption")]
    if std::env::var_os("WALNUT_ENCRYPTION").is_some() {
        return Some(Arc::new(EncryptionKey::from_bytes([7; 32])));
    }
    None
}

fn config() -> EngineConfig {
    EngineConfig {
        memtable_size: 2 << 10,
        frozen_limit: 1,
        cache_size: 1 << 20,
        open_limit: 1000,
        group_window: Duration::ZERO,
        preallocate: 0,
        sst: SstConfig { block_size: 256, compression: BlockCompression::None, filter_bits_per_key: 10 },
        compaction: Compaction::Leveled,
        levels: LeveledConfig { max_sst_size: 1 << 10, base_level_size: 2 << 10 },
        values: ValueConfig { threshold: usize::MAX, max_file_size: 4 << 10 },
        io_limit: None,
        background: Background::Manual,
        reserve_size: 0,
        snapshot_age_limit: None,
        checkpoint_on_close: true,
        encryption: test_key(),
    }
}

fn open_with(env: &(impl Env + Clone), config: EngineConfig) -> Result<Engine> {
    Engine::open(Arc::new(env.clone()), PathBuf::from(DIR), config)
}

fn open(env: &(impl Env + Clone)) -> Result<Engine> {
    open_with(env, config())
}

fn key(n: u32) -> Vec<u8> {
    [&KeyspaceId(1).prefix()[..], &n.to_be_bytes()].concat()
}

/// Whether a transaction that read the key at this seqno would conflict.
fn is_changed(engine: &Engine, n: u32, at: SeqNo) -> Result<bool> {
    engine
        .commits
        .changed_since(&ReadSet { pin: None, keys: [key(n)].into_iter().collect(), ranges: Vec::new() }, at)
}

fn value(n: u32, version: u32) -> Vec<u8> {
    [&n.to_le_bytes()[..], &version.to_le_bytes(), &[7; 30]].concat()
}

fn put(engine: &Engine, n: u32, version: u32) -> Result<()> {
    let mut batch = EntryBatch::new();
    batch.put(&key(n), &value(n, version));
    engine.commit(ReadSet::default(), batch, Durability::Fast)
}

fn add(engine: &Engine, n: u32, delta: i64) -> Result<()> {
    let mut batch = EntryBatch::new();
    batch.add(&key(n), delta);
    engine.commit(ReadSet::default(), batch, Durability::Fast)
}

/// Puts a number of eight bytes.
fn set(engine: &Engine, n: u32, number: i64) -> Result<()> {
    let mut batch = EntryBatch::new();
    batch.put(&key(n), &number.to_le_bytes());
    engine.commit(ReadSet::default(), batch, Durability::Fast)
}

fn contains(engine: &Engine, n: u32) -> Result<bool> {
    engine.read(|reader| reader.contains(&key(n)))
}

fn delete(engine: &Engine, n: u32) -> Result<()> {
    let mut batch = EntryBatch::new();
    batch.delete(&key(n));
    engine.commit(ReadSet::default(), batch, Durability::Fast)
}

fn clear(engine: &Engine, range: Range<u32>) -> Result<()> {
    let mut batch = EntryBatch::new();
    batch.delete_range(&key(range.start), &key(range.end));
    engine.commit(ReadSet::default(), batch, Durability::Fast)
}

fn get(engine: &Engine, n: u32) -> Result<Option<Vec<u8>>> {
    engine.read(|reader| reader.get(&key(n), <[u8]>::to_vec))
}

fn get_many(engine: &Engine, keys: &[Vec<u8>]) -> Vec<Option<Vec<u8>>> {
    let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
    let mut values = Vec::new();
    engine
        .read(|reader| {
            reader.get_many(&keys, |value| {
                values.push(value.map(<[u8]>::to_vec));
                Ok(())
            })
        })
        .unwrap();
    values
}

type State = BTreeMap<Vec<u8>, Vec<u8>>;

/// The rest of a scan, from one of its ends; the last entry first from the back.
fn drain(scan: &mut EngineScan, from_back: bool) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut entries = Vec::new();
    while let Some(found) = if from_back { scan.next_back()? } else { scan.next()? } {
        entries.push((found.key.to_vec(), found.value.load()?.to_vec()));
    }
    Ok(entries)
}

fn state(engine: &Engine) -> Result<State> {
    Ok(drain(&mut engine.scan(KeyRange::all())?, false)?.into_iter().collect())
}

/// The files of the directory with this extension.
fn files(env: &impl Env, ending: &str) -> Vec<String> {
    let names = env.list(Path::new(DIR)).unwrap();
    names.into_iter().filter(|name| name.ends_with(ending)).collect()
}

/// Checks that the SSTs and value files on disk are exactly those of the version.
fn expect_no_leak(env: &impl Env, engine: &Engine) {
    assert_eq!(files(env, ".sst").len(), engine.stats().sst_count, "{:?}", files(env, ""));
    assert_eq!(files(env, ".vlog").len(), engine.stats().value_file_count, "{:?}", files(env, ""));
    assert!(files(env, ".tmp").is_empty(), "{:?}", files(env, ""));
}

/// Random numbers from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % u64::from(limit)).unwrap()
    }
}
