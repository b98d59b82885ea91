//! The executable specification: what every statement does to rows, and what every query returns.
//!
//! 1. A table is a sorted map of rows. Indexes are not stored: they are what the rows say.
//! 2. A statement that fails changes nothing.
//! 3. Every state is kept, so that the one after m statements can be asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::rows::{Document, Row, User, Value};
use crate::workload::{Change, Op, Statement};

/// What a statement returns.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<T> {
    /// Nothing to tell.
    Done,
    /// The row that was there, or that is there now.
    Row(Option<T>),
    /// One for each that was asked for.
    Rows(Vec<Option<T>>),
    /// A unique value has another owner.
    Violation {
        /// Which index.
        index: String,
        /// Whose it is.
        owner: Value,
    },
    /// There is no such row.
    NotFound,
    /// It would change a primary key.
    KeyChanged,
}

/// The rows of a table.
#[derive(Clone, Debug)]
pub struct Rows<T> {
    by_key: BTreeMap<Value, Arc<T>>,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self { by_key: BTreeMap::new() }
    }
}

impl<T: PartialEq> PartialEq for Rows<T> {
    fn eq(&self, other: &Self) -> bool {
        self.by_key == other.by_key
    }
}

impl<T: Row> Rows<T> {
    /// The rows by primary key.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<T>> {
        self.by_key.values()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.by_key.len()
    }

    /// The row with this key.
    pub fn get(&self, key: &Value) -> Option<&Arc<T>> {
        self.by_key.get(key)
    }

    /// The entries of an index in its order: value, primary key, row.
    pub fn entries(&self, index: &str) -> Vec<(Value, Value, Arc<T>)> {
        let entry = |(key, row): (&Value, &Arc<T>)| (row.indexed(index), key.clone(), Arc::clone(row));
        let mut entries: Vec<_> = self.by_key.iter().map(entry).collect();
        entries.sort_by(|one, other| (&one.0, &one.1).cmp(&(&other.0, &other.1)));
        entries
    }

    /// Takes these rows for all there are.
    pub fn from_rows(rows: impl IntoIterator<Item = T>) -> Self {
        use crate::rows::Valued;
        Self { by_key: rows.into_iter().map(|row| (row.primary_key().value(), Arc::new(row))).collect() }
    }

    /// Runs a statement: all of it, or nothing.
    pub fn run(&mut self, statement: &Statement<T>) -> Outcome<T> {
        let mut after = self.clone();
        match after.try_run(statement) {
            Ok(outcome) => {
                *self = after;
                outcome
            }
            Err(outcome) => outcome,
        }
    }

    fn try_run(&mut self, statement: &Statement<T>) -> Result<Outcome<T>, Outcome<T>> {
        Ok(match statement {
            Statement::Insert(row) => {
                self.insert(row)?;
                Outcome::Done
            }
            Statement::Upsert(row) => Outcome::Row(self.put(row)?),
            Statement::Replace(row) => {
                if !self.by_key.contains_key(&key_of(row)) {
                    return Err(Outcome::NotFound);
                }
                Outcome::Row(self.put(row)?)
            }
            Statement::Modify(key, change) => Outcome::Row(self.modify(&value_of::<T>(key), change)?),
            Statement::Remove(key) => Outcome::Row(self.remove(&value_of::<T>(key))),
            Statement::InsertMany(rows) => {
                rows.iter().try_for_each(|row| self.insert(row))?;
                Outcome::Done
            }
            Statement::UpsertMany(rows) => Outcome::Rows(self.put_many(rows)?),
            Statement::RemoveMany(keys) => {
                Outcome::Rows(keys.iter().map(|key| self.remove(&value_of::<T>(key))).collect())
            }
            Statement::ModifyBy(index, probe, change) => match self.owner(index, probe) {
                Some(key) => Outcome::Row(self.modify(&key, change)?),
                None => Outcome::Row(None),
            },
            Statement::RemoveBy(index, probe) => match self.owner(index, probe) {
                Some(key) => Outcome::Row(self.remove(&key)),
                None => Outcome::Row(None),
            },
        })
    }

    fn insert(&mut self, row: &T) -> Result<(), Outcome<T>> {
        let key = key_of(row);
        if self.by_key.contains_key(&key) {
            return Err(Outcome::Violation { index: "primary_key".to_owned(), owner: key });
        }
        self.put(row).map(drop)
    }

    /// Puts a row in its place unless another one has a unique value of it.
    fn put(&mut self, row: &T) -> Result<Option<T>, Outcome<T>> {
        let key = key_of(row);
        for index in T::SCHEMA.indexes.iter().filter(|index| index.unique) {
            let value = row.indexed(index.name);
            let taken = |(other, owner): &(&Value, &Arc<T>)| {
                **other != key && !value.has_missing() && owner.indexed(index.name) == value
            };
            if let Some((owner, _)) = self.by_key.iter().find(taken) {
                return Err(Outcome::Violation { index: index.name.to_owned(), owner: owner.clone() });
            }
        }
        Ok(self.by_key.insert(key, Arc::new(row.clone())).map(Arc::unwrap_or_clone))
    }

    /// Puts rows in their places, judged by the state that they leave: of rows with one key the last counts, and a value that one of
    /// them gives up is free for the others.
    fn put_many(&mut self, rows: &[T]) -> Result<Vec<Option<T>>, Outcome<T>> {
        if let [row] = rows {
            return Ok(vec![self.put(row)?]);
        }
        let (mut last, mut keys, mut replaced) = (BTreeMap::new(), Vec::new(), Vec::new());
        for row in rows {
            let key = key_of(row);
            let earlier = last.insert(key.clone(), row).cloned();
            if earlier.is_none() {
                keys.push(key.clone());
            }
            replaced.push(earlier.or_else(|| self.by_key.get(&key).map(|stored| T::clone(stored))));
        }
        let mut owners = BTreeMap::new();
        for index in T::SCHEMA.indexes.iter().filter(|index| index.unique) {
            for (key, row) in &self.by_key {
                let value = row.indexed(index.name);
                let is_kept = last.get(key).is_none_or(|row| row.indexed(index.name) == value);
                if is_kept && !value.has_missing() {
                    owners.insert((index.name, value), key.clone());
                }
            }
        }
        for key in keys {
            for index in T::SCHEMA.indexes.iter().filter(|index| index.unique) {
                let value = last[&key].indexed(index.name);
                if value.has_missing() {
                    continue;
                }
                let owner = owners.entry((index.name, value)).or_insert_with(|| key.clone());
                if *owner != key {
                    return Err(Outcome::Violation { index: index.name.to_owned(), owner: owner.clone() });
                }
            }
            let row = Arc::new(last[&key].clone());
            self.by_key.insert(key, row);
        }
        Ok(replaced)
    }

    fn modify(&mut self, key: &Value, change: &Change<T>) -> Result<Option<T>, Outcome<T>> {
        let Some(old) = self.by_key.get(key) else { return Ok(None) };
        let mut row = T::clone(old);
        change.apply(&mut row);
        if key_of(&row) != *key {
            return Err(Outcome::KeyChanged);
        }
        self.put(&row)?;
        Ok(Some(row))
    }

    fn remove(&mut self, key: &Value) -> Option<T> {
        self.by_key.remove(key).map(Arc::unwrap_or_clone)
    }

    /// The key of the row that owns the probe's value; a missing value has no owner.
    fn owner(&self, index: &str, probe: &T) -> Option<Value> {
        let value = probe.indexed(index);
        if value.has_missing() {
            return None;
        }
        self.by_key.iter().find(|(_, row)| row.indexed(index) == value).map(|(key, _)| key.clone())
    }
}

