//! A session: one transaction on one connection.
//!
//! ```text
//!   One     a single statement, no transaction
//!   Read    BEGIN + first read in one round trip, a round trip a read, ROLLBACK after it was dropped
//!   Write   BEGIN + first read in one round trip, a round trip a read, all writes + COMMIT in one
//! ```
//!
//! Statements are sent without waiting for the answers of those before. The server refuses whatever
//! follows a statement that failed, and answers the COMMIT of such a transaction with a positive
//! `ROLLBACK`; the client does not tell the two apart. So a commit counts only if every statement
//! before it has succeeded.

use std::collections::HashMap;
use std::sync::Arc;

use tokio_postgres::Row;
use walnut::Durability;
use walnut::remote::{Failure, Mode, Page, Session, Writes};
use walnut_adapter::Unfinished;

use crate::dialect::{PAGE_SIZE, Sql};
use crate::failure::{Asked, failure, is_disconnect, lost};
use crate::limits;
use crate::pipeline::{Request, send};
use crate::pool::{Lease, Pool};

/// The most entries of a page.
const PAGE_COUNT: usize = 4096;

pub(crate) struct PostgresSession {
    pool: Arc<Pool>,
    mode: Mode,
    state: State,
}

enum State {
    /// Nothing was sent.
    New,
    /// A transaction is open.
    Open(Lease),
    /// It has failed, or its one read is done.
    Spent,
}

/// What is read in one round trip.
#[derive(Clone)]
enum Read {
    Nothing,
    Get(Vec<Vec<u8>>),
    Scan { start: Vec<u8>, end: Option<Vec<u8>>, limit: i64, reverse: bool },
}

impl PostgresSession {
    pub(crate) fn new(pool: Arc<Pool>, mode: Mode) -> Self {
        Self { pool, mode, state: State::New }
    }

    /// Reads within the transaction, which is begun if it has not been.
    fn read(&mut self, read: Read) -> Result<Vec<Row>, Failure> {
        let lease = match std::mem::replace(&mut self.state, State::Spent) {
            State::New => None,
            State::Open(lease) => Some(lease),
            State::Spent => {
                return Err(Failure::Other(format!("{}: this session has ended", self.pool.server)));
            }
        };
        let (pool, mode) = (Arc::clone(&self.pool), self.mode);
        let work = read_on(Arc::clone(&pool), lease, mode, read);
        let (lease, rows) = pool
            .runtime
            .run(pool.timeout, work)
            .unwrap_or_else(|unfinished| Err(lost(pool.late(unfinished), Asked::Statement)))?;
        if mode != Mode::One {
            self.state = State::Open(lease);
        }
        Ok(rows)
    }
}

impl Session for PostgresSession {
    fn pin(&mut self) -> Result<(), Failure> {
        // A single read chooses its own state.
        if matches!(self.state, State::Open(_)) || self.mode == Mode::One {
            return Ok(());
        }
        self.read(Read::Nothing).map(drop)
    }

    fn get_many(&mut self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, Failure> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.read(Read::Get(keys.iter().map(|key| key.to_vec()).collect()))?;
        let found = rows.iter().map(|row| entry(row, &self.pool.server)).collect::<Result<Vec<_>, _>>()?;
        if let ([_], true) = (keys, found.len() <= 1) {
            return Ok(vec![found.into_iter().next().map(|(_, value)| value)]);
        }
        let found: HashMap<_, _> = found.into_iter().collect();
        Ok(keys.iter().map(|key| found.get(*key).cloned()).collect())
    }

