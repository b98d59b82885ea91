//! Sample values in front of the traced node: serde reads a tuple in order, so its second element
//! is only asked for after a first one.
//!
//! A type may refuse a sample, as `NonZeroU8` refuses 0. Each sample is a choice among several, and
//! a run that failed is repeated with its last choice changed, then the one before, and so on.

/// Numbers, the likeliest to be accepted first.
pub(super) const NUMBERS: [u8; 4] = [1, 0, 2, 16];

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

/// Bytes: this number of zeros.
pub(super) const SIZES: [usize; 7] = [0, 16, 4, 32, 1, 12, 8];

/// The longest of them.
pub(super) const ZEROS: [u8; 32] = [0; 32];

/// The deepest nesting of sample values.
pub(super) const MAX_DEPTH: usize = 16;

/// Runs with other choices.
pub(super) const MAX_TRIES: usize = 256;

/// The choices of a run, in their order.
#[derive(Default)]
pub(super) struct Choices {
    /// Each with the number of options.
    made: Vec<(usize, usize)>,
    /// The number of choices that this run has made.
    count: usize,
}

impl Choices {
    /// The next choice among `options`.
    pub(super) fn pick(&mut self, options: usize) -> usize {
        let at = self.count;
        self.count += 1;
        if let Some(&(choice, _)) = self.made.get(at) {
            return choice;
        }
        self.made.push((0, options));
        0
    }

    /// Changes the last choice for the next run; returns whether there is a choice left.
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
