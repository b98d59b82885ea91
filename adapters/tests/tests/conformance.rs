//! The public conformance suite, as the author of an adapter runs it.

use walnut_adapter_tests::contract::until_available;
use walnut_adapter_tests::servers::{EtcdCluster, PostgresServer};
use walnut_conformance::{Options, run};
use walnut_etcd::Etcd;
use walnut_postgres::Postgres;

#[test]
fn postgres() {
    let server = PostgresServer::start();
    let report = run(|| Postgres::connect(&server.text()), &Options::default());
    assert!(report.is_ok(), "{report}");
}

#[test]
fn etcd() {
    let cluster = EtcdCluster::start();
    until_available(|| Etcd::connect(cluster.addresses()));
    let report = run(|| Etcd::connect(cluster.addresses()), &Options::default());
    assert!(report.is_ok(), "{report}");
}
