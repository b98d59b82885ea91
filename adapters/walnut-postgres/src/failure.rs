//! Errors of the client and of the server, as failures of Walnut's contract.
//!
//! The server's primary message is repeated; its detail is not, because that contains keys.

use std::error::Error as _;

use tokio_postgres::Error;
use tokio_postgres::error::{DbError, Severity};
use walnut::remote::Failure;

/// What was asked when an error came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// To let a client in, for the first time.
    Connect,
    /// Anything but a commit. A connection that is lost takes its transaction with it.
    Statement,
    /// To commit, or something that was sent ahead of a commit without waiting for its answer.
    Commit,
}

/// What an error means. `server` names the engine and its address.
pub(crate) fn failure(server: &str, error: &Error, asked: Asked) -> Failure {
    match error.as_db_error() {
        Some(answer) => of_answer(server, answer, asked),
        None => of_client(server, error, asked),
    }
}

fn of_answer(server: &str, answer: &DbError, asked: Asked) -> Failure {
    let code = answer.code().code();
    let text = format!("{server}: {} ({code})", answer.message());
    // A backend that dies in a commit says nothing about the commit.
    let dies = matches!(answer.parsed_severity(), Some(Severity::Fatal | Severity::Panic));
    if asked == Asked::Commit && dies {
        return Failure::CommitUnknown(text);
    }
    of_code(code, text, asked)
}

/// What an SQLSTATE means.
pub(crate) fn of_code(code: &str, text: String, asked: Asked) -> Failure {
    match code {
        // A serialization failure, a deadlock, a row that came in between, a lock that was not had.
        "40001" | "40P01" | "23505" | "55P03" => Failure::Conflict,
        "40003" => lost(text, asked),
        // A snapshot too old, a transaction that was idle or open for too long.
        "72000" | "25P03" | "25P04" => Failure::TooOld,
        // A program limit, such as that of an index row; data too long; a message too long.
        "54000" | "22001" | "54001" => Failure::TooLarge(text),
        // A server that has become a standby. At the first connection it is the wrong server.
        "25006" if asked == Asked::Connect => Failure::Refused(text),
        // Shutting down, starting, cancelled, no connection or memory to spare.
        "25006" | "57014" | "57P01" | "57P02" | "57P03" | "57P05" | "53000" | "53200" | "53300" => {
            Failure::Unavailable(text)
        }
        // The disk is full, the database was dropped, the table is gone.
        "53100" | "57P04" | "3D000" | "3F000" | "42501" | "42P01" | "42703" | "0A000" => {
            Failure::Refused(text)
        }
        _ if code.starts_with("08") => lost(text, asked),
        _ if code.starts_with("28") => Failure::Refused(text),
        _ => Failure::Other(text),
    }
}

fn of_client(server: &str, error: &Error, asked: Asked) -> Failure {
    let mut text = format!("{server}: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        // The error's own text may already end with that of its cause.
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    if asked == Asked::Commit {
        return Failure::CommitUnknown(text);
    }
    let io = error.source().and_then(|cause| cause.downcast_ref::<std::io::Error>());
    match io.map(std::io::Error::kind) {
        // The client's word for a server that only reads, where one that writes was asked for.
        Some(std::io::ErrorKind::PermissionDenied) if asked == Asked::Connect => {
            Failure::Refused(format!("{server}: the server is a standby, which only reads"))
        }
        // An answer that is not of the protocol.
        Some(std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData) => Failure::Other(text),
        Some(_) => Failure::Unavailable(text),
        None if error.is_closed() || is_timeout(error) => Failure::Unavailable(text),
        None if asked == Asked::Connect => Failure::Refused(text),
        None => Failure::Other(text),
    }
}

/// The client has no method that says so.
fn is_timeout(error: &Error) -> bool {
    error.to_string().contains("timeout")
}

/// Whether the connection is gone, and with it all that was not committed.
pub(crate) fn is_disconnect(error: &Error) -> bool {
    match error.as_db_error() {
        Some(answer) => matches!(answer.parsed_severity(), Some(Severity::Fatal | Severity::Panic)),
        None => true,
    }
}

/// A reply that is lost.
pub(crate) fn lost(text: String, asked: Asked) -> Failure {
    match asked {
        Asked::Commit => Failure::CommitUnknown(text),
        Asked::Connect | Asked::Statement => Failure::Unavailable(text),
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, of_code};
    use walnut::remote::Failure;

    #[test]
    fn codes_have_one_meaning_each() {
        let text = || "t".to_owned();
        let conflicts = ["40001", "40P01", "23505", "55P03"];
        for code in conflicts {
            assert_eq!(of_code(code, text(), Asked::Commit), Failure::Conflict, "{code}");
        }
        for code in ["72000", "25P03", "25P04"] {
            assert_eq!(of_code(code, text(), Asked::Statement), Failure::TooOld, "{code}");
        }
        for code in ["57P01", "57P02", "57P03", "53300", "25006", "57014"] {
            assert_eq!(of_code(code, text(), Asked::Commit), Failure::Unavailable(text()), "{code}");
        }
        for code in ["28P01", "28000", "3D000", "42501", "42P01", "53100"] {
            assert_eq!(of_code(code, text(), Asked::Connect), Failure::Refused(text()), "{code}");
        }
        assert_eq!(of_code("54000", text(), Asked::Commit), Failure::TooLarge(text()));
        assert_eq!(of_code("XX000", text(), Asked::Commit), Failure::Other(text()));
    }

    #[test]
    fn a_reply_that_is_lost_is_unknown_in_a_commit_alone() {
        for code in ["40003", "08006", "08003"] {
            let text = || "t".to_owned();
            assert_eq!(of_code(code, text(), Asked::Commit), Failure::CommitUnknown(text()), "{code}");
            assert_eq!(of_code(code, text(), Asked::Statement), Failure::Unavailable(text()), "{code}");
        }
    }

    #[test]
    fn a_standby_is_the_wrong_server_at_first_and_a_failover_later() {
        let text = || "t".to_owned();
        assert_eq!(of_code("25006", text(), Asked::Connect), Failure::Refused(text()));
        assert_eq!(of_code("25006", text(), Asked::Commit), Failure::Unavailable(text()));
    }
}
