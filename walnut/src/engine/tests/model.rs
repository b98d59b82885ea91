//! Random histories against a sorted map.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::base::number_in;
use crate::mvcc::Pin;

/// The number of keys: few, so that versions of the same key meet.
const KEYS: u32 = 40;

#[derive(Clone, Debug)]
enum Deed {
    Put(u32),
    Delete(u32),
    /// Many at once.
    Fill(u32, u32),
    Wipe(u32, u32),
    /// A number of eight bytes.
    Set(u32, i64),
    Add(u32, i64),
    /// Many adds to one key.
    AddMany(u32, u32),
    /// A range tombstone.
    Clear(u32, u32),
    Pin,
    Unpin(usize),
    BeginScan,
    Checkpoint,
    Compact,
    Thin,
    Reopen,
}

fn deed() -> impl Strategy<Value = Deed> {
    let n = || 0..KEYS;
    prop_oneof![
        8 => n().prop_map(Deed::Put),
        4 => n().prop_map(Deed::Delete),
        4 => (n(), n()).prop_map(|(from, count)| Deed::Fill(from, count)),
        2 => (n(), n()).prop_map(|(from, count)| Deed::Wipe(from, count)),
        1 => (n(), any::<i64>()).prop_map(|(n, number)| Deed::Set(n, number)),
        6 => (0..4u32, -3..100i64).prop_map(|(n, delta)| Deed::Add(n, delta)),
        1 => (n(), any::<i64>()).prop_map(|(n, delta)| Deed::Add(n, delta)),
        2 => (0..4u32, n()).prop_map(|(n, count)| Deed::AddMany(n, count)),
        3 => (n(), n()).prop_map(|(from, count)| Deed::Clear(from, count)),
        2 => Just(Deed::Pin),
        2 => any::<usize>().prop_map(Deed::Unpin),
        1 => Just(Deed::BeginScan),
        2 => Just(Deed::Checkpoint),
        1 => Just(Deed::Compact),
        2 => Just(Deed::Thin),
        1 => Just(Deed::Reopen),
    ]
}

/// An engine and its expected contents, now and at each pin.
struct Pair {
    env: MemoryEnv,
    engine: Engine,
    config: EngineConfig,
    state: State,
    pins: Vec<(Pin, State)>,
    scans: Vec<(EngineScan, State)>,
    version: u32,
}

impl Pair {
    fn new(config: EngineConfig) -> Self {
        let env = machine();
        let engine = open_with(&env, config.clone()).unwrap();
        Self { env, engine, config, state: State::new(), pins: Vec::new(), scans: Vec::new(), version: 0 }
    }

    fn run(&mut self, deed: &Deed) {
        self.version += 1;
        match *deed {
            Deed::Put(n) => self.put(n),
            Deed::Delete(n) => self.delete(n),
            Deed::Fill(from, count) => (from..(from + count).min(KEYS)).for_each(|n| self.put(n)),
            Deed::Wipe(from, count) => (from..(from + count).min(KEYS)).for_each(|n| self.delete(n)),
            Deed::Set(n, number) => {
                set(&self.engine, n, number).unwrap();
                self.state.insert(key(n), number.to_le_bytes().to_vec());
            }
            Deed::Add(n, delta) => self.add(n, delta),
            Deed::AddMany(n, count) => (0..count).for_each(|delta| self.add(n, delta.into())),
            Deed::Clear(from, count) => {
                clear(&self.engine, from..from + count).unwrap();
                self.state.retain(|held, _| *held < key(from) || *held >= key(from + count));
            }
            Deed::Pin => self.pins.push((self.engine.pin_applied(), self.state.clone())),
            Deed::Unpin(place) if !self.pins.is_empty() => {
                drop(self.pins.swap_remove(place % self.pins.len()));
            }
            Deed::Unpin(_) => {}
            Deed::BeginScan => {
                self.scans.push((self.engine.scan(KeyRange::all()).unwrap(), self.state.clone()));
            }
            Deed::Checkpoint => self.engine.checkpoint().unwrap(),
            Deed::Compact => self.engine.compact().unwrap(),
            Deed::Thin => {
                self.engine.flush_everything().unwrap();
                self.engine.thin().unwrap();
                assert!(!self.engine.thin().unwrap(), "all that can go has gone the first time");
            }
            Deed::Reopen => {
                self.pins.clear();
                self.scans.clear();
                self.engine.close().unwrap();
                self.engine = open_with(&self.env, self.config.clone()).unwrap();
            }
        }
    }

