//! How the system shares its processors among threads.

/// Has the system prefer other threads to this one, by so many steps of its scale of niceness, in which three halve what a thread
/// gets while others want it. Where niceness is not a thread's own, nothing changes.
#[cfg(target_os = "linux")]
pub(crate) fn prefer_other_threads(steps: i32) {
    // A system that refuses is as good as one that was not asked.
    let _ = rustix::process::nice(steps);
}

/// Has the system prefer other threads: not on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn prefer_other_threads(_steps: i32) {}
