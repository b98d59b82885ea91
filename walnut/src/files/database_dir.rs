//! The directory of a database, as the stores of its files, its log and its manifest share it.

use std::io::ErrorKind;
use std::path::PathBuf;

use super::FileName;
use crate::base::FileNumber;
use crate::codec::{FileHeader, FileKind};
use crate::crypt::{DataKeys, Sealer};
use crate::env::{Env, File, TempFile};
use crate::error::{Error, Result};
use crate::sync::Arc;

/// Where the files of a database are, and what is in the header of each of them.
#[derive(Clone, Debug)]
pub(crate) struct DatabaseDir {
    pub(crate) env: Arc<dyn Env>,
    pub(crate) path: PathBuf,
    /// The database's id.
    pub(crate) database: [u8; 16],
    pub(crate) keys: DataKeys,
}

impl DatabaseDir {
    /// The headers of a new file with this word, and the file's sealer.
    pub(crate) fn headers(&self, kind: FileKind, number: FileNumber, word: u64) -> (Vec<u8>, Sealer) {
        let header = FileHeader { kind, database: self.database, number, salt: self.env.random(), word };
        self.keys.begin(&*self.env, header)
    }

    /// Creates a file under its final name, durably.
    pub(crate) fn create(&self, name: FileName) -> Result<Arc<dyn File>> {
        let path = name.path(&self.path);
        let mut created = None;
        self.env.change_names(&self.path, &mut || {
            created = Some(self.env.create(&path)?);
            Ok(())
        })?;
        created.ok_or_else(|| Error::io("create", &path, ErrorKind::NotFound.into()))
    }

    pub(crate) fn create_temp(&self, name: FileName) -> Result<(Arc<dyn File>, TempFile)> {
        let path = name.path(&self.path);
        let file = self.env.create(&path)?;
        Ok((file, TempFile::new(Arc::clone(&self.env), path)))
    }

    /// Renames files to their final names, durably. The bytes of all of them must be durable.
    pub(crate) fn publish(&self, files: &mut [(&mut TempFile, FileName)]) -> Result<()> {
        self.env.change_names(&self.path, &mut || {
            files.iter_mut().try_for_each(|(temp, name)| temp.rename(name.path(&self.path)))
        })
    }
}
