//! A cluster in memory that does what FoundationDB's documentation says: versions, conflict ranges, limits and error codes.
//!
//! A transaction conflicts if what it has read or declared as read was written since its version. A write that was not
//! declared is none. That is what an adapter has to make Walnut's contract of.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use walnut_fdb::{Client, Code, RangeAnswer, RangeRead, Transaction};

const TOO_OLD: Code = Code(1007);
const NOT_COMMITTED: Code = Code(1020);
const UNKNOWN_RESULT: Code = Code(1021);
const TOO_LARGE: Code = Code(2101);
const KEY_TOO_LARGE: Code = Code(2102);
const VALUE_TOO_LARGE: Code = Code(2103);

type Range = (Vec<u8>, Vec<u8>);

/// What a key has from a version on.
type Version = (i64, Option<Vec<u8>>);

/// A cluster. Clones are clients of the same one.
#[derive(Clone, Default)]
pub(crate) struct Cluster {
    state: Arc<Mutex<State>>,
    /// Whether what is declared as read is forgotten, as by an adapter that does not declare it.
    forgets_declared: bool,
}

#[derive(Default)]
struct State {
    version: i64,
    /// The oldest version that can be read.
    oldest: i64,
    keys: BTreeMap<Vec<u8>, Vec<Version>>,
    written: Vec<(i64, Vec<Range>)>,
    /// Of each so many commits one loses its reply, before or after it is done by turns.
    lost_every: Option<u64>,
    commit_count: u64,
    /// The size of the largest commit.
    largest: usize,
}

