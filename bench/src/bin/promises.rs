//! Measures what the store promises whatever its peers do: how long a read and a commit take at worst, and that space comes back.
//!
//! ```text
//! reads     the longest get while everything is merged into one run              less than 20 ms
//! writers   p99.9 and longest `Fast` commit of eight threads under load          less than 10 ms
//! counter   how often a second one thread, and then eight, add to one row with `Fast` commits
//! space     a key written again and again; updates of ten times the data; nine rows of ten removed, and then idle
//! conflicts transactions of eight threads that never meet, with and without notes of what they read   at least 0.9
//! ```
//!
//! It prints figures and judges nothing: on a busy machine they are the machine's.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use serde::{Deserialize, Serialize};
use walnut::{Compaction, Database, DefaultTable, Durability, Result, Table};

/// Worst cases of Walnut, and its space.
#[derive(Parser)]
struct Cli {
    /// What is measured.
    #[arg(value_enum)]
    what: Vec<What>,
    /// Rows; with a kilobyte each, a million of them is a gigabyte.
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// Bytes of a row.
    #[arg(long, default_value_t = 1000)]
    size: usize,
    /// Seconds for which writers write.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Commits a second that all writers together are asked for; as many as they can when left out.
    #[arg(long)]
    rate: Option<u32>,
    /// Other processes that compute all the while.
    #[arg(long, default_value_t = 0)]
    neighbours: usize,
    /// How files are merged.
    #[arg(long, value_enum, default_value_t = Strategy::Leveled)]
    strategy: Strategy,
    /// Where the databases are made; the directory for temporary files when left out.
    #[arg(long)]
    dir: Option<std::path::PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    Reads,
    Writers,
    Counter,
    Space,
    Conflicts,
    /// Computes until it is stopped: a neighbour.
    #[value(hide = true)]
    Spin,
}

#[derive(Clone, Copy, ValueEnum)]
enum Strategy {
    Leveled,
    Tiered,
    Universal,
}

#[derive(Table, Serialize, Deserialize)]
#[table(name = "blobs")]
struct Blob {
    #[primary_key]
    id: u64,
    bytes: Vec<u8>,
}

/// What is changed by those who may get into each other's way.
#[derive(Table, Serialize, Deserialize)]
#[table(name = "accounts")]
struct Account {
    #[primary_key]
    id: u64,
    #[index]
    branch: u64,
    balance: i64,
}

const THREADS: u64 = 8;
/// Accounts of a thread, and how often it changes two of them in a round.
const ACCOUNTS: u64 = 1000;
const TRANSFERS: u64 = 10_000;
const ROUNDS: usize = 15;

/// Numbers that look random, and bytes that no compression shortens.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn row(&mut self, id: u64, size: usize) -> Blob {
        let bytes = std::iter::repeat_with(|| self.next().to_le_bytes()).flatten().take(size).collect();
        Blob { id, bytes }
    }
}

/// Waits, sorted when they are asked for.
#[derive(Default)]
struct Waits(Vec<Duration>);

impl Waits {
    fn time<R>(&mut self, work: impl FnOnce() -> R) -> R {
        let began = Instant::now();
        let result = work();
        self.0.push(began.elapsed());
        result
    }

    fn median(&self) -> Duration {
        let mut waits = self.0.clone();
        waits.sort_unstable();
        waits.get(waits.len() / 2).copied().unwrap_or_default()
    }

    fn print(mut self, of: &str) {
        self.0.sort_unstable();
        let at = |part: usize, whole: usize| {
            self.0
                .get((self.0.len() * part / whole).min(self.0.len().saturating_sub(1)))
                .copied()
                .unwrap_or_default()
        };
        let (median, p99, p999, longest) = (at(1, 2), at(99, 100), at(999, 1000), at(1, 1));
        println!(
            "{of}: {} in all, median {median:?}, p99 {p99:?}, p99.9 {p999:?}, longest {longest:?}",
            self.0.len()
        );
    }
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let _neighbours = Neighbours::start(cli.neighbours).expect("this program starts once more");
    for what in &cli.what {
        let place =
            cli.dir.as_ref().map_or_else(tempfile::tempdir, tempfile::tempdir_in).expect("a directory");
        match what {
            What::Reads => reads(&cli, place.path())?,
            What::Writers => writers(&cli, place.path())?,
            What::Counter => counter(&cli, place.path())?,
            What::Spin => spin(),
            What::Space => space(&cli, place.path())?,
            What::Conflicts => conflicts(place.path())?,
        }
    }
    Ok(())
}

fn open(cli: &Cli, dir: &Path) -> Result<(Database, DefaultTable<Blob>)> {
    let strategy = match cli.strategy {
        Strategy::Leveled => Compaction::Leveled,
        Strategy::Tiered => Compaction::Tiered,
        Strategy::Universal => Compaction::Universal,
    };
    let db = Database::builder().durability(Durability::Fast).compaction(strategy).open(dir.join("db"))?;
    let blobs = db.table()?;
    Ok((db, blobs))
}

