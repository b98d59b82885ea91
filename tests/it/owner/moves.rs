//! Every operation after each way in which names can move.
//!
//! 1. What was acknowledged as durable is found where the opened directory is.
//! 2. Outside of that directory no file is made, changed or removed.
//! 3. In a directory that is no longer ours no name is made, changed or removed.
//! 4. Once a change was refused every later one is, and reads go on.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use walnut::env::{CrashPolicy, Env, FaultEnv, MemoryEnv};
use walnut::{Background, Builder, Database, DefaultTable, Durability, Error, Result};

use super::{Note, Other, ids, note};

const DIR: &str = "/home/app.walnut";
const ELSEWHERE: &str = "/attic/app.walnut";

/// What became of the directory that was opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    /// It is ours, and here.
    Held(&'static str),
    /// It is not ours any more, and here, if anywhere.
    Lost(Option<&'static str>),
    /// It is that of the process of which this is a fork.
    Forked,
}

/// A way in which names move.
struct Way {
    name: &'static str,
    happens: fn(&MemoryEnv),
    fate: Fate,
}

const WAYS: [Way; 14] = [
    Way { name: "nothing happens", happens: |_| {}, fate: Fate::Held(DIR) },
    Way {
        name: "the directory is renamed",
        happens: |env| env.rename_dir(DIR, ELSEWHERE).unwrap(),
        fate: Fate::Held(ELSEWHERE),
    },
    Way {
        name: "a directory above is renamed",
        happens: |env| env.rename_dir("/home", "/away").unwrap(),
        fate: Fate::Held("/away/app.walnut"),
    },
    Way {
        name: "another database comes to the old path",
        happens: |env| {
            env.rename_dir(DIR, ELSEWHERE).unwrap();
            other(env, DIR);
        },
        fate: Fate::Held(ELSEWHERE),
    },
    Way {
        name: "a backup comes to the old path",
        happens: |env| {
            env.rename_dir(DIR, ELSEWHERE).unwrap();
            env.rename_dir("/copies/old", DIR).unwrap();
        },
        fate: Fate::Held(ELSEWHERE),
    },
    Way {
        name: "an empty directory comes to the old path",
        happens: |env| {
            env.rename_dir(DIR, ELSEWHERE).unwrap();
            env.create_dir(Path::new(DIR)).unwrap();
        },
        fate: Fate::Held(ELSEWHERE),
    },
    Way {
        name: "a file comes to the old path",
        happens: |env| {
            env.rename_dir(DIR, ELSEWHERE).unwrap();
            env.write_file(DIR, b"a file").unwrap();
        },
        fate: Fate::Held(ELSEWHERE),
    },
    Way {
        name: "the directory is removed",
        happens: |env| env.remove_dir(DIR).unwrap(),
        fate: Fate::Lost(None),
    },
    Way {
        name: "the directory is removed, and another database made there",
        happens: |env| {
            env.remove_dir(DIR).unwrap();
            other(env, DIR);
        },
        fate: Fate::Lost(None),
    },
    Way {
        name: "LOCK is removed",
        happens: |env| env.remove(&Path::new(DIR).join("LOCK")).unwrap(),
        fate: Fate::Lost(Some(DIR)),
    },
    Way {
        name: "LOCK is removed, and a second process writes",
        happens: |env| {
            env.remove(&Path::new(DIR).join("LOCK")).unwrap();
            let db = builder(env).open(DIR).unwrap();
            let notes = db.table::<Note>().unwrap();
            (500..540).for_each(|id| notes.insert(&note(id)).unwrap());
            // It crashes: what it has is in its log.
            std::mem::forget(db);
        },
        fate: Fate::Lost(Some(DIR)),
    },
    Way {
        name: "LOCK is replaced",
        happens: |env| {
            env.write_file("/home/another lock", b"").unwrap();
            env.rename(Path::new("/home/another lock"), &Path::new(DIR).join("LOCK")).unwrap();
        },
        fate: Fate::Lost(Some(DIR)),
    },
    Way {
        name: "LOCK is renamed",
        happens: |env| {
            env.rename(&Path::new(DIR).join("LOCK"), &Path::new(DIR).join("LOCK.old")).unwrap();
        },
        fate: Fate::Lost(Some(DIR)),
    },
    Way { name: "the process is forked", happens: |env| _ = env.fork(), fate: Fate::Forked },
];

/// What is tried; it says which notes it has added durably.
struct Trial {
    name: &'static str,
    run: fn(&Handles) -> Result<Vec<u64>>,
    writes: bool,
}

/// A database and what it gave before names moved.
struct Handles {
    db: Database,
    notes: DefaultTable<Note>,
}

impl Handles {
    fn insert(&self, durability: Durability, id: u64) -> Result<Vec<u64>> {
        self.db.transact_with(durability, |tx| tx.table::<Note>()?.insert(&note(id)))?;
        Ok(vec![id])
    }
}

const TRIALS: [Trial; 18] = [
    Trial { name: "insert, Safe", run: |handles| handles.insert(Durability::Safe, 100), writes: true },
    Trial { name: "insert, Group", run: |handles| handles.insert(Durability::Group, 100), writes: true },
    Trial {
        name: "insert, Fast, then sync",
        run: |handles| {
            let added = handles.insert(Durability::Fast, 100)?;
            handles.db.sync().map(|()| added)
        },
        writes: true,
    },
    Trial {
        name: "many inserts, Fast",
        run: |handles| {
            for id in 100..160 {
                handles.insert(Durability::Fast, id)?;
            }
            handles.db.sync().map(|()| (100..160).collect())
        },
        writes: true,
    },
    Trial {
        name: "insert by a handle",
        run: |handles| handles.notes.insert(&note(100)).map(|()| vec![100]),
        writes: true,
    },
    Trial {
        name: "a row of a new keyspace",
        run: |handles| handles.db.keyspace("raw")?.put(b"k", b"v").map(|()| Vec::new()),
        writes: true,
    },
    Trial { name: "checkpoint", run: |handles| handles.db.checkpoint().map(|()| Vec::new()), writes: true },
    Trial { name: "compact", run: |handles| handles.db.compact().map(|()| Vec::new()), writes: true },
    Trial {
        name: "backup",
        run: |handles| handles.db.backup("/copies/new").map(|()| Vec::new()),
        writes: true,
    },
    Trial {
        name: "drop_table",
        run: |handles| handles.db.drop_table("others").map(|_| Vec::new()),
        writes: true,
    },
    Trial {
        name: "drop_keyspace",
        run: |handles| handles.db.drop_keyspace("spare").map(|_| Vec::new()),
        writes: true,
    },
    Trial {
        name: "steps",
        run: |handles| {
            while handles.db.step()? {}
            Ok(Vec::new())
        },
        writes: false,
    },
    Trial { name: "sync", run: |handles| handles.db.sync().map(|()| Vec::new()), writes: false },
    Trial {
        name: "verify",
        run: |handles| {
            // A file that is gone is a fault, and a lost directory is one that misses files.
            match handles.db.verify() {
                Err(Error::Corruption { .. } | Error::Io(_)) => Err(Error::Moved),
                verified => verified.map(|_| Vec::new()),
            }
        },
        writes: false,
    },
    Trial { name: "close", run: |handles| handles.db.close().map(|()| Vec::new()), writes: true },
    Trial {
        name: "reads",
        run: |handles| {
            assert_eq!(handles.notes.get(7)?, Some(note(7)));
            let snapshot = handles.db.snapshot();
            assert_eq!(snapshot.table::<Note>()?.len()?, 40);
            assert_eq!(ids(&handles.notes)?, (0..40).collect::<Vec<_>>());
            Ok(Vec::new())
        },
        writes: false,
    },
    Trial {
        name: "a read in a transaction",
        run: |handles| {
            let tx = handles.db.begin();
            assert_eq!(tx.table::<Note>()?.get(7)?, Some(note(7)));
            drop(tx);
            Ok(Vec::new())
        },
        writes: false,
    },
    Trial { name: "nothing", run: |_| Ok(Vec::new()), writes: false },
];

fn builder(env: &(impl Env + Clone)) -> Builder {
    super::builder().background(Background::Manual).env(Arc::new(env.clone()))
}

/// Another database, closed.
fn other(env: &MemoryEnv, dir: &str) {
    let db = builder(env).open(dir).unwrap();
    let notes = db.table::<Note>().unwrap();
    (900..930).for_each(|id| notes.insert(&note(id)).unwrap());
    db.close().unwrap();
}

/// A machine with an open database of forty notes, in SSTs, in the value log and in memory; a backup of it; and an innocent.
fn opened<E: Env + Clone>(env: &MemoryEnv, through: &E) -> Handles {
    for dir in ["/home", "/attic", "/copies"] {
        env.create_dir(Path::new(dir)).unwrap();
    }
    env.sync_dir(Path::new("/")).unwrap();
    other(env, "/innocent");
    let db = builder(through).open(DIR).unwrap();
    let notes = db.table::<Note>().unwrap();
    db.keyspace("spare").unwrap();
    db.table::<Other>().unwrap();
    (0..30).for_each(|id| notes.insert(&note(id)).unwrap());
    db.backup("/copies/old").unwrap();
    (30..40).for_each(|id| notes.insert(&note(id)).unwrap());
    // Every file is open: a directory that is gone can still be read.
    assert_eq!(ids(&notes).unwrap().len(), 40);
    Handles { db, notes }
}

type Files = BTreeMap<PathBuf, Vec<u8>>;

fn files(env: &MemoryEnv, wanted: impl Fn(&Path) -> bool) -> Files {
    let files = env.files().into_iter().filter(|path| wanted(path));
    files.map(|path| (path.clone(), env.read_file(&path).unwrap())).collect()
}

/// A trial after a way, for messages.
struct Case<'a> {
    way: &'a Way,
    trial: &'a Trial,
}

