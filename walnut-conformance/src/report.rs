//! What a run has found.

use std::fmt;

/// One check of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    name: String,
    fault: Option<String>,
}

impl Check {
    /// What it asks of the engine.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the engine does instead; `None` if it conforms.
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }
}

/// What a run has found, check by check. Its text is a line for each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    checks: Vec<Check>,
}

impl Report {
    pub(crate) fn add(&mut self, name: &str, outcome: Result<(), String>) {
        self.checks.push(Check { name: name.to_owned(), fault: outcome.err() });
    }

    /// Whether the engine conforms.
    pub fn is_ok(&self) -> bool {
        self.checks.iter().all(|check| check.fault.is_none())
    }

    /// Every check, in the order in which it was made.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            match &check.fault {
                None => writeln!(f, "ok      {}", check.name)?,
                Some(fault) => writeln!(f, "FAILED  {}: {fault}", check.name)?,
            }
        }
        let failed = self.checks.iter().filter(|check| check.fault.is_some()).count();
        write!(f, "{} checks, {failed} failed", self.checks.len())
    }
}
