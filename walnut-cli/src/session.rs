//! The open database of a command, or of all commands of a shell.

use std::cell::{OnceCell, RefCell};
use std::path::{Path, PathBuf};

use walnut::dynamic::{Comparison, Description, DynamicTable, Query, Value, ValueKind};
use walnut::schema::Access;
use walnut::{Builder, Database, Error, Follower, KeyFault, ReadOnly, ReadWrite, Snapshot};

use crate::args::{Keys, Rows};
use crate::failure::{Failure, Outcome};
use crate::key::{self, Purpose};
use crate::nearest::did_you_mean;
use crate::text;

/// A directory, and the database in it once a command needs it.
///
/// Commands that read follow the database: they take no lock and write nothing, so that its program
/// may have it open, or open it meanwhile. Commands that write open it.
pub(crate) struct Session {
    dir: PathBuf,
    key_file: Option<PathBuf>,
    /// The options, with the key once it was given.
    options: RefCell<Option<Builder>>,
    database: OnceCell<Database>,
    follower: OnceCell<Follower>,
}

impl Session {
    /// Nothing is opened yet.
    pub(crate) fn new(dir: &Path, keys: &Keys) -> Self {
        Self {
            dir: dir.to_owned(),
            key_file: keys.key_file.clone(),
            options: RefCell::default(),
            database: OnceCell::new(),
            follower: OnceCell::new(),
        }
    }

    /// The options with which the database is opened: those of the library, and the key that was
    /// given.
    pub(crate) fn options(&self) -> Outcome<Builder> {
        if let Some(options) = &*self.options.borrow() {
            return Ok(options.clone());
        }
        let key = key::given(self.key_file.as_deref(), Purpose::Open)?;
        let options = key.into_iter().fold(Database::builder(), Builder::encryption);
        Ok(self.options.borrow_mut().insert(options).clone())
    }

    /// Opens with the options; where a key is missing, asks for a passphrase at a terminal.
    fn opened<T>(&self, open: impl Fn(&Builder) -> walnut::Result<T>) -> Outcome<T> {
        ensure_there(&self.dir)?;
        let mut opened = open(&self.options()?);
        if let Err(Error::WrongKey(KeyFault::Missing)) = opened
            && let Some(key) = key::asked(&format!("Passphrase of {}: ", self.dir.display()))?
        {
            let options = Database::builder().encryption(key);
            opened = open(&options);
            *self.options.borrow_mut() = Some(options);
        }
        opened.map_err(|error| unopened(&self.dir, error))
    }

    /// The directory as it was given.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The database for writing, which must be there: none is made.
    pub(crate) fn database(&self) -> Outcome<&Database> {
        if let Some(database) = self.database.get() {
            return Ok(database);
        }
        let database = self.opened(|options| options.open(&self.dir))?;
        Ok(self.database.get_or_init(|| database))
    }

    /// The database for reading, as it is now.
    pub(crate) fn follower(&self) -> Outcome<&Follower> {
        if let Some(follower) = self.follower.get() {
            follower.refresh()?;
            return Ok(follower);
        }
        let follower = self.opened(|options| options.follow(&self.dir))?;
        Ok(self.follower.get_or_init(|| follower))
    }

    /// The state of now.
    pub(crate) fn snapshot(&self) -> Outcome<Snapshot> {
        match self.database.get() {
            Some(database) => Ok(database.snapshot()),
            None => Ok(self.follower()?.snapshot()),
        }
    }

    /// The names of the tables, sorted.
    pub(crate) fn table_names(&self) -> Outcome<Vec<String>> {
        match self.database.get() {
            Some(database) => Ok(database.table_names()?),
            None => Ok(self.follower()?.table_names()?),
        }
    }

    /// The table of a name as it is now, for reading.
    pub(crate) fn table(&self, name: &str) -> Outcome<Table<ReadOnly>> {
        self.ensure_table(name)?;
        Table::new(self.snapshot()?.dynamic(name)?)
    }

    /// The table of a name, for writing.
    pub(crate) fn writable(&self, name: &str) -> Outcome<Table<ReadWrite>> {
        let database = self.database()?;
        self.ensure_table(name)?;
        Table::new(database.dynamic(name)?)
    }

