//! The rows of a file, one after the other, in bounded memory.
//!
//! 1. A line that holds no row is told with its number and its text, and the next one is read.
//! 2. Where it cannot be known where the next row begins, as behind a quote that does not close,
//!    reading ends with an error that names the line.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use serde_json::Deserializer as JsonDeserializer;
use walnut::dynamic::{Description, Value};

use crate::args::FileFormat;
use crate::failure::{Failure, Outcome};
use crate::json;
use crate::nearest::did_you_mean;
use crate::session::column;
use crate::text;

/// The longest record that is read. A row takes 16 MiB at most.
const MAX_RECORD_SIZE: u64 = 64 << 20;

/// What a line that holds no row is kept of.
const MAX_KEPT_SIZE: usize = 1 << 20;

pub(super) struct Line {
    /// Its number, from 1 on; of an array of JSON, that of the element.
    pub(super) number: u64,
    /// Its row, or what is wrong with it.
    pub(super) row: Result<Value, String>,
    /// Its text, where it holds no row.
    pub(super) text: String,
    /// About how many bytes of the file it took.
    pub(super) size: u64,
}

/// Reads the lines of a file behind the first `skip` of them, and passes each to `take`.
pub(super) fn read(
    input: impl Read,
    format: FileFormat,
    table: &Description,
    skip: u64,
    take: &mut dyn FnMut(Line) -> Outcome,
) -> Outcome {
    let mut input = BufReader::with_capacity(1 << 18, input);
    skip_mark(&mut input)?;
    match format {
        FileFormat::Jsonl => read_lines(input, skip, take),
        FileFormat::Json => read_array(input, skip, take),
        FileFormat::Csv => read_csv(input, table, skip, take),
    }
}

/// Passes over a byte order mark.
fn skip_mark(input: &mut impl BufRead) -> Outcome {
    const MARK: &[u8] = b"\xef\xbb\xbf";
    let has_mark = input.fill_buf().map_err(|error| unreadable(&error))?.starts_with(MARK);
    input.consume(if has_mark { MARK.len() } else { 0 });
    Ok(())
}

fn unreadable(error: &io::Error) -> Failure {
    Failure::Open(format!("the file cannot be read: {error}"))
}

fn read_lines(mut input: impl BufRead, skip: u64, take: &mut dyn FnMut(Line) -> Outcome) -> Outcome {
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        let read = input.by_ref().take(MAX_RECORD_SIZE).read_until(b'\n', &mut bytes);
        if read.map_err(|error| unreadable(&error))? == 0 {
            return Ok(());
        }
        let is_whole = bytes.ends_with(b"\n") || (bytes.len() as u64) < MAX_RECORD_SIZE;
        if !is_whole {
            skip_line(&mut input)?;
        }
        while bytes.last().is_some_and(|byte| b"\r\n".contains(byte)) {
            bytes.pop();
        }
        if number <= skip || bytes.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let row = match std::str::from_utf8(&bytes) {
            _ if !is_whole => Err(format!("is longer than {} MiB", MAX_RECORD_SIZE >> 20)),
            Err(_) => Err("is not UTF-8".to_owned()),
            Ok(text) => json::read(text).map_err(|error| format!("is no JSON: {error}")),
        };
        let text = match &row {
            Ok(_) => String::new(),
            Err(_) => String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_KEPT_SIZE)]).into_owned(),
        };
        // The text of a row that is refused later is made of the row again.
        let size = bytes.len() as u64;
        take(Line { number, row, text, size })?;
    }
    Ok(())
}

/// Passes over the rest of a line.
fn skip_line(input: &mut impl BufRead) -> Outcome {
    loop {
        let buffer = input.fill_buf().map_err(|error| unreadable(&error))?;
        if buffer.is_empty() {
            return Ok(());
        }
        if let Some(end) = buffer.iter().position(|&byte| byte == b'\n') {
            input.consume(end + 1);
            return Ok(());
        }
        let size = buffer.len();
        input.consume(size);
    }
}

/// A reader that fails when a record is longer than the limit.
struct Bounded<R> {
    input: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.left.get()).unwrap_or(usize::MAX).min(buffer.len());
        if left == 0 && !buffer.is_empty() {
            let text =
                format!("a record is longer than {} MiB; does a quote not close?", MAX_RECORD_SIZE >> 20);
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let read = self.input.read(&mut buffer[..left])?;
        self.left.set(self.left.get() - read as u64);
        Ok(read)
    }
}

