//! Room on the disk that is held for the way out of a full one: for commits that only delete, for
//! flushes, for closing and opening.
//!
//! ```text
//!   unknown ──enough was committed──► whole ──a deletion or flush finds no space──► spent ──room again──► whole
//! ```
//!
//! 1. The reserve is a file of bytes that mean nothing, beside obsolete segments of the log that
//!    are kept to be used again. To spend it is to remove both, which needs no room. An empty file
//!    in its place says that it was spent.
//! 2. What only deletes, and what lets go of more than it writes, may spend it. An ordinary put is
//!    refused while it is spent, so what it has freed is there for those; and before it is held,
//!    once there is more than a little to delete.
//! 3. It is made when something is committed, never by an opening, and never synced: a crash may
//!    take it, and then it is made again.
//! 4. A memtable is frozen early when there is little room, so that what a flush writes of it fits
//!    into the reserve.
//!
//! A machine on which the file cannot be made for another reason than want of space goes without.

use std::path::{Path, PathBuf};

use crate::engine::health::Health;
use crate::env::{Env, PathKind};
use crate::error::{Error, Result};
use crate::files::FileName;
use crate::sync::{Arc, AtomicU32, AtomicUsize, Mutex, Ordering};

/// Commits and memtables up to this fraction of the reserve do not need it.
const SMALL_PART: usize = 4;

/// The bytes are written in pieces of this size.
const PIECE_SIZE: usize = 64 << 10;

/// The file was not looked at yet.
const UNKNOWN: u32 = 0;
/// It does not exist, and was not needed yet.
const NONE: u32 = 4;
const WHOLE: u32 = 1;
const SPENT: u32 = 2;
/// There is no reserve.
const OFF: u32 = 3;

pub(in crate::engine) struct Reserve {
    env: Arc<dyn Env>,
    dir: PathBuf,
    size: usize,
    state: AtomicU32,
    /// The size of the active memtable at which a writer looks how much room there is.
    look_at: AtomicUsize,
    /// Held while it is made or spent.
    turn: Mutex<()>,
}

impl Reserve {
    /// A reserve of `size` bytes; none with zero.
    pub(in crate::engine) fn new(env: &Arc<dyn Env>, dir: &Path, size: usize) -> Self {
        Self {
            env: Arc::clone(env),
            dir: dir.to_path_buf(),
            size,
            state: AtomicU32::new(if size == 0 { OFF } else { UNKNOWN }),
            look_at: AtomicUsize::new(if size == 0 { usize::MAX } else { size / SMALL_PART }),
            turn: Mutex::default(),
        }
    }

    /// Whether puts may be taken without a further look.
    #[inline]
    pub(in crate::engine) fn is_held(&self) -> bool {
        matches!(self.state(), WHOLE | OFF)
    }

    pub(in crate::engine) fn is_spent(&self) -> bool {
        self.state() == SPENT
    }

    fn state(&self) -> u32 {
        self.state.load(Ordering::Acquire)
    }

    fn set(&self, state: u32) {
        self.state.store(state, Ordering::Release);
    }

    /// Holds the reserve before a put is taken; `committed_size` is what was committed so far.
    /// [`Error::OutOfSpace`] if there is no room for it.
    ///
    /// Cost: nothing while little was committed; then once a look at the file, or its writing.
    #[cold]
    pub(in crate::engine) fn hold(&self, committed_size: u64, health: &Health) -> Result<()> {
        let is_small = || committed_size < (self.size / SMALL_PART) as u64;
        if self.state() == NONE && is_small() {
            return Ok(());
        }
        health.owner().check_fork()?;
        self.look();
        let _turn = self.turn.lock();
        let held = match self.state() {
            SPENT => self.remake(),
            NONE if !is_small() => make(&*self.env, &self.dir, self.size),
            _ => return Ok(()),
        };
        match held {
            Ok(()) => self.set(WHOLE),
            // A reserve of which there is only a part is none.
            Err(Error::OutOfSpace) => return Err(Error::OutOfSpace),
            Err(_) => self.set(OFF),
        }
        Ok(())
    }

    /// Finds out what an earlier process has left of the reserve.
    fn look(&self) {
        let _turn = self.turn.lock();
        if self.state() == UNKNOWN {
            self.set(match held_size(&*self.env, &self.dir) {
                Ok(Some(size)) if size >= self.size as u64 => WHOLE,
                Ok(Some(0)) => SPENT,
                Ok(_) => NONE,
                Err(_) => OFF,
            });
        }
    }

