//! A follower shows the model at some commit that was issued, all that were acknowledged before it looked among them, and
//! never goes back: under random flushes, merges, drops, rotations, recycled segments, reopenings and kills of the writer,
//! between the steps of the one and the other and in the middle of them.
//!
//! After a power cut a follower shows what the next opening of a writer recovers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use walnut::env::{CrashPolicy, Env, FaultEffect, FaultEnv, FaultPlan, MemoryEnv, Operations};
use walnut::kv::WriteBatch;
use walnut::{Database, DefaultTable, Follower, ReadOnly, Result, Snapshot};
use walnut_tests::model_check::{for_each_seed, share_of_seeds};
use walnut_tests::random::Random;
use walnut_tests::session::Setup;
use walnut_tests::watched_env::WatchedEnv;

use super::{DIR, Note};

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// The number of the commit is in the state, so that no two states are the same.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct State {
    number: u64,
    spaces: [Map; 2],
    notes: BTreeMap<u64, Note>,
}

const SPACES: [&str; 2] = ["a", "b"];

enum Write {
    Put(usize, Vec<u8>, Vec<u8>),
    Add(usize, Vec<u8>),
    Remove(usize, Vec<u8>),
    Clear(usize, Vec<u8>, Vec<u8>),
}

/// The process that writes.
struct Writer {
    env: MemoryEnv,
    faults: FaultEnv,
    setup: Setup,
    random: Random,
    db: Option<Database>,
    /// The states after each commit that was issued.
    history: Vec<State>,
    /// How many commits were acknowledged.
    acknowledged: usize,
    wrap: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl Writer {
    fn new(seed: u64, env: MemoryEnv) -> Self {
        let mut setup = Setup::draw(seed);
        let mut random = Random::new(seed, "writer");
        setup.memtable_size = *random.pick(&[1 << 10, 1 << 10, 2 << 10, 64 << 10]);
        setup.log_preallocation = *random.pick(&[0, 4 << 10, 4 << 10, 16 << 10]);
        Self {
            faults: FaultEnv::over_memory(env.clone()),
            env,
            setup,
            random,
            db: None,
            history: vec![State::default()],
            acknowledged: 0,
            wrap: None,
        }
    }

    fn open(&mut self) -> Result<()> {
        self.faults = FaultEnv::over_memory(self.env.clone());
        let env: Arc<dyn Env> = match &self.wrap {
            None => Arc::new(self.faults.clone()),
            Some(hook) => {
                let hook = Arc::clone(hook);
                Arc::new(WatchedEnv::new(Arc::new(self.faults.clone()), move |_| hook()))
            }
        };
        let db = self.setup.builder().env(env).open(Path::new(DIR))?;
        db.keyspace("meta")?;
        db.table::<Note>()?;
        self.db = Some(db);
        Ok(())
    }

    fn now(&self) -> &State {
        self.history.last().unwrap()
    }

    /// One random step. An error is that of a machine that was told to fail.
    fn step(&mut self) -> Result<()> {
        let db = self.db.clone().expect("it is open");
        match self.random.below(24) {
            0 => db.checkpoint(),
            1 => db.compact(),
            2 | 3 => db.step().map(drop),
            4 => db.sync(),
            5 => self.drop_space(&db),
            23 if self.setup.is_encrypted => db.rotate_data_key(),
            6..=10 => self.write_note(&db),
            _ => self.write_batch(&db),
        }
    }

    fn key(&mut self) -> Vec<u8> {
        vec![b'k', self.random.next().to_le_bytes()[0] % 24]
    }

    fn write_batch(&mut self, db: &Database) -> Result<()> {
        let mut state = self.now().clone();
        state.number += 1;
        let count = 1 + self.random.below(5);
        let writes: Vec<Write> = (0..count)
            .map(|_| {
                let space = self.random.place(2);
                match self.random.below(9) {
                    0..=3 => {
                        let size = *self.random.pick(&[0, 8, 30, 30, 120]);
                        Write::Put(space, self.key(), vec![self.random.next().to_le_bytes()[0]; size])
                    }
                    4 | 5 => Write::Add(space, self.key()),
                    6 | 7 => Write::Remove(space, self.key()),
                    _ => Write::Clear(space, self.key(), self.key()),
                }
            })
            .collect();
        let spaces = [db.keyspace(SPACES[0])?, db.keyspace(SPACES[1])?];
        let mut batch = WriteBatch::new();
        for write in writes {
            match write {
                Write::Put(space, key, value) => {
                    batch.put(&spaces[space], &key, &value)?;
                    state.spaces[space].insert(key, value);
                }
                Write::Add(space, key) => {
                    let value = state.spaces[space].entry(key.clone()).or_insert_with(|| vec![0; 8]);
                    let sum = value.as_slice().try_into().map_or(0, i64::from_le_bytes).wrapping_add(7);
                    *value = sum.to_le_bytes().to_vec();
                    batch.add(&spaces[space], &key, 7)?;
                }
                Write::Remove(space, key) => {
                    batch.remove(&spaces[space], &key)?;
                    state.spaces[space].remove(&key);
                }
                Write::Clear(space, from, to) if from < to => {
                    batch.remove_range(&spaces[space], from.clone()..to.clone())?;
                    state.spaces[space].retain(|key, _| *key < from || *key >= to);
                }
                Write::Clear(..) => {}
            }
        }
        batch.put(&db.keyspace("meta")?, "number", state.number.to_le_bytes())?;
        self.history.push(state);
        db.write(batch)?;
        self.acknowledged = self.history.len() - 1;
        Ok(())
    }

    fn write_note(&mut self, db: &Database) -> Result<()> {
        let mut state = self.now().clone();
        state.number += 1;
        let number = state.number;
        let id = self.random.below(30);
        let is_removal = self.random.one_in(3);
        let size = *self.random.pick(&[1, 20, 200]);
        let text = format!("{number} {}", "x".repeat(size));
        let note = Note { id, text, tag: 3 };
        if is_removal {
            state.notes.remove(&id);
        } else {
            state.notes.insert(id, note.clone());
        }
        self.history.push(state);
        db.transact(|tx| {
            let notes = tx.table::<Note>()?;
            if is_removal {
                notes.remove(id)?;
            } else {
                notes.upsert(&note)?;
            }
            tx.keyspace("meta")?.put("number", number.to_le_bytes())
        })?;
        self.acknowledged = self.history.len() - 1;
        Ok(())
    }

    /// A drop is a commit that leaves the number as it was.
    fn drop_space(&mut self, db: &Database) -> Result<()> {
        let space = self.random.place(2);
        let mut state = self.now().clone();
        if state.spaces[space].is_empty() {
            return Ok(());
        }
        state.spaces[space].clear();
        self.history.push(state);
        db.drop_keyspace(SPACES[space])?;
        self.acknowledged = self.history.len() - 1;
        Ok(())
    }

    /// Ends the process in the middle of what it does. What it has written is there.
    fn kill(&mut self) {
        let effect =
            *self.random.pick(&[FaultEffect::Error, FaultEffect::ShortWrite, FaultEffect::ErrorAfter]);
        let passing = self.random.below(12);
        self.faults.inject(FaultPlan::once(Operations::Mutations, passing, effect));
        for _ in 0..4 {
            if self.step().is_err() || self.faults.struck() > 0 {
                break;
            }
        }
        self.faults.inject(FaultPlan::for_ever(Operations::Mutations, 0, FaultEffect::Error));
        drop(self.db.take());
    }

    /// Opens what a kill has left, and finds out what became of the commit that was on its way.
    fn recover(&mut self) {
        self.open().expect("a killed process leaves what can be opened");
        let found = read_db(self.db.as_ref().unwrap());
        if found != *self.now() {
            self.history.pop();
            assert_eq!(found, *self.now(), "the commit before, or the one that was on its way");
            assert!(self.acknowledged < self.history.len(), "it was acknowledged");
        }
        self.acknowledged = self.history.len() - 1;
    }
}

fn read_db(db: &Database) -> State {
    read(&db.snapshot())
}

fn read(snapshot: &Snapshot) -> State {
    let map = |name| {
        let Some(space) = snapshot.keyspace(name).unwrap() else { return Map::new() };
        let map: Map = space.iter().collect::<Result<_>>().unwrap();
        for (key, value) in &map {
            assert_eq!(space.get(key).unwrap().as_ref(), Some(value));
        }
        map
    };
    let notes: DefaultTable<Note, ReadOnly> = snapshot.table().unwrap();
    let rows: BTreeMap<u64, Note> =
        notes.iter().collect_vec().unwrap().into_iter().map(|note| (note.id, note)).collect();
    for note in rows.values() {
        assert_eq!(notes.by().text.get(&note.text).unwrap().as_ref(), Some(note));
    }
    assert_eq!(notes.by().tag.all(3).count().unwrap(), rows.len() as u64);
    let number =
        map("meta").get(&b"number"[..]).map_or(0, |bytes| u64::from_le_bytes(bytes[..].try_into().unwrap()));
    State { number, spaces: SPACES.map(map), notes: rows }
}

/// The process that follows.
struct Reader {
    follower: Follower,
    /// The place in the history of what it last showed.
    place: usize,
    held: Vec<(Snapshot, State)>,
}

impl Reader {
    /// Compares what is shown with the history; all up to `acknowledged` must be there.
    fn check(&mut self, history: &[State], acknowledged: usize) {
        let found = read(&self.follower.snapshot());
        let allowed = self.place.max(acknowledged)..history.len();
        let place = allowed.clone().find(|place| history[*place] == found);
        let Some(place) = place else {
            let is = history.iter().rposition(|state| *state == found);
            panic!("the state after commit {is:?} is shown, and {allowed:?} are allowed: {found:?}");
        };
        self.place = place;
        for (snapshot, state) in &self.held {
            assert_eq!(read(snapshot), *state, "a snapshot has changed");
        }
    }
}

/// Where the steps of the one happen while the other runs.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Interleaving {
    /// Between its calls.
    Calls,
    /// Before single operations of the follower on files.
    InFollower,
    /// The follower looks before single operations of the writer on files.
    InWriter,
}

