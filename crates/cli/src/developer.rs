//! Who `emulate` and `check` sign as: a key in the user's configuration folder, made at first use.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use workbell_emulator::Identity;
use workbell_wire::token::DEFAULT_AUDIENCE;

use crate::failure::Failure;
use crate::moment;
use crate::screen::Screen;

/// What a receiver must be told, so that it can verify.
#[derive(Debug)]
pub(crate) struct Trust {
    certificates: String,
    secret: String,
    endpoint_id: String,
    client_id: String,
}

impl Trust {
    /// What to tell of this identity, whose certificates are these.
    pub(crate) fn of(identity: &Identity, certificates: String) -> Trust {
        Trust {
            certificates,
            secret: identity.secret.to_text(),
            endpoint_id: identity.endpoint_id.clone(),
            client_id: identity.client_id.clone(),
        }
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        format!(
            "The receiver must trust this certificate:\n{}\nsecret:      {}\nendpoint id: {}\naudience:    {}\n",
            self.certificates.trim_end(),
            self.secret,
            self.endpoint_id,
            DEFAULT_AUDIENCE,
        )
    }

    /// Beside the result, for people.
    pub(crate) fn note(&self, path: &Path, is_new: bool, screen: &Screen) {
        screen.note(&self.beside(path, is_new));
    }

    /// All of it when the key was made just now, and from then on how to have it printed.
    fn beside(&self, path: &Path, is_new: bool) -> String {
        let all = if is_new { format!("{}\n", self.text()) } else { String::new() };
        let is_usual = self::path().is_ok_and(|usual| usual == path);
        let path = path.display();
        let key = if is_usual { String::new() } else { format!(" --key {path}") };
        format!("{all}Signed with the key in {path}; `workbell check --trust{key}` prints what to trust.")
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        json!({
            "Certificates": self.certificates,
            "Secret": self.secret,
            "EndpointId": self.endpoint_id,
            "ClientId": self.client_id,
            "Audience": DEFAULT_AUDIENCE,
        })
    }
}

/// An identity that was read.
#[derive(Debug)]
pub(crate) struct Opened {
    /// Who signs.
    pub(crate) identity: Identity,
    /// It was made just now, so no receiver knows it yet.
    pub(crate) is_new: bool,
}

/// Where it lies: `$XDG_CONFIG_HOME/workbell/developer.json`, else below `~/.config`.
///
/// # Errors
/// When no variable names a folder.
pub(crate) fn path() -> Result<PathBuf, Failure> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")));
    let folder = folder.ok_or_else(|| {
        Failure::Failed(
            "no folder for the signing key: neither XDG_CONFIG_HOME nor HOME is set; give --key".to_owned(),
        )
    })?;
    Ok(folder.join("workbell/developer.json"))
}

/// Reads the identity in this file, or that of the private key in PEM that it holds; makes one when there is none yet.
///
/// # Errors
/// When the file cannot be read, holds something else, or cannot be made.
pub(crate) fn open(path: &Path) -> Result<Opened, Failure> {
    let what = || path.display().to_string();
    let known = |identity| Opened { identity, is_new: false };
    match std::fs::read_to_string(path) {
        // The file that is made here is a JSON object, which holds a certificate too.
        Ok(text) if !text.trim_start().starts_with('{') && text.contains("-----BEGIN ") => {
            Identity::from_pem(&text, moment::now())
                .map(known)
                .map_err(|error| Failure::Failed(format!("{}: {error}", what())))
        }
        Ok(text) => Identity::from_text(&text)
            .map(known)
            .map_err(|error| Failure::Failed(format!("{}: {error}", what()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let identity =
                Identity::generate(moment::now()).map_err(|error| Failure::Failed(error.to_string()))?;
            let kept = keep(path, &identity.to_text())
                .map_err(|error| Failure::Failed(format!("{} cannot be written: {error}", what())))?;
            // Another one that was started at the same time may have been first: all have the same.
            if kept { Ok(Opened { identity, is_new: true }) } else { open(path) }
        }
        Err(source) => Err(Failure::Unreadable { what: what(), source }),
    }
}

/// Writes the file for its owner alone, whole or not at all; false when one appeared meanwhile.
fn keep(path: &Path, text: &str) -> std::io::Result<bool> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    // Only its owner may read it from the start.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(true),
        Err(refused) if refused.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(refused) => Err(refused.error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_trust_is_told_at_first_use_and_from_then_on_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("developer.json");
        let beside = || {
            let Opened { identity, is_new } = open(&path).unwrap();
            Trust::of(&identity, "-----BEGIN".to_owned()).beside(&path, is_new)
        };
        let (first, second) = (beside(), beside());
        assert!(first.contains("-----BEGIN") && first.contains("whsec_"), "{first}");
        assert!(first.ends_with(&second), "{first}");
        assert_eq!(second.lines().count(), 1);
        assert!(second.contains(&format!("workbell check --trust --key {}`", path.display())), "{second}");
    }

    #[test]
    fn who_are_started_together_sign_with_the_same_key_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/developer.json");
        let ids: Vec<String> = std::thread::scope(|scope| {
            let open = || open(&path).unwrap().identity.endpoint_id;
            let both = [scope.spawn(open), scope.spawn(open)];
            both.map(|one| one.join().unwrap()).to_vec()
        });
        assert_eq!(ids[0], ids[1]);
        let opened = open(&path).unwrap();
        assert_eq!((opened.identity.endpoint_id, opened.is_new), (ids[0].clone(), false));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left over");
    }
}