fn key_of<T: Row>(row: &T) -> Value {
    value_of::<T>(&row.primary_key())
}

fn value_of<T: Row>(key: &T::PrimaryKey) -> Value {
    use crate::rows::Valued;
    key.value()
}

/// A database: both tables.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// The users.
    pub users: Rows<User>,
    /// The documents.
    pub documents: Rows<Document>,
}

/// What a statement on either table returns.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// Of a user.
    User(Outcome<User>),
    /// Of a document.
    Document(Outcome<Document>),
}

impl State {
    /// Runs a statement.
    pub fn run(&mut self, op: &Op) -> Told {
        match op {
            Op::User(statement) => Told::User(self.users.run(statement)),
            Op::Document(statement) => Told::Document(self.documents.run(statement)),
        }
    }
}

/// A database with its past: the state after each statement, the first of them empty.
#[derive(Clone, Debug)]
pub struct History {
    states: Vec<State>,
}

impl History {
    /// A past that begins here.
    pub fn from(state: State) -> Self {
        Self { states: vec![state] }
    }

    /// The state now.
    pub fn now(&self) -> &State {
        self.states.last().expect("a history has a beginning")
    }

    /// How many statements there were.
    pub fn length(&self) -> usize {
        self.states.len() - 1
    }

    /// The state after so many statements.
    pub fn after(&self, statements: usize) -> &State {
        &self.states[statements]
    }

    /// Adds the next state.
    pub fn push(&mut self, state: State) {
        self.states.push(state);
    }

    /// Runs a statement.
    pub fn run(&mut self, op: &Op) -> Told {
        let mut state = self.now().clone();
        let told = state.run(op);
        self.states.push(state);
        told
    }
}
