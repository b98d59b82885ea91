//! The conformance suite for adapters of [Walnut](walnut::remote): it takes an engine and says what
//! of the contract it keeps.
//!
//! ```
//! use walnut::remote::Memory;
//! use walnut_conformance::{Options, run};
//!
//! let mut options = Options::default();
//! options.seed = 7;
//! options.transfer_count = 200;
//! let report = run(|| Ok(Memory::new()), &options);
//! assert!(report.is_ok(), "{report}");
//! ```
//!
//! | part | what it asks |
//! |---|---|
//! | `contract` | order and paging, one state, conflicts over keys, absent keys and ranges, limits, dropped sessions |
//! | `tables` | typed statements against a map, unique values, two programs with different structs, dropped tables, builds by several clients |
//! | `ledger` | transfers and counters of several clients at once; no commit is lost, none is done twice, every index entry is one that a row asks for |
//! | `history` | several clients append to lists; afterwards one serial order has to explain what each of them has seen |
//!
//! Each check has an engine that the factory returns: an empty one, or one that holds what earlier
//! checks have left, as a server does. Checks therefore use names and keys of their own.
//!
//! [`ledger::run`] and [`history::run`] take a closure that is called while the clients work. An adapter's own tests
//! kill and restart their servers there.

mod contract;
pub mod history;
pub mod ledger;
mod report;
mod tables;

use std::fmt::Debug;

use walnut::remote::{Engine, Failure, Serializable};

pub use report::{Check, Report};

/// What the suite does how often.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// What random choices follow from.
    pub seed: u64,
    /// Statements of the random program over tables.
    pub statement_count: usize,
    /// Transfers of each client of the ledger.
    pub transfer_count: usize,
    /// Clients of the ledger, each a database of its own, and of the history.
    pub client_count: usize,
    /// Commits of the history. Before an adapter is released, 20,000 are a good number.
    pub history_count: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 0, statement_count: 300, transfer_count: 100, client_count: 4, history_count: 1000 }
    }
}

/// A name that no run before had, for keys and tables of one check on an engine that keeps data.
pub(crate) fn unique_name(what: &str) -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{SystemTime, UNIX_EPOCH};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    format!("{what}-{since:x}-{:x}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Runs every check, each on an engine that `factory` returns. All engines of one run are clients
/// of the same data, or each has its own.
pub fn run<E, F>(factory: F, options: &Options) -> Report
where
    E: Engine + Serializable + Clone,
    F: Fn() -> Result<E, Failure>,
{
    let mut report = Report::default();
    for (name, check) in contract::checks() {
        report.add(name, factory().map_err(described).and_then(|engine| check(&engine)));
    }
    for (name, check) in tables::checks::<E>() {
        report.add(name, factory().map_err(described).and_then(|engine| check(&engine, options)));
    }
    let ledger = factory()
        .map_err(described)
        .and_then(|engine| ledger::run(|| Ok(engine.clone()), options, || ()).map(drop));
    report.add("ledger: no commit is lost or done twice, and indexes are exact", ledger);
    let history = factory().map_err(described).and_then(|engine| {
        history::run(&engine, options.client_count as u64, options.history_count, |_| ()).map(drop)
    });
    report.add("history: a serial order explains what every transaction has seen", history);
    report
}

/// Why a check failed, as a sentence.
pub(crate) type Outcome = Result<(), String>;

pub(crate) fn described(error: impl Debug) -> String {
    format!("{error:?}")
}

/// Fails a check unless a condition holds.
pub(crate) fn ensure(holds: bool, sentence: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(sentence()) }
}
