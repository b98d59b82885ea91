//! Store and model side by side: random workloads under random options, with crashes everywhere, held against Rule P.
//!
//! More seeds: `WALNUT_SEEDS=10000 cargo test --release -p walnut-tests --test it model_check::`, from another first one on with
//! `WALNUT_SEED=500`. A failure prints the command that replays its seed alone.

use walnut::Database;
use walnut::remote::{Faults, Memory};
use walnut_tests::model_check::{
    Crashes, Effort, check_model, check_model_on, for_each_seed, seeds, share_of_seeds,
};
use walnut_tests::session::Session;

#[test]
fn a_store_that_crashes_anywhere_recovers_what_it_acknowledged() {
    let effort = Effort { steps: 40, crashes: Crashes::Spread(10) };
    for_each_seed("a_store_that_crashes_anywhere", seeds(60), |seed| check_model(seed, effort));
}

#[test]
fn a_store_survives_a_crash_at_every_sync() {
    let effort = Effort { steps: 12, crashes: Crashes::EverySync };
    for_each_seed("a_store_survives_a_crash_at_every_sync", seeds(200), |seed| {
        check_model(seed + 300_000, effort);
    });
}

#[test]
fn a_store_survives_a_crash_at_every_sync_under_every_policy() {
    let effort = Effort { steps: 14, crashes: Crashes::EverySyncUnderEveryPolicy };
    let seeds = share_of_seeds(3, 20);
    for_each_seed("a_store_survives_a_crash_at_every_sync_under_every_policy", seeds, |seed| {
        check_model(seed + 100_000, effort);
    });
}

#[test]
fn a_long_life_is_lived_in_step_with_the_model() {
    let effort = Effort { steps: 400, crashes: Crashes::Spread(2) };
    for_each_seed("a_long_life_is_lived_in_step", seeds(12), |seed| check_model(seed + 200_000, effort));
}

#[test]
fn clients_of_an_engine_elsewhere_live_in_step_with_the_model() {
    for_each_seed("clients_of_an_engine_elsewhere", seeds(20), |seed| {
        let engine = Memory::with_seed(seed);
        let loses_commits = seed % 2 == 1;
        if loses_commits {
            let faults = Faults { lost_before: 30, lost_after: 30, short_pages: 200, ..Faults::default() };
            engine.set_faults(faults);
        }
        check_model_on(seed + 400_000, 150, || {
            Ok(Session { loses_commits, ..Session::of(Database::on(engine.clone())?)? })
        });
    });
}
