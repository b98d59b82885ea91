//! Keyspaces and sorted maps side by side, with crashes at every sync, held against Rule P.
//!
//! A seed says everything: options, steps, crash points. `WALNUT_SEEDS` and `WALNUT_SEED` choose them as for the typed model check.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use walnut::env::{CrashPolicy, MemoryEnv, Operations};
use walnut::kv::{Iter, Keyspace, WriteBatch};
use walnut::{Database, Durability, Result, Snapshot};
use walnut_tests::model_check::{for_each_seed, seeds};
use walnut_tests::random::Random;
use walnut_tests::session::{DIR, Setup, leaks};

/// Names that are beginnings of each other, and one that is a table's too.
const NAMES: [&str; 3] = ["a", "ab", "users"];

type Map = BTreeMap<Vec<u8>, Vec<u8>>;
type State = [Map; NAMES.len()];
type Bounds = (Bound<Vec<u8>>, Bound<Vec<u8>>);

#[derive(Clone, Debug)]
enum Write {
    Put(Vec<u8>, Vec<u8>),
    Add(Vec<u8>, i64),
    Remove(Vec<u8>),
    Clear(Bounds),
    ClearPrefix(Vec<u8>),
}

#[derive(Clone, Debug)]
enum Step {
    One(usize, Write),
    Batch(Vec<(usize, Write)>),
    Transact(Vec<(usize, Write)>),
    Drop(usize),
    Hold,
    Release(u64),
    BeginIter(usize, Bounds),
    Ask(usize, Bounds, Vec<u8>),
    Checkpoint,
    Compact,
    Sync,
    Reopen { close: bool },
}

fn key(random: &mut Random) -> Vec<u8> {
    let size = random.below(4);
    (0..size).map(|_| *random.pick(&[0, 1, b'k', b'l', 0xff])).collect()
}

fn value(random: &mut Random) -> Vec<u8> {
    let size = *random.pick(&[0, 3, 8, 20, 20, 90]);
    (0..size).map(|_| random.next().to_le_bytes()[0]).collect()
}

fn delta(random: &mut Random) -> i64 {
    let any = random.next().cast_signed();
    *random.pick(&[1, 1, -1, i64::MAX, i64::MIN, any])
}

/// The number that a value is, if it has the size of one.
fn number(value: Option<&Vec<u8>>) -> Option<i64> {
    value?.as_slice().try_into().ok().map(i64::from_le_bytes)
}

fn bounds(random: &mut Random) -> Bounds {
    let mut bound = || match random.below(4) {
        0 => Bound::Unbounded,
        1 => Bound::Excluded(key(random)),
        _ => Bound::Included(key(random)),
    };
    (bound(), bound())
}

fn write(random: &mut Random) -> Write {
    match random.below(15) {
        0..=6 => Write::Put(key(random), value(random)),
        12..=14 => Write::Add(key(random), delta(random)),
        7 | 8 => Write::Remove(key(random)),
        9 | 10 => Write::Clear(bounds(random)),
        _ => Write::ClearPrefix(key(random)),
    }
}

fn steps(seed: u64, count: usize) -> Vec<Step> {
    let mut random = Random::new(seed, "kv steps");
    let random = &mut random;
    let space = |random: &mut Random| usize::try_from(random.below(NAMES.len() as u64)).unwrap();
    let many = |random: &mut Random| (0..=random.below(6)).map(|_| (space(random), write(random))).collect();
    let step = |_| match random.below(40) {
        0..=14 => Step::One(space(random), write(random)),
        15..=21 => Step::Batch(many(random)),
        22..=24 => Step::Transact(many(random)),
        25 => Step::Drop(space(random)),
        26 | 27 => Step::Hold,
        28 => Step::Release(random.next()),
        29 => Step::BeginIter(space(random), bounds(random)),
        30..=33 => Step::Ask(space(random), bounds(random), key(random)),
        34 | 35 => Step::Checkpoint,
        36 | 37 => Step::Compact,
        38 => Step::Sync,
        _ => Step::Reopen { close: random.one_in(2) },
    };
    (0..count).map(step).collect()
}

fn is_empty((start, end): &Bounds) -> bool {
    match (start, end) {
        (Bound::Included(start), Bound::Included(end)) => start > end,
        (Bound::Included(start) | Bound::Excluded(start), Bound::Excluded(end))
        | (Bound::Excluded(start), Bound::Included(end)) => start >= end,
        _ => false,
    }
}

