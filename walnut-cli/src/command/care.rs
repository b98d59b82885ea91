//! `verify`, `sweep`, `compact`, `checkpoint`, `backup`, `restore`, `preflight`, `repair`: the work of
//! an operator.

use std::io::{self, Write};
use std::path::Path;

use walnut::Error;

use crate::failure::{Failure, Outcome};
use crate::output::stdout;
use crate::progress;
use crate::session::Session;

/// Reads everything and compares it.
pub(super) fn verify(session: &Session) -> Outcome {
    let bar = progress::bar(None, "verifying files");
    let verified = session.follower()?.verify()?;
    let mut out = stdout();
    writeln!(out, "{} sorted files with {} bytes are in order", verified.sst_count, verified.sst_size)?;
    if verified.value_file_count > 0 {
        writeln!(
            out,
            "{} files of values with {} bytes are in order",
            verified.value_file_count, verified.value_log_size
        )?;
    }
    let mut found = Ok(());
    for name in session.table_names()? {
        bar.set_message(format!("verifying {name}"));
        let table = session.table(&name)?;
        match table.rows.verify() {
            Ok(verified) => {
                let indexes = table.description.indexes.iter().filter(|index| !index.is_derived);
                let computed: Vec<&str> = indexes.map(|index| &*index.name).collect();
                let left = if computed.is_empty() {
                    String::new()
                } else {
                    format!("; not compared, as only the program computes it: {}", computed.join(", "))
                };
                writeln!(
                    out,
                    "{name}: {} rows and {} index entries agree{left}",
                    verified.row_count, verified.entry_count
                )?;
            }
            Err(Error::Schema(error)) => writeln!(out, "{name}: not compared: {error}")?,
            Err(error) => {
                writeln!(out, "{name}: {error}")?;
                found = Err(Failure::Damage(format!(
                    "what was found is above; `walnut sweep {}` mends index entries and row counts",
                    session.dir().display()
                )));
            }
        }
    }
    bar.finish_and_clear();
    for orphan in &verified.orphans {
        writeln!(out, "{orphan}: no part of the database")?;
    }
    out.flush()?;
    found
}

/// Makes indexes agree with rows.
pub(super) fn sweep(session: &Session, table: Option<&str>) -> Outcome {
    let names = match table {
        Some(name) => vec![name.to_owned()],
        None => session.table_names()?,
    };
    let mut out = stdout();
    let mut duplicates = 0;
    for name in names {
        let swept = session.writable(&name)?.rows.sweep()?;
        duplicates += swept.duplicate_count;
        writeln!(
            out,
            "{name}: {} rows, {} entries; {} entries removed, {} added, {} rows unreadable, {} duplicates{}",
            swept.row_count,
            swept.entry_count,
            swept.removed_count,
            swept.added_count,
            swept.unreadable_count,
            swept.duplicate_count,
            if swept.row_count_difference == 0 { "" } else { "; row count corrected" }
        )?;
    }
    out.flush()?;
    if duplicates > 0 {
        return Err(Failure::Damage(
            "rows have the same value in a unique index; change all but one of each".to_owned(),
        ));
    }
    Ok(())
}

/// Merges all files into one run.
pub(super) fn compact(session: &Session) -> Outcome {
    let database = session.database()?;
    let before = database.stats().sst_size;
    let bar = progress::bar(None, "compacting");
    database.compact()?;
    bar.finish_and_clear();
    let after = database.stats().sst_size;
    Ok(writeln!(io::stderr(), "{before} bytes before, {after} bytes now")?)
}

/// Writes what is in the log to sorted files.
pub(super) fn checkpoint(session: &Session) -> Outcome {
    Ok(session.database()?.checkpoint()?)
}

/// Copies the database.
pub(super) fn backup(session: &Session, target: &Path) -> Outcome {
    let database = session.database()?;
    let bar = progress::bar(None, "copying");
    database.backup(target)?;
    bar.finish_and_clear();
    Ok(writeln!(io::stderr(), "the copy is in {}", target.display())?)
}

/// Copies a backup to where it is used.
pub(super) fn restore(session: &Session, target: &Path) -> Outcome {
    backup(session, target)
}

/// Copies what is readable of a damaged database into a new one.
pub(super) fn repair(session: &Session, target: &Path) -> Outcome {
    let (dir, target_path) = (session.dir().display(), target.display());
    let bar = progress::bar(None, "repairing");
    let repaired = walnut::repair(session.dir(), target, &session.options()?)
        .map_err(|error| Failure::Open(format!("{dir} cannot be repaired into {target_path}: {error}")))?;
    bar.finish_and_clear();
    let mut out = stdout();
    for lost in &repaired.lost {
        let (owner, keys, file) = (&lost.owner, &lost.keys, lost.file.display());
        writeln!(out, "lost of {owner}, {keys}: {file} at byte {}: {}", lost.offset, lost.reason)?;
    }
    writeln!(
        out,
        "{} keys are in {target_path}; tables: {}",
        repaired.key_count,
        repaired.tables.join(", ")
    )?;
    out.flush()?;
    if repaired.lost.is_empty() {
        return Ok(());
    }
    Err(Failure::Damage(format!(
        "what was lost is above; {dir} is as it was: keep it until {target_path} has proved itself"
    )))
}

/// Says whether a backup would succeed.
pub(super) fn preflight(session: &Session, target: &Path) -> Outcome {
    let found = session.database()?.preflight(target)?;
    let mut out = stdout();
    writeln!(out, "{} bytes are needed, {} are free", found.needed_space, found.free_space)?;
    out.flush()?;
    found.check().map_err(|error| Failure::Open(format!("a backup would not succeed: {error}")))?;
    Ok(())
}
