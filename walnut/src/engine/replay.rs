//! From the log to memtables.

use std::sync::Arc;

use super::commit::placed;
use super::open::FIRST_LOG;
use super::view::Frozen;
use crate::base::{FileNumber, SeqNo};
use crate::batch::Entries;
use crate::error::Result;
use crate::files::FileName;
use crate::manifest::ManifestState;
use crate::memtable::{Insertion, Memtable, Placed};
use crate::wal::{self, LogConfig, LogPlace, LogPromise, LogWriter, Replayed};

/// How many bytes of small commits are collected before they are put into a memtable.
const LOAD_SIZE: usize = 256 << 10;

/// What a replay leaves.
pub(super) struct Replay {
    /// Oldest first. The last of them is the one that commits go on filling.
    pub(super) memtables: Vec<Frozen>,
    pub(super) last_seqno: SeqNo,
    /// The log, in its new segment.
    pub(super) log: LogWriter,
    /// The oldest segment that is still needed.
    pub(super) first_log: FileNumber,
}

/// Replays the log that the manifest knows of, and begins a new segment behind it.
///
/// A memtable that is full is followed by another one where a segment ends, so that the segments before it can go when
/// it is flushed.
pub(super) fn replay(
    place: &LogPlace,
    state: &ManifestState,
    memtable_size: usize,
    config: LogConfig,
) -> Result<Replay> {
    let (first_number, first_seqno) = FIRST_LOG;
    if state.log_number.is_none() && is_unfinished(place)? {
        let log = LogWriter::create(place.clone(), first_number, first_seqno, config)?;
        return Ok(Replay { memtables: Vec::new(), last_seqno: SeqNo::ZERO, log, first_log: first_number });
    }
    let first = state.log_number.unwrap_or(first_number);
    let promise = LogPromise {
        first,
        newest: state.newest_log.unwrap_or(first),
        last_seqno: state.last_seqno,
        log_seqno: state.log_seqno,
    };
    let mut memtables = vec![Frozen { memtable: Arc::new(Memtable::new(state.last_seqno)), next_log: first }];
    let mut loading = Loading::default();
    let recovered = wal::replay(place, &promise, &mut |replayed| {
        let last = memtables.last_mut().expect("there is one from the beginning");
        if replayed.segment > last.next_log {
            loading.unload(&last.memtable);
            if last.memtable.is_full(memtable_size) {
                let memtable = Arc::new(Memtable::after(&last.memtable, last.memtable.max_lsn()));
                last.next_log = replayed.segment;
                memtables.push(Frozen { memtable, next_log: replayed.segment });
            } else {
                last.next_log = replayed.segment;
            }
        }
        let last = memtables.last().expect("there is one from the beginning");
        loading.load(replayed, state.last_seqno, &last.memtable)
    })?;
    if let Some(last) = memtables.last() {
        loading.unload(&last.memtable);
    }
    let log = LogWriter::resume(place.clone(), &recovered, config)?;
    let nothing = memtables.iter().all(|frozen| frozen.memtable.is_empty());
    let first_log = if nothing { log.number() } else { first };
    Ok(Replay { memtables, last_seqno: recovered.last_seqno(), log, first_log })
}

/// Commits that were read and are not yet in a memtable, so that small ones go there together.
#[derive(Default)]
struct Loading {
    bytes: Vec<u8>,
    entries: Vec<Placed>,
    first: SeqNo,
}

impl Loading {
    /// Takes the entries of a commit that are above `known`: what the SSTs have already is not taken twice.
    fn load(&mut self, replayed: &Replayed<'_>, known: SeqNo, memtable: &Memtable) -> Result<()> {
        let commit = replayed.commit;
        let entries = Entries::new(commit.payload, commit.count).map_err(|fault| replayed.damaged(fault))?;
        let known = known.plus(1).0.saturating_sub(commit.seq_start.0).min(commit.count.into());
        if known == commit.count.into() {
            return Ok(());
        }
        if self.entries.is_empty() {
            self.first = commit.seq_start.plus(known);
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(commit.payload);
        let known = usize::try_from(known).expect("it is not more than the count");
        self.entries
            .extend(entries.with_offsets().skip(known).map(|(offset, entry)| placed(start + offset, entry)));
        if self.bytes.len() >= LOAD_SIZE {
            self.unload(memtable);
        }
        Ok(())
    }

    /// Puts what was taken into a memtable.
    fn unload(&mut self, memtable: &Memtable) {
        let Self { mut bytes, entries, first } = std::mem::take(self);
        bytes.shrink_to_fit();
        memtable.insert(Insertion::new(bytes, entries.into_iter()), first);
    }
}

/// Whether the making of the database stopped just before its log. A manifest that lost its end says the same, but then
/// there are files that come later.
fn is_unfinished(place: &LogPlace) -> Result<bool> {
    let names = place.env.list(&place.dir)?;
    Ok(!names.iter().any(|name| {
        FileName::parse(name).is_some_and(|name| name.segment_number().or(name.data_number()).is_some())
    }))
}
