//! What a sealer and a key file promise: golden bytes, places, wrong keys, hostile files.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::borrow::Cow;
use std::path::Path;

use proptest::prelude::*;

use super::key_file::KeyFile;
use super::*;
use crate::base::FileNumber;
use crate::codec::{FileHeader, FileKind, Writer, crc32};
use crate::env::{Env, MemoryEnv};
use crate::error::{Error, Fault, KeyFault, Result};

const DATABASE: [u8; 16] = *b"the database's i";

const HEADER: FileHeader =
    FileHeader { kind: FileKind::Sst, database: DATABASE, number: FileNumber(7), salt: 5, word: 9 };

fn key(byte: u8) -> EncryptionKey {
    EncryptionKey::from_bytes([byte; 32])
}

fn keys(seed: u64) -> (KeyFile, DataKeys) {
    KeyFile::create(&MemoryEnv::with_seed(seed), DATABASE, &key(1)).unwrap()
}

/// The headers of a file under these keys, its sealer for writing, and a sealer that reads it.
fn begin(keys: &DataKeys, seed: u64, header: FileHeader) -> (Vec<u8>, Sealer) {
    keys.begin(&MemoryEnv::with_seed(seed), header)
}

fn reader(keys: &DataKeys, headers: &[u8]) -> Sealer {
    keys.open(FileKind::Sst, headers).unwrap().1
}

