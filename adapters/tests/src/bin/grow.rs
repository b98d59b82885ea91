//! The cities on each engine; PostgreSQL and etcd the program starts itself. See `grow --help`.
//!
//! With `--kill` the server dies in the middle of the load and comes back, and the program goes on:
//! nothing is lost, and rows and index entries agree.

#![allow(clippy::print_stdout, reason = "a program that prints")]

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use clap::Parser as _;
use walnut::remote::{Engine, Serializable};
use walnut::{Database, Error};
use walnut_adapter_tests::contract::until_available;
use walnut_adapter_tests::servers::{EtcdCluster, PostgresServer};
use walnut_etcd::Etcd;
use walnut_examples::cities::City;
use walnut_examples::grow::{self, Args, answer, sample};
use walnut_postgres::Postgres;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let args = Args::parse();
    match args.engine {
        grow::Engine::Postgres => {
            let mut server = PostgresServer::start();
            let db = Database::on(Postgres::connect(&server.text())?)?;
            grow(&db, &sample(args.rows)?, args.kill, || {
                server.crash();
                server.start_again();
            })
        }
        grow::Engine::Etcd => {
            let mut cluster = EtcdCluster::start();
            let db = Database::on(until_available(|| Etcd::connect(cluster.addresses())))?;
            grow(&db, &sample(args.rows)?, args.kill, || cluster.kill(cluster.leader()))
        }
        grow::Engine::Embedded | grow::Engine::Memory => {
            Ok(grow::run(&args, &mut io::stdout().lock()).map(drop)?)
        }
    }
}

/// Loads the cities, twice: while the server dies if it has to, and to ask.
fn grow<E: Engine + Serializable>(
    db: &Database<E>,
    cities: &[City],
    dies: bool,
    kill: impl FnOnce() + Send,
) -> Outcome<()> {
    let table = db.table::<City>()?;
    if dies {
        let (loaded, failed) = (AtomicU64::new(0), AtomicBool::new(false));
        thread::scope(|scope| -> Outcome<()> {
            scope.spawn(|| {
                while loaded.load(Ordering::Relaxed) < cities.len() as u64 / 2 {
                    if failed.load(Ordering::Relaxed) {
                        return;
                    }
                    thread::yield_now();
                }
                kill();
                println!("killed after {} cities", loaded.load(Ordering::Relaxed));
            });
            let outcome = cities.chunks(10).try_for_each(|batch| -> Result<(), Error> {
                table.upsert_many(batch)?;
                loaded.fetch_add(batch.len() as u64, Ordering::Relaxed);
                Ok(())
            });
            failed.store(outcome.is_err(), Ordering::Relaxed);
            Ok(outcome?)
        })?;
        let (count, sent) = (table.len()?, cities.len() as u64);
        println!("{count} of {sent} cities are there");
    }
    answer(db, cities, &mut io::stdout().lock())?;
    let verified = db.verify_tables()?;
    println!("{} rows and {} index entries agree", verified.row_count, verified.entry_count);
    Ok(())
}
