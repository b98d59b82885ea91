//! Whole value files: written, read, damaged. Records are tested beside their code.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;
use crate::base::FileNumber;
use crate::cache::Cache;
use crate::codec::{BlockCompression, FileHeader, ValuePointer};
use crate::crypt::DataKeys;
use crate::env::{Env, FaultEffect, FaultEnv, FaultPlan, MemoryEnv, Operations};
use crate::error::{Error, Fault, Result};
use crate::files::{DatabaseDir, FileStore, OpenFiles};

const DIR: &str = "/db";

fn machine() -> MemoryEnv {
    let env = MemoryEnv::with_seed(3);
    env.create_dir(Path::new(DIR)).unwrap();
    env
}

fn place(env: &(impl Env + Clone)) -> Arc<ValueStore> {
    place_of(env, [7; 16])
}

fn place_of(env: &(impl Env + Clone), database: [u8; 16]) -> Arc<ValueStore> {
    Arc::new(ValueStore {
        dir: DatabaseDir {
            env: Arc::new(env.clone()),
            path: PathBuf::from(DIR),
            database,
            keys: DataKeys::none(),
        },
        compression: BlockCompression::Lz4,
        cache: Cache::new(1 << 20),
        open_files: OpenFiles::new(100),
    })
}

fn key(n: u8) -> Vec<u8> {
    vec![0, 0, 0, 1, n]
}

/// Some of them are worth compressing.
fn value(n: u8) -> Vec<u8> {
    (0..30 + usize::from(n))
        .map(|i| if n.is_multiple_of(2) { n } else { (i * 89 + 7).to_le_bytes()[0] })
        .collect()
}

/// Writes `count` values into files of at most so many bytes.
fn write(
    place: &Arc<ValueStore>,
    count: u8,
    max_file_size: u64,
) -> Result<(Vec<ValuePointer>, Vec<Arc<Values>>)> {
    let next = Cell::new(5);
    let numbers = || Ok(FileNumber(next.replace(next.get() + 1)));
    let mut writer = ValueWriter::new(place, max_file_size, &numbers);
    let pointers = (0..count).map(|n| writer.add(&key(n), &value(n))).collect::<Result<_>>()?;
    Ok((pointers, place.publish(writer.finish()?)?.keep()))
}

fn read(files: &[Arc<Values>], pointer: &ValuePointer, n: u8) -> Result<Vec<u8>> {
    let file = files.iter().find(|file| file.meta().number == pointer.file).unwrap();
    file.read(pointer, &key(n)).map(|value| value.to_vec())
}

fn corruption(error: Error) -> (PathBuf, u64, Fault) {
    match error {
        Error::Corruption { file, offset, fault } => (file, offset, fault),
        error => panic!("not a corruption: {error}"),
    }
}

#[test]
fn values_come_back_and_files_have_their_size() {
    let env = machine();
    let (pointers, files) = write(&place(&env), 60, 500).unwrap();
    assert!(files.len() > 3 && files[1..].iter().all(|file| file.meta().size < 700));
    for (n, pointer) in (0..).zip(&pointers) {
        assert_eq!(read(&files, pointer, n).unwrap(), value(n));
    }
    let names: Vec<_> = files.iter().map(|file| format!("{}.vlog", file.meta().number)).collect();
    assert_eq!(env.list(Path::new(DIR)).unwrap(), names);
    for file in &files {
        file.verify().unwrap();
        let of_file = pointers.iter().filter(|pointer| pointer.file == file.meta().number);
        let (count, size) = of_file.fold((0, 0), |(count, size), pointer| (count + 1, size + pointer.size));
        assert_eq!((count, size), (file.meta().record_count, file.meta().records_size()));
    }
}

