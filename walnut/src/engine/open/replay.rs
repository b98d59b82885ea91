//! From the log to memtables.

use crate::base::{FileNumber, SeqNo};
use crate::engine::admin::keys;
use crate::engine::open::load::{LoadLimits, Loader};
use crate::engine::open::spill::Spill;
use crate::engine::read::view::Frozen;
use crate::error::Result;
use crate::files::{DatabaseDir, FileName};
use crate::manifest::ManifestState;
use crate::wal::{self, DurableBounds, LogConfig, LogWriter};

/// The first log segment of a database, and the first sequence number in it.
pub(in crate::engine) const FIRST_LOG: (FileNumber, SeqNo) = (FileNumber(1), SeqNo(1));

pub(in crate::engine) struct Replay {
    /// Oldest first. The last of them is the one that commits go on filling.
    pub(in crate::engine) memtables: Vec<Frozen>,
    pub(in crate::engine) last_seqno: SeqNo,
    pub(in crate::engine) log: LogWriter,
    /// The oldest segment that is still needed.
    pub(in crate::engine) first_log: FileNumber,
    /// Whether the log was closed in order and goes on in its last segment; nothing of it was
    /// changed then.
    pub(in crate::engine) is_settled: bool,
}

/// Replays the log that the manifest knows of, and begins a new segment behind it, unless it was
/// closed in order. `names` are those in the directory.
///
/// A memtable that is full is followed by another one where a segment ends, so that the segments
/// before it can go when it is flushed; one that is twice as full, wherever it is. The oldest are
/// spilled when there are too many: so a log of any length is replayed in the memory that it took
/// to write it.
pub(in crate::engine) fn replay(
    log_dir: &DatabaseDir,
    names: &[String],
    state: &ManifestState,
    limits: LoadLimits,
    config: LogConfig,
    spill: &mut Spill<'_>,
) -> Result<Replay> {
    let (first_number, first_seqno) = FIRST_LOG;
    if state.log_number.is_none() && is_unfinished(names) {
        keys::renew(&*log_dir.env, &log_dir.path, &log_dir.keys)?;
        let log = LogWriter::create(log_dir.clone(), first_number, first_seqno, config)?;
        return Ok(Replay {
            memtables: Vec::new(),
            last_seqno: SeqNo::ZERO,
            log,
            first_log: first_number,
            is_settled: false,
        });
    }
    let first = state.log_number.unwrap_or(first_number);
    let promise = durable_bounds(state);
    let loader = Loader::new(first, limits, state, spill);
    let (mut memtables, recovered) = loader.load(|visit| wal::replay(log_dir, names, &promise, visit))?;
    let last_seqno = recovered.last_seqno();
    if spill.is_empty()
        && let Some(log) = LogWriter::reopen(log_dir, &recovered, config)?
    {
        return Ok(Replay { memtables, last_seqno, log, first_log: first, is_settled: true });
    }
    let nothing = memtables.iter().all(|frozen| frozen.memtable.is_empty());
    // What the SSTs have is not copied.
    let config = LogConfig { collapse: if nothing { 0 } else { config.collapse }, ..config };
    // The log was read without a fault: a damaged database is left as it is.
    keys::renew(&*log_dir.env, &log_dir.path, &log_dir.keys)?;
    let log = LogWriter::resume(log_dir.clone(), &recovered, config)?;
    let spilled = spill.next_log.unwrap_or(first);
    let first_log = if nothing { log.number() } else { log.first_number().max(spilled) };
    for frozen in &mut memtables {
        frozen.next_log = frozen.next_log.max(first_log);
    }
    Ok(Replay { memtables, last_seqno, log, first_log, is_settled: false })
}

/// What the manifest knows of the log.
pub(in crate::engine) fn durable_bounds(state: &ManifestState) -> DurableBounds {
    let first = state.log_number.unwrap_or(FIRST_LOG.0);
    DurableBounds {
        first,
        newest: state.newest_log.unwrap_or(first),
        last_seqno: state.last_seqno,
        log_seqno: state.log_seqno,
    }
}

/// Whether the making of the database stopped just before its log. A manifest that lost its end
/// says the same, but then there are files that come later.
pub(in crate::engine) fn is_unfinished(names: &[String]) -> bool {
    !names.iter().any(|name| {
        FileName::parse(name).is_some_and(|name| name.segment_number().or(name.data_number()).is_some())
    })
}
