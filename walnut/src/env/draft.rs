//! A file that is not yet anybody's.

use std::path::PathBuf;
use std::sync::Arc;

use super::Env;
use crate::error::Result;

/// A file that is removed when this is dropped, unless somebody takes it over.
#[derive(Debug)]
pub(crate) struct Draft {
    env: Arc<dyn Env>,
    /// `None` when it is not ours to remove any more.
    path: Option<PathBuf>,
}

impl Draft {
    /// The file at a path, which exists.
    pub(crate) fn new(env: Arc<dyn Env>, path: PathBuf) -> Self {
        Self { env, path: Some(path) }
    }

    /// Gives the file another name, under which it is still a draft.
    pub(crate) fn rename(&mut self, to: PathBuf) -> Result<()> {
        if let Some(path) = &mut self.path {
            self.env.rename(path, &to)?;
            *path = to;
        }
        Ok(())
    }

    /// Leaves the file to the caller.
    pub(crate) fn keep(mut self) {
        self.path = None;
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // What stays is known by its name at the next opening.
            let _ = self.env.remove(path);
        }
    }
}
