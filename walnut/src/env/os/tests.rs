//! The real machine, in a temporary directory.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::cell::Cell;

use super::*;
use crate::error::Error;

#[test]
fn what_is_written_is_read_and_a_gap_reads_as_zeros() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let file = OsEnv.create(&path).unwrap();
    file.write_at(b"nut", 3).unwrap();
    file.sync().unwrap();
    let mut bytes = [7; 8];
    assert_eq!(OsEnv.open(&path).unwrap().read_at(&mut bytes, 0).unwrap(), 6);
    assert_eq!(&bytes, b"\0\0\0nut\x07\x07");
    file.set_size(4).unwrap();
    assert_eq!(file.size().unwrap(), 4);
    assert_eq!(file.path(), path);
}

#[test]
fn a_second_lock_is_refused_in_the_same_process_until_the_first_is_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("LOCK");
    let first = OsEnv.lock(&path).unwrap();
    assert!(matches!(OsEnv.lock(&path), Err(Error::Locked)));
    drop(first);
    OsEnv.lock(&path).unwrap();
}

#[cfg(unix)]
#[test]
fn files_and_directories_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let (dir, file, lock) =
        (directory.path().join("d"), directory.path().join("f"), directory.path().join("l"));
    OsEnv.create_dir(&dir).unwrap();
    OsEnv.create(&file).unwrap();
    let _lock = OsEnv.lock(&lock).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&dir), mode(&file), mode(&lock)), (0o700, 0o600, 0o600));
}

#[test]
fn a_taken_name_is_an_error_and_the_error_names_operation_and_path() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    OsEnv.create(&path).unwrap();
    let Err(Error::Io(error)) = OsEnv.create(&path) else { panic!("the name is taken") };
    assert_eq!((error.kind(), error.path()), (io::ErrorKind::AlreadyExists, path.as_path()));
    assert!(error.to_string().starts_with(&format!("cannot create {}: ", path.display())), "{error}");
    let Err(Error::Io(error)) = OsEnv.open(directory.path()) else { panic!("a directory is no file") };
    assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
    assert!(OsEnv.open(&path).unwrap().write_at(b"x", 0).is_err(), "opened for reading alone");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_is_out_of_space() {
    let file = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let full = OsFile { file, path: PathBuf::from("/dev/full") };
    assert!(matches!(full.write_at(b"x", 0), Err(Error::OutOfSpace)));
    assert_eq!(OsEnv.kind(Path::new("/dev/full")).unwrap(), Some(PathKind::Other));
}

#[test]
fn interrupted_and_short_calls_are_continued() {
    let calls = Cell::new(0);
    let stutter = |len: usize| -> io::Result<usize> {
        calls.set(calls.get() + 1);
        if calls.get() % 2 == 1 { Err(io::ErrorKind::Interrupted.into()) } else { Ok(len.min(2)) }
    };
    let mut bytes = [0; 5];
    let read = |rest: &mut [u8], offset: u64| {
        let count = stutter(rest.len().min(usize::try_from(9 - offset).unwrap()))?;
        rest[..count].fill(u8::try_from(offset).unwrap());
        Ok(count)
    };
    assert_eq!(read_fully(read, &mut bytes, 3).unwrap(), 5);
    assert_eq!(bytes, [3, 3, 5, 5, 7]);
    assert_eq!(read_fully(read, &mut bytes, 7).unwrap(), 2, "the file ends at 9");

    let written = Cell::new(0);
    let write = |rest: &[u8], offset: u64| {
        assert_eq!(offset, 10 + written.get());
        let count = stutter(rest.len())?;
        written.set(written.get() + count as u64);
        Ok(count)
    };
    write_fully(write, b"seven b", 10).unwrap();
    assert_eq!(written.get(), 7);
    let stuck = write_fully(|_, _| Ok(0), b"x", 0).unwrap_err();
    assert_eq!(stuck.kind(), io::ErrorKind::WriteZero);
}

#[test]
fn the_machine_has_space_time_and_randomness() {
    let directory = tempfile::tempdir().unwrap();
    assert!(OsEnv.free_space(directory.path()).unwrap() > 0);
    assert!(OsEnv.wall_clock() > Duration::from_secs(1_700_000_000));
    assert!(OsEnv.monotonic_clock() <= OsEnv.monotonic_clock());
    assert!(OsEnv.file_limit().is_none_or(|limit| limit > 8), "{:?}", OsEnv.file_limit());
    let (mut first, mut second) = ([0; 32], [0; 32]);
    OsEnv.fill_random(&mut first);
    OsEnv.fill_random(&mut second);
    assert_ne!(first, second);
}
