//! The tables, in markdown.

use std::fmt::Write;

use super::{OURS, Results};
use crate::work::rows::{ROWS, Row};

/// The ratios of Walnut to each peer, then the figures, then the limits of the machine.
pub fn markdown(results: &Results) -> String {
    let mut text = String::new();
    write(results, &mut text).unwrap_or_else(|_| unreachable!("writing to a string"));
    text
}

fn write(results: &Results, out: &mut String) -> std::fmt::Result {
    let rows: Vec<&Row> =
        ROWS.iter().filter(|row| results.median(OURS, row).is_some() || any(results, row)).collect();
    let peers: Vec<&String> = results.engines.iter().filter(|engine| *engine != OURS).collect();
    let limits = &results.limits;
    writeln!(
        out,
        "{} rows, medians of {} interleaved rounds, {} s for each figure, {} MiB of cache for each engine.",
        results.rows,
        results.rounds,
        results.seconds,
        results.cache_size >> 20
    )?;
    writeln!(
        out,
        "{} x {}; the disk syncs {:.0} times a second at the end of a file and {:.0} times within one; a random read in\n\
         512 MiB of memory takes {:.0} ns, decoding a row {:.0} ns.",
        limits.processors,
        limits.processor,
        limits.appended_syncs,
        limits.overwritten_syncs,
        limits.memory_read,
        limits.decode
    )?;
    if !results.note.is_empty() {
        writeln!(out, "{}", results.note)?;
    }
    if !peers.is_empty() {
        writeln!(out, "\nHow many times better Walnut is than each (below 1: the peer wins):\n")?;
        write!(out, "| work | goal | best peer |")?;
        peers.iter().try_for_each(|peer| write!(out, " {peer} |"))?;
        write!(out, "\n|---|---|---|{}\n", "---|".repeat(peers.len()))?;
        for row in &rows {
            let of = row.of.map_or(String::new(), |peer| format!(" times {peer}"));
            let goal = row.must.map_or(String::new(), |must| format!("{must}{of}"));
            let best =
                results.best_peer(row).map_or(String::new(), |(_, ratio)| verdict(results, row, ratio));
            write!(out, "| {} | {goal} | {best} |", row.label)?;
            for peer in &peers {
                match ratio_to(results, row, peer) {
                    Some(ratio) => write!(out, " {ratio:.2} |")?,
                    None => write!(out, " |")?,
                }
            }
            writeln!(out)?;
        }
    }
    writeln!(out, "\nThe figures:\n")?;
    write!(out, "| work |")?;
    results.engines.iter().try_for_each(|engine| write!(out, " {engine} |"))?;
    write!(out, "\n|---|{}\n", "---|".repeat(results.engines.len()))?;
    for row in &rows {
        write!(out, "| {} |", row.label)?;
        for engine in &results.engines {
            let shown = results.median(engine, row).map_or(String::new(), |value| row.show(value));
            write!(out, " {shown} |")?;
        }
        writeln!(out)?;
    }
    if !results.failures.is_empty() {
        writeln!(out, "\nFailed:\n")?;
        results.failures.iter().try_for_each(|failure| writeln!(out, "- {failure}"))?;
    }
    Ok(())
}

fn any(results: &Results, row: &Row) -> bool {
    results.engines.iter().any(|engine| results.median(engine, row).is_some())
}

fn ratio_to(results: &Results, row: &Row, peer: &str) -> Option<f64> {
    let ours = results.median(OURS, row);
    ours.zip(results.median(peer, row)).map(|(ours, theirs)| row.ratio(ours, theirs))
}

/// The ratio to the best peer, marked when the goal is missed.
fn verdict(results: &Results, row: &Row, ratio: f64) -> String {
    let to_beat = row.of.map_or(Some(ratio), |peer| ratio_to(results, row, peer));
    let missed = row.must.zip(to_beat).is_some_and(|(must, ratio)| ratio < must);
    if missed { format!("**{ratio:.2}** (missed)") } else { format!("{ratio:.2}") }
}
