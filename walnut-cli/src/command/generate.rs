//! `generate`: a Rust struct, of a stored table or of a CSV file.
//!
//! The types of a CSV file are guessed of its first rows: what every value of a column can be. A
//! number with a leading zero is text, as it would not come back as it was.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use super::show;
use crate::args::Generate;
use crate::failure::{Failure, Outcome};
use crate::output::stdout;
use crate::session::Session;

/// The rows of which types are guessed.
const MAX_ROWS: usize = 10_000;

/// The bytes of a file of which types are guessed.
const MAX_SIZE: u64 = 16 << 20;

/// Words that cannot be names in Rust.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static",
    "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual",
    "where", "while", "yield",
];

/// Prints a struct.
pub(super) fn generate(session: &Session, args: &Generate) -> Outcome {
    if !args.source.is_file() {
        let Some(table) = &args.table else {
            return Err(Failure::Usage("which table? write `walnut generate DIR TABLE`".to_owned()));
        };
        return show::schema(session, table);
    }
    let file = File::open(&args.source).map_err(|error| Failure::file(&args.source, &error))?;
    let columns = guess(file, &args.source)?;
    let stem = args.source.file_stem().and_then(|stem| stem.to_str()).unwrap_or("rows");
    let table = identifier(args.table.as_deref().unwrap_or(stem));
    let mut out = stdout();
    out.write_all(to_rust(&table, &columns).as_bytes())?;
    Ok(out.flush()?)
}

/// A column of a CSV file, and what its values are so far.
#[derive(Debug)]
struct GuessedColumn {
    name: String,
    /// Whether some value is missing, and whether some is there.
    misses: bool,
    has_any: bool,
    /// What every value so far is, the narrowest first; text, when none is left.
    types: Vec<GuessedType>,
    /// Its values, as long as no two are equal.
    distinct: Option<HashSet<String>>,
}

/// A type that the values of a column may have.
#[derive(Clone, Copy, Debug)]
enum GuessedType {
    Bool,
    Unsigned,
    Signed,
    Float,
}

impl GuessedType {
    fn holds(self, cell: &str) -> bool {
        let digits = cell.strip_prefix('-').unwrap_or(cell);
        let is_number = digits.starts_with(|first: char| first.is_ascii_digit())
            && (!digits.starts_with('0') || cell == "0" || digits.starts_with("0."));
        match self {
            Self::Bool => cell == "true" || cell == "false",
            Self::Unsigned => is_number && cell.parse::<u64>().is_ok(),
            Self::Signed => is_number && cell.parse::<i64>().is_ok(),
            Self::Float => is_number && cell.parse::<f64>().is_ok_and(f64::is_finite),
        }
    }
}

impl GuessedColumn {
    fn new(name: &str) -> Self {
        let types = vec![GuessedType::Bool, GuessedType::Unsigned, GuessedType::Signed, GuessedType::Float];
        let distinct = Some(HashSet::new());
        Self { name: name.trim().to_owned(), misses: false, has_any: false, types, distinct }
    }

    fn add(&mut self, cell: &str) {
        if cell.is_empty() {
            (self.misses, self.distinct) = (true, None);
            return;
        }
        self.has_any = true;
        self.types.retain(|guess| guess.holds(cell));
        if self.distinct.as_mut().is_some_and(|distinct| !distinct.insert(cell.to_owned())) {
            self.distinct = None;
        }
    }

    /// The type without `Option`.
    fn bare_type(&self) -> &'static str {
        match self.types.first() {
            _ if !self.has_any => "String",
            Some(GuessedType::Bool) => "bool",
            Some(GuessedType::Unsigned) => "u64",
            Some(GuessedType::Signed) => "i64",
            Some(GuessedType::Float) => "f64",
            None => "String",
        }
    }

    /// Whether it may be the primary key, as far as its rows tell.
    fn is_key(&self) -> bool {
        self.has_any && self.distinct.is_some() && !matches!(self.bare_type(), "bool" | "f64")
    }
}