    /// Whether the disk was found full, by this process or one before it, and the reserve is not
    /// held again. Looks at the file the first time.
    pub(in crate::engine) fn was_spent(&self) -> bool {
        if self.state() == UNKNOWN {
            self.look();
        }
        self.is_spent()
    }

    /// Makes a spent reserve again if that leaves some room.
    fn remake(&self) -> Result<()> {
        let free = self.env.free_space(&self.dir)?;
        if free < (self.size + self.size / SMALL_PART) as u64 {
            return Err(Error::OutOfSpace);
        }
        make(&*self.env, &self.dir, self.size)
    }

    /// Makes the reserve again as soon as there is room; without it nothing is worse than before.
    pub(in crate::engine) fn restore(&self, committed_size: u64, health: &Health) {
        if self.was_spent() {
            let _ = self.hold(committed_size, health);
        }
    }

    /// Removes the reserve; returns whether that has freed room. `drop_recycled` removes the
    /// recycled segments, and returns the same.
    pub(in crate::engine) fn spend(&self, drop_recycled: impl FnOnce() -> bool) -> bool {
        let _turn = self.turn.lock();
        let mut is_freed = drop_recycled();
        if matches!(self.state(), UNKNOWN | NONE | WHOLE)
            && release(&*self.env, &self.dir).is_ok_and(|released| released)
        {
            self.set(SPENT);
            is_freed = true;
        }
        is_freed
    }

    /// Whether an active memtable of this size should be frozen before it is full, because a flush
    /// of a larger one might not find room. Looks at the disk now and then.
    pub(in crate::engine) fn is_space_short(
        &self,
        active_size: usize,
        frozen_size: impl FnOnce() -> usize,
    ) -> bool {
        if active_size < self.look_at.load(Ordering::Relaxed) {
            return false;
        }
        let free = self.env.free_space(&self.dir).unwrap_or(u64::MAX);
        let free = usize::try_from(free).unwrap_or(usize::MAX);
        // What is flushed by then takes room before the log frees it.
        let left = (free / 2).saturating_sub(active_size + frozen_size());
        let step = self.size / SMALL_PART;
        let look_at = if left == 0 { step } else { active_size.saturating_add(step.max(left / SMALL_PART)) };
        self.look_at.store(look_at, Ordering::Relaxed);
        left == 0
    }

    /// Starts over with a new active memtable.
    pub(in crate::engine) fn recheck_room(&self) {
        if self.size > 0 {
            self.look_at.store(self.size / SMALL_PART, Ordering::Relaxed);
        }
    }
}

fn path(dir: &Path) -> PathBuf {
    FileName::Reserve.path(dir)
}

/// Empties the file, which says then that it was spent; returns whether that has freed room.
pub(in crate::engine) fn release(env: &dyn Env, dir: &Path) -> Result<bool> {
    let is_held = held_size(env, dir)?.is_some_and(|size| size > 0);
    if is_held {
        env.remove(&path(dir))?;
        // Without the mark the next opening takes it for one that was never made.
        let _ = env.create(&path(dir));
    }
    Ok(is_held)
}

/// The size of the file, if there is one.
fn held_size(env: &dyn Env, dir: &Path) -> Result<Option<u64>> {
    let path = path(dir);
    if env.kind(&path)? != Some(PathKind::File) {
        return Ok(None);
    }
    env.open(&path)?.size().map(Some)
}

/// Makes the file; after an error it is not there.
fn make(env: &dyn Env, dir: &Path, size: usize) -> Result<()> {
    if held_size(env, dir)?.is_some() {
        env.remove(&path(dir))?;
    }
    let file = env.create(&path(dir))?;
    let mut piece = Vec::new();
    let mut offset = 0;
    let mut random = env.random() | 1;
    let written = loop {
        if offset == size {
            break Ok(());
        }
        // Bytes that no file system makes smaller.
        piece.clear();
        while piece.len() < PIECE_SIZE {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            piece.extend_from_slice(&(random ^ random >> 29).to_le_bytes());
        }
        piece.truncate(PIECE_SIZE.min(size - offset));
        if let Err(error) = file.write_at(&piece, offset as u64) {
            break Err(error);
        }
        offset += piece.len();
    };
    drop(file);
    if written.is_err() {
        env.remove(&path(dir))?;
    }
    written
}
