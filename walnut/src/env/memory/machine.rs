//! The machine around a disk in memory: power, clock, randomness, locks, counters and trace.
//!
//! Every operation calls [`Machine::enter`]: it fails when the power is off; otherwise it is
//! counted and traced.
//!
//! Lock order: the machine's state before the content of a file. A read clones the file's image,
//! which costs a reference count, and copies the bytes after both locks are released.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::crash::CrashPolicy;
use super::disk::Disk;
use super::random::{Random, mix};
use crate::env::{Counts, Env, Operation, Operations, OsEnv};
use crate::error::Result;

/// The wall clock of a new machine: the first second of 2024.
const FIRST_BOOT: Duration = Duration::from_secs(1_704_067_200);

/// A clock advances by this much when it is read.
const TICK: Duration = Duration::from_micros(1);

pub(super) struct Machine {
    state: Mutex<MachineState>,
    /// How often a name was bound to another file, or removed.
    name_changes: AtomicU64,
    /// The id of the running process, and the highest one in use.
    process: AtomicU32,
    processes: AtomicU32,
}

pub(super) struct MachineState {
    pub(super) disk: Disk,
    pub(super) locks: BTreeSet<u64>,
    pub(super) open_files: usize,
    pub(super) counts: Counts,
    pub(super) trace: Option<Vec<String>>,
    pub(super) random: Random,
    pub(super) is_off: bool,
    pub(super) cut: Option<PowerCut>,
    booted: Duration,
    uptime: Duration,
    /// Whether time and randomness come from the operating system instead of the seed.
    is_real: bool,
}

/// A planned power failure.
pub(super) struct PowerCut {
    pub(super) operations: Operations,
    /// How many of these operations are still performed.
    pub(super) left: u64,
    /// Whether other operations continue after the last of these, until the next of these is tried.
    pub(super) lingers: bool,
}

impl Machine {
    pub(super) fn new(seed: u64) -> Self {
        Self::boot(Disk::new(), Random::new(mix(seed)), FIRST_BOOT)
    }

    /// A machine with the clocks and the randomness of the operating system, and a volatile disk.
    pub(super) fn real() -> Self {
        let machine = Self::boot(Disk::volatile(), Random::new(mix(0)), FIRST_BOOT);
        machine.state().is_real = true;
        machine
    }

    /// The machine that boots after a power failure of this one.
    pub(super) fn crash(&self, policy: CrashPolicy, seed: u64) -> Self {
        let state = self.state();
        let random = Random::new(state.random.clone().next() ^ mix(seed));
        Self::boot(state.disk.crash(policy, seed), random, state.booted + state.uptime)
    }

    fn boot(disk: Disk, random: Random, booted: Duration) -> Self {
        let state = MachineState {
            disk,
            locks: BTreeSet::new(),
            open_files: 0,
            counts: Counts::default(),
            trace: None,
            random,
            is_off: false,
            cut: None,
            booted,
            uptime: Duration::ZERO,
            is_real: false,
        };
        Self {
            state: Mutex::new(state),
            name_changes: AtomicU64::new(0),
            process: AtomicU32::new(1),
            processes: AtomicU32::new(1),
        }
    }

    pub(super) fn name_changes(&self) -> u64 {
        self.name_changes.load(Ordering::Acquire)
    }

    /// Counts a change of a name; the caller holds the state.
    pub(super) fn count_name_change(&self) {
        self.name_changes.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn process_id(&self) -> u32 {
        self.process.load(Ordering::Relaxed)
    }

    /// Continues as another process; returns the id of the one before.
    pub(super) fn fork(&self) -> u32 {
        let child = self.processes.fetch_add(1, Ordering::Relaxed) + 1;
        self.process.swap(child, Ordering::Relaxed)
    }

    pub(super) fn return_to(&self, process: u32) {
        self.process.store(process, Ordering::Relaxed);
    }

    pub(super) fn state(&self) -> MutexGuard<'_, MachineState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts an operation; `detail` follows the path in the trace.
    pub(super) fn enter(
        &self,
        operation: Operation,
        path: &Path,
        detail: fmt::Arguments<'_>,
    ) -> Result<MutexGuard<'_, MachineState>> {
        let mut state = self.state();
        if !state.draws_power_for(operation) {
            let dead = io::Error::new(io::ErrorKind::NotConnected, "the machine has no power");
            return Err(operation.failed(path, dead));
        }
        state.counts.add(operation);
        if let Some(trace) = &mut state.trace {
            trace.push(format!("{operation} {}{detail}", path.display()));
        }
        Ok(state)
    }
}

impl MachineState {
    pub(super) fn advance(&mut self, time: Duration) {
        self.uptime = self.uptime.saturating_add(time);
    }

    pub(super) fn monotonic_clock(&mut self) -> Duration {
        if self.is_real {
            return OsEnv::new().monotonic_clock();
        }
        self.advance(TICK);
        self.uptime
    }

    pub(super) fn wall_clock(&mut self) -> Duration {
        if self.is_real {
            return OsEnv::new().wall_clock();
        }
        self.advance(TICK);
        self.booted.saturating_add(self.uptime)
    }

    pub(super) fn fill_random(&mut self, bytes: &mut [u8]) {
        if self.is_real {
            return OsEnv::new().fill_random(bytes);
        }
        self.random.fill(bytes);
    }

    /// Whether the operation can be performed. The last one before a power failure can, and turns
    /// the power off afterwards.
    fn draws_power_for(&mut self, operation: Operation) -> bool {
        if self.is_off {
            return false;
        }
        let Some(cut) = self.cut.as_mut().filter(|cut| cut.operations.contains(operation)) else {
            return true;
        };
        let is_done = cut.left > 0;
        cut.left = cut.left.saturating_sub(1);
        self.is_off = !is_done || cut.left == 0 && !cut.lingers;
        is_done
    }
}
