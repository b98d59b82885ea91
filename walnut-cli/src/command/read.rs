//! `get`, `scan`, `count`, `export`: rows.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use walnut::dynamic::Query;
use walnut::schema::Access;

use crate::args::{Count, Export, FileFormat, Format, Get, Scan};
use crate::failure::{Failure, Outcome};
use crate::output::{Column, Output, stdout};
use crate::progress;
use crate::session::{Session, Table};

/// How often the progress of an export is shown.
const SHOWN_EACH: u64 = 1000;

/// Prints one row.
pub(super) fn get(session: &Session, args: &Get) -> Outcome {
    let table = session.table(&args.named.table)?;
    let row = match &args.index {
        Some(index) => table.get_by(index, &args.key)?,
        None => table.rows.get(table.key(&args.key)?)?,
    };
    let Some(row) = row else {
        return Err(Failure::Refused(format!("table `{}` has no such row", args.named.table)));
    };
    // One row is an object of its own.
    let format = if args.format == Format::Json { Format::Jsonl } else { args.format };
    let mut output = Output::to_stdout(format, columns(&table, &[])?);
    output.row(&row)?;
    output.finish()?;
    Ok(())
}

/// Prints rows.
pub(super) fn scan(session: &Session, args: &Scan) -> Outcome {
    let table = session.table(&args.named.table)?;
    let query = table.query(&args.rows)?;
    let output = Output::to_stdout(args.format, columns(&table, &args.columns)?);
    write_rows(&table, &query, output, |_| Ok(()))?;
    Ok(())
}

/// Prints how many rows there are.
pub(super) fn count(session: &Session, args: &Count) -> Outcome {
    let table = session.table(&args.named.table)?;
    let count = table.rows.count(&table.query(&args.rows)?)?;
    let mut out = stdout();
    writeln!(out, "{count}")?;
    Ok(out.flush()?)
}

/// Writes rows to a file.
pub(super) fn export(session: &Session, args: &Export) -> Outcome {
    let table = session.table(&args.named.table)?;
    let query = table.query(&args.rows)?;
    let columns = columns(&table, &args.columns)?;
    let format = match args.format.or_else(|| args.out.as_deref().and_then(format_of)) {
        Some(FileFormat::Json) => Format::Json,
        Some(FileFormat::Jsonl) => Format::Jsonl,
        None if args.out.is_some() => {
            return Err(Failure::Usage(
                "the file's name does not say its form; add --format csv, json or jsonl".to_owned(),
            ));
        }
        Some(FileFormat::Csv) | None => Format::Csv,
    };
    progress::watch_interrupts();
    let bar = progress::bar(None, "rows");
    let show = |count: u64| {
        if count.is_multiple_of(SHOWN_EACH) {
            bar.set_position(count);
            if progress::is_interrupted() {
                return Err(Failure::Open("stopped by an interrupt".to_owned()));
            }
        }
        Ok(())
    };
    let Some(path) = &args.out else {
        let written = write_rows(&table, &query, Output::to_stdout(format, columns), show);
        bar.finish_and_clear();
        return written.map(drop);
    };
    let file = PartFile::create(path)?;
    let out = BufWriter::with_capacity(1 << 18, &file.file);
    let written = write_rows(&table, &query, Output::new(out, format, columns), show);
    bar.finish_and_clear();
    let count = written.map_err(|failure| match file.part {
        Some(_) => failure.and(format_args!("{} is as it was", path.display())),
        None => failure,
    })?;
    file.finish()?;
    writeln!(std::io::stderr(), "{count} rows are in {}", path.display())?;
    Ok(())
}

/// A file that takes its name when it is complete. Before, its name ends with `.part`; a device or
/// a pipe is written as it is.
struct PartFile {
    /// Behind symbolic links, which stay.
    path: PathBuf,
    /// The name before; none of a device.
    part: Option<PathBuf>,
    file: File,
}

impl PartFile {
    fn create(path: &Path) -> Outcome<Self> {
        let is_device = std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file());
        let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let part = (!is_device).then(|| {
            let mut name = path.as_os_str().to_owned();
            name.push(".part");
            PathBuf::from(name)
        });
        let created = part.as_deref().unwrap_or(&path);
        let file = File::create(created).map_err(|error| Failure::file(created, &error))?;
        Ok(Self { path, part, file })
    }

    fn finish(mut self) -> Outcome {
        match &self.part {
            Some(part) => {
                std::fs::rename(part, &self.path).map_err(|error| Failure::file(&self.path, &error))?;
                self.part = None;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if let Some(part) = &self.part {
            // What is left has a name that says what it is.
            let _ = std::fs::remove_file(part);
        }
    }
}

fn write_rows<M: Access, W: Write>(
    table: &Table<M>,
    query: &Query,
    mut output: Output<W>,
    show: impl Fn(u64) -> Outcome,
) -> Outcome<u64> {
    let mut rows = table.rows.scan(query)?;
    let mut count = 0;
    while rows.advance()? {
        output.row(rows.row())?;
        count += 1;
        show(count)?;
    }
    Ok(output.finish()?)
}

fn columns<M: Access>(table: &Table<M>, wanted: &[String]) -> Outcome<Vec<Column>> {
    let column = |name: String| {
        let (kind, is_optional) = table.column(&name)?;
        Ok(Column { name, kind, is_optional })
    };
    table.columns(wanted)?.into_iter().map(column).collect()
}

/// The form of a file by its name.
pub(super) fn format_of(path: &Path) -> Option<FileFormat> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    Some(match &*extension {
        "csv" => FileFormat::Csv,
        "json" => FileFormat::Json,
        "jsonl" | "ndjson" => FileFormat::Jsonl,
        _ => return None,
    })
}
