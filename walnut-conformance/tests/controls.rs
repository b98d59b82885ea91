//! Negative controls: without a part of what keeps tables exact, the suite says so.

use std::sync::atomic::{AtomicUsize, Ordering};

use walnut::Durability;
use walnut::remote::{Engine, Failure, Faults, Limits, Memory, Mode, Page, Serializable, Session, Writes};
use walnut_conformance::{Options, Report, ledger, run};

/// The letters of slots and stamps in the catalog.
const SLOT: u8 = b'c';
const STAMP: u8 = b'v';

/// The reference engine, with something wrong.
#[derive(Clone, Debug)]
struct Broken {
    memory: Memory,
    fault: Fault,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    /// Slots are forgotten.
    NoSlots,
    /// Stamps never change.
    NoStamps,
    /// Conflicts are not seen: each commit is one of a session that has read nothing.
    Blind,
    /// Scans in reverse leave out the last entry of a page.
    SkipsEntries,
}

struct BrokenSession {
    broken: Broken,
    session: Box<dyn Session>,
}

impl Engine for Broken {
    fn name(&self) -> String {
        self.memory.name()
    }

    fn limits(&self) -> Limits {
        self.memory.limits()
    }

    fn begin(&self, mode: Mode) -> Result<Box<dyn Session>, Failure> {
        Ok(Box::new(BrokenSession { broken: self.clone(), session: self.memory.begin(mode)? }))
    }
}

impl Serializable for Broken {}

impl Session for BrokenSession {
    fn pin(&mut self) -> Result<(), Failure> {
        self.session.pin()
    }

    fn get_many(&mut self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, Failure> {
        let mut values = self.session.get_many(keys)?;
        if self.broken.fault == Fault::NoStamps {
            let stamps = keys.iter().zip(&mut values).filter(|(key, _)| is_catalog(key, STAMP));
            stamps.for_each(|(_, value)| *value = Some(u64::MAX.to_le_bytes().to_vec()));
        }
        Ok(values)
    }

    fn scan(
        &mut self,
        start: &[u8],
        end: Option<&[u8]>,
        limit: usize,
        reverse: bool,
    ) -> Result<Page, Failure> {
        let mut page = self.session.scan(start, end, limit, reverse)?;
        if self.broken.fault == Fault::SkipsEntries && reverse {
            page.entries.pop();
        }
        Ok(page)
    }

    fn commit(self: Box<Self>, writes: &Writes, durability: Durability) -> Result<(), Failure> {
        let mut kept = Writes::new();
        writes.ranges().for_each(|(start, end)| kept.remove_range(start, end));
        for (key, value) in writes.keys() {
            match value {
                _ if self.broken.fault == Fault::NoSlots && is_catalog(key, SLOT) => {}
                Some(value) => kept.put(key, value),
                None => kept.remove(key),
            }
        }
        if self.broken.fault != Fault::Blind {
            return self.session.commit(&kept, durability);
        }
        let mut session = self.broken.memory.begin(Mode::Write)?;
        session.pin()?;
        session.commit(&kept, durability)
    }
}

fn is_catalog(key: &[u8], letter: u8) -> bool {
    key.starts_with(&[0, 0, 0, 0, letter])
}

fn broken(fault: Fault) -> Broken {
    Broken { memory: Memory::with_seed(1), fault }
}

fn failed(report: &Report) -> String {
    let failed = report.checks().iter().filter(|check| check.fault().is_some());
    let lines: Vec<_> =
        failed.map(|check| format!("{}: {}", check.name(), check.fault().unwrap_or_default())).collect();
    lines.join("\n")
}

#[test]
fn without_slots_commits_are_done_twice() {
    let engine = broken(Fault::NoSlots);
    // The first to connect opens the accounts.
    let connected = AtomicUsize::new(0);
    let connect = || {
        if connected.fetch_add(1, Ordering::Relaxed) == 1 {
            engine.memory.set_faults(Faults { lost_after: 100, ..Faults::default() });
        }
        Ok(engine.clone())
    };
    let fault = ledger::run(connect, &Options::default(), || ()).expect_err("commits are done twice");
    assert!(fault.contains("acknowledged commits"), "{fault}");
}

#[test]
fn without_stamps_a_program_leaves_out_the_index_entries_of_another_one() {
    let engine = broken(Fault::NoStamps);
    let failed = failed(&run(|| Ok(engine.clone()), &Options::default()));
    assert!(failed.contains("a program that lacks an index of another one"), "{failed}");
    assert!(failed.contains("an index is dropped by name only"), "{failed}");
}

#[test]
fn an_engine_that_sees_no_conflicts_does_not_conform() {
    let engine = broken(Fault::Blind);
    let report = run(|| Ok(engine.clone()), &Options::default());
    let failed = failed(&report);
    for check in [
        "two commits of one key",
        "a changed key that was read",
        "was absent",
        "a scanned range",
        "write skew",
        "a serial order",
    ] {
        assert!(failed.contains(check), "{check} is not in\n{failed}");
    }
    assert!(failed.contains("ledger"), "{failed}");
}

#[test]
fn an_engine_that_leaves_out_entries_does_not_conform() {
    let failed = failed(&run(|| Ok(broken(Fault::SkipsEntries)), &Options::default()));
    assert!(failed.contains("pages give every entry once"), "{failed}");
}
