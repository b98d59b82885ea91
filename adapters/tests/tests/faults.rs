//! Servers that die, freeze and are replaced under load: nothing acknowledged is lost, nothing is
//! done twice, and a serial order explains what every transaction has seen.
//!
//! `WALNUT_HISTORY` is the number of commits of each history.

#![allow(clippy::print_stdout, reason = "the reports are the figures of these tests")]

use std::thread;
use std::time::{Duration, Instant};

use walnut::Durability;
use walnut::remote::{Engine, Failure, Mode, Writes};
use walnut_adapter_tests::contract::{self, until_available};
use walnut_adapter_tests::servers::{EtcdCluster, PostgresServer};
use walnut_conformance::history::{self, History, Run};
use walnut_etcd::Etcd;
use walnut_postgres::Postgres;

/// The commits of a history: `default` unless the environment says otherwise.
fn commits(default: u64) -> u64 {
    std::env::var("WALNUT_HISTORY").map_or(default, |text| text.parse().expect("a number"))
}

/// A history of eight clients, which a serial order has to explain.
fn history(engine: &dyn Engine, count: u64, disturb: impl FnOnce(&Run) + Send) -> History {
    history::run(engine, 8, count, disturb).unwrap_or_else(|fault| panic!("{fault}"))
}

#[test]
fn postgres_that_is_restarted_at_once() {
    let mut server = PostgresServer::start();
    let engine = Postgres::connect(&server.text()).expect("a connection");
    let count = commits(3_000);
    let report = history(&engine, count, |run| {
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
    let report = history(&engine, count, |run| {
        run.wait_for(count / 2);
        server.crash();
        server.promote();
    });
    println!("postgres, standby promoted: {report:?}");
}

/// A frozen primary takes connections, and answers none of them.
#[test]
fn postgres_whose_primary_freezes_is_left_for_its_standby() {
    let mut server = PostgresServer::with_standby();
    let options = walnut_postgres::Options::new(&server.text()).expect("options");
    let options = options.timeout(Duration::from_secs(4));
    let engine = options.connect().expect("a connection");
    let count = commits(1_500);
    let report = history(&engine, count, |run| {
        run.wait_for(count / 2);
        server.freeze();
        server.promote();
        run.wait_for(count / 2 + 100);
        contract::put(&options.connect().expect("a first connection"), &[(b"frozen/k", Some(b"1"))]);
        server.kill();
    });
    println!("postgres, primary frozen: {report:?}");
    assert_eq!(contract::get(&engine, b"frozen/k"), Some(b"1".to_vec()));
}

#[test]
fn etcd_whose_leader_is_killed() {
    let mut cluster = EtcdCluster::start();
    let engine = etcd(&cluster);
    let count = commits(1_500);
    let report = history(&engine, count, |run| {
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
    let report = history(&engine, count, |run| {
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

#[test]
fn etcd_whose_leader_is_cut_off() {
    let cluster = EtcdCluster::with_network();
    let engine = etcd(&cluster);
    let count = commits(1_500);
    let report = history(&engine, count, |run| {
        for part in 1..4 {
            run.wait_for(count * part / 4);
            let leader = cluster.leader();
            cluster.cut(leader);
            run.wait_for(count * part / 4 + 50);
            cluster.heal(leader);
        }
    });
    println!("etcd, leader cut off three times: {report:?}");
}

/// A node without the others does not know what they have committed, so it says nothing.
#[test]
fn etcd_node_that_is_cut_off_answers_nothing_stale() {
    let cluster = EtcdCluster::with_network();
    let majority = etcd(&cluster);
    let leader = cluster.leader();
    let options = walnut_etcd::Options::new([cluster.addresses()[leader].clone()]);
    let minority = until_available(|| options.clone().timeout(Duration::from_secs(3)).connect());
    contract::put(&majority, &[(b"cut/k", Some(b"1"))]);
    assert_eq!(contract::get(&minority, b"cut/k"), Some(b"1".to_vec()));
    let mut session = contract::begin(&minority);
    session.pin().expect("a state");

    cluster.cut(leader);
    let mut changes = Writes::new();
    changes.put(b"cut/k", b"2");
    // The majority elects another leader first.
    until_done(&majority, &changes);
    let outcome = minority.begin(Mode::One).expect("a session").get_many(&[b"cut/k"]);
    assert!(matches!(outcome, Err(Failure::Unavailable(_))), "{outcome:?}");
    changes.put(b"cut/k", b"3");
    let outcome = contract::begin(&minority).commit(&changes, Durability::Safe);
    assert!(matches!(outcome, Err(Failure::CommitUnknown(_))), "{outcome:?}");
    // A state that was chosen before is read on: it does not change.
    assert_eq!(session.get_many(&[b"cut/k"]), Ok(vec![Some(b"1".to_vec())]));

    cluster.heal(leader);
    let found = until_available(|| minority.begin(Mode::One)?.get_many(&[b"cut/k"]));
    assert!(found[0] == Some(b"2".to_vec()) || found[0] == Some(b"3".to_vec()), "{found:?}");
    let outcome = session.commit(&changes, Durability::Safe);
    assert_eq!(outcome, Err(Failure::Conflict), "what it has read has changed");
}

#[test]
fn postgres_that_only_reads_is_refused() {
    let server = PostgresServer::with_standby();
    let text = server.text().replace(&format!("{},", server.port), "").replace("127.0.0.1,", "");
    let failure = Postgres::connect(&text).expect_err("a standby");
    assert!(matches!(failure, Failure::Refused(_)), "{failure:?}");
    contract::assert_says(
        &failure,
        "only reads",
        &format!("127.0.0.1:{}", server.standby_port),
        "walnut dbname",
    );
}

/// The server answers a commit with success when it is told not to wait for its standby any more.
#[test]
fn postgres_that_stops_waiting_for_its_standby_has_acknowledged_nothing() {
    let mut server = PostgresServer::with_standby();
    let engine = Postgres::connect(&server.text()).expect("a connection");
    server.crash_standby();
    let mut changes = Writes::new();
    changes.put(b"wait/k", b"1");
    let mut session = contract::begin(&engine);
    session.pin().expect("a state");
    let outcome = thread::scope(|scope| {
        let commit = scope.spawn(|| session.commit(&changes, Durability::Safe));
        while !commit.is_finished() {
            server.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
        }
        commit.join().expect("an answer")
    });
    match outcome {
        Err(Failure::CommitUnknown(text)) => assert!(text.contains("standby"), "{text}"),
        other => panic!("{other:?}"),
    }
    // It is there all the same, for as long as this server lives.
    assert_eq!(contract::get(&engine, b"wait/k"), Some(b"1".to_vec()));
}

/// Commits, as often as it takes.
fn until_done(engine: &Etcd, changes: &Writes) {
    let begun = Instant::now();
    while let Err(failure) = contract::begin(engine).commit(changes, Durability::Safe) {
        assert!(begun.elapsed() < Duration::from_secs(60), "{failure:?}");
    }
}

fn etcd(cluster: &EtcdCluster) -> Etcd {
    let options = walnut_etcd::Options::new(cluster.addresses()).timeout(Duration::from_secs(3));
    until_available(|| options.connect())
}
