//! Writes the book's page about `workbell check` from the table of probes.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::write(root.join("docs/src/check.md"), workbell_emulator::check::page())
}
