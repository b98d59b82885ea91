//! A damaged manifest: the right state or an error that names the file.

use super::*;
use crate::codec::{FileHeader, FileKind};
use crate::crypt::Sealer;

/// A manifest with a snapshot and some edits.
fn used() -> (MemoryEnv, LoadedManifest, u64) {
    let env = machine();
    let mut manifest = create(&env, 1, new_state()).unwrap();
    manifest.append(&flush(manifest.state())).unwrap();
    let state = ManifestState { next_file: FileNumber(4), ..manifest.state().clone() };
    let mut manifest = create(&env, 3, state).unwrap();
    let mut last = 0;
    for _ in 0..4 {
        last = env.read_file(path("MANIFEST-000003")).unwrap().len() as u64;
        manifest.append(&flush(manifest.state())).unwrap();
    }
    manifest.remove_others().unwrap();
    let loaded = read(&env).unwrap().unwrap();
    (env, loaded, last)
}

/// Reads a manifest whose bytes below `last` were changed: at most the last edit may be missing,
/// and no file is removed.
fn expect_all_or_error(env: &MemoryEnv, loaded: &LoadedManifest, last: u64, what: &str) {
    let files = env.files();
    match read(env) {
        Ok(found) => {
            let found = found.unwrap();
            assert!(found == *loaded || found.end == last, "{what}");
        }
        Err(error) => {
            let (file, ..) = corruption(error);
            assert!(file == path("MANIFEST-000003") || file == path("CURRENT"), "{what}");
        }
    }
    assert_eq!(env.files(), files, "{what}");
}

#[test]
fn one_flipped_bit_in_the_manifest_deletes_nothing() {
    let (env, loaded, last) = used();
    for name in ["MANIFEST-000003", "CURRENT"] {
        let bytes = env.read_file(path(name)).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            env.write_file(path(name), &damaged).unwrap();
            expect_all_or_error(&env, &loaded, last, &format!("{name}: bit {bit}"));
        }
        env.write_file(path(name), &bytes).unwrap();
    }
}

#[test]
fn damage_before_the_last_edit_is_named_with_its_place() {
    let (env, _, last) = used();
    let bytes = env.read_file(path("MANIFEST-000003")).unwrap();
    for place in 64..last as usize {
        let mut damaged = bytes.clone();
        damaged[place] ^= 0x10;
        env.write_file(path("MANIFEST-000003"), &damaged).unwrap();
        // Only the zeros between two frames carry no meaning.
        if let Err(error) = read(&env) {
            let (file, offset, _) = corruption(error);
            assert_eq!(file, path("MANIFEST-000003"));
            assert!(offset <= place as u64 && place as u64 - offset < 120, "byte {place} at {offset}");
        } else {
            assert_eq!(bytes[place], 0, "byte {place}");
        }
    }
}

#[test]
fn every_truncation_below_the_snapshot_is_an_error_and_no_other_panics() {
    let (env, loaded, _) = used();
    for name in ["MANIFEST-000003", "CURRENT"] {
        let bytes = env.read_file(path(name)).unwrap();
        for cut in 0..bytes.len() {
            env.write_file(path(name), &bytes[..cut]).unwrap();
            match read(&env) {
                Ok(found) => {
                    let found = found.unwrap();
                    let files = found.state.version.level(Level::ZERO).len();
                    assert!(name != "CURRENT" && (1..=5).contains(&files));
                    assert!(found.end <= loaded.end);
                }
                Err(error) => assert_eq!(corruption(error).0, path(name)),
            }
        }
        env.write_file(path(name), &bytes).unwrap();
    }
}

#[test]
fn a_torn_last_edit_is_dropped_whatever_lies_behind_it() {
    let (env, loaded, last) = used();
    let bytes = env.read_file(path("MANIFEST-000003")).unwrap();
    for stray in [&[0; 600][..], &[0xff; 3], &[1; 600]] {
        env.write_file(path("MANIFEST-000003"), &[&bytes[..], stray].concat()).unwrap();
        assert_eq!(read(&env).unwrap().unwrap(), loaded);
        let torn = bytes.len() - 20;
        env.write_file(path("MANIFEST-000003"), &[&bytes[..torn], stray].concat()).unwrap();
        let found = read(&env).unwrap().unwrap();
        assert_eq!((found.end, found.state.version.files().count()), (last, 4));
    }
}

