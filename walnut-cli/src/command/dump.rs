//! `dump`: a file of a database, part by part.

use std::io::Write;

use walnut::report::FileType;

use crate::args::{Dump, DumpKind};
use crate::failure::{Failure, Outcome};
use crate::output::stdout;
use crate::session::Session;

/// Prints every part of a file.
pub(super) fn dump(session: &Session, args: &Dump) -> Outcome {
    let path = args.file.display();
    let wanted = match args.kind {
        DumpKind::Wal => FileType::Log,
        DumpKind::Sst => FileType::Sst,
        DumpKind::Manifest => FileType::Manifest,
        DumpKind::Vlog => FileType::Values,
    };
    let mut out = stdout();
    // Once a write has failed, nothing more is written.
    let mut written: std::io::Result<()> = Ok(());
    let is_shown = |depth: usize| depth == 0 || !args.brief;
    let found = walnut::dump(&args.file, &session.options()?, |part| {
        let is_shown = part.file_type == wanted && (is_shown(part.depth) || part.fault.is_some());
        if written.is_ok() && is_shown {
            written = writeln!(out, "{part}");
        }
    })
    .map_err(|error| match error {
        walnut::Error::Corruption { .. } => Failure::Damage(format!("{path} cannot be dumped: {error}")),
        error => Failure::Open(format!("{path} cannot be dumped: {error}")),
    })?;
    written?;
    if found.file_type != wanted {
        return Err(Failure::Usage(format!(
            "{path} is {}; `walnut dump --help` has the kinds",
            found.file_type
        )));
    }
    writeln!(out, "{:>10} is where the last valid part ends, of {} bytes", found.sound_end, found.size)?;
    out.flush()?;
    match found.fault_count {
        0 => Ok(()),
        count => Err(Failure::Damage(format!("{count} parts of {path} are damaged; they are above"))),
    }
}
