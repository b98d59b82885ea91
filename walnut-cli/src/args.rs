//! The arguments of the command.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

/// Looks into a Walnut database, changes rows, imports, exports, verifies.
#[derive(Parser, Debug)]
#[command(
    name = "walnut",
    version,
    after_help = "Exit codes: 0 fine, 1 used wrongly, 2 cannot open, 3 damage or disagreement found, 4 refused by a constraint.\n\n\
                  Examples:\n  \
                  walnut info app.walnut\n  \
                  walnut scan app.walnut users --index city_age --prefix Paris --from 21 --rev --limit 10\n  \
                  walnut export app.walnut users --out users.csv"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// How an encrypted database is opened.
    #[command(flatten)]
    pub(crate) keys: Keys,
}

/// Where the key of an encrypted database is. A key is never an argument: those are seen by other
/// users and remembered by shells.
#[derive(ClapArgs, Debug, Default)]
pub(crate) struct Keys {
    /// The file with the key of an encrypted database: 32 bytes, or 64 hexadecimal digits.
    ///
    /// Without it the environment is asked: `WALNUT_KEY_FILE`, then `WALNUT_PASSPHRASE`; then the
    /// terminal, for a passphrase.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
}

/// What is to be done.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Say what a database holds: its tables with their rows and indexes.
    #[command(after_help = "Example: walnut info app.walnut")]
    Info(Shown),
    /// List the tables, one a line.
    #[command(after_help = "Example: walnut tables app.walnut")]
    Tables(Directory),
    /// Print a table as the Rust struct that would read it.
    #[command(after_help = "Example: walnut schema app.walnut users")]
    Schema(Named),
    /// Print a Rust struct: of a stored table, or of a CSV file, whose types are guessed.
    #[command(after_help = "Examples:\n  walnut generate app.walnut users\n  walnut generate cities.csv")]
    Generate(Generate),
    /// Print the numbers of the store: levels, log, cache, merges.
    #[command(
        after_help = "Examples:\n  walnut stats app.walnut\n  walnut stats app.walnut --watch 5   (each 5 seconds, with what has changed)"
    )]
    Stats(Stats),
    /// Print the row with a primary key, or that owns a value of a unique index.
    #[command(after_help = "Examples:\n  walnut get app.walnut users 7\n  \
                            walnut get app.walnut users --index email ann@x.org\n  \
                            walnut get app.walnut seats 3 A   (a key of two columns)")]
    Get(Get),
    /// Print rows, by the primary key or by an index.
    #[command(after_help = "Examples:\n  walnut scan app.walnut users --limit 10\n  \
                            walnut scan app.walnut users --index city_age --prefix Paris --from 21 --rev\n  \
                            walnut scan app.walnut users --where 'age > 30' --columns id,name --format csv")]
    Scan(Scan),
    /// Count rows.
    #[command(after_help = "Example: walnut count app.walnut users --index age --from 18")]
    Count(Count),
    /// Add a row that is given as JSON.
    #[command(after_help = "Example: walnut insert app.walnut users '{\"id\": 7, \"name\": \"Ann\"}'")]
    Insert(Insert),
    /// Change columns of the row with a primary key.
    #[command(after_help = "Example: walnut update app.walnut users 7 --set age=31 --set 'note=null'")]
    Update(Update),
    /// Remove the row with a primary key, or all rows that are asked for.
    #[command(after_help = "Examples:\n  walnut delete app.walnut users 7\n  \
                            walnut delete app.walnut users --index age --to 17 --all")]
    Delete(Delete),
    /// Add the rows of a file: CSV, JSON (an array) or JSON lines.
    #[command(
        after_help = "Each batch is one commit. Lines that are refused are kept apart in FILE.bad, with their numbers.\n\
                            Examples:\n  walnut import app.walnut users users.csv\n  \
                            walnut import app.walnut users users.jsonl --upsert\n  \
                            walnut import app.walnut users users.csv --skip 5000   (go on behind line 5000)"
    )]
    Import(Import),
    /// Write rows to a file or to the standard output.
    #[command(after_help = "Examples:\n  walnut export app.walnut users --out users.csv\n  \
                            walnut export app.walnut users --format jsonl | gzip > users.jsonl.gz")]
    Export(Export),
    /// Read everything and compare it: checksums, files, rows against index entries.
    #[command(after_help = "Example: walnut verify app.walnut")]
    Verify(Directory),
    /// Merge all files into one run, without what is dead.
    #[command(after_help = "Example: walnut compact app.walnut")]
    Compact(Directory),
    /// Write what is in the log to sorted files.
    #[command(after_help = "Example: walnut checkpoint app.walnut")]
    Checkpoint(Directory),
    /// Copy the database into an empty directory.
    #[command(after_help = "Example: walnut backup app.walnut /backups/monday.walnut")]
    Backup(Copy),
    /// Copy a backup into an empty directory, checked as it is read.
    #[command(after_help = "Example: walnut restore /backups/monday.walnut app.walnut")]
    Restore(Copy),
    /// Say whether a backup into a directory would succeed.
    #[command(after_help = "Example: walnut preflight app.walnut /backups/monday.walnut")]
    Preflight(Copy),
    /// Copy what is readable of a damaged database into a new one, and list what was lost.
    #[command(
        after_help = "No program may have the damaged database open. It is only read, and stays as it is.\n\
                      Exit code 3 when something was lost.\n\
                      Example: walnut repair app.walnut mended.walnut"
    )]
    Repair(Copy),
    /// Print a file of a database part by part: records, blocks, edits, with offsets and checksums.
    #[command(
        after_help = "Keys are typed where the database is beside the file. Exit code 3 when a part is damaged.\n\
                      Examples:\n  walnut dump wal app.walnut/wal-000001.log\n  \
                      walnut dump sst app.walnut/000004.sst --brief\n  \
                      walnut dump manifest app.walnut/MANIFEST-000001\n  \
                      walnut dump vlog app.walnut/000005.vlog"
    )]
    Dump(Dump),
    /// Copy the database into an empty directory, encrypted.
    #[command(after_help = "Examples:\n  walnut key create app.key\n  \
                            walnut encrypt app.walnut vault.walnut --new-key-file app.key\n  \
                            walnut scan vault.walnut users --key-file app.key")]
    Encrypt(Encrypt),
    /// Copy an encrypted database into an empty directory, without encryption.
    #[command(after_help = "Example: walnut decrypt vault.walnut app.walnut --key-file app.key")]
    Decrypt(Copy),
    /// Make a key, change the key of a database, or replace its data key.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Make the indexes of a table, or of all, agree with the rows.
    #[command(after_help = "Example: walnut sweep app.walnut users")]
    Sweep(Sweep),
    /// Type commands one after the other, with the database open.
    #[command(after_help = "Example: walnut shell app.walnut\n\
                            Within it, commands are written without the directory: scan users --limit 3")]
    Shell(Directory),
}

