//! From the log to memtables.

use std::sync::Arc;

use super::directory;
use super::open::FIRST_LOG;
use super::view::Frozen;
use crate::base::{Entry, FileNumber, SeqNo};
use crate::batch::Entries;
use crate::error::Result;
use crate::manifest::ManifestState;
use crate::memtable::Memtable;
use crate::wal::{self, LogConfig, LogPlace, LogPromise, LogWriter};

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
    let recovered = wal::replay(place, &promise, &mut |replayed| {
        let commit = replayed.commit;
        let mut last = memtables.len() - 1;
        if replayed.segment > memtables[last].next_log {
            if memtables[last].memtable.size() >= memtable_size {
                let memtable = Arc::new(Memtable::new(memtables[last].memtable.max_lsn()));
                memtables[last].next_log = replayed.segment;
                memtables.push(Frozen { memtable, next_log: replayed.segment });
                last += 1;
            } else {
                memtables[last].next_log = replayed.segment;
            }
        }
        let entries = Entries::new(commit.payload, commit.count).map_err(|fault| replayed.damaged(fault))?;
        for (place, (kind, key, value)) in (0..).zip(entries) {
            let seqno = commit.seq_start.plus(place);
            // What the SSTs have already is not taken twice.
            if seqno > state.last_seqno {
                memtables[last].memtable.insert(Entry { key, seqno, kind, value });
            }
        }
        Ok(())
    })?;
    let log = LogWriter::resume(place.clone(), &recovered, config)?;
    let nothing = memtables.iter().all(|frozen| frozen.memtable.is_empty());
    let first_log = if nothing { log.number() } else { first };
    Ok(Replay { memtables, last_seqno: SeqNo(recovered.next_seqno.0 - 1), log, first_log })
}

/// Whether the making of the database stopped just before its log. A manifest that lost its end says the same, but then
/// there are files that come later.
fn is_unfinished(place: &LogPlace) -> Result<bool> {
    let names = place.env.list(&place.dir)?;
    Ok(!names
        .iter()
        .any(|name| wal::segment_number(name).is_some() || directory::data_number(name).is_some()))
}
