//! A session: one transaction of FoundationDB.

use std::sync::Arc;

use walnut::Durability;
use walnut::remote::{Failure, Limits, Mode, Page, Session, Writes};

use crate::client::{Code, RangeRead, Transaction};
use crate::failure::{Asked, failure};
use crate::{BEHIND, DATA, Place};

pub(crate) struct FdbSession {
    place: Arc<Place>,
    transaction: Box<dyn Transaction>,
    limits: Limits,
    /// Whether what is read is no matter of the commit.
    snapshot: bool,
}

impl FdbSession {
    pub(crate) fn new(
        place: Arc<Place>,
        transaction: Box<dyn Transaction>,
        limits: Limits,
        mode: Mode,
    ) -> Self {
        Self { place, transaction, limits, snapshot: mode != Mode::Write }
    }

    fn told(&self, asked: Asked) -> impl Fn(Code) -> Failure + use<> {
        let place = Arc::clone(&self.place);
        move |code| failure(&place.server, code, asked)
    }

    fn nonsense(&self) -> Failure {
        Failure::Other(format!("{}: an answer that makes no sense", self.place.server))
    }
}

impl Session for FdbSession {
    fn pin(&mut self) -> Result<(), Failure> {
        let told = self.told(Asked::Read);
        self.transaction.read_version().map(drop).map_err(told)
    }

    fn get_many(&mut self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, Failure> {
        let told = self.told(Asked::Read);
        let stored: Vec<_> = keys.iter().map(|key| self.place.key(DATA, key)).collect();
        let values = self.transaction.get_many(&stored, self.snapshot).map_err(told)?;
        if values.len() == keys.len() { Ok(values) } else { Err(self.nonsense()) }
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
        let end = end.map_or_else(|| self.place.key(BEHIND, &[]), |end| self.place.key(DATA, end));
        let start = self.place.key(DATA, start);
        let range = RangeRead { start, end, limit: limit.max(1), reverse, snapshot: self.snapshot };
        let told = self.told(Asked::Read);
        let answer = self.transaction.get_range(&range).map_err(told)?;
        let mut entries = Vec::with_capacity(answer.entries.len());
        for (key, value) in answer.entries {
            let key = key.strip_prefix(&*self.place.prefix).and_then(|key| key.strip_prefix(&[DATA]));
            entries.push((key.ok_or_else(|| self.nonsense())?.to_vec(), value));
        }
        let last = entries.last().map(|(key, _)| key.clone());
        let rest = match last.filter(|_| answer.more) {
            Some(last) if reverse => Some(last),
            Some(last) => Some([&last[..], &[0]].concat()),
            // Where it goes on is not known.
            None if answer.more => return Err(self.nonsense()),
            None => None,
        };
        Ok(Page { entries, rest })
    }

    /// As durable as it can be, whatever is asked: FoundationDB has no other commits.
    fn commit(mut self: Box<Self>, writes: &Writes, _: Durability) -> Result<(), Failure> {
        self.limits.check(&self.place.server, writes)?;
        // What was read is of one version, so it holds together without asking.
        if writes.is_empty() {
            return Ok(());
        }
        // What is declared as read is compared from this version on.
        self.pin()?;
        let told = self.told(Asked::Read);
        let (place, transaction) = (&self.place, &mut self.transaction);
        for (start, end) in writes.ranges() {
            let (start, end) = (place.key(DATA, start), place.key(DATA, end));
            transaction.add_read_conflict(&start, &end).map_err(&told)?;
            transaction.clear_range(&start, &end);
        }
        for (key, value) in writes.keys() {
            let key = place.key(DATA, key);
            transaction.add_read_conflict(&key, &[&key[..], &[0]].concat()).map_err(&told)?;
            match value {
                Some(value) => transaction.set(&key, value),
                None => transaction.clear(&key),
            }
        }
        let told = self.told(Asked::Commit);
        self.transaction.commit().map_err(told)
    }
}
