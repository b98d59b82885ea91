//! PostgreSQL keeps the contract, and refuses what is not its own.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use walnut::remote::{Engine as _, Failure};
use walnut_adapter_tests::contract::{self, assert_says};
use walnut_adapter_tests::network::{Proxy, server_that_says, unused_address};
use walnut_adapter_tests::servers::PostgresServer;
use walnut_adapter_tests::shared::Shared;
use walnut_postgres::{Dialect, Options, Postgres};

static SERVER: Shared<PostgresServer> = Shared::new();

fn start() -> (Arc<PostgresServer>, Postgres) {
    let server = SERVER.get(PostgresServer::start);
    let engine = Postgres::connect(&server.text()).expect("a connection");
    (server, engine)
}

mod contract_tests {
    walnut_adapter_tests::contract!(super::start);
}

fn through_proxy() -> (Arc<PostgresServer>, Proxy, Postgres) {
    let server = SERVER.get(PostgresServer::start);
    let proxy = Proxy::start(([127, 0, 0, 1], server.port).into());
    let text = server.text().replace(&server.port.to_string(), &proxy.address.port().to_string());
    let options = Options::new(&text).expect("options").timeout(Duration::from_secs(3));
    let engine = options.connect().expect("a connection");
    (server, proxy, engine)
}

#[test]
fn a_lost_reply_is_unknown() {
    let (server, proxy, engine) = through_proxy();
    let witness = Options::new(&server.text()).expect("options").connect().expect("a connection");
    contract::a_lost_reply_is_unknown(&engine, &witness, &proxy, "lost");
    drop((engine, witness, server));
}

#[test]
fn a_server_that_cannot_be_reached_is_unavailable() {
    for address in [unused_address(), server_that_says(b"")] {
        let text = format!("host=127.0.0.1 port={} user=u password=hunter2", address.port());
        let options = Options::new(&text).expect("options").timeout(Duration::from_millis(300));
        let failure = options.connect().expect_err("no server");
        assert!(matches!(failure, Failure::Unavailable(_)), "{failure:?}");
        assert_says(&failure, "postgres at", &address.to_string(), "hunter2");
    }
}

#[test]
fn a_server_that_answers_with_garbage_is_no_server() {
    for answer in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        b"\0\0\0\0\0\0\0\0\0\0\0\0",
        b"R\x7f\xff\xff\xff\0\0\0\0",
        &[255; 100],
    ] {
        let address = server_that_says(answer);
        let text = format!("host=127.0.0.1 port={} user=u password=hunter2", address.port());
        let options = Options::new(&text).expect("options").timeout(Duration::from_millis(500));
        let failure = options.connect().expect_err("no server");
        assert_says(&failure, "postgres at", &address.to_string(), "hunter2");
    }
}

#[test]
fn a_server_that_refuses_says_why() {
    let (server, engine) = start();
    let address = format!("127.0.0.1:{}", server.port);
    let text = server.text();
    server.sql("CREATE TABLE foreign_kv (k bytea PRIMARY KEY, v bytea NOT NULL, more int)");
    server.sql("CREATE TABLE foreign_keys (k text PRIMARY KEY, v bytea NOT NULL)");
    server.sql("CREATE TABLE without_key (k bytea NOT NULL, v bytea NOT NULL)");
    server.sql("CREATE VIEW a_view AS SELECT k, v FROM without_key");
    server.sql("CREATE ROLE reader LOGIN PASSWORD 'walnut'");
    let refused = |options: &Options, word: &str, secret: &str| {
        let failure = options.connect().expect_err(word);
        assert!(matches!(failure, Failure::Refused(_)), "{failure:?}");
        assert_says(&failure, word, &address, secret);
    };
    let options = |text: &str| Options::new(text).expect("options");
    refused(&options(&text.replace("password=walnut", "password=hunter2")), "password", "hunter2");
    refused(&options(&text.replace("dbname=postgres", "dbname=none")), "does not exist", "");
    refused(
        &options(&text.replace("user=walnut", "user=reader")).table("of_reader"),
        "permission denied",
        "",
    );
    refused(&options(&format!("{text} options='-c synchronous_commit=off'")), "synchronous_commit", "");
    refused(&options(&format!("{text} options='-c default_transaction_read_only=on'")), "only reads", "");
    for table in ["foreign_kv", "foreign_keys", "without_key", "a_view"] {
        refused(&options(&text).table(table), "another program", "");
    }
    drop((engine, server));
}

#[test]
fn options_that_make_no_sense_are_refused_without_their_secrets() {
    for text in [
        "",
        "user=u",
        "host=a port=nine password=hunter2",
        "host=a hunter2",
        "host=a sslmode=require",
        "postgresql://u:hunter2@a:b/c",
    ] {
        let failure = Options::new(text).expect_err(text);
        assert!(matches!(failure, Failure::Refused(_)), "{failure:?}");
        assert_says(&failure, "postgres", "", "hunter2");
    }
    let options = Options::new("host=a user=u password=hunter2").expect("options");
    assert!(!format!("{options:?}").contains("hunter2"));
    let failure = options.table("a\"; DROP TABLE b").connect().expect_err("no name");
    assert_says(&failure, "name", "postgres", "hunter2");
}

#[test]
fn two_tables_are_two_databases() {
    let (server, one) = start();
    let options = Options::new(&server.text()).expect("options").table("other_kv");
    // Many clients come at the same time, and one of them creates the table.
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| options.connect().expect("a connection"));
        }
    });
    let other = options.connect().expect("a connection");
    contract::put(&one, &[(b"tables/k", Some(b"1"))]);
    assert_eq!(contract::get(&other, b"tables/k"), None);
    assert!(!format!("{one:?}").contains("password"));
    assert_eq!(other.name(), format!("postgres at 127.0.0.1:{}", server.port));
    assert_eq!(other.dialect(), Dialect::Postgres);
    drop((one, other, server));
}

#[test]
fn a_pool_that_is_in_use_makes_others_wait_and_not_for_ever() {
    let server = SERVER.get(PostgresServer::start);
    let options = Options::new(&server.text()).expect("options").pool(2).timeout(Duration::from_secs(5));
    let engine = options.connect().expect("a connection");
    let mut held: Vec<_> = (0..2).map(|_| contract::begin(&engine)).collect();
    for session in &mut held {
        session.pin().expect("a state");
    }
    let outcome = contract::begin(&engine).pin();
    assert!(matches!(outcome, Err(Failure::Unavailable(_))), "{outcome:?}");
    drop(held);
    contract::begin(&engine).pin().expect("a state");
    drop((engine, server));
}
