//! Writes the entries that a merge keeps to one SST after the other.

use super::cuts::Cuts;
use crate::base::{Entry, FileNumber};
use crate::error::Result;
use crate::sst::{SstDraft, SstPlace, WholeSst};

/// The outputs of a merge. Dropping it removes them.
pub(super) struct Outputs<'a, N> {
    place: &'a SstPlace,
    /// Gives the number of the next file.
    numbers: N,
    cuts: Cuts<'a>,
    open: Option<SstDraft>,
    whole: Vec<WholeSst>,
    /// The key of the last entry.
    key: Vec<u8>,
}

impl<'a, N: FnMut() -> FileNumber> Outputs<'a, N> {
    pub(super) fn new(place: &'a SstPlace, cuts: Cuts<'a>, numbers: N) -> Self {
        Self { place, numbers, cuts, open: None, whole: Vec::new(), key: Vec::new() }
    }

    /// Adds the next entry, in internal order.
    pub(super) fn add(&mut self, entry: Entry<'_>) -> Result<()> {
        if let Some(draft) = self
            .open
            .take_if(|draft| entry.key != self.key && self.cuts.before(entry.key, draft.estimated_size()))
        {
            self.whole.push(draft.finish()?);
        }
        let draft = match &mut self.open {
            Some(draft) => draft,
            none => {
                self.cuts.begin(entry.key);
                none.insert(self.place.begin((self.numbers)())?)
            }
        };
        draft.add(entry)?;
        self.key.clear();
        self.key.extend_from_slice(entry.key);
        Ok(())
    }

    /// The files, all of them durable and none under its own name.
    pub(super) fn finish(mut self) -> Result<Vec<WholeSst>> {
        if let Some(draft) = self.open.take() {
            self.whole.push(draft.finish()?);
        }
        Ok(self.whole)
    }
}
