//! What an attempt has written, and the way back.
//!
//! Every write that may be taken back leaves what stood there before in `undo`; to roll back is to walk it from its end.
//! While no statement runs and there is no savepoint, nothing can be taken back and `undo` is empty.
//!
//! 1. Who has a share of the map sees it as it was when it was shared: a write then copies the map first.
//! 2. `undo` has, for every savepoint and for the running statement, all writes since.

use std::collections::BTreeMap;

use super::guard::{Guard, Reservations};
use crate::error::{Error, Limit, Result};
use crate::sync::{Arc, AtomicU64, Ordering};
use crate::wal::MAX_PAYLOAD_SIZE;

/// By key: what was written last.
pub(crate) type Writes = BTreeMap<Vec<u8>, Write>;

/// The new value, or `None` for a removal.
type Write = Option<Vec<u8>>;

/// The most bytes that an entry takes in a commit beside its key and value: kind and two lengths.
const ENTRY_OVERHEAD: usize = 11;

/// A place in a transaction to come back to; see [`Transaction::savepoint`](crate::Transaction::savepoint).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "a savepoint does nothing by itself; give it to `rollback_to`"]
pub struct Savepoint {
    /// Different for all savepoints of the process.
    number: u64,
}

/// The writes of one attempt.
#[derive(Debug, Default)]
pub(super) struct WriteSet {
    writes: Arc<Writes>,
    /// The most that they take in a commit, in bytes.
    size: usize,
    undo: Vec<Undo>,
    /// Each with the place when it was made.
    savepoints: Vec<(Savepoint, Place)>,
    /// The place when the running statement began.
    statement: Option<Place>,
    /// The unique values that others should know of; those of a place that is gone back to are given back.
    pub(super) reservations: Reservations,
}

/// How much there was to take back.
#[derive(Clone, Copy, Debug)]
struct Place {
    undo_count: usize,
    reservation_count: usize,
}

/// What stood under a key before it was written.
#[derive(Debug)]
struct Undo {
    key: Vec<u8>,
    before: Option<Write>,
}

impl WriteSet {
    /// Nothing is written yet.
    pub(super) fn new(guard: &Arc<Guard>) -> Self {
        Self { reservations: Reservations::new(guard), ..Self::default() }
    }

    fn place(&self) -> Place {
        Place { undo_count: self.undo.len(), reservation_count: self.reservations.count() }
    }

    /// The writes as they are now.
    pub(super) fn share(&self) -> Arc<Writes> {
        Arc::clone(&self.writes)
    }

    /// Sets the value of `key`, or removes it.
    pub(super) fn write(&mut self, key: &[u8], value: Option<&[u8]>) {
        self.size += size_of_entry(key, value);
        let before = Arc::make_mut(&mut self.writes).insert(key.to_vec(), value.map(<[u8]>::to_vec));
        if let Some(before) = &before {
            self.size -= size_of_entry(key, before.as_deref());
        }
        if self.statement.is_some() || !self.savepoints.is_empty() {
            self.undo.push(Undo { key: key.to_vec(), before });
        }
    }

    /// Takes note that a statement begins; an error when one is running.
    pub(super) fn begin_statement(&mut self) -> Result<()> {
        self.ensure_between_statements()?;
        self.statement = Some(self.place());
        Ok(())
    }

    /// Keeps the writes of the running statement; an error when they are too much for one commit.
    pub(super) fn keep_statement(&mut self) -> Result<()> {
        if self.size > MAX_PAYLOAD_SIZE {
            return Err(Error::Limit(Limit::Commit { size: self.size, limit: MAX_PAYLOAD_SIZE }));
        }
        self.statement = None;
        self.forget_if_settled();
        Ok(())
    }

    /// Takes back the writes of the running statement, if it was not kept.
    pub(super) fn end_statement(&mut self) {
        if let Some(begin) = self.statement.take() {
            self.take_back(begin);
            self.forget_if_settled();
        }
    }

    /// A place to come back to. Within a statement it is the place before it, as a statement is never taken back by half.
    pub(super) fn savepoint(&mut self) -> Savepoint {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let savepoint = Savepoint { number: NEXT.fetch_add(1, Ordering::Relaxed) };
        self.savepoints.push((savepoint, self.statement.unwrap_or_else(|| self.place())));
        savepoint
    }

    /// Takes back every write since `savepoint`, and forgets the savepoints since; it stays itself.
    pub(super) fn rollback_to(&mut self, savepoint: Savepoint) -> Result<()> {
        self.ensure_between_statements()?;
        let place =
            self.savepoints.iter().rposition(|(known, _)| *known == savepoint).ok_or(Error::Unsupported(
                "rolling back to a savepoint of another transaction, or one that was rolled back past",
            ))?;
        let (_, begin) = self.savepoints[place];
        self.savepoints.truncate(place + 1);
        self.take_back(begin);
        Ok(())
    }