impl fmt::Display for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, then {}", self.way.name, self.trial.name)
    }
}

fn is_of_new_copy(path: &Path) -> bool {
    path.starts_with("/copies/new")
}

fn expect_refusal(outcome: &Result<Vec<u64>>, case: &Case<'_>) {
    match case.way.fate {
        Fate::Held(_) => {}
        Fate::Lost(_) => assert!(matches!(outcome, Err(Error::Moved)), "{case}: {outcome:?}"),
        Fate::Forked => assert!(matches!(outcome, Err(Error::Forked)), "{case}: {outcome:?}"),
    }
}

fn run(case: &Case<'_>, env: &MemoryEnv, handles: Handles) {
    let parent = env.process_id();
    (case.way.happens)(env);
    let here = match case.way.fate {
        Fate::Held(here) => here,
        Fate::Lost(here) => here.unwrap_or("/nowhere"),
        Fate::Forked => DIR,
    };
    let is_outside = |path: &Path| !path.starts_with(here) && !is_of_new_copy(path);
    let outside = files(env, is_outside);
    let inside = files(env, |path| path.starts_with(here));

    let outcome = (case.trial.run)(&handles);
    let is_held = matches!(case.way.fate, Fate::Held(_));
    if is_held {
        assert!(outcome.is_ok(), "{case}: {outcome:?}");
    } else if case.trial.writes {
        expect_refusal(&outcome, case);
    }
    assert_eq!(files(env, is_outside), outside, "{case}: rule 2");
    let added = outcome.unwrap_or_default();

    if !is_held {
        assert!(added.is_empty(), "{case}: nothing can have been added");
        if case.trial.name != "close" {
            let later = handles.insert(Durability::Safe, 700);
            expect_refusal(&later, case);
            let later = handles.db.checkpoint().map(|()| Vec::new());
            expect_refusal(&later, case);
            assert_eq!(handles.notes.get(7).unwrap(), Some(note(7)), "{case}: rule 4");
            assert!(ids(&handles.notes).unwrap().starts_with(&(0..40).collect::<Vec<_>>()), "{case}: rule 4");
        }
        let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&files(env, |path| path.starts_with(here))), names(&inside), "{case}: rule 3");
        assert!(files(env, is_of_new_copy).is_empty(), "{case}: half a copy");
    }
    drop(handles);
    assert_eq!(files(env, is_outside), outside, "{case}: rule 2, after the drop");
    if case.way.fate == Fate::Forked {
        assert_eq!(files(env, |path| path.starts_with(here)), inside, "{case}: a fork changes nothing");
        let locked = builder(env).open(DIR);
        assert!(matches!(locked, Err(Error::Locked)), "{case}: the parent still has it: {locked:?}");
        env.return_to(parent);
    }

    // A power cut takes whatever was not durable.
    let env = env.crash(CrashPolicy::Lost, 1);
    if let Fate::Held(here) | Fate::Lost(Some(here)) = case.way.fate {
        expect_notes(&env, here, &added, case);
    }
    if case.way.fate == Fate::Forked {
        expect_notes(&env, DIR, &added, case);
    }
    let db = builder(&env).open("/innocent").unwrap();
    assert_eq!(ids(&db.table().unwrap()).unwrap(), (900..930).collect::<Vec<_>>(), "{case}");
    db.verify().unwrap();
}

