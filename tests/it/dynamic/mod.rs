//! Tables by their stored schema: what a typed table does, its dynamic twin does as well, and reads back.

mod kinds;
mod refusals;
mod twins;
