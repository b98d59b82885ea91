//! Walnut's tables on PostgreSQL.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use walnut_postgres::Postgres;
//!
//! let engine = Postgres::connect("host=db1,db2 user=app password=secret dbname=app")?;
//! # drop(engine);
//! # Ok(())
//! # }
//! ```
//!
//! All tables are rows of one table of the server, `walnut_kv (k bytea PRIMARY KEY, v bytea NOT
//! NULL)`, which is created when there is none. Transactions are `SERIALIZABLE`; a snapshot is a
//! `REPEATABLE READ, READ ONLY` transaction, which shows every commit before it and none after.
//!
//! **Failover.** Of several hosts the one that accepts writes is used. A commit that was
//! acknowledged survives the loss of the primary if the server waits for a standby
//! (`synchronous_standby_names`).
//!
//! **Limits.** Keys of 2,680 bytes, values of 32 MiB, commits of 64 MiB and 100,000 keys. No TLS:
//! where the network is not trusted, a local proxy or a tunnel does it. A pooler between client and
//! server must keep a session on one connection.
//!
//! **Cost.** A get is one round trip. A transaction is one round trip for each read, of which the
//! first also begins it, and one for its commit with all writes.

#![forbid(unsafe_code)]

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use walnut::remote::{Engine, Failure, Limits, Mode, Serializable, Session};
use walnut_adapter::{Runtime, Unfinished};

mod dialect;
mod failure;
mod hosts;
mod limits;
mod pipeline;
mod pool;
mod server;
mod session;

pub use dialect::Dialect;

use hosts::Hosts;
use pool::Pool;
use session::PostgresSession;

/// A PostgreSQL server, or several of which one accepts writes.
#[derive(Clone, Debug)]
pub struct Postgres {
    pool: Arc<Pool>,
}

/// The longest time that a call may be given.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(3600);

/// How to connect to a server.
#[derive(Clone)]
pub struct Options {
    config: Config,
    table: String,
    pool: usize,
    timeout: Duration,
}

impl Postgres {
    /// Connects to the server that `text` names, as libpq reads it: `host=db1,db2 port=5432 user=app
    /// password=secret dbname=app`, or `postgresql://app:secret@db1/app`. Creates the table when there
    /// is none.
    ///
    /// [`Failure::Unavailable`] if no server answers, [`Failure::Refused`] if one does and will not do:
    /// a wrong password, a standby, a version before 12, a table of another program. No message
    /// contains the password.
    pub fn connect(text: &str) -> Result<Self, Failure> {
        Options::new(text)?.connect()
    }

    /// What the server is.
    pub fn dialect(&self) -> Dialect {
        self.pool.dialect
    }
}

impl Options {
    /// Reads a connection string; see [`Postgres::connect`].
    pub fn new(text: &str) -> Result<Self, Failure> {
        // The parser's own message may repeat a part of the string, and so of a password.
        let config: Config = text.parse().map_err(|_| {
            Failure::Refused(
                "postgres: the connection string cannot be read: it is `key=value` pairs or a URL".to_owned(),
            )
        })?;
        if config.get_hosts().is_empty() {
            return Err(Failure::Refused("postgres: the connection string names no host".to_owned()));
        }
        if !matches!(config.get_ssl_mode(), SslMode::Disable | SslMode::Prefer) {
            let text = "postgres: sslmode asks for TLS, which this adapter does not have";
            return Err(Failure::Refused(text.to_owned()));
        }
        let timeout = Duration::from_secs(10);
        Ok(Self { config, table: "walnut_kv".to_owned(), pool: 16, timeout })
    }

    /// The table that holds the data; `walnut_kv` by default. Two databases of one server differ in
    /// it. A name of lower-case letters, digits and underscores, at most 63.
    pub fn table(mut self, name: &str) -> Self {
        name.clone_into(&mut self.table);
        self
    }

    /// The most connections at a time, 16 by default. A snapshot and a transaction hold one each
    /// while they last; a call that finds none free waits for one, and fails when it was waiting for the
    /// whole timeout. Many threads that each read outside of the transaction that they have open need
    /// two connections each.
    pub fn pool(mut self, connections: usize) -> Self {
        self.pool = connections.clamp(1, 10_000);
        self
    }

    /// How long one call may take, connecting included; 10 s by default. At most an hour.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.clamp(Duration::from_millis(1), LONGEST_TIMEOUT);
        self
    }

    /// Connects; see [`Postgres::connect`].
    pub fn connect(&self) -> Result<Postgres, Failure> {
        if !dialect::is_table_name(&self.table) {
            let text =
                "postgres: a table's name is of lower-case letters, digits and underscores, at most 63";
            return Err(Failure::Refused(text.to_owned()));
        }
        let addresses = addresses(&self.config);
        let mut config = self.config.clone();
        config
            .target_session_attrs(TargetSessionAttrs::ReadWrite)
            .ssl_mode(SslMode::Disable)
            .keepalives_idle(Duration::from_secs(20))
            .tcp_user_timeout(self.timeout);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(self.timeout / 2);
        }
        if config.get_application_name().is_none() {
            config.application_name("walnut");
        }
        let runtime = Runtime::start("walnut-postgres")
            .map_err(|error| Failure::Unavailable(format!("postgres at {addresses}: no thread: {error}")))?;
        let hosts = Arc::new(Hosts::new(format!("postgres at {addresses}"), &config));
        let prepare = server::prepare(Arc::clone(&hosts), self.table.clone(), self.timeout);
        let dialect = runtime.run(self.timeout, prepare).unwrap_or_else(|unfinished| {
            let what = match unfinished {
                Unfinished::Late => format!("no answer within {:?}", self.timeout),
                Unfinished::Lost => "the client has failed".to_owned(),
            };
            Err(Failure::Unavailable(format!("postgres at {addresses}: {what}")))
        })?;
        let server = format!("{dialect} at {addresses}");
        let pool = Pool::new(runtime, server, dialect, hosts, (&self.table, self.pool, self.timeout));
        Ok(Postgres { pool: Arc::new(pool) })
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("addresses", &addresses(&self.config))
            .field("table", &self.table)
            .field("pool", &self.pool)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl Engine for Postgres {
    fn name(&self) -> String {
        self.pool.server.clone()
    }

    fn limits(&self) -> Limits {
        limits::limits()
    }

    fn begin(&self, mode: Mode) -> Result<Box<dyn Session>, Failure> {
        Ok(Box::new(PostgresSession::new(Arc::clone(&self.pool), mode)))
    }
}

impl Serializable for Postgres {}

/// Hosts and ports, without user and password.
fn addresses(config: &Config) -> String {
    let mut text = String::new();
    for (position, host) in config.get_hosts().iter().enumerate() {
        let host = match host {
            Host::Tcp(name) => name.clone(),
            #[cfg(unix)]
            Host::Unix(path) => Path::display(path).to_string(),
        };
        let ports = config.get_ports();
        let port = ports.get(position).or_else(|| ports.first()).copied().unwrap_or(5432);
        let comma = if position > 0 { "," } else { "" };
        // Writing to a string does not fail.
        let _ = write!(text, "{comma}{host}:{port}");
    }
    text
}
