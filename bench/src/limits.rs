//! What the machine can do at best: printed beside the figures, so that nobody takes a slow disk for a slow engine.

use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::engine::Result;
use crate::random::{Random, mix};

/// The limits of a machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Limits {
    /// Syncs of the disk in a second, each after 256 bytes at the end of a file.
    pub appended_syncs: f64,
    /// The same where the bytes replace others.
    pub overwritten_syncs: f64,
    /// Nanoseconds of a random read in 512 MiB of memory, each waiting for the one before.
    pub memory_read: f64,
    /// Nanoseconds for decoding a row with postcard.
    pub decode: f64,
    /// Processors that may be used.
    pub processors: usize,
    /// The name that the processor gives itself.
    pub processor: String,
}

/// Measures them; files go into `dir`. Takes about two seconds.
pub fn measure(dir: &Path) -> Result<Limits> {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    Ok(Limits {
        appended_syncs: syncs(dir, 0)?,
        overwritten_syncs: syncs(dir, 16 << 20)?,
        memory_read: memory_read(),
        decode: decode()?,
        processors: std::thread::available_parallelism().map_or(1, usize::from),
        processor: model.trim_start_matches(['\t', ' ', ':']).to_owned(),
    })
}

fn syncs(dir: &Path, written: usize) -> Result<f64> {
    let mut file =
        File::options().read(true).write(true).create(true).truncate(true).open(dir.join("limit"))?;
    file.write_all(&vec![0; written])?;
    file.sync_all()?;
    let (start, mut count) = (Instant::now(), 0u64);
    while start.elapsed() < Duration::from_millis(500) && (written == 0 || count * 256 < written as u64) {
        file.write_all_at(&[7; 256], count * 256)?;
        file.sync_data()?;
        count += 1;
    }
    let rate = count as f64 / start.elapsed().as_secs_f64();
    std::fs::remove_file(dir.join("limit"))?;
    Ok(rate)
}

fn memory_read() -> f64 {
    const COUNT: usize = (512 << 20) / size_of::<u64>();
    const READS: u32 = 2_000_000;
    let words: Vec<u64> = (0..COUNT as u64).map(mix).collect();
    let (start, mut at) = (Instant::now(), 0);
    for step in 0..u64::from(READS) {
        at = (words[at] ^ step) as usize % COUNT;
    }
    black_box(at);
    start.elapsed().as_nanos() as f64 / f64::from(READS)
}

fn decode() -> Result<f64> {
    const COUNT: u32 = 200_000;
    let rows: Vec<Vec<u8>> = (0..64)
        .map(|number| postcard::to_allocvec(&Account::numbered(number)))
        .collect::<std::result::Result<_, _>>()?;
    let mut random = Random::new(1);
    let start = Instant::now();
    for _ in 0..COUNT {
        let row: Account = postcard::from_bytes(&rows[random.below(64) as usize])?;
        black_box(row);
    }
    Ok(start.elapsed().as_nanos() as f64 / f64::from(COUNT))
}