    fn ensure_table(&self, name: &str) -> Outcome {
        let names = self.table_names()?;
        if names.iter().any(|other| other == name) {
            return Ok(());
        }
        let hint = did_you_mean(name, names.iter().map(String::as_str));
        Err(Failure::Usage(format!("there is no table `{name}`; {hint}")))
    }
}

/// An error unless there is a database in a directory: opening one would make it.
fn ensure_there(dir: &Path) -> Outcome {
    let path = dir.display();
    match dir.read_dir() {
        Ok(mut entries) => {
            if entries.next().is_none() {
                return Err(Failure::Open(format!("{path} is empty: there is no database in it")));
            }
        }
        Err(error) => return Err(Failure::Open(format!("{path} cannot be opened: {error}"))),
    }
    if !dir.join("CURRENT").exists() {
        return Err(Failure::Open(format!("{path} is not a Walnut database: it has no file CURRENT")));
    }
    Ok(())
}

/// The failure of an opening.
fn unopened(dir: &Path, error: Error) -> Failure {
    let path = dir.display();
    match error {
        Error::Locked => Failure::Open(format!(
            "{path} is open in another process, so it can be read here and not written; close it there to write"
        )),
        Error::WrongKey(KeyFault::Missing) => Failure::Open(format!(
            "{path} is encrypted; give its key with --key-file FILE, WALNUT_KEY_FILE or WALNUT_PASSPHRASE"
        )),
        Error::Corruption { .. } => {
            Failure::Damage(format!("{path} cannot be opened: {error}; restore a backup of it"))
        }
        error => Failure::Open(format!("{path} cannot be opened: {error}")),
    }
}

pub(crate) struct Table<M> {
    pub(crate) rows: DynamicTable<M>,
    pub(crate) description: Description,
}

impl<M: Access> Table<M> {
    fn new(rows: DynamicTable<M>) -> Outcome<Self> {
        let description = rows.describe()?;
        Ok(Self { rows, description })
    }

    pub(crate) fn key(&self, parts: &[String]) -> Outcome<Value> {
        let description = &self.description;
        key_of(
            parts,
            &description.key_kinds,
            &format!("the primary key ({})", description.primary_key.join(", ")),
        )
    }

    /// The kinds of the parts of an index, or of the primary key.
    fn kinds(&self, index: Option<&str>) -> Outcome<(Vec<ValueKind>, Vec<String>)> {
        let description = &self.description;
        let Some(name) = index else {
            return Ok((description.key_kinds.clone(), description.primary_key.clone()));
        };
        let Some(index) = description.index(name) else {
            let hint = did_you_mean(name, description.indexes.iter().map(|index| &*index.name));
            return Err(Failure::Usage(format!(
                "table `{}` has no index `{name}`; {hint}",
                description.name
            )));
        };
        Ok((index.kinds.clone(), index.parts.clone()))
    }

    /// The row that owns a value of a unique index.
    pub(crate) fn get_by(&self, index: &str, parts: &[String]) -> Outcome<Option<Value>> {
        let (kinds, _) = self.kinds(Some(index))?;
        if self.description.index(index).is_some_and(|index| !index.unique) {
            return Err(Failure::Usage(format!("the index `{index}` is not unique; use `scan`")));
        }
        let value = key_of(parts, &kinds, &format!("the index `{index}`"))?;
        Ok(self.rows.get_by(index, value)?)
    }

