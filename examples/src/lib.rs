//! The parts of the example programs, kept apart from their `main` so that the tests can use them too.

pub mod cities;
pub mod grow;

/// The README, so that its program is compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
