//! `import`: the rows of a file, batch by batch.
//!
//! 1. A batch is one commit. What was committed stays, whatever ends the import.
//! 2. A line that is refused is written to a file of its own and told with its number; the rest of
//!    its batch is committed.
//! 3. Whatever ends the import says behind which line to go on.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use indicatif::ProgressBar;
use walnut::dynamic::Value;
use walnut::{Error, ReadWrite};

use super::lines::{self, Line};
use super::read::format_of;
use crate::args::{FileFormat, Import};
use crate::failure::{Failure, Outcome};
use crate::json;
use crate::progress;
use crate::session::{Session, Table};

/// How many refused lines are told one by one; the others are counted.
const TOLD: u64 = 20;

/// Adds the rows of a file.
pub(super) fn import(session: &Session, args: &Import) -> Outcome {
    let table = session.writable(&args.named.table)?;
    if let Some(reason) = &table.description.read_only {
        return Err(Failure::Refused(format!(
            "table `{}` can be written by its program only: {reason}",
            args.named.table
        )));
    }
    let is_standard_input = args.file.as_os_str() == "-";
    let format = args.format.or_else(|| format_of(&args.file)).ok_or_else(|| {
        Failure::Usage("the file's name does not say its form; add --format csv, json or jsonl".to_owned())
    })?;
    let (input, length): (Box<dyn Read>, Option<u64>) = if is_standard_input {
        (Box::new(io::stdin().lock()), None)
    } else {
        let file = File::open(&args.file).map_err(|error| Failure::file(&args.file, &error))?;
        let length = file.metadata().ok().map(|metadata| metadata.len());
        (Box::new(file), length)
    };
    progress::watch_interrupts();
    let bar = progress::bar(length, "importing");
    let input = Counted { input, bar: length.map(|_| bar.clone()) };
    let mut importer = Importer {
        session,
        table: &table,
        args,
        format,
        batch: Vec::new(),
        imported: 0,
        refused: 0,
        last: args.skip,
        bad: None,
        bar,
    };
    let read = lines::read(input, format, &table, args.skip, &mut |line| importer.take(line));
    let ended = read.and_then(|()| importer.commit());
    importer.bar.finish_and_clear();
    importer.report(ended)
}

/// Moves a progress bar as bytes are read.
struct Counted {
    input: Box<dyn Read>,
    bar: Option<ProgressBar>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        if let Some(bar) = &self.bar {
            bar.inc(read as u64);
        }
        Ok(read)
    }
}

struct Importer<'i> {
    session: &'i Session,
    table: &'i Table<ReadWrite>,
    args: &'i Import,
    format: FileFormat,
    batch: Vec<(u64, Value)>,
    imported: u64,
    refused: u64,
    /// The last line that was done with.
    last: u64,
    bad: Option<File>,
    bar: ProgressBar,
}

