//! Rows in the form that was asked for, as they come.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};
use walnut::dynamic::{Value, ValueKind};

use crate::args::Format;
use crate::json;
use crate::text;

/// How many rows a table for people looks at before its first line, to know how wide columns are.
const LOOKAHEAD: usize = 500;

/// The widest that a column of a table for people is; longer values are cut, but for those of the
/// last one.
const MAX_WIDTH: usize = 60;

/// Writes rows.
pub(crate) struct Output<W: Write> {
    out: W,
    format: Format,
    columns: Vec<Column>,
    /// Where each column was in the last row; it is there in the next one as a rule.
    places: Vec<usize>,
    /// The text of the current row.
    line: String,
    /// Rows of a table for people, until it is known how wide its columns are.
    waiting: Vec<Vec<String>>,
    widths: Option<Vec<usize>>,
    count: u64,
    is_colored: bool,
    /// Control characters of values must not reach a terminal.
    is_terminal: bool,
}

#[derive(Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: ValueKind,
    pub(crate) is_optional: bool,
}

/// The standard output, where each row is not a write of its own.
pub(crate) fn stdout() -> io::BufWriter<io::StdoutLock<'static>> {
    io::BufWriter::new(io::stdout().lock())
}

impl Output<io::BufWriter<io::StdoutLock<'static>>> {
    pub(crate) fn to_stdout(format: Format, columns: Vec<Column>) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let is_colored = is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { is_colored, is_terminal, ..Self::new(stdout(), format, columns) }
    }
}

impl<W: Write> Output<W> {
    /// Writes rows of these columns to a file.
    pub(crate) fn new(out: W, format: Format, columns: Vec<Column>) -> Self {
        let places = (0..columns.len()).collect();
        Self {
            out,
            format,
            columns,
            places,
            line: String::new(),
            waiting: Vec::new(),
            widths: None,
            count: 0,
            is_colored: false,
            is_terminal: false,
        }
    }

    pub(crate) fn row(&mut self, row: &Value) -> io::Result<()> {
        self.count += 1;
        match self.format {
            Format::Table => {
                let cell =
                    |column: &Column| row.field(&column.name).map(|value| text::shown(value).into_owned());
                let cells: Vec<String> =
                    self.columns.iter().map(|column| cell(column).unwrap_or_default()).collect();
                if self.widths.is_some() {
                    return self.line(&cells);
                }
                self.waiting.push(cells);
                if self.waiting.len() == LOOKAHEAD { self.release() } else { Ok(()) }
            }
            Format::Json | Format::Jsonl => {
                let mut line = std::mem::take(&mut self.line);
                line.clear();
                if self.format == Format::Json {
                    line.push_str(if self.count == 1 { "[\n" } else { ",\n" });
                }
                let mut before = '{';
                for (column, place) in self.columns.iter().zip(&mut self.places) {
                    if let Some(value) = field(row, &column.name, place) {
                        line.push(before);
                        json::write_text(&column.name, &mut line);
                        line.push(':');
                        json::write(value, &mut line);
                        before = ',';
                    }
                }
                line.push_str(if before == '{' { "{}" } else { "}" });
                if self.format == Format::Jsonl {
                    line.push('\n');
                }
                self.line = line;
                self.out.write_all(self.line.as_bytes())
            }
            Format::Csv => {
                if self.count == 1 {
                    self.header()?;
                }
                let mut line = std::mem::take(&mut self.line);
                line.clear();
                for (at, (column, place)) in self.columns.iter().zip(&mut self.places).enumerate() {
                    let value = field(row, &column.name, place).unwrap_or(&Value::Null);
                    if at > 0 {
                        line.push(',');
                    }
                    if json::is_number(value) {
                        json::write(value, &mut line);
                    } else {
                        let cell = text::cell(value, column.kind, column.is_optional);
                        let cell = if self.is_terminal { without_control(cell) } else { cell };
                        push_csv(&mut line, &cell);
                    }
                }
                end_csv(&mut line);
                self.line = line;
                self.out.write_all(self.line.as_bytes())
            }
        }
    }

    /// Writes what is left, and returns how many rows there were.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        match self.format {
            Format::Table if self.widths.is_none() => self.release()?,
            Format::Json => self.out.write_all(if self.count == 0 { b"[]\n" } else { b"\n]\n" })?,
            Format::Csv if self.count == 0 => self.header()?,
            _ => {}
        }
        self.out.flush()?;
        Ok(self.count)
    }

    fn header(&mut self) -> io::Result<()> {
        write_csv(&mut self.out, self.columns.iter().map(|column| &*column.name))
    }

    fn release(&mut self) -> io::Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        let width = |at: usize, name: &str| {
            let widest = waiting.iter().map(|cells| width_of(&cells[at])).max().unwrap_or(0);
            widest.max(width_of(name)).min(MAX_WIDTH)
        };
        let widths = self.columns.iter().enumerate().map(|(at, column)| width(at, &column.name)).collect();
        self.widths = Some(widths);
        let names: Vec<String> = self.columns.iter().map(|column| column.name.clone()).collect();
        if self.is_colored {
            self.out.write_all(b"\x1b[1m")?;
        }
        self.line(&names)?;
        if self.is_colored {
            self.out.write_all(b"\x1b[0m")?;
        }
        waiting.iter().try_for_each(|cells| self.line(cells))
    }

    fn line(&mut self, cells: &[String]) -> io::Result<()> {
        let widths = self.widths.as_deref().unwrap_or_default();
        let mut line = String::new();
        for (at, ((cell, &width), column)) in cells.iter().zip(widths).zip(&self.columns).enumerate() {
            if at > 0 {
                line.push_str("  ");
            }
            // Nothing is behind the last one.
            let cell = if at + 1 == cells.len() { cell.clone() } else { cut(cell) };
            let padding = " ".repeat(width.saturating_sub(width_of(&cell)));
            let is_number =
                matches!(column.kind, ValueKind::Integer | ValueKind::Float32 | ValueKind::Float64);
            line.extend(if is_number { [&*padding, &cell] } else { [&cell, &*padding] });
        }
        self.out.write_all(line.trim_end().as_bytes())?;
        self.out.write_all(b"\n")
    }
}

