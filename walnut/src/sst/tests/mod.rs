//! Whole SSTs: built, opened, searched, damaged. Pieces are tested beside their code.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod damage;
mod file;
mod format;
mod limits;
mod model;
mod ranges;
mod salvage;

use std::sync::Arc;

use file::TestFile;

use super::{BlockCache, BlockCompression, SstBuilder, SstConfig, SstMeta, SstReader};
use crate::base::{Entry, FileNumber, Fragment, KeyHash, KeyRange, Kind, SeqNo};
use crate::codec::{FileHeader, FileKind};
use crate::crypt::{DataKeys, Sealer};
use crate::cursor::{Direction, EntryCursor};
use crate::error::Result;
use crate::files::OpenFile;

const DATABASE: [u8; 16] = *b"the test's own 1";
const HEADER: FileHeader =
    FileHeader { kind: FileKind::Sst, database: DATABASE, number: FileNumber(7), salt: 0x5a17, word: 0 };

fn sealer() -> Sealer {
    Sealer::checksummed(HEADER.seed())
}

fn begun() -> (Vec<u8>, Sealer) {
    (HEADER.encode().to_vec(), sealer())
}

/// An entry that owns its bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Owned {
    key: Vec<u8>,
    seqno: SeqNo,
    kind: Kind,
    value: Vec<u8>,
}

impl Owned {
    fn put(key: &[u8], seqno: u64, value: &[u8]) -> Self {
        Self { key: key.to_vec(), seqno: SeqNo(seqno), kind: Kind::Put, value: value.to_vec() }
    }

    fn delete(key: &[u8], seqno: u64) -> Self {
        Self { key: key.to_vec(), seqno: SeqNo(seqno), kind: Kind::Delete, value: Vec::new() }
    }

    fn entry(&self) -> Entry<'_> {
        Entry { key: &self.key, seqno: self.seqno, kind: self.kind, value: &self.value }
    }
}

impl From<Entry<'_>> for Owned {
    fn from(entry: Entry<'_>) -> Self {
        let Entry { key, seqno, kind, value } = entry;
        Self { key: key.to_vec(), seqno, kind, value: value.to_vec() }
    }
}

fn tiny(compression: BlockCompression) -> SstConfig {
    SstConfig { block_size: 100, compression, ..SstConfig::default() }
}

fn build(entries: &[Owned], config: SstConfig) -> (Arc<TestFile>, SstMeta) {
    build_with(entries, &[], config)
}

fn build_with(entries: &[Owned], fragments: &[Fragment], config: SstConfig) -> (Arc<TestFile>, SstMeta) {
    let file = Arc::new(TestFile::default());
    let mut builder = SstBuilder::new(file.clone(), HEADER.number, begun(), config).unwrap();
    for entry in entries {
        builder.add(entry.entry()).unwrap();
    }
    for fragment in fragments {
        builder.add_fragment(fragment).unwrap();
    }
    let meta = builder.finish().unwrap();
    assert!(file.is_synced());
    (file, meta)
}

fn open(file: Arc<TestFile>, meta: &SstMeta) -> Result<Arc<SstReader>> {
    SstReader::open(
        OpenFile::standalone(file),
        DATABASE,
        &DataKeys::none(),
        meta,
        &BlockCache::new(4000, 8192),
    )
    .map(Arc::new)
}

fn get(reader: &SstReader, key: &[u8], at: SeqNo) -> Result<Option<Owned>> {
    let [expected, other] = [true, false]
        .map(|expected| reader.get(key, KeyHash::of(key), at, expected, |entry| Owned::from(entry)));
    assert_eq!(expected.as_ref().ok(), other.as_ref().ok());
    expected
}

fn collect(mut cursor: impl EntryCursor) -> Result<Vec<Owned>> {
    let mut entries = Vec::new();
    while let Some(entry) = cursor.entry() {
        entries.push(Owned::from(entry));
        let ends_key = cursor.ends_key();
        cursor.advance()?;
        let is_another = |next: Entry<'_>| entries.last().is_some_and(|last| *last.key != *next.key);
        assert!(!ends_key || cursor.entry().is_some_and(is_another), "the key goes on, or there is no more");
    }
    cursor.advance()?;
    assert!(cursor.entry().is_none(), "an end is an end");
    Ok(entries)
}

fn scan(reader: &Arc<SstReader>, range: &KeyRange, direction: Direction) -> Result<Vec<Owned>> {
    collect(reader.cursor(range, direction)?)
}

/// A few keys with several versions, some of them over more than one tiny block.
fn sample() -> Vec<Owned> {
    let mut entries = Vec::new();
    for id in 0..12u8 {
        let key = [b"\0\0\0\x05item/", &[b'a' + id / 4, b'0' + id][..]].concat();
        let versions = if id == 5 { 20 } else { 1 + u64::from(id % 3) };
        for version in (0..versions).rev() {
            let seqno = u64::from(id) + version * 20;
            entries.push(match (id + u8::try_from(version).unwrap()) % 5 {
                0 => Owned::delete(&key, seqno),
                1 => Owned::put(&key, seqno, b""),
                _ => Owned::put(&key, seqno, format!("value {id} {version} {id} {version}").as_bytes()),
            });
        }
    }
    entries
}
