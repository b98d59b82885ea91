//! Golden bytes: every later version reads, and writes, this format as it is on disk today.

use super::*;

const SIZE: u64 = 478;
const DIGEST: u64 = 0xc467_9a58_c353_0807;

fn entries() -> Vec<Owned> {
    vec![
        Owned::put(b"\0\0\0\x01ab", 300, b"new"),
        Owned::put(b"\0\0\0\x01ab", 7, b""),
        Owned::delete(b"\0\0\0\x01b", 9),
        Owned::put(b"\0\0\0\x02", 8, &[0x2a; 8]),
    ]
}

fn fragments() -> Vec<Fragment> {
    let (start, end) = (b"\0\0\0\x01b".to_vec(), b"\0\0\0\x02".to_vec());
    vec![Fragment { start, end, seqnos: vec![SeqNo(12), SeqNo(6)] }]
}

/// A small file, part by part, as format.rs draws it.
#[rustfmt::skip]
const GOLDEN: &[(&str, &str)] = &[
    ("header: magic, format, flags", "77 61 6c 6e 75 74 53 0a 01 00 00 00 00 00 00 00"),
    ("header: database", "74 68 65 20 74 65 73 74 27 73 20 6f 77 6e 20 31"),
    ("header: number, salt", "07 00 00 00 00 00 00 00 17 5a 00 00 00 00 00 00"),
    ("header: word, zero, crc", "00 00 00 00 00 00 00 00 00 00 00 00 ce 2a e6 9f"),
    ("block 1: base, row count, prefix size", "07 00 00 00 00 00 00 00 03 00 04 00"),
    ("block 1: prefix", "00 00 00 01"),
    ("block 1: fingerprints", "df df 26"),
    ("block 1: steps", "00 00 08 00 04 00"),
    ("block 1: row 1", "02 95 09 61 62 6e 65 77"),
    ("block 1: row 2", "02 01 61 62"),
    ("block 1: row 3", "01 08 62"),
    ("block 1: encoding, size, crc", "00 28 00 00 00 a0 70 55 3d"),
    ("block 2: base, row count, prefix size", "08 00 00 00 00 00 00 00 01 00 04 00"),
    ("block 2: prefix", "00 00 00 02"),
    ("block 2: fingerprints", "ac"),
    ("block 2: steps", "00 00"),
    ("block 2: row 1", "00 01 2a 2a 2a 2a 2a 2a 2a 2a"),
    ("block 2: encoding, size, crc", "00 1d 00 00 00 8e f6 28 b5"),
    ("filter: probe count, zero", "06 00 00 00 00 00 00 00"),
    ("filter: line", "10 00 00 00 00 00 10 00 00 00 00 00 00 80 00 00"),
    ("filter: line", "02 00 03 02 00 00 00 00 00 00 80 00 01 00 00 00"),
    ("filter: line", "00 00 00 00 00 00 04 80 20 00 01 00 00 00 00 00"),
    ("filter: line", "00 00 00 01 40 00 00 00 02 00 00 08 00 00 00 00"),
    ("filter: encoding, size, crc", "00 48 00 00 00 73 dd 9a 69"),
    ("range tombstones: start", "05 00 00 00 01 62"),
    ("range tombstones: end", "04 00 00 00 02"),
    ("range tombstones: numbers, seqno, difference", "02 0c 06"),
    ("range tombstones: encoding, size, crc", "00 0e 00 00 00 f3 20 c7 7e"),
    ("index: size and separator of block 1", "31 05 00 00 00 01 62"),
    ("index: size and separator of block 2", "26 04 00 00 00 02"),
    ("index: encoding, size, crc", "00 0d 00 00 00 64 cd db 91"),
    ("properties: entries", "04 00 00 00 00 00 00 00"),
    ("properties: tombstones", "01 00 00 00 00 00 00 00"),
    ("properties: keys", "03 00 00 00 00 00 00 00"),
    ("properties: raw size", "20 00 00 00 00 00 00 00"),
    ("properties: dead size", "0b 00 00 00 00 00 00 00"),
    ("properties: fragments", "01 00 00 00 00 00 00 00"),
    ("properties: smallest seqno", "06 00 00 00 00 00 00 00"),
    ("properties: largest seqno", "2c 01 00 00 00 00 00 00"),
    ("properties: smallest key", "06 00 00 00 01 61 62"),
    ("properties: largest key", "04 00 00 00 02"),
    ("properties: start of the first fragment", "05 00 00 00 01 62"),
    ("properties: end of the last fragment", "04 00 00 00 02"),
    ("properties: value files", "00"),
    ("properties: keyspace", "01 00 00 00 03 00 00 00 00 00 00 00 14 00 00 00 00 00 00 00"),
    ("properties: keyspace", "02 00 00 00 01 00 00 00 00 00 00 00 0c 00 00 00 00 00 00 00"),
    ("properties: encoding, size, crc", "00 80 00 00 00 6e 64 8a 07"),
    ("footer: filter", "97 00 00 00 00 00 00 00 51 00 00 00"),
    ("footer: range tombstones", "e8 00 00 00 00 00 00 00 17 00 00 00"),
    ("footer: index", "ff 00 00 00 00 00 00 00 16 00 00 00"),
    ("footer: properties", "15 01 00 00 00 00 00 00 89 00 00 00"),
    ("footer: zero", "00 00 00 00"),
    ("footer: magic", "77 61 6c 6e 75 74 24 0a"),
    ("footer: crc", "26 2d 75 72"),
];

fn golden() -> Vec<u8> {
    let digits = GOLDEN.iter().flat_map(|(_, hex)| hex.split_whitespace());
    digits.map(|digits| u8::from_str_radix(digits, 16).unwrap()).collect()
}

#[test]
fn the_bytes_of_a_small_file_are_these() {
    let config = SstConfig { block_size: 50, compression: BlockCompression::None, filter_bits_per_key: 10 };
    let (file, meta) = build_with(&entries(), &fragments(), config);
    let (bytes, golden) = (file.bytes(), golden());
    let mut offset = 0;
    for (part, hex) in GOLDEN {
        let size = hex.split_whitespace().count();
        assert_eq!(bytes.get(offset..offset + size), golden.get(offset..offset + size), "{part} at {offset}");
        offset += size;
    }
    assert_eq!(bytes, golden);
    assert_eq!(meta.digest, DIGEST);
}

#[test]
fn the_golden_file_is_read() {
    let meta = SstMeta {
        number: HEADER.number,
        size: SIZE,
        digest: DIGEST,
        entry_count: 4,
        tombstone_count: 1,
        raw_size: 32,
        dead_size: 11,
        fragment_count: 1,
        smallest: b"\0\0\0\x01ab".to_vec(),
        end: b"\0\0\0\x02\0".to_vec(),
        smallest_seqno: SeqNo(6),
        largest_seqno: SeqNo(300),
        values: Vec::new(),
    };
    let reader = open(Arc::new(TestFile::with(golden())), &meta).unwrap();
    assert!(reader.verify().is_ok());
    assert_eq!(scan(&reader, &KeyRange::all(), Direction::Forward).unwrap(), entries());
    assert_eq!(reader.range_tombstones().map(|ranges| ranges.to_vec()), Some(fragments()));
    let properties = reader.properties();
    assert_eq!((properties.key_count, properties.raw_size, properties.dead_size), (3, 32, 11));
    assert_eq!(properties.keyspaces.iter().map(|keyspace| keyspace.id.0).collect::<Vec<_>>(), [1, 2]);
}
