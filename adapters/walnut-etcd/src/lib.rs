//! Walnut's tables on etcd, a replicated store for small data.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use walnut_etcd::Etcd;
//!
//! let engine = Etcd::connect(["n1:2379", "n2:2379", "n3:2379"])?;
//! # drop(engine);
//! # Ok(())
//! # }
//! ```
//!
//! All tables are keys below `walnut/`. Transactions are serializable, and a snapshot is a revision
//! of the cluster.
//!
//! **Failover.** Requests go to one node until it fails, then to the next. A commit that was
//! acknowledged is on a majority of the nodes.
//!
//! **Limits.** etcd keeps all keys in memory and 8 GiB at most, 2 GiB unless configured otherwise.
//! Keys of 8 KiB, values of 1 MiB, commits of 1 MiB and 119 keys, unless
//! [`Options::max_txn_ops`] says more. A scan in reverse costs the server
//! as much as reading its whole range. A transaction that reads more than about a hundred keys may
//! meet a conflict that is none, with a write near what it has read. No TLS.
//!
//! **History.** Each commit adds to it until it is compacted: run the cluster with
//! `--auto-compaction-retention`. A snapshot that is older than that fails.
//!
//! **Cost.** A get is one round trip, and in the cluster a round to a majority. A transaction is one
//! round trip for each read, and one for its commit with all writes.

#![forbid(unsafe_code)]

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use walnut::remote::{Engine, Failure, Limits, Mode, Serializable, Session};

mod cluster;
mod failure;
mod keys;
mod reads;
mod server;
mod session;
mod wire;
mod writes;

use cluster::{Cluster, Credentials};
use keys::Keys;
use session::EtcdSession;

/// An etcd cluster.
#[derive(Clone, Debug)]
pub struct Etcd {
    cluster: Arc<Cluster>,
}

/// The longest time that a call may be given.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(3600);

/// How to connect to a cluster.
#[derive(Clone)]
pub struct Options {
    addresses: Vec<String>,
    name: String,
    timeout: Duration,
    operation_count: usize,
    credentials: Option<Credentials>,
}

impl Etcd {
    /// Connects to the cluster with nodes at `addresses`, each `host:port`. One that is left out is
    /// never asked.
    ///
    /// [`Failure::Unavailable`] if no node answers, [`Failure::Refused`] if one does and will not do:
    /// a wrong password, a version before 3.4, keys of another program below the prefix.
    pub fn connect(addresses: impl IntoIterator<Item = impl Into<String>>) -> Result<Self, Failure> {
        Options::new(addresses).connect()
    }
}

impl Options {
    /// Options of a cluster; see [`Etcd::connect`].
    pub fn new(addresses: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            addresses: addresses.into_iter().map(Into::into).collect(),
            name: "walnut".to_owned(),
            timeout: Duration::from_secs(10),
            operation_count: writes::OPERATIONS,
            credentials: None,
        }
    }

    /// The name of the database, `walnut` by default: its keys begin with the name and a slash.
    /// Letters, digits, `-` and `_`, at most 63.
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// How long one call may take, 10 s by default. A node that does not answer a read within a third
    /// of it is left for the next one. At most an hour.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.clamp(Duration::from_millis(10), LONGEST_TIMEOUT);
        self
    }

    /// How many operations one transaction of the cluster takes, 128 by default: the
    /// `--max-txn-ops` of all its nodes. A commit takes nine keys fewer. Nodes that are configured
    /// for fewer refuse commits between the two, and nothing of these is done.
    pub fn max_txn_ops(mut self, count: usize) -> Self {
        self.operation_count = count.max(writes::OPERATIONS);
        self
    }

    /// The user of a cluster with authentication.
    pub fn user(mut self, name: &str, password: &str) -> Self {
        self.credentials = Some((name.to_owned(), password.to_owned()));
        self
    }

    /// Connects; see [`Etcd::connect`].
    pub fn connect(&self) -> Result<Etcd, Failure> {
        let is_part_of_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if self.name.is_empty() || self.name.len() > 63 || !self.name.chars().all(is_part_of_name) {
            let text = "etcd: a database's name is of letters, digits, `-` and `_`, at most 63";
            return Err(Failure::Refused(text.to_owned()));
        }
        if self.addresses.is_empty() {
            return Err(Failure::Refused("etcd: no addresses".to_owned()));
        }
        if let Some(address) =
            self.addresses.iter().find(|address| address.contains("://") || address.contains('@'))
        {
            // What is before an @ may be a password.
            let address = address.rsplit('@').next().unwrap_or_default();
            let text =
                format!("etcd: the address at {address} must be `host:port`, without a scheme or a user");
            return Err(Failure::Refused(text));
        }
        let keys = Keys::new(&format!("{}/", self.name));
        let credentials = self.credentials.clone();
        let cluster = Cluster::new(&self.addresses, keys, self.timeout, self.operation_count, credentials)?;
        let cluster = Arc::new(cluster);
        let check = server::check(Arc::clone(&cluster));
        let outcome = cluster.runtime.run(self.timeout, check);
        outcome.unwrap_or_else(|unfinished| Err(Failure::Unavailable(cluster.late(unfinished))))?;
        Ok(Etcd { cluster })
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("addresses", &self.addresses)
            .field("name", &self.name)
            .field("timeout", &self.timeout)
            .field("operation_count", &self.operation_count)
            .finish_non_exhaustive()
    }
}

impl Engine for Etcd {
    fn name(&self) -> String {
        self.cluster.server.clone()
    }

    fn limits(&self) -> Limits {
        writes::limits(self.cluster.operation_count)
    }

    fn begin(&self, mode: Mode) -> Result<Box<dyn Session>, Failure> {
        Ok(Box::new(EtcdSession::new(Arc::clone(&self.cluster), mode)))
    }
}

impl Serializable for Etcd {}
