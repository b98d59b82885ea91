//! Histories of transactions on an engine, and whether some serial order explains them.
//!
//! Every value is a list of numbers. A transaction reads some lists, appends a number of its own to
//! some of them, and moves an index entry for each: it removes the one of the list's last number,
//! and puts the one of its own. Afterwards the final lists tell the order of all writes:
//!
//! ```text
//!   w → w'   the number of w' is behind that of w in a list           (write, write)
//!   w → r    r has seen the list up to the number of w                (write, read)
//!   r → w    the number of w is the first that r has not seen         (read, write)
//!   a → b    a was acknowledged before b began                        (real time)
//! ```
//!
//! A cycle means that no serial order explains the history: it has an anomaly. A number of a transaction that failed
//! must be in no list, one of an acknowledged transaction in each list once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use walnut::Durability;
use walnut::remote::{Engine, Failure, Mode, Session, Writes};

use crate::{Outcome, described, ensure, unique_name};

/// The lists of one generation. They are few, so that transactions meet.
const LISTS: usize = 12;
/// Transactions after which new lists are begun, so that none gets long.
const GENERATION: u64 = 400;

#[derive(Clone, Debug)]
struct Transaction {
    /// The number that it appends.
    number: u64,
    /// The lists that it has read, each as far as it saw it.
    reads: Vec<(List, usize)>,
    appends: Vec<List>,
    fate: Fate,
    /// Ticks of a clock that all clients share.
    begun: u64,
    ended: u64,
}

/// Keys and values.
type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// Generation and place in it.
type List = (u64, usize);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Done,
    Failed,
    Unknown,
}

/// The size of a lock's wait for other clients.
const PAUSE: Duration = Duration::from_millis(20);
/// How long an engine may acknowledge nothing.
const PATIENCE: Duration = Duration::from_secs(120);

/// A run of several clients.
#[derive(Debug)]
pub struct Run {
    /// What its keys begin with.
    name: String,
    transactions: Mutex<Vec<Transaction>>,
    progress: Mutex<Progress>,
    changed: Condvar,
    clock: AtomicU64,
    started: AtomicU64,
}

/// A generator, the same for each client in each run.
struct Random(u64);

impl Random {
    /// A number below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let bytes = self.0.to_be_bytes();
        usize::from(u16::from_be_bytes([bytes[0], bytes[1]])) % bound
    }
}

#[derive(Debug, Default)]
struct Progress {
    done: u64,
    conflicts: u64,
    unavailable: u64,
    last: Option<Instant>,
    longest_gap: Duration,
    /// What went wrong first.
    fault: Option<String>,
}

/// What a history was like that a serial order explains.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct History {
    /// Commits that were acknowledged.
    pub done: u64,
    /// Commits with an unknown outcome that had happened.
    pub unknown_done: u64,
    /// Commits with an unknown outcome that had not.
    pub unknown_not_done: u64,
    /// Transactions that met another.
    pub conflicts: u64,
    /// Transactions that met no server.
    pub unavailable: u64,
    /// The longest time in which no commit of any client was acknowledged.
    pub longest_gap: Duration,
}

/// Runs `clients` until `count` commits are acknowledged, and meanwhile `disturb`, which waits for
/// progress by [`Run::wait_for`]. An error is a sentence about what no serial order explains.
pub fn run(
    engine: &dyn Engine,
    clients: u64,
    count: u64,
    disturb: impl FnOnce(&Run) + Send,
) -> Result<History, String> {
    let run = Run {
        name: unique_name("history"),
        transactions: Mutex::default(),
        progress: Mutex::default(),
        changed: Condvar::new(),
        clock: AtomicU64::new(0),
        started: AtomicU64::new(0),
    };
    thread::scope(|scope| {
        for client in 0..clients {
            let run = &run;
            scope.spawn(move || run.client(engine, client, count));
        }
        disturb(&run);
    });
    run.explain(engine)
}

/// Why a transaction of a history came to nothing.
enum Trouble {
    Failure(Failure),
    /// What it has read is of no serial order.
    Anomaly(String),
}

