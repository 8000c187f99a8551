//! Licences of what we ship, and crates that must not come in.
//!
//! `deny.toml` says the same for those who have cargo-deny (and adds advisories); this needs nothing but cargo.
//! It reads `cargo tree`, not `cargo metadata`: the latter lists crates that no chosen feature brings in.

use anyhow::Result;

use crate::finding::{Finding, report};
use crate::repository::Repository;
use crate::step::{cargo, output};

/// Permissive licences, by SPDX name. Keep in step with `deny.toml`.
const ALLOWED_LICENCES: [&str; 14] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Crates that must not come in, and why. Keep in step with `deny.toml`.
const BANNED: [(&str, &str); 10] = [
    ("ring", "aws-lc-rs is our one cryptography library"),
    ("openssl", "rustls is our one TLS stack"),
    ("openssl-sys", "rustls is our one TLS stack"),
    ("native-tls", "rustls is our one TLS stack"),
    ("boring", "rustls is our one TLS stack"),
    ("rsa", "RUSTSEC-2023-0071"),
    ("sqlx", "a second libsqlite3-sys"),
    ("backoff", "unmaintained"),
    ("dotenv", "unmaintained"),
    ("serde_yaml", "unmaintained"),
];

/// Crates that may be there in one version only: two of them are two TLS, HTTP or SQLite stacks in one binary.
const SINGLE: [&str; 9] = [
    "aws-lc-rs",
    "aws-lc-sys",
    "http",
    "hyper",
    "libsqlite3-sys",
    "rustls",
    "rustls-webpki",
    "tokio",
    "tokio-rustls",
];

/// One crate of the tree.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Dependency {
    name: String,
    version: String,
    licence: String,
    /// What stands in brackets behind the version: a path, a repository, `proc-macro`.
    origin: String,
}

/// Checks everything that is built on any platform, for the binaries, their build scripts and tests.
///
/// # Errors
/// When cargo fails or a crate breaks a rule.
pub(crate) fn run(repository: &Repository) -> Result<()> {
    let arguments = ["tree", "--workspace", "--target", "all", "--edges", "normal,build,dev", "--locked"];
    let format = ["--prefix", "none", "--format", "{p}|{l}"];
    let tree = output(cargo(repository).args(arguments).args(format))?;
    let dependencies = read(&tree);
    report("dependencies", &format!("{} crates", dependencies.len()), judge(&dependencies))
}

fn read(tree: &str) -> Vec<Dependency> {
    let mut dependencies: Vec<Dependency> = tree.lines().filter_map(dependency).collect();
    dependencies.sort();
    dependencies.dedup();
    dependencies
}

/// Reads `name v1.2.3 (origin)|licence (*)`.
fn dependency(line: &str) -> Option<Dependency> {
    let (package, licence) = line.trim_end_matches(" (*)").split_once('|')?;
    let mut parts = package.splitn(3, ' ');
    Some(Dependency {
        name: parts.next()?.to_owned(),
        version: parts.next()?.trim_start_matches('v').to_owned(),
        licence: licence.to_owned(),
        origin: parts.next().unwrap_or_default().to_owned(),
    })
}

fn judge(dependencies: &[Dependency]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for dependency in dependencies {
        let Dependency { name, version, licence, origin } = dependency;
        let place = format!("{name} {version}");
        if !is_allowed(licence) {
            findings.push(Finding::about(
                &place,
                format!("licence {licence:?} is not in the list of allowed ones"),
            ));
        }
        if let Some((_, why)) = BANNED.iter().find(|(banned, _)| banned == name) {
            findings.push(Finding::about(&place, format!("must not come in: {why} (cargo tree -i {name})")));
        }
        if origin.contains("://") {
            findings.push(Finding::about(&place, format!("comes from {origin}, not from the registry")));
        }
    }
    for pair in dependencies.windows(2) {
        if pair[0].name == pair[1].name
            && pair[0].version != pair[1].version
            && SINGLE.contains(&&*pair[0].name)
        {
            let message = format!("is there beside {} (cargo tree -d)", pair[1].version);
            findings.push(Finding::about(&format!("{} {}", pair[0].name, pair[0].version), message));
        }
    }
    findings
}

/// Whether an SPDX expression can be met with allowed licences alone. The old `/` means OR.
fn is_allowed(expression: &str) -> bool {
    let spaced =
        expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ").replace(" WITH ", "~");
    let words: Vec<String> = spaced.split_whitespace().map(|word| word.replace('~', " WITH ")).collect();
    let mut words = words.iter().map(String::as_str).peekable();
    let allowed = any_of(&mut words);
    allowed && words.next().is_none()
}

type Words<'a, I> = std::iter::Peekable<I>;

fn any_of<'a, I: Iterator<Item = &'a str>>(words: &mut Words<'a, I>) -> bool {
    let mut allowed = all_of(words);
    while words.next_if_eq(&"OR").is_some() {
        allowed |= all_of(words);
    }
    allowed
}

fn all_of<'a, I: Iterator<Item = &'a str>>(words: &mut Words<'a, I>) -> bool {
    let mut allowed = one(words);
    while words.next_if_eq(&"AND").is_some() {
        allowed &= one(words);
    }
    allowed
}

fn one<'a, I: Iterator<Item = &'a str>>(words: &mut Words<'a, I>) -> bool {
    match words.next() {
        Some("(") => {
            let allowed = any_of(words);
            allowed && words.next() == Some(")")
        }
        Some(licence) => ALLOWED_LICENCES.contains(&licence),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_met_when_one_alternative_is_allowed_whole() {
        assert!(is_allowed("MIT"));
        assert!(is_allowed("MIT/Apache-2.0"));
        assert!(is_allowed("GPL-3.0 OR MIT"));
        assert!(is_allowed("(MIT OR GPL-3.0) AND Unicode-3.0"));
        assert!(is_allowed("Apache-2.0 WITH LLVM-exception OR GPL-3.0"));
        assert!(!is_allowed("MIT AND GPL-3.0"));
        assert!(!is_allowed("(MIT OR GPL-3.0) AND GPL-2.0"));
        assert!(!is_allowed(""));
    }

    #[test]
    fn banned_doubled_and_foreign_crates_are_found() {
        let tree = "a v1.0.0|MIT\nring v0.17.0|ISC\nrustls v0.23.0|MIT\nrustls v0.22.0|MIT (*)\n\
            b v1.0.0 (https://example.com/b#1)|MIT\na v1.0.0|MIT (*)\nc v1.0.0 (proc-macro)|GPL-3.0\n";
        assert_eq!(judge(&read(tree)).len(), 4);
        assert!(judge(&read("a v1.0.0|MIT\nb v1.0.0 (proc-macro)|MIT OR X\n")).is_empty());
    }
}
