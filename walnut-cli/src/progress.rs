//! Progress of long work, on the standard error and only where that is a terminal.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over bytes of a file; a spinner with a count where its length is not known.
pub(crate) fn bar(length: Option<u64>, what: &str) -> ProgressBar {
    let bar = match length {
        Some(length) => ProgressBar::new(length)
            .with_style(style("{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}")),
        None => ProgressBar::new_spinner().with_style(style("{spinner} {msg} {human_pos} {per_sec}")),
    };
    bar.set_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Has an interrupt (Ctrl-C) noted instead of ending the process, so that the work can end after a
/// batch. A second one ends the process at once.
pub(crate) fn watch_interrupts() {
    INTERRUPTED.store(false, Ordering::Relaxed);
    // Where no handler can be set, an interrupt ends the process, as it does anyway.
    let _ = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
}

/// Waits so long, or until an interrupt. Returns whether there was one.
pub(crate) fn wait(duration: Duration) -> bool {
    const LOOKED_EACH: Duration = Duration::from_millis(50);
    let end = Instant::now() + duration;
    while !is_interrupted() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        thread::park_timeout(left.min(LOOKED_EACH));
    }
    true
}

pub(crate) fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}