    fn ensure_between_statements(&self) -> Result<()> {
        if self.statement.is_some() {
            return Err(Error::Unsupported(
                "writing in a transaction, or rolling it back, from within one of its own statements",
            ));
        }
        Ok(())
    }

    /// Takes back what came after a place.
    fn take_back(&mut self, Place { undo_count, reservation_count }: Place) {
        self.reservations.truncate(reservation_count);
        if self.undo.len() == undo_count {
            return;
        }
        let writes = Arc::make_mut(&mut self.writes);
        for Undo { key, before } in self.undo.drain(undo_count..).rev() {
            if let Some(undone) = writes.get(&key) {
                self.size -= size_of_entry(&key, undone.as_deref());
            }
            match before {
                Some(before) => {
                    self.size += size_of_entry(&key, before.as_deref());
                    writes.insert(key, before);
                }
                None => drop(writes.remove(&key)),
            }
        }
    }

    fn forget_if_settled(&mut self) {
        if self.savepoints.is_empty() {
            self.undo.clear();
        }
    }
}

fn size_of_entry(key: &[u8], value: Option<&[u8]>) -> usize {
    key.len() + value.map_or(0, <[u8]>::len) + ENTRY_OVERHEAD
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Deed {
        Write(u8, Option<Vec<u8>>),
        Statement { writes: Vec<(u8, Option<Vec<u8>>)>, marks: bool, fails: bool },
        Savepoint,
        RollBack(prop::sample::Index),
        Share,
    }

    fn write() -> impl Strategy<Value = (u8, Option<Vec<u8>>)> {
        (0u8..8, prop::option::of(prop::collection::vec(any::<u8>(), 0..5)))
    }

    fn deed() -> impl Strategy<Value = Deed> {
        prop_oneof![
            write().prop_map(|(key, value)| Deed::Write(key, value)),
            (prop::collection::vec(write(), 0..5), any::<bool>(), any::<bool>())
                .prop_map(|(writes, marks, fails)| Deed::Statement { writes, marks, fails }),
            Just(Deed::Savepoint),
            any::<prop::sample::Index>().prop_map(Deed::RollBack),
            Just(Deed::Share),
        ]
    }

    proptest! {
        #[test]
        fn every_way_back_leads_to_the_state_that_was(deeds in prop::collection::vec(deed(), 0..40)) {
            let mut set = WriteSet::default();
            let mut model = Writes::new();
            let (mut savepoints, mut shares) = (Vec::new(), Vec::new());
            for deed in deeds {
                match deed {
                    Deed::Write(key, value) => {
                        set.write(&[key], value.as_deref());
                        model.insert(vec![key], value);
                    }
                    Deed::Statement { writes, marks, fails } => {
                        let before = model.clone();
                        set.begin_statement().expect("none is running");
                        prop_assert!(set.begin_statement().is_err());
                        for (key, value) in writes {
                            set.write(&[key], value.as_deref());
                            model.insert(vec![key], value);
                        }
                        if marks {
                            // In the middle of a statement: the place before it.
                            savepoints.push((set.savepoint(), before.clone()));
                        }
                        if fails {
                            model = before;
                        } else {
                            set.keep_statement().expect("it is small");
                        }
                        set.end_statement();
                    }
                    Deed::Savepoint => savepoints.push((set.savepoint(), model.clone())),
                    Deed::RollBack(_) if savepoints.is_empty() => {}
                    Deed::RollBack(place) => {
                        let place = place.index(savepoints.len());
                        let (savepoint, state) = savepoints[place].clone();
                        set.rollback_to(savepoint).expect("it was not rolled back past");
                        for (gone, _) in savepoints.drain(place + 1..) {
                            prop_assert!(set.rollback_to(gone).is_err());
                        }
                        model = state;
                    }
                    Deed::Share => shares.push((set.share(), model.clone())),
                }
                prop_assert_eq!(&*set.writes, &model);
                let size: usize = model.iter().map(|(key, value)| size_of_entry(key, value.as_deref())).sum();
                prop_assert_eq!(set.size, size);
            }
            for (share, state) in shares {
                prop_assert_eq!(&*share, &state);
            }
        }
    }

    #[test]
    fn a_statement_that_is_too_much_for_one_commit_is_refused() {
        let mut set = WriteSet { size: MAX_PAYLOAD_SIZE - ENTRY_OVERHEAD - 3, ..WriteSet::default() };
        set.begin_statement().expect("none is running");
        set.write(b"k", Some(b"vv"));
        set.keep_statement().expect("it fits exactly");
        set.begin_statement().expect("none is running");
        set.write(b"k", Some(b"vvv"));
        assert!(matches!(set.keep_statement(), Err(Error::Limit(Limit::Commit { .. }))));
        set.end_statement();
        assert_eq!(set.share().get(b"k".as_slice()), Some(&Some(b"vv".to_vec())));
    }
}
