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

use super::Core;
use crate::env::{Env, PathKind};
use crate::error::{Error, Result};
use crate::files::FileName;
use crate::sync::{AtomicU32, AtomicUsize, Mutex, Ordering};

/// The part of the reserve up to which commits and memtables are too small to need it.
const SMALL_PART: usize = 4;

/// The bytes are written in pieces of this size.
const PIECE_SIZE: usize = 64 << 10;

/// It is not known yet whether it is there.
const UNKNOWN: u32 = 0;
/// It is not there, and was not needed yet.
const NONE: u32 = 4;
const WHOLE: u32 = 1;
const SPENT: u32 = 2;
/// There is to be none.
const OFF: u32 = 3;

/// What is known of the reserve.
#[derive(Debug)]
pub(super) struct Reserve {
    size: usize,
    state: AtomicU32,
    /// The size of the active memtable at which a writer looks how much room there is.
    look_at: AtomicUsize,
    /// Held while it is made or spent.
    turn: Mutex<()>,
}

impl Reserve {
    /// A reserve of so many bytes; none with zero.
    pub(super) fn new(size: usize) -> Self {
        Self {
            size,
            state: AtomicU32::new(if size == 0 { OFF } else { UNKNOWN }),
            look_at: AtomicUsize::new(if size == 0 { usize::MAX } else { size / SMALL_PART }),
            turn: Mutex::default(),
        }
    }

    /// Whether puts may be taken without a further look.
    #[inline]
    pub(super) fn is_held(&self) -> bool {
        matches!(self.state(), WHOLE | OFF)
    }

    pub(super) fn is_spent(&self) -> bool {
        self.state() == SPENT
    }

    fn state(&self) -> u32 {
        self.state.load(Ordering::Acquire)
    }

    fn set(&self, state: u32) {
        self.state.store(state, Ordering::Release);
    }
}

fn path(dir: &Path) -> PathBuf {
    FileName::Reserve.path(dir)
}

/// Empties the file, which says then that it was spent; returns whether that has freed room.
pub(super) fn release(env: &dyn Env, dir: &Path) -> Result<bool> {
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

impl Core {
    /// Has the reserve held before a put is taken. [`Error::OutOfSpace`] when there is no room for
    /// it.
    ///
    /// Cost: nothing while little was committed; then once a look at the file, or its writing.
    #[cold]
    pub(super) fn hold_reserve(&self) -> Result<()> {
        let reserve = &self.reserve;
        let is_small = || self.throttle.committed_size() < (reserve.size / SMALL_PART) as u64;
        if reserve.state() == NONE && is_small() {
            return Ok(());
        }
        self.owner.check_fork()?;
        self.look_for_reserve();
        let _turn = reserve.turn.lock();
        let held = match reserve.state() {
            SPENT => self.remake_reserve(),
            NONE if !is_small() => make(&*self.env, &self.dir, reserve.size),
            _ => return Ok(()),
        };
        match held {
            Ok(()) => reserve.set(WHOLE),
            // A reserve of which there is only a part is none.
            Err(Error::OutOfSpace) => return Err(Error::OutOfSpace),
            Err(_) => reserve.set(OFF),
        }
        Ok(())
    }

    /// Finds out what an earlier process has left of the reserve.
    fn look_for_reserve(&self) {
        let reserve = &self.reserve;
        let _turn = reserve.turn.lock();
        if reserve.state() == UNKNOWN {
            reserve.set(match held_size(&*self.env, &self.dir) {
                Ok(Some(size)) if size >= reserve.size as u64 => WHOLE,
                Ok(Some(0)) => SPENT,
                Ok(_) => NONE,
                Err(_) => OFF,
            });
        }
    }

    /// Whether the disk was found full, by this process or one before it, and the reserve is not
    /// there again.
    pub(super) fn is_reserve_spent(&self) -> bool {
        if self.reserve.state() == UNKNOWN {
            self.look_for_reserve();
        }
        self.reserve.is_spent()
    }

    /// Makes a reserve again that was spent, if that leaves some room besides.
    fn remake_reserve(&self) -> Result<()> {
        let size = self.reserve.size;
        let free = self.env.free_space(&self.dir)?;
        if free < (size + size / SMALL_PART) as u64 {
            return Err(Error::OutOfSpace);
        }
        make(&*self.env, &self.dir, size)
    }

    /// Makes the reserve again as soon as there is room; without it nothing is worse than before.
    pub(super) fn restore_reserve(&self) {
        if self.is_reserve_spent() {
            let _ = self.hold_reserve();
        }
    }

    /// Removes the reserve; returns whether that has freed room.
    pub(super) fn spend_reserve(&self) -> bool {
        let reserve = &self.reserve;
        let _turn = reserve.turn.lock();
        let has_spares = {
            let mut log = self.log.lock();
            let has_spares = log.size().recycled_size > 0;
            log.drop_recycled();
            has_spares
        };
        let mut is_freed = has_spares && self.remove_old_log(&[]).is_ok();
        if matches!(reserve.state(), UNKNOWN | NONE | WHOLE)
            && release(&*self.env, &self.dir).is_ok_and(|released| released)
        {
            reserve.set(SPENT);
            is_freed = true;
        }
        is_freed
    }

    /// Runs work that frees more space than it takes: when it finds none, the reserve is spent and
    /// it is run again.
    pub(super) fn with_reserve<T>(&self, work: impl Fn() -> Result<T>) -> Result<T> {
        match work() {
            Err(Error::OutOfSpace) if self.spend_reserve() => work(),
            done => done,
        }
    }

    /// Whether a memtable of so many bytes should be frozen before it is full, because a flush of a
    /// larger one might not find room. Looks at the disk now and then.
    pub(super) fn is_space_short(&self, active_size: usize) -> bool {
        let reserve = &self.reserve;
        if active_size < reserve.look_at.load(Ordering::Relaxed) {
            return false;
        }
        let frozen_size: usize = self.view.load().frozen.iter().map(|frozen| frozen.memtable.size()).sum();
        let free = self.env.free_space(&self.dir).unwrap_or(u64::MAX);
        let free = usize::try_from(free).unwrap_or(usize::MAX);
        // What is flushed by then takes room before the log frees it.
        let left = (free / 2).saturating_sub(active_size + frozen_size);
        let step = reserve.size / SMALL_PART;
        let look_at = if left == 0 { step } else { active_size.saturating_add(step.max(left / SMALL_PART)) };
        reserve.look_at.store(look_at, Ordering::Relaxed);
        left == 0
    }

    /// Takes note that the active memtable is a new one.
    pub(super) fn recheck_room(&self) {
        if self.reserve.size > 0 {
            self.reserve.look_at.store(self.reserve.size / SMALL_PART, Ordering::Relaxed);
        }
    }
}
