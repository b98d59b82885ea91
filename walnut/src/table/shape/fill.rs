//! Sample values for what comes before the place that is traced: serde reads a tuple in order, so
//! its second element is only asked for once there is a first one.
//!
//! A type may refuse a sample, as `NonZeroU8` refuses 0. Each sample is a choice among several, and
//! a run that failed is tried again with the last choice that it made changed, then the one before
//! that, and so on.

/// Numbers, the likeliest to be taken first.
pub(super) const NUMBERS: [u8; 4] = [1, 0, 2, 16];

/// Texts.
pub(super) const TEXTS: [&str; 14] = [
    "",
    "a",
    "1",
    "1970-01-01T00:00:00Z",
    "1970-01-01",
    "00:00:00",
    "1970-01-01T00:00:00",
    "127.0.0.1",
    "127.0.0.1:1",
    "http://example.org/",
    "a@example.org",
    "00000000-0000-0000-0000-000000000000",
    "PT1S",
    "1970-01-01T00:00:00+00:00[UTC]",
];

/// Bytes: so many zeros.
pub(super) const SIZES: [usize; 7] = [0, 16, 4, 32, 1, 12, 8];

/// The longest of them.
pub(super) const ZEROS: [u8; 32] = [0; 32];

/// The deepest that sample values lie in each other.
pub(super) const MAX_DEPTH: usize = 16;

/// How often a run is tried with other choices.
pub(super) const MAX_TRIES: usize = 256;

/// The choices of a run, in the order in which they are made.
#[derive(Default)]
pub(super) struct Choices {
    /// Each with the number of options that there were.
    made: Vec<(usize, usize)>,
    /// How many of them this run has come to.
    count: usize,
}

impl Choices {
    /// The next choice among so many options.
    pub(super) fn pick(&mut self, options: usize) -> usize {
        let at = self.count;
        self.count += 1;
        if let Some(&(choice, _)) = self.made.get(at) {
            return choice;
        }
        self.made.push((0, options));
        0
    }

    /// Has the next run choose otherwise where this one chose last; says whether there is anything
    /// left to choose.
    pub(super) fn change_last(&mut self) -> bool {
        self.made.truncate(self.count);
        self.count = 0;
        while let Some((choice, options)) = self.made.pop() {
            if choice + 1 < options {
                self.made.push((choice + 1, options));
                return true;
            }
        }
        false
    }
}
