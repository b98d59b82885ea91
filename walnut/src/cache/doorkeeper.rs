//! The doorkeeper of the admission policy: remembers recent reads ("`TinyLFU`", Einziger, Friedman
//! and Manes, 2017).
//!
//! A table of tags, each overwritten by the next identity with the same index; so about as many
//! identities are remembered as there are indexes. Two identities with the same index and tag are
//! confused: one is then admitted on its first read, which does no harm.

use crate::sync::{AtomicU32, Ordering};

const PLACE_COUNT: usize = 4096;

#[derive(Debug)]
pub(super) struct Doorkeeper(Box<[AtomicU32]>);

impl Default for Doorkeeper {
    fn default() -> Self {
        Self((0..PLACE_COUNT).map(|_| AtomicU32::new(0)).collect())
    }
}

impl Doorkeeper {
    /// Returns whether the same identity was seen recently, and remembers it. Its bits must be
    /// evenly distributed.
    #[expect(clippy::cast_possible_truncation, reason = "some bits are the place, and others the tag")]
    pub(super) fn knows(&self, identity: u64) -> bool {
        let place = &self.0[identity as usize % PLACE_COUNT];
        let tag = (identity >> 32) as u32 | 1;
        place.swap(tag, Ordering::Relaxed) == tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(number: u64) -> u64 {
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    #[test]
    fn the_second_time_is_known_and_what_is_long_ago_is_forgotten() {
        let doorkeeper = Doorkeeper::default();
        assert!(!doorkeeper.knows(spread(7)));
        assert!(doorkeeper.knows(spread(7)));
        let others = (1000..1000 + 64 * PLACE_COUNT as u64).filter(|&n| doorkeeper.knows(spread(n))).count();
        assert!(others < 10, "{others} of those that came once were known");
        assert!(!doorkeeper.knows(spread(7)));
    }
}
