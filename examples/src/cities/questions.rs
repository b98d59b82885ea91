//! The questions, each with the call that answers it and how long the store took.

use std::time::{Duration, Instant};

use walnut::{DefaultTable, Error};

use super::report::Heading::{Left, Right};
use super::report::{Report, TextTable, seconds, thousands};
use super::{Args, City, Failure};

/// Asks everything, in the order of this file.
pub(super) fn ask_all(
    cities: &DefaultTable<City>,
    args: &Args,
    report: &mut Report<'_>,
) -> Result<(), Failure> {
    largest(cities, args, report)?;
    names(cities, args, report)?;
    look_up(cities, args, report)?;
    populations(cities, args, report)?;
    counts(cities, args, report)?;
    move_entry(cities, args, report)?;
    refuse_duplicate(cities, args, report)
}

/// A composite index, read backward.
fn largest(cities: &DefaultTable<City>, args: &Args, report: &mut Report<'_>) -> Result<(), Failure> {
    let (country, limit) = (args.country.as_str(), args.limit);
    let (rows, time) =
        timed(|| cities.by().country_population.prefix(country).rev().limit(limit).collect_vec())?;
    title(report, &format!("The {limit} largest cities of {country}"), time)?;
    report.line(&format!("by().country_population.prefix({country:?}).rev().limit({limit})"))?;
    report.table(&city_table(&rows))?;
    Ok(())
}

/// The beginning of a text.
fn names(cities: &DefaultTable<City>, args: &Args, report: &mut Report<'_>) -> Result<(), Failure> {
    let (prefix, limit) = (args.prefix.as_str(), args.limit);
    let (rows, time) = timed(|| cities.by().name.starts_with(prefix).limit(limit).collect_vec())?;
    let count = thousands(cities.by().name.starts_with(prefix).count()?);
    title(report, &format!("{count} names begin with {prefix:?}; the first {}", rows.len()), time)?;
    report.line(&format!("by().name.starts_with({prefix:?}).limit({limit})"))?;
    report.table(&city_table(&rows))?;
    Ok(())
}

/// A unique index.
fn look_up(cities: &DefaultTable<City>, args: &Args, report: &mut Report<'_>) -> Result<(), Failure> {
    let slug = args.slug.as_str();
    let (city, time) = timed(|| cities.by().slug.get(slug))?;
    title(report, &format!("The city with the slug {slug:?}"), time)?;
    report.line(&format!("by().slug.get({slug:?})"))?;
    let Some(city) = city else { return Ok(report.line("none")?) };
    report.table(&city_table(std::slice::from_ref(&city)))?;
    report.line(&format!("id {}, at {:.5} north, {:.5} east", city.id, city.latitude, city.longitude))?;
    Ok(())
}

/// A range.
fn populations(cities: &DefaultTable<City>, args: &Args, report: &mut Report<'_>) -> Result<(), Failure> {
    let (least, most, limit) = (args.min_population, args.max_population, args.limit);
    let (rows, time) = timed(|| cities.by().population.range(least..=most).rev().limit(limit).collect_vec())?;
    let count = thousands(cities.by().population.range(least..=most).count()?);
    let (from, to) = (thousands(least), thousands(most));
    let (span, range) = match most {
        u32::MAX => (format!("{from} or more"), format!("{least}..")),
        _ => (format!("{from} to {to}"), format!("{least}..={most}")),
    };
    title(report, &format!("{count} cities have {span} inhabitants; the largest {}", rows.len()), time)?;
    report.line(&format!("by().population.range({range}).rev().limit({limit})"))?;
    report.table(&city_table(&rows))?;
    Ok(())
}

/// Counting reads index entries only. Every row has one entry in each index, so the counts must agree.
fn counts(cities: &DefaultTable<City>, args: &Args, report: &mut Report<'_>) -> Result<(), Failure> {
    let start = Instant::now();
    let rows = cities.len()?;
    let by = cities.by();
    let indexes = [
        ("country_population", by.country_population.range(..).count()?),
        ("slug", by.slug.range(..).count()?),
        ("name", by.name.range(..).count()?),
        ("population", by.population.range(..).count()?),
        ("timezone", by.timezone.range(..).count()?),
    ];
    title(report, &format!("Entries of each index, for {} rows", thousands(rows)), start.elapsed())?;
    report.line("by().name.range(..).count(), and so on")?;
    let mut table = TextTable::new(&[Left("index"), Right("entries")]);
    for (index, entries) in indexes {
        table.row(vec![index.to_owned(), thousands(entries)]);
        if entries != rows {
            return Err(Failure::Count { index, entries, rows });
        }
    }
    report.table(&table)?;
    count_of_country(cities, args, report)
}

