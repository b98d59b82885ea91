//! The command line.

use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};

/// Loads a table of cities into a Walnut database, closes it, opens it again and asks it questions.
///
/// Without arguments it loads the 33,961 cities of the repository's data set into ./cities.walnut and answers
/// for France. A second run finds the rows there and gives the same answers.
#[derive(Parser, Debug)]
#[command(name = "cities", version)]
pub struct Args {
    /// The database: a directory, made when it is missing
    #[arg(long, value_name = "DIR", default_value = "cities.walnut")]
    pub db: PathBuf,

    /// The cities: a file of the form that examples/data/README.md describes
    /// [default: the repository's examples/data/cities.tsv]
    #[arg(long, value_name = "FILE", conflicts_with = "query_only")]
    pub data: Option<PathBuf>,

    /// Load, and ask nothing
    #[arg(long, conflicts_with = "query_only")]
    pub load_only: bool,

    /// Ask a database that was loaded before
    #[arg(long)]
    pub query_only: bool,

    /// How many rows are committed at once, all of them or none
    #[arg(long, value_name = "ROWS", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub batch: u32,

    /// What has happened when a batch is acknowledged
    #[arg(long, value_enum, default_value_t = Durability::Safe)]
    pub durability: Durability,

    /// The country whose largest cities are listed, in the two letters of ISO 3166-1
    #[arg(long, value_name = "CODE", default_value = "FR", value_parser = country)]
    pub country: String,

    /// How the names begin that are listed; upper and lower case differ
    #[arg(long, value_name = "TEXT", default_value = "San ")]
    pub prefix: String,

    /// The slug of the city that is looked up
    #[arg(long, value_name = "SLUG", default_value = "paris-fr")]
    pub slug: String,

    /// The fewest inhabitants of the cities that are listed by population
    #[arg(long, value_name = "N", default_value_t = 10_000_000)]
    pub min_population: u32,

    /// The most inhabitants of the cities that are listed by population
    #[arg(long, value_name = "N", default_value_t = u32::MAX, hide_default_value = true)]
    pub max_population: u32,

    /// How many rows an answer shows at most
    #[arg(long, value_name = "ROWS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub limit: u64,
}

/// What has happened when a batch is acknowledged.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// It is on the disk
    Safe,
    /// It is on the disk, and may have waited to share a sync with other commits
    Group,
    /// It is visible, and will be on the disk after the next sync
    Fast,
}

/// The repository's data file.
pub fn repository_data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/cities.tsv")
}

impl Args {
    /// The data file: the one that was named, or the repository's.
    pub fn data_path(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(repository_data)
    }

    /// [`batch`](Self::batch) as the size of a list.
    pub fn batch_size(&self) -> usize {
        self.batch as usize
    }
}

impl From<Durability> for walnut::Durability {
    fn from(durability: Durability) -> Self {
        match durability {
            Durability::Safe => Self::Safe,
            Durability::Group => Self::Group,
            Durability::Fast => Self::Fast,
        }
    }
}

fn country(text: &str) -> Result<String, &'static str> {
    if text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        Ok(text.to_ascii_uppercase())
    } else {
        Err("a country is two letters, such as FR")
    }
}
