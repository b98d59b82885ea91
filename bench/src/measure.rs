//! How rates, latencies, sizes and memory are measured.

use std::path::Path;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use crate::engine::Result;
use crate::random::Random;

/// How long something is measured.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Before the figures count.
    pub warm_up: Duration,
    /// While they count.
    pub time: Duration,
}

impl Span {
    /// A span of so many seconds, after a fifth of it to warm up.
    pub fn seconds(seconds: f64) -> Self {
        Self { warm_up: Duration::from_secs_f64(seconds / 5.0), time: Duration::from_secs_f64(seconds) }
    }

    /// The same without a warm-up, for work that cannot be done twice.
    pub fn cold(seconds: f64) -> Self {
        Self { warm_up: Duration::ZERO, ..Self::seconds(seconds) }
    }
}

/// What `threads` do together in a second. Each calls `work` over and over, with random numbers of its own; `work` tells how
/// many things it did, and ends everything early when it did none. The clock is read once in `stride` calls.
pub fn rate(
    span: Span,
    threads: usize,
    stride: u32,
    random: &Random,
    work: impl Fn(&mut Random) -> Result<u64> + Sync,
) -> Result<f64> {
    let barrier = Barrier::new(threads);
    let (work, barrier) = (&work, &barrier);
    let loop_for = move |time: Duration, random: &mut Random| -> Result<f64> {
        let (mut count, start) = (0, Instant::now());
        while start.elapsed() < time {
            for _ in 0..stride {
                let done = work(random)?;
                count += done;
                if done == 0 {
                    return Ok(count as f64 / start.elapsed().as_secs_f64());
                }
            }
        }
        Ok(count as f64 / start.elapsed().as_secs_f64())
    };
    std::thread::scope(|scope| {
        let run = |thread: usize| {
            let mut seed = random.clone();
            let mut random = Random::new(seed.next() ^ thread as u64);
            scope.spawn(move || {
                barrier.wait();
                loop_for(span.warm_up, &mut random)?;
                barrier.wait();
                loop_for(span.time, &mut random)
            })
        };
        let threads: Vec<_> = (0..threads).map(run).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a thread panicked")?).sum()
    })
}

/// Latencies in nanoseconds.
#[derive(Debug, Default)]
pub struct Latencies(Vec<u32>);

impl Latencies {
    /// Times a call.
    pub fn time<R>(&mut self, call: impl FnOnce() -> R) -> R {
        let start = Instant::now();
        let result = call();
        self.0.push(u32::try_from(start.elapsed().as_nanos()).unwrap_or(u32::MAX));
        result
    }

    /// Takes those of another.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The latency that a share of all calls does not exceed; 1.0 gives the worst.
    pub fn quantile(&mut self, share: f64) -> f64 {
        let Some(last) = self.0.len().checked_sub(1) else { return 0.0 };
        let place = ((last as f64 * share).ceil() as usize).min(last);
        f64::from(*self.0.select_nth_unstable(place).1)
    }
}

/// The bytes that the files of a directory take on disk.
pub fn disk_size(dir: &Path) -> Result<f64> {
    use std::os::unix::fs::MetadataExt;
    let mut size = 0.0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        size += if metadata.is_dir() { disk_size(&entry.path())? } else { metadata.blocks() as f64 * 512.0 };
    }
    Ok(size)
}

/// The most memory that this process has had, in bytes: the high-water mark of its resident set.
pub fn peak_memory() -> Result<f64> {
    status("VmHWM:")
}

/// The memory that this process has now, in bytes: its resident set, with touched pages of mapped files.
pub fn memory() -> Result<f64> {
    status("VmRSS:")
}

fn status(name: &str) -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line =
        status.lines().find_map(|line| line.strip_prefix(name)).ok_or("a line of status is missing")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024.0)
}
