//! The table cache: immutable files are opened by their first read and closed when the limit of
//! open files is reached.
//!
//! ```text
//!   view --> handle --first read--> reader: the open file
//!                                     '--counts--> open files --near the limit--> callback
//! ```
//!
//! The kinds of files, and what a reader of each can do, are defined in higher layers: see
//! [`FileStore`].

mod database_dir;
mod handle;
mod name;
mod open_files;
mod part;

pub(crate) use database_dir::DatabaseDir;
pub(crate) use handle::{FileStore, Handle, ObsoleteFile};
pub(crate) use name::FileName;
pub(crate) use open_files::{OpenFile, OpenFiles};
pub(crate) use part::{FilePart, PartText, PartVisitor};
