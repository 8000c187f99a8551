//! What is written from the table: the effective settings, the example file, the page in the docs.

use std::fmt::Write as _;

use super::environment::variable;
use super::sections::{KEYS, SECTIONS, Settings};

/// Longest line of a comment in the example file.
const WIDTH: usize = 100;

impl Settings {
    /// The effective settings as TOML, secrets hidden; behind each that is not the default stands where it comes
    /// from. What `--print-config` prints.
    pub fn print_config(&self) -> String {
        let mut text = String::new();
        for (place, section) in SECTIONS.iter().enumerate() {
            head(&mut text, place, section);
            for key in KEYS.iter().filter(|key| key.section == *section) {
                let source = self.sources.get(key.path);
                if let Some(file) = self.key_file(key.path) {
                    // No value to show: an empty text would look as if there were no key.
                    let _ = writeln!(text, "# {} is the one in {}", key.name, file.display());
                    continue;
                }
                let _ = write!(text, "{} = {}", key.name, self.shown(key));
                if let Some(source) = source {
                    let _ = write!(text, "  # {source}");
                }
                text.push('\n');
            }
        }
        text
    }

    /// The file in which a key lies, or will be made at the first start, when no setting gives it.
    fn key_file(&self, path: &str) -> Option<std::path::PathBuf> {
        let name = match path {
            "platform_key" if self.general.platform_key.is_none() => "platform.key",
            "master_key" if self.general.master_key.is_none() => "master.key",
            _ => return None,
        };
        Some(self.general.data_dir.join(name))
    }
}

/// The text of `workbell.example.toml`: each key with its meaning and its default, commented out.
pub fn example() -> String {
    let defaults = Settings::default();
    let mut text = String::from(
        "# Workbell's settings, each with its default. Copy this file, take the # from the lines that you change and\n\
         # start with `workbell serve --config FILE`. Environment variables (WORKBELL_DELIVERY__TIMEOUT=10s) come after\n\
         # the file, flags after both. Generated from the code; `workbell serve --print-config` shows what is in force.\n\n",
    );
    for (place, section) in SECTIONS.iter().enumerate() {
        head(&mut text, place, section);
        for (number, key) in KEYS.iter().filter(|key| key.section == *section).enumerate() {
            if number > 0 {
                text.push('\n');
            }
            comment(&mut text, &format!("{} Allowed: {}.", key.about(), key.allowed()));
            let _ = writeln!(text, "# {} = {}", key.name, defaults.shown(key));
        }
    }
    text
}

/// The text of the page "Settings" in the docs.
pub fn page() -> String {
    let mut text = String::from(
        "# Settings\n\n\
         <!-- Generated from the code: cargo run -p workbell-server --example generate_settings -->\n\n\
         A TOML file (`workbell serve --config FILE`) is read first, then environment variables, then flags; the last\n\
         word counts. Lists are TOML arrays in the file and comma-separated in variables. Durations take `ms s m h d`,\n\
         sizes `KiB MiB GiB`; a number without its unit is refused. An unknown key or variable or a bad value stops the\n\
         start and is named with file, line and what is allowed. `workbell serve --print-config` shows what is in force\n\
         and where it comes from; `workbell.example.toml` holds all of this as a file.\n",
    );
    for section in SECTIONS {
        match *section {
            "" => text.push_str("\n## At the top\n\n"),
            section => {
                let _ = write!(text, "\n## `[{section}]`\n\n");
            }
        }
        text.push_str("| key | variable | default | meaning | allowed |\n|---|---|---|---|---|\n");
        for key in KEYS.iter().filter(|key| key.section == *section) {
            let default = if key.default.is_empty() { String::new() } else { format!("`{}`", key.default) };
            let row = [
                format!("`{}`", key.path),
                format!("`{}`", variable(key.path)),
                default,
                key.about(),
                key.allowed(),
            ];
            let _ = writeln!(text, "| {} |", row.map(|cell| cell.replace('|', "\\|")).join(" | "));
        }
    }
    text
}

fn head(text: &mut String, place: usize, section: &str) {
    if place > 0 {
        let _ = writeln!(text, "\n[{section}]");
    }
}

/// Breaks `words` into lines of a comment.
fn comment(text: &mut String, words: &str) {
    let mut length = usize::MAX;
    for word in words.split(' ') {
        if length.saturating_add(word.len()) > WIDTH {
            if length != usize::MAX {
                text.push('\n');
            }
            text.push('#');
            length = 0;
        }
        text.push(' ');
        text.push_str(word);
        length += word.len() + 1;
    }
    text.push('\n');
}
