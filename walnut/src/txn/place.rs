//! The place where the data of a database is: this process, or an engine elsewhere.

use std::path::Path;

use crate::backend::{Client, RemoteSession};
use crate::engine::Core;
use crate::sync::Arc;

/// Where attempts read and commit.
#[derive(Clone)]
pub(crate) enum Place {
    Engine(Arc<Core>),
    Remote(Arc<Client>),
}

impl Place {
    pub(crate) fn random_below(&self, limit: u64) -> u64 {
        match self {
            Self::Engine(core) => core.random_below(limit),
            Self::Remote(client) => client.random_below(limit),
        }
    }

    /// What errors name as the place of stored bytes.
    pub(crate) fn dir(&self) -> &Path {
        match self {
            Self::Engine(core) => core.dir(),
            Self::Remote(client) => Path::new(client.name()),
        }
    }

    /// Tells it from other places, as long as it is there.
    pub(crate) fn address(&self) -> usize {
        match self {
            Self::Engine(core) => Arc::as_ptr(core).addr(),
            Self::Remote(client) => Arc::as_ptr(client).addr(),
        }
    }
}

/// What an attempt reads and commits through.
pub(super) enum AttemptBase {
    Engine(Arc<Core>),
    Remote(Arc<RemoteSession>),
}

impl AttemptBase {
    /// That of the place.
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