/// A database.
#[derive(ClapArgs, Debug)]
pub(crate) struct Directory {
    /// The directory of the database.
    pub(crate) dir: PathBuf,
}

/// A database, and the form of the output.
#[derive(ClapArgs, Debug)]
pub(crate) struct Shown {
    /// The directory of the database.
    pub(crate) dir: PathBuf,
    /// The form of the output.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
}

/// A table.
#[derive(ClapArgs, Debug)]
pub(crate) struct Named {
    /// The directory of the database.
    pub(crate) dir: PathBuf,
    /// The table.
    pub(crate) table: String,
}

/// What a struct is made of.
#[derive(ClapArgs, Debug)]
pub(crate) struct Generate {
    /// The directory of the database, or a CSV file.
    pub(crate) source: PathBuf,
    /// The table; of a CSV file, the file's name when it is left out.
    pub(crate) table: Option<String>,
}

/// Numbers of the store.
#[derive(ClapArgs, Debug)]
pub(crate) struct Stats {
    /// The directory of the database.
    pub(crate) dir: PathBuf,
    /// Again after so many seconds, until an interrupt.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2",
        value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) watch: Option<u64>,
}

/// Tables to be swept.
#[derive(ClapArgs, Debug)]
pub(crate) struct Sweep {
    /// The directory of the database.
    pub(crate) dir: PathBuf,
    /// The table; all of them when it is left out.
    pub(crate) table: Option<String>,
}

/// Two directories.
#[derive(ClapArgs, Debug)]
pub(crate) struct Copy {
    /// The directory of the database that is read.
    pub(crate) dir: PathBuf,
    /// The directory that is written; missing or empty.
    pub(crate) target: PathBuf,
}

/// One row.
#[derive(ClapArgs, Debug)]
pub(crate) struct Get {
    /// The table.
    #[command(flatten)]
    pub(crate) named: Named,
    /// The primary key, column by column; with `--index`, the value, part by part.
    #[arg(required = true, allow_negative_numbers = true)]
    pub(crate) key: Vec<String>,
    /// A unique index.
    #[arg(long)]
    pub(crate) index: Option<String>,
    /// The form of the output.
    #[arg(long, value_enum, default_value_t = Format::Json)]
    pub(crate) format: Format,
}