fn count_of_country(
    cities: &DefaultTable<City>,
    args: &Args,
    report: &mut Report<'_>,
) -> Result<(), Failure> {
    let country = args.country.as_str();
    let (count, time) = timed(|| cities.by().country_population.prefix(country).count())?;
    title(report, &format!("{country} has {} cities", thousands(count)), time)?;
    report.line(&format!("by().country_population.prefix({country:?}).count()"))?;
    Ok(())
}

/// An update moves the row's entry in the index; a second one moves it back, so that runs repeat.
fn move_entry(cities: &DefaultTable<City>, args: &Args, report: &mut Report<'_>) -> Result<(), Failure> {
    let country = args.country.as_str();
    let top = || cities.by().country_population.prefix(country).rev().limit(5).collect_vec();
    let before = top()?;
    let [first, .., last] = before.as_slice() else { return Ok(()) };
    let larger = first.population.saturating_add(1);
    let (_, time) = timed(|| cities.modify(last.id, |city| city.population = larger))?;
    let after = top()?;
    cities.modify(last.id, |city| city.population = last.population)?;
    let restored = top()?;
    title(report, &format!("If {} had {} inhabitants", last.name, thousands(larger)), time)?;
    report.line(&format!("modify({}, |city| city.population = {larger})", last.id))?;
    for (when, rows) in [("before", &before), ("after", &after), ("restored", &restored)] {
        let names: Vec<&str> = rows.iter().map(|city| city.name.as_str()).collect();
        report.line(&format!("{when:<8}  {}", names.join(", ")))?;
    }
    Ok(())
}

/// A second owner of a unique value is refused, and the first one is named.
fn refuse_duplicate(
    cities: &DefaultTable<City>,
    args: &Args,
    report: &mut Report<'_>,
) -> Result<(), Failure> {
    let Some(owner) = cities.by().slug.get(&args.slug)? else { return Ok(()) };
    let free = cities.iter().last()?.and_then(|city| city.id.checked_add(1));
    let Some(id) = free else { return Ok(()) };
    let start = Instant::now();
    let inserted = cities.insert(&City { id, ..owner.clone() });
    let time = start.elapsed();
    match inserted {
        Err(Error::UniqueViolation(violation)) => {
            title(report, &format!("Another city with the slug {:?} is refused", owner.slug), time)?;
            report.line(&format!("insert(&City {{ id: {id}, slug: {:?}, .. }})", owner.slug))?;
            report.line(&violation.to_string())?;
            let id = violation.owner::<City>().map_or_else(|| "unknown".to_owned(), |id| id.to_string());
            report.line(&format!("its owner is the city {id}"))?;
            Ok(())
        }
        Err(error) => Err(error.into()),
        Ok(()) => Err(Failure::DuplicateAccepted),
    }
}

fn timed<R>(ask: impl FnOnce() -> Result<R, Error>) -> Result<(R, Duration), Error> {
    let start = Instant::now();
    let answer = ask()?;
    Ok((answer, start.elapsed()))
}

fn title(report: &mut Report<'_>, text: &str, time: Duration) -> std::io::Result<()> {
    report.title(&format!("{text}  [{}]", seconds(time)))
}

fn city_table(cities: &[City]) -> TextTable {
    let mut table = TextTable::new(&[
        Left("name"),
        Left("country"),
        Left("region"),
        Right("population"),
        Left("time zone"),
    ]);
    for city in cities {
        table.row(vec![
            city.name.clone(),
            city.country.clone(),
            city.region.clone().unwrap_or_else(|| "-".to_owned()),
            thousands(city.population),
            city.timezone.clone(),
        ]);
    }
    table
}
