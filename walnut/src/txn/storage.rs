//! The engine that holds the data of a database: the one in this process, or a remote one.

use std::path::Path;

use crate::backend::{Client, RemoteSession};
use crate::engine::Core;
use crate::sync::Arc;

#[derive(Clone)]
pub(crate) enum Storage {
    Engine(Arc<Core>),
    Remote(Arc<Client>),
}

impl Storage {
    pub(crate) fn random_below(&self, limit: u64) -> u64 {
        match self {
            Self::Engine(core) => core.random_below(limit),
            Self::Remote(client) => client.random_below(limit),
        }
    }

    /// The directory or name that errors show.
    pub(crate) fn dir(&self) -> &Path {
        match self {
            Self::Engine(core) => core.dir(),
            Self::Remote(client) => Path::new(client.name()),
        }
    }

    /// Identifies it while it exists.
    pub(crate) fn address(&self) -> usize {
        match self {
            Self::Engine(core) => Arc::as_ptr(core).addr(),
            Self::Remote(client) => Arc::as_ptr(client).addr(),
        }
    }
}

/// The connection of one transaction.
pub(super) enum StorageSession {
    Engine(Arc<Core>),
    Remote(Arc<RemoteSession>),
}

impl StorageSession {
    pub(super) fn address(&self) -> usize {
        match self {
            Self::Engine(core) => Arc::as_ptr(core).addr(),
            Self::Remote(session) => Arc::as_ptr(session.client()).addr(),
        }
    }

    pub(super) fn dir(&self) -> &Path {
        match self {
            Self::Engine(core) => core.dir(),
            Self::Remote(session) => Path::new(session.client().name()),
        }
    }
}
