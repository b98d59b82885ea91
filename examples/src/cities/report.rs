//! What a person reads: titles, lines, aligned tables, times.

use std::io::{self, Write};
use std::time::{Duration, Instant};

/// Writes titles at the margin and everything else two spaces in.
pub(super) struct Report<'a> {
    out: &'a mut dyn Write,
    begun: bool,
}

impl<'a> Report<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        Self { out, begun: false }
    }

    /// Begins a new part.
    pub(super) fn title(&mut self, text: &str) -> io::Result<()> {
        if std::mem::replace(&mut self.begun, true) {
            writeln!(self.out)?;
        }
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }

    /// A line of a part. It is out of the process when this returns.
    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "  {text}")?;
        self.out.flush()
    }

    /// How long something took that began at `start`.
    pub(super) fn took(&mut self, what: &str, start: Instant) -> io::Result<()> {
        self.line(&format!("{what} in {}", seconds(start.elapsed())))
    }

    /// A table, or that there is nothing to show.
    pub(super) fn table(&mut self, table: &TextTable) -> io::Result<()> {
        if table.rows.is_empty() {
            return self.line("none");
        }
        table.lines().iter().try_for_each(|line| self.line(line))
    }
}

/// Rows of text under headings, each column as wide as its widest text.
pub(super) struct TextTable {
    headings: &'static [Heading],
    rows: Vec<Vec<String>>,
}

/// The heading of a column, and the side to which the column is aligned.
#[derive(Clone, Copy)]
pub(super) enum Heading {
    Left(&'static str),
    Right(&'static str),
}

impl Heading {
    fn text(self) -> &'static str {
        match self {
            Self::Left(text) | Self::Right(text) => text,
        }
    }
}

impl TextTable {
    pub(super) fn new(headings: &'static [Heading]) -> Self {
        Self { headings, rows: Vec::new() }
    }

    /// Adds a row, a text for each heading.
    pub(super) fn row(&mut self, texts: Vec<String>) {
        self.rows.push(texts);
    }

    fn lines(&self) -> Vec<String> {
        let headings: Vec<String> = self.headings.iter().map(|heading| heading.text().to_owned()).collect();
        let rules = self.widths().iter().map(|&width| "-".repeat(width)).collect();
        [&headings, &rules].into_iter().chain(&self.rows).map(|texts| self.aligned(texts)).collect()
    }

    fn aligned(&self, texts: &[String]) -> String {
        let mut line = String::new();
        for ((heading, width), text) in self.headings.iter().zip(self.widths()).zip(texts) {
            let space = " ".repeat(width.saturating_sub(columns(text)));
            let (before, after) = match heading {
                Heading::Left(_) => ("", space.as_str()),
                Heading::Right(_) => (space.as_str(), ""),
            };
            line.extend([before, text, after, "  "]);
        }
        line.truncate(line.trim_end().len());
        line
    }

    fn widths(&self) -> Vec<usize> {
        let width = |column: usize, heading: &Heading| {
            let texts = self.rows.iter().filter_map(|row| row.get(column)).map(String::as_str);
            texts.chain([heading.text()]).map(columns).max().unwrap_or(0)
        };
        self.headings.iter().enumerate().map(|(column, heading)| width(column, heading)).collect()
    }
}

/// The columns that a text takes on a screen: marks that stand above or below a letter take none.
fn columns(text: &str) -> usize {
    text.chars().filter(|letter| !('\u{300}'..='\u{36f}').contains(letter)).count()
}

/// A number with a comma between the thousands.
pub(super) fn thousands(number: impl Into<u64>) -> String {
    let digits = number.into().to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A duration in the unit that suits it.
pub(super) fn seconds(time: Duration) -> String {
    match time.as_micros() {
        0..1_000 => format!("{} µs", time.as_micros()),
        1_000..1_000_000 => format!("{:.1} ms", time.as_secs_f64() * 1e3),
        _ => format!("{:.2} s", time.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_have_no_trailing_spaces() {
        let mut table =
            TextTable::new(&[Heading::Left("name"), Heading::Right("people"), Heading::Left("in")]);
        table.row(vec!["Zu\u{308}rich".into(), "9".into(), "CH".into()]);
        table.row(vec!["Rom".into(), "12,345,678".into(), String::new()]);
        assert_eq!(
            table.lines(),
            [
                "name        people  in",
                "------  ----------  --",
                "Zu\u{308}rich           9  CH",
                "Rom     12,345,678"
            ]
        );
    }

    #[test]
    fn thousands_are_apart() {
        for (number, text) in [(0u64, "0"), (999, "999"), (1_000, "1,000"), (24_874_500, "24,874,500")] {
            assert_eq!(thousands(number), text);
        }
    }

    #[test]
    fn times_have_a_fitting_unit() {
        for (micros, text) in [(7, "7 µs"), (1_500, "1.5 ms"), (2_500_000, "2.50 s")] {
            assert_eq!(seconds(Duration::from_micros(micros)), text);
        }
    }
}
