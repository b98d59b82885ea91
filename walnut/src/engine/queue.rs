//! Where commits line up, and who of them writes the others.
//!
//! ```text
//!   arrive ──► nobody leads? ──► lead: write all that wait ──► the first who came meanwhile leads next
//!              somebody does? ──► wait, until written or called to lead
//! ```
//!
//! 1. One leads at a time; whoever leads has its own commit in the queue.
//! 2. Who does not lead sleeps after a moment, and so gives its processor to another. Whoever is awake all the time uses up its slice
//!    of the processor; with more of them than processors each waits for the slices of all others then, milliseconds in the middle of
//!    a commit.
//! 3. A leader yields the processor now and then, when it holds no lock and the next leader waits. A thread that is awake all the time is
//!    stopped by the system otherwise, wherever it is (decisions 0068 and 0079).
//! 4. Every ticket is settled: when what it stands for is dropped, by a panic too, it says that nothing is known of the commit.

use super::Core;
use super::log::Position;
use super::validate::Reads;
use crate::base::SeqNo;
use crate::error::{Error, Result};
use crate::memtable::Insertion;
use crate::sync::{Arc, AtomicBool, Condvar, Mutex, Ordering, yield_now};

/// How often one who waits looks for news before it sleeps: some microseconds. Most groups are written by then, and to be put to
/// sleep and woken takes as long.
const SPINS: usize = 200;

/// After so many entries of the log the leader that wrote the last of them yields, if another writer waits: some hundred microseconds of
/// work, where a slice of the processor is some milliseconds.
const YIELD_EVERY: u64 = 16;

/// A commit that lines up. It belongs to whoever writes its group.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) insertion: Insertion,
    pub(super) reads: Reads,
    /// The number up to which nothing that was read has changed.
    pub(super) checked: SeqNo,
    /// Whether it may spend the reserve, and so is given back when there is no space.
    pub(super) is_deletion: bool,
    pub(super) promise: Promise,
}

/// A commit that was not written.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) error: Error,
    /// What was to be written and what it rests on, when another try may find space.
    pub(super) work: Option<Box<(Insertion, Reads)>>,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self { error, work: None }
    }
}

/// A commit in the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    pub(super) last: SeqNo,
    pub(super) end: Position,
}

/// The commits that wait.
#[derive(Debug, Default)]
pub(super) struct Queue {
    requests: Vec<Request>,
    is_led: bool,
}

impl Queue {
    /// How many wait to be taken.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }
}

/// Where the one who commits learns what became of it.
#[derive(Debug, Default)]
pub(super) struct Ticket {
    has_news: AtomicBool,
    news: Mutex<News>,
    told: Condvar,
}

#[derive(Debug, Default)]
struct News {
    is_asleep: bool,
    leads: bool,
    outcome: Option<Result<Written, Refused>>,
}

impl Ticket {
    fn tell(&self, change: impl FnOnce(&mut News)) {
        let mut news = self.news.lock();
        change(&mut news);
        let is_asleep = news.is_asleep;
        drop(news);
        self.has_news.store(true, Ordering::Release);
        if is_asleep {
            self.told.notify_one();
        }
    }

    /// Waits until the commit is settled, or until it is to lead: then there is no outcome. What `check` refuses is not slept for: it says
    /// whether those who would wake it exist.
    fn wait(&self, check: impl FnOnce() -> Result<()>) -> Option<Result<Written, Refused>> {
        for _ in 0..SPINS {
            if self.has_news.load(Ordering::Acquire) {
                break;
            }
            std::hint::spin_loop();
        }
        if !self.has_news.load(Ordering::Acquire)
            && let Err(error) = check()
        {
            return Some(Err(error.into()));
        }
        let mut news = self.news.lock();
        while !news.leads && news.outcome.is_none() {
            news.is_asleep = true;
            news = self.told.wait(news);
        }
        news.is_asleep = false;
        news.outcome.take()
    }
}

/// What a ticket waits for; there is a ticket until it is settled.
#[derive(Debug)]
pub(super) struct Promise(Option<Arc<Ticket>>);

impl Promise {
    fn new(ticket: &Arc<Ticket>) -> Self {
        Self(Some(Arc::clone(ticket)))
    }

    pub(super) fn settle(mut self, outcome: Result<Written, Refused>) {
        self.tell(outcome);
    }

    fn tell(&mut self, outcome: Result<Written, Refused>) {
        if let Some(ticket) = self.0.take() {
            ticket.tell(|news| news.outcome = Some(outcome));
        }
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.tell(Err(Error::Poisoned.into()));
    }
}

/// The right to write what waits, which is passed on when it is dropped.
struct Lead<'a>(&'a Mutex<Queue>);

impl Lead<'_> {
    /// Passes the lead on; says whether another writer waits for it.
    fn pass_on(self) -> bool {
        let is_awaited = self.tell_next();
        std::mem::forget(self);
        is_awaited
    }

    fn tell_next(&self) -> bool {
        let mut queue = self.0.lock();
        let next = queue.requests.first().and_then(|next| next.promise.0.as_ref());
        let is_awaited = next.is_some();
        if let Some(next) = next {
            next.tell(|news| news.leads = true);
        } else {
            queue.is_led = false;
        }
        is_awaited
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        self.tell_next();
    }
}

impl Core {
    /// Has a commit written with others that come at the same time, and says what became of it.
    pub(super) fn line_up(
        &self,
        insertion: Insertion,
        reads: Reads,
        checked: SeqNo,
        is_deletion: bool,
    ) -> Result<Written, Refused> {
        let ticket = Arc::new(Ticket::default());
        let promise = Promise::new(&ticket);
        let leads = {
            let mut queue = self.queue.lock();
            queue.requests.push(Request { insertion, reads, checked, is_deletion, promise });
            !std::mem::replace(&mut queue.is_led, true)
        };
        if !leads && let Some(outcome) = ticket.wait(|| self.owner.check_fork()) {
            return outcome;
        }
        let lead = Lead(&self.queue);
        let mut log = if let Some(log) = self.log.try_lock() {
            log
        } else {
            self.owner.check_fork()?;
            self.log.lock()
        };
        let group = std::mem::take(&mut self.queue.lock().requests);
        let before = log.last_seqno();
        let reads = self.write_group(&mut log, group);
        let is_yield_due = log.last_seqno().0 / YIELD_EVERY != before.0 / YIELD_EVERY;
        drop(log);
        let is_awaited = lead.pass_on();
        // What was read is let go of where nobody waits for it.
        drop(reads);
        if is_yield_due && is_awaited {
            yield_now();
        }
        // Whoever writes the group settles every request in it, and this one was there.
        ticket.news.lock().outcome.take().unwrap_or(Err(Error::Poisoned.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_that_nobody_settles_learns_that_nothing_is_known_of_it() {
        let ticket = Arc::new(Ticket::default());
        drop(Promise::new(&ticket));
        assert!(matches!(ticket.wait(|| Ok(())), Some(Err(Refused { error: Error::Poisoned, .. }))));
    }

    #[test]
    fn what_a_commit_was_told_first_stays() {
        let ticket = Arc::new(Ticket::default());
        Promise::new(&ticket).settle(Err(Error::Conflict.into()));
        assert!(matches!(ticket.wait(|| Ok(())), Some(Err(Refused { error: Error::Conflict, .. }))));
    }
}
