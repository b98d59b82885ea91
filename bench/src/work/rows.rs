//! The rows of the tables: each measurement with its name, unit and what it must reach.

/// What a figure counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Things done in a second: more is better.
    Rate,
    /// Bytes: less is better.
    Bytes,
    /// Nanoseconds: less is better.
    Nanos,
}

/// A measurement.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name in JSON and in the code that measures it.
    pub name: &'static str,
    /// Its name in tables.
    pub label: &'static str,
    /// What its figures count.
    pub unit: Unit,
    /// By what factor Walnut must be ahead, where a goal was set.
    pub must: Option<f64>,
    /// The peer that the goal speaks of; the best one when it names none.
    pub of: Option<&'static str>,
}

const fn row(name: &'static str, label: &'static str, unit: Unit, must: f64) -> Row {
    Row { name, label, unit, must: Some(must), of: None }
}

const fn free(name: &'static str, label: &'static str, unit: Unit) -> Row {
    Row { name, label, unit, must: None, of: None }
}

/// All of them, in the order of the tables.
pub const ROWS: &[Row] = &[
    row("load", "bulk load with three indexes, rows", Unit::Rate, 2.0),
    row("commit", "single durable commits", Unit::Rate, 1.05).of("redb"),
    row("commit_8", "durable commits from 8 threads", Unit::Rate, 1.2),
    row("commit_1000", "durable batches of 1,000, rows", Unit::Rate, 2.0),
    row("get", "get by primary key, 1 thread", Unit::Rate, 1.5),
    row("get_2", "get by primary key, 2 threads", Unit::Rate, 1.5),
    row("get_many", "get_many of 64, rows", Unit::Rate, 4.0),
    row("get_unique", "get by unique index", Unit::Rate, 1.7),
    row("range_100", "100 rows by index range, rows", Unit::Rate, 1.5),
    free("equal_keys", "equality on an index, keys", Unit::Rate),
    free("equal_rows", "equality on an index, rows", Unit::Rate),
    row("scan", "full scan, rows", Unit::Rate, 1.2),
    row("missing", "negative look-up", Unit::Rate, 1.5),
    row("update_100", "update of an indexed field, batches of 100, rows", Unit::Rate, 1.5),
    free("get_unsettled", "get by primary key after these updates", Unit::Rate),
    row("mixed", "50/50 read and update, zipfian, 2 threads", Unit::Rate, 1.8),
    row("delete_100", "delete, batches of 100, rows", Unit::Rate, 1.5),
    free("open_clean", "open after an orderly close", Unit::Nanos),
    row("open_killed", "open after a kill", Unit::Nanos, 1.0).of("rocksdb"),
    free("size_loaded", "size on disk after the load", Unit::Bytes),
    row("size_settled", "size on disk, settled", Unit::Bytes, 1.0),
    free("memory", "peak memory of the load", Unit::Bytes),
    free("memory_rest", "memory after opening and one get", Unit::Bytes),
    free("settling_p999", "get while everything is compacted, p99.9", Unit::Nanos),
    free("settling_worst", "get while everything is compacted, worst", Unit::Nanos),
    free("stall_p999", "buffered commit of 8 writers, p99.9", Unit::Nanos),
    free("stall_worst", "buffered commit of 8 writers, worst", Unit::Nanos),
    free("stall_rate", "buffered commits of 8 writers", Unit::Rate),
    free("queue_0", "queue: one in, one out, empty", Unit::Rate),
    free("queue_1k", "queue behind 1,000", Unit::Rate),
    free("queue_100k", "queue behind 100,000", Unit::Rate),
    free("drain_front", "drain from the front, rows", Unit::Rate),
    free("drain_back", "drain from the back, rows", Unit::Rate),
    free("jobs", "jobs by an index, rows", Unit::Rate),
    free("after_removal", "first 10 rows behind what was removed", Unit::Nanos),
    free("counter", "one row updated by 1 thread", Unit::Rate),
    free("counter_2", "one row updated by 2 threads", Unit::Rate),
    free("counter_4", "one row updated by 4 threads", Unit::Rate),
    free("beside_counter", "3 rows, one updated 200,000 times", Unit::Nanos),
    free("scan_between", "write, then scan of 10 rows", Unit::Rate),
    free("ends_between", "write, then first and last", Unit::Rate),
    free("open_put_close", "open, one durable row, close", Unit::Rate),
    free("queue_2", "queue behind 1,000, 2 producers and consumers", Unit::Rate),
    free("clear_loop", "ten rows in, all removed, none left", Unit::Rate),
    free("snapshot_held", "updates under a held snapshot, batches of 100, rows", Unit::Rate),
    free("size_snapshot", "size on disk after these, settled", Unit::Bytes),
    free("remove_by_index", "removal by an index range, batches of 1,000, rows", Unit::Rate),
    free("size_removed", "size on disk after this removal, settled", Unit::Bytes),
    free("get_5x", "get by primary key, a fifth of the rows cached", Unit::Rate),
    free("tables_100", "100 tables without indexes in turn, one row a commit", Unit::Rate),
    free("load_random", "bulk load in random order, rows", Unit::Rate),
    free("get_random", "get by primary key after it, settled", Unit::Rate),
    free("scan_random", "full scan after it, settled, rows", Unit::Rate),
    free("insert_4k", "insert of 4 KiB", Unit::Rate),
    free("get_4k", "get of 4 KiB", Unit::Rate),
    free("update_4k", "update of 4 KiB", Unit::Rate),
    free("get_4k_uncached", "get of 4 KiB, a tenth of them cached", Unit::Rate),
    free("insert_100k", "insert of 100 KiB", Unit::Rate),
    free("get_100k", "get of 100 KiB", Unit::Rate),
    free("update_100k", "update of 100 KiB", Unit::Rate),
    free("get_100k_uncached", "get of 100 KiB, a tenth of them cached", Unit::Rate),
];

/// The row with a name.
pub fn row_named(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.name == name)
}

impl Row {
    const fn of(mut self, peer: &'static str) -> Self {
        self.of = Some(peer);
        self
    }

    /// By what factor `ours` is better than `theirs`.
    pub fn ratio(&self, ours: f64, theirs: f64) -> f64 {
        match self.unit {
            Unit::Rate => ours / theirs,
            Unit::Bytes | Unit::Nanos => theirs / ours,
        }
    }

    /// A figure for people.
    pub fn show(&self, value: f64) -> String {
        let scaled = |value: f64, steps: [(f64, &str); 3]| {
            let (step, name) = steps.into_iter().find(|(step, _)| value >= *step).unwrap_or(steps[2]);
            let value = value / step;
            let digits = usize::from(value < 100.0) + usize::from(value < 10.0);
            format!("{value:.digits$}{name}")
        };
        match self.unit {
            Unit::Rate => scaled(value, [(1e6, " M/s"), (1e3, " k/s"), (1.0, " /s")]),
            Unit::Bytes => scaled(value, [(1e9, " GB"), (1e6, " MB"), (1e3, " kB")]),
            Unit::Nanos => scaled(value, [(1e9, " s"), (1e6, " ms"), (1e3, " µs")]),
        }
    }
}
