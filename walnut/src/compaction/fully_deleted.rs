//! Finds files of which a range tombstone hides every entry, so that they can be removed unread.
//!
//! ```text
//!   level 0    [c ──── 90 ──── x)        every reader reads at 90 or above
//!   level 5        | d..k |  | m..z |
//!                  largest seqno 70, nothing of it is visible: removed without a read
//! ```
//!
//! Such a file is removed by an edit of its own: deleting a large range frees its space without
//! reading or writing it. The sequence numbers of its entries prove that they are older, whatever
//! its level is.

use std::sync::Arc;

use super::garbage_filter::{ProgressCounter, ProgressHook};
use crate::base::{FileNumber, Fragment, FragmentMerge, FragmentSource, Fragments, SeqNo};
use crate::error::Result;
use crate::manifest::{Level, Version};
use crate::sst::Sst;

/// The range tombstones of a run. Those of one file are in memory at a time.
pub(crate) struct RunRanges {
    ssts: std::vec::IntoIter<Arc<Sst>>,
    /// The range tombstones of the current file, and the index of the next one.
    open: Option<(Arc<Fragments>, usize)>,
}

impl RunRanges {
    /// Takes the files of a run in key order.
    pub(crate) fn new(ssts: Vec<Arc<Sst>>) -> Self {
        Self { ssts: ssts.into_iter(), open: None }
    }
}

impl FragmentSource for RunRanges {
    fn next_fragment(&mut self) -> Result<Option<Fragment>> {
        loop {
            if let Some((fragments, index)) = &mut self.open
                && let Some(fragment) = fragments.get(*index)
            {
                *index += 1;
                return Ok(Some(fragment.clone()));
            }
            // A file is closed before the next one is opened.
            self.open = None;
            let Some(sst) = self.ssts.next() else { return Ok(None) };
            self.open = sst.range_tombstones()?.map(|fragments| (fragments, 0));
        }
    }
}

/// The files of `version` of which every entry and range tombstone is hidden, by the range
/// tombstones of the runs, from every reader at or above `watermark`.
///
/// Cost: reads the range tombstones of all files that have any.
pub(crate) fn fully_deleted<S: FragmentSource>(
    version: &Version,
    ranges: Vec<S>,
    watermark: SeqNo,
    progress: &ProgressHook<'_>,
) -> Result<Vec<(Level, FileNumber)>> {
    let keep_newest_visible = move |seqnos: &mut Vec<SeqNo>| {
        seqnos.retain(|seqno| *seqno <= watermark);
        seqnos.truncate(1);
    };
    let mut ranges = FragmentMerge::new(ranges, keep_newest_visible)?;
    let mut counter = ProgressCounter::new(progress);
    let mut files: Vec<_> = version.files().collect();
    files.sort_by(|(_, left), (_, right)| left.smallest.cmp(&right.smallest));
    let mut files = files.into_iter().peekable();
    // The files that are hidden from their first key up to where the last fragment ended.
    let (mut open, mut reached) = (Vec::new(), Vec::new());
    let mut deleted = Vec::new();
    while let Some(Fragment { start, end, seqnos }) = ranges.next()? {
        counter.note((start.len() + end.len()) as u64)?;
        if start != reached {
            open.clear();
        }
        while let Some((level, meta)) = files.next_if(|(_, meta)| meta.smallest < end) {
            if meta.smallest >= start {
                open.push((level, meta));
            }
        }
        open.retain(|(level, meta)| {
            let is_hidden = seqnos.first().is_some_and(|seqno| *seqno > meta.largest_seqno);
            if is_hidden && meta.end <= end {
                deleted.push((*level, meta.number));
            }
            is_hidden && meta.end > end
        });
        reached = end;
    }
    Ok(deleted)
}

#[cfg(test)]
mod tests {
    use super::super::tests::file;
    use super::*;
    use crate::error::Error;
    use crate::manifest::VersionEdit;
    use crate::sst::SstMeta;

    fn covered_of(files: &[SstMeta], ranges: &Fragments, watermark: u64) -> Vec<u64> {
        let level = Level::LAST;
        let added = files.iter().map(|meta| (level, Arc::new(meta.clone()))).collect();
        let edit = VersionEdit { added, ..VersionEdit::default() };
        let version = Version::default().apply(&edit).expect("files that fit");
        let ranges = vec![ranges.iter().cloned()];
        let deleted =
            fully_deleted(&version, ranges, SeqNo(watermark), &|_| Ok(())).expect("no file is opened");
        deleted.into_iter().map(|(_, number)| number.0).collect()
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

    #[test]
    fn a_look_at_many_range_tombstones_can_be_stopped() {
        let fragment = |n: u16| Fragment {
            start: n.to_be_bytes().into(),
            end: (n + 1).to_be_bytes().into(),
            seqnos: vec![SeqNo(u64::from(n) + 1)],
        };
        let ranges = vec![(0..1000).map(fragment)];
        let stopped = fully_deleted(&Version::default(), ranges, SeqNo(2000), &|_| Err(Error::Closed));
        assert!(matches!(stopped, Err(Error::Closed)));
    }
}
