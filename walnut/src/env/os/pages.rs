//! How memory is backed.
//!
//! The invariants of the unsafe call:
//!
//! 1. The range is one allocation's, or a part of it, and nobody else has it: it is borrowed mutably, and not yet written.
//! 2. The advice says how the system is to back the range. It changes no byte and no mapping, so it is sound for any memory that
//!    is ours; a system that does not know it refuses it, which is as good as not having asked.

use std::mem::MaybeUninit;

/// Bytes of a large page.
pub(crate) const LARGE_PAGE: usize = 2 << 20;

/// Has memory that was not touched yet backed by large pages, if the system does that for who asks. Where it does not, nothing
/// changes but the time that reads take.
#[cfg(all(target_os = "linux", not(miri)))]
#[expect(unsafe_code, reason = "the system call takes a pointer; see the invariants at the head")]
pub(crate) fn prefer_large_pages(memory: &mut [MaybeUninit<u8>]) {
    let advice = rustix::mm::Advice::LinuxHugepage;
    // SAFETY: the range is borrowed mutably (1), and the advice changes nothing in it (2).
    let _ = unsafe { rustix::mm::madvise(memory.as_mut_ptr().cast(), memory.len(), advice) };
}

/// Has memory backed by large pages: not on this system.
#[cfg(not(all(target_os = "linux", not(miri))))]
pub(crate) fn prefer_large_pages(_memory: &mut [MaybeUninit<u8>]) {}
