//! How a client command finds the service and proves that it may ask.

use std::path::{Path, PathBuf};

use clap::Args;
use url::Url;
use workbell_model::CompanyId;

use crate::failure::Failure;
use crate::page::{Page, Paging};
use crate::platform::{Answer, Platform, PlatformKey};
use crate::screen::Screen;
use crate::{json, record};

/// Name of the variable with the platform key.
const KEY_VARIABLE: &str = "WORKBELL_PLATFORM_KEY";

/// Name of the file with the platform key, in the data directory.
const KEY_FILE: &str = "platform.key";

/// Which service, and in which form it answers.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Service")]
pub(crate) struct Connection {
    /// URL of the platform interface
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "WORKBELL_SERVER",
        hide_env_values = true,
        default_value = "http://127.0.0.1:8080",
        value_parser = server_url
    )]
    pub(crate) server: Url,

    /// Where platform.key lies; WORKBELL_PLATFORM_KEY goes before it
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "WORKBELL_DATA_DIR",
        hide_env_values = true,
        default_value = "./workbell-data"
    )]
    pub(crate) data_dir: PathBuf,

    /// Print the JSON of the interface, for programs
    #[arg(long, global = true, help_heading = "Display")]
    pub(crate) json: bool,
}

impl Connection {
    /// The platform interface, with the key.
    ///
    /// # Errors
    /// When there is no key, or none that a header can carry.
    pub(crate) fn platform(&self) -> Result<Platform, Failure> {
        let key = platform_key(std::env::var(KEY_VARIABLE).ok(), &self.data_dir)?;
        Platform::new(self.server.clone(), Some(key))
    }

    /// The public part of the interface, for which no key is needed.
    ///
    /// # Errors
    /// When the server's URL cannot be used.
    pub(crate) fn public(&self) -> Result<Platform, Failure> {
        Platform::new(self.server.clone(), None)
    }

    /// Shows one object: its JSON, or a line for each member, those in `order` first.
    ///
    /// # Errors
    /// When the answer is no JSON or cannot be printed.
    pub(crate) fn show(&self, screen: &Screen, answer: &Answer, order: &[&str]) -> Result<(), Failure> {
        if self.json {
            return Ok(screen.print(&json::for_screen(answer.text()?, screen))?);
        }
        Ok(screen.print(&record::Record::of(&answer.value()?, order, &[]).render(screen))?)
    }

    /// Says that something was done; with `--json` nothing, for the interface answers nothing.
    ///
    /// # Errors
    /// When it cannot be printed.
    pub(crate) fn done(&self, screen: &Screen, sentence: &str) -> Result<(), Failure> {
        if self.json { Ok(()) } else { Ok(screen.print(&format!("{sentence}\n"))?) }
    }
}

/// Whose things a command is about.
#[derive(Clone, Debug, Args)]
pub(crate) struct OfCompany {
    /// The company; can be left out when there is only one
    #[arg(long, short, value_name = "COMPANY_ID")]
    pub(crate) company: Option<CompanyId>,
}

impl OfCompany {
    /// The company named, or the only one that the service has.
    ///
    /// # Errors
    /// When none was named and there is not exactly one.
    pub(crate) async fn resolve(&self, platform: &Platform) -> Result<String, Failure> {
        if let Some(company) = &self.company {
            return Ok(company.to_string());
        }
        let two = Paging { limit: 2, all: false, after: None };
        let page = Page::fetch(platform, &["v1", "companies"], &[], &two).await?;
        match page.values()?.as_slice() {
            [] => Err(Failure::Failed(
                "there is no company yet; create one: workbell company create ID --name NAME".to_owned(),
            )),
            [only] => Ok(record::member(only, "CompanyId")),
            _ => Err(Failure::Usage("there are several companies; say which one: --company ID".to_owned())),
        }
    }
}

/// The key, from the variable if it is set, else from the file.
fn platform_key(variable: Option<String>, data_dir: &Path) -> Result<PlatformKey, Failure> {
    if let Some(key) = variable.filter(|key| !key.trim().is_empty()) {
        return PlatformKey::new(key.trim(), KEY_VARIABLE.to_owned());
    }
    let path = data_dir.join(KEY_FILE);
    match std::fs::read_to_string(&path) {
        Ok(key) => PlatformKey::new(key.trim(), path.display().to_string()),
        Err(source) => Err(Failure::KeyMissing { path, source }),
    }
}

fn server_url(text: &str) -> Result<Url, String> {
    let example = "write it like http://127.0.0.1:8080";
    let url = Url::parse(text).map_err(|error| format!("{error}; {example}"))?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        scheme => Err(format!("{scheme}: is no scheme of HTTP; {example}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_in_the_variable_goes_before_the_one_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(KEY_FILE), "from-file\n").unwrap();
        let from_variable = platform_key(Some("from-variable".to_owned()), folder.path()).unwrap();
        assert_eq!(from_variable.origin(), "WORKBELL_PLATFORM_KEY");
        let from_file = platform_key(Some("  ".to_owned()), folder.path()).unwrap();
        assert_eq!(from_file.origin(), folder.path().join(KEY_FILE).display().to_string());
    }

    #[test]
    fn a_missing_key_says_where_it_was_looked_for_and_what_to_do() {
        let error = platform_key(None, Path::new("/nowhere/data")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no platform key: WORKBELL_PLATFORM_KEY is not set and /nowhere/data/platform.key cannot be read \
             (No such file or directory (os error 2)); give --data-dir of the service, or the key in that variable"
        );
        assert_eq!(error.exit_status(), 1);
    }

    #[test]
    fn a_key_that_no_header_can_carry_is_refused_without_showing_it() {
        let error = platform_key(Some("se\ncret".to_owned()), Path::new(".")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the platform key from WORKBELL_PLATFORM_KEY is empty or holds characters that no header can carry"
        );
    }

    #[test]
    fn a_server_without_scheme_is_refused_with_an_example() {
        assert_eq!(
            server_url("localhost:8080").unwrap_err(),
            "localhost: is no scheme of HTTP; write it like http://127.0.0.1:8080"
        );
        assert!(server_url("https://bell.example/path").is_ok());
    }
}
