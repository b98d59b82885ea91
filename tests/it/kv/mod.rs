//! The raw engine: what its pages promise, one by one, and random histories of it, checked against maps.

mod cuts;
mod drops;
mod model_check;
mod promises;
mod sums;
