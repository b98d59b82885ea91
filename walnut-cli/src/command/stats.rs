//! `stats`: the numbers of the store, once or again and again.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use crate::args::Stats;
use crate::failure::Outcome;
use crate::output::stdout;
use crate::progress;
use crate::session::Session;

/// Moves the cursor of a terminal to its first line, and clears what is below.
const CLEAR: &str = "\x1b[H\x1b[J";

/// Prints the numbers of the store; with `--watch`, until an interrupt.
pub(super) fn stats(session: &Session, args: &Stats) -> Outcome {
    let mut out = stdout();
    let mut before: Vec<(String, u64)> = Vec::new();
    if args.watch.is_some() {
        progress::watch_interrupts();
    }
    loop {
        if args.watch.is_some() && io::stdout().is_terminal() {
            out.write_all(CLEAR.as_bytes())?;
        }
        let now = numbers(session)?;
        for (name, number) in &now {
            let last = before.iter().find(|(other, _)| other == name).map(|(_, number)| *number);
            let change = match last.map(|last| i128::from(*number) - i128::from(last)) {
                None | Some(0) => String::new(),
                Some(change) => format!(" ({change:+})"),
            };
            writeln!(out, "{number:>16}  {name}{change}")?;
        }
        if args.watch.is_some() {
            writeln!(out)?;
        }
        out.flush()?;
        before = now;
        match args.watch {
            Some(seconds) if !progress::wait(Duration::from_secs(seconds)) => {}
            _ => return Ok(()),
        }
    }
}

/// What there is now, each number with its name.
fn numbers(session: &Session) -> Outcome<Vec<(String, u64)>> {
    let stats = session.follower()?.stats();
    let lines: [(&str, u64); 15] = [
        ("commits (sequence number)", stats.visible_seqno),
        ("memtable bytes", stats.active_memtable_size as u64),
        ("frozen memtables", stats.frozen_memtable_count as u64),
        ("log bytes", stats.log_size),
        ("log segments", stats.log_segment_count),
        ("sorted files", stats.sst_count as u64),
        ("sorted bytes", stats.sst_size),
        ("dead bytes in them, before compression", stats.sst_dead_size),
        ("value log files", stats.value_file_count as u64),
        ("value log bytes", stats.value_log_size),
        ("value log bytes in use", stats.value_log_live_size),
        ("runs (files that a read looks at)", stats.run_count as u64),
        ("cache bytes used", stats.cache_used_size as u64),
        ("cache bytes at most", stats.cache_budget as u64),
        ("compaction is behind by bytes", stats.compaction_debt_size),
    ];
    let mut numbers: Vec<(String, u64)> = lines.map(|(name, number)| (name.to_owned(), number)).into();
    for (level, held) in stats.levels.iter().enumerate().filter(|(_, held)| held.sst_count > 0) {
        numbers.push((format!("bytes on level {level}"), held.size));
        numbers.push((format!("files on level {level}"), held.sst_count as u64));
        numbers.push((format!("entries on level {level}"), held.entry_count));
    }
    for name in session.table_names()? {
        if let Some(count) = session.table(&name)?.rows.row_count()? {
            numbers.push((format!("rows of {name}"), count));
        }
    }
    Ok(numbers)
}
