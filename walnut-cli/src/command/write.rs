//! `insert`, `update`, `delete`: single rows, and all rows of a query.

use std::io::Write;

use walnut::dynamic::Value;

use crate::args::{Delete, Insert, Update};
use crate::failure::{Failure, Outcome};
use crate::json;
use crate::output::stdout;
use crate::session::Session;
use crate::text;

/// Adds a row.
pub(super) fn insert(session: &Session, args: &Insert) -> Outcome {
    let table = session.writable(&args.named.table)?;
    let row =
        json::read(&args.row).map_err(|error| Failure::Usage(format!("the row is no JSON: {error}")))?;
    if args.upsert {
        table.rows.upsert(&row)?;
    } else {
        table.rows.insert(&row)?;
    }
    Ok(())
}

/// Changes columns of a row.
pub(super) fn update(session: &Session, args: &Update) -> Outcome {
    let table = session.writable(&args.named.table)?;
    let mut changes: Vec<(String, Value)> = Vec::with_capacity(args.set.len());
    for change in &args.set {
        let Some((column, value)) = change.split_once('=') else {
            return Err(Failure::Usage(format!("`{change}` is no change; write COLUMN=VALUE")));
        };
        let column = column.trim();
        let (kind, is_optional) = table.column(column)?;
        let value = match value {
            "null" if is_optional => Value::Null,
            value => text::argument(value, kind, &format!("`{column}`"))?,
        };
        changes.push((column.to_owned(), value));
    }
    let found = table.rows.modify(table.key(&args.key)?, |row| {
        for (column, value) in &changes {
            row.set(column, value.clone());
        }
    })?;
    match found {
        Some(_) => Ok(()),
        None => Err(Failure::Refused(format!("table `{}` has no such row", args.named.table))),
    }
}

/// Removes rows.
pub(super) fn delete(session: &Session, args: &Delete) -> Outcome {
    let table = session.writable(&args.named.table)?;
    if !args.all {
        return match table.rows.remove(table.key(&args.key)?)? {
            Some(_) => Ok(()),
            None => Err(Failure::Refused(format!("table `{}` has no such row", args.named.table))),
        };
    }
    let count = table.rows.remove_all(&table.query(&args.rows)?)?;
    let mut out = stdout();
    writeln!(out, "{count}")?;
    Ok(out.flush()?)
}
