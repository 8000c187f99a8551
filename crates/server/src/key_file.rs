//! Platform key and master key: given by the settings, or files of the data dir that are made at the first start.

use workbell_signing::{MasterKey, SecretHash, hash_secret, new_platform_key};
use workbell_store::Store;

use crate::data_dir::{DataDir, Text};
use crate::error::Error;

/// Fewest characters of a platform key.
///
/// 16: what has fewer was typed by somebody. Keys made here have 256 random bits.
pub(crate) const SHORTEST_PLATFORM_KEY: usize = 16;

/// A master key, and what is known of it before the store was asked.
pub(crate) struct FoundMasterKey {
    pub(crate) key: MasterKey,
    origin: Origin,
}

enum Origin {
    Given,
    File,
    /// The file was made just now.
    Made,
}

/// The hash of the platform key.
///
/// # Errors
/// It is too short, or its file cannot be used.
pub(crate) fn platform_key(given: Option<&str>, dir: &DataDir) -> Result<SecretHash, Error> {
    let key = match given {
        Some(key) if key.len() < SHORTEST_PLATFORM_KEY => return Err(Error::ShortPlatformKey(key.len())),
        Some(key) => key.to_owned(),
        None => match dir.read_or_make("platform.key", || Ok(new_platform_key()?))? {
            Text::Found(key) => key,
            Text::Made(key) => {
                tracing::info!(path = %dir.file("platform.key").display(), "made the platform key");
                key
            }
        },
    };
    if key.len() < SHORTEST_PLATFORM_KEY {
        let reason = format!("it has {} characters, at least {SHORTEST_PLATFORM_KEY} are needed", key.len());
        return Err(Error::KeyFile { path: dir.file("platform.key"), what: "platform key", reason });
    }
    Ok(hash_secret(&key))
}

/// The master key.
///
/// # Errors
/// It has no known form, or its file cannot be used.
pub(crate) fn master_key(given: Option<MasterKey>, dir: &DataDir) -> Result<FoundMasterKey, Error> {
    if let Some(key) = given {
        return Ok(FoundMasterKey { key, origin: Origin::Given });
    }
    let (text, origin) = match dir.read_or_make("master.key", || Ok(MasterKey::generate()?.to_text()))? {
        Text::Found(text) => (text, Origin::File),
        Text::Made(text) => (text, Origin::Made),
    };
    let key = text.parse().map_err(|error: workbell_signing::Error| Error::KeyFile {
        path: dir.file("master.key"),
        what: "master key",
        reason: error.to_string(),
    })?;
    Ok(FoundMasterKey { key, origin })
}

impl FoundMasterKey {
    /// The key, once the store has said that it was made with it.
    ///
    /// # Errors
    /// [`Error::WrongMasterKey`]; [`Error::MasterKeyMissing`] when the file had to be made for a store that has a
    /// key already (the file is removed again).
    pub(crate) async fn verified(self, store: &dyn Store, dir: &DataDir) -> Result<MasterKey, Error> {
        let stored = store.check_value(self.key.check_value()).await?;
        if self.key.matches(&stored) {
            if matches!(self.origin, Origin::Made) {
                tracing::info!(path = %dir.file("master.key").display(), "made the master key; keep a copy elsewhere");
            }
            return Ok(self.key);
        }
        let path = dir.file("master.key");
        match self.origin {
            Origin::Given => {
                Err(Error::WrongMasterKey { origin: "the master_key of the settings".to_owned() })
            }
            Origin::File => Err(Error::WrongMasterKey { origin: path.display().to_string() }),
            Origin::Made => {
                // It seals nothing, and left there it would look like the right one.
                let _removed = std::fs::remove_file(&path);
                Err(Error::MasterKeyMissing { path })
            }
        }
    }
}
