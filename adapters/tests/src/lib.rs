//! Servers that tests start and stop, and what is tested of every engine alike.
//!
//! A server runs on loopback, on ports of its own, with its data in a temporary directory. It is
//! stopped when its handle is dropped. A server that cannot be had is a failed test.

#![allow(clippy::missing_panics_doc, reason = "a panic is a failed test")]

pub mod contract;
pub mod counted;
pub mod network;
pub mod ports;
pub mod servers;
pub mod shared;