impl Cluster {
    /// One that forgets what is declared as read.
    pub(crate) fn without_declarations() -> Self {
        Self { forgets_declared: true, ..Self::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Loses one of so many replies to commits.
    pub(crate) fn lose_every(&self, count: u64) {
        self.state().lost_every = Some(count);
    }

    /// Forgets the versions of now, as after five seconds.
    pub(crate) fn pass_five_seconds(&self) {
        let mut state = self.state();
        state.version += 1;
        state.oldest = state.version;
    }

    /// The size of the largest commit, as FoundationDB counts it.
    pub(crate) fn largest(&self) -> usize {
        self.state().largest
    }

    pub(crate) fn set(&self, key: &[u8], value: &[u8]) {
        let mut transaction = self.begin().expect("a transaction");
        transaction.set(key, value);
        transaction.commit().expect("no conflict");
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").finish_non_exhaustive()
    }
}

impl Client for Cluster {
    fn cluster(&self) -> String {
        "simulated".to_owned()
    }

    fn begin(&self) -> Result<Box<dyn Transaction>, Code> {
        Ok(Box::new(Simulated {
            cluster: self.clone(),
            version: None,
            read: Vec::new(),
            cleared: Vec::new(),
            writes: BTreeMap::new(),
        }))
    }
}

struct Simulated {
    cluster: Cluster,
    version: Option<i64>,
    read: Vec<Range>,
    cleared: Vec<Range>,
    writes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

fn after(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

fn at(versions: &[Version], version: i64) -> Option<Vec<u8>> {
    versions.iter().rev().find(|(written, _)| *written <= version).and_then(|(_, value)| value.clone())
}

impl Simulated {
    fn state_to_read(&mut self) -> Result<(MutexGuard<'_, State>, i64), Code> {
        assert!(self.writes.is_empty() && self.cleared.is_empty(), "Walnut never reads after a write");
        let version = self.read_version()?;
        let state = self.cluster.state();
        if version < state.oldest { Err(TOO_OLD) } else { Ok((state, version)) }
    }

    /// The bytes of mutations and of the conflict ranges of both kinds.
    fn size(&self) -> usize {
        let range = |(start, end): &Range| start.len() + end.len();
        let written: usize = self
            .writes
            .iter()
            .map(|(key, value)| 12 + 3 * key.len() + 1 + value.as_ref().map_or(0, Vec::len))
            .sum();
        let cleared: usize = self.cleared.iter().map(|cleared| 12 + 2 * range(cleared)).sum();
        written + cleared + self.read.iter().map(range).sum::<usize>()
    }
}

impl Transaction for Simulated {
    fn read_version(&mut self) -> Result<i64, Code> {
        let version = self.cluster.state().version;
        Ok(*self.version.get_or_insert(version))
    }

    fn get_many(&mut self, keys: &[Vec<u8>], snapshot: bool) -> Result<Vec<Option<Vec<u8>>>, Code> {
        let (state, version) = self.state_to_read()?;
        let value = |key| state.keys.get(key).and_then(|versions| at(versions, version));
        let values = keys.iter().map(value).collect();
        drop(state);
        if !snapshot {
            self.read.extend(keys.iter().map(|key| (key.clone(), after(key))));
        }
        Ok(values)
    }

    fn get_range(&mut self, range: &RangeRead) -> Result<RangeAnswer, Code> {
        let (state, version) = self.state_to_read()?;
        let bounds = (Bound::Included(range.start.clone()), Bound::Excluded(range.end.clone()));
        let found = state
            .keys
            .range(bounds)
            .filter_map(|(key, versions)| Some((key.clone(), at(versions, version)?)));
        // A part of what is asked for, as the cluster does with much.
        let count = range.limit.min(50);
        let entries: Vec<_> = if range.reverse {
            found.rev().take(count + 1).collect()
        } else {
            found.take(count + 1).collect()
        };
        drop(state);
        let more = entries.len() > count;
        let entries: Vec<_> = entries.into_iter().take(count).collect();
        if !range.snapshot {
            let last = entries.last().filter(|_| more).map(|(key, _)| key.clone());
            self.read.push(match last {
                Some(last) if range.reverse => (last, range.end.clone()),
                Some(last) => (range.start.clone(), after(&last)),
                None => (range.start.clone(), range.end.clone()),
            });
        }
        Ok(RangeAnswer { entries, more })
    }

    fn add_read_conflict(&mut self, start: &[u8], end: &[u8]) -> Result<(), Code> {
        if !self.cluster.forgets_declared {
            self.read.push((start.to_vec(), end.to_vec()));
        }
        Ok(())
    }

    fn set(&mut self, key: &[u8], value: &[u8]) {
        self.writes.insert(key.to_vec(), Some(value.to_vec()));
    }

    fn clear(&mut self, key: &[u8]) {
        self.writes.insert(key.to_vec(), None);
    }

    fn clear_range(&mut self, start: &[u8], end: &[u8]) {
        self.cleared.push((start.to_vec(), end.to_vec()));
    }

    fn commit(mut self: Box<Self>) -> Result<(), Code> {
        let read_version = self.read_version()?;
        let size = self.size();
        let mut state = self.cluster.state();
        let mut sizes =
            self.writes.iter().map(|(key, value)| (key.len(), value.as_ref().map_or(0, Vec::len)));
        if let Some((key_size, _)) = sizes.find(|(key, value)| *key > 10_000 || *value > 100_000) {
            return Err(if key_size > 10_000 { KEY_TOO_LARGE } else { VALUE_TOO_LARGE });
        }
        if size > 10_000_000 {
            return Err(TOO_LARGE);
        }
        if read_version < state.oldest {
            return Err(TOO_OLD);
        }
        state.commit_count += 1;
        let turn = state.lost_every.map_or(1, |every| state.commit_count % (2 * every));
        if turn == 0 {
            return Err(UNKNOWN_RESULT);
        }
        let meets = |one: &Range, other: &Range| one.0 < other.1 && other.0 < one.1;
        let newer = state.written.iter().rev().take_while(|(version, _)| *version > read_version);
        if newer
            .flat_map(|(_, ranges)| ranges)
            .any(|written| self.read.iter().any(|read| meets(read, written)))
        {
            return Err(NOT_COMMITTED);
        }
        state.largest = state.largest.max(size);
        state.version += 1;
        let version = state.version;
        let mut written = self.cleared.clone();
        for (start, end) in &self.cleared {
            for (_, versions) in state.keys.range_mut(start.clone()..end.clone()) {
                versions.push((version, None));
            }
        }
        for (key, value) in std::mem::take(&mut self.writes) {
            written.push((key.clone(), after(&key)));
            state.keys.entry(key).or_default().push((version, value));
        }
        state.written.push((version, written));
        if state.lost_every == Some(turn) { Err(UNKNOWN_RESULT) } else { Ok(()) }
    }
}
