//! What is stored of a row is what counts: its key and its index entries are those of the row as it is read, whatever serde does.

mod edges;
mod keys;
mod shapes;
mod unreadable;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use walnut::env::MemoryEnv;
use walnut::{Database, DefaultTable, Error, Result, Table};
use walnut_tests::random::Random;

use self::shapes::Value;

/// A row with a value of any shape between two that would be misread with it.
#[derive(Table, Serialize, Deserialize, Clone, Debug)]
struct Odd {
    #[primary_key]
    id: u8,
    #[index]
    before: u8,
    value: Value,
    #[index(unique)]
    after: String,
}

impl Odd {
    fn made(id: u8, shape: usize, random: &mut Random) -> Self {
        let shape = if random.one_in(3) { random.place(Value::MAKERS.len()) } else { shape };
        Self {
            id,
            before: random.next().to_le_bytes()[0],
            value: Value::MAKERS[shape](random),
            after: format!("after {id}"),
        }
    }
}

/// What a random program knows of a table: of each row, what its value was when it was read after the last write.
struct Program {
    env: MemoryEnv,
    db: Database,
    table: DefaultTable<Odd>,
    /// The shape that most values have.
    shape: usize,
    model: BTreeMap<u8, String>,
    tried: usize,
}

impl Program {
    fn new(shape: usize) -> Self {
        let env = MemoryEnv::new();
        let db = open(&env);
        let table = db.table().unwrap();
        Self { env, db, table, shape, model: BTreeMap::new(), tried: 0 }
    }

    fn reopen(&mut self) {
        self.db.close().unwrap();
        self.db = open(&self.env);
        self.table = self.db.table().unwrap();
    }

    /// What comes of a statement that was to write these rows.
    fn settle<O>(&mut self, outcome: Result<O>, rows: &[Odd]) {
        self.tried += rows.len();
        match outcome {
            Ok(_) => {
                for row in rows {
                    assert_ne!(row.value.is_refused(), Some(true), "{:?} was stored", row.value);
                    let read = self.table.get(row.id).unwrap().unwrap();
                    if !row.value.is_lossy() {
                        assert_eq!(read.value.text(), row.value.text(), "it came back as another one");
                    }
                    self.model.insert(row.id, read.value.text());
                }
            }
            Err(Error::Unstorable(why)) => {
                let refused = rows.iter().any(|row| row.value.is_refused() != Some(false));
                assert!(refused, "{why}: {rows:?}");
                assert_eq!(why.table(), "Odd");
            }
            Err(Error::UniqueViolation(_)) => {}
            Err(other) => panic!("{other}: {rows:?}"),
        }
    }

    fn step(&mut self, random: &mut Random) {
        let id = random.next().to_le_bytes()[0] % 12;
        let row = Odd::made(id, self.shape, random);
        match random.below(9) {
            0 | 1 => {
                let outcome = self.table.insert(&row);
                self.settle(outcome, &[row]);
            }
            2 | 3 => {
                let outcome = self.table.upsert(&row);
                self.settle(outcome, &[row]);
            }
            4 => {
                let rows = [row, Odd::made((id + 1) % 12, self.shape, random)];
                let outcome = self.table.insert_many(&rows);
                self.settle(outcome, &rows);
            }
            5 => match self.table.modify(id, |old| *old = row.clone()) {
                Ok(None) => assert!(!self.model.contains_key(&id)),
                outcome => self.settle(outcome, &[row]),
            },
            6 => {
                let removed = self.table.remove(id).unwrap();
                assert_eq!(removed.map(|row| row.value.text()), self.model.remove(&id));
            }
            7 => {
                let outcome = self.db.transact(|tx| tx.table::<Odd>()?.upsert(&row));
                self.settle(outcome, &[row]);
            }
            _ if random.one_in(4) => self.reopen(),
            _ => {
                let removed = self.table.range(id..).remove_all().unwrap();
                assert_eq!(removed, self.model.split_off(&id).len() as u64);
            }
        }
    }

    fn check(&self) {
        self.db.verify().unwrap();
        let rows = self.table.iter().collect_vec().unwrap();
        let found: BTreeMap<u8, String> = rows.iter().map(|row| (row.id, row.value.text())).collect();
        assert_eq!(found, self.model);
        let by = self.table.by();
        let mut before: Vec<_> = rows.iter().map(|row| (row.before, row.id)).collect();
        before.sort_unstable();
        assert_eq!(by.before.iter().entries().collect::<Result<Vec<_>>>().unwrap(), before);
        for row in &rows {
            assert_eq!(by.after.get(&row.after).unwrap().map(|found| found.id), Some(row.id));
        }
        assert_eq!(by.after.iter().entries().count(), rows.len());
        assert!(self.table.unreadable().next().is_none());
        assert!(self.table.sweep().unwrap().is_clean());
    }
}

fn open(env: &MemoryEnv) -> Database {
    Database::builder().env(Arc::new(env.clone())).memtable_size(16 << 10).open(Path::new("db")).unwrap()
}

fn seeds() -> u64 {
    std::env::var("WALNUT_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(2)
}

#[test]
fn a_row_of_any_shape_is_read_as_it_was_written_or_refused() {
    for shape in 0..Value::MAKERS.len() {
        for seed in 0..seeds() {
            let mut random = Random::new(seed, &format!("shape {shape}"));
            let mut program = Program::new(shape);
            for step in 0..60 {
                program.step(&mut random);
                if step % 20 == 19 {
                    program.check();
                }
            }
            assert!(program.tried > 20, "shape {shape}, seed {seed}");
        }
    }
}

#[test]
fn a_refusal_names_table_and_reason_and_no_value() {
    let table = Database::in_memory().unwrap().table::<Odd>().unwrap();
    let mut random = Random::new(1, "refusal");
    let mut told = 0;
    for shape in 0..Value::MAKERS.len() {
        let row =
            Odd { id: 1, before: 2, value: Value::MAKERS[shape](&mut random), after: "secret".to_owned() };
        if row.value.is_refused() != Some(true) {
            continue;
        }
        let error = table.insert(&row).unwrap_err().to_string();
        assert!(
            error.starts_with("table `Odd`: this row cannot be stored, because it could not be read again: ")
        );
        assert!(!error.contains("secret"), "{error}");
        told += 1;
    }
    assert!(told > 8, "{told}");
    assert!(table.is_empty().unwrap());
}
