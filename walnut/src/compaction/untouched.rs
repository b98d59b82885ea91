//! Leaves files of the output level out of a merge when no newer input has a key in their range.
//!
//! ```text
//!   level 0    [row count ...................... new rows ... indexes]
//!   level 6    | row count |  | rows |  | rows |             | indexes |
//!                             left out: level 0 has no key between their first and their last
//! ```
//!
//! Rows that come in the order of their keys are so written to the last level once. Without it
//! each merge would write all of them again: the range of a file in level 0 is that of all its
//! keyspaces.
//!
//! 1. Only a file that a merge would write as it is, neither small nor with garbage, is left out.
//! 2. No output file spans it: see [`OutputSplitter`](super::output_files::OutputSplitter).

use std::collections::HashSet;
use std::sync::Arc;

use super::garbage_filter::ProgressHook;
use super::level_sizes::has_garbage;
use super::pick::{Merge, is_small};
use crate::cursor::EntryCursor;
use crate::error::Result;
use crate::manifest::Level;
use crate::sst::{Sst, SstMeta};

/// Cost: for each newer input a seek to each of these files, one block read at most. Nothing is
/// read of range tombstones: a file in whose range there may be one is not left out.
pub(crate) fn leave_out_untouched(
    merge: &mut Merge,
    max_sst_size: u64,
    sst: impl Fn(&SstMeta) -> Arc<Sst>,
    progress: &ProgressHook<'_>,
) -> Result<()> {
    let Some(((level, files), newer)) = merge.inputs.split_last_mut() else { return Ok(()) };
    if *level != merge.output || *level == Level::ZERO {
        return Ok(());
    }
    let stays_as_it_is = |meta: &&Arc<SstMeta>| !has_garbage(meta) && !is_small(meta, max_sst_size);
    let mut untouched: Vec<_> = files.iter().filter(stays_as_it_is).cloned().collect();
    // A single run is picked to be rewritten.
    if newer.is_empty() || untouched.is_empty() {
        return Ok(());
    }
    for newer in newer.iter().flat_map(|(_, files)| files) {
        untouched = untouched_by(newer, untouched, &sst, progress)?;
    }
    let untouched: HashSet<_> = untouched.iter().map(|meta| meta.number).collect();
    files.retain(|meta| !untouched.contains(&meta.number));
    if files.is_empty() {
        merge.inputs.pop();
    }
    Ok(())
}

/// Those of `files`, in key order, in whose range `newer` has nothing.
fn untouched_by(
    newer: &SstMeta,
    files: Vec<Arc<SstMeta>>,
    sst: impl Fn(&SstMeta) -> Arc<Sst>,
    progress: &ProgressHook<'_>,
) -> Result<Vec<Arc<SstMeta>>> {
    let overlaps = |meta: &SstMeta| newer.smallest < meta.end && meta.smallest < newer.end;
    if newer.fragment_count > 0 {
        return Ok(files.into_iter().filter(|meta| !overlaps(meta)).collect());
    }
    if !files.iter().any(|meta| overlaps(meta)) {
        return Ok(files);
    }
    let mut cursor = sst(newer).sweep()?;
    let mut untouched = Vec::with_capacity(files.len());
    for meta in files {
        progress(0)?;
        // An entry that is found once is not found by a seek to it again.
        if cursor.entry().is_some_and(|entry| *entry.key < *meta.smallest) {
            cursor.seek(Some(&meta.smallest))?;
        }
        if cursor.entry().is_none_or(|entry| *entry.key >= *meta.end) {
            untouched.push(meta);
        }
    }
    Ok(untouched)
}
