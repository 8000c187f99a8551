//! What a check found.

/// What was looked at; in the order in which it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// Whether the settings can be taken, and go together.
    Settings,
    /// The folder for state: there, ours alone, writable.
    DataDir,
    /// Room on its disk, and what kind of file system it is.
    Disk,
    /// The wall clock.
    Clock,
    /// How many files may be open.
    Files,
    /// Platform key, master key, signing keys.
    Keys,
    /// The store's file: sound, of a known version.
    Store,
    /// The addresses that are listened on.
    Listen,
    /// Where endpoints may be, and whether those there are may be dialled.
    Egress,
}

impl Check {
    /// All of them.
    pub const ALL: [Check; 9] = [
        Check::Settings,
        Check::DataDir,
        Check::Disk,
        Check::Clock,
        Check::Files,
        Check::Keys,
        Check::Store,
        Check::Listen,
        Check::Egress,
    ];

    /// Its name in tables and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Check::Settings => "Settings",
            Check::DataDir => "DataDir",
            Check::Disk => "Disk",
            Check::Clock => "Clock",
            Check::Files => "Files",
            Check::Keys => "Keys",
            Check::Store => "Store",
            Check::Listen => "Listen",
            Check::Egress => "Egress",
        }
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    /// As it should be.
    Good,
    /// The service runs, but somebody should look.
    Warning,
    /// The service does not start, or does not do its work.
    Bad,
    /// It could not be judged, for something else is wrong.
    NotChecked,
}

impl Grade {
    /// Its name in tables and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Grade::Good => "Good",
            Grade::Warning => "Warning",
            Grade::Bad => "Bad",
            Grade::NotChecked => "NotChecked",
        }
    }
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub check: Check,
    /// How bad it is.
    pub grade: Grade,
    /// What was seen.
    pub seen: String,
    /// What to do about it; `None` when nothing is to be done.
    pub advice: Option<String>,
}

impl Finding {
    pub(super) fn good(check: Check, seen: impl Into<String>) -> Self {
        Finding { check, grade: Grade::Good, seen: seen.into(), advice: None }
    }

    pub(super) fn warning(check: Check, seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Finding { check, grade: Grade::Warning, seen: seen.into(), advice: Some(advice.into()) }
    }

    pub(super) fn bad(check: Check, seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Finding { check, grade: Grade::Bad, seen: seen.into(), advice: Some(advice.into()) }
    }

    pub(super) fn not_checked(check: Check, why: impl Into<String>) -> Self {
        Finding { check, grade: Grade::NotChecked, seen: why.into(), advice: None }
    }
}
