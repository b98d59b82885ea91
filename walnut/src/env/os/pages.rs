//! Huge pages.
//!
//! The invariants of the unsafe call:
//!
//! 1. The range is in one allocation and is not shared: it is borrowed mutably, and not yet
//!    written.
//! 2. The advice tells the system how to back the range. It changes no byte and no mapping, so it
//!    is sound for any memory that the process owns; a system that does not know it refuses it,
//!    which is harmless.

use std::mem::MaybeUninit;

/// In bytes.
pub(crate) const LARGE_PAGE: usize = 2 << 20;

/// Has untouched memory backed by huge pages, if the system does that on request. Otherwise only
/// the time that reads take differs.
#[cfg(all(target_os = "linux", not(miri)))]
#[expect(unsafe_code, reason = "the system call takes a pointer; see the invariants at the head")]
pub(crate) fn prefer_large_pages(memory: &mut [MaybeUninit<u8>]) {
    let advice = rustix::mm::Advice::LinuxHugepage;
    // SAFETY: the range is borrowed mutably (1), and the advice changes nothing in it (2).
    let _ = unsafe { rustix::mm::madvise(memory.as_mut_ptr().cast(), memory.len(), advice) };
}

/// Not supported on this system.
#[cfg(not(all(target_os = "linux", not(miri))))]
pub(crate) fn prefer_large_pages(_memory: &mut [MaybeUninit<u8>]) {}
