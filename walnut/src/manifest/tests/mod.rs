//! The guarantees of a manifest, on a machine that crashes, fails and corrupts files.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::cast_possible_truncation, reason = "the numbers of these tests are small")]

mod crash;
mod damage;
mod state;
mod writing;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;
use crate::base::{FileNumber, SeqNo, after};
use crate::crypt::DataKeys;
use crate::env::{Env, MemoryEnv};
use crate::error::{Error, Fault, Result};
use crate::files::DatabaseDir;
use crate::sst::SstMeta;

const DATABASE: [u8; 16] = *b"the database's i";

fn machine() -> MemoryEnv {
    let env = MemoryEnv::new();
    env.create_dir(Path::new("/db")).unwrap();
    env.sync_dir(Path::new("/")).unwrap();
    env
}

fn path(name: &str) -> PathBuf {
    Path::new("/db").join(name)
}

fn new_state() -> ManifestState {
    ManifestState { next_file: FileNumber(2), ..ManifestState::default() }
}

fn create(env: &(impl Env + Clone), number: u64, state: ManifestState) -> Result<ManifestWriter> {
    ManifestWriter::create(&dir(env, DataKeys::none()), FileNumber(number), state)
}

fn dir(env: &(impl Env + Clone), keys: DataKeys) -> DatabaseDir {
    DatabaseDir { env: Arc::new(env.clone()), path: PathBuf::from("/db"), database: DATABASE, keys }
}

fn read(env: &impl Env) -> Result<Option<LoadedManifest>> {
    load(env, Path::new("/db"), &env.list(Path::new("/db"))?, &DataKeys::none())
}

fn level(place: u8) -> Level {
    Level::from_code(place).unwrap()
}

/// A file with these keys, whose sequence numbers follow from its number.
fn sst(number: u64, smallest: &str, largest: &str) -> Arc<SstMeta> {
    Arc::new(SstMeta {
        number: FileNumber(number),
        size: number * 1000,
        digest: u64::MAX / number,
        entry_count: 10,
        tombstone_count: number % 10,
        raw_size: number * 2000,
        dead_size: number,
        fragment_count: number % 3,
        smallest: smallest.into(),
        end: after(largest.as_bytes()),
        smallest_seqno: SeqNo(number * 10),
        largest_seqno: SeqNo(number * 10 + 9),
        values: Vec::new(),
    })
}

/// An edit that takes a file number and adds a file with that number to level 0.
fn flush(state: &ManifestState) -> VersionEdit {
    let number = state.next_file;
    VersionEdit {
        next_file: Some(number.next().unwrap()),
        added: vec![(Level::ZERO, sst(number.0, "a", "z"))],
        ..VersionEdit::default()
    }
}

/// The fault and the offset of a damaged manifest.
fn corruption(error: Error) -> (PathBuf, u64, Fault) {
    match error {
        Error::Corruption { file, offset, fault } => (file, offset, fault),
        error => panic!("not a corruption: {error}"),
    }
}
