//! Engines that know types or columns themselves, and the list of all that were compiled in.

#[cfg(feature = "native_db")]
pub mod native_db;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod walnut;

use crate::engine::Result;
use crate::work::{Job, Report};

/// Does a job on the engine of a type.
type Run = fn(&Job) -> Result<Report>;

/// Every engine that was compiled in, Walnut first: its name, and how it does a job.
pub fn all() -> Vec<(&'static str, Run)> {
    use crate::engine::Engine;
    #[allow(unused_mut, reason = "without peers there is one")]
    let mut engines: Vec<(&'static str, Run)> =
        vec![(walnut::Walnut::NAME, crate::work::run::<walnut::Walnut>)];
    macro_rules! peers {
        ($($feature:literal: $engine:ty,)*) => {$(
            #[cfg(feature = $feature)]
            engines.push((<$engine>::NAME, crate::work::run::<$engine>));
        )*};
    }
    peers! {
        "heed": crate::typed::Typed<crate::stores::heed::Heed>,
        "rocksdb": crate::typed::Typed<crate::stores::rocksdb::Rocks>,
        "fjall": crate::typed::Typed<crate::stores::fjall::Fjall>,
        "redb": crate::typed::Typed<crate::stores::redb::Redb>,
        "sqlite": sqlite::Sqlite,
        "native_db": native_db::NativeDb,
        "sled": crate::typed::Typed<crate::stores::sled::Sled>,
    }
    engines
}
