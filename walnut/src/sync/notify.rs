//! A call to somebody above, whom nothing here knows.

use std::fmt;
use std::sync::OnceLock;

/// Calls the one who said that it would answer; nobody until then.
#[derive(Default)]
pub(crate) struct Notify(OnceLock<Box<dyn Fn() + Send + Sync>>);

impl Notify {
    /// Says what is done when it rings; only the first time counts.
    pub(crate) fn answer(&self, answer: impl Fn() + Send + Sync + 'static) {
        let _ = self.0.set(Box::new(answer));
    }

    pub(crate) fn notify(&self) {
        if let Some(answer) = self.0.get() {
            answer();
        }
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Notify")
    }
}
