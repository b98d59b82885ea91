//! How a test comes to its database: each in memory has an engine of its own.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use real::remote::Memory;

/// The engine of every database.
pub(crate) type Engine = Memory;

/// The engines by their places.
static ENGINES: Mutex<Option<HashMap<String, Memory>>> = Mutex::new(None);

/// The engine at a place: an empty one, or the one that another database of the place has left.
pub(crate) fn open(place: &str) -> Engine {
    let mut engines = ENGINES.lock().unwrap_or_else(PoisonError::into_inner);
    engines.get_or_insert_default().entry(place.to_owned()).or_default().clone()
}

/// Forgets the engine at a place that no database comes back to.
pub(crate) fn forget(place: &str) {
    ENGINES.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().remove(place);
}
