//! Settings: where values come from, which faults stop the start, and with which words.

#![expect(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

mod faults;
mod output;

use std::path::PathBuf;
use std::time::Duration;

use workbell_server::settings::{KEYS, LogFormat, Overrides, Settings};

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
    let minutes = |n: u64| Duration::from_secs(n * 60);
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
        "public_url = \"https://bell.example/\"\ndatabase = \"sqlite:\"\ndata_dir = \"/var/lib/x\"\n\
         [delivery]\nretry_schedule = [\"1s\", \"2ms\"]\nretry_jitter = 0\nhold_limit = \"0s\"\n\
         [egress]\nallow = [\"10.1.2.3/8\", \"192.0.2.7\", \"fd00::/8\"]\nhttp = false\n\
         [retention]\nmax_size = \"2GiB\"\n[metrics]\nlisten = \"[::1]:9000\"\n[log]\nformat = \"json\"\n",
    )
    .unwrap();
    let from_variables = from_variables(&[
        ("WORKBELL_PUBLIC_URL", "https://bell.example/"),
        ("WORKBELL_DATABASE", "sqlite:"),
        ("WORKBELL_DATA_DIR", "/var/lib/x"),
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
        assert_eq!(settings.sqlite_file(), Some(PathBuf::from("/var/lib/x/workbell.db")));
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
fn a_default_that_another_key_leaves_no_room_for_is_cut_to_it() {
    let settings =
        from_file("[delivery]\ntimeout = \"5s\"\nmax_in_flight = 4\n[limits]\nbatch_body = \"100KiB\"\n")
            .unwrap();
    assert_eq!(settings.delivery.connect_timeout, Duration::from_secs(5));
    assert_eq!(settings.delivery.endpoint_concurrency, 4);
    assert_eq!(settings.limits.body, settings.limits.batch_body);
}
