//! The properties of an SST: counts, sizes, bounds and keyspaces of all its entries and range
//! tombstones; and the part of them that the manifest keeps.
//!
//! The same code counts for the builder, while it writes, and for verification, while it reads; the
//! results must be equal.

use std::collections::BTreeMap;

use crate::base::{Entry, FileNumber, Fragment, Fragments, KeyspaceId, Kind, SeqNo, after};
use crate::codec::{Reader, ValuePointer, Writer};
use crate::error::Fault;

/// Sums over the entries of an SST.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Properties {
    pub(crate) entry_count: u64,
    pub(crate) tombstone_count: u64,
    /// The number of user keys, whatever the number of their versions.
    pub(crate) key_count: u64,
    pub(crate) raw_size: u64,
    /// The part of `raw_size` in tombstones and in all but the newest version of a key.
    pub(crate) dead_size: u64,
    pub(crate) fragment_count: u64,
    pub(crate) smallest_seqno: SeqNo,
    pub(crate) largest_seqno: SeqNo,
    /// The first and the last user key that has an entry.
    pub(crate) smallest: Vec<u8>,
    pub(crate) largest: Vec<u8>,
    /// The start of the first fragment and the end of the last one.
    pub(crate) covered_start: Vec<u8>,
    pub(crate) covered_end: Vec<u8>,
    /// The size in bytes of the records that pointers refer to, by value file.
    pub(crate) values: BTreeMap<FileNumber, u64>,
    /// In order of their ids.
    pub(crate) keyspaces: Vec<KeyspaceProperties>,
}

/// Sums over the entries of one keyspace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct KeyspaceProperties {
    pub(crate) id: KeyspaceId,
    pub(crate) entry_count: u64,
    pub(crate) raw_size: u64,
}

/// A finished SST, described well enough to search it and to detect another file in its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct SstMeta {
    pub(crate) number: FileNumber,
    pub(crate) size: u64,
    /// The XXH3 hash of the whole file.
    pub(crate) digest: u64,
    pub(crate) entry_count: u64,
    pub(crate) tombstone_count: u64,
    /// The size of its keys and values in bytes, uncompressed.
    pub(crate) raw_size: u64,
    /// The part of that in tombstones and in all but the newest version of a key.
    pub(crate) dead_size: u64,
    pub(crate) fragment_count: u64,
    /// The lower bound of its key range: the first user key, or the start of a range tombstone.
    pub(crate) smallest: Vec<u8>,
    /// The exclusive upper bound of its key range: above all its keys and range tombstones.
    pub(crate) end: Vec<u8>,
    pub(crate) smallest_seqno: SeqNo,
    pub(crate) largest_seqno: SeqNo,
    /// The references of its pointers, in order of file numbers.
    pub(crate) values: Vec<ValueShare>,
}

/// The references of an SST into one value file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ValueShare {
    pub(crate) file: FileNumber,
    pub(crate) size: u64,
}

impl Properties {
    /// The properties of an empty SST.
    pub(super) fn none() -> Self {
        Self {
            entry_count: 0,
            tombstone_count: 0,
            key_count: 0,
            raw_size: 0,
            dead_size: 0,
            fragment_count: 0,
            smallest_seqno: SeqNo::MAX,
            largest_seqno: SeqNo::ZERO,
            smallest: Vec::new(),
            largest: Vec::new(),
            values: BTreeMap::new(),
            covered_start: Vec::new(),
            covered_end: Vec::new(),
            keyspaces: Vec::new(),
        }
    }

    /// Counts the next entry; returns whether it is the first, and so the newest, of its key.
    pub(super) fn count(&mut self, entry: &Entry<'_>) -> bool {
        let new_key = self.entry_count == 0 || entry.key != self.largest;
        let size = (entry.key.len() + entry.value.len()) as u64;
        if self.entry_count == 0 {
            self.smallest.extend_from_slice(entry.key);
        }
        if new_key {
            self.largest.clear();
            self.largest.extend_from_slice(entry.key);
        }
        self.entry_count += 1;
        self.key_count += u64::from(new_key);
        self.tombstone_count += u64::from(entry.kind == Kind::Delete);
        self.raw_size += size;
        self.dead_size += if new_key && entry.kind.is_value() { 0 } else { size };
        self.smallest_seqno = self.smallest_seqno.min(entry.seqno);
        self.largest_seqno = self.largest_seqno.max(entry.seqno);
        if entry.kind == Kind::Pointer
            && let Ok(pointer) = ValuePointer::decode(entry.value)
        {
            let referred = self.values.entry(pointer.file).or_default();
            *referred = referred.saturating_add(pointer.size);
        }
        self.count_keyspace(keyspace_of(entry.key), size);
        new_key
    }

