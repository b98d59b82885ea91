//! Typed tables on servers that die under load: transfers, counters and indexes are exact after each.
//!
//! `WALNUT_TRANSFERS` is the number of transfers of each client.

#![allow(clippy::print_stdout, reason = "the reports are the figures of these tests")]

use std::time::Duration;

use walnut::remote::{Engine, Failure, Serializable};
use walnut_adapter_tests::contract::until_available;
use walnut_adapter_tests::servers::{EtcdCluster, PostgresServer};
use walnut_conformance::{Options, ledger};
use walnut_etcd::Etcd;
use walnut_postgres::Postgres;

/// Runs four clients, and breaks something when a third of their work is done.
fn check<E: Engine + Serializable>(
    name: &str,
    connect: impl Fn() -> Result<E, Failure> + Sync,
    breaks: impl FnOnce(),
) {
    let mut options = Options::default();
    let transfers = std::env::var("WALNUT_TRANSFERS");
    options.transfer_count = transfers.map_or(100, |text| text.parse().expect("a number"));
    let outcome = ledger::run(connect, &options, breaks);
    println!("{name}: {outcome:?}");
    let told = outcome.unwrap_or_else(|sentence| panic!("{name}: {sentence}"));
    assert_eq!(told.unknown_count, 0, "a client learns the fate of each commit");
}

#[test]
fn postgres_that_is_restarted_at_once() {
    let mut server = PostgresServer::start();
    let text = server.text();
    check(
        "postgres, restarted",
        || Postgres::connect(&text),
        || {
            server.crash();
            server.start_again();
        },
    );
}

#[test]
fn postgres_whose_standby_is_promoted() {
    let mut server = PostgresServer::with_standby();
    let text = server.text();
    check(
        "postgres, standby promoted",
        || Postgres::connect(&text),
        || {
            server.crash();
            server.promote();
        },
    );
}

#[test]
fn etcd_whose_leader_is_killed() {
    let mut cluster = EtcdCluster::start();
    let addresses = cluster.addresses();
    check(
        "etcd, leader killed",
        || Ok(etcd(&addresses)),
        || {
            let leader = cluster.leader();
            cluster.kill(leader);
        },
    );
}

#[test]
fn etcd_whose_leader_is_cut_off() {
    let cluster = EtcdCluster::with_network();
    let addresses = cluster.addresses();
    check("etcd, leader cut off", || Ok(etcd(&addresses)), || cluster.cut(cluster.leader()));
}

/// The nodes may still be electing their first leader.
fn etcd(addresses: &[String; 3]) -> Etcd {
    let options = walnut_etcd::Options::new(addresses.clone()).timeout(Duration::from_secs(3));
    until_available(|| options.connect())
}
