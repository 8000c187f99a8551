//! What is wrong with settings, so that whoever reads it can mend it.

use std::fmt;
use std::path::PathBuf;

use super::nearest::nearest;
use super::sections::{KEYS, Key, SECTIONS};

/// Why the settings cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read the settings in {}: {source}", .file.display())]
    Unreadable {
        /// The file that was named.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is no TOML.
    #[error("{place}: this is no TOML: {message}")]
    Syntax {
        /// Where the reader stopped.
        place: Place,
        /// What it says.
        message: String,
    },
    /// Unknown keys and bad values, one a line.
    #[error("{}", lines(.0))]
    Faults(Vec<Fault>),
}

/// One unknown key or bad value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where it stands.
    pub place: Place,
    /// The key, what is wrong and what is allowed.
    pub problem: String,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// This line of a file, from 1.
    File(PathBuf, usize),
    /// This environment variable.
    Variable(String),
    /// This flag.
    Flag(String),
    /// Nobody gave one.
    Default,
}

impl Fault {
    /// A key of the file or of a flag that does not exist.
    pub(super) fn unknown_key(place: Place, key: &str) -> Self {
        let advice = match nearest(key) {
            Some(known) => format!("did you mean {}?", known.full_name()),
            None => match key.split_once('.') {
                Some((section, _)) if SECTIONS.contains(&section) => {
                    format!("allowed in [{section}] are {}", names(section))
                }
                _ => format!("allowed are {}, and the sections {}", names(""), SECTIONS[1..].join(", ")),
            },
        };
        Fault { place, problem: format!("{key}: unknown key; {advice}") }
    }

    /// A value that is not allowed.
    pub(super) fn refused(place: Place, key: &Key, why: &str) -> Self {
        Fault { place, problem: format!("{}: {why}; allowed is {}", key.full_name(), key.allowed()) }
    }
}

fn names(section: &str) -> String {
    let names: Vec<_> = KEYS.iter().filter(|key| key.section == section).map(|key| key.name).collect();
    names.join(", ")
}

fn lines(faults: &[Fault]) -> String {
    faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("\n")
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Default => f.write_str(&self.problem),
            place => write!(f, "{place}: {}", self.problem),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File(file, line) => write!(f, "{}:{line}", file.display()),
            Place::Variable(name) => f.write_str(name),
            Place::Flag(name) => f.write_str(name),
            Place::Default => f.write_str("default"),
        }
    }
}
