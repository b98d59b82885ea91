//! What the integration tests share: the executable specification of a typed table, and what drives a store against it.
//!
//! ```text
//!   model_check store and model side by side, through crashes
//!     course      a step of it, on the store and on the model
//!     workload    what is done, drawn from a seed
//!       query       what is asked
//!         model       what must come out
//!           rows        the tables, and how their columns compare
//!             random      everything follows from a seed
//!   threads     how those end that go on until a test is done
//!   history     what many threads did, and whether it can have happened one after the other
//!   watched_env a machine that calls a function before each operation
//! ```

#![allow(clippy::missing_panics_doc, reason = "a check fails by panicking, which is its purpose")]

mod course;
#[cfg(doctest)]
mod guide;
pub mod history;
pub mod model;
pub mod model_check;
pub mod query;
pub mod random;
pub mod rows;
pub mod session;
pub mod threads;
pub mod watched_env;
pub mod workload;

/// So many, or a sixteenth of it where each commit is a round trip to a server.
#[macro_export]
macro_rules! fewer {
    ($count:expr) => {
        if cfg!(feature = "few") { 1 + $count / 16 } else { $count }
    };
}
