//! How often the reference engine fails.

/// How often a [`Memory`](crate::remote::Memory) fails, of each 1,000 calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Reads and commits that are [`Failure::Unavailable`](crate::remote::Failure::Unavailable).
    pub unavailable: u16,
    /// Commits that are a [`Failure::Conflict`](crate::remote::Failure::Conflict) without a reason.
    pub conflict: u16,
    /// Commits of unknown outcome that never happen.
    pub lost_before: u16,
    /// Commits of unknown outcome that have happened.
    pub lost_after: u16,
    /// Commits of unknown outcome that arrive later, if they do not conflict then.
    pub late: u16,
    /// Pages of scans that are cut short, or empty, although there is more.
    pub short_pages: u16,
}
