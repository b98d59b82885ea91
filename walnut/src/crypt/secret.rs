//! Secrets of 32 bytes, on the heap and cleared on drop.

use std::fmt;

use zeroize::Zeroize;

use crate::env::Env;

/// The size of every key.
pub(super) const KEY_SIZE: usize = 32;

/// A bound of the stack that a derivation uses below its caller.
const STACK_SIZE: usize = if cfg!(debug_assertions) { 128 << 10 } else { 32 << 10 };

/// A key. It has one place in memory, is cleared on drop, and is never printed.
pub(super) struct Secret(Box<[u8; KEY_SIZE]>);

impl Secret {
    /// A key that `fill` writes to its place.
    pub(super) fn filled(fill: impl FnOnce(&mut [u8; KEY_SIZE])) -> Self {
        let mut secret = Self(Box::new([0; KEY_SIZE]));
        fill(&mut secret.0);
        secret
    }

    pub(super) fn random(env: &dyn Env) -> Self {
        Self::filled(|bytes| env.fill_random(bytes))
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_SIZE] {
        &self.0
    }

    /// A second copy of it.
    pub(super) fn duplicate(&self) -> Self {
        Self::filled(|bytes| bytes.copy_from_slice(&*self.0))
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Whether two secrets, or values that follow from them, are equal; in a time that does not depend
/// on where they differ.
pub(super) fn is_equal(left: &[u8], right: &[u8]) -> bool {
    let differing = left.iter().zip(right).fold(0, |differing, (left, right)| differing | (left ^ right));
    left.len() == right.len() && std::hint::black_box(differing) == 0
}

/// Runs work with secrets, and overwrites the stack that it used: a value that is moved leaves a
/// copy behind that no drop clears.
pub(super) fn with_clean_stack<T>(work: impl FnOnce() -> T) -> T {
    let done = run(work);
    overwrite_stack();
    done
}

#[inline(never)]
fn run<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// Overwrites the stack below the caller: sealing and opening leave round keys there.
#[inline(never)]
#[expect(clippy::large_stack_arrays, reason = "it is the stack that is overwritten")]
pub(super) fn overwrite_stack() {
    let mut stack = [0u128; STACK_SIZE / size_of::<u128>()];
    stack.zeroize();
    std::hint::black_box(&mut stack);
}