    fn put(&mut self, n: u32) {
        put(&self.engine, n, self.version).unwrap();
        self.state.insert(key(n), value(n, self.version));
    }

    fn add(&mut self, n: u32, delta: i64) {
        add(&self.engine, n, delta).unwrap();
        let number = self.state.get(&key(n)).and_then(|value| number_in(value)).unwrap_or(0);
        self.state.insert(key(n), number.wrapping_add(delta).to_le_bytes().to_vec());
    }

    fn delete(&mut self, n: u32) {
        delete(&self.engine, n).unwrap();
        self.state.remove(&key(n));
    }

    fn check(&mut self) {
        assert_eq!(state(&self.engine).unwrap(), self.state);
        for n in 0..KEYS {
            let held = self.state.get(&key(n));
            assert_eq!(get(&self.engine, n).unwrap().as_ref(), held);
            assert_eq!(contains(&self.engine, n).unwrap(), held.is_some());
            let number = held.map_or(Number::Nothing, |value| Number::in_value(value));
            assert_eq!(self.engine.read(|reader| reader.number(&key(n))).unwrap(), number);
            for (pin, state) in &self.pins {
                let found = self.engine.read_at(pin, |reader| reader.get(&key(n), <[u8]>::to_vec)).unwrap();
                assert_eq!(found.as_ref(), state.get(&key(n)), "key {n} at {:?}", pin.at());
                let range = KeyRange { start: key(n), end: Some(key(n + 1)) };
                let reads = ReadSet { pin: None, keys: KeySet::default(), ranges: vec![range] };
                let is_same = state.get(&key(n)) == self.state.get(&key(n));
                assert!(
                    is_same || self.engine.commits.changed_since(&reads, pin.at()).unwrap(),
                    "the range of {n} has changed"
                );
                assert!(is_same || is_changed(&self.engine, n, pin.at()).unwrap(), "key {n} has changed");
            }
        }
        // Backwards, so that positions and keys differ, and one of them twice.
        let keys: Vec<Vec<u8>> = (0..KEYS).rev().chain([3]).map(key).collect();
        assert_eq!(
            get_many(&self.engine, &keys),
            keys.iter().map(|key| self.state.get(key).cloned()).collect::<Vec<_>>()
        );
        for (pin, state) in &self.pins {
            let mut scan = self.engine.core().scan_at(KeyRange::all(), pin).unwrap();
            let backwards = drain(&mut scan, true).unwrap();
            assert!(backwards.into_iter().rev().eq(state.clone()), "a scan at {:?}", pin.at());
        }
        let range = KeyRange { start: key(7), end: Some(key(31)) };
        let mut inside = drain(&mut self.engine.scan(range).unwrap(), true).unwrap();
        inside.reverse();
        let expected: Vec<_> =
            self.state.range(key(7)..key(31)).map(|(key, value)| (key.clone(), value.clone())).collect();
        assert_eq!(inside, expected);
        expect_no_leak(&self.env, &self.engine);
    }

    fn finish(mut self) {
        self.check();
        for (mut scan, state) in self.scans.drain(..) {
            assert_eq!(drain(&mut scan, false).unwrap().into_iter().collect::<State>(), state);
        }
        self.engine.verify().unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn every_reader_sees_the_map_whatever_is_compacted(
        deeds in vec(deed(), 1..120),
        memtable_size in prop_oneof![Just(300usize), Just(2 << 10)],
        frozen_limit in 1usize..3,
        max_sst_size in prop_oneof![Just(1u64), Just(700), Just(4 << 10)],
        base_level_size in prop_oneof![Just(1u64), Just(1 << 10), Just(16 << 10)],
        compaction in prop_oneof![Just(Compaction::Leveled), Just(Compaction::Tiered), Just(Compaction::Universal)],
        threshold in prop_oneof![Just(usize::MAX), Just(1)],
    ) {
        let levels = LeveledConfig { max_sst_size, base_level_size };
        let values = ValueConfig { threshold, max_file_size: 4 << 10 };
        let config = EngineConfig { memtable_size, frozen_limit, compaction, levels, values, ..config() };
        let mut pair = Pair::new(config);
        for (place, deed) in deeds.iter().enumerate() {
            pair.run(deed);
            if place % 8 == 0 || matches!(deed, Deed::Compact | Deed::Thin | Deed::Checkpoint | Deed::Reopen) {
                pair.check();
            }
        }
        pair.finish();
    }
}
