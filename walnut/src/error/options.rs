//! The error of options that are outside their ranges: all of them at once.

use std::fmt;

use super::{Error, Result};

/// Which options of a [`Builder`](crate::Builder) are outside their ranges: all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OptionsError {
    /// Each option with the end of a sentence that it begins.
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

    /// An error if something was added.
    pub(crate) fn into_result(self) -> Result<()> {
        if self.faults.is_empty() { Ok(()) } else { Err(Error::Options(self)) }
    }
}

impl fmt::Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the database cannot be opened with these options: ")?;
        for (place, (option, fault)) in self.faults.iter().enumerate() {
            let between = if place == 0 { "" } else { "; " };
            write!(f, "{between}`{option}` {fault}")?;
        }
        Ok(())
    }
}
