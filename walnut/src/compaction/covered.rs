//! Files that nobody can read anything of any more, because a range tombstone lies over all of it.
//!
//! ```text
//!   level 0    [c ──── 90 ──── x)        all who read, read at 90 or above
//!   level 5        | d..k |  | m..z |
//!                  largest seqno 70, nothing of it can be read: it goes as it is, unread
//! ```
//!
//! Such a file leaves in an edit of its own: giving back the space of a large range costs no reading and no writing. It is
//! its entries' sequence numbers that say that they are older, wherever the file stands.

use crate::base::{FileNumber, Fragments, SeqNo};
use crate::manifest::{Level, Version};

/// The files of `version` whose entries and range tombstones are all hidden from all who read at `watermark` or above by
/// `ranges`, which are range tombstones of files of the same version.
pub(crate) fn covered(version: &Version, ranges: &Fragments, watermark: SeqNo) -> Vec<(Level, FileNumber)> {
    if ranges.is_empty() {
        return Vec::new();
    }
    version
        .files()
        .filter(|(_, meta)| ranges.cover(&meta.smallest, &meta.end, meta.largest_seqno, watermark))
        .map(|(level, meta)| (level, meta.number))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::tests::file;
    use super::*;
    use crate::manifest::VersionEdit;
    use crate::sst::SstMeta;

    fn covered_of(files: &[SstMeta], ranges: &Fragments, watermark: u64) -> Vec<u64> {
        let level = Level::LAST;
        let added = files.iter().map(|meta| (level, Arc::new(meta.clone()))).collect();
        let edit = VersionEdit { added, ..VersionEdit::default() };
        let version = Version::default().apply(&edit).expect("files that fit");
        covered(&version, ranges, SeqNo(watermark)).into_iter().map(|(_, number)| number.0).collect()
    }

    #[test]
    fn a_file_goes_only_when_all_of_it_is_older_and_hidden_from_all() {
        // The sequence numbers of a file are its number.
        let files = [file(3, b"a", b"b"), file(4, b"d", b"f"), file(90, b"g", b"h"), file(5, b"k", b"m")];
        let ranges = Fragments::one(b"c", b"l", SeqNo(50));
        assert_eq!(covered_of(&files, &ranges, 50), [4]);
        assert_eq!(covered_of(&files, &ranges, 49), [] as [u64; 0], "somebody still reads below it");
        assert_eq!(covered_of(&files, &Fragments::one(b"c", b"l", SeqNo(4)), 50), [] as [u64; 0]);
        let two = Fragments::merged([&ranges, &Fragments::one(b"l", b"m\0", SeqNo(6))]);
        assert_eq!(covered_of(&files, &two, 60), [4, 5], "two range tombstones that touch");
        let gap = Fragments::merged([&ranges, &Fragments::one(b"l\0", b"z", SeqNo(60))]);
        assert_eq!(covered_of(&files, &gap, 60), [4], "a gap of one key");
        assert_eq!(covered_of(&files, &Fragments::default(), 60), [] as [u64; 0]);
    }
}
