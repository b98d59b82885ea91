//! An engine elsewhere may answer what makes no sense: that is an error which names it, and never a wrong row, a panic or
//! a scan without an end.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use walnut::remote::{Engine, Failure, Limits, Memory, Mode, Page, Serializable, Session, Writes};
use walnut::{Database, Durability, Error, Result, Table};
use walnut_tests::random::Random;

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "words")]
struct Word {
    #[primary_key]
    id: u32,
    #[index]
    length: u8,
    #[index(unique)]
    text: String,
}

/// What is wrong with answers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Garbage {
    Nothing,
    /// Pages and counts that are none of what was asked for.
    Answers,
    /// Only pages without entries, which say that there is more.
    EmptyPages,
    /// Values of random bytes.
    Values,
}

/// A memory engine whose answers are garbled now and then.
#[derive(Clone, Debug)]
struct Garbled {
    inner: Memory,
    state: Arc<Mutex<(Garbage, Random)>>,
}

struct GarbledSession {
    inner: Box<dyn Session>,
    state: Arc<Mutex<(Garbage, Random)>>,
}

impl Garbled {
    fn new(seed: u64) -> Self {
        let state = Arc::new(Mutex::new((Garbage::Nothing, Random::new(seed, "garbage"))));
        Self { inner: Memory::with_seed(seed), state }
    }

    fn set(&self, garbage: Garbage) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0 = garbage;
    }
}

impl Engine for Garbled {
    fn name(&self) -> String {
        "garbled".to_owned()
    }

    fn limits(&self) -> Limits {
        // Without removed ranges, so that they are read, too.
        Limits { ranges: 0, ..self.inner.limits() }
    }

    fn begin(&self, mode: Mode) -> Result<Box<dyn Session>, Failure> {
        Ok(Box::new(GarbledSession { inner: self.inner.begin(mode)?, state: Arc::clone(&self.state) }))
    }
}

impl Serializable for Garbled {}

impl Session for GarbledSession {
    fn pin(&mut self) -> Result<(), Failure> {
        self.inner.pin()
    }

    fn get_many(&mut self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, Failure> {
        let mut values = self.inner.get_many(keys)?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (garbage, random) = &mut *state;
        match *garbage {
            Garbage::Answers if random.one_in(3) => {
                if random.one_in(2) {
                    values.pop();
                } else {
                    values.push(None);
                }
            }
            Garbage::Values => values.iter_mut().flatten().for_each(|value| garble(value, random)),
            _ => {}
        }
        Ok(values)
    }

    fn scan(
        &mut self,
        start: &[u8],
        end: Option<&[u8]>,
        limit: usize,
        reverse: bool,
    ) -> Result<Page, Failure> {
        let mut page = self.inner.scan(start, end, limit, reverse)?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (garbage, random) = &mut *state;
        let first = page.entries.first().cloned();
        match *garbage {
            Garbage::Answers if random.one_in(2) => match (random.below(6), first) {
                (0, Some(first)) => page.entries.push(first),
                (1, Some(first)) => page.rest = Some(first.0),
                (2, _) => page.rest = Some(Vec::new()),
                (3, _) => page.rest = Some(vec![u8::MAX; 9]),
                (4, _) => page.entries.insert(0, (vec![u8::MAX; 9], Vec::new())),
                _ => page.entries = vec![(start.to_vec(), vec![0]); limit + 1],
            },
            Garbage::EmptyPages => {
                page.entries.clear();
                page.rest = if reverse { end.map(<[u8]>::to_vec) } else { Some(start.to_vec()) };
            }
            Garbage::Values => page.entries.iter_mut().for_each(|(_, value)| garble(value, random)),
            _ => {}
        }
        Ok(page)
    }

    fn commit(self: Box<Self>, writes: &Writes, durability: Durability) -> Result<(), Failure> {
        self.inner.commit(writes, durability)
    }
}

fn garble(value: &mut Vec<u8>, random: &mut Random) {
    if random.one_in(2) {
        let size = random.place(40);
        *value = (0..size).map(|_| random.next().to_le_bytes()[0]).collect();
    }
}

fn word(id: u32) -> Word {
    Word { id, length: u8::try_from(id % 7).unwrap_or_default(), text: format!("word {id}") }
}

/// The answer is the one of an engine that is well, or an error that names this one.
fn is_right<R: PartialEq + std::fmt::Debug>(what: &str, answer: &Result<R>, right: &R) {
    match answer {
        Ok(answer) => assert_eq!(answer, right, "{what}"),
        Err(Error::Remote(error)) => assert_eq!(error.engine(), "garbled", "{what}"),
        Err(error) => panic!("{what}: {error:?}"),
    }
}

#[test]
fn what_is_no_answer_is_an_error_and_never_a_wrong_row() -> Result<()> {
    for seed in 0..24 {
        let engine = Garbled::new(seed);
        let db = Database::on(engine.clone())?;
        let words = db.table::<Word>()?;
        let rows: Vec<Word> = (0..90).map(word).collect();
        words.insert_many(&rows)?;
        let raw = db.keyspace("raw")?;
        for number in 0..40u8 {
            raw.put([number], [number])?;
        }
        let backward: Vec<Word> = rows.iter().rev().cloned().collect();
        let sevens = (0..90).filter(|id| id % 7 == 3).collect::<Vec<u32>>();
        // A thousand empty pages until an engine is taken to be broken take their time.
        let kinds = [Garbage::Answers, Garbage::EmptyPages];
        for garbage in kinds.into_iter().take(if seed == 0 { 2 } else { 1 }) {
            engine.set(garbage);
            is_right("iter", &words.iter().collect(), &rows);
            is_right("reversed", &words.iter().rev().collect(), &backward);
            is_right("count", &words.len(), &90);
            is_right("index", &words.by().length.range(3..4).keys().collect(), &sevens);
            is_right("unique", &words.by().text.get("word 5"), &Some(word(5)));
            is_right("get", &words.get(17), &Some(word(17)));
            is_right("get_many", &words.get_many([3, 400]), &vec![Some(word(3)), None]);
            is_right("upsert", &words.upsert(&word(8)), &Some(word(8)));
            is_right("remove_range", &raw.remove_range([5]..[9]), &());
            is_right("verify", &db.verify_tables().map(|verified| verified.row_count), &90);
            engine.set(Garbage::Nothing);
            assert_eq!(words.iter().collect::<Result<Vec<_>>>()?, rows, "seed {seed}, {garbage:?}");
            db.verify_tables()?;
            let keys = raw.len()?;
            assert!(keys == 40 || keys == 36, "seed {seed}: {keys}");
        }
    }
    Ok(())
}

#[test]
fn values_of_random_bytes_are_no_panic() -> Result<()> {
    for seed in 0..60 {
        let engine = Garbled::new(seed);
        let db = Database::on(engine.clone())?;
        let words = db.table::<Word>()?;
        let rows: Vec<Word> = (0..40).map(word).collect();
        words.insert_many(&rows)?;
        engine.set(Garbage::Values);
        // Bytes may happen to be a row, or the number of a commit.
        let _ = words.iter().collect::<Result<Vec<_>>>();
        let _ = words.by().length.range(1..).rev().collect::<Result<Vec<_>>>();
        let _ = words.by().text.get("word 7");
        let _ = words.upsert(&word(3));
        let _ = words.remove(9);
        let _ = db.verify_tables();
        let _ = db.table_names();
        let _ = Database::on(engine.clone()).and_then(|db| db.table::<Word>().map(drop));
        let _ = db.keyspace("raw").and_then(|raw| raw.put("a", "b"));
        let _ = db.drop_table("words");
    }
    Ok(())
}
