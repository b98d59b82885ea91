//! `kill -9` in the middle of a load. The program reads its data from a pipe that is never closed, so that it cannot have
//! finished when it is killed.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::thread;

use crate::program::{Cities, first_lines, read_data};

const BATCH: usize = 50;

#[test]
fn a_killed_load_has_lost_nothing_that_it_acknowledged() {
    for (durability, batches) in [("safe", 1), ("safe", 40), ("group", 25), ("fast", 60)] {
        let cities = Cities::new();
        cities.write_data("data.tsv", first_lines(4_000));
        let data = read_data(&cities.path("data.tsv"));
        let acknowledged = load_and_kill(&cities, durability, batches);
        assert!(acknowledged >= batches * BATCH);

        let rows = cities.rows();
        assert!(rows.len() >= acknowledged, "{durability}: {} of {acknowledged} rows", rows.len());
        assert!(rows.len().is_multiple_of(BATCH), "{durability}: half a batch, {} rows", rows.len());
        assert_eq!(rows, data[..rows.len()], "{durability}");

        cities.answers(&["--query-only"]);
        cities.answers(&["--load-only", "--data", "data.tsv"]);
        assert_eq!(cities.rows(), data, "{durability}");
    }
}

/// Starts a load, kills it once it has acknowledged `batches`, and gives the rows that it acknowledged in all.
fn load_and_kill(cities: &Cities, durability: &str, batches: usize) -> usize {
    let batch = BATCH.to_string();
    let args = ["--data", "/dev/stdin", "--batch", &batch, "--durability", durability];
    let mut command = cities.command(&args);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let data = fs::read(cities.path("data.tsv")).unwrap();
    let feeder = thread::spawn(move || {
        // The pipe breaks when the program is killed.
        let _ = input.write_all(&data);
        input
    });
    let mut acknowledged = BufReader::new(child.stdout.take().unwrap()).lines().filter_map(|line| {
        let line = line.ok()?;
        let rows = line.trim().strip_prefix("acknowledged ")?.strip_suffix(" rows")?.replace(',', "");
        Some(rows.parse::<usize>().unwrap())
    });
    let at_least = acknowledged.nth(batches - 1).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let all = acknowledged.last().unwrap_or(at_least);
    drop(feeder.join().unwrap());
    all
}
