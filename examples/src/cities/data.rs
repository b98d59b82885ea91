//! Reads the data file: a header line, then a city a line, its fields separated by tabs.
//!
//! 1. A line is a city if and only if it has the header's number of fields and each field has its form.
//! 2. Whatever else a line holds is a [`DataError`] that names file, line and field; nothing panics.
//! 3. Memory is bounded by [`MAX_LINE_SIZE`], however long a line is.
//!
//! It does not know whether ids or slugs repeat: that is the store's business.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::City;

/// The names of the fields, which are the first line of the file.
const FIELDS: [&str; 9] =
    ["id", "slug", "name", "country", "region", "latitude", "longitude", "population", "timezone"];

/// The longest line that is read, in bytes.
const MAX_LINE_SIZE: usize = 16 << 10;

/// An open data file: an iterator over its cities, which ends at the first fault.
#[derive(Debug)]
pub struct Data<R = BufReader<File>> {
    path: PathBuf,
    reader: R,
    size: u64,
    read: u64,
    line: u64,
    failed: bool,
}

impl Data {
    /// Opens a file and checks its header.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let fault = |error: io::Error| DataError { path: path.to_owned(), place: None, fault: error.into() };
        let file = File::open(path).map_err(fault)?;
        let size = file.metadata().map_err(fault)?.len();
        Self::new(path, size, BufReader::new(file))
    }
}

impl<R: BufRead> Data<R> {
    /// Reads `size` bytes from `reader`, called `path` in errors, and checks the header.
    pub fn new(path: &Path, size: u64, reader: R) -> Result<Self, DataError> {
        let mut data = Self { path: path.to_owned(), reader, size, read: 0, line: 0, failed: false };
        match data.next_line()? {
            Some(header) if header.split('\t').eq(FIELDS) => Ok(data),
            _ => Err(data.error(None, DataFault::Header)),
        }
    }

    /// The path given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The size of the file in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How many bytes were read so far.
    pub fn read(&self) -> u64 {
        self.read
    }

    /// The number of the line read last; the header is line 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    fn next_city(&mut self) -> Result<Option<City>, DataError> {
        let Some(line) = self.next_line()? else { return Ok(None) };
        let fields: Vec<&str> = line.split('\t').collect();
        let Ok(fields) = <[&str; FIELDS.len()]>::try_from(fields.as_slice()) else {
            return Err(self.error(None, DataFault::FieldCount(fields.len())));
        };
        city(fields).map(Some).map_err(|(field, fault)| self.error(Some(field), fault))
    }

    /// The next line without its end; `None` after the last one.
    fn next_line(&mut self) -> Result<Option<String>, DataError> {
        let mut bytes = Vec::new();
        let limit = MAX_LINE_SIZE as u64 + 1;
        let read = self.reader.by_ref().take(limit).read_until(b'\n', &mut bytes);
        self.line += 1;
        self.read += read.map_err(|error| self.error(None, error.into()))? as u64;
        if bytes.is_empty() {
            return Ok(None);
        }
        let end = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let end = end.strip_suffix(b"\r").unwrap_or(end).len();
        bytes.truncate(end);
        if bytes.len() > MAX_LINE_SIZE {
            return Err(self.error(None, DataFault::LineLength));
        }
        String::from_utf8(bytes).map(Some).map_err(|error| {
            let tabs = error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|&&b| b == b'\t');
            self.error(Some(tabs.count()), DataFault::Encoding)
        })
    }

    fn error(&self, field: Option<usize>, fault: DataFault) -> DataError {
        DataError { path: self.path.clone(), place: Some((self.line, field)), fault }
    }
}

impl<R: BufRead> Iterator for Data<R> {
    type Item = Result<City, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.next_city();
        self.failed = next.is_err();
        next.transpose()
    }
}

/// The city of these fields, or the place of the first field without its form.
fn city(fields: [&str; FIELDS.len()]) -> Result<City, (usize, DataFault)> {
    let [_, slug, name, country, region, .., timezone] = fields;
    for (place, text) in [(1, slug), (2, name), (8, timezone)] {
        if text.is_empty() {
            return Err((place, DataFault::Empty));
        }
    }
    if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err((3, DataFault::form(country, "two capital letters")));
    }
    Ok(City {
        id: number(&fields, 0)?,
        slug: slug.to_owned(),
        name: name.to_owned(),
        country: country.to_owned(),
        region: Some(region).filter(|region| !region.is_empty()).map(str::to_owned),
        latitude: degrees(&fields, 5, -90.0..=90.0)?,
        longitude: degrees(&fields, 6, -180.0..=180.0)?,
        population: number(&fields, 7)?,
        timezone: timezone.to_owned(),
    })
}

fn number(fields: &[&str], place: usize) -> Result<u32, (usize, DataFault)> {
    parse(fields, place, "a whole number below 4,294,967,296")
}

fn degrees(fields: &[&str], place: usize, range: RangeInclusive<f64>) -> Result<f64, (usize, DataFault)> {
    const FORM: &str = "a number of degrees";
    let degrees = parse(fields, place, FORM)?;
    if range.contains(&degrees) { Ok(degrees) } else { Err((place, DataFault::form(fields[place], FORM))) }
}

fn parse<T: FromStr>(fields: &[&str], place: usize, form: &'static str) -> Result<T, (usize, DataFault)> {
    fields[place].parse().map_err(|_| (place, DataFault::form(fields[place], form)))
}

/// What is wrong with a data file, and where.
#[derive(Debug)]
pub struct DataError {
    path: PathBuf,
    /// The line, and the field's place in it when it is about one field.
    place: Option<(u64, Option<usize>)>,
    fault: DataFault,
}

