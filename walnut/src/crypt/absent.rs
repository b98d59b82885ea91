//! The types of encryption in a build without it: one type that has no values, so what is done with
//! them compiles and is never reached.

use std::path::Path;

use super::DataKeys;
use super::sealer::{SealedPart, TAG_SIZE};
use crate::base::FileNumber;
use crate::codec::FileKind;
use crate::env::Env;
use crate::error::{Error, Fault, KeyFault, Result};

/// A key, a key file, data keys or a cipher.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Absent {}

/// A key file.
impl Absent {
    /// [`Error::WrongKey`] when there is one: this build opens no encrypted database.
    pub(crate) fn read(env: &dyn Env, path: &Path) -> Result<Option<Self>> {
        match env.kind(path)? {
            None => Ok(None),
            Some(_) => Err(Error::WrongKey(KeyFault::Missing)),
        }
    }

    pub(crate) fn create(_: &dyn Env, _: [u8; 16], key: &Self) -> Result<(Self, DataKeys)> {
        match *key {}
    }

    pub(crate) fn copy(_: &dyn Env, ring: &Self) -> (Self, DataKeys) {
        match *ring {}
    }

    pub(crate) fn replace(&self, _: &dyn Env, _: &Path, _: &Path, _: &Path) -> Result<()> {
        match *self {}
    }

    pub(crate) fn unlock(&self, _: &Self) -> Result<DataKeys> {
        match *self {}
    }
}

/// Data keys.
impl Absent {
    pub(crate) fn database(&self) -> [u8; 16] {
        match *self {}
    }

    pub(crate) fn exchange(&self, _: &Self) -> Result<()> {
        match *self {}
    }

    pub(super) fn current(&self) -> u32 {
        match *self {}
    }

    pub(super) fn cipher(
        &self,
        _: u32,
        _: &[u8; super::sealer::SALT_SIZE],
        _: FileKind,
        _: &[u8; 16],
        _: FileNumber,
    ) -> Option<Self> {
        match *self {}
    }
}

/// A cipher.
impl Absent {
    pub(super) fn seal(&self, _: SealedPart, _: u64, _: &mut [u8]) -> [u8; TAG_SIZE] {
        match *self {}
    }

    pub(super) fn open(&self, _: SealedPart, _: u64, _: &mut [u8], _: &[u8]) -> Result<(), Fault> {
        match *self {}
    }

    pub(super) fn authenticate(&self, _: &[u8]) -> [u8; TAG_SIZE] {
        match *self {}
    }

    pub(super) fn check(&self, _: &[u8], _: &[u8]) -> Result<(), Fault> {
        match *self {}
    }
}

/// No key is ever on the stack.
pub(super) fn overwrite_stack() {}
