//! Thread priorities.

/// Lowers the priority of this thread by this many steps of niceness, three of which halve a
/// thread's share of a contended processor. No effect where niceness is not per thread.
#[cfg(target_os = "linux")]
pub(crate) fn prefer_other_threads(steps: i32) {
    // A refusal is ignored: it has the same effect as no call.
    let _ = rustix::process::nice(steps);
}

/// Not supported on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn prefer_other_threads(_steps: i32) {}
