//! A file without its name: the visible bytes, the durable bytes, and the changes in between.
//!
//! 1. Unless a sync was lost, `seen` is `durable` with all of `pending` applied in order.
//! 2. A lost sync drops `pending`: the bytes stay visible, and no later sync makes them durable.
//! 3. `seen` and `durable` share the pages that are equal, until one is written.
//!
//! On a volatile disk nothing is pending and nothing is durable: the visible bytes are all there
//! is.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::crash::{Dice, surviving_image};
use super::image::{Image, PendingChange};

pub(super) struct Inode {
    /// Never reused on its machine.
    pub(super) id: u64,
    content: Mutex<Content>,
}

#[derive(Default)]
pub(super) struct Content {
    /// The number of names; more than one only when a crash kept both names of a renamed file.
    pub(super) names: u32,
    /// The number of open handles.
    pub(super) handles: u32,
    seen: Image,
    durable: Image,
    pending: Vec<PendingChange>,
    /// Whether a sync was lost, so that the visible bytes differ from those that will be durable.
    is_split: bool,
}

impl Inode {
    pub(super) fn new(id: u64) -> Self {
        Self { id, content: Mutex::default() }
    }

    /// The file after a crash.
    pub(super) fn crash(&self, mut dice: Dice) -> Self {
        let content = self.content();
        let image = surviving_image(&content.durable, &content.pending, &mut dice);
        let survivor = Content { seen: image.clone(), durable: image, ..Content::default() };
        Self { id: self.id, content: Mutex::new(survivor) }
    }

    pub(super) fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    pub(super) fn seen(&self) -> &Image {
        &self.seen
    }

    /// The space taken on the disk.
    pub(super) fn space(&self) -> u64 {
        if self.names > 0 || self.handles > 0 { self.seen.size() as u64 } else { 0 }
    }

    pub(super) fn change(&mut self, change: PendingChange) {
        self.seen.apply(&change);
        self.pending.push(change);
    }

    /// Writes without recording the change for a crash.
    pub(super) fn write_volatile(&mut self, bytes: &[u8], offset: usize) {
        self.seen.write_at(bytes, offset);
    }

    /// Truncates or extends without recording the change for a crash.
    pub(super) fn set_size_volatile(&mut self, size: usize) {
        self.seen.set_size(size);
    }

    pub(super) fn sync(&mut self) {
        let changes = self.pending.drain(..);
        if self.is_split {
            changes.for_each(|change| self.durable.apply(&change));
        } else {
            self.durable.adopt(&self.seen, changes);
        }
    }

    /// Drops the pending changes, as an operating system does after a failed sync.
    pub(super) fn lose_unsynced(&mut self) {
        self.is_split |= !self.pending.is_empty();
        self.pending.clear();
    }

    /// Rereads everything from the disk, except the changes that still wait to be written.
    pub(super) fn drop_cache(&mut self) {
        self.seen = self.durable.clone();
        for change in &self.pending {
            self.seen.apply(change);
        }
        self.is_split = false;
    }

    /// Replaces the contents, durably.
    pub(super) fn replace(&mut self, bytes: &[u8]) {
        let mut image = Image::default();
        image.write_at(bytes, 0);
        self.seen = image.clone();
        self.durable = image;
        self.pending.clear();
        self.is_split = false;
    }
}
