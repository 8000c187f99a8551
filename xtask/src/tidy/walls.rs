//! The walls between the rooms inside the code: what may stand in one crate only.
//!
//! ARCHITECTURE.md, invariants 3, 8 and 10 and the list of rooms. Which crate may depend on which is the
//! matter of `rooms`; this looks at words in the code. Tests may do all of it.

use crate::finding::Finding;

use super::rust_source::RustSource;

/// Words that only some folders may use.
struct Wall {
    /// What it keeps in, for the message.
    what: &'static str,
    /// Folders inside of it, as the beginning of a path.
    inside: &'static [&'static str],
    /// Folders that it is about; empty means all.
    about: &'static [&'static str],
    /// Words of code.
    words: &'static [&'static str],
}

const WALLS: [Wall; 5] = [
    Wall {
        what: "outgoing sockets are opened in crates/egress only, where the address policy is",
        // The command line speaks to `--server`, and `bench` measures a bare client beside the service.
        inside: &["crates/egress/", "crates/cli/"],
        about: &[],
        words: &[
            "TcpStream::connect",
            "TcpSocket::",
            "UdpSocket::bind",
            "HttpConnector",
            "UnixStream::connect",
        ],
    },
    Wall {
        what: "private keys live in crates/signing only",
        inside: &["crates/signing/"],
        about: &[],
        words: &[
            "KeyPair",
            "RsaKeyPair",
            "EcdsaKeyPair",
            "Ed25519KeyPair",
            "PrivateKeyDer",
            "PrivatePkcs8KeyDer",
            "PrivateSec1KeyDer",
            "PrivatePkcs1KeyDer",
        ],
    },
    Wall {
        what: "wire and model take time and randomness as arguments",
        inside: &[],
        about: &["crates/wire/", "crates/model/"],
        words: &[
            "Instant::now",
            "SystemTime::now",
            "Timestamp::now",
            "Zoned::now",
            "Uuid::now_v7",
            "Uuid::new_v4",
            "SystemRandom::new",
            "getrandom::",
        ],
    },
    Wall {
        what: "wire and model do no I/O",
        inside: &[],
        about: &["crates/wire/", "crates/model/"],
        words: &["std::fs", "File::open", "tokio::", "TcpListener", "println!", "eprintln!"],
    },
    Wall {
        what: "the engine takes time from tokio's clock or a Clock",
        inside: &[],
        about: &["crates/delivery/"],
        words: &["std::time::Instant", "std::thread::sleep"],
    },
];

/// Where SQL may stand: the store, and later the inbox of the receiver library.
const SQL_ROOMS: [&str; 2] = ["crates/store/", "crates/receiver/"];

/// Statements that a string literal would begin with.
const SQL_STATEMENTS: [&str; 9] = [
    "SELECT ",
    "INSERT INTO ",
    "INSERT OR ",
    "REPLACE INTO ",
    "UPDATE ",
    "DELETE FROM ",
    "CREATE TABLE ",
    "CREATE INDEX ",
    "PRAGMA ",
];

/// What stands outside its room.
pub(super) fn of_source(source: &RustSource<'_>) -> Vec<Finding> {
    let path = source.path();
    if source.is_test_file() || path.starts_with("xtask/") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for wall in WALLS.iter().filter(|wall| wall.holds_for(path)) {
        for (number, line) in source.code_lines().filter(|(number, _)| !source.is_test_line(*number)) {
            for word in wall.words.iter().filter(|word| has_word(line, word)) {
                findings.push(Finding::at(path, number, format!("`{word}`: {}", wall.what)));
            }
        }
    }
    if !starts_with_any(path, &SQL_ROOMS) {
        for (number, literal) in source.literals().filter(|(number, _)| !source.is_test_line(*number)) {
            if is_sql(literal) {
                findings.push(Finding::at(path, number, "SQL belongs into crates/store"));
            }
        }
    }
    findings
}

impl Wall {
    fn holds_for(&self, path: &str) -> bool {
        !starts_with_any(path, self.inside) && (self.about.is_empty() || starts_with_any(path, self.about))
    }
}

fn starts_with_any(path: &str, folders: &[&str]) -> bool {
    folders.iter().any(|folder| path.starts_with(folder))
}

/// Whether the line has the word with no letter before or behind it.
fn has_word(line: &str, word: &str) -> bool {
    let part_of_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let behind = line[at + word.len()..].chars().next();
        !before.is_some_and(part_of_name)
            && (!word.ends_with(part_of_name) || !behind.is_some_and(part_of_name))
    })
}

/// Whether a literal is a statement: upper case, as all our SQL, and at its beginning.
fn is_sql(literal: &str) -> bool {
    let one_line = literal.split_whitespace().collect::<Vec<_>>().join(" ");
    SQL_STATEMENTS.iter().any(|statement| one_line.starts_with(statement))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> usize {
        of_source(&RustSource::read(path, text)).len()
    }

    #[test]
    fn sql_outside_the_store_is_found() {
        let text = "//! A.\nconst Q: &str = \"\n  SELECT a\n    FROM b\";\n";
        assert_eq!(findings("crates/server/src/a.rs", text), 1);
        assert_eq!(findings("crates/store/src/a.rs", text), 0);
        assert_eq!(findings("crates/server/src/a.rs", "//! A.\nconst Q: &str = \"Select one\";\n"), 0);
    }

    #[test]
    fn a_socket_outside_egress_is_found_but_not_in_tests() {
        let text = "//! A.\nfn f() { TcpStream::connect(a); }\n";
        assert_eq!(findings("crates/delivery/src/a.rs", text), 1);
        assert_eq!(findings("crates/egress/src/a.rs", text), 0);
        assert_eq!(findings("crates/delivery/tests/a.rs", text), 0);
        let in_tests = "//! A.\n#[cfg(test)]\nmod tests {\n    fn f() { TcpStream::connect(a); }\n}\n";
        assert_eq!(findings("crates/delivery/src/a.rs", in_tests), 0);
    }

    #[test]
    fn a_private_key_outside_signing_is_found_and_a_longer_name_is_not() {
        assert_eq!(findings("crates/server/src/a.rs", "//! A.\nuse rcgen::KeyPair;\n"), 1);
        assert_eq!(findings("crates/server/src/a.rs", "//! A.\nuse a::KeyPairs;\n"), 0);
    }

    #[test]
    fn a_clock_in_wire_is_found() {
        assert_eq!(findings("crates/wire/src/a.rs", "//! A.\nfn f() { SystemTime::now(); }\n"), 1);
        assert_eq!(findings("crates/server/src/a.rs", "//! A.\nfn f() { SystemTime::now(); }\n"), 0);
    }
}
