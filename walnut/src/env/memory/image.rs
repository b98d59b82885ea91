//! The bytes of a file, in copy-on-write pages.
//!
//! 1. A missing page reads as zeros.
//! 2. The bytes of the last page beyond the size are zeros, so that a file which grows again does
//!    not expose old bytes.
//!
//! A clone costs one reference count, whatever the size.

use std::ops::Range;
use std::sync::Arc;

const PAGE: usize = 4096;

type Page = [u8; PAGE];

#[derive(Clone, Default)]
pub(super) struct Image {
    pages: Arc<Vec<Option<Arc<Page>>>>,
    size: usize,
}

/// A change of a file that was not yet synced.
pub(super) enum PendingChange {
    Write { offset: usize, bytes: Box<[u8]> },
    SetSize(usize),
}

impl Image {
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Reads up to the end of the buffer or of the file.
    pub(super) fn read_at(&self, bytes: &mut [u8], offset: usize) -> usize {
        let count = self.size.saturating_sub(offset).min(bytes.len());
        let mut rest = &mut bytes[..count];
        for (page, range) in pages(offset..offset + count) {
            let (head, tail) = rest.split_at_mut(range.len());
            match &self.pages[page] {
                Some(page) => head.copy_from_slice(&page[range]),
                None => head.fill(0),
            }
            rest = tail;
        }
        count
    }

    pub(super) fn to_vec(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.size];
        self.read_at(&mut bytes, 0);
        bytes
    }

    /// Extends the file when the write goes beyond its end.
    pub(super) fn write_at(&mut self, bytes: &[u8], offset: usize) {
        if bytes.is_empty() {
            return;
        }
        let end = offset + bytes.len();
        if end > self.size {
            self.set_size(end);
        }
        let stored = Arc::make_mut(&mut self.pages);
        let mut rest = bytes;
        for (page, range) in pages(offset..end) {
            let (head, tail) = rest.split_at(range.len());
            let page = stored[page].get_or_insert_with(|| Arc::new([0; PAGE]));
            Arc::make_mut(page)[range].copy_from_slice(head);
            rest = tail;
        }
    }

    pub(super) fn set_size(&mut self, size: usize) {
        let stored = Arc::make_mut(&mut self.pages);
        stored.resize(size.div_ceil(PAGE), None);
        if size < self.size
            && let Some(Some(last)) = stored.last_mut()
            && !size.is_multiple_of(PAGE)
        {
            Arc::make_mut(last)[size % PAGE..].fill(0);
        }
        self.size = size;
    }

    /// Becomes `other`, from which it differs by these changes; the changed pages are shared from
    /// then on.
    pub(super) fn adopt(&mut self, other: &Self, changes: impl Iterator<Item = PendingChange>) {
        for change in changes {
            let PendingChange::Write { offset, bytes } = change else {
                // Bytes that were truncated and written again may be anywhere.
                *self = other.clone();
                return;
            };
            let stored = Arc::make_mut(&mut self.pages);
            stored.resize(other.pages.len(), None);
            for (page, _) in pages(offset..offset + bytes.len()) {
                // A later change may have truncated what this one wrote.
                if let (Some(stored), Some(seen)) = (stored.get_mut(page), other.pages.get(page)) {
                    stored.clone_from(seen);
                }
            }
        }
        self.size = other.size;
    }

    pub(super) fn apply(&mut self, change: &PendingChange) {
        match change {
            PendingChange::Write { offset, bytes } => self.write_at(bytes, *offset),
            PendingChange::SetSize(size) => self.set_size(*size),
        }
    }
}

/// The pages of a range of bytes, each with its part of the range.
fn pages(bytes: Range<usize>) -> impl Iterator<Item = (usize, Range<usize>)> {
    let Range { mut start, end } = bytes;
    std::iter::from_fn(move || {
        let (page, from) = (start / PAGE, start % PAGE);
        let to = PAGE.min(from + end.checked_sub(start).filter(|left| *left > 0)?);
        start += to - from;
        Some((page, from..to))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_cover_a_range_without_a_gap() {
        assert_eq!(pages(5..5).count(), 0);
        assert_eq!(pages(4090..8200).collect::<Vec<_>>(), [(0, 4090..4096), (1, 0..4096), (2, 0..8)]);
    }

    #[test]
    fn a_copy_keeps_its_bytes_when_the_other_is_written() {
        let mut image = Image::default();
        image.write_at(b"walnut", PAGE - 3);
        let copy = image.clone();
        image.write_at(b"hazel", PAGE);
        image.set_size(PAGE + 1);
        let mut bytes = [9; 8];
        assert_eq!(copy.read_at(&mut bytes, PAGE - 3), 6);
        assert_eq!(&bytes, b"walnut\x09\x09");
        assert_eq!(image.read_at(&mut bytes, PAGE - 3), 4);
        assert_eq!(&bytes[..4], b"walh");
    }

    #[test]
    fn an_image_that_adopts_changes_is_the_other_and_shares_its_pages() {
        let mut random = 1_usize;
        let mut next = |limit: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % limit
        };
        let (mut seen, mut durable) = (Image::default(), Image::default());
        for round in 0..300 {
            let mut changes = Vec::new();
            for _ in 0..next(5) {
                changes.push(if next(6) == 0 {
                    PendingChange::SetSize(next(5 * PAGE))
                } else {
                    let bytes = vec![u8::try_from(next(255)).expect("small") + 1; 1 + next(2 * PAGE)];
                    PendingChange::Write { offset: next(4 * PAGE), bytes: bytes.into() }
                });
            }
            let is_cut = changes.iter().any(|change| matches!(change, PendingChange::SetSize(_)));
            let mut applied = durable.clone();
            for change in &changes {
                seen.apply(change);
                applied.apply(change);
            }
            durable.adopt(&seen, changes.into_iter());
            assert_eq!(durable.to_vec(), applied.to_vec(), "round {round}");
            assert_eq!(durable.to_vec(), seen.to_vec(), "round {round}");
            let shared = seen.pages.iter().zip(&*durable.pages).filter(|pair| match pair {
                (Some(one), Some(other)) => Arc::ptr_eq(one, other),
                (None, None) => true,
                _ => false,
            });
            assert!(is_cut || shared.count() == seen.pages.len(), "round {round}");
        }
    }

    #[test]
    fn a_file_that_was_cut_and_grows_has_none_of_its_old_bytes() {
        let mut image = Image::default();
        image.write_at(&[1; 3 * PAGE], 0);
        image.set_size(PAGE + 1);
        image.set_size(3 * PAGE);
        assert!(image.to_vec().iter().enumerate().all(|(i, byte)| *byte == u8::from(i <= PAGE)));
        assert_eq!(image.read_at(&mut [0; 4], usize::MAX - 4), 0);
    }
}
