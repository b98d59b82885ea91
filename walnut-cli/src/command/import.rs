//! `import`: the rows of a file, batch by batch.
//!
//! ```text
//!   a thread: bytes ── lines ── batch ──► (one waits) ──► commit: this thread
//! ```
//!
//! 1. A batch is one commit. What was committed stays, whatever ends the import.
//! 2. A line that is refused is written to a file of its own and told with its number; the rest of
//!    its batch is committed.
//! 3. Whatever ends the import says behind which line to go on. An interrupt ends it behind the
//!    commit that is under way, also while the file is waited for.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use indicatif::ProgressBar;
use walnut::dynamic::{Description, Value};
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

/// The bytes of a file from which a batch is complete, however few rows it has.
const MAX_BATCH_SIZE: u64 = 8 << 20;

/// How often an import that waits for its file looks for an interrupt.
const LOOKED_EACH: Duration = Duration::from_millis(50);

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
    let (input, length): (Box<dyn Read + Send>, Option<u64>) = if is_standard_input {
        (Box::new(io::stdin()), None)
    } else {
        let file = File::open(&args.file).map_err(|error| Failure::file(&args.file, &error))?;
        let length = file.metadata().ok().map(|metadata| metadata.len());
        (Box::new(file), length)
    };
    progress::watch_interrupts();
    let bar = progress::bar(length, "importing");
    let input = Counted { input, bar: length.map(|_| bar.clone()) };
    let batches = read_batches(input, format, table.description.clone(), args);
    let mut importer = Importer {
        session,
        table: &table,
        args,
        format,
        imported: 0,
        refused: 0,
        last: args.skip,
        bad: None,
        bar,
    };
    let ended = importer.commit_all(&batches);
    importer.bar.finish_and_clear();
    importer.report(ended)
}

/// What the thread that reads sends.
enum Message {
    /// Lines that are committed together.
    Batch(Vec<Line>),
    /// The last one: how reading ended. Lines behind the last batch are dropped after a failure.
    End(Outcome),
}

/// Reads a file in a thread of its own. It ends when nothing is received any more, or with the
/// process: it may be waiting for the standard input.
fn read_batches(
    input: impl Read + Send + 'static,
    format: FileFormat,
    description: Description,
    args: &Import,
) -> Receiver<Message> {
    let (sender, receiver) = sync_channel(1);
    let (skip, row_limit) = (args.skip, usize::try_from(args.batch).unwrap_or(usize::MAX));
    thread::spawn(move || {
        let (mut lines, mut size) = (Vec::new(), 0);
        let read = lines::read(input, format, &description, skip, &mut |line| {
            size += line.size;
            lines.push(line);
            if lines.len() == row_limit || size >= MAX_BATCH_SIZE {
                size = 0;
                send(&sender, Message::Batch(std::mem::take(&mut lines)))?;
            }
            Ok(())
        });
        if read.is_ok() && send(&sender, Message::Batch(lines)).is_err() {
            return;
        }
        // Nothing is left to do when nothing is received any more.
        let _ = send(&sender, Message::End(read));
    });
    receiver
}

fn send(sender: &SyncSender<Message>, message: Message) -> Outcome {
    sender.send(message).map_err(|_| Failure::Open("the import has ended".to_owned()))
}

/// Moves a progress bar as bytes are read.
struct Counted {
    input: Box<dyn Read + Send>,
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
    imported: u64,
    refused: u64,
    /// The last line that was done with.
    last: u64,
    bad: Option<File>,
    bar: ProgressBar,
}

impl Importer<'_> {
    fn commit_all(&mut self, batches: &Receiver<Message>) -> Outcome {
        loop {
            match batches.recv_timeout(LOOKED_EACH) {
                Ok(Message::Batch(lines)) => self.commit(lines)?,
                Ok(Message::End(read)) => return read,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Failure::Open("the file could not be read to its end".to_owned()));
                }
            }
            if progress::is_interrupted() {
                return Err(Failure::Open("stopped by an interrupt".to_owned()));
            }
        }
    }

    /// Commits the rows of a batch.
    fn commit(&mut self, lines: Vec<Line>) -> Outcome {
        let Some(last) = lines.last().map(|line| line.number) else { return Ok(()) };
        let mut batch: Vec<(u64, Value)> = Vec::with_capacity(lines.len());
        for line in lines {
            match line.row {
                Ok(row) => batch.push((line.number, row)),
                Err(reason) => self.refuse(line.number, &line.text, &reason)?,
            }
        }
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
                        .unwrap_or((walnut::dynamic::ValueKind::Text, false));
                    crate::text::cell(value, kind, is_optional)
                })
                .collect();
            // Writing to memory does not fail.
            let _ = crate::output::write_csv(&mut line, cells.iter().map(|cell| &**cell));
            line.pop();
            text.push_str(&String::from_utf8_lossy(&line));
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
                Err(failure.and(place))
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
