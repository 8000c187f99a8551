//! What the recipes for receivers are run with: Java, Go, PHP, and what stands beside them.
//!
//! Runtimes that the machine lacks are installed from Debian's packages where that is allowed. What is only wanted by
//! the recipes (Spring, Tomcat and a library for JSON, a web server and the program that runs PHP behind it) is unpacked
//! into a folder of its own instead, and nothing is installed for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::succeeds;
use crate::step::{output, run as run_command};

/// A program, what makes it say its version, and the Debian package that has it.
const PROGRAMS: [(&str, &str, &str); 5] = [
    ("java", "--version", "default-jdk-headless"),
    ("javac", "--version", "default-jdk-headless"),
    ("go", "version", "golang-go"),
    ("php", "--version", "php-cli"),
    // The page that takes a token apart by hand.
    ("openssl", "version", "openssl"),
];

/// What is unpacked: a file that proves it is there (`%` for the version of PHP), and its package.
const UNPACKED: [(&str, &str); 12] = [
    ("usr/share/java/gson.jar", "libgoogle-gson-java"),
    ("usr/share/java/spring3-core.jar", "libspring-core-java"),
    ("usr/share/java/spring3-beans.jar", "libspring-beans-java"),
    ("usr/share/java/spring3-aop.jar", "libspring-aop-java"),
    ("usr/share/java/spring3-expression.jar", "libspring-expression-java"),
    ("usr/share/java/spring3-context.jar", "libspring-context-java"),
    ("usr/share/java/spring3-web.jar", "libspring-web-java"),
    ("usr/share/java/spring3-web.servlet.jar", "libspring-web-servlet-java"),
    ("usr/share/java/commons-logging.jar", "libcommons-logging-java"),
    ("usr/share/java/tomcat9-catalina.jar", "libtomcat9-java"),
    ("usr/sbin/lighttpd", "lighttpd"),
    ("usr/bin/php-cgi%", "php%-cgi"),
];

/// Installs what is missing, and gives the folder with what was unpacked.
///
/// # Errors
/// When something cannot be had.
pub(super) fn run(folder: PathBuf) -> Result<PathBuf> {
    for (program, version, package) in PROGRAMS {
        let is_there = || succeeds(Command::new(program).arg(version));
        if !is_there() {
            // Only root may; the message below says it to everybody else.
            let _refused = run_command(Command::new("apt-get").args([
                "install",
                "--yes",
                "--quiet",
                "--no-install-recommends",
                package,
            ]));
        }
        if !is_there() {
            bail!("the recipes need {program} (on Debian: apt-get install {package})");
        }
    }
    let php = output(Command::new("php").args(["-r", "echo PHP_MAJOR_VERSION.'.'.PHP_MINOR_VERSION;"]))?;
    for (file, package) in UNPACKED {
        let (file, package) = (file.replace('%', php.trim()), package.replace('%', php.trim()));
        if !folder.join(&file).exists() {
            unpack(&package, &folder)?;
        }
        if !folder.join(&file).exists() {
            bail!("the package {package} has no {file}");
        }
    }
    Ok(folder)
}

fn unpack(package: &str, folder: &Path) -> Result<()> {
    let download = folder.join("download");
    fs::create_dir_all(&download).with_context(|| format!("cannot make {}", download.display()))?;
    let fetch =
        || run_command(Command::new("apt-get").args(["download", "--quiet", package]).current_dir(&download));
    if fetch().is_err() {
        // The lists of packages may be missing or old.
        run_command(Command::new("apt-get").args(["update", "--quiet"]))?;
        fetch().with_context(|| format!("the recipes need files of the Debian package {package}"))?;
    }
    for entry in fs::read_dir(&download).with_context(|| format!("cannot read {}", download.display()))? {
        let file = entry?.path();
        run_command(Command::new("dpkg-deb").arg("--extract").arg(&file).arg(folder))?;
        fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
    }
    Ok(())
}
