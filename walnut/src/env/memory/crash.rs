//! The crash model: what a power failure leaves, chosen by a seed under the strictest reading of
//! POSIX.
//!
//! A disk writes a file's sectors in any order, each in any of the states that it had since the
//! last sync; the length of the file and the names of a directory are written likewise, each
//! independently. So every such *subject* has a list of pending versions, and a crash chooses how
//! many of them, from the first on, reached the disk.
//!
//! 1. Synced data is not touched, except where a pending change overwrites it.
//! 2. A choice depends on the seed, the policy and the file only, so that a crash can be replayed.

use std::collections::BTreeMap;
use std::ops::Range;

use super::image::{Image, PendingChange};
use super::random::{Random, mix};

/// The unit in which a disk writes.
pub(super) const SECTOR: usize = 512;

/// What a power failure leaves of the data that was not synced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CrashPolicy {
    /// Nothing.
    Lost,
    /// Everything.
    Kept,
    /// Of each sector, length and name one of its states since the last sync. Bytes by which a file
    /// grew and that were not written are zeros.
    Mixed,
    /// As [`Mixed`](Self::Mixed), but a sector may have the beginning of one state and the end of
    /// the one before, and bytes by which a file grew may be arbitrary.
    Torn,
}

impl CrashPolicy {
    /// All policies, for tests that iterate over them.
    pub const ALL: [Self; 4] = [Self::Lost, Self::Kept, Self::Mixed, Self::Torn];
}

/// The random choices for one file or directory.
pub(super) struct Dice {
    policy: CrashPolicy,
    random: Random,
    /// In how many of [`Self::SIDES`] cases a subject keeps all of its versions. It differs from
    /// file to file, so that crashes which lose one sector of many, and which keep one of many, are
    /// as frequent as those in between.
    keep: usize,
}

impl Dice {
    const SIDES: usize = 16;

    pub(super) fn new(policy: CrashPolicy, seed: u64, file: u64) -> Self {
        let mut random = Random::new(mix(seed) ^ file);
        let keep = [1, Self::SIDES / 2, Self::SIDES - 1][random.below(3)];
        Self { policy, random, keep }
    }

    /// How many of the pending versions, from the first on, reach the disk.
    pub(super) fn survivors(&mut self, versions: usize) -> usize {
        match self.policy {
            CrashPolicy::Lost => 0,
            CrashPolicy::Kept => versions,
            _ if versions == 0 || self.random.below(Self::SIDES) < self.keep => versions,
            _ => self.random.below(versions),
        }
    }

    /// How much of a sector's last version is written, if it is torn.
    fn tear(&mut self) -> Option<usize> {
        self.one_in(4).then(|| self.random.below(SECTOR))
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.policy == CrashPolicy::Torn && self.random.below(sides) == 0
    }
}

pub(super) fn surviving_image(durable: &Image, pending: &[PendingChange], dice: &mut Dice) -> Image {
    if pending.is_empty() || dice.policy == CrashPolicy::Lost {
        return durable.clone();
    }
    let (touches, sizes) = replay(durable.size(), pending);
    let size = sizes[dice.survivors(sizes.len() - 1)];
    let mut fates = decide(&touches, dice);
    let mut image = durable.clone();
    if dice.one_in(2) {
        scatter_garbage(&mut image, durable.size()..size, &fates, dice);
    }
    for touch in &touches {
        for part in sectors(touch.range.clone()) {
            let Some(fate) = fates.get_mut(&(part.start / SECTOR)) else { continue };
            let written = fate.reach(&part);
            let from = part.start - touch.range.start;
            match touch.bytes {
                Some(bytes) => image.write_at(&bytes[from..from + written], part.start),
                None => image.write_at(&[0; SECTOR][..written], part.start),
            }
        }
    }
    image.set_size(size);
    image
}

/// The bytes that a change writes to a range; zeros where it truncates the file.
struct Touch<'a> {
    range: Range<usize>,
    bytes: Option<&'a [u8]>,
}

/// The ranges that each change wrote, and the lengths that the file had, starting with the durable
/// one.
fn replay(durable_size: usize, pending: &[PendingChange]) -> (Vec<Touch<'_>>, Vec<usize>) {
    let mut size = durable_size;
    let mut sizes = vec![size];
    let mut touches = Vec::with_capacity(pending.len());
    for change in pending {
        let after = match change {
            PendingChange::Write { offset, bytes } => {
                touches.push(Touch { range: *offset..offset + bytes.len(), bytes: Some(bytes) });
                size.max(offset + bytes.len())
            }
            PendingChange::SetSize(after) => {
                touches.push(Touch { range: *after..size.max(*after), bytes: None });
                *after
            }
        };
        if after != size {
            sizes.push(after);
            size = after;
        }
    }
    (touches, sizes)
}

/// The outcome of the touches of one sector.
struct WriteFate {
    /// The number of touches that reach the disk.
    survivors: usize,
    /// Where in the sector the last of those ends, if it is torn.
    tear: Option<usize>,
    /// The number of touches that were applied or skipped.
    seen: usize,
}

