//! The raw engine, for bytes: keyspaces of keys and values, below the typed tables and beside them.
//!
//! A [`Keyspace`] is a sorted map from bytes to bytes with a name. It lives in the same database as
//! the tables, in the same log, snapshots and transactions, but shares no name and no key with
//! them.
//!
//! ```
//! use walnut::{Database, Durability, kv::WriteBatch};
//!
//! let db = Database::in_memory()?;
//! let users = db.keyspace("users")?; // made when there is none
//! let emails = db.keyspace("emails")?;
//!
//! users.put("7", "Ann")?; // anything that is bytes; durable when it returns
//! assert_eq!(users.get("7")?.as_deref(), Some(&b"Ann"[..]));
//!
//! let mut batch = WriteBatch::new(); // all of it or nothing, over any number of keyspaces
//! batch.put(&users, "8", "Bob")?;
//! batch.put(&emails, "bob@x.org", "8")?;
//! batch.remove(&users, "7")?;
//! db.write(batch)?;
//!
//! for entry in users.range("1"..="9").rev() {
//!     let (key, value) = entry?;
//!     println!("{} = {}", key.escape_ascii(), value.escape_ascii());
//! }
//!
//! let before = db.snapshot();
//! users.remove_range(..)?; // at once, however much there is
//! assert!(users.is_empty()?);
//! let users = before.keyspace("users")?.expect("it was there then");
//! assert_eq!(users.len()?, 1);
//! # Ok::<(), walnut::Error>(())
//! ```
//!
//! # What holds
//!
//! - Keys are sorted byte by byte, a key before all that it begins. The empty key is a key, the
//!   empty value a value.
//! - A key has at most [`MAX_KEY_SIZE`] bytes, a value at most [`MAX_VALUE_SIZE`]: beyond that a
//!   write is [`Error::Limit`](crate::Error::Limit), before anything is written. A longer key is
//!   never there, so a look-up finds nothing, its removal removes nothing, and it bounds a range as
//!   any bytes do.
//! - A write is atomic and lasts as its [`Durability`](crate::Durability) says. Iterators see one
//!   state, that of the moment when they were made.
//! - Ids of keyspaces are never used twice, so a keyspace that is dropped and made again is empty.

mod batch;
mod bounds;
mod iter;
mod keyspace;

pub use batch::WriteBatch;
pub use bounds::KeyBounds;
pub use iter::Iter;
pub use keyspace::Keyspace;

/// The longest key, in bytes.
pub const MAX_KEY_SIZE: usize = crate::table::MAX_KEY_SIZE;

/// The longest value, in bytes.
pub const MAX_VALUE_SIZE: usize = crate::table::MAX_ROW_SIZE;
