//! Platform key, master key, signing keys: there, of the right form, fitting each other.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::SystemTime;

use workbell_signing::{KeyInfo, KeyRing, KeyState, MasterKey, StoredKey};
use workbell_store::sqlite::Inspection;
use workbell_wire::Timestamp;

use super::finding::{Check, Finding};
use super::store::Seen;
use crate::data_dir::LARGEST_KEY_FILE;
use crate::key_file::SHORTEST_PLATFORM_KEY;
use crate::key_room::CERTIFICATE_NOTICE;
use crate::settings::Settings;

pub(super) fn check(settings: &Settings, seen: &Seen) -> Vec<Finding> {
    let dir = &settings.general.data_dir;
    let mut findings = Vec::new();
    if settings.general.platform_key.is_none() {
        findings.extend(platform_key(dir));
    }
    match master_key(settings, dir, seen) {
        Ok(None) => {}
        Ok(Some(master)) => match &seen.inspection {
            Some(inspection) => findings.extend(signing_keys(settings, &master, inspection)),
            None if seen.is_unreadable => {
                findings.push(Finding::not_checked(Check::Keys, "signing keys: the store cannot be read"));
            }
            None => {}
        },
        Err(finding) => findings.push(finding),
    }
    if findings.is_empty() {
        let seen = "they are made at the first start, or given by the settings";
        findings.push(Finding::good(Check::Keys, seen));
    }
    findings
}

/// What stands in a key file; `None` when there is none.
fn read(path: &Path) -> io::Result<Option<String>> {
    match File::open(path) {
        Ok(file) => {
            let mut text = String::new();
            file.take(LARGEST_KEY_FILE).read_to_string(&mut text)?;
            Ok(Some(text.trim().to_owned()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Finding {
    let seen = format!("{} cannot be read: {error}", path.display());
    Finding::bad(Check::Keys, seen, "run this as the user that the service runs as")
}

fn platform_key(dir: &Path) -> Option<Finding> {
    let path = dir.join("platform.key");
    match read(&path) {
        Ok(None) => None,
        Ok(Some(key)) if key.len() < SHORTEST_PLATFORM_KEY => Some(Finding::bad(
            Check::Keys,
            format!("the platform key in {} has {} characters", path.display(), key.len()),
            format!(
                "at least {SHORTEST_PLATFORM_KEY} are needed; remove the file, and the next start makes a new one"
            ),
        )),
        Ok(Some(_)) => None,
        Err(error) => Some(unreadable(&path, &error)),
    }
}

/// The master key, once it is known to fit; `None` when there is nothing yet that it must fit.
fn master_key(settings: &Settings, dir: &Path, seen: &Seen) -> Result<Option<MasterKey>, Finding> {
    let path = dir.join("master.key");
    let check_value = seen.inspection.as_ref().and_then(|inspection| inspection.check_value.as_deref());
    let (key, origin) = match &settings.general.master_key {
        Some(text) => (text.to_key(), "the master key of the settings".to_owned()),
        None => match read(&path).map_err(|error| unreadable(&path, &error))? {
            Some(text) => {
                let key = text.parse().map_err(|error: workbell_signing::Error| {
                    let seen = format!("{} holds no master key: {error}", path.display());
                    Finding::bad(Check::Keys, seen, "put the right one there, or restore it from its copy")
                })?;
                (key, path.display().to_string())
            }
            None if check_value.is_some() => {
                let seen = format!("{} is missing, but the store was made with a master key", path.display());
                let advice = "put it back, or give it as WORKBELL_MASTER_KEY";
                return Err(Finding::bad(Check::Keys, seen, advice));
            }
            None => return Ok(None),
        },
    };
    match check_value {
        Some(value) if !key.matches(value) => {
            let seen = format!("{origin} is not the key that this store was made with");
            Err(Finding::bad(Check::Keys, seen, "what is sealed opens with that one only: put it back"))
        }
        Some(_) => Ok(Some(key)),
        None => Ok(None),
    }
}

fn signing_keys(settings: &Settings, master: &MasterKey, inspection: &Inspection) -> Vec<Finding> {
    let read = inspection.keys.iter().map(|key| StoredKey::from_record(&key.key_id, &key.record));
    let options = settings.token_options(settings.general.listen);
    let ring = read.collect::<Result<Vec<_>, _>>().and_then(|stored| {
        if stored.is_empty() { Ok(None) } else { KeyRing::load(stored, master, options).map(Some) }
    });
    let ring = match ring {
        Ok(Some(ring)) => ring,
        // The first start was cut off before they were made.
        Ok(None) => return vec![Finding::good(Check::Keys, "the signing keys are made at the next start")],
        Err(error) => {
            let seen = format!("the signing keys cannot be opened: {error}");
            return vec![Finding::bad(
                Check::Keys,
                seen,
                "restore store and master key from the same backup",
            )];
        }
    };
    let now = Timestamp::from_system(SystemTime::now());
    let keys = ring.keys(now);
    let ending: Vec<Finding> = keys.iter().filter_map(|key| near_its_end(key, now)).collect();
    if ending.is_empty() {
        vec![Finding::good(Check::Keys, format!("they fit each other; {} signing keys open", keys.len()))]
    } else {
        ending
    }
}

fn near_its_end(key: &KeyInfo, now: Timestamp) -> Option<Finding> {
    let end = key.not_after.filter(|end| *end < now.plus(CERTIFICATE_NOTICE))?;
    (key.state == KeyState::Current).then(|| {
        let seen = format!("the certificate of key {} ends at {end}", key.key_id);
        Finding::warning(Check::Keys, seen, "workbell keys rotate, and tell receivers of the new certificate")
    })
}
