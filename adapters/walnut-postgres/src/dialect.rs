//! The SQL of each server that speaks PostgreSQL's protocol, as text.
//!
//! | dialect | run by the tests |
//! |---|---|
//! | PostgreSQL | yes |
//! | CockroachDB | no: the texts follow its manual |
//! | YugabyteDB | no: the texts follow its manual |

use std::fmt;

/// The oldest PostgreSQL that is accepted, as `server_version_num` counts.
pub(crate) const OLDEST: u32 = 120_000;

/// The bytes of values after which a page ends. One entry is always returned, however long.
pub(crate) const PAGE_SIZE: usize = 4 << 20;

/// A server that speaks PostgreSQL's protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dialect {
    /// PostgreSQL itself.
    Postgres,
    /// CockroachDB. Not run by the tests.
    Cockroach,
    /// YugabyteDB. Not run by the tests.
    Yugabyte,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postgres => "postgres",
            Self::Cockroach => "cockroachdb",
            Self::Yugabyte => "yugabytedb",
        })
    }
}

impl Dialect {
    /// Recognizes the dialect by the text of `SELECT version()`.
    pub(crate) fn of_version(text: &str) -> Option<Self> {
        if text.starts_with("CockroachDB") {
            Some(Self::Cockroach)
        } else if text.starts_with("PostgreSQL") && text.contains("-YB-") {
            Some(Self::Yugabyte)
        } else if text.starts_with("PostgreSQL") {
            Some(Self::Postgres)
        } else {
            None
        }
    }

    /// Creates the table. A primary key in YugabyteDB is sharded by hash unless it is ordered.
    pub(crate) fn create_table(self, table: &str) -> String {
        match self {
            Self::Postgres => {
                format!("CREATE TABLE IF NOT EXISTS \"{table}\" (k bytea PRIMARY KEY, v bytea NOT NULL)")
            }
            Self::Cockroach => {
                format!("CREATE TABLE IF NOT EXISTS \"{table}\" (k BYTES PRIMARY KEY, v BYTES NOT NULL)")
            }
            Self::Yugabyte => format!(
                "CREATE TABLE IF NOT EXISTS \"{table}\" (k bytea, v bytea NOT NULL, PRIMARY KEY (k ASC))"
            ),
        }
    }

    /// The settings of a connection.
    ///
    /// A sequential scan locks the whole table against every other serializable transaction, so
    /// plans are made without it, once for all values. A lock is awaited for less time than the
    /// client waits for its answer, so a transaction ends on the server, and not by a broken
    /// connection. The keepalives let the server notice a client that vanished.
    pub(crate) fn settings(self, lock_timeout_ms: u128) -> String {
        let own = match self {
            Self::Postgres => {
                "SET enable_seqscan = off; SET enable_bitmapscan = off; SET jit = off; \
                 SET max_parallel_workers_per_gather = 0; SET plan_cache_mode = force_generic_plan; \
                 SET tcp_keepalives_idle = 20; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 4; "
            }
            Self::Yugabyte => "SET enable_seqscan = off; ",
            Self::Cockroach => "",
        };
        format!(
            "{own}SET statement_timeout = 0; SET lock_timeout = {lock_timeout_ms}; \
             SET default_transaction_isolation = 'read committed'"
        )
    }

    /// Begins a transaction that reads one state and writes nothing.
    ///
    /// The state of a PostgreSQL snapshot is that of all commits before it, and reading it never
    /// fails; a serializable reader could be turned away in the middle of a scan.
    pub(crate) fn begin_read(self) -> &'static str {
        match self {
            Self::Postgres | Self::Yugabyte => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Self::Cockroach => "BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY",
        }
    }

    /// Begins a transaction that writes.
    #[expect(clippy::unused_self, reason = "each text of the dialect is asked for in the same way")]
    pub(crate) fn begin_write(self) -> &'static str {
        "BEGIN ISOLATION LEVEL SERIALIZABLE"
    }

    /// Acknowledges the commit of the transaction before it is on the disk.
    pub(crate) fn fast_commit(self) -> Option<&'static str> {
        match self {
            Self::Postgres => Some("SET LOCAL synchronous_commit = off"),
            Self::Cockroach | Self::Yugabyte => None,
        }
    }
}

/// The statements on one table, in the form in which they are prepared.
#[derive(Debug)]
pub(crate) struct Sql {
    pub(crate) get: String,
    pub(crate) scans: [String; 4],
    pub(crate) remove_range: String,
    pub(crate) lock: String,
    pub(crate) put: String,
    pub(crate) remove: String,
}

impl Sql {
    pub(crate) fn new(table: &str) -> Self {
        Self {
            get: format!("SELECT k, v FROM \"{table}\" WHERE k = ANY($1::bytea[])"),
            scans: [(false, false), (false, true), (true, false), (true, true)]
                .map(|(reverse, ends)| scan(table, reverse, ends)),
            remove_range: format!("DELETE FROM \"{table}\" WHERE k >= $1 AND k < $2"),
            lock: format!("SELECT 1 FROM \"{table}\" WHERE k = ANY($1::bytea[]) ORDER BY k FOR UPDATE"),
            put: put(table),
            remove: format!("DELETE FROM \"{table}\" WHERE k = ANY($1::bytea[])"),
        }
    }

