//! How a test comes to its database: each has a name of its own on one cluster.

use walnut_adapter_tests::contract::until_available;
use walnut_adapter_tests::servers::{EtcdCluster, place_number};
use walnut_etcd::{Etcd, Options};

/// The engine of every database.
pub(crate) type Engine = Etcd;

/// The engine at a place: an empty one, or the one that another database of the place has left.
pub(crate) fn open(place: &str) -> Engine {
    let name = format!("walnut_{}", place_number(place));
    let options = Options::new(EtcdCluster::of_this_process().addresses());
    let options = options.name(&name).max_txn_ops(EtcdCluster::MAX_TXN_OPS);
    until_available(|| options.connect())
}

/// Nothing: the cluster goes with the process.
pub(crate) fn forget(_place: &str) {}
