//! Reads the records of a segment one by one, through a window of bounded size.

use super::format::{CHECKED_START, RECORD_HEADER_SIZE, RawHeader, RecordHeader, aligned};
use super::segment::Segment;
use crate::codec::{crc32, seed_at};
use crate::error::{Fault, Result};

/// Bytes read at once.
const WINDOW_SIZE: usize = 1 << 20;

pub(super) struct LogRecord<'a> {
    pub(super) header: RecordHeader,
    pub(super) payload: &'a [u8],
    /// The offset of the next record.
    pub(super) next: u64,
}

pub(super) struct Records<'a> {
    segment: &'a Segment,
    /// The file's bytes from `start` on.
    window: Vec<u8>,
    start: u64,
    /// The record that was decrypted last.
    opened: Vec<u8>,
}

impl<'a> Records<'a> {
    pub(super) fn new(segment: &'a Segment) -> Self {
        Self { segment, window: Vec::new(), start: 0, opened: Vec::new() }
    }

    /// The record at `offset`, or the fault that makes it invalid by rules 1 to 3 of the format. A
    /// record with a matching checksum that breaks another rule is an error.
    pub(super) fn at(&mut self, offset: u64) -> Result<Result<LogRecord<'_>, Fault>> {
        let raw = match self.raw_header(offset)? {
            Ok(raw) => raw,
            Err(fault) => return Ok(Err(fault)),
        };
        let (left, tags) = (self.segment.size - offset, 2 * self.segment.sealer.tag_size());
        let size = raw.record_size().map(|size| size + tags).filter(|&size| size as u64 <= left);
        let Some(size) = size else { return Ok(Err(Fault::Truncated)) };
        if self.segment.sealer.is_encrypted() {
            return self.encrypted_at(offset, &raw, size);
        }
        let computed = self.checksum(offset, size)?;
        if computed != raw.crc {
            return Ok(Err(Fault::Checksum { stored: raw.crc, computed }));
        }
        let header = raw.check(offset).map_err(|fault| fault.at(self.segment.path(), offset))?;
        let payload = &self.bytes(offset, size)?[RECORD_HEADER_SIZE..];
        Ok(Ok(LogRecord { header, payload, next: aligned(offset + size as u64) }))
    }

    /// The same in an encrypted segment. The tag of the fields has proved the size, so memory is
    /// allocated for the payload.
    fn encrypted_at(
        &mut self,
        offset: u64,
        raw: &RawHeader,
        size: usize,
    ) -> Result<Result<LogRecord<'_>, Fault>> {
        let segment = self.segment;
        let mut record = std::mem::take(&mut self.opened);
        record.clear();
        record.extend_from_slice(self.bytes(offset, size)?);
        if let Err(fault) = segment.sealer.open_record(offset, &mut record, RECORD_HEADER_SIZE) {
            return Ok(Err(fault));
        }
        let header = raw.check(offset).map_err(|fault| fault.at(segment.path(), offset))?;
        self.opened = record;
        let payload = &self.opened[RECORD_HEADER_SIZE..];
        Ok(Ok(LogRecord { header, payload, next: aligned(offset + size as u64) }))
    }

    /// The fields of the record at `offset`, or why there is none. In an encrypted segment they are
    /// what was sealed there; in a checksummed one the record's checksum was not compared yet.
    pub(super) fn raw_header(&mut self, offset: u64) -> Result<Result<RawHeader, Fault>> {
        let segment = self.segment;
        let size = RECORD_HEADER_SIZE + segment.sealer.tag_size();
        if segment.size.saturating_sub(offset) < size as u64 {
            return Ok(Err(Fault::Truncated));
        }
        let mut header = [0; RECORD_HEADER_SIZE];
        let opened = segment.sealer.open_fields(offset, self.bytes(offset, size)?, &mut header);
        Ok(opened.and_then(|()| RawHeader::read(&header)))
    }

    /// The checksum of a record of `size` bytes. A record that is larger than the window is read in
    /// pieces, so that memory is allocated only for a size that was verified.
    fn checksum(&mut self, offset: u64, size: usize) -> Result<u32> {
        let mut crc = seed_at(self.segment.sealer.seed(), offset);
        let mut done = 0;
        while done < size {
            let piece = (size - done).min(WINDOW_SIZE);
            let bytes = self.bytes(offset + done as u64, piece)?;
            crc = crc32(crc, &bytes[CHECKED_START.saturating_sub(done)..]);
            done += piece;
        }
        Ok(crc)
    }

    /// The caller has checked that the bytes are in the file.
    fn bytes(&mut self, offset: u64, size: usize) -> Result<&[u8]> {
        let cached = offset.checked_sub(self.start).and_then(|skipped| usize::try_from(skipped).ok());
        let cached = cached.filter(|&skipped| skipped.saturating_add(size) <= self.window.len());
        let skipped = if let Some(skipped) = cached {
            skipped
        } else {
            self.fetch(offset, size)?;
            0
        };
        Ok(&self.window[skipped..skipped + size])
    }

    /// Fills the window from `offset` on with at least `size` bytes, and with more if the file has
    /// them.
    fn fetch(&mut self, offset: u64, size: usize) -> Result<()> {
        let left = usize::try_from(self.segment.size - offset).unwrap_or(usize::MAX);
        // The old contents are overwritten.
        self.window.resize(size.max(WINDOW_SIZE.min(left)), 0);
        self.window.shrink_to(WINDOW_SIZE);
        self.start = offset;
        self.segment.file.read_exact_at(&mut self.window, offset).inspect_err(|_| self.window.clear())
    }
}