#[test]
fn values_are_copied_from_file_to_file_as_they_are() {
    let env = machine();
    let (pointers, files) = write(&place(&env), 20, 1 << 20).unwrap();
    let (next, place) = (Cell::new(50), place(&env));
    let numbers = || Ok(FileNumber(next.replace(next.get() + 1)));
    let mut writer = ValueWriter::new(&place, 1 << 20, &numbers);
    let moved: Vec<_> =
        (0..20).rev().map(|n| writer.copy(&files[0], &pointers[usize::from(n)], &key(n)).unwrap()).collect();
    let copied = place.publish(writer.finish().unwrap()).unwrap().keep();
    for (n, pointer) in (0..20).rev().zip(&moved) {
        assert_eq!(read(&copied, pointer, n).unwrap(), value(n));
        assert_eq!(pointer.size, pointers[usize::from(n)].size);
    }
    copied[0].verify().unwrap();
}

#[test]
fn a_pointer_gives_the_value_of_its_own_key_or_an_error_that_names_the_place() {
    let env = machine();
    let (pointers, files) = write(&place(&env), 4, 1 << 20).unwrap();
    let name = Path::new(DIR).join("000005.vlog");
    let error = read(&files, &pointers[2], 3).unwrap_err();
    assert_eq!(corruption(error), (name.clone(), pointers[2].offset, Fault::Invalid("key of a value")));
    let end = files[0].meta().size;
    for (offset, size) in
        [(64, end - 63), (end, 1), (i64::MAX.unsigned_abs(), 1), (64, u64::MAX), (end, u64::MAX)]
    {
        let wild = ValuePointer { file: FileNumber(5), offset, size };
        let error = read(&files, &wild, 0).unwrap_err();
        assert_eq!(corruption(error), (name.clone(), offset, Fault::Invalid("place of a value")));
    }
    for (offset, size) in [(65, 40), (64, 40), (64, 3), (64, pointers[0].size + 1)] {
        let wild = ValuePointer { file: FileNumber(5), offset, size };
        assert_eq!(corruption(read(&files, &wild, 0).unwrap_err()).1, offset, "{size}");
    }
}

#[test]
fn a_cached_value_answers_its_own_pointer_and_key_only() {
    let env = machine();
    let place = place(&env);
    let (pointers, files) = write(&place, 4, 1 << 20).unwrap();
    let cached = |pointer: &ValuePointer, n| files[0].value(pointer, &key(n), Caching::Admit);
    for (n, pointer) in (0..).zip(&pointers) {
        assert_eq!(*cached(pointer, n).unwrap(), *value(n));
        assert_eq!(corruption(cached(pointer, n + 1).unwrap_err()).2, Fault::Invalid("key of a value"));
        let longer = ValuePointer { size: pointer.size + 1, ..*pointer };
        assert_eq!(corruption(cached(&longer, n).unwrap_err()).1, pointer.offset);
    }
    let name = Path::new(DIR).join("000005.vlog");
    let size = env.read_file(&name).unwrap().len();
    env.write_file(&name, &vec![0; size]).unwrap();
    for (n, pointer) in (0..).zip(&pointers) {
        assert_eq!(*cached(pointer, n).unwrap(), *value(n), "it is not read again");
        assert!(cached(pointer, n + 1).is_err() && files[0].read(pointer, &key(n)).is_err());
    }
    assert!(place.cache.used_size() > 100);
    drop(files);
    assert_eq!(place.cache.used_size(), 0);
}

#[test]
fn every_flipped_bit_is_found_by_whoever_reads_it() {
    let env = machine();
    let (pointers, files) = write(&place(&env), 6, 1 << 20).unwrap();
    let name = Path::new(DIR).join("000005.vlog");
    let bytes = env.read_file(&name).unwrap();
    let meta = *files[0].meta();
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        env.write_file(&name, &damaged).unwrap();
        let opened = place(&env).open(&meta);
        if bit / 8 < FileHeader::LEN {
            assert_eq!(corruption(opened.unwrap_err()).0, name, "bit {bit}");
            continue;
        }
        let reader = opened.unwrap();
        let struck = pointers.iter().rposition(|pointer| pointer.offset <= bit as u64 / 8).unwrap();
        for (n, pointer) in (0..).zip(&pointers) {
            match reader.read(pointer, &key(n)) {
                Ok(found) => assert!(usize::from(n) != struck && *found == *value(n), "bit {bit}"),
                Err(error) => {
                    let (file, offset, fault) = corruption(error);
                    assert_eq!((file, offset, usize::from(n)), (name.clone(), pointer.offset, struck));
                    assert!(matches!(fault, Fault::Checksum { .. }));
                }
            }
        }
        assert_eq!(corruption(reader.verify().unwrap_err()).0, name, "bit {bit}");
    }
}