fn load(cli: &Cli, blobs: &DefaultTable<Blob>, random: &mut Random) -> Result<()> {
    let mut id = 0;
    while id < cli.rows {
        let end = (id + 200).min(cli.rows);
        blobs.upsert_many((id..end).map(|id| random.row(id, cli.size)).collect::<Vec<_>>())?;
        id = end;
    }
    Ok(())
}

/// Gets of random rows, in one thread, while another merges everything.
fn reads(cli: &Cli, dir: &Path) -> Result<()> {
    let (db, blobs) = open(cli, dir)?;
    let mut random = Random(1);
    load(cli, &blobs, &mut random)?;
    // Something in every file changed, so that all of it is merged.
    for _ in 0..cli.rows / 20 {
        let id = random.next() % cli.rows;
        blobs.upsert(&random.row(id, cli.size))?;
    }
    let done = AtomicBool::new(false);
    let waits = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut waits, mut random) = (Waits::default(), Random(2));
            while !done.load(Ordering::Acquire) {
                let id = random.next() % cli.rows;
                let row = waits.time(|| blobs.get(id))?;
                assert!(row.is_some(), "row {id} is there");
            }
            Ok(waits)
        });
        let began = Instant::now();
        let merged = db.compact();
        let took = began.elapsed();
        done.store(true, Ordering::Release);
        merged?;
        println!("full merge of {} MB: {took:?}", db.stats().sst_size >> 20);
        reader.join().expect("the reader does not panic")
    })?;
    waits.print("gets meanwhile");
    db.close()
}

/// What eight threads wait that do something as fast as they can, or as often as they are asked for: then a wait begins when the
/// turn has come, not when the thread gets to it. Also gives how long the work alone takes at its median.
fn eight(cli: &Cli, work: impl Fn(&Blob) -> Result<()> + Sync) -> Result<(Waits, Duration)> {
    let end = Instant::now() + Duration::from_secs(cli.seconds);
    let interval = cli.rate.map(|rate| Duration::from_secs(8) / rate.max(1));
    let write = |seed| {
        let (mut waits, mut works, mut random) = (Waits::default(), Waits::default(), Random(seed));
        let mut due = Instant::now();
        while Instant::now() < end {
            let id = random.next() % cli.rows;
            let row = random.row(id, cli.size);
            if let Some(interval) = interval {
                due += interval;
                std::thread::park_timeout(due.saturating_duration_since(Instant::now()));
            } else {
                due = Instant::now();
            }
            works.time(|| work(&row))?;
            waits.0.push(due.elapsed());
        }
        Result::Ok((waits, works))
    };
    let write = &write;
    let (mut all, mut all_works) = (Waits::default(), Waits::default());
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8u64).map(|seed| scope.spawn(move || write(seed))).collect();
        for thread in threads {
            let (waits, works) = thread.join().expect("a writer does not panic")?;
            all.0.extend(waits.0);
            all_works.0.extend(works.0);
        }
        Result::Ok(())
    })?;
    Ok((all, all_works.median()))
}

/// Eight threads that write as fast as they can, or as often as they are asked for; and after them eight that only compute as long
/// as a commit takes at its median, which shows what of the waits is the processors' having less room than threads.
fn writers(cli: &Cli, dir: &Path) -> Result<()> {
    let (db, blobs) = open(cli, dir)?;
    let (commits, usual) = eight(cli, |row| blobs.upsert(row).map(drop))?;
    commits.print("commits of eight writers");
    let compute = |_: &Blob| {
        let begin = Instant::now();
        while begin.elapsed() < usual {
            std::hint::spin_loop();
        }
        Ok(())
    };
    eight(cli, compute)?.0.print("the same threads without a database");
    let stats = db.stats();
    println!(
        "stalls: {} for {:?} together; debt {} MB; {} runs; write amplification {:.1}",
        stats.stall_count,
        stats.stall_time,
        stats.compaction_debt_size >> 20,
        stats.run_count,
        stats.write_amplification()
    );
    db.close()
}

/// Adds to one row, by one thread and by eight.
fn counter(cli: &Cli, dir: &Path) -> Result<()> {
    let db = Database::builder().durability(Durability::Fast).open(dir.join("db"))?;
    let accounts: DefaultTable<Account> = db.table()?;
    accounts.insert(&Account { id: 1, branch: 1, balance: 0 })?;
    for threads in [1, THREADS] {
        let before = balance(&accounts)?;
        let deadline = Instant::now() + Duration::from_secs(cli.seconds);
        let add = || {
            while Instant::now() < deadline {
                accounts.modify(1, |account| account.balance += 1)?;
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(add)).collect();
            threads.into_iter().try_for_each(|thread| thread.join().expect("no thread panics"))
        })?;
        let added = balance(&accounts)?.abs_diff(before);
        println!("a counter of {threads} threads: {} a second", added / cli.seconds);
    }
    db.close()
}

fn balance(accounts: &DefaultTable<Account>) -> Result<i64> {
    Ok(accounts.get(1)?.map_or(0, |account| account.balance))
}

/// Processes that take what they get of the processors; they end with this.
struct Neighbours(Vec<std::process::Child>);

