//! Writes `workbell.example.toml` and the docs page of the settings from the table in the code.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::write(root.join("workbell.example.toml"), workbell_server::settings::example())?;
    std::fs::create_dir_all(root.join("docs/src"))?;
    std::fs::write(root.join("docs/src/settings.md"), workbell_server::settings::page())
}
