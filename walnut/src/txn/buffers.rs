//! The writes of a transaction with savepoints.
//!
//! While no statement runs and there is no savepoint, nothing can be rolled back, and overwritten
//! versions can be dropped.
//!
//! A reader that shares the writes sees them as they were at that time: the next write copies them
//! first.

use super::reservations::{TxnReservations, UniqueReservations};
use super::write_buffer::{CounterKey, Write, WriteBuffer};
use crate::base::KeyHash;
use crate::error::{Error, Limit, Result};
use crate::sync::{Arc, AtomicU64, Ordering};
use crate::wal::MAX_PAYLOAD_SIZE;

/// A mark in a transaction to roll back to; see
/// [`Transaction::savepoint`](crate::Transaction::savepoint).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "a savepoint does nothing by itself; give it to `rollback_to`"]
pub struct Savepoint {
    /// Unique within the process.
    number: u64,
}

#[derive(Debug)]
pub(super) struct TxnBuffers {
    writes: Arc<WriteBuffer>,
    /// Each with the mark of its time.
    savepoints: Vec<(Savepoint, SavepointMark)>,
    /// The mark at which the running statement began.
    statement: Option<SavepointMark>,
    /// Early reservations; a rollback releases those made since its mark.
    pub(super) reservations: TxnReservations,
}

#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_field_names, reason = "each is the count of one buffer")]
struct SavepointMark {
    write_count: usize,
    counter_count: usize,
    reservation_count: usize,
}

impl Savepoint {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { number: NEXT.fetch_add(1, Ordering::Relaxed) }
    }
}

impl TxnBuffers {
    pub(super) fn new(reservations: &Arc<UniqueReservations>) -> Self {
        Self {
            writes: Arc::default(),
            savepoints: Vec::new(),
            statement: None,
            reservations: TxnReservations::new(reservations),
        }
    }

    fn mark(&self) -> SavepointMark {
        SavepointMark {
            write_count: self.writes.count(),
            counter_count: self.writes.counters().count(),
            reservation_count: self.reservations.count(),
        }
    }