fn guess(file: impl Read, path: &Path) -> Outcome<Vec<GuessedColumn>> {
    let broken = |error: csv::Error| Failure::Open(format!("{}: {error}", path.display()));
    let mut text = Vec::new();
    file.take(MAX_SIZE).read_to_end(&mut text).map_err(|error| Failure::file(path, &error))?;
    let is_cut = text.len() as u64 == MAX_SIZE;
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text);
    let header = reader.headers().map_err(broken)?.clone();
    if header.iter().all(|name| name.trim().is_empty()) {
        return Err(Failure::Usage(format!("{} has no header of columns", path.display())));
    }
    let mut columns: Vec<GuessedColumn> = header.iter().map(GuessedColumn::new).collect();
    let mut records = Vec::new();
    for record in reader.byte_records().take(MAX_ROWS) {
        records.push(record.map_err(broken)?);
    }
    if is_cut {
        // The last one may be a part.
        records.pop();
    }
    for record in records.iter().filter(|record| record.len() == header.len()) {
        for (column, cell) in columns.iter_mut().zip(record) {
            column.add(&String::from_utf8_lossy(cell));
        }
    }
    Ok(columns)
}

fn to_rust(table: &str, columns: &[GuessedColumn]) -> String {
    let named_id = columns.iter().position(|column| column.is_key() && identifier(&column.name) == "id");
    let key = named_id.or_else(|| columns.iter().position(GuessedColumn::is_key));
    let mut out = String::from("use serde::{Deserialize, Serialize};\nuse walnut::Table;\n\n");
    out.push_str("#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]\n");
    // Writing to a text does not fail.
    let _ = writeln!(out, "#[table(name = \"{table}\")]\nstruct {} {{", struct_name(table));
    let mut names = HashSet::new();
    for (at, column) in columns.iter().enumerate() {
        let mut name = identifier(&column.name);
        while !names.insert(name.clone()) {
            name.push('_');
        }
        if name != column.name {
            let _ = writeln!(
                out,
                "    // In the header `{}`: call it `{name}` there to import it.",
                column.name.escape_debug()
            );
        }
        if key.unwrap_or(0) == at {
            if key.is_none() {
                out.push_str(
                    "    // No column has a value of its own in each row: choose the columns of the key.\n",
                );
            }
            out.push_str("    #[primary_key]\n");
        }
        let name = if KEYWORDS.contains(&&*name) { format!("r#{name}") } else { name };
        let is_optional = (column.misses || !column.has_any) && key.unwrap_or(0) != at;
        let (open, close) = if is_optional { ("Option<", ">") } else { ("", "") };
        let _ = writeln!(out, "    {name}: {open}{}{close},", column.bare_type());
    }
    out.push_str("}\n");
    out
}

/// A name of Rust that is near to a name.
fn identifier(name: &str) -> String {
    let mut out = String::new();
    for character in name.trim().chars() {
        if character.is_alphanumeric() {
            out.extend(character.to_lowercase());
        } else if !out.ends_with('_') {
            out.push('_');
        }
    }
    let is_name = out.starts_with(|first: char| first.is_alphabetic() || first == '_') && out != "_";
    match &*out {
        // These cannot be names, not even behind `r#`.
        "self" | "super" | "crate" => format!("{out}_"),
        _ if is_name => out,
        _ => format!("column_{}", out.trim_matches('_')),
    }
}

/// `cities` as `City`, `order_lines` as `OrderLine`.
fn struct_name(table: &str) -> String {
    let mut out = String::new();
    for part in table.split('_') {
        let mut characters = part.chars();
        out.extend(characters.next().into_iter().flat_map(char::to_uppercase));
        out.push_str(characters.as_str());
    }
    let singular = match out.strip_suffix("ies") {
        Some(stem) if stem.len() > 1 => format!("{stem}y"),
        _ if out.ends_with("ss") => out,
        _ => out.strip_suffix('s').filter(|stem| stem.len() > 1).map_or(out.clone(), str::to_owned),
    };
    if singular.is_empty() { "Row".to_owned() } else { singular }
}
