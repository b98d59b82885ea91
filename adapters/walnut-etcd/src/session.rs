//! A session: reads of one revision, and one transaction of etcd.
//!
//! ```text
//!   first read   linearizable, of the newest revision, which the answer names: R
//!   others       of revision R, by whichever node has it
//!   commit       if nothing that was read has changed since R, write all
//! ```
//!
//! Nothing is held on the server, so a session that is dropped leaves nothing.

use std::sync::Arc;

use tonic::Status;
use walnut::Durability;
use walnut::remote::{Failure, Mode, Page, Session, Writes};

use crate::cluster::{Cluster, RANGE, TXN};
use crate::failure::{Asked, failure, is_answer_too_long, is_future_revision};
use crate::keys::after;
use crate::reads::Reads;
use crate::wire::{KeyValue, Op, RangeRequest, RangeResponse, RequestOp, SortOrder, TxnRequest, TxnResponse};
use crate::writes::operations;

/// The most keys that are read in one transaction of etcd.
const KEYS: usize = 128;
/// The most entries of a page.
const PAGE_COUNT: usize = 1024;

pub(crate) struct EtcdSession {
    cluster: Arc<Cluster>,
    mode: Mode,
    /// The revision that is read, from the first read on.
    revision: Option<i64>,
    reads: Reads,
}

/// A key or a page, before it is known at which revision.
#[derive(Clone)]
struct Range {
    key: Vec<u8>,
    end: Vec<u8>,
    limit: i64,
    order: SortOrder,
}

impl Range {
    fn of_key(key: Vec<u8>) -> Self {
        Self { key, end: Vec::new(), limit: 0, order: SortOrder::None }
    }

    /// A session that has its revision reads from any node, unless that was found not to have it.
    fn at(&self, revision: Option<i64>, linearizable: bool) -> RangeRequest {
        RangeRequest {
            key: self.key.clone(),
            range_end: self.end.clone(),
            limit: self.limit,
            revision: revision.unwrap_or(0),
            sort_order: self.order.into(),
            serializable: revision.is_some() && !linearizable,
        }
    }
}

impl EtcdSession {
    pub(crate) fn new(cluster: Arc<Cluster>, mode: Mode) -> Self {
        Self { cluster, mode, revision: None, reads: Reads::default() }
    }

    /// Reads, and takes the revision of the first answer for all that follow.
    ///
    /// `None` if the answer is longer than the client accepts.
    fn read(&mut self, ranges: Vec<Range>) -> Result<Option<Vec<RangeResponse>>, Failure> {
        let (cluster, known) = (Arc::clone(&self.cluster), self.revision);
        let count = ranges.len();
        let outcome = self.cluster.runtime.run(self.cluster.timeout, async move {
            match ask(&cluster, &ranges, known, false).await {
                Err((_, status)) if is_future_revision(&status) => ask(&cluster, &ranges, known, true).await,
                outcome => outcome,
            }
        });
        let (revision, answers) = match outcome {
            Ok(Ok(found)) => found,
            Ok(Err((_, status))) if is_answer_too_long(&status) => return Ok(None),
            Ok(Err((server, status))) => return Err(failure(&server, &status, Asked::Read)),
            Err(unfinished) => {
                self.cluster.leave_current();
                return Err(Failure::Unavailable(self.cluster.late(unfinished)));
            }
        };
        if answers.len() != count || revision <= 0 {
            return Err(Failure::Other(format!("{}: an answer that makes no sense", self.cluster.server)));
        }
        self.revision.get_or_insert(revision);
        Ok(Some(answers))
    }

    /// Reads keys, in as many requests as their values need.
    fn read_keys(&mut self, keys: &[&[u8]], found: &mut Vec<Option<KeyValue>>) -> Result<(), Failure> {
        let ranges = keys.iter().map(|key| Range::of_key(self.cluster.keys.data(key))).collect();
        match self.read(ranges)? {
            Some(answers) => {
                found.extend(answers.into_iter().map(|answer| answer.kvs.into_iter().next()));
                Ok(())
            }
            None if keys.len() > 1 => {
                let (left, right) = keys.split_at(keys.len() / 2);
                self.read_keys(left, found)?;
                self.read_keys(right, found)
            }
            None => Err(self.too_long()),
        }
    }

    fn too_long(&self) -> Failure {
        Failure::TooLarge(format!("{}: a value is longer than the client accepts", self.cluster.server))
    }

    fn remember(&mut self, key: &[u8], mod_revision: i64) {
        if self.mode == Mode::Write {
            self.reads.key(key, mod_revision);
        }
    }

    /// The key of Walnut's, and the value.
    fn entry(&mut self, found: KeyValue) -> Result<(Vec<u8>, Vec<u8>), Failure> {
        let Some(key) = self.cluster.keys.of_data(&found.key).map(<[u8]>::to_vec) else {
            return Err(Failure::Other(format!("{}: an answer that makes no sense", self.cluster.server)));
        };
        self.remember(&key, found.mod_revision);
        Ok((key, found.value))
    }
}

