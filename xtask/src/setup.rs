//! What the tests need beside cargo: independent implementations of token and signature in other languages.
//!
//! Python packages go into a virtual environment and a node package into a folder, both under `target/ci`,
//! so nothing is installed on the machine itself; runtimes of the recipes are (see `runtimes`). Tests find them through two variables (see [`Tools`]) or, when those
//! are not set, at these places.

mod runtimes;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::repository::Repository;
use crate::step::run as run_command;

/// Python packages: what pip installs, and the name that proves it is there.
const PYTHON_PACKAGES: [(&str, &str); 5] = [
    ("cryptography", "cryptography"),
    ("standardwebhooks", "standardwebhooks"),
    ("pyjwt", "jwt"),
    ("flask", "flask"),
    ("waitress", "waitress"),
];

/// Programs that the acceptance tests start: to run the book's tutorial, to see and to disturb system calls, to give
/// up privileges, to look at the portal. With the Debian package of each.
const PROGRAMS: [(&str, &str); 6] = [
    ("bash", "bash"),
    ("curl", "curl"),
    ("strace", "strace"),
    ("setpriv", "util-linux"),
    ("prlimit", "util-linux"),
    ("chromium", "chromium"),
];

/// Node packages: what npm installs, and the name that proves it is there. They check the signature, serve the recipe, drive the
/// browser, and look for what keeps people out of a page.
const NODE_PACKAGES: [(&str, &str); 4] = [
    ("standardwebhooks", "standardwebhooks"),
    ("express", "express"),
    ("playwright-core@1", "playwright-core"),
    ("axe-core@4", "axe-core"),
];

/// Where the tools are.
pub(crate) struct Tools {
    /// The interpreter with [`PYTHON_PACKAGES`].
    python: PathBuf,
    /// The folder that node looks for packages in.
    node_path: PathBuf,
    /// The folder that Debian packages were unpacked in.
    debian: PathBuf,
}

impl Tools {
    /// Tells a command's process where the tools are.
    pub(crate) fn hand_to(&self, command: &mut Command) {
        command
            .env("WORKBELL_TEST_PYTHON", &self.python)
            .env("WORKBELL_TEST_NODE_PATH", &self.node_path)
            .env("WORKBELL_TEST_DEBIAN", &self.debian);
    }
}

impl fmt::Display for Tools {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "WORKBELL_TEST_PYTHON={}", self.python.display())?;
        writeln!(out, "WORKBELL_TEST_NODE_PATH={}", self.node_path.display())?;
        write!(out, "WORKBELL_TEST_DEBIAN={}", self.debian.display())
    }
}

/// Installs what is missing and says where all of it is. A second run finds everything and takes no time.
///
/// # Errors
/// When a program is missing or a package cannot be installed.
pub(crate) fn run(repository: &Repository) -> Result<Tools> {
    for (program, package) in PROGRAMS {
        if !succeeds(Command::new(program).arg("--version")) {
            bail!("the tests need {program} (on Debian: apt-get install {package})");
        }
    }
    let folder = repository.root().join("target/ci");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(Tools {
        python: python(&folder.join("venv"))?,
        node_path: node(&folder.join("node"))?,
        debian: runtimes::run(folder.join("debian"))?,
    })
}

/// Installs what drives the browser, and nothing else; the folder that node looks for packages in.
///
/// # Errors
/// When a package cannot be installed.
pub(crate) fn browser(repository: &Repository) -> Result<PathBuf> {
    let folder = repository.root().join("target/ci/node");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    node(&folder)
}

fn python(venv: &Path) -> Result<PathBuf> {
    let interpreter = venv.join("bin/python");
    let imports = PYTHON_PACKAGES.map(|(_, import)| import).join(", ");
    let ready = || succeeds(Command::new(&interpreter).args(["-c", &format!("import {imports}")]));
    if ready() {
        return Ok(interpreter);
    }
    if venv.exists() {
        fs::remove_dir_all(venv).with_context(|| format!("cannot remove {}", venv.display()))?;
    }
    run_command(Command::new("python3").args(["-m", "venv"]).arg(venv))
        .context("the tests need Python 3 with its venv module (on Debian: apt-get install python3-venv)")?;
    let packages = PYTHON_PACKAGES.map(|(package, _)| package);
    let mut pip = Command::new(&interpreter);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(packages);
    run_command(&mut pip)?;
    if !ready() {
        bail!("{} still cannot import {imports}", interpreter.display());
    }
    Ok(interpreter)
}

fn node(folder: &Path) -> Result<PathBuf> {
    let node_path = folder.join("node_modules");
    let require = NODE_PACKAGES.map(|(_, name)| format!("require('{name}')")).join("; ");
    let ready = || succeeds(Command::new("node").args(["-e", &require]).env("NODE_PATH", &node_path));
    if ready() {
        return Ok(node_path);
    }
    let mut npm = Command::new("npm");
    npm.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"])
        .arg(folder)
        .args(NODE_PACKAGES.map(|(package, _)| package));
    run_command(&mut npm).context("the tests need node and npm (on Debian: apt-get install nodejs npm)")?;
    if !ready() {
        bail!("node still cannot load all packages from {}", node_path.display());
    }
    Ok(node_path)
}

fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
