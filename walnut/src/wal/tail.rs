//! Copies records of a recovered segment into the next segment: the tail that no record proves
//! durable, or all of them.

use super::format::{RecordHeader, put_record};
use super::records::{LogRecord, Records};
use super::segment::{Segment, TempSegment};
use crate::base::SeqNo;
use crate::error::Result;

/// The approximate size of a write.
const PIECE_SIZE: usize = 1 << 20;

/// The records between two offsets, which a replay has read.
pub(super) struct Tail<'a> {
    segment: &'a Segment,
    records: Records<'a>,
    offset: u64,
    end: u64,
}

impl<'a> Tail<'a> {
    pub(super) fn new(segment: &'a Segment, offset: u64, end: u64) -> Self {
        Self { segment, records: Records::new(segment), offset, end }
    }

    pub(super) fn whole(segment: &'a Segment, end: u64) -> Self {
        Self::new(segment, segment.records_start(), end)
    }

    /// The first sequence number; `None` without records.
    pub(super) fn first_seqno(&mut self) -> Result<Option<SeqNo>> {
        let offset = self.offset;
        if offset == self.end { Ok(None) } else { Ok(Some(self.record_at(offset)?.header.seq_start)) }
    }

    /// Writes the records to `to` in a temporary segment and returns where they end.
    pub(super) fn copy(&mut self, temp: &TempSegment<'_>, to: u64) -> Result<u64> {
        let (mut from, mut to) = (self.offset, to);
        let mut piece = Vec::new();
        while from < self.end {
            let LogRecord { header, payload, next } = self.record_at(from)?;
            let offset = to + piece.len() as u64;
            // No replay reads the temporary segment before all of it is durable, so each copied
            // record acknowledges those before it.
            let header = RecordHeader { synced: offset, ..header };
            put_record(&mut piece, temp.sealer(), offset, &header, payload);
            from = next;
            if piece.len() >= PIECE_SIZE || from == self.end {
                temp.file().write_at(&piece, to)?;
                to += piece.len() as u64;
                piece.clear();
            }
        }
        Ok(to)
    }

    fn record_at(&mut self, offset: u64) -> Result<LogRecord<'_>> {
        let path = self.segment.path();
        self.records.at(offset)?.map_err(|fault| fault.at(path, offset))
    }
}
