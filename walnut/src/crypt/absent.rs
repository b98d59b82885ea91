//! The types of encryption in a build without it: there are no values of them.

use super::sealer::{SealedPart, TAG_SIZE};
use crate::base::FileNumber;
use crate::codec::FileKind;
use crate::error::Fault;

/// A key that cannot be given.
#[derive(Debug)]
pub(crate) enum EncryptionKey {}

/// Data keys that cannot be read.
#[derive(Debug)]
pub(crate) enum KeyRing {}

/// A cipher that cannot be made.
#[derive(Debug)]
pub(super) enum FileCipher {}

impl KeyRing {
    pub(super) fn current(&self) -> u32 {
        match *self {}
    }

    pub(super) fn cipher(
        &self,
        _: u32,
        _: &[u8; super::data_keys::SALT_SIZE],
        _: FileKind,
        _: &[u8; 16],
        _: FileNumber,
    ) -> Option<FileCipher> {
        match *self {}
    }
}

impl FileCipher {
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
