//! What is written: the effective settings, the generated files, and no secret anywhere.

use std::path::Path;

use workbell_server::doctor::{Check, Depth, examine};
use workbell_server::settings::{KEYS, Overrides, Settings, example, page};

use super::{MASTER, from_file, from_variables, load};

#[test]
fn no_secret_is_shown_by_errors_debug_output_or_print_config() {
    let secrets = [
        ("WORKBELL_DATABASE", "postgres://user:pass-word-1@db.example/bell?password=pass-word-2"),
        ("WORKBELL_PLATFORM_KEY", "platform-key-0123456789"),
        ("WORKBELL_MASTER_KEY", MASTER),
        ("WORKBELL_ALERTS__SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ];
    let settings = from_variables(&secrets).unwrap();
    let shown = format!("{}{settings:?}", settings.print_config());
    for hidden in ["pass-word", "platform-key", "000102", "MfKQ9r8G"] {
        assert!(!shown.contains(hidden), "{hidden} in {shown}");
    }
    let printed = settings.print_config();
    assert!(
        printed.contains("database = \"postgres://(hidden)@db.example/bell\"  # WORKBELL_DATABASE\n"),
        "{printed}"
    );
    assert!(printed.contains("platform_key = \"(hidden)\"  # WORKBELL_PLATFORM_KEY\n"), "{printed}");
    for (name, value, message) in [
        (
            "WORKBELL_PLATFORM_KEY",
            "short-secret",
            "platform_key: the value has another form; allowed is a text of at least 16 visible ASCII characters, or nothing",
        ),
        (
            "WORKBELL_MASTER_KEY",
            "abcdef",
            "master_key: the value has another form; allowed is 32 bytes, as 64 hexadecimal digits or as base64, or nothing",
        ),
        (
            "WORKBELL_ALERTS__SECRET",
            "whsec_AAAA",
            "alerts.secret: the value has another form; allowed is whsec_ and the base64 of 24 to 64 bytes, or nothing",
        ),
        (
            "WORKBELL_DATABASE",
            "mysql://u:secret@h/n",
            "database: the value has another form; allowed is sqlite: (in the data directory), or postgres://USER:PASSWORD@HOST/NAME",
        ),
        (
            "WORKBELL_DATABASE",
            "sqlite:/var/lib/x.db",
            "database: the embedded store is always workbell.db in the data directory; to put it elsewhere set data_dir; \
             allowed is sqlite: (in the data directory), or postgres://USER:PASSWORD@HOST/NAME",
        ),
    ] {
        assert_eq!(from_variables(&[(name, value)]).unwrap_err(), format!("{name}: {message}"));
    }
}

#[test]
fn print_config_says_where_a_value_comes_from_and_is_a_file_again() {
    let settings = load(
        "[delivery]\nmax_attempts = 3\n",
        &[("WORKBELL_DELIVERY__RETRY_SCHEDULE", "1s,90s")],
        Overrides::new().set("listen", "--listen", "127.0.0.1:99"),
    )
    .unwrap();
    let printed = settings.print_config();
    for line in [
        "listen = \"127.0.0.1:99\"  # --listen",
        "retry_schedule = [\"1s\", \"90s\"]  # WORKBELL_DELIVERY__RETRY_SCHEDULE",
        "timeout = \"30s\"",
    ] {
        assert!(printed.lines().any(|printed| printed == line), "{line} in {printed}");
    }
    assert!(
        printed
            .lines()
            .any(|line| line.starts_with("max_attempts = 3  # ") && line.ends_with("workbell.toml:2")),
        "{printed}"
    );
    let again = from_file(&printed).unwrap();
    assert_eq!(again.delivery, settings.delivery);
    assert_eq!(again.general, settings.general);
}

#[test]
fn of_keys_in_files_print_config_says_where_they_are_and_shows_no_empty_text() {
    let printed = from_file("data_dir = \"/srv/bell\"").unwrap().print_config();
    for key in ["platform", "master"] {
        let line = format!("# {key}_key is the one in /srv/bell/{key}.key");
        assert!(printed.lines().any(|printed| printed == line), "{line} in {printed}");
        assert!(!printed.contains(&format!("{key}_key = ")), "{printed}");
    }
}

#[tokio::test]
async fn doctor_gives_each_fault_of_the_settings_a_finding_of_its_own() {
    let variables =
        [("WORKBELL_LISTEN", "here"), ("WORKBELL_TOKEN__GZIP", "maybe"), ("WORKBELL_COLOUR", "red")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let findings = examine(Settings::load(None, variables, Overrides::new()), Depth::Quick).await;
    let seen: Vec<_> = findings.iter().filter(|it| it.check == Check::Settings).map(|it| &it.seen).collect();
    assert_eq!(seen.len(), 3, "{findings:#?}");
    for name in ["WORKBELL_LISTEN", "WORKBELL_TOKEN__GZIP", "WORKBELL_COLOUR"] {
        let it = seen.iter().filter(|seen| seen.starts_with(&format!("{name}: "))).count();
        assert_eq!(it, 1, "{name} in {seen:?}");
    }
    assert!(seen.iter().all(|seen| !seen.contains('\n')), "{seen:?}");
}

#[test]
fn the_example_file_holds_the_defaults_of_every_key() {
    let uncommented: String = example()
        .lines()
        .map(|line| {
            let words = line.trim_start_matches("# ");
            let is_key = KEYS.iter().any(|key| words.starts_with(&format!("{} = ", key.name)));
            format!("{}\n", if is_key { words } else { line })
        })
        .collect();
    let settings = from_file(&uncommented).unwrap();
    let bare = |settings: &Settings| -> String {
        settings
            .print_config()
            .lines()
            .map(|line| format!("{}\n", line.split("  # ").next().unwrap()))
            .collect()
    };
    assert_eq!(bare(&settings), bare(&Settings::default()));
    // Of the two keys in files it says where they are instead.
    assert_eq!(settings.print_config().matches("  # ").count(), KEYS.len() - 2);
}

#[test]
fn generated_files_are_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (file, text) in [("workbell.example.toml", example()), ("docs/src/settings.md", page())] {
        let found = std::fs::read_to_string(root.join(file)).unwrap_or_default();
        assert!(
            found == text,
            "{file} is not up to date; run: cargo run -p workbell-server --example generate_settings"
        );
    }
}
