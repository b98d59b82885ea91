//! What statements cost on PostgreSQL and etcd: round trips, milliseconds, commits a second.
//!
//! `cargo run --release -p walnut-adapter-tests --bin figures` starts the servers on this machine, so
//! a round trip is over loopback, and clients and servers share the processors.

#![allow(clippy::print_stdout, reason = "a program that prints")]
#![allow(clippy::cast_precision_loss, reason = "figures are approximate")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use walnut::remote::{Engine, Failure, Serializable};
use walnut::{Database, DefaultTable, Error, Table};
use walnut_adapter_tests::contract::until_available;
use walnut_adapter_tests::counted::Counted;
use walnut_adapter_tests::servers::{EtcdCluster, PostgresServer};
use walnut_etcd::Etcd;
use walnut_postgres::Options;

/// Statements of each kind.
const COUNT: u64 = 300;
/// Rows before anything is measured.
const ROWS: u64 = 2000;
/// How long each number of clients is measured.
const LONG: Duration = Duration::from_secs(4);

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
struct User {
    #[primary_key]
    id: u64,
    #[index(unique)]
    email: String,
    #[index]
    age: u64,
}

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Order {
    #[primary_key]
    id: u64,
    #[index]
    user: u64,
}

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Stock {
    #[primary_key]
    item: u64,
    count: u64,
}

fn user(id: u64, age: u64) -> User {
    User { id, email: format!("user{id}@example.org"), age }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = PostgresServer::start();
    let connect = || Options::new(&server.text())?.pool(80).connect();
    measure("PostgreSQL 15", connect)?;
    drop(server);
    let cluster = EtcdCluster::start();
    until_available(|| Etcd::connect(cluster.addresses()));
    measure("etcd 3.4, three nodes", || Etcd::connect(cluster.addresses()))?;
    Ok(())
}

fn measure<E: Engine + Serializable + Clone>(
    name: &str,
    connect: impl Fn() -> Result<E, Failure>,
) -> Result<(), Box<dyn std::error::Error>> {
    let engine = Counted::new(connect()?);
    let db = Database::on(engine.clone())?;
    let users = db.table::<User>()?;
    for batch in (0..ROWS).collect::<Vec<_>>().chunks(20) {
        users.insert_many(batch.iter().map(|id| user(*id, id % 90)).collect::<Vec<_>>())?;
    }
    db.table::<Order>()?;
    let stocks = db.table::<Stock>()?;
    for item in 0..100 {
        stocks.insert(&Stock { item, count: 1_000_000 })?;
    }
    println!("{name}\n  {:34} {:>11} {:>8} {:>8}", "", "round trips", "ms", "p99 ms");
    let each = |what: &str, work: &dyn Fn(u64) -> walnut::Result<()>| each(&engine, what, work);
    each("get", &|n| users.get(n * 7 % ROWS).map(drop))?;
    each("get by a unique index", &|n| users.by().email.get(&user(n * 7 % ROWS, 0).email).map(drop))?;
    each("upsert, a unique index and another", &|n| users.upsert(&user(n * 7 % ROWS, n % 80)).map(drop))?;
    each("insert, the same", &|n| users.insert(&user(ROWS + n, 1)))?;
    each("range of 100", &|n| users.range(n..).limit(100).collect_vec().map(drop))?;
    each("transaction of three tables", &|n| {
        db.transact(|tx| order(&tx.table::<User>()?, &tx.table::<Order>()?, &tx.table::<Stock>()?, n))
    })?;
    throughput(&db)?;
    hot(&db);
    Ok(())
}

fn order(
    users: &DefaultTable<User>,
    orders: &DefaultTable<Order>,
    stocks: &DefaultTable<Stock>,
    n: u64,
) -> walnut::Result<()> {
    let buyer = users.get(n % ROWS)?.ok_or(Error::NotFound)?;
    let mut stock = stocks.get(n % 100)?.ok_or(Error::NotFound)?;
    stock.count -= 1;
    stocks.upsert(&stock)?;
    orders.upsert(&Order { id: n, user: buyer.id }).map(drop)
}

fn each<E: Engine>(
    engine: &Counted<E>,
    what: &str,
    work: &dyn Fn(u64) -> walnut::Result<()>,
) -> Result<(), Box<dyn std::error::Error>> {
    work(COUNT)?;
    engine.take();
    let mut times = Vec::new();
    for n in 0..COUNT {
        let begun = Instant::now();
        work(n)?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    let trips = engine.take() as f64 / COUNT as f64;
    times.sort_by(f64::total_cmp);
    let (median, high) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    println!("  {what:34} {trips:>11.1} {median:>8.2} {high:>8.2}");
    Ok(())
}

/// Upserts of random rows, and gets, by 1, 8 and 64 clients.
fn throughput<E: Engine + Serializable>(db: &Database<E>) -> Result<(), Box<dyn std::error::Error>> {
    let users = db.table::<User>()?;
    for clients in [1, 8, 64] {
        let upserts = per_second(clients, |n| users.upsert(&user(n * 31 % ROWS, n % 80)).is_ok());
        let gets = per_second(clients, |n| users.get(n * 31 % ROWS).is_ok());
        println!("  {clients:2} clients: {upserts:.0} upserts a second, {gets:.0} gets a second");
    }
    Ok(())
}

/// Transactions that all change one of a few rows.
fn hot<E: Engine + Serializable>(db: &Database<E>) {
    let attempts = AtomicU64::new(0);
    for rows in [1, 10] {
        attempts.store(0, Ordering::Relaxed);
        let done = AtomicU64::new(0);
        let rate = per_second(8, |n| {
            let outcome = db.transact(|tx| {
                attempts.fetch_add(1, Ordering::Relaxed);
                let stocks = tx.table::<Stock>()?;
                let mut stock = stocks.get(n % rows)?.ok_or(Error::NotFound)?;
                stock.count -= 1;
                stocks.upsert(&stock)
            });
            done.fetch_add(u64::from(outcome.is_ok()), Ordering::Relaxed);
            outcome.is_ok()
        });
        let (attempts, done) = (attempts.load(Ordering::Relaxed), done.load(Ordering::Relaxed));
        let repeated = (attempts - done) as f64 / attempts as f64 * 100.0;
        println!(
            "  8 clients on {rows:2} hot rows: {rate:.0} transactions a second, {repeated:.0} % of runs repeated"
        );
    }
}

/// How often clients succeed in a second.
fn per_second(clients: u64, work: impl Fn(u64) -> bool + Sync) -> f64 {
    let (next, done, begun) = (AtomicU64::new(0), AtomicU64::new(0), Instant::now());
    thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| {
                while begun.elapsed() < LONG {
                    let succeeded = work(next.fetch_add(1, Ordering::Relaxed));
                    done.fetch_add(u64::from(succeeded), Ordering::Relaxed);
                }
            });
        }
    });
    done.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64()
}
