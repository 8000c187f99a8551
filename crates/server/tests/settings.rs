//! Settings: where values come from, which faults stop the start, and with which words.

#![expect(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use workbell_server::settings::{Database, Error, KEYS, LogFormat, Overrides, Settings, example, page};

const MASTER: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// The settings of a file `workbell.toml` with this text, variables and flags; file names in errors are cut short.
fn load(file: &str, variables: &[(&str, &str)], overrides: Overrides) -> Result<Settings, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("workbell.toml");
    std::fs::write(&path, file).unwrap();
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let prefix = format!("{}/", folder.path().display());
    Settings::load(Some(&path), variables, overrides).map_err(|error| error.to_string().replace(&prefix, ""))
}

fn from_file(text: &str) -> Result<Settings, String> {
    load(text, &[], Overrides::new())
}

fn from_variables(variables: &[(&str, &str)]) -> Result<Settings, String> {
    load("", variables, Overrides::new())
}

#[test]
fn without_anything_the_defaults_are_those_of_the_description() {
    let settings = Settings::load(None, [], Overrides::new()).unwrap();
    let minutes = |n| Duration::from_secs(n * 60);
    assert_eq!(settings.general.listen, "127.0.0.1:8080".parse().unwrap());
    assert_eq!(settings.platform_listen(), settings.general.listen);
    assert_eq!(settings.public_url("127.0.0.1:8080".parse().unwrap()), "http://127.0.0.1:8080");
    assert_eq!(settings.general.data_dir, PathBuf::from("./workbell-data"));
    assert_eq!(settings.sqlite_file(), Some(PathBuf::from("./workbell-data/workbell.db")));
    assert_eq!(settings.endpoint_defaults(), workbell_model::Defaults::default());
    assert_eq!(settings.delivery.retry_schedule.waits().len(), 5);
    assert_eq!((settings.delivery.max_in_flight, settings.delivery.down_after), (1024, 10));
    assert_eq!(settings.delivery.probe_interval, minutes(1));
    assert!(settings.egress.allow.is_empty() && settings.egress.deny.is_empty() && settings.egress.http);
    assert_eq!((settings.token.lifetime, settings.token.key_bits.0), (minutes(20), 2048));
    assert_eq!(settings.token.rotation_lead, minutes(7 * 24 * 60));
    assert_eq!(settings.retention.log, minutes(30 * 24 * 60));
    assert_eq!(settings.retention.max_size, None);
    assert_eq!((settings.limits.body.0, settings.limits.batch_body.0), (256 << 10, 16 << 20));
    assert_eq!(
        (settings.limits.batch, settings.limits.waiting, settings.limits.endpoints),
        (1000, 1_000_000, 20)
    );
    assert_eq!(settings.metrics.listen, None);
    assert_eq!(settings.log.format, LogFormat::Text);
    let options = settings.token_options("127.0.0.1:8080".parse().unwrap());
    assert_eq!(options, workbell_signing::Options::default());
}

#[test]
fn every_row_of_the_description_is_a_key_and_nothing_else() {
    let expected = "listen public_url data_dir database platform_key master_key platform.listen \
        delivery.retry_schedule delivery.retry_jitter delivery.max_attempts delivery.max_age delivery.timeout \
        delivery.connect_timeout delivery.max_in_flight delivery.endpoint_concurrency delivery.hold_limit \
        delivery.down_after delivery.probe_interval delivery.response_limit egress.allow egress.deny egress.http \
        egress.ca_file token.audience token.lifetime token.gzip token.key_bits token.rotation_lead \
        retention.notifications retention.log retention.max_size limits.body limits.batch limits.batch_body \
        limits.waiting limits.endpoints alerts.url alerts.secret metrics.listen log.format proxy.trusted";
    let keys: Vec<_> = KEYS.iter().map(|key| key.path).collect();
    assert_eq!(keys.join(" "), expected.split_whitespace().collect::<Vec<_>>().join(" "));
}

#[test]
fn a_variable_wins_over_the_file_and_a_flag_over_both() {
    let file = "listen = \"127.0.0.1:1\"\n[delivery]\nmax_attempts = 3\ntimeout = \"10s\"\n";
    let variables = [("WORKBELL_LISTEN", "127.0.0.1:2"), ("WORKBELL_DELIVERY__MAX_ATTEMPTS", "4")];
    let flags = Overrides::new().set("listen", "--listen", "127.0.0.1:3");
    let settings = load(file, &variables, flags).unwrap();
    assert_eq!(settings.general.listen.port(), 3);
    assert_eq!(settings.delivery.max_attempts, 4);
    assert_eq!(settings.delivery.timeout, Duration::from_secs(10));
}

