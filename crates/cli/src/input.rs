//! Files that are read whole, `-` for standard input.

use std::io::Read as _;
use std::path::Path;

use crate::failure::Failure;

/// Longest input, in bytes.
///
/// 64 MiB, above any limit that a service would take.
const LONGEST: u64 = 64 * 1024 * 1024;

/// The contents of `path`, or of standard input when it is `-`.
///
/// # Errors
/// When it cannot be read or is too long.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let (what, outcome) = if path == Path::new("-") {
        ("standard input".to_owned(), std::io::stdin().lock().take(LONGEST + 1).read_to_end(&mut bytes))
    } else {
        let file = std::fs::File::open(path);
        (path.display().to_string(), file.and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes)))
    };
    match outcome {
        Ok(length) if length as u64 > LONGEST => {
            Err(Failure::Failed(format!("{what} is longer than 64 MiB")))
        }
        Ok(_) => Ok(bytes),
        Err(source) => Err(Failure::Unreadable { what, source }),
    }
}
