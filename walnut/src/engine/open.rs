//! From a directory to a running engine: the lock, the manifest, the SSTs, the log.
//!
//! A new database is made in this order: manifest without a log, first segment, manifest edit with the log. Until
//! that edit is durable nothing can have been acknowledged, so a crash before it leaves a database that is made anew.
//!
//! An existing one is opened without changing what a second attempt would read:
//!
//! 1. the manifest is loaded, every SST that it names is opened;
//! 2. every segment from the manifest's log number on is replayed, one memtable for each but the last two generations;
//! 3. a new segment is begun, whose first sequence number seals the end of the recovered log;
//! 4. a new manifest is written, `CURRENT` turned to it;
//! 5. only then what nobody names is removed or moved aside.

use std::path::{Path, PathBuf};

use arc_swap::ArcSwap;

use super::commit::{Log, Position, SyncedTo};
use super::flush::Manifest;
use super::view::{Frozen, View};
use super::{Core, Engine, EngineConfig};
use crate::base::{FileNumber, SeqNo};
use crate::env::{Env, PathKind};
use crate::error::{Error, Result};
use crate::manifest::{self, ManifestState};
use crate::memtable::Memtable;
use crate::sst::{self, BlockCache, SstReader};
use crate::sync::{Arc, Mutex};
use crate::wal::{self, LogWriter};
