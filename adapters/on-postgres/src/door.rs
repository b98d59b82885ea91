//! How a test comes to its database: each has a table of its own on one server.

use walnut_adapter_tests::servers::{PostgresServer, place_number};
use walnut_postgres::{Options, Postgres};

/// The engine of every database.
pub(crate) type Engine = Postgres;

/// The engine at a place: an empty one, or the one that another database of the place has left.
pub(crate) fn open(place: &str) -> Engine {
    let table = format!("walnut_{}", place_number(place));
    let options = Options::new(&PostgresServer::of_this_process().text()).expect("options");
    options.table(&table).connect().expect("the server is there")
}

/// Nothing: the server goes with the process.
pub(crate) fn forget(_place: &str) {}