    pub(crate) fn query(&self, rows: &Rows) -> Outcome<Query> {
        let (kinds, names) = self.kinds(rows.index.as_deref())?;
        let mut query = rows.index.as_ref().map_or_else(Query::all, Query::index);
        let mut parts = kinds.iter().zip(&names);
        let too_many =
            || Failure::Usage(format!("the key has only {} parts: {}", names.len(), names.join(", ")));
        for prefix in &rows.prefix {
            let (&kind, name) = parts.next().ok_or_else(too_many)?;
            query = query.prefix(text::argument(prefix, kind, &format!("`{name}`"))?);
        }
        if let Some(start) = &rows.starts_with {
            query = query.starts_with(&**start);
        }
        let has_bound = [&rows.from, &rows.after, &rows.to, &rows.before].iter().any(|bound| bound.is_some());
        if has_bound {
            let (&kind, name) = parts.next().ok_or_else(too_many)?;
            let what = format!("`{name}`");
            let value = |bound: &Option<String>| {
                bound.as_deref().map(|bound| text::argument(bound, kind, &what)).transpose()
            };
            if let Some(bound) = value(&rows.from)? {
                query = query.from(bound);
            }
            if let Some(bound) = value(&rows.after)? {
                query = query.after(bound);
            }
            if let Some(bound) = value(&rows.to)? {
                query = query.to(bound);
            }
            if let Some(bound) = value(&rows.before)? {
                query = query.before(bound);
            }
        }
        for condition in &rows.conditions {
            let (column, comparison, value) = self.condition(condition)?;
            query = query.matching(column, comparison, value);
        }
        if rows.rev {
            query = query.rev();
        }
        if let Some(skip) = rows.skip {
            query = query.skip(skip);
        }
        Ok(rows.limit.into_iter().fold(query, Query::limit))
    }

    pub(crate) fn column(&self, name: &str) -> Outcome<(ValueKind, bool)> {
        column(&self.description, name)
    }

    /// The names of the columns that are asked for; all when none is.
    pub(crate) fn columns(&self, wanted: &[String]) -> Outcome<Vec<String>> {
        if wanted.is_empty() {
            return Ok(self.description.columns.iter().map(|column| column.name.clone()).collect());
        }
        for name in wanted {
            self.column(name)?;
        }
        Ok(wanted.to_vec())
    }

    fn condition(&self, text: &str) -> Outcome<(String, Comparison, Value)> {
        /// Longer signs come before those that they begin with.
        const SIGNS: [(&str, Comparison); 8] = [
            ("!=", Comparison::Unequal),
            ("<=", Comparison::AtMost),
            (">=", Comparison::AtLeast),
            ("==", Comparison::Equal),
            ("=", Comparison::Equal),
            ("<", Comparison::Below),
            (">", Comparison::Above),
            ("~", Comparison::Contains),
        ];
        let first = SIGNS.iter().filter_map(|(sign, comparison)| Some((text.find(sign)?, sign, comparison)));
        let Some((at, sign, &comparison)) = first.min_by_key(|(at, sign, _)| (*at, usize::MAX - sign.len()))
        else {
            return Err(Failure::Usage(format!(
                "`{text}` is no condition; write a column, one of = != < <= > >= ~, and a value"
            )));
        };
        let (column, value) = (text[..at].trim(), text[at + sign.len()..].trim());
        let (kind, _) = self.column(column)?;
        let value = if comparison == Comparison::Contains && kind == ValueKind::Compound {
            crate::json::read(value).unwrap_or_else(|_| Value::from(value))
        } else {
            text::condition(value, kind, &format!("`{column}`"))?
        };
        Ok((column.to_owned(), comparison, value))
    }
}

/// A column that a table has: its kind, and whether it may miss a value.
pub(crate) fn column(table: &Description, name: &str) -> Outcome<(ValueKind, bool)> {
    if let Some(column) = table.column(name) {
        return Ok((column.kind, column.is_optional));
    }
    let hint = did_you_mean(name, table.columns.iter().map(|column| &*column.name));
    Err(Failure::Usage(format!("table `{}` has no column `{name}`; {hint}", table.name)))
}

fn key_of(parts: &[String], kinds: &[ValueKind], what: &str) -> Outcome<Value> {
    if parts.len() != kinds.len() {
        return Err(Failure::Usage(format!(
            "{what} has {} parts, and {} were given",
            kinds.len(),
            parts.len()
        )));
    }
    let values = parts.iter().zip(kinds).map(|(part, &kind)| text::argument(part, kind, what));
    let mut values: Vec<Value> = values.collect::<Outcome<_>>()?;
    Ok(if values.len() == 1 { values.remove(0) } else { Value::List(values) })
}