impl WriteFate {
    /// How much of the next touch of this sector is written.
    fn reach(&mut self, part: &Range<usize>) -> usize {
        self.seen += 1;
        match self.tear {
            _ if self.seen > self.survivors => 0,
            Some(tear) if self.seen == self.survivors => {
                tear.saturating_sub(part.start % SECTOR).min(part.len())
            }
            _ => part.len(),
        }
    }
}

fn decide(touches: &[Touch<'_>], dice: &mut Dice) -> BTreeMap<usize, WriteFate> {
    let mut counts = BTreeMap::<usize, usize>::new();
    for part in touches.iter().flat_map(|touch| sectors(touch.range.clone())) {
        *counts.entry(part.start / SECTOR).or_default() += 1;
    }
    let fates = counts.into_iter().map(|(sector, versions)| {
        let survivors = dice.survivors(versions);
        (sector, WriteFate { survivors, tear: dice.tear(), seen: 0 })
    });
    fates.collect()
}

/// Fills some of the complete sectors by which a file grew, and which no write reached, with stale
/// contents of the disk.
fn scatter_garbage(
    image: &mut Image,
    grown: Range<usize>,
    fates: &BTreeMap<usize, WriteFate>,
    dice: &mut Dice,
) {
    for sector in grown.start.div_ceil(SECTOR)..grown.end.div_ceil(SECTOR) {
        let written = fates.get(&sector).is_some_and(|fate| fate.survivors > 0);
        if !written && dice.one_in(2) {
            let mut garbage = [0; SECTOR];
            dice.random.fill(&mut garbage);
            image.write_at(&garbage, sector * SECTOR);
        }
    }
}

/// The sectors of a range of bytes, each clipped to the range.
fn sectors(bytes: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let Range { mut start, end } = bytes;
    std::iter::from_fn(move || {
        let part = start..end.min((start / SECTOR + 1) * SECTOR);
        start = part.end;
        (!part.is_empty()).then_some(part)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn write(offset: usize, bytes: &[u8]) -> PendingChange {
        PendingChange::Write { offset, bytes: bytes.into() }
    }

    fn outcomes(durable: &[u8], pending: &[PendingChange], policy: CrashPolicy) -> BTreeSet<Vec<u8>> {
        let mut image = Image::default();
        image.write_at(durable, 0);
        let crash = |seed| surviving_image(&image, pending, &mut Dice::new(policy, seed, 1)).to_vec();
        (0..500).map(crash).collect()
    }

    #[test]
    fn sectors_cover_a_range_without_a_gap() {
        assert_eq!(sectors(500..1030).collect::<Vec<_>>(), [500..512, 512..1024, 1024..1030]);
        assert_eq!(sectors(7..7).count(), 0);
    }

    #[test]
    fn a_sector_written_twice_may_hold_any_of_its_three_states() {
        let pending = [write(0, b"bb"), write(1, b"cc")];
        let expected = [b"aaa".to_vec(), b"bba".to_vec(), b"bcc".to_vec()];
        assert_eq!(outcomes(b"aaa", &pending, CrashPolicy::Mixed), BTreeSet::from(expected));
    }

    #[test]
    fn a_torn_sector_begins_with_one_state_and_ends_with_the_one_before() {
        let outcomes = outcomes(&[b'a'; SECTOR], &[write(0, &[b'b'; SECTOR])], CrashPolicy::Torn);
        assert!(outcomes.len() > 20);
        for bytes in outcomes {
            let torn = bytes.iter().take_while(|byte| **byte == b'b').count();
            assert!(bytes[torn..].iter().all(|byte| *byte == b'a'));
        }
    }

    #[test]
    fn length_and_bytes_of_an_append_survive_each_for_itself() {
        let outcomes = outcomes(b"a", &[write(1, &[b'b'; 1023])], CrashPolicy::Mixed);
        let appended = |first: u8, second: u8| {
            let mut bytes = vec![b'a'];
            bytes.extend([first; 511]);
            bytes.extend([second; 512]);
            bytes
        };
        let grown = [(0, 0), (0, b'b'), (b'b', 0), (b'b', b'b')].map(|(one, two)| appended(one, two));
        let expected = grown.into_iter().chain([b"a".to_vec()]).collect();
        assert_eq!(outcomes, expected);
    }

    #[test]
    fn an_unwritten_tail_may_be_garbage_when_sectors_tear() {
        let pending = [PendingChange::SetSize(SECTOR)];
        assert_eq!(outcomes(b"", &pending, CrashPolicy::Mixed), BTreeSet::from([vec![], vec![0; SECTOR]]));
        let torn = outcomes(b"", &pending, CrashPolicy::Torn);
        assert!(torn.contains(&vec![0; SECTOR]) && torn.contains(&vec![]) && torn.len() > 10);
    }

    #[test]
    fn everything_kept_is_every_change_applied() {
        let pending = [
            write(600, &[1; 2000]),
            PendingChange::SetSize(700),
            PendingChange::SetSize(3000),
            write(690, b"end"),
        ];
        let mut image = Image::default();
        for change in &pending {
            image.apply(change);
        }
        assert_eq!(outcomes(b"", &pending, CrashPolicy::Kept), BTreeSet::from([image.to_vec()]));
    }
}
