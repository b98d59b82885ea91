//! Priorities of threads, and how much of the processors this process gets.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Lowers the priority of this thread by this many steps of niceness, three of which halve a
/// thread's share of a contended processor. No effect where niceness is not per thread.
#[cfg(target_os = "linux")]
pub(crate) fn prefer_other_threads(steps: i32) {
    // A refusal is ignored: it has the same effect as no call.
    let _ = rustix::process::nice(steps);
}

/// Not supported on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn prefer_other_threads(_steps: i32) {}

/// How often the clock of the process is read, a system call of about a microsecond.
const INTERVAL: Duration = Duration::from_millis(10);

/// What was used in a longer interval says nothing of now.
const OLD: Duration = Duration::from_millis(100);

/// Whether this process runs on most of the processors that it may use.
#[derive(Debug)]
pub(crate) struct ProcessorShare {
    last: Option<(Instant, Duration)>,
    is_most: bool,
}

impl Default for ProcessorShare {
    fn default() -> Self {
        Self { last: None, is_most: true }
    }
}

impl ProcessorShare {
    /// Returns whether this process had seven tenths of the processors in the last interval; true
    /// before there is one, and false where the system does not tell.
    pub(crate) fn is_most(&mut self) -> bool {
        static PROCESSORS: OnceLock<f64> = OnceLock::new();
        let now = Instant::now();
        if self.last.is_none_or(|(at, _)| now - at >= INTERVAL) {
            let processors = *PROCESSORS.get_or_init(|| {
                // More than 2^32 processors are not known of any machine.
                std::thread::available_parallelism()
                    .map_or(1.0, |n| u32::try_from(n.get()).map_or(1.0, f64::from))
            });
            match processor_time() {
                Some(used) => self.note(now, used, processors),
                None => self.is_most = false,
            }
        }
        self.is_most
    }

    fn note(&mut self, now: Instant, used: Duration, processors: f64) {
        if let Some((at, before)) = self.last.replace((now, used))
            && now - at < OLD
        {
            let all = (now - at).mul_f64(processors);
            self.is_most = used.saturating_sub(before) >= all.mul_f64(0.7);
        }
    }
}

/// The time for which threads of this process have run, all processors together.
#[cfg(unix)]
fn processor_time() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(Duration::new(time.tv_sec.try_into().ok()?, time.tv_nsec.try_into().ok()?))
}

/// Not supported on this system.
#[cfg(not(unix))]
fn processor_time() -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_is_seven_tenths_of_all_processors_in_the_last_interval() {
        let (start, ms) = (Instant::now(), Duration::from_millis);
        let mut share = ProcessorShare::default();
        assert!(share.is_most, "before anything is known");
        share.note(start, ms(500), 2.0);
        assert!(share.is_most, "one look says nothing");
        share.note(start + ms(10), ms(513), 2.0);
        assert!(!share.is_most);
        share.note(start + ms(20), ms(528), 2.0);
        assert!(share.is_most);
        share.note(start + ms(5000), ms(529), 2.0);
        assert!(share.is_most, "a long interval says nothing");
        share.note(start + ms(5010), ms(530), 2.0);
        assert!(!share.is_most);
    }

    #[cfg(unix)]
    #[test]
    fn the_time_of_the_process_is_that_of_its_threads() {
        let mut before = processor_time();
        assert!(before.is_some());
        // It goes on while a thread runs.
        for _ in 0..3 {
            let mut now = before;
            while now == before {
                now = processor_time();
            }
            assert!(now > before);
            before = now;
        }
    }
}
