//! The main job on the data set of the repository.

use crate::program::{Cities, first_lines, read_data, repository_data, with_field};

#[test]
fn the_main_job_gives_the_same_answers_on_the_same_directory() {
    let cities = Cities::new();
    let first = cities.answers(&[]);
    assert!(first.contains("  33,961 new, 0 changed, 0 unchanged\n"), "{first}");
    let second = cities.answers(&[]);
    assert!(second.contains("  0 new, 0 changed, 33,961 unchanged\n"), "{second}");
    assert_eq!(questions(&first), questions(&second));
    assert_eq!(cities.rows(), read_data(&repository_data()));
    assert_eq!(questions(&cities.answers(&["--query-only"])), questions(&first));
}

#[test]
fn the_answers_are_right() {
    let cities = Cities::new();
    cities.write_data("asked.tsv", first_lines(usize::MAX - 1).filter(|line| is_asked_for(line)));
    let answers = cities.answers(&["--data", "asked.tsv", "--limit", "3", "--min-population", "15000000"]);
    let expected = [
        "The 3 largest cities of FR",
        "  by().country_population.prefix(\"FR\").rev().limit(3)",
        "  name       country  region                      population  time zone",
        "  ---------  -------  --------------------------  ----------  ------------",
        "  Paris      FR       Île-de-France                2,138,551  Europe/Paris",
        "  Marseille  FR       Provence-Alpes-Côte d'Azur     877,215  Europe/Paris",
        "  Lyon       FR       Auvergne-Rhône-Alpes           520,774  Europe/Paris",
        "",
        "354 names begin with \"San \"; the first 3",
        "  by().name.starts_with(\"San \").limit(3)",
    ];
    let answers = questions(&answers);
    assert_eq!(answers[2..2 + expected.len()], expected);
    for line in [
        "7 cities have 15,000,000 or more inhabitants; the largest 3",
        "  Shanghai  CN       Shanghai   24,874,500  Asia/Shanghai",
        "  id 2988507, at 48.85341 north, 2.34880 east",
        "  country_population    1,066",
        "FR has 692 cities",
        "If Nice had 2,138,552 inhabitants",
        "  before    Paris, Marseille, Lyon, Toulouse, Nice",
        "  after     Nice, Paris, Marseille, Lyon, Toulouse",
        "  restored  Paris, Marseille, Lyon, Toulouse, Nice",
        "  table `cities`: another row has the same value in unique `slug`",
        "  its owner is the city 2988507",
    ] {
        assert!(answers.iter().any(|answer| answer == line), "{line:?} is missing in {answers:#?}");
    }
}

#[test]
fn other_files_and_other_questions_can_be_given() {
    let cities = Cities::new();
    cities.write_data("few.tsv", first_lines(500));
    let loaded = cities.answers(&["--data", "few.tsv", "--db", "few.walnut", "--load-only", "--batch", "64"]);
    assert!(loaded.contains("  acknowledged 64 rows\n") && loaded.contains("  500 new,"), "{loaded}");
    assert!(!loaded.contains("largest"), "{loaded}");

    let args =
        ["--db", "few.walnut", "--query-only", "--country", "so", "--prefix", "Mog", "--slug", "no-such"];
    let answers = questions(&cities.answers(&args));
    assert!(answers.iter().any(|line| line == "The 10 largest cities of SO"), "{answers:#?}");
    assert!(answers.iter().any(|line| line.starts_with("  Mogadishu ")), "{answers:#?}");
    let slug = answers.iter().position(|line| line == "The city with the slug \"no-such\"").unwrap();
    assert_eq!(answers[slug + 2], "  none");
}

#[test]
fn changed_rows_are_told_from_new_ones() {
    let cities = Cities::new();
    cities.write_data("old.tsv", first_lines(100));
    cities.answers(&["--data", "old.tsv", "--load-only"]);
    let moved = |(place, line): (usize, String)| match place {
        50 => with_field(&line, 8, "Europe/Paris"),
        _ => line,
    };
    cities.write_data("new.tsv", first_lines(120).enumerate().map(moved));
    let loaded = cities.answers(&["--data", "new.tsv", "--load-only"]);
    assert!(loaded.contains("  20 new, 1 changed, 99 unchanged\n"), "{loaded}");
    assert_eq!(cities.rows(), read_data(&cities.path("new.tsv")));
}

#[test]
fn the_help_names_every_argument() {
    let help = Cities::new().answers(&["--help"]);
    for name in [
        "--db",
        "--data",
        "--load-only",
        "--query-only",
        "--batch",
        "--durability",
        "--country",
        "--prefix",
        "--slug",
        "--min-population",
        "--max-population",
        "--limit",
    ] {
        assert!(help.contains(name), "{name} is missing in {help}");
    }
}

/// Whether a line has an answer to the questions that are asked without arguments; or is the header.
fn is_asked_for(line: &str) -> bool {
    let fields: Vec<&str> = line.split('\t').collect();
    fields[0] == "id" || fields[2].starts_with("San ") || fields[3] == "FR" || fields[7].len() >= 8
}

/// The lines from the opening on, without the times.
fn questions(answers: &str) -> Vec<String> {
    let lines = answers.lines().skip_while(|line| !line.starts_with("Opened "));
    lines.map(|line| line.split("  [").next().unwrap_or(line).to_owned()).collect()
}
