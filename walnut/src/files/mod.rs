//! Files that are written once and read for long: known to a view, opened when somebody first reads them, and closed when others
//! are needed more.
//!
//! ```text
//!   view --> handle --first read--> reader: the open file --counts--> open files --too many--> whoever makes views
//! ```
//!
//! What kinds of file there are, and what a reader of each can do, is said above: see [`FileStore`].

mod handle;
mod name;
mod open_files;

pub(crate) use handle::{FileStore, Handle, ObsoleteFile};
pub(crate) use name::FileName;
pub(crate) use open_files::{OpenFile, OpenFiles};
