//! `info`, `tables`, `schema`: what is there.

use std::io::Write;

use walnut::dynamic::{Description, Query, Value, ValueKind};

use crate::args::Format;
use crate::failure::Outcome;
use crate::output::{Column, Output, stdout};
use crate::session::Session;

/// Prints each table with its rows and indexes.
pub(super) fn info(session: &Session, format: Format) -> Outcome {
    let columns = [
        ("table", ValueKind::Text),
        ("rows", ValueKind::Integer),
        ("primary_key", ValueKind::Text),
        ("indexes", ValueKind::Text),
    ];
    let columns = columns.map(|(name, kind)| Column { name: name.to_owned(), kind, is_optional: false });
    let mut output = Output::to_stdout(format, columns.to_vec());
    for name in session.table_names()? {
        let table = session.table(&name)?;
        output.row(&Value::row([
            ("table", Value::from(&*name)),
            ("rows", table.rows.count(&Query::all())?.into()),
            ("primary_key", table.description.primary_key.join(", ").into()),
            ("indexes", indexes_of(&table.description).into()),
        ]))?;
    }
    output.finish()?;
    Ok(())
}

/// The indexes of a table on one line.
fn indexes_of(description: &Description) -> String {
    let index = |index: &walnut::dynamic::IndexDescription| {
        let unique = if index.unique { " unique" } else { "" };
        let state = if index.is_readable { "" } else { " (not built)" };
        let parts = if index.parts == [index.name.clone()] {
            String::new()
        } else {
            format!("({})", index.parts.join(", "))
        };
        format!("{}{parts}{unique}{state}", index.name)
    };
    description.indexes.iter().map(index).collect::<Vec<_>>().join(", ")
}

/// Prints the names of the tables.
pub(super) fn tables(session: &Session) -> Outcome {
    let mut out = stdout();
    for name in session.table_names()? {
        writeln!(out, "{name}")?;
    }
    Ok(out.flush()?)
}

/// Prints a table as the struct that would read it.
pub(super) fn schema(session: &Session, table: &str) -> Outcome {
    let description = session.table(table)?.description;
    let mut out = stdout();
    out.write_all(b"use serde::{Deserialize, Serialize};\nuse walnut::Table;\n\n")?;
    out.write_all(description.to_rust().as_bytes())?;
    if let Some(reason) = &description.read_only {
        writeln!(out, "\n// Its rows can be read here, and written by its program only: {reason}.")?;
    }
    if description.has_older_rows {
        writeln!(out, "\n// Rows of older versions may be left: `migrate_all` rewrites them.")?;
    }
    Ok(out.flush()?)
}