    pub(super) fn count_fragment(&mut self, fragment: &Fragment) {
        if self.fragment_count == 0 {
            self.covered_start.extend_from_slice(&fragment.start);
        }
        self.covered_end.clear();
        self.covered_end.extend_from_slice(&fragment.end);
        self.fragment_count += 1;
        for &seqno in &fragment.seqnos {
            self.smallest_seqno = self.smallest_seqno.min(seqno);
            self.largest_seqno = self.largest_seqno.max(seqno);
        }
    }

    /// Checks that these are the fragments that were counted, as far as their number, bounds and
    /// seqnos tell.
    pub(super) fn check_ranges(&self, ranges: Option<&Fragments>) -> Result<(), Fault> {
        let list = ranges.map_or(&[][..], |ranges| ranges);
        let bounds = list.first().zip(list.last());
        let seqnos = self.smallest_seqno..=self.largest_seqno;
        let agrees = list.len() as u64 == self.fragment_count
            && bounds.map_or(&[][..], |(first, _)| &first.start) == self.covered_start
            && bounds.map_or(&[][..], |(_, last)| &last.end) == self.covered_end
            && list.iter().flat_map(|fragment| &fragment.seqnos).all(|seqno| seqnos.contains(seqno));
        if agrees { Ok(()) } else { Err(Fault::Invalid("summary of the range tombstones")) }
    }

    /// The lower bound and the exclusive upper bound of the file's key range, range tombstones
    /// included.
    fn bounds(&self) -> (Vec<u8>, Vec<u8>) {
        let entries = (self.entry_count > 0).then(|| (self.smallest.clone(), after(&self.largest)));
        let ranges =
            (self.fragment_count > 0).then(|| (self.covered_start.clone(), self.covered_end.clone()));
        match (entries, ranges) {
            (Some(entries), Some(ranges)) => (entries.0.min(ranges.0), entries.1.max(ranges.1)),
            (entries, ranges) => entries.or(ranges).unwrap_or_default(),
        }
    }

    fn count_keyspace(&mut self, id: KeyspaceId, size: u64) {
        match self.keyspaces.last_mut().filter(|keyspace| keyspace.id == id) {
            Some(keyspace) => {
                keyspace.entry_count += 1;
                keyspace.raw_size += size;
            }
            None => self.keyspaces.push(KeyspaceProperties { id, entry_count: 1, raw_size: size }),
        }
    }

    /// The description for the manifest.
    pub(super) fn meta(&self, number: FileNumber, size: u64, digest: u64) -> SstMeta {
        let (smallest, end) = self.bounds();
        SstMeta {
            number,
            size,
            digest,
            entry_count: self.entry_count,
            tombstone_count: self.tombstone_count,
            raw_size: self.raw_size,
            dead_size: self.dead_size,
            fragment_count: self.fragment_count,
            smallest,
            end,
            smallest_seqno: self.smallest_seqno,
            largest_seqno: self.largest_seqno,
            values: self.values.iter().map(|(&file, &size)| ValueShare { file, size }).collect(),
        }
    }

