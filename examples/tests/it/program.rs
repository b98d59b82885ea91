//! What the tests share: running a program in a directory of its own, and looking into its database.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;
use walnut::{Database, DefaultTable};
use walnut_examples::cities::{City, Data};

/// A directory that goes away, and the program `cities` in it.
pub(crate) struct Cities {
    dir: TempDir,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Cities {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// The path of a name in the directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The program, not yet started. Its default database is in the directory.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cities"));
        command.args(args).current_dir(self.dir.path());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        ended(&self.command(args).output().unwrap())
    }

    /// Runs it and has it succeed; gives its answers.
    pub(crate) fn answers(&self, args: &[&str]) -> String {
        let ended = self.run(args);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{args:?}: {ended:?}");
        ended.out
    }

    /// Runs it and has it fail as a program should: one sentence, code 1. Gives the sentence.
    pub(crate) fn refusal(&self, args: &[&str]) -> String {
        let ended = self.run(args);
        assert_eq!(ended.code, Some(1), "{args:?}: {ended:?}");
        let sentence = ended.err.strip_prefix("error: ").and_then(|text| text.strip_suffix('\n'));
        let sentence = sentence.unwrap_or_else(|| panic!("not one sentence: {ended:?}"));
        assert!(!sentence.contains('\n'), "not one sentence: {ended:?}");
        sentence.to_owned()
    }

    /// Writes a data file.
    pub(crate) fn write_data(&self, name: &str, lines: impl Iterator<Item = String>) {
        let text: String = lines.map(|line| line + "\n").collect();
        fs::write(self.path(name), text).unwrap();
    }

    /// Opens the default database and checks that each row has its entry in every index and each entry its row.
    pub(crate) fn rows(&self) -> Vec<City> {
        let db = Database::open(self.path("cities.walnut")).unwrap();
        let rows = checked_rows(&db.table::<City>().unwrap());
        db.close().unwrap();
        rows
    }
}

/// The data set of the repository.
pub(crate) fn repository_data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/cities.tsv")
}

/// The lines of the data set: the header and the first `count` cities.
pub(crate) fn first_lines(count: usize) -> impl Iterator<Item = String> {
    let data = fs::read_to_string(repository_data()).unwrap();
    data.lines().take(count + 1).map(str::to_owned).collect::<Vec<_>>().into_iter()
}

/// A line with another text in one of its fields.
pub(crate) fn with_field(line: &str, place: usize, text: &str) -> String {
    let mut fields: Vec<&str> = line.split('\t').collect();
    fields[place] = text;
    fields.join("\t")
}

/// The cities of a data file.
pub(crate) fn read_data(path: &Path) -> Vec<City> {
    Data::open(path).unwrap().collect::<Result<_, _>>().unwrap()
}

pub(crate) fn ended(output: &Output) -> Ended {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Ended { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

fn checked_rows(cities: &DefaultTable<City>) -> Vec<City> {
    let rows: Vec<City> = cities.iter().collect::<Result<_, _>>().unwrap();
    let by = cities.by();
    for city in &rows {
        assert_eq!(by.slug.get(&city.slug).unwrap().as_ref(), Some(city));
    }
    let slugs = by.slug.range(..).entries().map(|entry| entry.unwrap().1);
    let names = by.name.range(..).entries().map(|entry| entry.unwrap());
    let populations = by.population.range(..).entries().map(|entry| entry.unwrap());
    let timezones = by.timezone.range(..).entries().map(|entry| entry.unwrap());
    let countries = by.country_population.range(..).entries().map(|entry| entry.unwrap());

    assert_eq!(sorted(slugs), sorted(rows.iter().map(|city| city.id)));
    assert_eq!(names.collect::<Vec<_>>(), sorted(rows.iter().map(|city| (city.name.clone(), city.id))));
    assert_eq!(populations.collect::<Vec<_>>(), sorted(rows.iter().map(|city| (city.population, city.id))));
    assert_eq!(
        timezones.collect::<Vec<_>>(),
        sorted(rows.iter().map(|city| (city.timezone.clone(), city.id)))
    );
    assert_eq!(
        countries.collect::<Vec<_>>(),
        sorted(rows.iter().map(|city| ((city.country.clone(), city.population), city.id)))
    );
    rows
}

fn sorted<V: Ord>(values: impl Iterator<Item = V>) -> Vec<V> {
    let mut values: Vec<V> = values.collect();
    values.sort();
    values
}