/// Both processes on one machine.
struct Pair {
    writer: Arc<Mutex<Writer>>,
    reader: Arc<Mutex<Reader>>,
    /// The machine as the follower sees it.
    env: Arc<dyn Env>,
    /// How many steps of the writer may fall into one call of the follower: one that never rests is never caught up with.
    restless: Arc<AtomicU64>,
}

impl Pair {
    fn new(seed: u64, random: &mut Random) -> Self {
        let disk = MemoryEnv::with_seed(seed);
        let between = *random.pick(&[Interleaving::Calls, Interleaving::InFollower, Interleaving::InWriter]);
        let chance = 2 + random.below(30);
        let mut writer = Writer::new(seed, disk.clone());
        writer.open().unwrap();
        let setup = writer.setup.clone();
        let (writer, restless) = (Arc::new(Mutex::new(writer)), Arc::new(AtomicU64::new(0)));
        let dice = Mutex::new(Random::new(seed, "hook"));
        let env: Arc<dyn Env> = if between == Interleaving::InFollower {
            let (writer, restless) = (Arc::clone(&writer), Arc::clone(&restless));
            Arc::new(WatchedEnv::new(Arc::new(disk), move |_| {
                let Ok(mut writer) = writer.try_lock() else { return };
                let may_step = writer.db.is_some() && restless.load(Ordering::Relaxed) > 0;
                if may_step && dice.lock().unwrap().one_in(chance) {
                    restless.fetch_sub(1, Ordering::Relaxed);
                    let burst = 1 + dice.lock().unwrap().below(8);
                    (0..burst).for_each(|_| writer.step().expect("nothing fails"));
                }
            }))
        } else {
            Arc::new(disk)
        };
        let follower = setup.builder().env(Arc::clone(&env)).follow(DIR).unwrap();
        let reader = Arc::new(Mutex::new(Reader { follower, place: 0, held: Vec::new() }));
        if between == Interleaving::InWriter {
            let (reader, dice) = (Arc::clone(&reader), Mutex::new(Random::new(seed, "hook")));
            let mut writer = writer.lock().unwrap();
            writer.wrap = Some(Arc::new(move || {
                if dice.lock().unwrap().one_in(chance) {
                    reader.lock().unwrap().follower.refresh().unwrap();
                }
            }));
            drop(writer.db.take());
            writer.open().unwrap();
        }
        Self { writer, reader, env, restless }
    }