#[test]
fn every_cut_and_every_longer_file_is_found_when_it_is_opened() {
    let env = machine();
    let (_, files) = write(&place(&env), 3, 1 << 20).unwrap();
    let name = Path::new(DIR).join("000005.vlog");
    let bytes = env.read_file(&name).unwrap();
    let meta = *files[0].meta();
    for cut in (0..bytes.len()).chain([bytes.len() + 1]) {
        let mut changed = bytes.clone();
        changed.resize(cut, 0);
        env.write_file(&name, &changed).unwrap();
        let (file, _, fault) = corruption(place(&env).open(&meta).unwrap_err());
        assert_eq!((file, fault), (name.clone(), Fault::Length { recorded: meta.size, found: cut as u64 }));
    }
    env.remove(&name).unwrap();
    assert_eq!(corruption(place(&env).open(&meta).unwrap_err()).2, Fault::Missing);
}

#[test]
fn a_file_of_another_database_or_number_is_refused_and_a_wrong_record_noticed() {
    let env = machine();
    let (_, files) = write(&place(&env), 3, 1 << 20).unwrap();
    let meta = *files[0].meta();
    let other = place_of(&env, [8; 16]);
    assert_eq!(corruption(other.open(&meta).unwrap_err()).2, Fault::Identity);
    for (meta, fault) in [
        (ValueMeta { record_count: 4, ..meta }, Fault::Invalid("number of records")),
        (
            ValueMeta { digest: 1, ..meta },
            Fault::Invalid("digest of the file, compared with the recorded one,"),
        ),
    ] {
        let error = place(&env).open(&meta).unwrap().verify().unwrap_err();
        assert_eq!(corruption(error).2, fault);
    }
}

#[test]
fn a_value_and_a_key_of_the_limits_are_taken_and_one_past_them_is_not() {
    let env = machine();
    let place = place(&env);
    let numbers = || Ok(FileNumber(5));
    let mut writer = ValueWriter::new(&place, u64::MAX, &numbers);
    let (long, large) = (vec![1; usize::from(u16::MAX)], vec![7; format::MAX_VALUE_SIZE]);
    let pointer = writer.add(&long, &large).unwrap();
    assert!(matches!(writer.add(&[&long[..], &[1]].concat(), b"v"), Err(Error::Limit(_))));
    assert!(matches!(writer.add(b"k", &[&large[..], &[7]].concat()), Err(Error::Limit(_))));
    let files = place.publish(writer.finish().unwrap()).unwrap().keep();
    assert!(*files[0].read(&pointer, &long).unwrap() == *large);
}

#[test]
fn a_writer_that_fails_at_any_operation_or_is_dropped_leaves_no_file() {
    for n in 0.. {
        let env = FaultEnv::over_memory(machine());
        env.inject(FaultPlan::once(Operations::Any, n, FaultEffect::Error));
        let outcome = write(&place(&env), 20, 300);
        if env.struck() == 0 {
            assert!(n > 15 && outcome.is_ok());
            break;
        }
        assert!(outcome.is_err(), "operation {n}");
        assert_eq!(env.list(Path::new(DIR)).unwrap(), [""; 0], "operation {n}");
    }
    let env = machine();
    let (place, numbers) = (place(&env), || Ok(FileNumber(5)));
    let mut writer = ValueWriter::new(&place, 1 << 20, &numbers);
    writer.add(b"k", b"v").unwrap();
    assert_eq!(env.list(Path::new(DIR)).unwrap(), ["000005.vlog.tmp"]);
    drop(place.publish(writer.finish().unwrap()).unwrap());
    assert_eq!(env.list(Path::new(DIR)).unwrap(), [""; 0], "nobody kept it");
}
