//! Statuses of gRPC and of etcd, as failures of Walnut's contract.

use std::error::Error;

use tonic::{Code, ConnectError, Status};
use walnut::remote::Failure;

/// What was asked when an error came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Read,
    Commit,
}

/// What a status means. `server` names the engine and the node that answered.
///
/// etcd checks the form of a request, its size and the right to it before the request goes into the
/// log of the cluster; only after that the outcome of a commit can be unknown.
pub(crate) fn failure(server: &str, status: &Status, asked: Asked) -> Failure {
    let message = status.message();
    let mut text = format!("{server}: {message}");
    let mut source = status.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    if message.contains("has been compacted") {
        return Failure::TooOld;
    }
    if message.contains("request is too large") || message.contains("too many operations") {
        return Failure::TooLarge(text);
    }
    if message.contains("database space exceeded") || message.contains("authentication is not enabled") {
        return Failure::Refused(text);
    }
    // A token that has run out: the next request brings a new one.
    if message.contains("invalid auth token") || message.contains("revision of auth store is old") {
        return Failure::Unavailable(text);
    }
    if message.contains("authentication failed") || message.contains("user name is empty") {
        return Failure::Refused(text);
    }
    match status.code() {
        Code::Unauthenticated | Code::PermissionDenied => Failure::Refused(text),
        // "Too many requests" and "no space".
        Code::ResourceExhausted => Failure::Unavailable(text),
        Code::InvalidArgument | Code::Unimplemented | Code::NotFound | Code::FailedPrecondition => {
            Failure::Other(text)
        }
        _ if is_unsent(status) => Failure::Unavailable(text),
        _ if asked == Asked::Commit => Failure::CommitUnknown(text),
        Code::OutOfRange | Code::DataLoss | Code::Internal => Failure::Other(text),
        _ => Failure::Unavailable(text),
    }
}

/// Whether there was no connection to send the request on.
pub(crate) fn is_unsent(status: &Status) -> bool {
    let mut source = status.source();
    while let Some(cause) = source {
        if cause.is::<ConnectError>() {
            return true;
        }
        source = cause.source();
    }
    false
}

/// Whether another node may answer what this one did not.
pub(crate) fn is_transient(status: &Status) -> bool {
    matches!(failure("", status, Asked::Read), Failure::Unavailable(_))
}

/// Whether an answer was longer than the client accepts.
pub(crate) fn is_answer_too_long(status: &Status) -> bool {
    status.code() == Code::OutOfRange && status.message().contains("message length too large")
}

/// Whether a node does not have the revision yet.
pub(crate) fn is_future_revision(status: &Status) -> bool {
    status.message().contains("required revision is a future revision")
}

/// Whether the request carried no token, or one that has run out.
pub(crate) fn is_token_missing(status: &Status) -> bool {
    status.message().contains("invalid auth token") || status.message().contains("user name is empty")
}

#[cfg(test)]
mod tests {
    use tonic::{Code, Status};
    use walnut::remote::Failure;

    use super::{Asked, failure};

    /// The messages are those of etcd 3.4 and 3.5.
    #[test]
    fn statuses_have_one_meaning_each() {
        let meaning = |code, message: &str, asked| failure("s", &Status::new(code, message), asked);
        let compacted = "etcdserver: mvcc: required revision has been compacted";
        assert_eq!(meaning(Code::OutOfRange, compacted, Asked::Read), Failure::TooOld);
        let large = "etcdserver: request is too large";
        let text = |message: &str| format!("s: {message}");
        assert_eq!(meaning(Code::InvalidArgument, large, Asked::Commit), Failure::TooLarge(text(large)));
        let space = "etcdserver: mvcc: database space exceeded";
        assert_eq!(meaning(Code::ResourceExhausted, space, Asked::Commit), Failure::Refused(text(space)));
        let many = "etcdserver: too many requests";
        assert_eq!(meaning(Code::ResourceExhausted, many, Asked::Commit), Failure::Unavailable(text(many)));
        let password = "etcdserver: authentication failed, invalid user ID or password";
        assert_eq!(meaning(Code::InvalidArgument, password, Asked::Read), Failure::Refused(text(password)));
        let token = "etcdserver: invalid auth token";
        assert_eq!(meaning(Code::Unauthenticated, token, Asked::Commit), Failure::Unavailable(text(token)));
    }

    #[test]
    fn only_a_commit_that_may_be_in_the_log_is_unknown() {
        for (code, message) in [
            (Code::Unavailable, "etcdserver: request timed out, possibly due to previous leader failure"),
            (Code::Unavailable, "etcdserver: leader changed"),
            (Code::Unknown, "transport error"),
            (Code::DeadlineExceeded, "context deadline exceeded"),
            (Code::Internal, "failed to decode Protobuf message"),
        ] {
            let status = Status::new(code, message);
            assert!(matches!(failure("s", &status, Asked::Commit), Failure::CommitUnknown(_)), "{message}");
            assert!(!matches!(failure("s", &status, Asked::Read), Failure::CommitUnknown(_)), "{message}");
        }
    }
}