#[test]
fn every_type_is_read_from_the_file_and_from_variables() {
    let from_file = from_file(
        "public_url = \"https://bell.example/\"\ndatabase = \"sqlite:/var/lib/x.db\"\n\
         [delivery]\nretry_schedule = [\"1s\", \"2ms\"]\nretry_jitter = 0\nhold_limit = \"0s\"\n\
         [egress]\nallow = [\"10.1.2.3/8\", \"192.0.2.7\", \"fd00::/8\"]\nhttp = false\n\
         [retention]\nmax_size = \"2GiB\"\n[metrics]\nlisten = \"[::1]:9000\"\n[log]\nformat = \"json\"\n",
    )
    .unwrap();
    let from_variables = from_variables(&[
        ("WORKBELL_PUBLIC_URL", "https://bell.example/"),
        ("WORKBELL_DATABASE", "sqlite:/var/lib/x.db"),
        ("WORKBELL_DELIVERY__RETRY_SCHEDULE", "1s, 2ms"),
        ("WORKBELL_DELIVERY__RETRY_JITTER", "0"),
        ("WORKBELL_DELIVERY__HOLD_LIMIT", "0s"),
        ("WORKBELL_EGRESS__ALLOW", "10.1.2.3/8,192.0.2.7,fd00::/8"),
        ("WORKBELL_EGRESS__HTTP", "false"),
        ("WORKBELL_RETENTION__MAX_SIZE", "2GiB"),
        ("WORKBELL_METRICS__LISTEN", "[::1]:9000"),
        ("WORKBELL_LOG__FORMAT", "json"),
    ])
    .unwrap();
    for settings in [from_file, from_variables] {
        assert_eq!(settings.public_url("127.0.0.1:8080".parse().unwrap()), "https://bell.example");
        assert_eq!(settings.sqlite_file(), Some(PathBuf::from("/var/lib/x.db")));
        let waits = [Duration::from_secs(1), Duration::from_millis(2)];
        assert_eq!(settings.delivery.retry_schedule.waits(), waits);
        assert!(settings.delivery.retry_jitter.abs() < f64::EPSILON);
        assert_eq!(settings.delivery.hold_limit, Duration::ZERO);
        let allowed: Vec<_> = settings.egress.allow.iter().map(ToString::to_string).collect();
        assert_eq!(allowed, ["10.0.0.0/8", "192.0.2.7/32", "fd00::/8"]);
        assert!(!settings.egress.http);
        assert_eq!(settings.retention.max_size.unwrap().0, 2 << 30);
        assert_eq!(settings.metrics.listen, Some("[::1]:9000".parse().unwrap()));
        assert_eq!(settings.log.format, LogFormat::Json);
    }
}

#[test]
fn dotted_keys_and_inline_tables_are_the_same_as_sections() {
    for text in
        ["delivery.max_attempts = 7", "delivery = { max_attempts = 7 }", "[delivery]\nmax_attempts = 7"]
    {
        assert_eq!(from_file(text).unwrap().delivery.max_attempts, 7, "{text}");
    }
}

#[test]
fn an_empty_list_and_an_empty_value_unset_what_the_file_says() {
    let file = "[egress]\nallow = [\"10.0.0.0/8\"]\n[metrics]\nlisten = \"127.0.0.1:9000\"\n";
    let variables = [("WORKBELL_EGRESS__ALLOW", ""), ("WORKBELL_METRICS__LISTEN", "off")];
    let settings = load(file, &variables, Overrides::new()).unwrap();
    assert!(settings.egress.allow.is_empty());
    assert_eq!(settings.metrics.listen, None);
}

#[test]
fn allow_loopback_adds_to_what_is_allowed() {
    let settings =
        load("[egress]\nallow = [\"10.0.0.0/8\"]\n", &[], Overrides::new().allow_loopback()).unwrap();
    let allowed: Vec<_> = settings.egress.allow.iter().map(ToString::to_string).collect();
    assert_eq!(allowed, ["10.0.0.0/8", "127.0.0.0/8", "::1/128"]);
}