    fn scan(
        &mut self,
        start: &[u8],
        end: Option<&[u8]>,
        limit: usize,
        reverse: bool,
    ) -> Result<Page, Failure> {
        let count = limit.clamp(1, PAGE_COUNT);
        let limit = i64::try_from(count).unwrap_or(i64::MAX);
        let (start, end) = (start.to_vec(), end.map(<[u8]>::to_vec));
        let rows = self.read(Read::Scan { start, end, limit, reverse })?;
        let entries = rows.iter().map(|row| entry(row, &self.pool.server)).collect::<Result<Vec<_>, _>>()?;
        let size: usize = entries.iter().map(|(_, value)| value.len()).sum();
        let full = entries.len() >= count || size >= PAGE_SIZE;
        let rest = entries.last().filter(|_| full).map(|(key, _)| {
            let mut rest = key.clone();
            if !reverse {
                rest.push(0);
            }
            rest
        });
        Ok(Page { entries, rest })
    }

    fn commit(mut self: Box<Self>, writes: &Writes, durability: Durability) -> Result<(), Failure> {
        limits::limits().check(&self.pool.server, writes)?;
        let lease = match std::mem::replace(&mut self.state, State::Spent) {
            State::New if writes.is_empty() => return Ok(()),
            State::New => None,
            State::Open(lease) => Some(lease),
            State::Spent => {
                return Err(Failure::Other(format!("{}: this session has ended", self.pool.server)));
            }
        };
        let pool = Arc::clone(&self.pool);
        let fast = durability == Durability::Fast;
        let work = commit_on(Arc::clone(&pool), lease, Sorted::new(writes), fast);
        pool.runtime
            .run(pool.timeout, work)
            .unwrap_or_else(|unfinished| Err(lost(pool.late(unfinished), Asked::Commit)))
    }
}

impl Drop for PostgresSession {
    fn drop(&mut self) {
        let State::Open(lease) = std::mem::replace(&mut self.state, State::Spent) else { return };
        let timeout = self.pool.timeout;
        // The lease goes back into the pool, or is closed, when this is done.
        self.pool.runtime.spawn(async move {
            let rollback = tokio::time::timeout(timeout, lease.connection().client.batch_execute("ROLLBACK"));
            let rolled_back = matches!(rollback.await, Ok(Ok(())));
            lease.give_back(rolled_back);
        });
    }
}

impl Pool {
    fn late(&self, unfinished: Unfinished) -> String {
        match unfinished {
            Unfinished::Late => format!("{}: no answer within {:?}", self.server, self.timeout),
            Unfinished::Lost => format!("{}: the client has failed", self.server),
        }
    }
}

fn entry(row: &Row, server: &str) -> Result<(Vec<u8>, Vec<u8>), Failure> {
    match (row.try_get(0), row.try_get(1)) {
        (Ok(key), Ok(value)) => Ok((key, value)),
        (Err(error), _) | (_, Err(error)) => Err(failure(server, &error, Asked::Statement)),
    }
}

/// Reads on the transaction of `lease`, or on a new one.
///
/// A connection that was idle may have been closed by a server that was restarted. Nothing has been
/// read then, so another one is as good.
async fn read_on(
    pool: Arc<Pool>,
    lease: Option<Lease>,
    mode: Mode,
    read: Read,
) -> Result<(Lease, Vec<Row>), Failure> {
    if let Some(lease) = lease {
        return match read_once(&lease, None, read).await {
            Ok(rows) => Ok((lease, rows)),
            Err(error) => Err(failure(&pool.server, &error, Asked::Statement)),
        };
    }
    let begin = match mode {
        Mode::Write => Some(pool.dialect.begin_write()),
        Mode::One => None,
        Mode::Read => Some(pool.dialect.begin_read()),
    };
    loop {
        let mut lease = pool.lease().await?;
        lease.clean = false;
        match read_once(&lease, begin, read.clone()).await {
            Ok(rows) => {
                lease.clean = begin.is_none();
                return Ok((lease, rows));
            }
            Err(error) if lease.reused && is_disconnect(&error) => {}
            Err(error) => return Err(failure(&pool.server, &error, Asked::Statement)),
        }
    }
}

