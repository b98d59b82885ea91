//! The integration tests.

// The rules of the source tree: storeys, sizes, heads, words.
mod house;
mod ui;
