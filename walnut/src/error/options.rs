//! The error of options that are out of range, all of them at once.

use std::fmt;

use super::{Error, Result};

/// All options of a [`Builder`](crate::Builder) that are out of range.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OptionsError {
    /// Each option, and the rest of the sentence that it begins.
    faults: Vec<(&'static str, String)>,
}

impl OptionsError {
    /// The names of the options, as the builder's methods have them.
    pub fn options(&self) -> impl Iterator<Item = &str> {
        self.faults.iter().map(|(option, _)| *option)
    }

    pub(crate) fn add(&mut self, option: &'static str, fault: String) {
        self.faults.push((option, fault));
    }

    pub(crate) fn into_result(self) -> Result<()> {
        if self.faults.is_empty() { Ok(()) } else { Err(Error::Options(self)) }
    }
}

impl fmt::Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the database cannot be opened with these options: ")?;
        for (index, (option, fault)) in self.faults.iter().enumerate() {
            let between = if index == 0 { "" } else { "; " };
            write!(f, "{between}`{option}` {fault}")?;
        }
        Ok(())
    }
}