/// Rows.
#[derive(ClapArgs, Debug)]
pub(crate) struct Scan {
    /// The table.
    #[command(flatten)]
    pub(crate) named: Named,
    /// Which rows.
    #[command(flatten)]
    pub(crate) rows: Rows,
    /// Only these columns, in this order, divided by commas.
    #[arg(long, value_delimiter = ',')]
    pub(crate) columns: Vec<String>,
    /// The form of the output.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
}

/// The number of rows.
#[derive(ClapArgs, Debug)]
pub(crate) struct Count {
    /// The table.
    #[command(flatten)]
    pub(crate) named: Named,
    /// Which rows.
    #[command(flatten)]
    pub(crate) rows: Rows,
}

/// Which rows, and in which order.
#[derive(ClapArgs, Debug, Default)]
pub(crate) struct Rows {
    /// Go by this index instead of the primary key.
    #[arg(long)]
    pub(crate) index: Option<String>,
    /// The value of the next part of the key; may be repeated.
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) prefix: Vec<String>,
    /// What the text of the next part begins with.
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) starts_with: Option<String>,
    /// The least value of the next part.
    #[arg(long, allow_hyphen_values = true, conflicts_with = "after")]
    pub(crate) from: Option<String>,
    /// The value behind which to begin.
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) after: Option<String>,
    /// The greatest value of the next part.
    #[arg(long, allow_hyphen_values = true, conflicts_with = "before")]
    pub(crate) to: Option<String>,
    /// The value before which to end.
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) before: Option<String>,
    /// A condition such as `age > 30`, `name = Ann`, `tags ~ rust`, `note = null`; may be repeated.
    #[arg(long = "where", value_name = "CONDITION")]
    pub(crate) conditions: Vec<String>,
    /// The other way round.
    #[arg(long)]
    pub(crate) rev: bool,
    /// At most so many rows.
    #[arg(long)]
    pub(crate) limit: Option<u64>,
    /// Pass over so many rows.
    #[arg(long)]
    pub(crate) skip: Option<u64>,
}

/// A row to be added.
#[derive(ClapArgs, Debug)]
pub(crate) struct Insert {
    /// The table.
    #[command(flatten)]
    pub(crate) named: Named,
    /// The row as a JSON object.
    pub(crate) row: String,
    /// Put it in the place of a row with its primary key.
    #[arg(long)]
    pub(crate) upsert: bool,
}

/// A row to be changed.
#[derive(ClapArgs, Debug)]
pub(crate) struct Update {
    /// The table.
    #[command(flatten)]
    pub(crate) named: Named,
    /// The primary key, column by column.
    #[arg(required = true, allow_negative_numbers = true)]
    pub(crate) key: Vec<String>,
    /// A column and its new value; may be repeated.
    #[arg(long, value_name = "COLUMN=VALUE", required = true)]
    pub(crate) set: Vec<String>,
}

/// Rows to be removed.
#[derive(ClapArgs, Debug)]
pub(crate) struct Delete {
    /// The table.
    #[command(flatten)]
    pub(crate) named: Named,
    /// The primary key, column by column.
    #[arg(allow_negative_numbers = true, required_unless_present = "all", conflicts_with = "all")]
    pub(crate) key: Vec<String>,
    /// Remove all rows that are asked for, in one commit.
    #[arg(long)]
    pub(crate) all: bool,
    /// Which rows.
    #[command(flatten)]
    pub(crate) rows: Rows,
}

/// A file to be read.
#[derive(ClapArgs, Debug)]
pub(crate) struct Import {
    /// The table.
    #[command(flatten)]
    pub(crate) named: Named,
    /// The file; `-` for the standard input.
    pub(crate) file: PathBuf,
    /// The form of the file; by its name when left out.
    #[arg(long, value_enum)]
    pub(crate) format: Option<FileFormat>,
    /// Put rows in the place of those with their primary keys.
    #[arg(long)]
    pub(crate) upsert: bool,
    /// Pass over so many lines (elements of a JSON array), as an import before this one has said.
    #[arg(long, default_value_t = 0)]
    pub(crate) skip: u64,
    /// How many rows are one commit, at most 8 MiB of the file.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) batch: u32,
    /// Where refused lines go; the file's name and `.bad` when left out.
    #[arg(long)]
    pub(crate) bad: Option<PathBuf>,
    /// End at the first line that is refused; nothing of its batch is added.
    #[arg(long)]
    pub(crate) strict: bool,
}