impl Trouble {
    fn text(self) -> String {
        match self {
            Self::Failure(failure) => described(failure),
            Self::Anomaly(text) => text,
        }
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl Progress {
    fn is_below(&self, count: u64) -> bool {
        self.done < count && self.fault.is_none()
    }
}

impl Run {
    /// Blocks until `count` commits are acknowledged, or something has gone wrong.
    pub fn wait_for(&self, count: u64) {
        let mut progress = self.lock();
        let (mut done, mut since) = (progress.done, Instant::now());
        while progress.done < count && progress.fault.is_none() {
            if progress.done > done {
                (done, since) = (progress.done, Instant::now());
            }
            if since.elapsed() > PATIENCE {
                progress.fault = Some(format!("no progress past {done} commits"));
            }
            let waited = self.changed.wait_timeout(progress, Duration::from_secs(1));
            progress = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    /// One transaction: one in four reads all lists and the index by ranges, the others read some lists.
    /// Then it appends to some of what it has read.
    fn attempt(
        &self,
        engine: &dyn Engine,
        random: &mut Random,
        transaction: &mut Transaction,
    ) -> Result<(), Trouble> {
        let generation = transaction.number / GENERATION;
        let mut session = engine.begin(Mode::Write)?;
        let lists: Vec<(usize, Vec<u64>)> = if random.below(4) == 0 {
            let lists = self.read_all(&mut *session, generation)?;
            check_prefixes(&lists).map_err(Trouble::Anomaly)?;
            lists.into_iter().enumerate().collect()
        } else {
            let chosen: BTreeSet<usize> = (0..=random.below(3)).map(|_| random.below(LISTS)).collect();
            let keys: Vec<_> = chosen.iter().map(|list| self.list_key(generation, *list)).collect();
            let values = session.get_many(&keys.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
            chosen.into_iter().zip(values.iter().map(|value| decode(value.as_deref()))).collect()
        };
        let mut writes = Writes::new();
        // Of many lists to few: a transaction that writes all of them meets every other one.
        let one_in = if lists.len() == LISTS { LISTS } else { 2 };
        for (list, mut numbers) in lists {
            transaction.reads.push(((generation, list), numbers.len()));
            if random.below(one_in) > 0 {
                continue;
            }
            self.append(&mut writes, (generation, list), &mut numbers, transaction.number);
            transaction.appends.push((generation, list));
        }
        Ok(session.commit(&writes, [Durability::Safe, Durability::Group][random.below(2)])?)
    }

    /// Appends a number to a list, and moves the list's index entry.
    fn append(&self, writes: &mut Writes, (generation, list): List, numbers: &mut Vec<u64>, number: u64) {
        if let Some(last) = numbers.last() {
            writes.remove(&self.entry_key(generation, list, *last));
        }
        numbers.push(number);
        writes.put(&self.entry_key(generation, list, number), b"");
        writes.put(&self.list_key(generation, list), &encode(numbers));
    }

    fn list_key(&self, generation: u64, list: usize) -> Vec<u8> {
        format!("{}/list{generation:06}/{list:03}", self.name).into_bytes()
    }

    fn entry_key(&self, generation: u64, list: usize, number: u64) -> Vec<u8> {
        format!("{}/last{generation:06}/{list:03}/{number:010}", self.name).into_bytes()
    }

    /// All lists of a generation, each compared with its index entry.
    fn read_all(&self, session: &mut dyn Session, generation: u64) -> Result<Vec<Vec<u64>>, Trouble> {
        let mut lists = vec![Vec::new(); LISTS];
        for (key, value) in entries(session, &format!("{}/list{generation:06}/", self.name))? {
            let place = key
                .rsplit(|byte| *byte == b'/')
                .next()
                .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
            match place.and_then(|place: usize| lists.get_mut(place)) {
                Some(list) => *list = decode(Some(&value)),
                None => {
                    return Err(Trouble::Anomaly(
                        "a scan has returned a key that was never written".to_owned(),
                    ));
                }
            }
        }
        let found: Vec<_> = entries(session, &format!("{}/last{generation:06}/", self.name))?
            .into_iter()
            .map(|(key, _)| key)
            .collect();
        let expected: Vec<_> = lists
            .iter()
            .enumerate()
            .filter_map(|(list, numbers)| Some(self.entry_key(generation, list, *numbers.last()?)))
            .collect();
        ensure(found == expected, || "index entries and lists of one state differ".to_owned())
            .map_err(Trouble::Anomaly)?;
        Ok(lists)
    }

    fn client(&self, engine: &dyn Engine, client: u64, count: u64) {
        let mut random = Random(client);
        while self.lock().is_below(count) {
            let number = self.started.fetch_add(1, Ordering::Relaxed);
            let mut transaction = Transaction {
                number,
                reads: Vec::new(),
                appends: Vec::new(),
                fate: Fate::Failed,
                begun: self.tick(),
                ended: 0,
            };
            let outcome = self.attempt(engine, &mut random, &mut transaction);
            transaction.ended = self.tick();
            let mut progress = self.lock();
            match outcome {
                Ok(()) => {
                    transaction.fate = Fate::Done;
                    progress.done += 1;
                    let now = Instant::now();
                    let gap = progress.last.map_or(Duration::ZERO, |last| now - last);
                    progress.longest_gap = progress.longest_gap.max(gap);
                    progress.last = Some(now);
                    self.changed.notify_all();
                }
                Err(Trouble::Failure(Failure::Conflict)) => progress.conflicts += 1,
                Err(Trouble::Failure(Failure::CommitUnknown(_))) => transaction.fate = Fate::Unknown,
                Err(Trouble::Failure(Failure::Unavailable(_))) => {
                    progress.unavailable += 1;
                    // Until another client gets through, or it is time to try again.
                    let _ = self.changed.wait_timeout(progress, PAUSE);
                }
                Err(trouble) => progress.fault = Some(trouble.text()),
            }
            self.transactions.lock().unwrap_or_else(PoisonError::into_inner).push(transaction);
        }
    }

    /// Checks that a serial order explains all that was seen.
    fn explain(mut self, engine: &dyn Engine) -> Result<History, String> {
        let progress = std::mem::take(self.progress.get_mut().unwrap_or_else(PoisonError::into_inner));
        let transactions =
            std::mem::take(self.transactions.get_mut().unwrap_or_else(PoisonError::into_inner));
        if let Some(fault) = progress.fault {
            return Err(fault);
        }
        let generations = *self.started.get_mut() / GENERATION + 1;
        let mut lists: BTreeMap<List, Vec<u64>> = BTreeMap::new();
        for generation in 0..generations {
            let state = self.read_at_last(engine, generation)?;
            lists.extend(state.into_iter().enumerate().map(|(list, numbers)| ((generation, list), numbers)));
        }
        let mut history = History {
            done: progress.done,
            conflicts: progress.conflicts,
            unavailable: progress.unavailable,
            longest_gap: progress.longest_gap,
            ..History::default()
        };
        check_numbers(&transactions, &lists, &mut history)?;
        check_order(&transactions, &lists)?;
        Ok(history)
    }

    /// All lists of a generation, as soon as the engine can be reached.
    fn read_at_last(&self, engine: &dyn Engine, generation: u64) -> Result<Vec<Vec<u64>>, String> {
        let begun = Instant::now();
        loop {
            let opened = engine.begin(Mode::Read).map_err(Trouble::Failure);
            match opened.and_then(|mut session| self.read_all(&mut *session, generation)) {
                Ok(lists) => return Ok(lists),
                Err(Trouble::Failure(Failure::Unavailable(_))) if begun.elapsed() < PATIENCE => {
                    let _ = self.changed.wait_timeout(self.lock(), PAUSE);
                }
                Err(trouble) => return Err(trouble.text()),
            }
        }
    }
}

fn encode(numbers: &[u64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

fn decode(value: Option<&[u8]>) -> Vec<u64> {
    let chunks = value.unwrap_or_default().chunks_exact(8);
    chunks.filter_map(|chunk| chunk.try_into().ok().map(u64::from_be_bytes)).collect()
}

fn entries(session: &mut dyn Session, prefix: &str) -> Result<Entries, Failure> {
    let (mut start, end) = (prefix.as_bytes().to_vec(), format!("{prefix}~").into_bytes());
    let mut all = Vec::new();
    loop {
        let page = session.scan(&start, Some(&end), 5, false)?;
        all.extend(page.entries);
        match page.rest {
            Some(rest) => start = rest,
            None => return Ok(all),
        }
    }
}

/// A number is in a list once.
fn check_prefixes(lists: &[Vec<u64>]) -> Outcome {
    lists.iter().try_for_each(|numbers| {
        let once = numbers.iter().collect::<BTreeSet<_>>().len() == numbers.len();
        ensure(once, || format!("a number twice: {numbers:?}"))
    })
}

/// Nothing acknowledged is missing, and nothing that failed is there.
fn check_numbers(
    transactions: &[Transaction],
    lists: &BTreeMap<List, Vec<u64>>,
    history: &mut History,
) -> Outcome {
    check_prefixes(&lists.values().cloned().collect::<Vec<_>>())?;
    for transaction in transactions {
        let is_in =
            |list: &List| lists.get(list).is_some_and(|numbers| numbers.contains(&transaction.number));
        let there = transaction.appends.iter().filter(|list| is_in(list)).count();
        let whole = there == transaction.appends.len();
        match transaction.fate {
            Fate::Done => ensure(whole, || format!("acknowledged and lost: {transaction:?}"))?,
            Fate::Failed => ensure(there == 0, || format!("failed and done: {transaction:?}"))?,
            Fate::Unknown if there == 0 => history.unknown_not_done += 1,
            Fate::Unknown => {
                ensure(whole, || format!("half done: {transaction:?}"))?;
                history.unknown_done += 1;
            }
        }
    }
    Ok(())
}

/// The order of writes, reads and time has no cycle.
fn check_order(transactions: &[Transaction], lists: &BTreeMap<List, Vec<u64>>) -> Outcome {
    let is_there = |transaction: &&Transaction| match transaction.fate {
        Fate::Done => true,
        Fate::Failed => false,
        Fate::Unknown => transaction.appends.iter().any(|list| lists[list].contains(&transaction.number)),
    };
    let kept: Vec<_> = transactions.iter().filter(is_there).collect();
    let node: HashMap<u64, usize> = kept.iter().enumerate().map(|(node, kept)| (kept.number, node)).collect();
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); kept.len()];
    for numbers in lists.values() {
        for pair in numbers.windows(2) {
            after[node[&pair[0]]].push(node[&pair[1]]);
        }
    }
    for (reader, transaction) in kept.iter().enumerate() {
        for (list, seen) in &transaction.reads {
            let numbers = &lists[list];
            ensure(*seen <= numbers.len(), || format!("a list has become shorter: {list:?}"))?;
            if let Some(last) = seen.checked_sub(1) {
                after[node[&numbers[last]]].push(reader);
            }
            if let Some(next) = numbers.get(*seen)
                && *next != transaction.number
            {
                after[reader].push(node[next]);
            }
        }
    }
    add_time(&kept, &mut after);
    ensure(in_order(&after) == after.len(), || "no serial order explains the history".to_owned())
}

/// Adds a chain of moments: a transaction is before the moment at which it was acknowledged, and
/// after the last moment before it began.
fn add_time(kept: &[&Transaction], after: &mut Vec<Vec<usize>>) {
    let mut moments: BTreeMap<u64, usize> = BTreeMap::new();
    for transaction in kept.iter().filter(|kept| kept.fate == Fate::Done) {
        moments.insert(transaction.ended, 0);
    }
    for moment in moments.values_mut() {
        *moment = after.len();
        after.push(vec![after.len() + 1]);
    }
    after.push(Vec::new());
    for (node, transaction) in kept.iter().enumerate() {
        if transaction.fate == Fate::Done {
            after[node].push(moments[&transaction.ended]);
        }
        if let Some((_, moment)) = moments.range(..transaction.begun).next_back() {
            after[*moment].push(node);
        }
    }
}

/// How many nodes can be put in an order that agrees with all edges: all, if there is no cycle.
fn in_order(after: &[Vec<usize>]) -> usize {
    let mut before = vec![0; after.len()];
    for node in after.iter().flatten() {
        before[*node] += 1;
    }
    let mut free: Vec<usize> = (0..after.len()).filter(|node| before[*node] == 0).collect();
    let mut count = 0;
    while let Some(node) = free.pop() {
        count += 1;
        for next in &after[node] {
            before[*next] -= 1;
            if before[*next] == 0 {
                free.push(*next);
            }
        }
    }
    count
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::collections::BTreeMap;

    use super::{Fate, History, Transaction, check_numbers, check_order};

    fn transaction(
        number: u64,
        reads: &[(usize, usize)],
        appends: &[usize],
        time: (u64, u64),
    ) -> Transaction {
        Transaction {
            number,
            reads: reads.iter().map(|(list, seen)| ((0, *list), *seen)).collect(),
            appends: appends.iter().map(|list| (0, *list)).collect(),
            fate: Fate::Done,
            begun: time.0,
            ended: time.1,
        }
    }

    fn lists(lists: &[&[u64]]) -> BTreeMap<(u64, usize), Vec<u64>> {
        lists.iter().enumerate().map(|(list, numbers)| ((0, list), numbers.to_vec())).collect()
    }

    #[test]
    fn a_serial_history_is_explained() {
        let history =
            [transaction(1, &[(0, 0)], &[0], (0, 1)), transaction(2, &[(0, 1), (1, 0)], &[0, 1], (2, 3))];
        check_order(&history, &lists(&[&[1, 2], &[2]])).unwrap();
        check_numbers(&history, &lists(&[&[1, 2], &[2]]), &mut History::default()).unwrap();
    }

    #[test]
    fn write_skew_is_not() {
        let history = [
            transaction(1, &[(0, 0), (1, 0)], &[0], (0, 10)),
            transaction(2, &[(0, 0), (1, 0)], &[1], (1, 11)),
        ];
        let fault = check_order(&history, &lists(&[&[1], &[2]])).unwrap_err();
        assert!(fault.contains("no serial order"), "{fault}");
    }

    #[test]
    fn a_stale_read_is_not() {
        let history = [transaction(1, &[(0, 0)], &[0], (0, 1)), transaction(2, &[(0, 0)], &[], (2, 3))];
        let fault = check_order(&history, &lists(&[&[1]])).unwrap_err();
        assert!(fault.contains("no serial order"), "{fault}");
    }

    #[test]
    fn a_lost_append_is_found() {
        let history = [transaction(1, &[(0, 0)], &[0], (0, 1))];
        let fault = check_numbers(&history, &lists(&[&[]]), &mut History::default()).unwrap_err();
        assert!(fault.contains("acknowledged and lost"), "{fault}");
    }
}