#[test]
fn every_zeroed_sector_is_named_or_the_last_edit() {
    let env = machine();
    let mut manifest = create(&env, 1, new_state()).unwrap();
    let mut last = 0;
    for _ in 0..40 {
        last = env.read_file(path("MANIFEST-000001")).unwrap().len() as u64;
        manifest.append(&flush(manifest.state())).unwrap();
    }
    let loaded = read(&env).unwrap().unwrap();
    let bytes = env.read_file(path("MANIFEST-000001")).unwrap();
    for start in (0..bytes.len()).step_by(512) {
        let mut damaged = bytes.clone();
        let end = bytes.len().min(start + 512);
        damaged[start..end].fill(0);
        env.write_file(path("MANIFEST-000001"), &damaged).unwrap();
        match read(&env) {
            // None of the remaining frames was written after the edits of the last sector.
            Ok(found) => assert!(end == bytes.len() && found.unwrap().end <= last),
            Err(error) => assert_eq!(corruption(error).0, path("MANIFEST-000001")),
        }
    }
    assert_eq!(loaded.state.version.files().count(), 40);
}

#[test]
fn a_manifest_that_current_does_not_mean_is_refused() {
    let (env, ..) = used();
    let bytes = env.read_file(path("MANIFEST-000003")).unwrap();
    env.remove(&path("MANIFEST-000003")).unwrap();
    let missing = (path("MANIFEST-000003"), 0, Fault::Missing);
    assert_eq!(corruption(read(&env).unwrap_err()), missing);

    // The same name, another generation.
    let current = env.read_file(path("CURRENT")).unwrap();
    create(&env, 3, ManifestState { next_file: FileNumber(4), ..ManifestState::default() }).unwrap();
    env.write_file(path("CURRENT"), &current).unwrap();
    let identity = (path("MANIFEST-000003"), 0, Fault::Identity);
    assert_eq!(corruption(read(&env).unwrap_err()), identity);

    env.write_file(path("MANIFEST-000003"), &bytes).unwrap();
    read(&env).unwrap().unwrap();
    env.write_file(path("CURRENT"), &[b'w'; 4096]).unwrap();
    assert!(matches!(corruption(read(&env).unwrap_err()), (_, 0, Fault::Length { found: 4096, .. })));
}

#[test]
fn a_manifest_that_may_give_its_own_number_again_is_refused() {
    let (env, _, _) = used();
    let bytes = env.read_file(path("MANIFEST-000003")).unwrap();
    let seed = FileHeader::decode(FileKind::Manifest, &bytes).unwrap().seed();
    let edit = VersionEdit { next_file: Some(FileNumber(3)), ..VersionEdit::default() };
    let mut manifest = bytes[..64].to_vec();
    format::put_frame(&mut manifest, &Sealer::checksummed(seed), 64, 0, &edit.encode());
    let snapshot_end = manifest.len() as u64;
    env.write_file(path("MANIFEST-000003"), &manifest).unwrap();
    let current = current::CurrentFile {
        database: DATABASE,
        manifest: FileNumber(3),
        seed,
        snapshot_end,
        is_old: false,
        seal: None,
    };
    current.write(&env, Path::new("/db"), &DataKeys::none()).unwrap();
    let fault = Fault::Invalid("next file number");
    assert_eq!(corruption(read(&env).unwrap_err()), (path("MANIFEST-000003"), 64, fault));
}

#[test]
fn an_edit_with_a_right_checksum_that_does_not_fit_is_damage() {
    let (env, loaded, _) = used();
    let bytes = env.read_file(path("MANIFEST-000003")).unwrap();
    let seed = FileHeader::decode(FileKind::Manifest, &bytes).unwrap().seed();
    let removed = vec![(Level::ZERO, FileNumber(999))];
    let cases = [
        (loaded.end, VersionEdit { removed, ..VersionEdit::default() }.encode()),
        (loaded.end, vec![99, 0]),
        (loaded.end + 8, Vec::new()),
    ];
    for (synced, payload) in cases {
        let mut manifest = bytes.clone();
        format::put_frame(&mut manifest, &Sealer::checksummed(seed), loaded.end, synced, &payload);
        env.write_file(path("MANIFEST-000003"), &manifest).unwrap();
        let (file, offset, fault) = corruption(read(&env).unwrap_err());
        assert_eq!((file, offset), (path("MANIFEST-000003"), loaded.end));
        assert!(matches!(fault, Fault::Invalid(_)));
    }
}