#[derive(Debug)]
enum DataFault {
    Io(io::Error),
    Header,
    LineLength,
    Encoding,
    FieldCount(usize),
    Empty,
    Form { found: String, form: &'static str },
}

impl DataFault {
    /// The field does not have its form; as much of it is kept as fits into a sentence.
    fn form(found: &str, form: &'static str) -> Self {
        Self::Form { found: found.chars().take(40).collect(), form }
    }
}

impl From<io::Error> for DataFault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some((line, field)) = self.place {
            write!(f, ", line {line}")?;
            if let Some(name) = field.and_then(|place| FIELDS.get(place)) {
                write!(f, ", field {name}")?;
            }
        }
        match &self.fault {
            DataFault::Io(error) => write!(f, ": cannot read it: {error}"),
            DataFault::Header => write!(f, ": the header must name the fields {}", FIELDS.join(", ")),
            DataFault::LineLength => write!(f, ": it is longer than {MAX_LINE_SIZE} bytes"),
            DataFault::Encoding => f.write_str(": it is not UTF-8"),
            DataFault::FieldCount(count) => {
                write!(f, ": the number of fields is {count} and not {}", FIELDS.len())
            }
            DataFault::Empty => f.write_str(": it is empty"),
            DataFault::Form { found, form } => write!(f, ": {found:?} is not {form}"),
        }
    }
}

impl std::error::Error for DataError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.fault {
            DataFault::Io(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;

    const LINE: &str = "7\tbern-ch\tBern\tCH\tBern\t46.94809\t7.44744\t121631\tEurope/Zurich\n";

    fn read(lines: &[u8]) -> Result<Vec<City>, String> {
        let mut bytes = FIELDS.join("\t").into_bytes();
        bytes.push(b'\n');
        bytes.extend_from_slice(lines);
        let data = Data::new(Path::new("c.tsv"), 0, &bytes[..]).map_err(|error| error.to_string())?;
        data.collect::<Result<_, _>>().map_err(|error| error.to_string())
    }

    fn fault(field: &str, value: &str) -> String {
        read(LINE.replace(field, value).as_bytes()).unwrap_err()
    }

    #[test]
    fn a_line_is_a_city() {
        let cities = read(LINE.repeat(2).as_bytes()).unwrap();
        assert_eq!(cities.len(), 2);
        assert_eq!((cities[0].id, cities[0].population), (7, 121_631));
        assert_eq!(cities[0].region.as_deref(), Some("Bern"));
        assert_eq!(read(LINE.replace("\tBern\t46", "\t\t46").as_bytes()).unwrap()[0].region, None);
        assert_eq!(read(LINE.replace('\n', "\r\n").as_bytes()).unwrap(), cities[..1]);
        assert_eq!(read(LINE.trim_end().as_bytes()).unwrap(), cities[..1]);
    }

    #[test]
    fn a_fault_names_file_line_and_field() {
        let form = "is not a whole number below 4,294,967,296";
        assert_eq!(fault("121631", "many"), format!("c.tsv, line 2, field population: \"many\" {form}"));
        assert_eq!(fault("121631", "-1"), format!("c.tsv, line 2, field population: \"-1\" {form}"));
        assert_eq!(
            fault("46.9", "96.9"),
            "c.tsv, line 2, field latitude: \"96.94809\" is not a number of degrees"
        );
        assert_eq!(
            fault("7.44744", "NaN"),
            "c.tsv, line 2, field longitude: \"NaN\" is not a number of degrees"
        );
        assert_eq!(fault("bern-ch", ""), "c.tsv, line 2, field slug: it is empty");
        assert_eq!(fault("CH", "ch"), "c.tsv, line 2, field country: \"ch\" is not two capital letters");
        assert_eq!(fault("\tEurope/Zurich", ""), "c.tsv, line 2: the number of fields is 8 and not 9");
        assert_eq!(
            read(format!("{LINE}\n").as_bytes()).unwrap_err(),
            "c.tsv, line 3: the number of fields is 1 and not 9"
        );
        assert_eq!(
            read(b"7\tbern-ch\tB\xffrn\tCH\n").unwrap_err(),
            "c.tsv, line 2, field name: it is not UTF-8"
        );
    }

    #[test]
    fn an_endless_line_is_not_read_to_its_end() {
        let data = Data::new(Path::new("c.tsv"), 0, BufReader::new(io::repeat(b'x')));
        assert_eq!(data.unwrap_err().to_string(), "c.tsv, line 1: it is longer than 16384 bytes");
    }

    #[test]
    fn a_file_without_a_header_is_refused() {
        for bytes in [&b""[..], b"\n", LINE.as_bytes()] {
            let error = Data::new(Path::new("c.tsv"), 0, bytes).unwrap_err().to_string();
            assert!(error.starts_with("c.tsv, line 1: the header must name the fields id, slug"), "{error}");
        }
    }

    #[test]
    fn nothing_comes_after_a_fault() {
        let bytes = format!("{}\nwrong\n{LINE}", FIELDS.join("\t"));
        let mut data = Data::new(Path::new("c.tsv"), 0, bytes.as_bytes()).unwrap();
        assert!(data.next().unwrap().is_err());
        assert!(data.next().is_none());
    }

    #[test]
    fn the_data_set_of_the_repository_is_whole() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/cities.tsv");
        let cities = Data::open(&path).unwrap().collect::<Result<Vec<_>, _>>().unwrap();
        assert_eq!(cities.len(), 33_961);
        assert!(cities.is_sorted_by(|a, b| a.id < b.id));
        let mut slugs: Vec<_> = cities.iter().map(|city| &city.slug).collect();
        slugs.sort_unstable();
        assert!(slugs.is_sorted_by(|a, b| a < b));
    }
}