    /// The number of writes, overwritten ones included.
    pub(super) fn count(&self) -> usize {
        self.writes.count()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    pub(super) fn share(&self) -> Arc<WriteBuffer> {
        Arc::clone(&self.writes)
    }

    /// The same, ordered for a scan.
    pub(super) fn share_ordered(&mut self) -> Arc<WriteBuffer> {
        if !self.writes.is_ordered() {
            Arc::make_mut(&mut self.writes).build_order();
        }
        self.share()
    }

    pub(super) fn write(&mut self, key: &[u8], value: Option<&[u8]>) {
        Arc::make_mut(&mut self.writes).write(key, value);
        self.compact_if_final();
    }

    pub(super) fn add(&mut self, key: &[u8], delta: i64) {
        Arc::make_mut(&mut self.writes).add(key, delta);
        self.compact_if_final();
    }

    pub(super) fn add_to_counter(&mut self, key: CounterKey, delta: i64) {
        Arc::make_mut(&mut self.writes).counters_mut().add(key, delta);
        self.compact_if_final();
    }

    /// Sets the value of `key` unless a value was written before, which is then returned.
    pub(super) fn write_new(&mut self, key: &[u8], value: &[u8]) -> Option<Vec<u8>> {
        if let Some(Write::Put(before)) = self.writes.get(key, KeyHash::of(key)) {
            return Some(before.to_vec());
        }
        self.write(key, Some(value));
        None
    }

    pub(super) fn reserve(&mut self, times: usize) {
        Arc::make_mut(&mut self.writes).reserve(times);
    }

    /// An error if a statement is running.
    pub(super) fn begin_statement(&mut self) -> Result<()> {
        self.ensure_between_statements()?;
        self.statement = Some(self.mark());
        Ok(())
    }

    /// Keeps the writes of the running statement; an error if they are too large for one commit.
    pub(super) fn keep_statement(&mut self) -> Result<()> {
        let size = self.writes.size();
        if size > MAX_PAYLOAD_SIZE {
            return Err(Error::Limit(Limit::Commit { size, limit: MAX_PAYLOAD_SIZE }));
        }
        self.statement = None;
        self.compact_if_final();
        Ok(())
    }

    /// Undoes the running statement, unless it was kept.
    pub(super) fn end_statement(&mut self) {
        if let Some(begin) = self.statement.take() {
            self.take_back(begin);
            self.compact_if_final();
        }
    }

    /// Within a statement the mark is the statement's beginning, since a statement is never undone
    /// by half.
    pub(super) fn set_savepoint(&mut self, savepoint: Savepoint) {
        self.savepoints.push((savepoint, self.statement.unwrap_or_else(|| self.mark())));
    }

    /// Undoes every write since `savepoint`, and drops the savepoints since; the savepoint itself
    /// stays.
    pub(super) fn rollback_to(&mut self, savepoint: Savepoint) -> Result<()> {
        self.ensure_between_statements()?;
        let index =
            self.savepoints.iter().rposition(|(known, _)| *known == savepoint).ok_or(Error::Unsupported(
                "rolling back to a savepoint of another transaction, or one that was rolled back past",
            ))?;
        let (_, begin) = self.savepoints[index];
        self.savepoints.truncate(index + 1);
        self.take_back(begin);
        Ok(())
    }

    fn ensure_between_statements(&self) -> Result<()> {
        if self.statement.is_some() {
            return Err(Error::Unsupported(
                "writing in a transaction, or rolling it back, while one of its own statements runs: within its closure, or in another \
                 thread",
            ));
        }
        Ok(())
    }

    fn take_back(&mut self, mark: SavepointMark) {
        let SavepointMark { write_count, counter_count, reservation_count } = mark;
        self.reservations.truncate(reservation_count);
        if self.writes.counters().count() > counter_count {
            Arc::make_mut(&mut self.writes).counters_mut().truncate(counter_count);
        }
        if self.writes.count() > write_count {
            Arc::make_mut(&mut self.writes).truncate(write_count);
        }
    }

    /// Drops overwritten versions when they are large and cannot be rolled back to.
    fn compact_if_final(&mut self) {
        if self.statement.is_some() || !self.savepoints.is_empty() {
            return;
        }
        if self.writes.is_wasteful() {
            Arc::make_mut(&mut self.writes).drop_overwritten();
        }
        if self.writes.counters().count() > 1 {
            Arc::make_mut(&mut self.writes).counters_mut().compact();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::write_buffer::ENTRY_OVERHEAD;
    use super::*;
    use crate::base::{KeyRange, Kind, number_in};
    use crate::batch::EntryBatch;

    type Model = BTreeMap<Vec<u8>, Owned>;

    /// A write with bytes of its own.
    #[derive(Clone, PartialEq, Eq, Debug)]
    enum Owned {
        Put(Vec<u8>),
        Delete,
        Add(i64),
    }

    fn owned(write: Write<'_>) -> Owned {
        match write {
            Write::Put(value) => Owned::Put(value.to_vec()),
            Write::Delete => Owned::Delete,
            Write::Add(delta) => Owned::Add(delta),
        }
    }

    impl Owned {
        fn size(&self) -> usize {
            match self {
                Self::Put(value) => value.len(),
                Self::Delete => 0,
                Self::Add(_) => 8,
            }
        }
    }

    /// Has the set and the model take a write; an add is one over what was written of its key.
    fn write_both(set: &mut TxnBuffers, model: &mut Model, key: u8, write: Owned) {
        let key = vec![key];
        let written = match &write {
            Owned::Put(value) => {
                set.write(&key, Some(value));
                write
            }
            Owned::Delete => {
                set.write(&key, None);
                write
            }
            &Owned::Add(delta) => {
                set.add(&key, delta);
                match model.get(&key) {
                    None => Owned::Add(delta),
                    Some(Owned::Add(before)) => Owned::Add(before.wrapping_add(delta)),
                    Some(Owned::Delete) => Owned::Put(delta.to_le_bytes().to_vec()),
                    Some(Owned::Put(before)) => {
                        let before =
                            if before.len() == 8 { number_in(before).expect("eight bytes") } else { 0 };
                        Owned::Put(before.wrapping_add(delta).to_le_bytes().to_vec())
                    }
                }
            }
        };
        model.insert(key, written);
    }

    /// What is there by key, as a scan, a get and a commit find it.
    fn listed(shared: &WriteBuffer) -> Model {
        let mut writes = shared.clone();
        writes.build_order();
        let all = KeyRange::all();
        let owned = |(key, write): (&[u8], Write<'_>)| (key.to_vec(), owned(write));
        let mut backward: Vec<_> = writes.within(&all).rev().map(owned).collect();
        backward.reverse();
        let listed: Model = writes.within(&all).map(owned).collect();
        assert!(backward.iter().map(|(key, value)| (key, value)).eq(&listed));
        let mut batch = EntryBatch::new();
        writes.add_to(&mut batch);
        let entry = |(key, value): (&Vec<u8>, &Owned)| match value {
            Owned::Put(value) => (Kind::Put, key.clone(), value.clone()),
            Owned::Delete => (Kind::Delete, key.clone(), Vec::new()),
            Owned::Add(delta) => (Kind::Add, key.clone(), delta.to_le_bytes().to_vec()),
        };
        let written = batch.iter().map(|(kind, key, value)| (kind, key.to_vec(), value.to_vec()));
        assert!(written.eq(listed.iter().map(entry)), "a commit has what a scan sees, in its order");
        for key in 0..8 {
            let found = shared.get(&[key], KeyHash::of(&[key]));
            assert_eq!(found.map(self::owned), listed.get(&[key][..]).cloned());
        }
        listed
    }

    #[derive(Clone, Debug)]
    enum Deed {
        Write(u8, Owned),
        Statement { writes: Vec<(u8, Owned)>, marks: bool, fails: bool },
        Savepoint,
        RollBack(prop::sample::Index),
        Share,
        ShareInOrder,
        Forget,
    }

    fn write() -> impl Strategy<Value = (u8, Owned)> {
        let write = prop_oneof![
            prop::collection::vec(any::<u8>(), 0..5).prop_map(Owned::Put),
            any::<i64>().prop_map(|number| Owned::Put(number.to_le_bytes().to_vec())),
            Just(Owned::Delete),
            any::<i64>().prop_map(Owned::Add),
        ];
        (0u8..8, write)
    }

    fn deed() -> impl Strategy<Value = Deed> {
        prop_oneof![
            write().prop_map(|(key, value)| Deed::Write(key, value)),
            (prop::collection::vec(write(), 0..5), any::<bool>(), any::<bool>())
                .prop_map(|(writes, marks, fails)| Deed::Statement { writes, marks, fails }),
            Just(Deed::Savepoint),
            any::<prop::sample::Index>().prop_map(Deed::RollBack),
            Just(Deed::Share),
            Just(Deed::ShareInOrder),
            Just(Deed::Forget),
        ]
    }

    proptest! {
        #[test]
        fn every_way_back_leads_to_the_state_that_was(deeds in prop::collection::vec(deed(), 0..40)) {
            let mut set = TxnBuffers::new(&Arc::default());
            let mut model = Model::new();
            let (mut savepoints, mut shares) = (Vec::new(), Vec::new());
            for deed in deeds {
                match deed {
                    Deed::Write(key, write) => write_both(&mut set, &mut model, key, write),
                    Deed::Statement { writes, marks, fails } => {
                        let before = model.clone();
                        set.begin_statement().expect("none is running");
                        prop_assert!(set.begin_statement().is_err());
                        for (key, write) in writes {
                            write_both(&mut set, &mut model, key, write);
                        }
                        if marks {
                            // In the middle of a statement: the place before it.
                            let savepoint = Savepoint::new();
                            set.set_savepoint(savepoint);
                            savepoints.push((savepoint, before.clone()));
                        }
                        if fails {
                            model = before;
                        } else {
                            set.keep_statement().expect("it is small");
                        }
                        set.end_statement();
                    }
                    Deed::Savepoint => {
                        let savepoint = Savepoint::new();
                        set.set_savepoint(savepoint);
                        savepoints.push((savepoint, model.clone()));
                    }
                    Deed::RollBack(_) if savepoints.is_empty() => {}
                    Deed::RollBack(index) => {
                        let index = index.index(savepoints.len());
                        let (savepoint, state) = savepoints[index].clone();
                        set.rollback_to(savepoint).expect("it was not rolled back past");
                        for (gone, _) in savepoints.drain(index + 1..) {
                            prop_assert!(set.rollback_to(gone).is_err());
                        }
                        model = state;
                    }
                    Deed::Share => shares.push((set.share(), model.clone())),
                    Deed::ShareInOrder => shares.push((set.share_ordered(), model.clone())),
                    Deed::Forget if savepoints.is_empty() => {
                        Arc::make_mut(&mut set.writes).drop_overwritten();
                        prop_assert_eq!(set.writes.count(), model.len());
                    }
                    Deed::Forget => {}
                }
                prop_assert_eq!(&listed(&set.writes), &model);
                let size = |(key, value): (&Vec<u8>, &Owned)| key.len() + value.size() + ENTRY_OVERHEAD;
                prop_assert_eq!(set.writes.size(), model.iter().map(size).sum::<usize>());
            }
            for (share, state) in shares {
                prop_assert_eq!(&listed(&share), &state);
            }
        }
    }

    #[test]
    fn a_statement_that_is_too_much_for_one_commit_is_refused() {
        let mut set = TxnBuffers::new(&Arc::default());
        set.write(b"large", Some(&vec![0; MAX_PAYLOAD_SIZE - 2 * ENTRY_OVERHEAD - 8]));
        set.begin_statement().expect("none is running");
        set.write(b"k", Some(b"vv"));
        set.keep_statement().expect("it fits exactly");
        set.begin_statement().expect("none is running");
        set.write(b"k", Some(b"vvv"));
        assert!(matches!(set.keep_statement(), Err(Error::Limit(Limit::Commit { .. }))));
        set.end_statement();
        assert_eq!(set.share().get(b"k", KeyHash::of(b"k")), Some(Write::Put(b"vv")));
    }

    #[test]
    fn what_is_written_again_and_again_takes_no_more_than_twice_its_room() {
        let mut set = TxnBuffers::new(&Arc::default());
        for turn in 0..100_000u32 {
            set.write(&[turn.to_le_bytes()[0]], Some(&[7; 100]));
            assert!(set.writes.count() < 2000, "{} writes of 256 keys", set.writes.count());
        }
        assert_eq!(listed(&set.writes).len(), 256);
    }
}