/// A file to be written.
#[derive(ClapArgs, Debug)]
pub(crate) struct Export {
    /// The table.
    #[command(flatten)]
    pub(crate) named: Named,
    /// Which rows.
    #[command(flatten)]
    pub(crate) rows: Rows,
    /// Only these columns, in this order, divided by commas.
    #[arg(long, value_delimiter = ',')]
    pub(crate) columns: Vec<String>,
    /// The file; the standard output when left out.
    #[arg(short, long)]
    pub(crate) out: Option<PathBuf>,
    /// The form; by the file's name when left out.
    #[arg(long, value_enum)]
    pub(crate) format: Option<FileFormat>,
}

/// A copy under another key.
#[derive(ClapArgs, Debug)]
pub(crate) struct Encrypt {
    /// Both directories.
    #[command(flatten)]
    pub(crate) copy: Copy,
    /// The key of the copy.
    #[command(flatten)]
    pub(crate) new: NewKey,
}

/// Another key.
#[derive(ClapArgs, Debug)]
pub(crate) struct NewKey {
    /// The file with the new key. Without it: `WALNUT_NEW_KEY_FILE`, then `WALNUT_NEW_PASSPHRASE`
    /// of the environment; then the terminal, for a passphrase.
    #[arg(long, value_name = "FILE")]
    pub(crate) new_key_file: Option<PathBuf>,
}

/// What is done with keys.
#[derive(Subcommand, Debug)]
pub(crate) enum KeyCommand {
    /// Write a random key to a new file that only its owner can read.
    #[command(after_help = "Example: walnut key create app.key")]
    Create {
        /// The file.
        file: PathBuf,
    },
    /// Have another key open a database. Data is not rewritten.
    #[command(
        after_help = "Example: walnut key change vault.walnut --key-file old.key --new-key-file new.key"
    )]
    Change {
        /// The directory of the database.
        dir: PathBuf,
        /// The key from now on.
        #[command(flatten)]
        new: NewKey,
    },
    /// Encrypt all data anew under another data key; the key of the database stays.
    #[command(after_help = "Example: walnut key rotate vault.walnut --key-file app.key")]
    Rotate {
        /// The directory of the database.
        dir: PathBuf,
    },
}

/// A file to be printed.
#[derive(ClapArgs, Debug)]
pub(crate) struct Dump {
    /// What the file is.
    pub(crate) kind: DumpKind,
    /// The file.
    pub(crate) file: PathBuf,
    /// Only records, blocks and edits, without what is in them.
    #[arg(long)]
    pub(crate) brief: bool,
}

/// The kinds of files that are dumped.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum DumpKind {
    /// A segment of the log.
    Wal,
    /// A sorted file.
    Sst,
    /// A manifest.
    Manifest,
    /// A value file.
    Vlog,
}

/// The form of an output.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    /// Columns for people.
    Table,
    /// An array of objects.
    Json,
    /// An object a line.
    Jsonl,
    /// A header, and a row a line.
    Csv,
}

/// The form of a file.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FileFormat {
    /// An array of objects.
    Json,
    /// An object a line.
    Jsonl,
    /// A header, and a row a line.
    Csv,
}

impl Command {
    /// The directory of the database.
    pub(crate) fn dir(&self) -> &std::path::Path {
        match self {
            Self::Info(args) => &args.dir,
            Self::Tables(args)
            | Self::Verify(args)
            | Self::Compact(args)
            | Self::Checkpoint(args)
            | Self::Shell(args) => &args.dir,
            Self::Schema(args) => &args.dir,
            Self::Generate(args) => &args.source,
            Self::Stats(args) => &args.dir,
            Self::Get(args) => &args.named.dir,
            Self::Scan(args) => &args.named.dir,
            Self::Count(args) => &args.named.dir,
            Self::Insert(args) => &args.named.dir,
            Self::Update(args) => &args.named.dir,
            Self::Delete(args) => &args.named.dir,
            Self::Import(args) => &args.named.dir,
            Self::Export(args) => &args.named.dir,
            Self::Backup(args) | Self::Restore(args) | Self::Preflight(args) | Self::Repair(args) => {
                &args.dir
            }
            Self::Sweep(args) => &args.dir,
            // Not opened as a database.
            Self::Dump(args) => &args.file,
            Self::Encrypt(args) => &args.copy.dir,
            Self::Decrypt(args) => &args.dir,
            Self::Key(
                KeyCommand::Create { file: dir }
                | KeyCommand::Change { dir, .. }
                | KeyCommand::Rotate { dir },
            ) => dir,
        }
    }
}