impl Session for EtcdSession {
    fn pin(&mut self) -> Result<(), Failure> {
        if self.revision.is_some() {
            return Ok(());
        }
        let mark = Range::of_key(self.cluster.keys.mark());
        self.read(vec![mark]).map(drop)
    }

    fn get_many(&mut self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, Failure> {
        let mut found = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(KEYS) {
            self.read_keys(chunk, &mut found)?;
        }
        let values = keys.iter().zip(found).map(|(key, found)| {
            let mod_revision = found.as_ref().map_or(0, |found| found.mod_revision);
            self.remember(key, mod_revision);
            found.map(|found| found.value)
        });
        Ok(values.collect())
    }

    fn scan(
        &mut self,
        start: &[u8],
        end: Option<&[u8]>,
        limit: usize,
        reverse: bool,
    ) -> Result<Page, Failure> {
        if end.is_some_and(|end| start >= end) {
            return Ok(Page::default());
        }
        let keys = &self.cluster.keys;
        let range_end = end.map_or_else(|| keys.data_end(), |end| keys.data(end));
        let order = if reverse { SortOrder::Descend } else { SortOrder::None };
        let mut range = Range { key: keys.data(start), end: range_end, limit: 0, order };
        let mut count = limit.clamp(1, PAGE_COUNT);
        let answer = loop {
            range.limit = i64::try_from(count).unwrap_or(i64::MAX);
            match self.read(vec![range.clone()])? {
                Some(answers) => break answers.into_iter().next().unwrap_or_default(),
                None if count > 1 => count = count.div_ceil(4),
                None => return Err(self.too_long()),
            }
        };
        let more = answer.more;
        let entries = answer.kvs.into_iter().map(|found| self.entry(found)).collect::<Result<Vec<_>, _>>()?;
        let last = entries.last().filter(|_| more).map(|(key, _)| key.clone());
        let rest = if reverse { last } else { last.map(after) };
        if self.mode == Mode::Write {
            match &rest {
                Some(rest) if reverse => self.reads.range(rest, end),
                Some(rest) => self.reads.range(start, Some(rest)),
                None => self.reads.range(start, end),
            }
        }
        Ok(Page { entries, rest })
    }

    /// As durable as it can be, whatever is asked: etcd has no other commits.
    fn commit(self: Box<Self>, writes: &Writes, _: Durability) -> Result<(), Failure> {
        let Cluster { server, operation_count, keys, .. } = &*self.cluster;
        let success = operations(server, *operation_count, keys, writes)?;
        // What was read is of one revision, so it holds together without asking.
        if success.is_empty() {
            return Ok(());
        }
        let compare = self.revision.map_or_else(Vec::new, |revision| {
            let written = writes.keys().map(|(key, _)| key);
            self.reads.compares(&self.cluster.keys, revision, written, writes.ranges())
        });
        let cluster = Arc::clone(&self.cluster);
        let request = TxnRequest { compare, success };
        let outcome = self
            .cluster
            .runtime
            .run(self.cluster.timeout, async move { cluster.commit::<_, TxnResponse>(&request).await });
        match outcome {
            Ok(Ok(answer)) if answer.header.is_none() => {
                let text = format!("{}: an answer that makes no sense", self.cluster.server);
                Err(Failure::CommitUnknown(text))
            }
            Ok(Ok(answer)) if answer.succeeded => Ok(()),
            Ok(Ok(_)) => Err(Failure::Conflict),
            Ok(Err(failure)) => Err(failure),
            Err(unfinished) => {
                self.cluster.leave_current();
                Err(Failure::CommitUnknown(self.cluster.late(unfinished)))
            }
        }
    }
}

/// Reads in one request; the revision that was read, and the answers.
async fn ask(
    cluster: &Cluster,
    ranges: &[Range],
    revision: Option<i64>,
    linearizable: bool,
) -> Result<(i64, Vec<RangeResponse>), (String, Status)> {
    let revision_of = |header: Option<&crate::wire::Header>| header.map_or(0, |header| header.revision);
    if let [range] = ranges {
        let answer: RangeResponse = cluster.read(RANGE, &range.at(revision, linearizable)).await?;
        return Ok((revision_of(answer.header.as_ref()), vec![answer]));
    }
    let operation = |range: &Range| RequestOp::from(Op::Range(range.at(revision, linearizable)));
    let request = TxnRequest { compare: Vec::new(), success: ranges.iter().map(operation).collect() };
    let answer: TxnResponse = cluster.read(TXN, &request).await?;
    let revision = revision_of(answer.header.as_ref());
    Ok((revision, answer.responses.into_iter().filter_map(|response| response.range).collect()))
}
