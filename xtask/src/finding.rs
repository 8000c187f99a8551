//! What a check found: a place and what to do there.

use std::fmt;

use anyhow::{Result, bail};

/// One broken rule at one place.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    /// 1-based; 0 means the whole file.
    line: usize,
    message: String,
}

impl Finding {
    /// A finding in a line, counted from 1.
    pub(crate) fn at(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }

    /// A finding about a file as a whole.
    pub(crate) fn about(path: &str, message: impl Into<String>) -> Self {
        Self::at(path, 0, message)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(out, "{}: {}", self.path, self.message),
            line => write!(out, "{}:{line}: {}", self.path, self.message),
        }
    }
}

/// Prints the findings of a check.
///
/// # Errors
/// When there is any.
pub(crate) fn report(check: &str, looked_at: &str, mut findings: Vec<Finding>) -> Result<()> {
    findings.sort();
    for finding in &findings {
        eprintln!("{finding}");
    }
    match findings.len() {
        0 => println!("{check}: {looked_at}, nothing to mend"),
        1 => bail!("{check}: 1 thing to mend"),
        many => bail!("{check}: {many} things to mend"),
    }
    Ok(())
}