    /// The place of a scan in [`scans`](Self::scans).
    pub(crate) fn scan_index(reverse: bool, ends: bool) -> usize {
        usize::from(reverse) * 2 + usize::from(ends)
    }
}

/// A page of entries, at most `$2` of them, which ends once its values exceed [`PAGE_SIZE`]. The sum
/// is over lengths, which the server knows without fetching values that are stored out of line.
fn scan(table: &str, reverse: bool, ends: bool) -> String {
    let order = if reverse { "DESC" } else { "ASC" };
    let end = if ends { " AND k < $3" } else { "" };
    format!(
        "SELECT k, v FROM (\
         SELECT k, v, sum(octet_length(v)) OVER (ORDER BY k {order} ROWS UNBOUNDED PRECEDING) \
         - octet_length(v) AS size_before \
         FROM \"{table}\" WHERE k >= $1{end} ORDER BY k {order} LIMIT $2::int8) AS page \
         WHERE size_before < {PAGE_SIZE} ORDER BY k {order}"
    )
}

/// Puts the keys of `$1` with the values of `$2`, in key order.
///
/// A null marks a key that a later statement removes. Such a key is put when it is absent, as
/// only a statement that meets a concurrently committed row fails: a removal of a row that this
/// transaction does not see would find nothing, and so would not conflict.
fn put(table: &str) -> String {
    format!(
        "INSERT INTO \"{table}\" AS t (k, v) \
         SELECT w.k, coalesce(w.v, ''::bytea) \
         FROM unnest($1::bytea[], $2::bytea[]) WITH ORDINALITY AS w (k, v, n) \
         WHERE w.v IS NOT NULL OR (SELECT o.k FROM \"{table}\" AS o WHERE o.k = w.k) IS NULL \
         ORDER BY w.n \
         ON CONFLICT (k) DO UPDATE SET v = excluded.v"
    )
}

/// Whether `name` is a table's name that needs no escapes.
pub(crate) fn is_table_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_lowercase() || first == b'_')
        && name.len() <= 63
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::{Dialect, Sql, is_table_name};

    #[test]
    fn a_server_is_recognized_by_its_version() {
        let known = [
            ("PostgreSQL 15.14 (Debian 15.14-0+deb12u1) on x86_64-pc-linux-gnu", Some(Dialect::Postgres)),
            ("CockroachDB CCL v24.1.3 (x86_64-pc-linux-gnu, built 2024/08/01)", Some(Dialect::Cockroach)),
            ("PostgreSQL 11.2-YB-2.20.1.3-b0 on x86_64-pc-linux-gnu", Some(Dialect::Yugabyte)),
            ("MySQL 8", None),
        ];
        for (text, dialect) in known {
            assert_eq!(Dialect::of_version(text), dialect, "{text}");
        }
    }

    #[test]
    fn keys_are_ordered_in_every_dialect() {
        let postgres = Dialect::Postgres.create_table("t");
        assert_eq!(postgres, "CREATE TABLE IF NOT EXISTS \"t\" (k bytea PRIMARY KEY, v bytea NOT NULL)");
        let cockroach = Dialect::Cockroach.create_table("t");
        assert_eq!(cockroach, "CREATE TABLE IF NOT EXISTS \"t\" (k BYTES PRIMARY KEY, v BYTES NOT NULL)");
        let yugabyte = Dialect::Yugabyte.create_table("t");
        assert!(yugabyte.ends_with("PRIMARY KEY (k ASC))"), "sharded by range: {yugabyte}");
    }

    #[test]
    fn only_postgres_is_given_settings_of_its_planner() {
        for dialect in [Dialect::Cockroach, Dialect::Yugabyte] {
            assert!(!dialect.settings(1).contains("plan_cache_mode"), "{dialect}");
            assert_eq!(dialect.fast_commit(), None);
            assert_eq!(dialect.begin_write(), "BEGIN ISOLATION LEVEL SERIALIZABLE");
        }
        assert!(Dialect::Postgres.settings(1).contains("enable_seqscan = off"));
    }

    #[test]
    fn each_scan_has_its_direction_and_its_end() {
        let sql = Sql::new("t");
        for (reverse, ends) in [(false, false), (false, true), (true, false), (true, true)] {
            let text = &sql.scans[Sql::scan_index(reverse, ends)];
            assert_eq!(text.contains("DESC"), reverse, "{text}");
            assert_eq!(text.contains("$3"), ends, "{text}");
        }
    }

    #[test]
    fn a_table_name_cannot_leave_its_quotes() {
        for good in ["walnut_kv", "_a9", "user"] {
            assert!(is_table_name(good), "{good}");
        }
        for bad in ["", "9a", "a\"b", "a b", "A", "é", &"a".repeat(64)] {
            assert!(!is_table_name(bad), "{bad}");
        }
    }
}