fn fault_of<T>(result: Result<T>) -> KeyFault {
    match result {
        Err(Error::WrongKey(fault)) => fault,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("the key opens it"),
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

#[test]
fn the_bytes_of_every_form_stay_as_they_are() {
    let (file, keys) = keys(1);
    let (headers, sealer) = begin(&keys, 2, HEADER);
    let mut block = b"block".to_vec();
    sealer.seal(SealedPart::Block, 128, &mut block, 0);
    let mut record = [&[0; 8][..], &[0; TAG_SIZE], b"payload"].concat();
    record[4..8].copy_from_slice(b"head");
    sealer.seal_record(200, &mut record, 0, 8);
    let (key_file, _) = file.bytes().split_at(file.bytes().len() - 4);
    let written = [&headers[..64], &headers[64..], &block, &record, &crc32(0, key_file).to_be_bytes()];
    assert_eq!(written.map(hex), GOLDEN);
    // And they are read.
    let sealer = reader(&keys, &headers);
    assert_eq!(&*sealer.open(SealedPart::Block, 128, Cow::Borrowed(&block)).unwrap(), b"block");
    sealer.open_record(200, &mut record, 8).unwrap();
    assert_eq!(record[4..], *b"headpayload");
}

/// File header, encryption header, block, record, and the checksum of the key file.
const GOLDEN: [&str; 5] = [
    "77616c6e7574530a020000000000000074686520646174616261736527732069\
     070000000000000005000000000000000900000000000000000000008da500ee",
    "010000000000000000000000000000005e119eae29281441b55856326b940ce5\
     e4c3d9627723b75f4af49681c59a42bf90965cdda23682eb441ef8322ea79da2",
    "5f941205dd6d976e613c72c911c8c078b4ba7ebf89267d5d5f",
    "1d5726b4194d7eb7dc0f0c17bde1f85d9f903a239e4ee9967e43ed6b89ede7411757b4081e7093fbe1bba066b5e269",
    "e4a3bce8",
];

#[test]
fn a_block_opens_at_its_own_place_of_its_own_file_and_nowhere_else() {
    let (_, keys) = keys(1);
    let (headers, sealer) = begin(&keys, 2, HEADER);
    let mut block = b"a block of bytes".to_vec();
    sealer.seal(SealedPart::Block, 640, &mut block, 0);
    let open = |sealer: &Sealer, part, offset, block: &[u8]| {
        let owned = sealer.open(part, offset, Cow::Owned(block.to_vec()));
        assert_eq!(owned, sealer.open(part, offset, Cow::Borrowed(block)));
        owned.map(Cow::into_owned)
    };
    let own = reader(&keys, &headers);
    assert_eq!(open(&own, SealedPart::Block, 640, &block).unwrap(), b"a block of bytes");
    for (part, offset) in [
        (SealedPart::Block, 641),
        (SealedPart::Block, 0),
        (SealedPart::Footer, 640),
        (SealedPart::Payload, 640),
    ] {
        assert_eq!(open(&own, part, offset, &block), Err(Fault::Tag));
    }
    // Another generation, number, kind or database, and other keys.
    let others = [
        (3, HEADER),
        (2, FileHeader { number: FileNumber(8), ..HEADER }),
        (2, FileHeader { database: [0; 16], ..HEADER }),
    ];
    for (seed, header) in others {
        let (headers, _) = begin(&keys, seed, header);
        assert_eq!(open(&reader(&keys, &headers), SealedPart::Block, 640, &block), Err(Fault::Tag));
    }
    let (headers, wal) = begin(&keys, 2, FileHeader { kind: FileKind::Wal, ..HEADER });
    assert_eq!(open(&wal, SealedPart::Block, 640, &block), Err(Fault::Tag));
    assert!(matches!(keys.open(FileKind::Sst, &headers), Err(Fault::Magic)));
    let (_, strangers) = super::tests::keys(9);
    let (headers, _) = begin(&strangers, 2, HEADER);
    assert_eq!(open(&reader(&strangers, &headers), SealedPart::Block, 640, &block), Err(Fault::Tag));
}

#[test]
fn a_header_is_authentic_to_the_last_bit_and_in_its_own_form() {
    let (_, keys) = keys(1);
    let (headers, _) = begin(&keys, 2, HEADER);
    assert_eq!(keys.open(FileKind::Sst, &headers).unwrap().0, HEADER);
    for bit in 0..headers.len() * 8 {
        let mut damaged = headers.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(keys.open(FileKind::Sst, &damaged).is_err(), "bit {bit}");
    }
    for cut in 0..headers.len() {
        assert!(keys.open(FileKind::Sst, &headers[..cut]).is_err(), "{cut} bytes");
    }
    // A word that was changed, with a checksum that fits.
    let mut forged =
        FileHeader { word: 10, ..HEADER }.encode_as(crate::codec::FileFormat::Encrypted).to_vec();
    forged.extend_from_slice(&headers[64..]);
    assert_eq!(keys.open(FileKind::Sst, &forged).map(|_| ()), Err(Fault::Tag));
    // A checksummed file among encrypted ones, and the other way round.
    let plain = HEADER.encode();
    let format = |found, known| Err(Fault::Format { found, known });
    assert_eq!(keys.open(FileKind::Sst, &plain).map(|_| ()), format(1, 2));
    assert_eq!(DataKeys::none().open(FileKind::Sst, &headers).map(|_| ()), format(2, 1));
}

#[test]
fn fields_and_payloads_of_two_records_are_not_mixed() {
    let (_, keys) = keys(1);
    let (headers, sealer) = begin(&keys, 2, HEADER);
    let put = |offset, payload: &[u8]| {
        let mut record = [&[0; 8 + TAG_SIZE][..], payload].concat();
        sealer.seal_record(offset, &mut record, 0, 8);
        record
    };
    let (one, two) = (put(128, b"one"), put(256, b"two"));
    let sealer = reader(&keys, &headers);
    let open = |offset, mut record: Vec<u8>| sealer.open_record(offset, &mut record, 8);
    assert_eq!(open(128, one.clone()), Ok(()));
    let mixed = [&one[..8 + TAG_SIZE], &two[8 + TAG_SIZE..]].concat();
    assert_eq!(open(128, mixed.clone()), Err(Fault::Tag));
    assert!(open(256, mixed).is_err() && open(256, one.clone()).is_err());
    for bit in 0..one.len() * 8 {
        let mut damaged = one.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(open(128, damaged).is_err(), "bit {bit}");
    }
    for cut in 0..one.len() {
        assert!(open(128, one[..cut].to_vec()).is_err(), "{cut} bytes");
    }
}

#[test]
#[should_panic = "a place in a generation of a file is sealed once"]
fn a_place_is_never_sealed_twice() {
    let (_, sealer) = begin(&keys(1).1, 2, HEADER);
    for bytes in [b"one", b"two"] {
        sealer.seal(SealedPart::Block, 128, &mut bytes.to_vec(), 0);
    }
}

#[test]
fn the_seal_of_a_text_is_that_of_the_text_and_of_the_database() {
    let ((_, keys), env) = (keys(1), MemoryEnv::new());
    let seal = keys.seal_text(&env, FileKind::Current, &DATABASE, "a text").unwrap();
    let check =
        |database, text, seal: Option<&TextSeal>| keys.check_text(FileKind::Current, database, text, seal);
    assert_eq!(check(&DATABASE, "a text", Some(&seal)), Ok(()));
    assert_eq!(check(&DATABASE, "b text", Some(&seal)), Err(Fault::Tag));
    assert_eq!(check(&[0; 16], "a text", Some(&seal)), Err(Fault::Tag));
    assert_eq!(check(&DATABASE, "a text", None), Err(Fault::Identity));
    assert_eq!(
        DataKeys::none().check_text(FileKind::Current, &DATABASE, "a text", Some(&seal)),
        Err(Fault::Identity)
    );
    let unknown = TextSeal { data_key: 2, ..seal };
    assert!(matches!(check(&DATABASE, "a text", Some(&unknown)), Err(Fault::Invalid(_))));
}

#[test]
fn a_key_file_opens_with_its_own_key_alone() {
    let (file, keys) = keys(1);
    let (headers, _) = begin(&keys, 2, HEADER);
    let opened = file.unlock(&key(1)).unwrap();
    assert_eq!(opened.database(), Some(DATABASE));
    assert!(opened.open(FileKind::Sst, &headers).is_ok());
    assert_eq!(fault_of(file.unlock(&key(2))), KeyFault::Wrong);
    assert_eq!(fault_of(file.unlock(&EncryptionKey::provided_by(Mask(1)))), KeyFault::Wrong);
    let bytes = file.bytes();
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.to_vec();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let fault = fault_of(KeyFile::from_bytes(&damaged).unlock(&key(1)));
        assert!(matches!(fault, KeyFault::Unreadable(_)), "bit {bit}: {fault:?}");
    }
    for cut in 0..bytes.len() {
        let fault = fault_of(KeyFile::from_bytes(&bytes[..cut]).unlock(&key(1)));
        assert!(matches!(fault, KeyFault::Unreadable(_)), "{cut} bytes: {fault:?}");
    }
}

#[test]
fn a_key_file_with_a_right_checksum_is_still_authentic() {
    let (file, _) = keys(1);
    let body = file.bytes().len() - 4;
    for bit in (64 * 8)..(body * 8) {
        let mut forged = file.bytes()[..body].to_vec();
        forged[bit / 8] ^= 1 << (bit % 8);
        let crc = crc32(0, &forged);
        forged.put_u32(crc);
        fault_of(KeyFile::from_bytes(&forged).unlock(&key(1)));
    }
}

struct Mask(u8);

impl KeyProvider for Mask {
    fn wrap(&self, key: &[u8; 32]) -> Result<Vec<u8>> {
        Ok(key.iter().map(|byte| byte ^ self.0).collect())
    }

    fn unwrap(&self, wrapped: &[u8]) -> Result<[u8; 32]> {
        let mut key: [u8; 32] = wrapped.try_into().map_err(|_| Error::Unsupported("the length of a key"))?;
        for byte in &mut key {
            *byte ^= self.0;
        }
        Ok(key)
    }
}

#[test]
fn a_provider_unwraps_what_it_has_wrapped_and_another_one_is_wrong() {
    let env = MemoryEnv::new();
    let (file, _) = KeyFile::create(&env, DATABASE, &EncryptionKey::provided_by(Mask(0x5a))).unwrap();
    assert!(file.unlock(&EncryptionKey::provided_by(Mask(0x5a))).is_ok());
    assert_eq!(fault_of(file.unlock(&EncryptionKey::provided_by(Mask(0x5b)))), KeyFault::Wrong);
    assert_eq!(fault_of(file.unlock(&key(1))), KeyFault::Wrong);
}

#[cfg(feature = "passphrase")]
#[test]
fn a_passphrase_opens_what_it_has_made() {
    let env = MemoryEnv::new();
    let phrase = |text| EncryptionKey::from_passphrase(text).unwrap();
    let (file, _) = KeyFile::create(&env, DATABASE, &phrase("correct horse")).unwrap();
    assert!(file.unlock(&phrase("correct horse")).is_ok());
    assert_eq!(fault_of(file.unlock(&phrase("correct horsf"))), KeyFault::Wrong);
    assert!(EncryptionKey::from_passphrase("").is_err());
}

#[cfg(feature = "passphrase")]
#[test]
fn a_passphrase_that_would_cost_too_much_is_refused_before_it_costs_anything() {
    let env = MemoryEnv::new();
    let phrase = EncryptionKey::from_passphrase("correct horse").unwrap();
    let (file, _) = KeyFile::create(&env, DATABASE, &phrase).unwrap();
    for (field, number) in [(0, 4 << 20), (0, u32::MAX), (0, 0), (1, u32::MAX), (1, 0), (2, u32::MAX), (2, 0)]
    {
        let mut forged = file.bytes()[..file.bytes().len() - 4].to_vec();
        let start = FileHeader::LEN + 4 + 4 * field;
        forged[start..start + 4].copy_from_slice(&number.to_le_bytes());
        let crc = crc32(0, &forged);
        forged.put_u32(crc);
        let fault = fault_of(KeyFile::from_bytes(&forged).unlock(&phrase));
        assert_eq!(
            fault,
            KeyFault::Unreadable("the cost of its passphrase is impossible"),
            "{field} {number}"
        );
    }
}

#[test]
fn a_changed_key_opens_the_same_data_keys_and_the_old_one_does_not() {
    let ((_, keys), env) = (keys(1), MemoryEnv::with_seed(3));
    let (headers, _) = begin(&keys, 2, HEADER);
    let ring = keys.ring().unwrap();
    let (changed, done) = KeyFile::under(&env, ring, &key(2)).unwrap();
    done(ring);
    assert_eq!(fault_of(changed.unlock(&key(1))), KeyFault::Wrong);
    assert!(changed.unlock(&key(2)).unwrap().open(FileKind::Sst, &headers).is_ok());
    // What is written later is under the new key, too.
    let (rotated, done) = KeyFile::with_next_key(&env, ring, FileNumber(5)).unwrap();
    done(ring);
    let opened = rotated.unlock(&key(2)).unwrap();
    assert!(opened.open(FileKind::Sst, &headers).is_ok());
    assert_eq!(opened.ring().unwrap().rotating_since(), Some(FileNumber(5)));
    let retired = KeyFile::without_old_keys(&env, ring).unlock(&key(2)).unwrap();
    assert_eq!((retired.ring().unwrap().current(), retired.ring().unwrap().rotating_since()), (2, None));
    let fault = retired.open(FileKind::Sst, &headers).map(|_| ());
    assert_eq!(fault, Err(Fault::Invalid("data key of the encryption header")));
}

#[test]
fn a_key_file_is_read_where_it_is_a_file_of_possible_size() {
    let env = MemoryEnv::new();
    let path = Path::new("/KEYS");
    assert!(KeyFile::read(&env, path).unwrap().is_none());
    env.write_file(path, &vec![0; 1 << 20]).unwrap();
    assert!(matches!(fault_of(KeyFile::read(&env, path)), KeyFault::Unreadable(_)));
    env.remove(path).unwrap();
    env.create_dir(path).unwrap();
    assert!(matches!(fault_of(KeyFile::read(&env, path)), KeyFault::Unreadable(_)));
}

#[test]
fn nothing_secret_is_printed() {
    let (file, keys) = keys(1);
    let (_, sealer) = begin(&keys, 2, HEADER);
    assert_eq!(format!("{:?} {keys:?}", key(1)), "EncryptionKey(..) DataKeys(..)");
    assert_eq!(format!("{:?}", keys.ring().unwrap()), "KeyRing(..)");
    assert!(format!("{sealer:?}").contains("FileCipher(..)"));
    // The file is encrypted; its Debug is for assertions.
    assert!(!file.bytes().windows(8).any(|bytes| bytes == [1; 8]));
}

proptest! {
    #[test]
    fn hostile_key_files_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        super::fuzz_keys(&bytes);
        super::fuzz_sealed(&bytes);
    }
}
