//! What encryption costs: Walnut with it in the share of Walnut without it, both in the same run and in turns.
//!
//! ```text
//! cargo run --release --manifest-path bench/Cargo.toml --bin encryption [-- SECONDS]
//! ```
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use walnut::{Background, Builder, Database, Durability, EncryptionKey, Result};

const ROWS: u32 = 200_000;

/// Turns of each store in each group: the best one counts.
const TURNS: usize = 3;

/// Operations in a second.
#[derive(Clone, Copy, Default)]
struct Figures {
    cached_gets: f64,
    bulk_load: f64,
    durable_commits: f64,
    scan_from_disk: f64,
}

fn builder(is_encrypted: bool) -> Builder {
    let builder = Database::builder().durability(Durability::Fast).background(Background::Thread);
    if is_encrypted { builder.encryption(EncryptionKey::from_bytes([7; 32])) } else { builder }
}

fn value(n: u32) -> Vec<u8> {
    let mut random = u64::from(n) + 1;
    let word = |_| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        // Half of it compresses, as rows do.
        (random >> 33).to_le_bytes()
    };
    (0..14).flat_map(word).collect()
}

fn per_second(count: u32, time: Duration) -> f64 {
    f64::from(count) / time.as_secs_f64()
}

fn measure(dir: &Path, is_encrypted: bool, seconds: u32) -> Result<Figures> {
    let mut figures = Figures::default();
    let db = builder(is_encrypted).cache_size(256 << 20).open(dir)?;
    let rows = db.keyspace("rows")?;
    let began = Instant::now();
    for start in (0..ROWS).step_by(100) {
        let mut batch = walnut::kv::WriteBatch::new();
        for n in start..start + 100 {
            batch.put(&rows, n.to_be_bytes(), value(n))?;
        }
        db.write(batch)?;
    }
    db.checkpoint()?;
    db.compact()?;
    figures.bulk_load = per_second(ROWS, began.elapsed());

    for n in 0..ROWS {
        black_box(rows.get(n.to_be_bytes())?);
    }
    let began = Instant::now();
    let mut count = 0_u32;
    while began.elapsed() < Duration::from_secs(seconds.into()) {
        for _ in 0..1000 {
            count += 1;
            black_box(rows.get((count.wrapping_mul(2_654_435_761) % ROWS).to_be_bytes())?);
        }
    }
    figures.cached_gets = per_second(count, began.elapsed());

    let began = Instant::now();
    let mut count = 0;
    while began.elapsed() < Duration::from_secs(seconds.into()) {
        let mut batch = walnut::kv::WriteBatch::new();
        batch.put(&rows, (ROWS + count).to_be_bytes(), value(count))?;
        db.write_with(Durability::Safe, batch)?;
        count += 1;
    }
    figures.durable_commits = per_second(count, began.elapsed());
    db.close()?;

    // With an empty cache every block is read, checked and decoded.
    let db = builder(is_encrypted).cache_size(1 << 20).open(dir)?;
    let rows = db.keyspace("rows")?;
    let began = Instant::now();
    let mut count = 0;
    for entry in &rows {
        black_box(entry?);
        count += 1;
    }
    figures.scan_from_disk = per_second(count, began.elapsed());
    db.close()?;
    Ok(figures)
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let seconds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(2);
    let mut best = [Figures::default(); 2];
    for _ in 0..TURNS {
        for (index, is_encrypted) in [false, true].into_iter().enumerate() {
            let dir = tempfile::tempdir()?;
            let found = measure(dir.path(), is_encrypted, seconds)?;
            let best = &mut best[index];
            best.cached_gets = best.cached_gets.max(found.cached_gets);
            best.bulk_load = best.bulk_load.max(found.bulk_load);
            best.durable_commits = best.durable_commits.max(found.durable_commits);
            best.scan_from_disk = best.scan_from_disk.max(found.scan_from_disk);
        }
    }
    let [plain, encrypted] = best;
    println!("{:<16} {:>14} {:>14} {:>7} {:>7}", "", "plain /s", "encrypted /s", "ratio", "at least");
    for (name, bar, of) in [
        ("cached gets", 1.00, (|figures| figures.cached_gets) as fn(&Figures) -> f64),
        ("bulk load", 0.85, |figures| figures.bulk_load),
        ("durable commits", 0.95, |figures| figures.durable_commits),
        ("scan from disk", 0.75, |figures| figures.scan_from_disk),
    ] {
        let (plain, encrypted) = (of(&plain), of(&encrypted));
        println!("{name:<16} {plain:>14.0} {encrypted:>14.0} {:>7.2} {bar:>7.2}", encrypted / plain);
    }
    Ok(())
}