impl Importer<'_> {
    fn take(&mut self, line: Line) -> Outcome {
        match line.row {
            Ok(row) => self.batch.push((line.number, row)),
            Err(reason) => self.refuse(line.number, &line.text, &reason)?,
        }
        if self.batch.len() >= usize::try_from(self.args.batch).unwrap_or(usize::MAX) {
            self.commit()?;
            if progress::is_interrupted() {
                return Err(Failure::Open("stopped by an interrupt".to_owned()));
            }
        }
        Ok(())
    }

    /// Commits what was read.
    fn commit(&mut self) -> Outcome {
        let batch = std::mem::take(&mut self.batch);
        let Some(&(last, _)) = batch.last() else { return Ok(()) };
        let rows = batch.iter().map(|(_, row)| row);
        let written = if self.args.upsert {
            self.table.rows.upsert_many(rows).map(drop)
        } else {
            self.table.rows.insert_many(rows)
        };
        match written {
            Ok(()) => self.imported += batch.len() as u64,
            Err(error) if is_of_a_row(&error) => self.commit_each(&batch)?,
            Err(error) => return Err(error.into()),
        }
        self.last = last;
        if self.bar.length().is_none() {
            self.bar.set_position(self.imported);
        }
        Ok(())
    }

    /// Commits the rows of a batch that are not refused.
    fn commit_each(&mut self, batch: &[(u64, Value)]) -> Outcome {
        let (name, upsert) = (&self.args.named.table, self.args.upsert);
        let mut refused: Vec<(usize, String)> = Vec::new();
        let strict = self.args.strict;
        self.session
            .database()?
            .transact(|tx| {
                refused.clear();
                let rows = tx.dynamic(name)?;
                for (at, (_, row)) in batch.iter().enumerate() {
                    let written = if upsert { rows.upsert(row).map(drop) } else { rows.insert(row) };
                    match written {
                        Err(error) if is_of_a_row(&error) && !strict => refused.push((at, error.to_string())),
                        Err(error) if is_of_a_row(&error) => {
                            refused.push((at, error.to_string()));
                            return Err(error);
                        }
                        written => written?,
                    }
                }
                Ok(())
            })
            .or_else(|error| if strict && !refused.is_empty() { Ok(()) } else { Err(error) })?;
        if let (true, Some((at, reason))) = (strict, refused.first()) {
            return Err(Failure::Refused(format!("line {}: {reason}", batch[*at].0)));
        }
        self.imported += (batch.len() - refused.len()) as u64;
        for (at, reason) in refused {
            let (number, row) = &batch[at];
            let mut text = String::new();
            self.write_again(row, &mut text);
            self.refuse(*number, &text, &reason)?;
        }
        Ok(())
    }

    /// A row in the form of the file.
    fn write_again(&self, row: &Value, text: &mut String) {
        if self.format != FileFormat::Csv {
            return json::write(row, text);
        }
        if let Value::Map(entries) = row {
            let mut line = Vec::new();
            let cells: Vec<_> = entries
                .iter()
                .map(|(name, value)| {
                    let (kind, is_optional) = self
                        .table
                        .column(name.as_text().unwrap_or_default())
                        .unwrap_or((walnut::dynamic::Kind::Text, false));
                    crate::text::cell(value, kind, is_optional)
                })
                .collect();
            // Writing to memory does not fail.
            let _ = crate::output::write_csv(&mut line, cells.iter().map(|cell| &**cell));
            text.push_str(String::from_utf8_lossy(&line).trim_end());
        }
    }

    /// Keeps a line apart.
    fn refuse(&mut self, number: u64, text: &str, reason: &str) -> Outcome {
        if self.args.strict {
            return Err(Failure::Refused(format!("line {number} {reason}")));
        }
        self.refused += 1;
        if self.refused <= TOLD {
            let told = format!("line {number}: {reason}");
            self.bar.suspend(|| writeln!(io::stderr(), "{told}"))?;
        }
        let path = self.bad_path();
        let file = match &mut self.bad {
            Some(file) => file,
            None => self.bad.insert(File::create(&path).map_err(|error| Failure::file(&path, &error))?),
        };
        writeln!(file, "{text}").map_err(|error| Failure::file(&path, &error))
    }

    fn bad_path(&self) -> PathBuf {
        self.args.bad.clone().unwrap_or_else(|| {
            let name = if self.args.file.as_os_str() == "-" {
                "import".into()
            } else {
                self.args.file.clone().into_os_string()
            };
            let mut name = name;
            name.push(".bad");
            name.into()
        })
    }

    /// Says what came of it.
    fn report(&self, ended: Outcome) -> Outcome {
        let rows = self.imported;
        match ended {
            Err(failure) => {
                let place = if self.last == 0 {
                    "nothing was imported".to_owned()
                } else {
                    format!("{rows} rows up to line {} are in; go on with --skip {}", self.last, self.last)
                };
                let text = format!("{failure}; {place}");
                Err(match failure {
                    Failure::Usage(_) => Failure::Usage(text),
                    Failure::Open(_) => Failure::Open(text),
                    Failure::Damage(_) => Failure::Damage(text),
                    Failure::Refused(_) => Failure::Refused(text),
                    Failure::PipeClosed => Failure::PipeClosed,
                })
            }
            Ok(()) if self.refused > 0 => Err(Failure::Refused(format!(
                "{rows} rows were imported; {} lines were refused and are in {}",
                self.refused,
                self.bad_path().display()
            ))),
            Ok(()) => Ok(writeln!(io::stderr(), "{rows} rows were imported")?),
        }
    }
}

/// Whether an error is about a row, and the next one may be taken.
fn is_of_a_row(error: &Error) -> bool {
    matches!(error, Error::UniqueViolation(_) | Error::Value(_) | Error::Limit(_) | Error::Unstorable(_))
}
