//! An engine that counts its round trips.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use walnut::Durability;
use walnut::remote::{Engine, Failure, Limits, Mode, Page, Serializable, Session, Writes};

/// An engine, and how many calls its sessions have had that ask a server.
#[derive(Clone, Debug)]
pub struct Counted<E> {
    engine: E,
    count: Arc<AtomicU64>,
}

impl<E> Counted<E> {
    /// Counts from 0.
    pub fn new(engine: E) -> Self {
        Self { engine, count: Arc::default() }
    }

    /// The round trips since this was last asked.
    pub fn take(&self) -> u64 {
        self.count.swap(0, Ordering::Relaxed)
    }
}

impl<E: Engine> Engine for Counted<E> {
    fn name(&self) -> String {
        self.engine.name()
    }

    fn limits(&self) -> Limits {
        self.engine.limits()
    }

    fn begin(&self, mode: Mode) -> Result<Box<dyn Session>, Failure> {
        Ok(Box::new(CountedSession { session: self.engine.begin(mode)?, count: Arc::clone(&self.count) }))
    }
}

impl<E: Serializable> Serializable for Counted<E> {}

struct CountedSession {
    session: Box<dyn Session>,
    count: Arc<AtomicU64>,
}

impl CountedSession {
    fn count(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }
}

impl Session for CountedSession {
    fn pin(&mut self) -> Result<(), Failure> {
        self.count();
        self.session.pin()
    }

    fn get_many(&mut self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, Failure> {
        self.count();
        self.session.get_many(keys)
    }

    fn scan(
        &mut self,
        start: &[u8],
        end: Option<&[u8]>,
        limit: usize,
        reverse: bool,
    ) -> Result<Page, Failure> {
        self.count();
        self.session.scan(start, end, limit, reverse)
    }

    fn commit(self: Box<Self>, writes: &Writes, durability: Durability) -> Result<(), Failure> {
        self.count();
        self.session.commit(writes, durability)
    }
}
