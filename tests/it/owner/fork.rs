//! Forks of the process, which the standard library does not have.
//!
//! 1. A fork has the one thread that made it. It runs what it is given, and ends without running anything of the process's exit.
//! 2. It is waited for by the one that made it.

#![expect(unsafe_code, reason = "a fork is a call of the system that no safe library offers")]

use std::io::{PipeWriter, Read, pipe};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A fork that does nothing until this is dropped: what a child is between its fork and the start of its program.
pub(super) struct Idle {
    process: libc::pid_t,
    end: Option<PipeWriter>,
}

impl Idle {
    pub(super) fn start() -> Self {
        let (mut reader, writer) = pipe().unwrap();
        let end = Some(writer);
        // SAFETY: the child calls nothing but `close`, `read` and `_exit`, each of which may be called after a fork.
        let process = unsafe { libc::fork() };
        assert!(process >= 0, "fork: {}", std::io::Error::last_os_error());
        if process == 0 {
            drop(end);
            let _ = reader.read(&mut [0]);
            exit(0);
        }
        Self { process, end }
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        drop(self.end.take());
        assert_eq!(wait(self.process), 0);
    }
}

/// Runs `body` in a fork, and says whether it came to its end without a panic.
pub(super) fn in_fork(body: impl FnOnce()) -> bool {
    // SAFETY: the test has no thread that holds a lock of the allocator's or of the standard output's: it runs alone in its process,
    // and those of the database are idle.
    let process = unsafe { libc::fork() };
    assert!(process >= 0, "fork: {}", std::io::Error::last_os_error());
    if process == 0 {
        let outcome = catch_unwind(AssertUnwindSafe(body));
        exit(i32::from(outcome.is_err()));
    }
    wait(process) == 0
}

fn exit(code: i32) -> ! {
    // SAFETY: it has no condition.
    unsafe { libc::_exit(code) }
}

fn wait(process: libc::pid_t) -> i32 {
    let mut status = 0;
    // SAFETY: the pointer is to a variable that outlives the call.
    let waited = unsafe { libc::waitpid(process, &raw mut status, 0) };
    assert_eq!(waited, process, "waitpid: {}", std::io::Error::last_os_error());
    status
}
