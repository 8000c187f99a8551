//! The folder for state: there, ours alone, writable; the files in it for nobody else.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::{Access, access};

use super::finding::{Check, Finding};

/// Most files whose rights are told one by one.
const MOST_NAMED: usize = 5;

pub(super) fn check(dir: &Path) -> Vec<Finding> {
    let metadata = match fs::metadata(dir) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return vec![missing(dir)],
        Err(error) => {
            let seen = format!("{} cannot be looked at: {error}", dir.display());
            return vec![Finding::bad(Check::DataDir, seen, "run this as the user that the service runs as")];
        }
    };
    if !metadata.is_dir() {
        let seen = format!("{} is no folder", dir.display());
        return vec![Finding::bad(Check::DataDir, seen, "give another --data-dir")];
    }
    let mut findings = Vec::new();
    if access(dir, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let seen = format!(
            "{} cannot be written to by this user ({}); it belongs to {}",
            dir.display(),
            rustix::process::geteuid().as_raw(),
            metadata.uid()
        );
        findings.push(Finding::bad(
            Check::DataDir,
            seen,
            "make it writable for the user that the service runs as, and run doctor as that user",
        ));
    }
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let seen = format!("{} has mode {mode:04o}: other users can look into it", dir.display());
        let advice = format!("chmod 0700 {} (serve does it at its start)", dir.display());
        findings.push(Finding::warning(Check::DataDir, seen, advice));
    }
    findings.extend(files(dir));
    if findings.is_empty() {
        let seen = format!("{} is writable, and for its owner alone", dir.display());
        findings.push(Finding::good(Check::DataDir, seen));
    }
    findings
}

/// One that `serve` has yet to make: can it?
fn missing(dir: &Path) -> Finding {
    let there = dir.ancestors().skip(1).find(|path| path.as_os_str().is_empty() || path.exists());
    let parent = match there {
        Some(path) if !path.as_os_str().is_empty() => path,
        Some(_) | None => Path::new("."),
    };
    match access(parent, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Finding::good(
            Check::DataDir,
            format!("{} is not there yet; the first start makes it", dir.display()),
        ),
        Err(error) => Finding::bad(
            Check::DataDir,
            format!("{} is not there, and cannot be made in {}: {error}", dir.display(), parent.display()),
            "make it for the user that the service runs as, or give another --data-dir",
        ),
    }
}

fn files(dir: &Path) -> Option<Finding> {
    // That it cannot be listed was said above.
    let entries = fs::read_dir(dir).ok()?;
    let mut open: Vec<String> = entries
        .filter_map(Result::ok)
        .filter(|entry| {
            entry.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.mode() & 0o077 != 0)
        })
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    open.sort();
    let (number, last) = (open.len(), open.len().min(MOST_NAMED));
    let names = open.get(..last)?.join(", ");
    (number > 0).then(|| {
        let seen = format!("{number} files in it can be read by other users: {names}");
        Finding::warning(Check::DataDir, seen, format!("chmod 0600 {}/*", dir.display()))
    })
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::super::finding::Grade;
    use super::*;

    #[test]
    fn rights_of_others_are_told_with_the_command_that_takes_them_away() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("data");
        assert_eq!(check(&dir)[0].grade, Grade::Good, "it can be made");
        assert!(!dir.exists(), "a look makes nothing");
        fs::create_dir(&dir).unwrap();
        fs::set_permissions(&dir, Permissions::from_mode(0o750)).unwrap();
        fs::write(dir.join("master.key"), "x").unwrap();
        fs::set_permissions(dir.join("master.key"), Permissions::from_mode(0o644)).unwrap();
        let findings = check(&dir);
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[0].seen.contains("0750") && findings[1].seen.contains("master.key"), "{findings:?}");
        fs::set_permissions(&dir, Permissions::from_mode(0o700)).unwrap();
        fs::set_permissions(dir.join("master.key"), Permissions::from_mode(0o600)).unwrap();
        assert_eq!(check(&dir)[0].grade, Grade::Good);
    }

    #[test]
    fn a_file_in_its_place_is_bad() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("data");
        fs::write(&file, "x").unwrap();
        assert_eq!(check(&file)[0].grade, Grade::Bad);
    }
}
