//! The adapter on a simulation of FoundationDB. It was not run on FoundationDB.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod simulated;

use simulated::Cluster;
use walnut::Durability;
use walnut::remote::{Engine as _, Failure, Mode, Writes};
use walnut_conformance::{Options, run};
use walnut_fdb::{COMMIT_COUNT, COMMIT_SIZE, Fdb};

fn engine(cluster: &Cluster) -> Fdb<Cluster> {
    Fdb::open(cluster.clone()).expect("it is empty, or its own")
}

#[test]
fn the_adapter_conforms() {
    let cluster = Cluster::default();
    let report = run(|| Fdb::open(cluster.clone()), &Options::default());
    assert!(report.is_ok(), "{report}");
}

#[test]
fn it_conforms_while_replies_are_lost() {
    let cluster = Cluster::default();
    cluster.lose_every(7);
    let mut options = Options::default();
    options.seed = 2;
    let report = run(|| Fdb::open(cluster.clone()), &options);
    // The checks of the contract itself meet the loss of a reply where they expect an answer.
    let is_of_tables = |name: &str| !name.starts_with("contract");
    for check in report.checks().iter().filter(|check| is_of_tables(check.name())) {
        assert_eq!(check.fault(), None, "{report}");
    }
}

#[test]
fn an_adapter_that_does_not_declare_what_it_writes_as_read_does_not_conform() {
    let cluster = Cluster::without_declarations();
    let report = run(|| Fdb::open(cluster.clone()), &Options::default());
    assert!(!report.is_ok(), "blind writes do not conflict on FoundationDB");
}

fn put(engine: &Fdb<Cluster>, key: &[u8], value: &[u8]) -> Result<(), Failure> {
    let mut writes = Writes::new();
    writes.put(key, value);
    engine.begin(Mode::Write)?.commit(&writes, Durability::Safe)
}

#[test]
fn what_the_limits_permit_the_cluster_takes_and_no_more() {
    let cluster = Cluster::default();
    let engine = engine(&cluster);
    let limits = engine.limits();
    put(&engine, &vec![1; limits.key], &vec![2; limits.value]).unwrap();
    for (key, value) in [(limits.key + 1, 1), (1, limits.value + 1)] {
        let refused = put(&engine, &vec![1; key], &vec![2; value]);
        assert!(matches!(refused, Err(Failure::TooLarge(_))), "{refused:?}");
    }
    // The worst commits: of keys alone, long ones and short ones.
    for (count, size) in [(COMMIT_SIZE / limits.key, limits.key), (COMMIT_COUNT, 8)] {
        let mut writes = Writes::new();
        for number in 0..count {
            let mut key = number.to_be_bytes().to_vec();
            key.resize(size, 7);
            writes.put(&key, b"");
        }
        engine.begin(Mode::Write).unwrap().commit(&writes, Durability::Safe).unwrap();
        assert!(cluster.largest() < 10_000_000, "{}", cluster.largest());
    }
}

#[test]
fn a_session_of_more_than_five_seconds_is_too_old() {
    let cluster = Cluster::default();
    let engine = engine(&cluster);
    let mut session = engine.begin(Mode::Write).unwrap();
    session.pin().unwrap();
    cluster.pass_five_seconds();
    assert_eq!(session.get_many(&[b"k"]), Err(Failure::TooOld));
    let mut session = engine.begin(Mode::Write).unwrap();
    session.pin().unwrap();
    cluster.pass_five_seconds();
    let mut writes = Writes::new();
    writes.put(b"k", b"v");
    assert_eq!(session.commit(&writes, Durability::Safe), Err(Failure::TooOld));
}

#[test]
fn keys_of_others_are_refused_and_names_are_apart() {
    let cluster = Cluster::default();
    cluster.set(b"foreign/a", b"1");
    cluster.set(b"later/m", b"walnut 9");
    for (name, word) in [("foreign", "another program"), ("later", "later version"), ("a/b", "letters")] {
        let Err(Failure::Refused(text)) = Fdb::named(cluster.clone(), name) else { panic!("{name}") };
        assert!(text.contains(word) && text.contains("foundationdb at simulated"), "{text}");
    }
    let (one, other) = (engine(&cluster), Fdb::named(cluster.clone(), "other").unwrap());
    put(&one, b"k", b"1").unwrap();
    assert_eq!(other.begin(Mode::One).unwrap().get_many(&[b"k"]), Ok(vec![None]));
    assert_eq!(engine(&cluster).begin(Mode::One).unwrap().get_many(&[b"k"]), Ok(vec![Some(b"1".to_vec())]));
}
