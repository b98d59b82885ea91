//! The raw engine: what its pages promise, one by one, and random histories of it in lockstep with maps.

mod cuts;
mod drops;
mod lockstep;
mod promises;
mod sums;