/// The forty notes and those that were added are there, those of a second process too, and all is well.
fn expect_notes(env: &MemoryEnv, dir: &str, added: &[u64], case: &Case<'_>) {
    let db = builder(env).open(dir).unwrap_or_else(|error| panic!("{case}: {error}"));
    let found = ids(&db.table().unwrap()).unwrap();
    let mut expected: Vec<u64> = (0..40).chain(added.iter().copied()).collect();
    if case.way.name.contains("second process") {
        expected.extend(500..540);
    }
    let missing: Vec<_> = expected.iter().filter(|id| !found.contains(id)).collect();
    assert!(missing.is_empty(), "{case}: rule 1, {missing:?} are missing");
    db.verify().unwrap();
}

#[test]
fn every_operation_after_every_move_keeps_its_promise_and_touches_nothing_else() {
    for way in &WAYS {
        for trial in &TRIALS {
            let case = Case { way, trial };
            let env = MemoryEnv::new();
            let handles = opened(&env, &env);
            run(&case, &env, handles);
        }
    }
}

#[test]
fn a_machine_that_fails_on_command_holds_its_directory_as_the_one_below_does() {
    for way in &WAYS {
        for trial in TRIALS.iter().filter(|trial| trial.writes) {
            let case = Case { way, trial };
            let env = MemoryEnv::new();
            let through = FaultEnv::over_memory(env.clone());
            let handles = opened(&env, &through);
            run(&case, &env, handles);
        }
    }
}

#[test]
fn two_copies_into_one_place_do_not_remove_each_other() {
    let env = MemoryEnv::new();
    let handles = opened(&env, &env);
    env.write_file("/copies/shared/UNFINISHED", b"").unwrap();
    assert!(handles.db.backup("/copies/shared").is_err());
    assert!(env.read_file("/copies/shared/UNFINISHED").is_some(), "it is another copy's");
}

#[test]
fn a_lock_that_is_released_and_taken_again_is_another_one() {
    let env = MemoryEnv::new();
    let handles = opened(&env, &env);
    handles.db.close().unwrap();
    let second = builder(&env).open(DIR).unwrap();
    assert!(matches!(handles.insert(Durability::Safe, 100), Err(Error::Closed)));
    drop(handles);
    assert!(matches!(builder(&env).open(DIR), Err(Error::Locked)), "dropping the first unlocks nothing");
    second.table::<Note>().unwrap().insert(&note(200)).unwrap();
}

#[test]
fn the_errors_say_what_happened() {
    assert!(Error::Moved.to_string().contains("no longer the one that was opened"));
    assert!(Error::Forked.to_string().contains("fork"));
}