    fn open_follower(&self) {
        let setup = self.writer.lock().unwrap().setup.clone();
        self.reader.lock().unwrap().follower =
            setup.builder().env(Arc::clone(&self.env)).follow(DIR).unwrap();
    }

    fn refresh(&self) {
        self.reader.lock().unwrap().follower.refresh().unwrap();
    }

    /// Commits up to `acknowledged` have to be shown.
    fn check(&self, acknowledged: usize) {
        self.reader.lock().unwrap().check(&self.writer.lock().unwrap().history, acknowledged);
    }

    fn step(&self, random: &mut Random) {
        self.restless.store(random.below(20), Ordering::Relaxed);
        let acknowledged = self.writer.lock().unwrap().acknowledged;
        match random.below(60) {
            0..=11 => {
                self.refresh();
                self.check(acknowledged);
            }
            12 => {
                let mut reader = self.reader.lock().unwrap();
                let snapshot = reader.follower.snapshot();
                let state = read(&snapshot);
                reader.held.push((snapshot, state));
            }
            13 => drop(self.reader.lock().unwrap().held.pop()),
            14 => {
                self.open_follower();
                self.check(acknowledged);
            }
            15 => {
                let db = self.writer.lock().unwrap().db.take();
                db.unwrap().close().unwrap();
                if random.one_in(2) {
                    self.open_follower();
                }
                self.refresh();
                self.check(acknowledged);
                self.writer.lock().unwrap().open().unwrap();
            }
            16 => {
                self.writer.lock().unwrap().kill();
                if random.one_in(2) {
                    self.refresh();
                    self.check(acknowledged);
                }
                self.writer.lock().unwrap().recover();
                self.refresh();
                self.check(acknowledged);
            }
            _ => self.writer.lock().unwrap().step().expect("nothing fails"),
        }
    }
}

