//! A pool of connections, each with its statements prepared.
//!
//! A connection goes back into the pool only when no transaction is open on it and every answer has
//! arrived. Any other is closed: the server rolls back what it had begun.

use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;
use tokio_postgres::{AsyncMessage, Client, Config, NoTls, Socket, Statement};
use walnut::remote::Failure;
use walnut_adapter::Runtime;

use crate::dialect::{Dialect, Sql};
use crate::failure::{Asked, failure};
use crate::hosts::Hosts;

/// Everything that sessions share.
pub(crate) struct Pool {
    pub(crate) runtime: Runtime,
    /// Engine and addresses, for errors.
    pub(crate) server: String,
    pub(crate) dialect: Dialect,
    /// How long one call may take.
    pub(crate) timeout: Duration,
    hosts: Arc<Hosts>,
    sql: Sql,
    /// The most connections in use.
    size: usize,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
}

impl Pool {
    pub(crate) fn new(
        runtime: Runtime,
        server: String,
        dialect: Dialect,
        hosts: Arc<Hosts>,
        (table, size, timeout): (&str, usize, Duration),
    ) -> Self {
        Self {
            runtime,
            server,
            dialect,
            timeout,
            hosts,
            sql: Sql::new(table),
            size,
            permits: Arc::new(Semaphore::new(size)),
            idle: Mutex::new(Vec::new()),
        }
    }

    /// An idle connection, or a new one. Waits while as many are in use as the pool may have.
    pub(crate) async fn lease(self: &Arc<Self>) -> Result<Lease, Failure> {
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(|_| Failure::Other(format!("{}: the pool is closed", self.server)))?;
        let idle = self.take_idle();
        let reused = idle.is_some();
        let connection = match idle {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        Ok(Lease {
            connection: Some(Box::new(connection)),
            reused,
            clean: true,
            pool: Arc::clone(self),
            _permit: permit,
        })
    }

    async fn connect(self: &Arc<Self>) -> Result<Connection, Failure> {
        let pool = Arc::clone(self);
        let open = move |config| {
            let pool = Arc::clone(&pool);
            async move { Connection::open(&pool, &config).await }
        };
        let pool = Arc::clone(self);
        let leave = move |connection| pool.keep(connection);
        self.hosts.connect(self.timeout, open, leave).await
    }

    /// Keeps an idle connection, unless there are as many as may be in use.
    fn keep(&self, connection: Connection) {
        let mut idle = self.idle();
        if idle.len() < self.size {
            idle.push(connection);
        }
    }

    fn take_idle(&self) -> Option<Connection> {
        let mut idle = self.idle();
        while let Some(connection) = idle.pop() {
            if !connection.client.is_closed() {
                return Some(connection);
            }
        }
        None
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        // Nothing panics while it is locked.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("server", &self.server).finish_non_exhaustive()
    }
}

/// A connection and its prepared statements.
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) statements: Statements,
    /// Reads and writes the socket.
    driver: AbortHandle,
    /// The server has stopped waiting for its standby in the middle of a commit, and will say that
    /// the commit is done.
    unreplicated: Arc<AtomicBool>,
}

/// The statements of [`Sql`], prepared.
pub(crate) struct Statements {
    pub(crate) get: Statement,
    pub(crate) scans: [Statement; 4],
    pub(crate) remove_range: Statement,
    pub(crate) lock: Statement,
    pub(crate) put: Statement,
    pub(crate) remove: Statement,
}

impl Connection {
    /// Three round trips after those of the protocol: to learn whether the server writes, to set
    /// it, and to prepare all statements at once.
    async fn open(pool: &Pool, config: &Config) -> Result<Self, Failure> {
        let failure = |error| failure(&pool.server, &error, Asked::Statement);
        let (client, driver, unreplicated) = connect(config).await.map_err(failure)?;
        let settings = pool.dialect.settings(pool.timeout.as_millis() * 3 / 4);
        client.batch_execute(&settings).await.map_err(failure)?;
        let statements = prepare(&client, &pool.sql).await.map_err(failure)?;
        Ok(Self { client, statements, driver, unreplicated })
    }

    /// Whether a commit was acknowledged without the standby since this was last asked.
    pub(crate) fn take_unreplicated(&self) -> bool {
        self.unreplicated.swap(false, Ordering::Relaxed)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Closes the socket at once; the driver would wait for the answers that are due.
        self.driver.abort();
    }
}

/// Connects, and reads the socket on the runtime from here on.
pub(crate) async fn connect(
    config: &Config,
) -> Result<(Client, AbortHandle, Arc<AtomicBool>), tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    let unreplicated = Arc::new(AtomicBool::new(false));
    let driver = tokio::spawn(drive(connection, Arc::clone(&unreplicated)));
    Ok((client, driver.abort_handle(), unreplicated))
}

async fn drive(
    mut connection: tokio_postgres::Connection<Socket, tokio_postgres::tls::NoTlsStream>,
    unreplicated: Arc<AtomicBool>,
) {
    // An error closes the connection, and each request that waits is told so.
    while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
        if let AsyncMessage::Notice(notice) = message
            && notice.routine() == Some("SyncRepWaitForLSN")
        {
            unreplicated.store(true, Ordering::Relaxed);
        }
    }
}

async fn prepare(client: &Client, sql: &Sql) -> Result<Statements, tokio_postgres::Error> {
    let [scan_0, scan_1, scan_2, scan_3] = &sql.scans;
    let texts =
        [&sql.get, &sql.remove_range, &sql.lock, &sql.put, &sql.remove, scan_0, scan_1, scan_2, scan_3];
    let prepared = try_join_all(texts.map(|text| client.prepare(text))).await?;
    let [get, remove_range, lock, put, remove, scans @ ..]: [Statement; 9] =
        prepared.try_into().unwrap_or_else(|_| unreachable!("as many as were asked for"));
    Ok(Statements { get, scans, remove_range, lock, put, remove })
}

/// A connection in the hands of one session.
pub(crate) struct Lease {
    connection: Option<Box<Connection>>,
    /// It was idle before, so the server may have closed it meanwhile.
    pub(crate) reused: bool,
    /// No transaction is open and no answer is due.
    pub(crate) clean: bool,
    pool: Arc<Pool>,
    _permit: OwnedSemaphorePermit,
}

impl Lease {
    pub(crate) fn connection(&self) -> &Connection {
        self.connection.as_ref().unwrap_or_else(|| unreachable!("taken by drop alone"))
    }

    /// Ends the lease. The connection is closed unless it is `clean`.
    pub(crate) fn give_back(mut self, clean: bool) {
        self.clean = clean;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take()
            && self.clean
            && !connection.client.is_closed()
        {
            self.pool.keep(*connection);
        }
    }
}
