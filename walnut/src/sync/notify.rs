//! A callback that a higher layer installs: the layer below calls it without naming its type.

use std::fmt;
use std::sync::OnceLock;

/// Does nothing until the callback is set.
#[derive(Default)]
pub(crate) struct Notify(OnceLock<Box<dyn Fn() + Send + Sync>>);

impl Notify {
    /// Sets the callback; only the first call has an effect.
    pub(crate) fn set_callback(&self, callback: impl Fn() + Send + Sync + 'static) {
        let _ = self.0.set(Box::new(callback));
    }

    pub(crate) fn notify(&self) {
        if let Some(callback) = self.0.get() {
            callback();
        }
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Notify")
    }
}
