//! The reference engine conforms: when all is well, under every fault that it has, and within the limits of small engines.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use walnut::remote::{Faults, Limits, Memory};
use walnut_conformance::{Options, history, ledger, run};

fn options(seed: u64) -> Options {
    let mut options = Options::default();
    options.seed = seed;
    options
}

#[test]
fn the_reference_engine_conforms() {
    let report = run(|| Ok(Memory::new()), &options(1));
    assert!(report.is_ok(), "{report}");
    assert!(report.checks().len() > 20);
}

#[test]
fn it_conforms_on_one_engine_with_everything_that_others_have_left() {
    let memory = Memory::new();
    let report = run(|| Ok(memory.clone()), &options(2));
    assert!(report.is_ok(), "{report}");
    assert_eq!(memory.open_session_count(), 0);
}

#[test]
fn it_conforms_within_the_limits_of_small_engines() {
    let memory = Memory::new();
    memory.set_limits(Limits {
        key: 1 << 10,
        value: 100_000,
        commit_size: 1 << 20,
        commit_count: 128,
        ranges: 0,
        ..Limits::default()
    });
    let report = run(|| Ok(memory.clone()), &options(3));
    assert!(report.is_ok(), "{report}");
}

/// Those of `FoundationDB`. Its adapter has a simulation of them, too.
#[test]
fn it_conforms_within_the_limits_of_foundation_db() {
    let memory = Memory::new();
    memory.set_limits(Limits {
        key: 10_000,
        value: 100_000,
        commit_size: 10_000_000,
        max_age: Some(Duration::from_secs(5)),
        ..Limits::default()
    });
    let report = run(|| Ok(memory.clone()), &options(4));
    assert!(report.is_ok(), "{report}");
}

#[test]
fn a_serial_order_explains_a_history_whatever_fails() {
    let count = std::env::var("WALNUT_HISTORY").map_or(2_000, |text| text.parse().expect("a number"));
    let memory = Memory::with_seed(5);
    memory.set_faults(Faults {
        unavailable: 20,
        conflict: 20,
        lost_before: 30,
        lost_after: 30,
        late: 30,
        short_pages: 200,
    });
    let history = history::run(&memory, 6, count, |run| {
        run.wait_for(count);
        memory.set_faults(Faults::default());
        memory.deliver();
    });
    let history = history.unwrap_or_else(|fault| panic!("{fault}"));
    assert!(history.done >= count && history.unknown_done > 0 && history.unknown_not_done > 0, "{history:?}");
}

#[test]
fn no_transfer_is_lost_or_done_twice_whatever_fails() {
    for seed in 0..3 {
        let memory = Memory::with_seed(seed);
        memory.set_faults(Faults {
            unavailable: 20,
            conflict: 20,
            lost_before: 40,
            lost_after: 40,
            late: 40,
            short_pages: 200,
        });
        // The last one to connect counts up what is there.
        let connected = AtomicUsize::new(0);
        let connect = || {
            if connected.fetch_add(1, Ordering::Relaxed) == options(seed).client_count + 1 {
                memory.set_faults(Faults::default());
            }
            Ok(memory.clone())
        };
        let ledger = ledger::run(connect, &options(seed), || memory.expire_sessions());
        let ledger = ledger.unwrap_or_else(|fault| panic!("seed {seed}: {fault}"));
        assert!(memory.unknown_count() > 20, "{} replies were lost", memory.unknown_count());
        assert_eq!(
            (ledger.done_count, ledger.unknown_count, ledger.failed_count),
            (400, 0, 0),
            "seed {seed}"
        );
    }
}
