//! Walnut's tables on FoundationDB. **Not run**: no cluster was had for this crate. It is written
//! against FoundationDB's documented semantics, and tested on a simulation of these.
//!
//! The client of FoundationDB is a C library. This crate does not need it: it speaks through
//! [`Client`] and [`Transaction`], which have FoundationDB's own operations and error codes.
//! `adapters/walnut-fdb-client` implements them over the crate `foundationdb`, is type-checked, and
//! is a workspace of its own, because it needs libclang to compile and the C library to link.
//!
//! All tables are keys below `walnut/`, or another name. Transactions are strictly serializable.
//!
//! **Conflicts.** FoundationDB compares what a transaction has read and not what it writes blindly.
//! So each key that is written, and each range that is removed, is also declared as read.
//!
//! **Limits**, as FoundationDB documents them: keys of 10 kB, values of 100 kB, transactions of
//! 10 MB and 5 s. A commit of [`COMMIT_SIZE`] stays below 10 MB, whatever its keys are: a key counts
//! as a write, and twice each as what is read and written.

#![forbid(unsafe_code)]

mod client;
mod failure;
mod session;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use walnut::remote::{Engine, Failure, Limits, Mode, Serializable, Session};

pub use client::{Client, Code, RangeAnswer, RangeRead, Transaction};

use failure::{Asked, failure};
use session::FdbSession;

/// The longest key of FoundationDB.
const KEY_SIZE: usize = 10_000;
/// The longest value of FoundationDB.
const VALUE_SIZE: usize = 100_000;
/// The keys and values of one commit.
pub const COMMIT_SIZE: usize = 1_500_000;
/// The puts and removals of one commit: each has some bytes of its own.
pub const COMMIT_COUNT: usize = 10_000;
/// How old a state can be.
const MAX_AGE: Duration = Duration::from_secs(5);

/// What the mark says.
const LAYOUT: &[u8] = b"walnut 1";
/// The letters after the name: of the mark, of data, and of what is behind all data.
const MARK: u8 = b'm';
const DATA: u8 = b'd';
const BEHIND: u8 = b'e';

/// How often the mark is written again when another client was in the way.
const TRIES: usize = 100;

/// A FoundationDB cluster, as a client of it reaches it.
#[derive(Debug)]
pub struct Fdb<C> {
    client: Arc<C>,
    place: Arc<Place>,
}

/// Where the tables are.
#[derive(Debug)]
struct Place {
    /// The engine and its address, for errors.
    server: String,
    /// What all keys begin with.
    prefix: Vec<u8>,
}

impl Place {
    fn key(&self, letter: u8, key: &[u8]) -> Vec<u8> {
        [&self.prefix[..], &[letter], key].concat()
    }
}

impl<C: Client> Fdb<C> {
    /// The database `walnut` of a cluster.
    ///
    /// [`Failure::Refused`] if keys of another program are below the name, or those of a later
    /// version.
    pub fn open(client: C) -> Result<Self, Failure> {
        Self::named(client, "walnut")
    }

    /// The database of a name: its keys begin with the name and a slash. Letters, digits, `-` and
    /// `_`, at most 63.
    pub fn named(client: C, name: &str) -> Result<Self, Failure> {
        let server = format!("foundationdb at {}", client.cluster());
        let is_part_of_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 63 || !name.chars().all(is_part_of_name) {
            let text = format!("{server}: a database's name is of letters, digits, `-` and `_`, at most 63");
            return Err(Failure::Refused(text));
        }
        let place = Place { server, prefix: format!("{name}/").into_bytes() };
        let engine = Self { client: Arc::new(client), place: Arc::new(place) };
        engine.ensure_own()?;
        Ok(engine)
    }

    /// Writes the mark into an empty place; a failure if the place is another program's.
    fn ensure_own(&self) -> Result<(), Failure> {
        for _ in 0..TRIES {
            match self.try_ensure_own() {
                // Of an unknown commit the next try tells what became of it.
                Err(Failure::Conflict | Failure::TooOld | Failure::CommitUnknown(_)) => {}
                outcome => return outcome,
            }
        }
        Err(Failure::Unavailable(format!("{}: other clients are in the way", self.place.server)))
    }

    fn try_ensure_own(&self) -> Result<(), Failure> {
        let server = &self.place.server;
        let told = |asked| move |code| failure(server, code, asked);
        let mut transaction = self.client.begin().map_err(told(Asked::Read))?;
        let mark = self.place.key(MARK, &[]);
        let found = transaction.get_many(std::slice::from_ref(&mark), false).map_err(told(Asked::Read))?;
        match found.first() {
            Some(Some(layout)) if layout == LAYOUT => return Ok(()),
            Some(Some(_)) => {
                return Err(Failure::Refused(format!("{server}: its layout is that of a later version")));
            }
            _ => {}
        }
        let prefix = &self.place.prefix;
        let all = RangeRead {
            start: prefix.clone(),
            end: [&prefix[..prefix.len() - 1], b"0"].concat(),
            limit: 1,
            reverse: false,
            snapshot: false,
        };
        if !transaction.get_range(&all).map_err(told(Asked::Read))?.entries.is_empty() {
            return Err(Failure::Refused(format!("{server}: the keys below the name are another program's")));
        }
        transaction.set(&mark, LAYOUT);
        transaction.commit().map_err(told(Asked::Commit))
    }
}

impl<C: Client> Engine for Fdb<C> {
    fn name(&self) -> String {
        self.place.server.clone()
    }

    fn limits(&self) -> Limits {
        Limits {
            // The end of a range may be a byte longer than its last key.
            key: KEY_SIZE - self.place.prefix.len() - 2,
            value: VALUE_SIZE,
            commit_size: COMMIT_SIZE,
            commit_count: COMMIT_COUNT,
            max_age: Some(MAX_AGE),
            ..Limits::default()
        }
    }

    fn begin(&self, mode: Mode) -> Result<Box<dyn Session>, Failure> {
        let transaction =
            self.client.begin().map_err(|code| failure(&self.place.server, code, Asked::Read))?;
        Ok(Box::new(FdbSession::new(Arc::clone(&self.place), transaction, self.limits(), mode)))
    }
}

impl<C> Serializable for Fdb<C> {}

impl<C> Clone for Fdb<C> {
    fn clone(&self) -> Self {
        Self { client: Arc::clone(&self.client), place: Arc::clone(&self.place) }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error {}", self.0)
    }
}
