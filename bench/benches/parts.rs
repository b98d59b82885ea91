//! The parts of the store, each by itself: see bench/README.md.
#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on has failed")]

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use walnut::__measure::{
    MeasuredBlock, MeasuredFilter, MeasuredLog, MeasuredMemtable, decode_key, encode_key,
};
use walnut::__private::TableMapper;

#[path = "../src/account.rs"]
#[allow(dead_code, reason = "the benchmark uses the rest")]
mod account;
#[path = "../src/random.rs"]
#[allow(dead_code, reason = "the benchmark uses the rest")]
mod random;

use account::Account;
use random::mix;

fn main() {
    divan::main();
}

/// Rows in what is walked over and looked up in.
const ROWS: u64 = 10_000;
/// Rows of 175 bytes in a block of 8 KiB.
const BLOCK_ROWS: u64 = 44;
/// Memtables that are merged.
const RUNS: u64 = 4;

fn key(number: u64) -> Vec<u8> {
    encode_key(&mix(number)).unwrap()
}

fn value(number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    Account::numbered(number).encode_row(&mut bytes).unwrap();
    bytes
}

/// Keys and values, in no order.
fn entries(numbers: std::ops::Range<u64>) -> Vec<(Vec<u8>, Vec<u8>)> {
    numbers.map(|number| (key(number), value(number))).collect()
}

/// Gives one thing after the other, again and again.
fn in_turn<'t, T>(things: &'t [T]) -> impl FnMut() -> &'t T {
    let mut turns = things.iter().cycle();
    move || turns.next().unwrap()
}

mod codec {
    use super::{Account, Bencher, TableMapper, decode_key, encode_key, value};

    type Pair = (String, u64);

    fn pair() -> Pair {
        ("Paris".to_owned(), 75_000)
    }

    #[divan::bench]
    fn encode_a_number_key() -> Vec<u8> {
        encode_key(divan::black_box(&7_u64)).unwrap()
    }

    #[divan::bench]
    fn encode_a_pair_key(bencher: Bencher<'_, '_>) {
        let pair = pair();
        bencher.bench_local(|| encode_key(divan::black_box(&pair)).unwrap());
    }

    #[divan::bench]
    fn decode_a_pair_key(bencher: Bencher<'_, '_>) {
        let bytes = encode_key(&pair()).unwrap();
        bencher.bench_local(|| decode_key::<Pair>(divan::black_box(&bytes)).unwrap());
    }

    #[divan::bench]
    fn encode_a_row(bencher: Bencher<'_, '_>) {
        let row = Account::numbered(1);
        bencher.bench_local(|| {
            let mut bytes = Vec::with_capacity(256);
            divan::black_box(&row).encode_row(&mut bytes).unwrap();
            bytes
        });
    }

    #[divan::bench]
    fn decode_a_row(bencher: Bencher<'_, '_>) {
        let bytes = value(1);
        bencher.bench_local(|| Account::decode_row(divan::black_box(&bytes)).unwrap());
    }
}

mod block {
    use super::{BLOCK_ROWS, Bencher, ItemsCount, MeasuredBlock, entries, in_turn};

    fn sorted() -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut entries = entries(0..BLOCK_ROWS);
        entries.sort();
        entries
    }

    fn payload(entries: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
        MeasuredBlock::build(entries.iter().map(|(key, value)| (&**key, &**value)))
    }

    #[divan::bench]
    fn build(bencher: Bencher<'_, '_>) {
        let entries = sorted();
        bencher.counter(ItemsCount::new(BLOCK_ROWS)).bench_local(|| payload(&entries));
    }

    #[divan::bench]
    fn open(bencher: Bencher<'_, '_>) {
        let payload = payload(&sorted());
        bencher
            .counter(ItemsCount::new(BLOCK_ROWS))
            .with_inputs(|| payload.clone())
            .bench_local_values(|payload| MeasuredBlock::open(payload).unwrap());
    }

    #[divan::bench]
    fn get(bencher: Bencher<'_, '_>) {
        let entries = sorted();
        let block = MeasuredBlock::open(payload(&entries)).unwrap();
        let mut next = in_turn(&entries);
        bencher.bench_local(|| block.get(&next().0).unwrap());
    }

    #[divan::bench]
    fn seek(bencher: Bencher<'_, '_>) {
        let entries = sorted();
        let block = MeasuredBlock::open(payload(&entries)).unwrap();
        let mut next = in_turn(&entries);
        bencher.bench_local(|| block.seek(&next().0));
    }
}