impl Neighbours {
    fn start(count: usize) -> std::io::Result<Self> {
        let program = std::env::current_exe()?;
        let children = (0..count).map(|_| std::process::Command::new(&program).arg("spin").spawn());
        children.collect::<std::io::Result<_>>().map(Self)
    }
}

impl Drop for Neighbours {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // One that has ended already has no more to do either.
            let _ = child.kill().and_then(|()| child.wait());
        }
    }
}

fn spin() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

/// The bytes of all files in a directory.
fn disk_size(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).expect("the database is a directory");
    entries.filter_map(|entry| entry.ok()?.metadata().ok()).map(|meta| meta.len()).sum()
}

/// Waits until nothing has been merged for a few seconds; gives the size of the database then.
fn settled(db: &Database, dir: &Path) -> u64 {
    let (mut before, mut since) = (db.stats().compaction_written_size, Instant::now());
    while since.elapsed() < Duration::from_secs(4) {
        std::thread::park_timeout(Duration::from_millis(200));
        let now = db.stats().compaction_written_size;
        if now != before {
            (before, since) = (now, Instant::now());
        }
    }
    disk_size(&dir.join("db"))
}

fn space(cli: &Cli, dir: &Path) -> Result<()> {
    let (db, blobs) = open(cli, dir)?;
    let mut random = Random(3);
    for _ in 0..100_000 {
        blobs.upsert(&random.row(0, cli.size))?;
    }
    db.compact()?;
    println!("a row of {} bytes written 100,000 times: {} bytes of files", cli.size, db.stats().sst_size);
    load(cli, &blobs, &mut random)?;
    db.checkpoint()?;
    let live = settled(&db, dir);
    println!("{} rows: {} MB", cli.rows, live >> 20);
    let mut most = live;
    for n in 0..10 * cli.rows / 100 {
        let draw = |_| {
            let id = random.next() % cli.rows;
            random.row(id, cli.size)
        };
        let rows: Vec<_> = (0..100).map(draw).collect();
        blobs.upsert_many(&rows)?;
        if n % 500 == 0 {
            most = most.max(disk_size(&dir.join("db")));
        }
    }
    println!(
        "ten times the data in updates: {} MB at most, {:.2} times the live data",
        most >> 20,
        times(most, live)
    );
    db.checkpoint()?;
    let full = settled(&db, dir);
    let removed: Vec<u64> = (0..cli.rows).filter(|id| id % 10 > 0).collect();
    for ids in removed.chunks(500) {
        blobs.remove_many(ids.iter().copied())?;
    }
    db.checkpoint()?;
    let left = settled(&db, dir);
    let given = full.saturating_sub(left) * 10;
    println!(
        "nine of ten rows removed, then idle: {} MB of {} MB are left; {:.0} % of theirs came back",
        left >> 20,
        full >> 20,
        100.0 * times(given, full * 9)
    );
    db.close()
}

/// Rounds of both kinds alternate; what counts is the ratio of neighbours, which the machine's other work hardly moves.
fn conflicts(dir: &Path) -> Result<()> {
    let db = Database::builder().durability(Durability::Fast).open(dir.join("db"))?;
    let accounts = db.table::<Account>()?;
    for thread in 0..THREADS {
        let account = |n| Account { id: thread * ACCOUNTS + n, branch: n % 100, balance: 100 };
        accounts.insert_many((0..ACCOUNTS).map(account).collect::<Vec<_>>())?;
    }
    let mut ratios = Vec::new();
    for round in 0..ROUNDS {
        // Whoever comes second finds a machine that the first one has warmed or tired.
        let mut speeds = [0.0; 2];
        for unnoticed in [round % 2 == 0, round % 2 == 1] {
            walnut::__measure::leave_conflicts_unnoticed(unnoticed);
            speeds[usize::from(unnoticed)] = transfers(&db, round)?;
        }
        let [noticed, unnoticed] = speeds;
        println!("{noticed:.0} transactions a second, {unnoticed:.0} without notes");
        ratios.push(noticed / unnoticed);
    }
    walnut::__measure::leave_conflicts_unnoticed(false);
    ratios.sort_by(f64::total_cmp);
    println!(
        "conflict tracking leaves {:.3} of the speed, the median of {ROUNDS} rounds",
        ratios[ROUNDS / 2]
    );
    db.close()
}

/// What eight threads do in a second together: each reads two rows of its own and changes both.
fn transfers(db: &Database, round: usize) -> Result<f64> {
    let begin = Instant::now();
    std::thread::scope(|scope| {
        let work = |thread: u64| {
            let mut random = Random(round as u64 * THREADS + thread);
            for _ in 0..TRANSFERS {
                let account = thread * ACCOUNTS + random.next() % (ACCOUNTS - 1);
                db.transact(|tx| {
                    let accounts = tx.table::<Account>()?;
                    accounts.modify(account, |row| row.balance -= 1)?;
                    accounts.modify(account + 1, |row| row.balance += 1)?;
                    Ok(())
                })?;
            }
            Result::Ok(())
        };
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || work(thread))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("a thread does not panic"))
    })?;
    Ok(times(THREADS * TRANSFERS, 1) / begin.elapsed().as_secs_f64())
}

#[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
fn times(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}
