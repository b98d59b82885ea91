//! Model and workloads.