#[test]
fn unknown_keys_are_named_with_file_line_and_what_may_be_meant() {
    for (text, message) in [
        (
            "\n[delivery]\n# a comment\nmax_atempts = 3\n",
            "workbell.toml:4: delivery.max_atempts: unknown key; did you mean delivery.max_attempts?",
        ),
        (
            "max_attempts = 3",
            "workbell.toml:1: max_attempts: unknown key; did you mean delivery.max_attempts?",
        ),
        (
            "[token]\ncolour = \"red\"",
            "workbell.toml:2: token.colour: unknown key; allowed in [token] are audience, lifetime, gzip, key_bits, \
             rotation_lead",
        ),
        (
            "colour = \"red\"",
            "workbell.toml:1: colour: unknown key; allowed are listen, public_url, data_dir, database, platform_key, \
             master_key, and the sections platform, delivery, egress, token, retention, limits, alerts, metrics, log, \
             proxy",
        ),
        (
            "listen = \"127.0.0.1:1\"\n[delivry]\ntimeout = \"1s\"",
            "workbell.toml:2: [delivry]: unknown section; allowed are platform, delivery, egress, token, retention, \
             limits, alerts, metrics, log, proxy",
        ),
        ("token = 3", "workbell.toml:1: token is a section; write [token] and the keys below it"),
        (
            "[[token]]\ngzip = true",
            "workbell.toml:1: token is a section; write [token] and the keys below it",
        ),
    ] {
        assert_eq!(from_file(text).unwrap_err(), message, "{text}");
    }
}

#[test]
fn bad_values_are_named_with_what_is_allowed() {
    let duration = "a duration such as 500ms, 30s, 5m, 1h, 10d";
    for (text, message) in [
        ("[delivery]\ntimeout = 30", format!("delivery.timeout: 30 has no unit; allowed is {duration}, from 1ms to 1h")),
        ("[delivery]\nhold_limit = \"90\"", format!("delivery.hold_limit: \"90\" has no unit; allowed is {duration}")),
        ("[delivery]\nhold_limit = \"1 hour\"", format!("delivery.hold_limit: \"1 hour\" is refused; allowed is {duration}")),
        ("[delivery]\ntimeout = \"2h\"", format!("delivery.timeout: 2h is out of range; allowed is {duration}, from 1ms to 1h")),
        (
            "[delivery]\nretry_schedule = [5, 10]",
            format!("delivery.retry_schedule: 5 has no unit; allowed is a list of 1 to 1000 waits; each is {duration}"),
        ),
        (
            "[delivery]\nretry_schedule = []",
            format!(
                "delivery.retry_schedule: there are none, or too many; allowed is a list of 1 to 1000 waits; each is \
                 {duration}"
            ),
        ),
        (
            "[limits]\nbody = 262144",
            "limits.body: 262144 has no unit; allowed is a size such as 16KiB, 4MiB, 1GiB, from 1KiB to 16MiB".to_owned(),
        ),
        (
            "[delivery]\nmax_attempts = \"200\"",
            "delivery.max_attempts: \"200\" is refused; allowed is a whole number, from 1 to 65535".to_owned(),
        ),
        (
            "[delivery]\nmax_attempts = 0",
            "delivery.max_attempts: 0 is out of range; allowed is a whole number, from 1 to 65535".to_owned(),
        ),
        (
            "[delivery]\nmax_attempts = 70000",
            "delivery.max_attempts: 70000 is refused; allowed is a whole number, from 1 to 65535".to_owned(),
        ),
        (
            "[delivery]\nretry_jitter = 1.5",
            "delivery.retry_jitter: 1.5 is out of range; allowed is a number, from 0 to 1".to_owned(),
        ),
        ("[token]\ngzip = \"yes\"", "token.gzip: \"yes\" is refused; allowed is true or false".to_owned()),
        ("[token]\nkey_bits = 1024", "token.key_bits: 1024 is refused; allowed is 2048, 3072 or 4096".to_owned()),
        ("[log]\nformat = \"xml\"", "log.format: \"xml\" is refused; allowed is text or json".to_owned()),
        (
            "[egress]\nallow = \"10.0.0.0/8\"",
            "egress.allow: \"10.0.0.0/8\" is no list; write [\"…\", \"…\"]; allowed is a list; each item is an IP network \
             such as 10.0.0.0/8, fd00::/8, 192.0.2.7"
                .to_owned(),
        ),
        (
            "[egress]\nallow = [\"10.0.0.0/40\"]",
            "egress.allow: \"10.0.0.0/40\" is refused; allowed is a list; each item is an IP network such as 10.0.0.0/8, \
             fd00::/8, 192.0.2.7"
                .to_owned(),
        ),
        (
            "[metrics]\nlisten = \"localhost:9000\"",
            "metrics.listen: \"localhost:9000\" is refused; allowed is an IP address with a port such as 127.0.0.1:8080, \
             0.0.0.0:443, [::1]:8080, or nothing"
                .to_owned(),
        ),
        (
            "[metrics]\nlisten = 2024-01-01",
            "metrics.listen: a date is refused; allowed is an IP address with a port such as 127.0.0.1:8080, \
             0.0.0.0:443, [::1]:8080, or nothing"
                .to_owned(),
        ),
    ] {
        assert_eq!(from_file(text).unwrap_err(), format!("workbell.toml:2: {message}"), "{text}");
    }
}

