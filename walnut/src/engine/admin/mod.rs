//! Administration: what an operator asks of an open engine, or of the files of one.

pub(super) mod backup;
pub(super) mod dump;
pub(super) mod keys;
pub(super) mod preflight;
pub(super) mod repair;
#[cfg(feature = "encryption")]
pub(super) mod rotate;
pub(super) mod stats;
pub(super) mod verify;