    /// The payload: see format.rs.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut payload = Vec::new();
        for number in [
            self.entry_count,
            self.tombstone_count,
            self.key_count,
            self.raw_size,
            self.dead_size,
            self.fragment_count,
            self.smallest_seqno.0,
            self.largest_seqno.0,
        ] {
            payload.put_u64(number);
        }
        for bound in [&self.smallest, &self.largest, &self.covered_start, &self.covered_end] {
            payload.put_prefixed(bound);
        }
        payload.put_varint(self.values.len() as u64);
        for (file, size) in &self.values {
            payload.put_varint(file.0);
            payload.put_varint(*size);
        }
        for keyspace in &self.keyspaces {
            payload.put_u32(keyspace.id.0);
            payload.put_u64(keyspace.entry_count);
            payload.put_u64(keyspace.raw_size);
        }
        payload
    }

    pub(super) fn decode(payload: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(payload);
        let mut properties = Self {
            entry_count: reader.u64()?,
            tombstone_count: reader.u64()?,
            key_count: reader.u64()?,
            raw_size: reader.u64()?,
            dead_size: reader.u64()?,
            fragment_count: reader.u64()?,
            smallest_seqno: SeqNo(reader.u64()?),
            largest_seqno: SeqNo(reader.u64()?),
            smallest: reader.prefixed()?.to_vec(),
            largest: reader.prefixed()?.to_vec(),
            covered_start: reader.prefixed()?.to_vec(),
            covered_end: reader.prefixed()?.to_vec(),
            values: BTreeMap::new(),
            keyspaces: Vec::new(),
        };
        for _ in 0..reader.varint()? {
            let (file, size) = (FileNumber(reader.varint()?), reader.varint()?);
            if properties.values.last_key_value().is_some_and(|(last, _)| *last >= file) {
                return Err(Fault::Invalid("order of the value files of a file"));
            }
            properties.values.insert(file, size);
        }
        while !reader.is_empty() {
            properties.keyspaces.push(KeyspaceProperties {
                id: KeyspaceId(reader.u32()?),
                entry_count: reader.u64()?,
                raw_size: reader.u64()?,
            });
        }
        Ok(properties)
    }
}

/// The first four bytes of a key, padded with zeros.
fn keyspace_of(key: &[u8]) -> KeyspaceId {
    let mut id = [0; 4];
    let size = key.len().min(4);
    id[..size].copy_from_slice(&key[..size]);
    KeyspaceId(u32::from_be_bytes(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_counted_and_come_back() {
        let mut properties = Properties::none();
        let entries: [(&[u8], u64, Kind, &[u8]); 7] = [
            (b"\0\0\0\x01a", 7, Kind::Put, b"new"),
            (b"\0\0\0\x01a", 3, Kind::Put, b"older"),
            (b"\0\0\0\x01b", 9, Kind::Delete, b""),
            (b"\0\0\0\x02", 4, Kind::Put, b""),
            (b"\0\0\0\x02a", 5, Kind::Put, b"x"),
            (b"\0\0\0\x02b", 5, Kind::Pointer, &[9, 64, 100]),
            (b"\0\0\0\x02c", 5, Kind::Pointer, &[9, 120, 50]),
        ];
        let new = entries.map(|(key, seqno, kind, value)| {
            properties.count(&Entry { key, seqno: SeqNo(seqno), kind, value })
        });
        assert_eq!(new, [true, false, true, true, true, true, true]);
        for (start, end, seqnos) in [(1, 2, vec![6, 2]), (2, 3, vec![8])] {
            let seqnos = seqnos.into_iter().map(SeqNo).collect();
            properties.count_fragment(&Fragment {
                start: vec![0, 0, 0, start],
                end: vec![0, 0, 0, end],
                seqnos,
            });
        }
        let meta = properties.meta(FileNumber(1), 0, 0);
        assert_eq!((&*meta.smallest, &*meta.end), (&b"\0\0\0\x01"[..], &b"\0\0\0\x03"[..]));
        let keyspace =
            |id, entry_count, raw_size| KeyspaceProperties { id: KeyspaceId(id), entry_count, raw_size };
        assert_eq!(
            properties,
            Properties {
                entry_count: 7,
                tombstone_count: 1,
                key_count: 6,
                raw_size: 49,
                dead_size: 15,
                fragment_count: 2,
                smallest_seqno: SeqNo(2),
                largest_seqno: SeqNo(9),
                smallest: b"\0\0\0\x01a".to_vec(),
                largest: b"\0\0\0\x02c".to_vec(),
                covered_start: b"\0\0\0\x01".to_vec(),
                covered_end: b"\0\0\0\x03".to_vec(),
                values: BTreeMap::from([(FileNumber(9), 150)]),
                keyspaces: vec![keyspace(1, 3, 23), keyspace(2, 4, 26)],
            }
        );
        assert_eq!(Properties::decode(&properties.encode()), Ok(properties));
    }
}
