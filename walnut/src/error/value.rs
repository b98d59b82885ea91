//! Errors of values that do not fit the stored schema of a table.

use std::fmt;

/// A [`Value`](crate::dynamic::Value) that does not fit the place for which it was given. The text
/// names the place and what it takes, never the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueError {
    details: Box<Details>,
}

/// Apart, as errors are returned by value.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Details {
    table: String,
    path: String,
    problem: Problem,
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    /// It is of another kind than the place takes.
    Kind { takes: String, found: &'static str },
    /// It is of the right kind and has no form there.
    Range { takes: String },
    /// It is missing.
    Missing { takes: String },
    /// There is no field of this name; those that there are.
    Unknown { name: String, fields: String },
    /// It was given twice.
    Twice,
    /// It is a map, and two of its keys are stored as the same bytes.
    EqualKeys,
    /// It lies deeper than the limit.
    Depth,
}

impl ValueError {
    pub(crate) fn new(table: &str, path: &str, problem: Problem) -> Self {
        Self { details: Box::new(Details { table: table.to_owned(), path: path.to_owned(), problem }) }
    }

    /// The table's name.
    pub fn table(&self) -> &str {
        &self.details.table
    }

    /// The place: a column, or a path such as `address.city`. Empty for the row itself.
    pub fn field(&self) -> &str {
        &self.details.path
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "table `{}`: ", self.details.table)?;
        match (&*self.details.path, &self.details.problem) {
            ("", Problem::Unknown { .. }) => {}
            ("", _) => f.write_str("the row ")?,
            (path, _) => write!(f, "`{path}` ")?,
        }
        match &self.details.problem {
            Problem::Kind { takes, found } => write!(f, "is {takes}, and {found} was given"),
            Problem::Range { takes } => write!(f, "is {takes}, which cannot hold the given value"),
            Problem::Missing { takes } => write!(f, "is {takes}, and nothing was given"),
            Problem::Unknown { name, fields } if self.details.path.is_empty() => {
                write!(f, "there is no column `{name}`; there are {fields}")
            }
            Problem::Unknown { name, fields } => {
                write!(f, "has no field or variant `{name}`; it has {fields}")
            }
            Problem::Twice => f.write_str("was given twice"),
            Problem::EqualKeys => f.write_str("has a key twice"),
            Problem::Depth => f.write_str("lies too deep in other values"),
        }
    }
}