async fn read_once(
    lease: &Lease,
    begin: Option<&'static str>,
    read: Read,
) -> Result<Vec<Row>, tokio_postgres::Error> {
    let connection = lease.connection();
    let statements = &connection.statements;
    let read = match read {
        Read::Nothing => Request::Text("SELECT 1"),
        Read::Get(keys) => Request::Query(&statements.get, vec![Box::new(keys)]),
        Read::Scan { start, end, limit, reverse } => {
            let statement = &statements.scans[Sql::scan_index(reverse, end.is_some())];
            let mut parameters: Vec<_> = vec![Box::new(start) as _, Box::new(limit) as _];
            parameters.extend(end.map(|end| Box::new(end) as _));
            Request::Query(statement, parameters)
        }
    };
    let requests = begin.map(Request::Text).into_iter().chain([read]);
    let mut rows = Vec::new();
    for answer in send(&connection.client, requests).await {
        rows = answer?;
    }
    Ok(rows)
}

/// The writes of a commit, as parameters of statements.
struct Sorted {
    ranges: Vec<(Vec<u8>, Vec<u8>)>,
    /// In order, each with its value; without one it is removed.
    keys: Vec<Vec<u8>>,
    values: Vec<Option<Vec<u8>>>,
    removed: Vec<Vec<u8>>,
}

impl Sorted {
    fn new(writes: &Writes) -> Self {
        let ranges = writes.ranges().map(|(start, end)| (start.to_vec(), end.to_vec())).collect();
        let (keys, values) =
            writes.keys().map(|(key, value)| (key.to_vec(), value.map(<[u8]>::to_vec))).unzip();
        let removed =
            writes.keys().filter(|(_, value)| value.is_none()).map(|(key, _)| key.to_vec()).collect();
        Self { ranges, keys, values, removed }
    }
}

/// Sends all writes and the COMMIT in one round trip.
async fn commit_on(pool: Arc<Pool>, lease: Option<Lease>, writes: Sorted, fast: bool) -> Result<(), Failure> {
    let begin = lease.is_none().then(|| pool.dialect.begin_write());
    let mut lease = match lease {
        Some(lease) => lease,
        None => pool.lease().await?,
    };
    lease.clean = false;
    let connection = lease.connection();
    connection.take_unreplicated();
    let statements = &connection.statements;

    let mut requests: Vec<_> = begin.map(Request::Text).into_iter().collect();
    requests.extend(pool.dialect.fast_commit().filter(|_| fast).map(Request::Text));
    for (start, end) in writes.ranges {
        requests.push(Request::Execute(&statements.remove_range, vec![Box::new(start), Box::new(end)]));
    }
    if !writes.removed.is_empty() && writes.keys.len() > writes.removed.len() {
        // Two statements write, and each in key order alone would be a deadlock with another client
        // whose rows are the other way round.
        requests.push(Request::Execute(&statements.lock, vec![Box::new(writes.keys.clone())]));
    }
    if !writes.keys.is_empty() {
        let parameters: Vec<_> = vec![Box::new(writes.keys) as _, Box::new(writes.values) as _];
        requests.push(Request::Execute(&statements.put, parameters));
    }
    if !writes.removed.is_empty() {
        requests.push(Request::Execute(&statements.remove, vec![Box::new(writes.removed)]));
    }
    requests.push(Request::Text("COMMIT"));

    let count = requests.len();
    for (position, answer) in send(&connection.client, requests).await.into_iter().enumerate() {
        let Err(error) = answer else { continue };
        lease.clean = !is_disconnect(&error);
        // The server has answered a statement before the COMMIT, so it has not come to that one.
        let definite = position + 1 < count && error.as_db_error().is_some();
        return Err(failure(&pool.server, &error, if definite { Asked::Statement } else { Asked::Commit }));
    }
    if connection.take_unreplicated() {
        let text = format!("{}: the server stopped waiting for its standby", pool.server);
        return Err(Failure::CommitUnknown(text));
    }
    lease.clean = true;
    Ok(())
}
