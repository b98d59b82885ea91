//! What is done to a database, drawn from a seed: small domains, so that values collide, repeat and come back.

use crate::query::Query;
use crate::random::Random;
use crate::rows::{Document, Row, User};

/// A statement on one of the tables.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there are few, and they are handled one at a time")]
pub enum Op {
    /// On users.
    User(Statement<User>),
    /// On documents.
    Document(Statement<Document>),
}

/// A statement.
#[derive(Clone, Debug)]
pub enum Statement<T: Row> {
    /// `insert`
    Insert(T),
    /// `upsert`
    Upsert(T),
    /// `replace`
    Replace(T),
    /// `modify`
    Modify(T::PrimaryKey, Change<T>),
    /// `remove`
    Remove(T::PrimaryKey),
    /// `insert_many`
    InsertMany(Vec<T>),
    /// `upsert_many`
    UpsertMany(Vec<T>),
    /// `remove_many`
    RemoveMany(Vec<T::PrimaryKey>),
    /// `by().index.modify`, with the value of a row
    ModifyBy(&'static str, T, Change<T>),
    /// `by().index.remove`, with the value of a row
    RemoveBy(&'static str, T),
}

/// What `modify` does: takes over some fields of another row.
#[derive(Clone, Debug)]
pub struct Change<T> {
    donor: T,
    fields: u32,
}

impl<T: Row> Change<T> {
    /// Does it.
    pub fn apply(&self, row: &mut T) {
        row.absorb(&self.donor, self.fields);
    }

    fn draw(random: &mut Random) -> Self {
        let fields = (random.next() & random.next()).to_le_bytes();
        let fields = u32::from(u16::from_le_bytes([fields[0], fields[1]]));
        let fields = if random.one_in(12) { fields | 1 } else { fields & !1 };
        Self { donor: T::draw(random), fields }
    }
}

/// A piece of a transaction.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there are few, and they are handled one at a time")]
pub enum Part {
    /// A statement.
    Op(Op),
    /// Queries.
    Ask(Query<User>, Query<Document>),
    /// `savepoint`
    Savepoint,
    /// `rollback_to` one of the savepoints, by its place among those that there are.
    RollBack(usize),
    /// A statement of another transaction, committed while the transaction is open.
    Rival(Op),
}

/// A step of a workload.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there are few, and they are handled one at a time")]
pub enum Step {
    /// A statement.
    Op(Op),
    /// A transaction of these parts.
    Transaction {
        /// What is done in it.
        parts: Vec<Part>,
        /// Whether it is committed and not dropped.
        commits: bool,
    },
    /// Queries.
    Ask(Query<User>, Query<Document>),
    /// `checkpoint`
    Checkpoint,
    /// `compact`
    Compact,
    /// `step`, so many times
    Steps(usize),
    /// `sync`
    Sync,
    /// `close` or a drop, and `open`.
    Reopen {
        /// Whether it is closed and not only dropped.
        close: bool,
    },
}

/// A workload of so many steps.
pub fn draw(seed: u64, count: usize) -> Vec<Step> {
    let mut random = Random::new(seed, "workload");
    (0..count).map(|_| step(&mut random)).collect()
}

fn step(random: &mut Random) -> Step {
    match random.below(36) {
        0 => Step::Checkpoint,
        1 => Step::Sync,
        2 => Step::Reopen { close: !random.one_in(4) },
        3 if random.one_in(2) => Step::Compact,
        3 => Step::Steps(1 + usize::from(random.one_in(2))),
        4..8 => Step::Ask(Query::draw(random), Query::draw(random)),
        8..28 => Step::Op(op(random)),
        _ => Step::Transaction { parts: parts(random), commits: !random.one_in(4) },
    }
}

fn op(random: &mut Random) -> Op {
    if random.one_in(4) { Op::Document(statement(random)) } else { Op::User(statement(random)) }
}

fn parts(random: &mut Random) -> Vec<Part> {
    let part = |random: &mut Random| match random.below(16) {
        0 | 1 => Part::Ask(Query::draw(random), Query::draw(random)),
        2 | 3 => Part::Savepoint,
        4 | 5 => Part::RollBack(usize::try_from(random.below(8)).expect("it is small")),
        6 => Part::Rival(op(random)),
        _ => Part::Op(op(random)),
    };
    (0..=random.below(9)).map(|_| part(random)).collect()
}

fn statement<T: Row>(random: &mut Random) -> Statement<T> {
    match random.below(17) {
        0..4 => Statement::Insert(T::draw(random)),
        4..8 => Statement::Upsert(T::draw(random)),
        8 => Statement::Replace(T::draw(random)),
        9 => Statement::Modify(T::draw(random).primary_key(), Change::draw(random)),
        10 => Statement::Remove(T::draw(random).primary_key()),
        11 => Statement::InsertMany(many(random, T::draw)),
        12 | 13 => Statement::UpsertMany(many(random, T::draw)),
        14 => Statement::RemoveMany(many(random, |random| T::draw(random).primary_key())),
        15 => Statement::ModifyBy(unique::<T>(random), T::draw(random), Change::draw(random)),
        _ => Statement::RemoveBy(unique::<T>(random), T::draw(random)),
    }
}

fn many<R>(random: &mut Random, draw: impl Fn(&mut Random) -> R) -> Vec<R> {
    let count = random.below(4);
    (0..count).map(|_| draw(random)).collect()
}

/// The name of a unique index.
pub(crate) fn unique<T: Row>(random: &mut Random) -> &'static str {
    let unique: Vec<_> = T::SCHEMA.indexes.iter().filter(|index| index.unique).collect();
    random.pick(&unique).name
}