fn follow(seed: u64, steps: usize) {
    let mut random = Random::new(seed, "follow");
    let pair = Pair::new(seed, &mut random);
    for _ in 0..steps {
        pair.step(&mut random);
    }
    pair.restless.store(0, Ordering::Relaxed);
    pair.refresh();
    let (acknowledged, last) = {
        let writer = pair.writer.lock().unwrap();
        (writer.acknowledged, writer.history.len() - 1)
    };
    pair.check(acknowledged);
    assert_eq!(pair.reader.lock().unwrap().place, last);
}

#[test]
fn a_follower_shows_the_model_at_some_commit_and_never_goes_back() {
    let seeds = share_of_seeds(24, 1);
    for_each_seed("a_follower_shows_the_model_at_some_commit_and_never_goes_back", seeds, |seed| {
        follow(seed, 160);
    });
}

/// Cuts the power in the middle of a life, and compares what is read of the image, by a follower and by one that knows of no
/// writer, with what a writer recovers of it.
fn cut(seed: u64) {
    let env = MemoryEnv::with_seed(seed);
    let mut writer = Writer::new(seed, env.clone());
    writer.open().unwrap();
    let mut random = Random::new(seed, "cut");
    for _ in 0..20 + random.below(60) {
        writer.step().unwrap();
    }
    env.power_off_before_next(Operations::Mutations, random.below(40));
    for _ in 0..60 {
        if writer.step().is_err() {
            break;
        }
    }
    let image = env.crash(*random.pick(&CrashPolicy::ALL), seed);
    let before: Vec<_> = image.files().iter().map(|path| (path.clone(), image.read_file(path))).collect();
    let open = |image: &MemoryEnv| writer.setup.builder().env(Arc::new(image.clone()));
    let followed = read(&open(&image).follow(DIR).unwrap().snapshot());
    let archived = read(&open(&image).read_only().open(DIR).unwrap().snapshot());
    let after: Vec<_> = image.files().iter().map(|path| (path.clone(), image.read_file(path))).collect();
    assert!(before == after, "reading has changed a file");
    let recovered = read_db(&open(&image).open(Path::new(DIR)).unwrap());
    assert_eq!(followed, recovered);
    assert_eq!(archived, recovered);
}

#[test]
fn a_follower_of_what_a_power_cut_leaves_shows_what_recovery_does() {
    let seeds = share_of_seeds(60, 1);
    for_each_seed("a_follower_of_what_a_power_cut_leaves_shows_what_recovery_does", seeds, cut);
}