fn read_csv(
    input: impl Read,
    table: &Description,
    skip: u64,
    take: &mut dyn FnMut(Line) -> Outcome,
) -> Outcome {
    let left = Rc::new(Cell::new(MAX_RECORD_SIZE));
    let bounded = Bounded { input, left: Rc::clone(&left) };
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bounded);
    let broken = |error: csv::Error| Failure::Open(format!("the file cannot be read: {error}"));
    let header = reader.headers().map_err(broken)?.clone();
    let names: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
    let kinds = columns_of(&names, table)?;
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(broken)? {
        left.set(MAX_RECORD_SIZE);
        let number = record.position().map_or(0, csv::Position::line);
        if number <= skip {
            continue;
        }
        let row = csv_row(&record, &names, &kinds);
        let text = match &row {
            Ok(_) => String::new(),
            Err(_) => csv_text(&record),
        };
        let size = record.as_slice().len() as u64;
        take(Line { number, row, text, size })?;
    }
    Ok(())
}

/// The kinds of the columns of a header; an error when one is unknown, or one that rows need is
/// missing.
fn columns_of(names: &[String], table: &Description) -> Outcome<Vec<(walnut::dynamic::ValueKind, bool)>> {
    let kinds = names.iter().map(|name| column(table, name)).collect::<Outcome<_>>()?;
    for column in table.columns.iter().filter(|column| !column.is_optional) {
        if !names.contains(&column.name) {
            let hint = did_you_mean(&column.name, names.iter().map(String::as_str));
            return Err(Failure::Usage(format!("the header has no column `{}`; {hint}", column.name)));
        }
    }
    Ok(kinds)
}

fn csv_row(
    record: &csv::ByteRecord,
    names: &[String],
    kinds: &[(walnut::dynamic::ValueKind, bool)],
) -> Result<Value, String> {
    if record.len() != names.len() {
        return Err(format!("has {} fields, and the header {}", record.len(), names.len()));
    }
    let mut fields = Vec::with_capacity(names.len());
    for ((cell, name), &(kind, is_optional)) in record.iter().zip(names).zip(kinds) {
        let cell = std::str::from_utf8(cell).map_err(|_| format!("is not UTF-8 in `{name}`"))?;
        let value = text::from_cell(cell, kind, is_optional);
        fields.push((name.clone(), value.ok_or_else(|| format!("has no value for `{name}` in its field"))?));
    }
    Ok(Value::row(fields))
}

fn csv_text(record: &csv::ByteRecord) -> String {
    let quoted = |cell: &[u8]| {
        let text = String::from_utf8_lossy(&cell[..cell.len().min(MAX_KEPT_SIZE)]).into_owned();
        if text.contains(['"', ',', '\n', '\r']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text
        }
    };
    record.iter().map(quoted).collect::<Vec<_>>().join(",")
}

fn read_array(input: impl Read, skip: u64, take: &mut dyn FnMut(Line) -> Outcome) -> Outcome {
    use serde_json::de::IoRead;
    let left = Rc::new(Cell::new(MAX_RECORD_SIZE));
    let bounded = BufReader::new(Bounded { input, left: Rc::clone(&left) });
    let mut reader: JsonDeserializer<IoRead<_>> = JsonDeserializer::from_reader(bounded);
    let mut elements = Elements { left, skip, number: 0, take, failure: None };
    let read = serde_core::read_elements(&mut reader, &mut elements);
    match (elements.failure, read) {
        (Some(failure), _) => Err(failure),
        (None, Err(error)) => Err(Failure::Open(format!(
            "the file is no array of JSON behind element {}: {error}",
            elements.number
        ))),
        (None, Ok(())) => Ok(()),
    }
}

/// What takes the elements of an array as they are read.
struct Elements<'t> {
    left: Rc<Cell<u64>>,
    skip: u64,
    number: u64,
    take: &'t mut dyn FnMut(Line) -> Outcome,
    failure: Option<Failure>,
}

impl fmt::Debug for Elements<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Elements").field("number", &self.number).finish_non_exhaustive()
    }
}

/// Serde's side of reading an array element by element.
mod serde_core {
    use std::fmt;

    use serde::de::{Deserializer, Error, SeqAccess, Visitor};

    use super::{Elements, Line, MAX_RECORD_SIZE};
    use crate::json::Json;

    pub(super) fn read_elements<'de, D: Deserializer<'de>>(
        reader: D,
        elements: &mut Elements<'_>,
    ) -> Result<(), D::Error> {
        reader.deserialize_seq(elements)
    }

    impl<'de> Visitor<'de> for &mut Elements<'_> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array of rows")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
            while let Some(Json(row)) = seq.next_element()? {
                let size = MAX_RECORD_SIZE - self.left.replace(MAX_RECORD_SIZE);
                self.number += 1;
                if self.number <= self.skip {
                    continue;
                }
                let line = Line { number: self.number, row: Ok(row), text: String::new(), size };
                if let Err(failure) = (self.take)(line) {
                    self.failure = Some(failure);
                    return Err(A::Error::custom("the import ended"));
                }
            }
            Ok(())
        }
    }
}
