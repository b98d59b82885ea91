//! Two real processes: one writes and is killed, the other follows.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use walnut::{Database, Durability};
use walnut_tests::threads::Ends;

use super::{Note, note};

/// Set in the process that writes: the directory.
const WRITER: &str = "WALNUT_TEST_FOLLOWED";

/// Notes 0, 1, 2, .. in commits of five, and the removal of all but the newest hundred; each commit is printed when it is
/// acknowledged.
fn write(dir: PathBuf) {
    let db = Database::builder()
        .memtable_size(16 << 10)
        .max_sst_size(16 << 10)
        .durability(Durability::Fast)
        .open(dir)
        .unwrap();
    let notes = db.table::<Note>().unwrap();
    let first = notes.iter().keys().next_back().transpose().unwrap().map_or(0, |last| last + 1);
    for start in (first..).step_by(5) {
        let rows: Vec<Note> = (start..start + 5).map(note).collect();
        db.transact(|tx| {
            let notes = tx.table::<Note>()?;
            notes.insert_many(&rows)?;
            for id in start.saturating_sub(100)..start.saturating_sub(95) {
                notes.remove(id)?;
            }
            Ok::<_, walnut::Error>(())
        })
        .unwrap();
        let line = format!("acknowledged {}\n", start + 4);
        std::io::stdout().write_all(line.as_bytes()).unwrap();
    }
}

#[test]
fn a_follower_reads_while_another_process_writes_and_is_killed() {
    if let Some(dir) = env::var_os(WRITER) {
        return write(dir.into());
    }
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("followed.walnut");
    drop(Database::open(&dir).unwrap().table::<Note>().unwrap());
    let follower = Database::follow(&dir).unwrap();
    let mut last = 0;
    for life in 1..=3 {
        let mut child = Command::new(env::current_exe().unwrap())
            .args([
                "follow::processes::a_follower_reads_while_another_process_writes_and_is_killed",
                "--exact",
                "--nocapture",
            ])
            .env(WRITER, &dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledged = lines
            .map_while(Result::ok)
            .filter_map(|line| line.strip_prefix("acknowledged ").and_then(|id| id.parse::<u64>().ok()));
        let wanted = life * 3000;
        let done = AtomicBool::new(false);
        let newest = std::thread::scope(|scope| {
            let (done, follower) = (&done, &follower);
            let looking = scope.spawn(move || {
                let (mut last, mut looks) = (last, 0);
                while !done.load(Ordering::Acquire) || looks == 0 {
                    follower.refresh().unwrap();
                    last = check(follower, last);
                    looks += 1;
                }
                last
            });
            let _ends = Ends(done);
            let newest = acknowledged.find(|id| *id >= wanted).expect("it writes for ever");
            child.kill().unwrap();
            child.wait().unwrap();
            // What it has acknowledged before it died.
            let newest = acknowledged.last().unwrap_or(newest);
            done.store(true, Ordering::Release);
            last = looking.join().unwrap();
            newest
        });
        follower.refresh().unwrap();
        last = check(&follower, last);
        assert!(last >= newest, "{last} is shown, and {newest} was acknowledged");
        let fresh = Database::follow(&dir).unwrap();
        assert_eq!(check(&fresh, last), last);
        fresh.verify().unwrap();
    }
    let db = Database::open(&dir).unwrap();
    let notes = db.table::<Note>().unwrap();
    assert_eq!(notes.iter().keys().next_back().unwrap().unwrap(), last);
}

/// Whole commits are there, the newest hundred notes, none before the last look.
fn check(follower: &walnut::Follower, last: u64) -> u64 {
    let notes = follower.table::<Note>().unwrap();
    let found = notes.iter().collect_vec().unwrap();
    let Some(newest) = found.last().map(|note| note.id) else { return last };
    assert!(newest >= last, "it went back from {last} to {newest}");
    assert_eq!(newest % 5, 4);
    let first = (newest + 1).saturating_sub(100);
    assert_eq!(found, (first..=newest).map(note).collect::<Vec<_>>());
    assert_eq!(notes.by().tag.all(3).count().unwrap(), found.len() as u64);
    newest
}
