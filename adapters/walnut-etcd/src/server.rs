//! The first requests: whether the cluster is one that the adapter knows, and whether the keys below
//! its prefix are its own.

use std::sync::Arc;

use tonic::Status;
use walnut::remote::Failure;

use crate::cluster::{Cluster, RANGE, STATUS, TXN};
use crate::failure::{Asked, failure};
use crate::wire::{
    Compare, CompareTarget, Op, PutRequest, RangeRequest, RangeResponse, StatusRequest, StatusResponse,
    TxnRequest, TxnResponse,
};

/// The oldest etcd that is accepted.
const OLDEST: (u32, u32) = (3, 4);
/// What the mark says: how the keys below the prefix are laid out.
const LAYOUT: &[u8] = b"walnut 1";

/// Checks the cluster, and marks the prefix when there is nothing below it.
pub(crate) async fn check(cluster: Arc<Cluster>) -> Result<(), Failure> {
    let failed = |(server, status): (String, Status)| failure(&server, &status, Asked::Read);
    let status: StatusResponse = cluster.read(STATUS, &StatusRequest {}).await.map_err(failed)?;
    check_version(&cluster.server, &status.version)?;

    let mark = RangeRequest { key: cluster.keys.mark(), ..RangeRequest::default() };
    let (key, range_end) = cluster.keys.all();
    let all = RangeRequest { key, range_end: range_end.clone(), limit: 1, ..RangeRequest::default() };
    // Of one state: another client may mark the prefix and write at this moment.
    let both = [mark.clone(), all.clone()].map(|range| Op::Range(range).into()).into();
    let request = TxnRequest { compare: Vec::new(), success: both };
    let answer: TxnResponse = cluster.read(TXN, &request).await.map_err(failed)?;
    let mut found = answer.responses.iter().filter_map(|response| response.range.as_ref());
    let (Some(marks), Some(any)) = (found.next(), found.next()) else {
        return Err(Failure::Other(format!("{}: an answer that makes no sense", cluster.server)));
    };
    if let Some(found) = marks.kvs.first() {
        return check_layout(&cluster.server, &found.value);
    }
    if !any.kvs.is_empty() {
        return foreign(&cluster.server);
    }
    // Another client may do the same at this moment, and writes the same; a third may write keys of
    // its own.
    let nothing = Compare {
        target: CompareTarget::Mod.into(),
        key: all.key,
        mod_revision: Some(0),
        range_end,
        ..Compare::default()
    };
    let put = Op::Put(PutRequest { key: cluster.keys.mark(), value: LAYOUT.to_vec() }).into();
    let request = TxnRequest { compare: vec![nothing], success: vec![put] };
    let marked: TxnResponse = cluster.commit(&request).await?;
    if marked.succeeded {
        return Ok(());
    }
    let found: RangeResponse = cluster.read(RANGE, &mark).await.map_err(failed)?;
    match found.kvs.first() {
        Some(found) => check_layout(&cluster.server, &found.value),
        None => foreign(&cluster.server),
    }
}

fn check_version(server: &str, version: &str) -> Result<(), Failure> {
    let mut numbers = version.split('.').map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= OLDEST => Ok(()),
        (Some(Ok(major)), Some(Ok(minor))) => Err(Failure::Refused(format!(
            "{server}: the server is version {major}.{minor}, which is too old; the oldest that works is {}.{}",
            OLDEST.0, OLDEST.1
        ))),
        _ => Err(Failure::Other(format!("{server}: its version is not a number"))),
    }
}

fn check_layout(server: &str, layout: &[u8]) -> Result<(), Failure> {
    if layout == LAYOUT {
        return Ok(());
    }
    if layout.starts_with(b"walnut ") {
        let text = "was laid out by a later version of this adapter";
        return Err(Failure::Refused(format!("{server}: the database {text}")));
    }
    foreign(server)
}

fn foreign(server: &str) -> Result<(), Failure> {
    let text = "the keys below the database's name belong to another program";
    Err(Failure::Refused(format!("{server}: {text}")))
}

#[cfg(test)]
mod tests {
    use walnut::remote::Failure;

    use super::{check_layout, check_version};

    #[test]
    fn an_old_server_is_refused_by_its_version() {
        for good in ["3.4.23", "3.5.0", "3.10.1", "4.0.0-rc.1"] {
            assert_eq!(check_version("s", good), Ok(()), "{good}");
        }
        let text = "s: the server is version 3.3, which is too old; the oldest that works is 3.4";
        assert_eq!(check_version("s", "3.3.25"), Err(Failure::Refused(text.to_owned())));
        for bad in ["", "3", "three.4"] {
            assert!(matches!(check_version("s", bad), Err(Failure::Other(_))), "{bad}");
        }
    }

    #[test]
    fn a_layout_is_known_later_or_foreign() {
        assert_eq!(check_layout("s", b"walnut 1"), Ok(()));
        for (layout, word) in [(&b"walnut 2"[..], "later"), (b"", "another"), (b"\xff", "another")] {
            match check_layout("s", layout) {
                Err(Failure::Refused(text)) => assert!(text.contains(word), "{text}"),
                other => panic!("{other:?}"),
            }
        }
    }
}
