//! Without a crash a machine in memory behaves as the real one.

use proptest::prelude::*;

use super::*;
use crate::env::OsEnv;
use crate::error::Error;

/// An operation on one of a few paths or open files.
#[derive(Clone, Debug)]
enum Step {
    CreateDir(usize),
    SyncDir(usize),
    List(usize),
    Kind(usize),
    Create(usize),
    Open(usize),
    Close(usize),
    Rename(usize, usize),
    Remove(usize),
    Lock(usize),
    Unlock,
    Write(usize, u64, Vec<u8>),
    SetSize(usize, u64),
    Read(usize, u64, usize),
    Sync(usize),
}

/// Files, directories, and paths below what may be either.
const PATHS: [&str; 7] = ["a", "B", "c", "d", "d/a", "d/b", "d/d"];

fn step() -> impl Strategy<Value = Step> {
    let path = || 0..PATHS.len();
    let offset = || prop_oneof![0..20u64, 4000..4200u64, 500..9000u64];
    let bytes = (any::<u8>(), prop_oneof![1..9usize, 1..6000usize]).prop_map(|(byte, len)| vec![byte; len]);
    prop_oneof![
        1 => path().prop_map(Step::CreateDir),
        1 => path().prop_map(Step::SyncDir),
        1 => path().prop_map(Step::List),
        1 => path().prop_map(Step::Kind),
        4 => path().prop_map(Step::Create),
        2 => path().prop_map(Step::Open),
        1 => (0..4usize).prop_map(Step::Close),
        3 => (path(), path()).prop_map(|(from, to)| Step::Rename(from, to)),
        2 => path().prop_map(Step::Remove),
        1 => path().prop_map(Step::Lock),
        1 => Just(Step::Unlock),
        8 => (0..4usize, offset(), bytes).prop_map(|(file, offset, bytes)| Step::Write(file, offset, bytes)),
        2 => (0..4usize, offset()).prop_map(|(file, size)| Step::SetSize(file, size)),
        4 => (0..4usize, offset(), 0..6000usize).prop_map(|(file, offset, len)| Step::Read(file, offset, len)),
        1 => (0..4usize).prop_map(Step::Sync),
    ]
}

/// A machine under test, with its open files.
struct Side<'env> {
    env: &'env dyn Env,
    root: PathBuf,
    files: Vec<Arc<dyn File>>,
    locks: Vec<Box<dyn Lock>>,
}

impl Side<'_> {
    fn path(&self, path: usize) -> PathBuf {
        self.root.join(PATHS[path])
    }

    /// Performs a step; the result as a text that does not name the root.
    fn run(&mut self, step: &Step) -> String {
        let result = match step {
            Step::CreateDir(path) => self.env.create_dir(&self.path(*path)).map(text),
            Step::SyncDir(path) => self.env.sync_dir(&self.path(*path)).map(text),
            Step::List(path) => self.env.list(&self.path(*path)).map(text),
            Step::Kind(path) => self.env.kind(&self.path(*path)).map(text),
            Step::Create(path) => self.env.create(&self.path(*path)).map(|file| self.keep(file)),
            Step::Open(path) => self.env.open(&self.path(*path)).map(|file| self.keep(file)),
            Step::Rename(from, _)
                if self.env.kind(&self.path(*from)).ok() == Some(Some(PathKind::Directory)) =>
            {
                Ok("the contract is for files".to_owned())
            }
            Step::Rename(from, to) => self.env.rename(&self.path(*from), &self.path(*to)).map(text),
            Step::Remove(path) => self.env.remove(&self.path(*path)).map(text),
            Step::Lock(path) => self.env.lock(&self.path(*path)).map(|lock| self.locks.push(lock)).map(text),
            Step::Unlock => Ok(text(self.locks.pop().is_some())),
            Step::Close(file) if *file < self.files.len() => {
                self.files.remove(*file);
                Ok(String::new())
            }
            Step::Write(file, offset, bytes) => {
                self.with(*file, |file| file.write_at(bytes, *offset).map(text))
            }
            Step::SetSize(file, size) => self.with(*file, |file| file.set_size(*size).map(text)),
            Step::Sync(file) => self.with(*file, |file| file.sync().map(text)),
            Step::Read(file, offset, len) => self.with(*file, |file| {
                let mut bytes = vec![0xee; *len];
                let count = file.read_at(&mut bytes, *offset)?;
                let new = file.read_new(*len, *offset)?;
                assert_eq!(new, bytes[..count], "the two ways to read differ");
                Ok(text((count, bytes, file.size()?)))
            }),
            Step::Close(_) => Ok(String::new()),
        };
        match result {
            Ok(text) => text,
            Err(Error::Locked) => "locked".to_owned(),
            Err(Error::Io(error)) => match error.kind() {
                kind @ (ErrorKind::NotFound | ErrorKind::AlreadyExists) => text(kind),
                _ => "another error".to_owned(),
            },
            Err(error) => text(error),
        }
    }

    fn keep(&mut self, file: Arc<dyn File>) -> String {
        self.files.push(file);
        if self.files.len() > 4 {
            self.files.remove(0);
        }
        String::new()
    }

    fn with(&self, file: usize, run: impl FnOnce(&dyn File) -> Result<String>) -> Result<String> {
        self.files.get(file).map_or(Ok("none open".to_owned()), |file| run(file.as_ref()))
    }
}

fn text(value: impl fmt::Debug) -> String {
    format!("{value:?}")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_machine_in_memory_does_what_the_real_one_does(steps in prop::collection::vec(step(), 1..60)) {
        let directory = tempfile::tempdir().unwrap();
        let memory = MemoryEnv::new();
        let mut real = Side { env: &OsEnv, root: directory.path().to_owned(), files: vec![], locks: vec![] };
        let mut model = Side { env: &memory, root: PathBuf::from("/"), files: vec![], locks: vec![] };
        for step in &steps {
            prop_assert_eq!(model.run(step), real.run(step), "at {:?}", step);
        }
        let kept = memory.crash(CrashPolicy::Kept, 0);
        for file in memory.files() {
            let real = std::fs::read(directory.path().join(file.strip_prefix("/").unwrap())).unwrap();
            prop_assert!(memory.read_file(&file).unwrap() == real);
            prop_assert!(kept.read_file(&file).unwrap() == real);
        }
    }
}
