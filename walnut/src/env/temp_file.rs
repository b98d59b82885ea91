//! A temporary file.

use std::path::PathBuf;
use std::sync::Arc;

use super::Env;
use crate::error::Result;

/// A file that is removed on drop, unless it is kept.
#[derive(Debug)]
pub(crate) struct TempFile {
    env: Arc<dyn Env>,
    /// `None` once the file is kept.
    path: Option<PathBuf>,
}

impl TempFile {
    /// `path` exists.
    pub(crate) fn new(env: Arc<dyn Env>, path: PathBuf) -> Self {
        Self { env, path: Some(path) }
    }

    /// Renames the file; it is still temporary.
    pub(crate) fn rename(&mut self, to: PathBuf) -> Result<()> {
        if let Some(path) = &mut self.path {
            self.env.rename(path, &to)?;
            *path = to;
        }
        Ok(())
    }

    /// Disarms the removal.
    pub(crate) fn keep(mut self) {
        self.path = None;
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // A file that cannot be removed is recognized by its name at the next opening.
            let _ = self.env.remove(path);
        }
    }
}