fn within(map: &Map, bounds: &Bounds) -> Vec<(Vec<u8>, Vec<u8>)> {
    if is_empty(bounds) {
        return Vec::new();
    }
    map.range::<Vec<u8>, _>(bounds.clone()).map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn apply(map: &mut Map, write: &Write) {
    match write {
        Write::Put(key, value) => drop(map.insert(key.clone(), value.clone())),
        Write::Add(key, delta) => {
            let sum = number(map.get(key)).unwrap_or(0).wrapping_add(*delta);
            map.insert(key.clone(), sum.to_le_bytes().to_vec());
        }
        Write::Remove(key) => drop(map.remove(key)),
        Write::Clear(bounds) => within(map, bounds).iter().for_each(|(key, _)| drop(map.remove(key))),
        Write::ClearPrefix(prefix) => map.retain(|key, _| !key.starts_with(prefix)),
    }
}

/// A key and its value.
type Found = (Vec<u8>, Vec<u8>);

/// A database and what it should hold after each statement so far.
struct Pair {
    db: Database,
    held: Vec<(Snapshot, State)>,
    iters: Vec<(Iter, Vec<Found>)>,
}

struct Run {
    history: Vec<State>,
    acknowledged: usize,
}

fn open(setup: &Setup, env: &MemoryEnv) -> Result<Database> {
    setup.builder().env(Arc::new(env.clone())).open(DIR)
}

fn spaces(db: &Database) -> Result<Vec<Keyspace>> {
    NAMES.iter().map(|name| db.keyspace(name)).collect()
}

fn state(db: &Database) -> Result<State> {
    let mut state = State::default();
    for (map, space) in state.iter_mut().zip(spaces(db)?) {
        *map = space.iter().collect::<Result<_>>()?;
    }
    Ok(state)
}

fn run(setup: &Setup, env: &MemoryEnv, steps: &[Step], first: State) -> Run {
    let mut run = Run { history: vec![first], acknowledged: 0 };
    if let Err(error) = run.steps(setup, env, steps) {
        assert!(env.is_off(), "an error though the power is on: {error}");
    }
    run
}

impl Run {
    fn now(&self) -> &State {
        self.history.last().unwrap()
    }

    fn steps(&mut self, setup: &Setup, env: &MemoryEnv, steps: &[Step]) -> Result<()> {
        let mut pair = Pair { db: open(setup, env)?, held: Vec::new(), iters: Vec::new() };
        for step in steps {
            self.step(setup, &mut pair, step)?;
            if let Step::Reopen { close } = step {
                if *close {
                    pair.db.close()?;
                    self.acknowledged = self.history.len() - 1;
                }
                drop(pair);
                pair = Pair { db: open(setup, env)?, held: Vec::new(), iters: Vec::new() };
            }
        }
        self.ask_all(&mut pair)?;
        pair.db.close()?;
        self.acknowledged = self.history.len() - 1;
        Ok(())
    }

    fn step(&mut self, setup: &Setup, pair: &mut Pair, step: &Step) -> Result<()> {
        match step {
            Step::One(place, write) => {
                self.begin(|state| apply(&mut state[*place], write));
                let space = pair.db.keyspace(NAMES[*place])?;
                match write {
                    Write::Put(key, value) => space.put(key, value)?,
                    Write::Add(key, delta) => space.add(key, *delta)?,
                    Write::Remove(key) => space.remove(key)?,
                    Write::Clear(bounds) => space.remove_range(bounds.clone())?,
                    Write::ClearPrefix(prefix) => space.remove_prefix(prefix)?,
                }
                self.acknowledge(setup);
            }
            Step::Batch(writes) => {
                self.begin(|state| writes.iter().for_each(|(place, write)| apply(&mut state[*place], write)));
                pair.db.write(batch(&spaces(&pair.db)?, writes)?)?;
                self.acknowledge(setup);
            }
            Step::Transact(writes) => {
                self.begin(|state| writes.iter().for_each(|(place, write)| apply(&mut state[*place], write)));
                let after = self.now().clone();
                pair.db.transact(|tx| transact(tx, writes, &after))?;
                self.acknowledge(setup);
            }
            Step::Drop(place) => {
                let stale = pair.db.keyspace(NAMES[*place])?;
                self.begin(|state| state[*place].clear());
                assert!(pair.db.drop_keyspace(NAMES[*place])?);
                self.acknowledge(setup);
                assert!(matches!(stale.put("k", "lost"), Err(walnut::Error::Dropped)));
                assert!(stale.is_empty()?);
            }
            Step::Hold => pair.held.push((pair.db.snapshot(), self.now().clone())),
            Step::Release(place) if !pair.held.is_empty() => {
                drop(pair.held.swap_remove(usize::try_from(*place % pair.held.len() as u64).unwrap()));
            }
            Step::Release(_) | Step::Reopen { .. } => {}
            Step::BeginIter(place, bounds) => {
                let iter = pair.db.keyspace(NAMES[*place])?.range(bounds.clone());
                pair.iters.push((iter, within(&self.now()[*place], bounds)));
            }
            Step::Ask(place, bounds, key) => self.ask(pair, *place, bounds, key)?,
            Step::Checkpoint => self.all_durable(pair.db.checkpoint())?,
            Step::Compact => self.all_durable(pair.db.compact())?,
            Step::Sync => self.all_durable(pair.db.sync())?,
        }
        Ok(())
    }

    fn begin(&mut self, change: impl FnOnce(&mut State)) {
        let mut next = self.now().clone();
        change(&mut next);
        self.history.push(next);
    }

    fn acknowledge(&mut self, setup: &Setup) {
        if setup.durability != Durability::Fast {
            self.acknowledged = self.history.len() - 1;
        }
    }

    fn all_durable(&mut self, done: Result<()>) -> Result<()> {
        done.inspect(|()| self.acknowledged = self.history.len() - 1)
    }

    fn ask(&self, pair: &Pair, place: usize, bounds: &Bounds, key: &[u8]) -> Result<()> {
        let (space, map) = (pair.db.keyspace(NAMES[place])?, &self.now()[place]);
        assert_eq!(space.get(key)?.as_ref(), map.get(key));
        assert_eq!(space.contains(key)?, map.contains_key(key));
        check_sum(&space.get_sum(key), map.get(key));
        let mut expected = within(map, bounds);
        assert_eq!(space.range(bounds.clone()).collect::<Result<Vec<_>>>()?, expected);
        expected.reverse();
        assert_eq!(space.range(bounds.clone()).rev().collect::<Result<Vec<_>>>()?, expected);
        let prefixed: Vec<_> = map.iter().filter(|(held, _)| held.starts_with(key)).collect();
        let found = space.prefix(key).collect::<Result<Vec<_>>>()?;
        assert!(found.iter().map(|(key, value)| (key, value)).eq(prefixed), "prefix {key:?}");
        assert_eq!(space.len()?, map.len() as u64);
        assert_eq!(space.is_empty()?, map.is_empty());
        let owned =
            |entry: Option<(&Vec<u8>, &Vec<u8>)>| entry.map(|(key, value)| (key.clone(), value.clone()));
        assert_eq!(
            (space.first()?, space.last()?),
            (owned(map.first_key_value()), owned(map.last_key_value()))
        );
        Ok(())
    }

    fn ask_all(&self, pair: &mut Pair) -> Result<()> {
        assert_eq!(&state(&pair.db)?, self.now());
        for (snapshot, expected) in &pair.held {
            for (name, map) in NAMES.iter().zip(expected) {
                let found: Map = match snapshot.keyspace(name)? {
                    Some(space) => space.iter().rev().collect::<Result<_>>()?,
                    None => Map::new(),
                };
                assert_eq!(&found, map, "keyspace {name} of a snapshot");
            }
        }
        for (iter, expected) in pair.iters.drain(..) {
            assert_eq!(iter.collect::<Result<Vec<_>>>()?, expected, "an iterator that was begun before");
        }
        pair.db.verify()?;
        Ok(())
    }
}

/// The sum of a key with this value; an error when that is no number, and is known to be none.
fn check_sum(found: &Result<i64>, value: Option<&Vec<u8>>) {
    match (value, number(value)) {
        (None, _) => assert_eq!(found.as_ref().ok(), Some(&0)),
        (_, Some(number)) => assert_eq!(found.as_ref().ok(), Some(&number)),
        _ => assert!(matches!(found, Err(walnut::Error::Unsupported(_))), "{found:?}"),
    }
}

fn batch(spaces: &[Keyspace], writes: &[(usize, Write)]) -> Result<WriteBatch> {
    let mut batch = WriteBatch::new();
    for (place, write) in writes {
        let space = &spaces[*place];
        match write {
            Write::Put(key, value) => batch.put(space, key, value)?,
            Write::Add(key, delta) => batch.add(space, key, *delta)?,
            Write::Remove(key) => batch.remove(space, key)?,
            Write::Clear(bounds) => batch.remove_range(space, bounds.clone())?,
            Write::ClearPrefix(prefix) => batch.remove_range(space, prefix_bounds(prefix))?,
        }
    }
    Ok(batch)
}

fn transact(tx: &walnut::Transaction, writes: &[(usize, Write)], after: &State) -> Result<()> {
    for (place, write) in writes {
        let space = tx.keyspace(NAMES[*place])?;
        match write {
            Write::Put(key, value) => space.put(key, value)?,
            Write::Add(key, delta) => space.add(key, *delta)?,
            Write::Remove(key) => space.remove(key)?,
            Write::Clear(bounds) => space.remove_range(bounds.clone())?,
            Write::ClearPrefix(prefix) => space.remove_range(prefix_bounds(prefix))?,
        }
    }
    for (place, write) in writes {
        let space = tx.keyspace(NAMES[*place])?;
        let found = space.iter().collect::<Result<Map>>()?;
        assert_eq!(found, after[*place], "a transaction sees what it wrote");
        let found = space.iter().rev().collect::<Result<Map>>()?;
        assert_eq!(found, after[*place], "from the end, too");
        if let Write::Put(key, _) | Write::Add(key, _) | Write::Remove(key) = write {
            assert_eq!(space.get(key)?.as_ref(), after[*place].get(key));
            check_sum(&space.get_sum(key), after[*place].get(key));
        }
    }
    Ok(())
}

/// The keys that begin with `prefix`.
fn prefix_bounds(prefix: &[u8]) -> Bounds {
    let mut end = prefix.to_vec();
    while end.pop_if(|last| *last == u8::MAX).is_some() {}
    let end = match end.pop() {
        None => Bound::Unbounded,
        Some(last) => {
            end.push(last + 1);
            Bound::Excluded(end)
        }
    };
    (Bound::Included(prefix.to_vec()), end)
}

fn check_keyspaces(seed: u64, step_count: usize) {
    let (setup, steps) = (Setup::draw(seed), steps(seed, step_count));
    let env = MemoryEnv::with_seed(seed);
    let whole = run(&setup, &env, &steps, State::default());
    check_after_closing(&setup, &env, whole.now(), false);
    let mut random = Random::new(seed, "kv cuts");
    for count in 0..env.sync_count() {
        let machine = MemoryEnv::with_seed(seed);
        if random.one_in(2) {
            machine.power_off_before_next(Operations::Syncs, count);
        } else {
            machine.power_off_after(Operations::Syncs, count);
        }
        let Run { history, acknowledged } = run(&setup, &machine, &steps, State::default());
        let survivor = machine.crash(*random.pick(&CrashPolicy::ALL), random.next());
        let db = open(&setup, &survivor).expect("a crashed database opens");
        let state = state(&db).expect("what was recovered can be read");
        let found = history[acknowledged..].contains(&state);
        assert!(
            found,
            "Rule P, seed {seed}, cut at sync {count}: {acknowledged} of {} acknowledged\n{state:#?}",
            history.len()
        );
        db.verify().expect("what was recovered is whole");
        drop(db);
        let again = run(&setup, &survivor, &self::steps(seed + 1, 5), state);
        check_after_closing(&setup, &survivor, again.now(), true);
    }
}

fn check_after_closing(setup: &Setup, env: &MemoryEnv, expected: &State, crashed: bool) {
    for _ in 0..2 {
        assert_eq!(leaks(env, setup, crashed), [""; 0]);
        let db = open(setup, env).expect("it was closed in order");
        assert_eq!(&state(&db).expect("it can be read"), expected);
        db.close().expect("nothing is in the way");
    }
}

#[test]
fn keyspaces_live_in_step_with_maps_through_a_crash_at_every_sync() {
    for_each_seed("keyspaces_live_in_step_with_maps_through_a_crash", seeds(40), |seed| {
        check_keyspaces(seed, 30);
    });
}

#[test]
fn keyspaces_live_a_long_life_in_step_with_maps() {
    for_each_seed("keyspaces_live_a_long_life_in_step_with_maps", seeds(40), |seed| {
        let (setup, steps) = (Setup::draw(seed + 7_000), steps(seed + 7_000, 500));
        let env = MemoryEnv::with_seed(seed);
        let whole = run(&setup, &env, &steps, State::default());
        check_after_closing(&setup, &env, whole.now(), false);
    });
}
