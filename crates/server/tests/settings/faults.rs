//! Which faults stop the start, and with which words.

use std::path::Path;

use workbell_server::settings::{Database, Error, Overrides, Settings};

use super::{MASTER, from_file, from_variables, load};

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
    // What `listen`, `check` and the recipes read.
    for name in ["WORKBELL_SECRET", "WORKBELL_CLIENT_SECRET", "WORKBELL_ENDPOINT", "WORKBELL_CERTIFICATES"] {
        assert!(from_variables(&[(name, "x")]).is_ok(), "{name}");
    }
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
            "workbell.toml:1: database: this version has no engine for postgres://…; leave database out, and the store is \
             workbell.db in the data dir\n\
             platform_key: must be given when the database is PostgreSQL; set WORKBELL_PLATFORM_KEY\n\
             master_key: must be given when the database is PostgreSQL; set WORKBELL_MASTER_KEY",
        ),
        (
            "[delivery]\ntimeout = \"5s\"\nconnect_timeout = \"6s\"",
            "workbell.toml:3: delivery.connect_timeout: is longer than delivery.timeout, which is for the whole attempt",
        ),
        (
            "[delivery]\nmax_in_flight = 8\nendpoint_concurrency = 9",
            "workbell.toml:3: delivery.endpoint_concurrency: is more than delivery.max_in_flight, which is for all \
             endpoints",
        ),
        (
            "[limits]\nbody = \"200KiB\"\nbatch_body = \"100KiB\"",
            "workbell.toml:2: limits.body: is more than limits.batch_body; a batch must hold at least one notification",
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
