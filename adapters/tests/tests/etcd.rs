//! etcd keeps the contract, and refuses what is not its own.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use walnut::Durability;
use walnut::remote::{Engine as _, Failure, Mode, Writes};
use walnut_adapter_tests::contract::{self, assert_says};
use walnut_adapter_tests::network::{Proxy, server_that_says, unused_address};
use walnut_adapter_tests::servers::EtcdCluster;
use walnut_adapter_tests::shared::Shared;
use walnut_etcd::{Etcd, Options};

static CLUSTER: Shared<EtcdCluster> = Shared::new();

fn start() -> (Arc<EtcdCluster>, Etcd) {
    let cluster = CLUSTER.get(EtcdCluster::start);
    let engine = contract::until_available(|| Etcd::connect(cluster.addresses()));
    (cluster, engine)
}

mod contract_tests {
    walnut_adapter_tests::contract!(super::start);
    walnut_adapter_tests::contract!(super::start: a_change_elsewhere_is_no_conflict);
}

#[test]
fn a_lost_reply_is_unknown() {
    let (cluster, witness) = start();
    let proxy = Proxy::start(cluster.addresses()[0].parse().expect("an address"));
    let options = Options::new([proxy.address.to_string()]).timeout(Duration::from_secs(3));
    let engine = options.connect().expect("a connection");
    contract::a_lost_reply_is_unknown(&engine, &witness, &proxy, "lost");
    drop((engine, witness, cluster));
}

#[test]
fn a_node_that_cannot_be_reached_is_left_for_the_next() {
    let (cluster, engine) = start();
    drop(engine);
    let silent = server_that_says(b"");
    let addresses = [unused_address().to_string(), silent.to_string(), cluster.addresses()[1].clone()];
    let engine = Options::new(addresses).timeout(Duration::from_secs(3)).connect().expect("one answers");
    contract::put(&engine, &[(b"left/k", Some(b"1"))]);
    assert_eq!(contract::get(&engine, b"left/k"), Some(b"1".to_vec()));
    drop((engine, cluster));
}

#[test]
fn a_cluster_that_cannot_be_reached_is_unavailable() {
    for address in [
        unused_address(),
        server_that_says(b""),
        server_that_says(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        server_that_says(&[255; 100]),
    ] {
        let options =
            Options::new([address.to_string()]).timeout(Duration::from_millis(500)).user("u", "hunter2");
        let failure = options.connect().expect_err("no server");
        assert!(matches!(failure, Failure::Unavailable(_) | Failure::Other(_)), "{failure:?}");
        assert_says(&failure, "etcd at", &address.to_string(), "hunter2");
    }
}

#[test]
fn keys_of_others_are_refused() {
    let (cluster, engine) = start();
    cluster.ctl(&["put", "foreign/a", "1"]);
    cluster.ctl(&["put", "later/m", "walnut 9"]);
    for (name, word) in [("foreign", "another program"), ("later", "later version")] {
        let failure = Options::new(cluster.addresses()).name(name).connect().expect_err("not its own");
        assert!(matches!(failure, Failure::Refused(_)), "{failure:?}");
        assert_says(&failure, word, "etcd at", "");
    }
    assert_eq!(cluster.ctl(&["get", "--prefix", "--keys-only", "foreign/"]).trim(), "foreign/a");
    drop((engine, cluster));
}

#[test]
fn two_names_are_two_databases() {
    let (cluster, one) = start();
    let options = Options::new(cluster.addresses()).name("other");
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| options.connect().expect("a connection"));
        }
    });
    let other = options.connect().expect("a connection");
    contract::put(&one, &[(b"names/k", Some(b"1"))]);
    assert_eq!(contract::get(&other, b"names/k"), None);
    assert!(other.name().starts_with("etcd at 127.0.0.1:"));
    drop((one, other, cluster));
}

#[test]
fn options_that_make_no_sense_are_refused_without_their_secrets() {
    let none: [&str; 0] = [];
    let wrong = [
        Options::new(none),
        Options::new(["https://n1:2379"]),
        Options::new(["root:hunter2@n1:2379"]),
        Options::new(["n1 2379"]),
        Options::new(["n1:2379"]).name(""),
        Options::new(["n1:2379"]).name("a/b"),
    ];
    for options in wrong {
        let failure = options.user("root", "hunter2").connect().expect_err("no options");
        assert!(matches!(failure, Failure::Refused(_)), "{failure:?}");
        assert_says(&failure, "etcd", "", "hunter2");
    }
    let options = Options::new(["n1:2379"]).user("root", "hunter2");
    assert!(!format!("{options:?}").contains("hunter2"));
}

/// A cluster of its own: what it does to the cluster would disturb others.
#[test]
fn history_that_was_compacted_is_too_old_and_a_user_is_asked_for() {
    let cluster = EtcdCluster::start();
    let engine = contract::until_available(|| Etcd::connect(cluster.addresses()));
    let mut session = engine.begin(Mode::Read).expect("a session");
    session.pin().expect("a state");
    let mut older = contract::begin(&engine);
    assert_eq!(older.get_many(&[b"compacted/k"]), Ok(vec![None]));
    for _ in 0..5 {
        contract::put(&engine, &[(b"compacted/k", Some(b"1"))]);
        contract::put(&engine, &[(b"compacted/k", None)]);
    }
    let status = cluster.ctl(&["get", "none", "-w", "fields"]);
    let revision = status.lines().find_map(|line| line.strip_prefix("\"Revision\" : ")).expect("a revision");
    cluster.ctl(&["compaction", revision]);
    assert_eq!(session.get_many(&[b"compacted/k"]), Err(Failure::TooOld));
    assert_eq!(contract::get(&engine, b"compacted/k"), None);
    // What it compares is still there after a compaction.
    let mut changes = Writes::new();
    changes.put(b"compacted/other", b"1");
    assert_eq!(older.commit(&changes, Durability::Safe), Ok(()));

    for arguments in [
        &["user", "add", "root:hunter2"][..],
        &["role", "add", "root"],
        &["user", "grant-role", "root", "root"],
        &["auth", "enable"],
    ] {
        cluster.ctl(arguments);
    }
    let outcome = engine.begin(Mode::One).expect("a session").get_many(&[b"k"]);
    assert!(matches!(outcome, Err(Failure::Refused(_))), "{outcome:?}");
    let options = Options::new(cluster.addresses()).user("root", "hunter3");
    let failure = options.connect().expect_err("a wrong password");
    assert!(matches!(failure, Failure::Refused(_)), "{failure:?}");
    assert_says(&failure, "password", "etcd at", "hunter3");
    let engine = options.user("root", "hunter2").connect().expect("the password");
    contract::put(&engine, &[(b"auth/k", Some(b"1"))]);
    assert_eq!(contract::get(&engine, b"auth/k"), Some(b"1".to_vec()));
    assert!(!format!("{engine:?}").contains("hunter2"));
}
