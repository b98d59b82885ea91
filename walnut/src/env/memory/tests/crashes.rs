//! After a crash everything that was synced is there, and the rest is a state that once existed.
//!
//! The oracle shares no code with the machine: it keeps whole copies of every file, and of every
//! directory's names, for each state since the last sync, and checks of the survivor only that each
//! byte, length and name is in one of them.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Create(usize),
    Rename(usize, usize),
    Remove(usize),
    Write(usize, usize, u8, usize),
    SetSize(usize, usize),
    Sync(usize),
    SyncDir(usize),
    Crash(u64),
}

const DIRECTORIES: [&str; 2] = ["/", "/d"];
const PATHS: [(usize, &str); 5] = [(0, "a"), (0, "b"), (1, "a"), (1, "b"), (1, "c")];

fn step() -> impl Strategy<Value = Step> {
    let path = || 0..PATHS.len();
    let offset = || prop_oneof![0..30usize, 480..1100usize, 0..5000usize];
    prop_oneof![
        3 => path().prop_map(Step::Create),
        3 => (path(), path()).prop_map(|(from, to)| Step::Rename(from, to)),
        1 => path().prop_map(Step::Remove),
        8 => (path(), offset(), any::<u8>(), 1..2000usize)
            .prop_map(|(path, offset, byte, len)| Step::Write(path, offset, byte, len)),
        2 => (path(), offset()).prop_map(|(path, size)| Step::SetSize(path, size)),
        3 => path().prop_map(Step::Sync),
        2 => (0..DIRECTORIES.len()).prop_map(Step::SyncDir),
        3 => any::<u64>().prop_map(Step::Crash),
    ]
}

/// What the oracle knows of a file: its states since the last sync, the oldest of them synced.
struct Known {
    file: Arc<dyn File>,
    states: Vec<Vec<u8>>,
}

impl Known {
    fn change(&mut self, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.states.last().unwrap().clone();
        change(&mut state);
        self.states.push(state);
    }

    /// Whether a crash may leave these bytes.
    fn allows(&self, bytes: &[u8], policy: CrashPolicy) -> bool {
        let synced = self.states[0].len();
        let is_byte_allowed = |offset: usize| {
            let is_state = |state: &Vec<u8>| state.get(offset).copied().unwrap_or(0) == bytes[offset];
            self.states.iter().any(is_state) || policy == CrashPolicy::Torn && offset >= synced
        };
        match policy {
            CrashPolicy::Lost => bytes == self.states[0],
            CrashPolicy::Kept => Some(bytes) == self.states.last().map(Vec::as_slice),
            _ => {
                self.states.iter().any(|state| state.len() == bytes.len())
                    && (0..bytes.len()).all(is_byte_allowed)
            }
        }
    }
}

/// For each path the files that it was bound to since its directory was synced, the oldest of them
/// durable.
type Names = BTreeMap<usize, Vec<Option<usize>>>;

struct Oracle {
    env: MemoryEnv,
    files: Vec<Known>,
    names: Names,
}

impl Oracle {
    fn new() -> Self {
        let env = MemoryEnv::new();
        env.create_dir(path("/d")).unwrap();
        env.sync_dir(path("/")).unwrap();
        let names = (0..PATHS.len()).map(|path| (path, vec![None])).collect();
        Self { env, files: Vec::new(), names }
    }

    fn path(index: usize) -> PathBuf {
        Path::new(DIRECTORIES[PATHS[index].0]).join(PATHS[index].1)
    }

    fn current(&self, path: usize) -> Option<usize> {
        *self.names[&path].last().unwrap()
    }

    fn bind(&mut self, path: usize, file: Option<usize>) {
        self.names.get_mut(&path).unwrap().push(file);
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Create(path) => {
                if let Ok(file) = self.env.create(&Self::path(path)) {
                    self.files.push(Known { file, states: vec![Vec::new()] });
                    self.bind(path, Some(self.files.len() - 1));
                }
            }
            Step::Rename(from, to) => {
                let renamed = self.env.rename(&Self::path(from), &Self::path(to)).is_ok();
                assert_eq!(renamed, self.current(from).is_some());
                if renamed && from != to {
                    self.bind(to, self.current(from));
                    self.bind(from, None);
                }
            }
            Step::Remove(path) => {
                if self.env.remove(&Self::path(path)).is_ok() {
                    self.bind(path, None);
                }
            }
            Step::Write(path, offset, byte, len) => {
                let Some(known) = self.current(path).map(|file| &mut self.files[file]) else { return };
                known.file.write_at(&vec![byte; len], offset as u64).unwrap();
                known.change(|state| {
                    state.resize(state.len().max(offset + len), 0);
                    state[offset..offset + len].fill(byte);
                });
            }
            Step::SetSize(path, size) => {
                let Some(known) = self.current(path).map(|file| &mut self.files[file]) else { return };
                known.file.set_size(size as u64).unwrap();
                known.change(|state| state.resize(size, 0));
            }
            Step::Sync(path) => {
                let Some(known) = self.current(path).map(|file| &mut self.files[file]) else { return };
                known.file.sync().unwrap();
                known.states.drain(..known.states.len() - 1);
            }
            Step::SyncDir(directory) => {
                self.env.sync_dir(path(DIRECTORIES[directory])).unwrap();
                let within = self.names.iter_mut().filter(|(path, _)| PATHS[**path].0 == directory);
                within.for_each(|(_, states)| drop(states.drain(..states.len() - 1)));
            }
            Step::Crash(seed) => CrashPolicy::ALL.into_iter().for_each(|policy| self.check(policy, seed)),
        }
    }

    fn check(&self, policy: CrashPolicy, seed: u64) {
        let survivor = self.env.crash(policy, seed);
        for (path, states) in &self.names {
            let allowed: BTreeSet<Option<usize>> = match policy {
                CrashPolicy::Lost => states.iter().take(1).copied().collect(),
                CrashPolicy::Kept => states.iter().rev().take(1).copied().collect(),
                _ => states.iter().copied().collect(),
            };
            let path = Self::path(*path);
            let is_allowed = match survivor.read_file(&path) {
                None => allowed.contains(&None),
                Some(bytes) => allowed.iter().flatten().any(|file| self.files[*file].allows(&bytes, policy)),
            };
            assert!(is_allowed, "{} after {policy:?} with seed {seed}: {states:?}", path.display());
        }
        let settled = survivor.crash(CrashPolicy::Lost, seed);
        for file in survivor.files() {
            assert_eq!(settled.read_file(&file), survivor.read_file(&file), "what survived is durable");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn after_a_crash_all_that_was_synced_is_there(
        steps in prop::collection::vec(step(), 1..80),
        seed in any::<u64>(),
    ) {
        let mut oracle = Oracle::new();
        for step in &steps {
            oracle.run(step);
        }
        oracle.run(&Step::Crash(seed));
    }
}

#[test]
fn the_same_crash_leaves_the_same_files() {
    let env = MemoryEnv::new();
    for name in ["/a", "/b", "/c"] {
        env.create(path(name)).unwrap().write_at(&[7; 5000], 0).unwrap();
    }
    for seed in 0..50 {
        let [one, two] = [(); 2].map(|()| env.crash(CrashPolicy::Torn, seed));
        assert_eq!(one.files(), two.files());
        for file in one.files() {
            assert_eq!(one.read_file(&file), two.read_file(&file));
        }
    }
}
