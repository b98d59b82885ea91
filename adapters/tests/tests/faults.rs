//! Servers that die, freeze and are replaced under load: nothing acknowledged is lost, nothing is
//! done twice, and a serial order explains what every transaction has seen.
//!
//! `WALNUT_HISTORY` is the number of commits of each history.

#![allow(clippy::print_stdout, reason = "the reports are the figures of these tests")]

use std::time::Duration;

use walnut_adapter_tests::contract::until_available;
use walnut_adapter_tests::history::Run;
use walnut_adapter_tests::servers::{EtcdCluster, PostgresServer};
use walnut_etcd::Etcd;
use walnut_postgres::Postgres;

/// The commits of a history: `default` unless the environment says otherwise.
fn commits(default: u64) -> u64 {
    std::env::var("WALNUT_HISTORY").map_or(default, |text| text.parse().expect("a number"))
}

#[test]
fn postgres_that_is_restarted_at_once() {
    let mut server = PostgresServer::start();
    let engine = Postgres::connect(&server.text()).expect("a connection");
    let count = commits(3_000);
    let report = Run::check(&engine, 8, count, |run| {
        for part in 1..4 {
            run.wait_for(count * part / 4);
            server.crash();
            server.start_again();
        }
    });
    println!("postgres, restarted three times: {report:?}");
}

#[test]
fn postgres_whose_standby_is_promoted() {
    let mut server = PostgresServer::with_standby();
    let engine = Postgres::connect(&server.text()).expect("a connection");
    let count = commits(3_000);
    let report = Run::check(&engine, 8, count, |run| {
        run.wait_for(count / 2);
        server.crash();
        server.promote();
    });
    println!("postgres, standby promoted: {report:?}");
}

#[test]
fn etcd_whose_leader_is_killed() {
    let mut cluster = EtcdCluster::start();
    let engine = etcd(&cluster);
    let count = commits(1_500);
    let report = Run::check(&engine, 8, count, |run| {
        for part in 1..4 {
            run.wait_for(count * part / 4);
            let leader = cluster.leader();
            cluster.kill(leader);
            run.wait_for(count * part / 4 + 50);
            cluster.start_again(leader);
        }
    });
    println!("etcd, leader killed three times: {report:?}");
}

#[test]
fn etcd_whose_nodes_freeze_in_turn() {
    let cluster = EtcdCluster::start();
    let engine = etcd(&cluster);
    let count = commits(1_500);
    let report = Run::check(&engine, 8, count, |run| {
        for node in 0..3 {
            let reached = count * (node as u64 + 1) / 4;
            run.wait_for(reached);
            cluster.freeze(node);
            run.wait_for(reached + 50);
            cluster.thaw(node);
        }
    });
    println!("etcd, each node frozen once: {report:?}");
}

fn etcd(cluster: &EtcdCluster) -> Etcd {
    let options = walnut_etcd::Options::new(cluster.addresses()).timeout(Duration::from_secs(3));
    until_available(|| options.connect())
}