mod filter {
    use super::{Bencher, ItemsCount, MeasuredFilter, ROWS, in_turn, key};

    fn keys(numbers: std::ops::Range<u64>) -> Vec<Vec<u8>> {
        numbers.map(key).collect()
    }

    fn filter(keys: &[Vec<u8>]) -> MeasuredFilter {
        MeasuredFilter::build(keys.iter().map(|key| &**key))
    }

    #[divan::bench]
    fn build(bencher: Bencher<'_, '_>) {
        let keys = keys(0..ROWS);
        bencher.counter(ItemsCount::new(ROWS)).bench_local(|| filter(&keys));
    }

    #[divan::bench]
    fn deny(bencher: Bencher<'_, '_>) {
        let (filter, absent) = (filter(&keys(0..ROWS)), keys(ROWS..2 * ROWS));
        let mut next = in_turn(&absent);
        bencher.bench_local(|| filter.may_contain(next()));
    }
}

mod memtable {
    use super::{Bencher, ItemsCount, MeasuredMemtable, ROWS, entries, in_turn};

    pub(super) fn filled(entries: &[(Vec<u8>, Vec<u8>)]) -> MeasuredMemtable {
        let memory = MeasuredMemtable::default();
        for (key, value) in entries {
            memory.insert(key, value);
        }
        memory
    }

    #[divan::bench]
    fn insert(bencher: Bencher<'_, '_>) {
        let entries = entries(0..ROWS);
        bencher.counter(ItemsCount::new(ROWS)).bench_local(|| filled(&entries));
    }

    #[divan::bench]
    fn get(bencher: Bencher<'_, '_>) {
        let entries = entries(0..ROWS);
        let memory = filled(&entries);
        let mut next = in_turn(&entries);
        bencher.bench_local(|| memory.get(&next().0).unwrap());
    }

    #[divan::bench]
    fn walk(bencher: Bencher<'_, '_>) {
        let memory = filled(&entries(0..ROWS));
        bencher.counter(ItemsCount::new(ROWS)).bench_local(|| memory.walk().unwrap());
    }
}

mod merge {
    use super::{Bencher, ItemsCount, MeasuredMemtable, ROWS, RUNS, entries, memtable};

    #[divan::bench]
    fn four_runs(bencher: Bencher<'_, '_>) {
        let part = ROWS / RUNS;
        let run = |number| memtable::filled(&entries(number * part..(number + 1) * part));
        let runs: Vec<MeasuredMemtable> = (0..RUNS).map(run).collect();
        bencher.counter(ItemsCount::new(ROWS)).bench_local(|| MeasuredMemtable::merge(&runs).unwrap());
    }
}

mod wal {
    use super::{Bencher, BytesCount, ItemsCount, MeasuredLog, ROWS, value};

    #[divan::bench(max_time = 1)]
    fn append(bencher: Bencher<'_, '_>) {
        let (dir, payload) = (tempfile::tempdir().unwrap(), value(1));
        let mut log = MeasuredLog::create(dir.path()).unwrap();
        bencher.counter(BytesCount::new(payload.len())).bench_local(|| log.write(&payload).unwrap());
    }

    #[divan::bench(max_time = 1)]
    fn append_and_sync(bencher: Bencher<'_, '_>) {
        let (dir, payload) = (tempfile::tempdir().unwrap(), value(1));
        let mut log = MeasuredLog::create(dir.path()).unwrap();
        bencher.counter(BytesCount::new(payload.len())).bench_local(|| {
            log.write(&payload).unwrap();
            log.sync().unwrap();
        });
    }

    #[divan::bench(max_time = 2)]
    fn replay(bencher: Bencher<'_, '_>) {
        let dir = tempfile::tempdir().unwrap();
        let mut log = MeasuredLog::create(dir.path()).unwrap();
        for number in 0..ROWS {
            log.write(&value(number)).unwrap();
        }
        log.sync().unwrap();
        bencher
            .counter(ItemsCount::new(ROWS))
            .bench_local(|| assert_eq!(MeasuredLog::replay(dir.path()).unwrap(), ROWS, "all are read"));
    }
}
