//! FoundationDB's error codes, as failures of Walnut's contract.

use walnut::remote::Failure;

use crate::client::Code;

/// What was asked when an error came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Read,
    Commit,
}

/// What an error means; `server` is named in its text.
pub(crate) fn failure(server: &str, code: Code, asked: Asked) -> Failure {
    let text = format!("{server}: {code}");
    match code.0 {
        // not_committed
        1020 => Failure::Conflict,
        // transaction_too_old
        1007 => Failure::TooOld,
        // future_version, process_behind, database_locked, commit_proxy_memory_limit_exceeded, batch_transaction_throttled,
        // grv_proxy_memory_limit_exceeded, tag_throttled: nothing was done, and it may be later
        1009 | 1037 | 1038 | 1042 | 1051 | 1078 | 1213 => Failure::Unavailable(text),
        // transaction_too_large, key_too_large, value_too_large
        2101..=2103 => Failure::TooLarge(text),
        // no_cluster_file_found, cluster_file_too_large, incompatible_protocol_version, connection_string_invalid,
        // connection_file, api_version of the client, permission_denied
        1515 | 1516 | 2100 | 2104 | 2105 | 2203 | 6000 => Failure::Refused(text),
        // commit_unknown_result, cluster_version_changed, and each that is not known to mean that nothing was done
        _ if asked == Asked::Commit => Failure::CommitUnknown(text),
        // timed_out, cluster_version_changed, transaction_cancelled, transaction_timed_out
        1004 | 1021 | 1025 | 1031 | 1039 => Failure::Unavailable(text),
        _ => Failure::Other(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_means_that_nothing_was_done_only_where_that_is_documented() {
        let meaning = |code, asked| failure("here", Code(code), asked);
        assert_eq!(meaning(1020, Asked::Commit), Failure::Conflict);
        assert_eq!(meaning(1007, Asked::Commit), Failure::TooOld);
        for code in [1021, 1039, 1031, 1025, 1004, 4100, 1500] {
            assert!(matches!(meaning(code, Asked::Commit), Failure::CommitUnknown(_)), "{code}");
            assert!(!matches!(meaning(code, Asked::Read), Failure::CommitUnknown(_)), "{code}");
        }
        for code in [2101, 2102, 2103] {
            assert!(matches!(meaning(code, Asked::Commit), Failure::TooLarge(_)), "{code}");
        }
        assert_eq!(meaning(6000, Asked::Read), Failure::Refused("here: error 6000".to_owned()));
    }
}
