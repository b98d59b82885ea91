//! Records of a recovered segment, copied into the next segment: those at its end that no record proves durable, or all.

use super::format::{RECORDS_START, RecordHeader, put_record};
use super::records::{LogRecord, Records};
use super::segment::{Segment, TempSegment};
use crate::base::SeqNo;
use crate::error::Result;

/// A copy is written in pieces of about this size.
const PIECE_SIZE: usize = 1 << 20;

/// The records from one offset up to another, which a replay has read.
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

    /// All the records of a segment.
    pub(super) fn whole(segment: &'a Segment, end: u64) -> Self {
        Self::new(segment, RECORDS_START, end)
    }

    /// The number that the first record begins with; `None` when there is no record.
    pub(super) fn first_seqno(&mut self) -> Result<Option<SeqNo>> {
        let offset = self.offset;
        if offset == self.end { Ok(None) } else { Ok(Some(self.record_at(offset)?.header.seq_start)) }
    }

    /// Writes the records to a place in a draft, and gives where they end there.
    pub(super) fn copy(&mut self, draft: &TempSegment<'_>, to: u64) -> Result<u64> {
        let (mut from, mut to) = (self.offset, to);
        let mut piece = Vec::new();
        while from < self.end {
            let LogRecord { header, payload, next } = self.record_at(from)?;
            let offset = to + piece.len() as u64;
            // Nobody reads the draft before all of it is durable, so each copy vouches for those before it.
            let header = RecordHeader { synced: offset, ..header };
            put_record(&mut piece, draft.seed(), offset, &header, payload);
            from = next;
            if piece.len() >= PIECE_SIZE || from == self.end {
                draft.file().write_at(&piece, to)?;
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
