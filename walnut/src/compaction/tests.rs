//! Compaction without an engine.