#[test]
fn variables_and_flags_are_named_as_such() {
    assert_eq!(
        from_variables(&[("WORKBELL_DELIVERY__TIMEOUT", "30")]).unwrap_err(),
        "WORKBELL_DELIVERY__TIMEOUT: delivery.timeout: \"30\" has no unit; allowed is a duration such as 500ms, 30s, \
         5m, 1h, 10d, from 1ms to 1h"
    );
    assert_eq!(
        from_variables(&[("WORKBELL_DELIVERY_MAX_ATTEMPTS", "3")]).unwrap_err(),
        "WORKBELL_DELIVERY_MAX_ATTEMPTS: unknown variable; did you mean WORKBELL_DELIVERY__MAX_ATTEMPTS?"
    );
    assert_eq!(
        from_variables(&[("WORKBELL_COLOUR", "red")]).unwrap_err(),
        "WORKBELL_COLOUR: unknown variable; variables are WORKBELL_ + section + __ + key, such as \
         WORKBELL_DELIVERY__TIMEOUT"
    );
    assert_eq!(
        load("", &[], Overrides::new().set("listen", "--listen", "8080")).unwrap_err(),
        "--listen: listen: \"8080\" is refused; allowed is an IP address with a port such as 127.0.0.1:8080, \
         0.0.0.0:443, [::1]:8080"
    );
    // Variables of others, and those that the command line reads itself, are no business of the settings.
    assert!(from_variables(&[("PATH", "/bin"), ("WORKBELL_SERVER", "http://127.0.0.1:8080")]).is_ok());
}

#[test]
fn all_faults_are_told_at_once() {
    let error = load(
        "lisen = \"127.0.0.1:1\"\n[delivery]\ntimeout = 3\n",
        &[("WORKBELL_TOKEN__GZIP", "maybe")],
        Overrides::new(),
    )
    .unwrap_err();
    let places: Vec<_> = error.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(places, ["workbell.toml:1", "workbell.toml:3", "WORKBELL_TOKEN__GZIP"]);
}

#[test]
fn a_file_that_is_missing_or_no_toml_is_named() {
    let missing =
        Settings::load(Some(Path::new("/nowhere/workbell.toml")), [], Overrides::new()).unwrap_err();
    assert!(matches!(missing, Error::Unreadable { .. }));
    assert!(
        missing.to_string().starts_with("cannot read the settings in /nowhere/workbell.toml: "),
        "{missing}"
    );
    for (text, place) in
        [("[delivery\n", "workbell.toml:1: "), ("[token]\ngzip = true\ngzip = false\n", "workbell.toml:3: ")]
    {
        let error = from_file(text).unwrap_err();
        assert!(error.starts_with(&format!("{place}this is no TOML: ")), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn what_no_single_key_can_know_is_checked_as_well() {
    for (text, message) in [
        (
            "database = \"postgres://u:p@h/n\"",
            "platform_key: must be given when the database is PostgreSQL; set WORKBELL_PLATFORM_KEY\n\
             master_key: must be given when the database is PostgreSQL; set WORKBELL_MASTER_KEY",
        ),
        (
            "[delivery]\ntimeout = \"5s\"",
            "delivery.connect_timeout: is longer than delivery.timeout, which is for the whole attempt",
        ),
        (
            "[delivery]\nmax_in_flight = 8\nendpoint_concurrency = 9",
            "workbell.toml:3: delivery.endpoint_concurrency: is more than delivery.max_in_flight, which is for all \
             endpoints",
        ),
        (
            "[limits]\nbatch_body = \"100KiB\"",
            "limits.body: is more than limits.batch_body; a batch must hold at least one notification",
        ),
        (
            "[alerts]\nurl = \"https://a.example\"",
            "alerts.secret: must be given with alerts.url, for alerts are signed; a secret is whsec_ and base64",
        ),
    ] {
        assert_eq!(from_file(text).unwrap_err(), message, "{text}");
    }
    let variables = [
        ("WORKBELL_DATABASE", "postgres://u:p@h/n"),
        ("WORKBELL_PLATFORM_KEY", "0123456789abcdef"),
        ("WORKBELL_MASTER_KEY", MASTER),
    ];
    let settings = from_variables(&variables).unwrap();
    assert!(matches!(settings.general.database, Database::Postgres(_)));
    assert_eq!(settings.sqlite_file(), None);
    assert_eq!(settings.general.master_key.unwrap().to_key().to_text(), MASTER);
}

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
            "database: the value has another form; allowed is sqlite: (in the data directory), sqlite:FILE, or postgres://USER:PASSWORD@HOST/NAME",
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
    assert_eq!(settings.print_config().matches("  # ").count(), KEYS.len());
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
