//! Damage: every byte of every file of a small database flipped, every sector zeroed, every length cut, every file gone.
//!
//! Opening and reading everything then gives the exact right answer or an error that names a file; never a panic, a wrong
//! row or a shorter result. What the end of the log of a crashed database holds beyond the last proven sync is not
//! promised: there, and where the end of a log is cut off whole, the answer may also be an earlier state.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use walnut::env::{CrashPolicy, MemoryEnv};
use walnut::{Error, Fault, KeyFault};
use walnut_tests::model::{History, State};
use walnut_tests::session::{DIR, Setup};
use walnut_tests::workload::{self, Step};

/// The files of a database, and the states that it may be found in.
struct Victim {
    setup: Setup,
    files: Vec<(PathBuf, Vec<u8>)>,
    history: History,
    /// How many of the statements it must hold when nothing is damaged; the first state of `history` is the least
    /// that it may hold when it is.
    promised: usize,
}

/// A database of few rows: with SSTs or without, closed or crashed.
fn victim(checkpoints: bool, crashes: bool) -> Victim {
    victim_of(&Setup::plain(), checkpoints, crashes)
}

fn victim_of(setup: &Setup, checkpoints: bool, crashes: bool) -> Victim {
    let setup = Setup {
        memtable_size: 64 << 10,
        block_size: 256,
        checkpoint_on_close: checkpoints,
        log_preallocation: if crashes { 2048 } else { 0 },
        ..setup.clone()
    };
    let env = MemoryEnv::with_seed(5);
    let session = setup.open(Arc::new(env.clone())).unwrap();
    let mut history = History::from(State::default());
    let steps = workload::draw(21, 400);
    let statements = steps.iter().filter_map(|step| if let Step::Op(op) = step { Some(op) } else { None });
    let small = statements.filter(|op| format!("{op:?}").len() < 700);
    for (number, op) in small.take(14).enumerate() {
        let expected = history.run(op);
        assert_eq!(session.run(op).unwrap(), expected);
        if checkpoints && number == 6 {
            session.db.checkpoint().unwrap();
        }
    }
    let env = if crashes {
        env.crash(CrashPolicy::Kept, 0)
    } else {
        session.db.close().unwrap();
        env
    };
    let files = env.files().into_iter().map(|path| (path.clone(), env.read_file(&path).unwrap())).collect();
    let promised = history.length();
    Victim { setup, files, history, promised }
}

impl Victim {
    /// A machine with these files, of which one is as `damage` says; `None` removes it.
    fn machine(&self, file: usize, damaged: Option<&[u8]>) -> MemoryEnv {
        let env = MemoryEnv::new();
        for (number, (path, bytes)) in self.files.iter().enumerate() {
            match damaged {
                Some(damaged) if number == file => env.write_file(path, damaged).unwrap(),
                None if number == file => {}
                _ => env.write_file(path, bytes).unwrap(),
            }
        }
        env
    }

    /// Opens and reads a damaged database, and judges the answer. A log may hold no more than `least` statements
    /// when it crashed and the damage leaves nothing behind it that could tell.
    fn judge(&self, file: usize, damaged: Option<&[u8]>, damage: impl Debug, least: usize) {
        let path = &self.files[file].0;
        let env = self.machine(file, damaged);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let session = self.setup.open(Arc::new(env.clone()))?;
            let state = session.state()?;
            // Whatever the state is, rows and entries belong together, or it is said.
            session.check(&state)?;
            Ok::<State, Error>(state)
        }));
        let case = format!("{damage:?} of {}", path.display());
        let outcome = outcome.unwrap_or_else(|_| panic!("the panic above is of {case}"));
        match outcome {
            Ok(state) => {
                let is_log = path.extension().is_some_and(|kind| kind == "log");
                let least = if is_log { least } else { self.promised };
                let fits = (least..=self.history.length())
                    .any(|statements| *self.history.after(statements) == state);
                assert!(
                    fits,
                    "{case}: a wrong answer: {} rows",
                    state.users.count() + state.documents.count()
                );
            }
            Err(Error::Corruption { file, fault, .. }) => {
                let names_a_file = env.read_file(&file).is_some() || fault == Fault::Missing;
                assert!(names_a_file, "{case}: {} is no file", file.display());
            }
            Err(Error::NotADatabase { .. }) => {}
            Err(Error::WrongKey(KeyFault::Unreadable(_))) if path.ends_with("KEYS") => {}
            Err(error) => panic!("{case}: {error}"),
        }
    }

    fn sweep(&self, crashed: bool) {
        // Each record of a log proves those before it, so after a crash one damaged byte costs the last one at most.
        let is_whole = |statements: &usize| self.history.after(*statements) == self.history.now();
        let before_last = (0..=self.promised).rfind(|statements| !is_whole(statements)).unwrap_or(0);
        let proven = if crashed { before_last } else { self.promised };
        // What a crash cuts off looks like what it tore; a log that was closed is known to the manifest.
        let whole = if crashed { 0 } else { self.promised };
        for (file, (_, bytes)) in self.files.iter().enumerate() {
            self.judge(file, None, "the loss", self.promised);
            let mut damaged = bytes.clone();
            for at in 0..bytes.len() {
                // One bit here, all of them there: both over the whole file would take twice as long.
                let pattern = if at % 3 == 0 { 0xff } else { 1 << (at % 8) };
                damaged[at] ^= pattern;
                self.judge(file, Some(&damaged), format_args!("byte {at} ^ {pattern:02x}"), proven);
                damaged[at] = bytes[at];
            }
            for size in 0..bytes.len() {
                self.judge(file, Some(&bytes[..size]), format_args!("the first {size} bytes"), whole);
            }
            for start in (0..bytes.len()).step_by(512) {
                let end = bytes.len().min(start + 512);
                let mut damaged = bytes.clone();
                damaged[start..end].fill(0);
                self.judge(file, Some(&damaged), format_args!("zeros from {start}"), whole);
            }
        }
    }
}

#[test]
fn damage_to_a_database_that_was_closed_with_ssts_is_named() {
    victim(true, false).sweep(false);
}

#[test]
fn damage_to_a_value_log_is_named() {
    let victim = victim_of(&Setup { value_log_threshold: 60, ..Setup::plain() }, true, false);
    let is_value_file = |path: &PathBuf| path.extension().is_some_and(|kind| kind == "vlog");
    assert!(victim.files.iter().filter(|(path, _)| is_value_file(path)).count() > 0);
    victim.sweep(false);
}

#[test]
fn damage_to_a_database_that_was_closed_with_its_data_in_the_log_is_named() {
    victim(false, false).sweep(false);
}

#[test]
fn damage_to_a_crashed_database_is_named_or_costs_what_no_sync_proves() {
    victim(true, true).sweep(true);
}

#[test]
fn a_damaged_database_is_left_as_it_is_when_it_cannot_be_opened() {
    let victim = victim(true, false);
    for (file, (_, bytes)) in victim.files.iter().enumerate() {
        for at in (0..bytes.len()).step_by(13) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            let env = victim.machine(file, Some(&damaged));
            let Err(error) = victim.setup.builder().env(Arc::new(env.clone())).open(DIR) else { continue };
            for (number, (path, bytes)) in victim.files.iter().enumerate() {
                let expected = if number == file { &damaged } else { bytes };
                let found = env.read_file(path);
                let same = found.as_ref() == Some(expected);
                assert!(same, "{} was changed, byte {at} of {file}: {error}", path.display());
            }
            let is_aside = |path: &PathBuf| path.strip_prefix(DIR).unwrap().starts_with("aside");
            assert!(!env.files().iter().any(is_aside));
        }
    }
}