/// Adds a line of CSV.
pub(crate) fn write_csv<'c>(out: &mut impl Write, cells: impl Iterator<Item = &'c str>) -> io::Result<()> {
    let mut line = String::new();
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            line.push(',');
        }
        push_csv(&mut line, cell);
    }
    end_csv(&mut line);
    out.write_all(line.as_bytes())
}

/// A cell for a terminal, which has a picture for each control character but the end of a line.
fn without_control(cell: Cow<'_, str>) -> Cow<'_, str> {
    let is_control = |character: char| character.is_control() && character != '\n';
    if !cell.contains(is_control) {
        return cell;
    }
    let picture = |character: char| match u32::from(character) {
        _ if !is_control(character) => character,
        0x7f => '\u{2421}',
        number => char::from_u32(0x2400 + number).filter(|_| number < 0x20).unwrap_or('\u{fffd}'),
    };
    Cow::Owned(cell.chars().map(picture).collect())
}

fn push_csv(line: &mut String, cell: &str) {
    if cell.bytes().any(|byte| matches!(byte, b'"' | b',' | b'\n' | b'\r')) {
        line.extend(["\"", &cell.replace('"', "\"\""), "\""]);
    } else {
        line.push_str(cell);
    }
}

fn end_csv(line: &mut String) {
    // A line without anything would be taken for none.
    line.push_str(if line.is_empty() { "\"\"\n" } else { "\n" });
}

/// The field of a row. `place` is where it may be, and where it was found.
fn field<'r>(row: &'r Value, name: &str, place: &mut usize) -> Option<&'r Value> {
    let Value::Map(fields) = row else { return None };
    let is_it = |(key, _): &(Value, Value)| key.as_text() == Some(name);
    if !fields.get(*place).is_some_and(is_it) {
        *place = fields.iter().position(is_it)?;
    }
    Some(&fields[*place].1)
}

/// The columns of a terminal that a text takes.
fn width_of(text: &str) -> usize {
    text.width()
}

/// A text that is too wide, with dots for its end.
fn cut(text: &str) -> String {
    if width_of(text) <= MAX_WIDTH {
        return text.to_owned();
    }
    let (mut out, mut width) = (String::new(), 0);
    for character in text.chars() {
        width += character.width().unwrap_or(0);
        if width >= MAX_WIDTH {
            break;
        }
        out.push(character);
    }
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_sees_no_control_characters_and_a_file_all() {
        let column = Column { name: "a".to_owned(), kind: ValueKind::Text, is_optional: false };
        let csv = |is_terminal: bool| {
            let mut out = Vec::new();
            let mut output =
                Output { is_terminal, ..Output::new(&mut out, Format::Csv, vec![column.clone()]) };
            output.row(&Value::row([("a", "\u{1b}[31m\n\u{7f}\u{9b}é".into())])).expect("memory");
            output.finish().expect("memory");
            String::from_utf8(out).expect("text")
        };
        assert_eq!(csv(true), "a\n\"␛[31m\n␡\u{fffd}é\"\n");
        assert_eq!(csv(false), "a\n\"\u{1b}[31m\n\u{7f}\u{9b}é\"\n");
    }

    #[test]
    fn columns_are_as_wide_as_a_terminal_shows_them() {
        assert_eq!(width_of("東京"), 4);
        assert_eq!(width_of("e\u{301}"), 1);
        let cut = cut(&"東".repeat(40));
        assert_eq!((cut.chars().count(), width_of(&cut)), (30, 59));
        let column = |name: &str| Column { name: name.to_owned(), kind: ValueKind::Text, is_optional: false };
        let mut out = Vec::new();
        let mut output = Output::new(&mut out, Format::Table, vec![column("a"), column("b")]);
        for name in ["東京", "e\u{301}"] {
            let row = Value::row([("a", Value::from(name)), ("b", "x".into())]);
            output.row(&row).expect("memory");
        }
        output.finish().expect("memory");
        let text = String::from_utf8(out).expect("text");
        assert_eq!(text, "a     b\n東京  x\ne\u{301}     x\n");
    }
}
