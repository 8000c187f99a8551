//! `verify` against the vectors that another implementation made.

use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    verify: Verify,
}

struct Ran {
    status: u8,
    text: String,
}

/// Runs `verify` with `options` on `input`, trusting `certificates`.
fn run(certificates: &str, options: &[&str], input: &[u8]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("certificates.pem");
    std::fs::write(&file, certificates).unwrap();
    let words = ["verify", "--certificate", file.to_str().unwrap()];
    let line = Line::parse_from(words.iter().copied().chain(options.iter().copied()));
    let screen = Screen::pipe().captured();
    let status = match line.verify.judge(input, &screen) {
        Ok(()) => 0,
        Err(Failure::Shown) => 1,
        Err(failure) => {
            return Ran { status: failure.exit_status(), text: failure.to_string() };
        }
    };
    Ran { status, text: screen.printed() }
}

fn vector(path: &str) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../wire/vectors/");
    serde_json::from_str(&std::fs::read_to_string(format!("{folder}{path}")).unwrap()).unwrap()
}

fn text<'a>(vector: &'a Value, member: &str) -> &'a str {
    vector[member].as_str().unwrap()
}

/// The options that ask for what the vector expects.
fn options(vector: &Value) -> Vec<String> {
    let mut options = vec!["--at".to_owned(), text(vector, "now").to_owned()];
    for (member, option) in [("audience", "--audience"), ("endpoint", "--endpoint"), ("destination", "--url")]
    {
        if let Some(value) = vector["expect"][member].as_str() {
            options.extend([option.to_owned(), value.to_owned()]);
        }
    }
    options
}

fn run_vector(vector: &Value, more: &[&str]) -> Ran {
    let options = options(vector);
    let options: Vec<&str> = options.iter().map(String::as_str).chain(more.iter().copied()).collect();
    run(text(vector, "certificates"), &options, text(vector, "token").as_bytes())
}

#[test]
fn every_vector_is_judged_as_it_says_and_only_good_ones_give_status_0() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../wire/vectors/tokens");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let vector = vector(&format!("tokens/{name}"));
        let ran = run_vector(&vector, &[]);
        assert_eq!(ran.status == 0, vector["valid"].as_bool().unwrap(), "{name}\n{}", ran.text);
        seen += 1;
        if text(&vector, "token").is_empty() {
            // Nothing on standard input is told apart from a bad token.
            assert_eq!(ran.text, "there is nothing on standard input; pipe a token or a captured request in");
            continue;
        }
        for (check, verdict) in vector["checks"].as_object().unwrap() {
            let line = ran.text.lines().find(|line| line.starts_with(&format!("{check}  ")));
            let line = line.unwrap_or_else(|| panic!("{name}: {}", ran.text));
            let judged = line[check.len()..].trim_start();
            assert!(judged.starts_with(verdict.as_str().unwrap()), "{name}: {line}");
        }
        let matched = vector["matched"].as_str().map(|form| format!("matched: {form}, certificate "));
        match matched {
            Some(matched) => assert!(ran.text.contains(&matched), "{name}\n{}", ran.text),
            None => assert!(!ran.text.contains("\nmatched: "), "{name}\n{}", ran.text),
        }
    }
    assert!(seen > 20, "the vectors are there");
}

#[test]
fn what_was_not_asked_for_is_not_checked_and_never_passed() {
    let vector = vector("tokens/documented.json");
    let ran = run(
        text(&vector, "certificates"),
        &["--at", text(&vector, "now")],
        text(&vector, "token").as_bytes(),
    );
    assert_eq!(ran.status, 0);
    let lines: Vec<&str> = ran.text.lines().take(13).collect();
    assert_eq!(
        lines,
        [
            "shape          passed",
            "base64         passed",
            "gzip           passed",
            "JSON           passed",
            "signature      passed",
            "certificate    passed",
            "use            passed",
            "audience       not checked  --audience adds this check",
            "endpoint       not checked  --endpoint adds this check",
            "destination    not checked  --url adds this check",
            "not yet valid  passed",
            "expired        passed",
            "",
        ]
    );
    assert!(ran.text.ends_with("\ngood, not checked: audience, endpoint, destination\n"), "{}", ran.text);
}

#[test]
fn another_form_of_signature_is_named_and_fails() {
    let ran = run_vector(&vector("tokens/matched-sha1.json"), &[]);
    assert_eq!(ran.status, 1);
    let last = ran.text.lines().last().unwrap();
    assert_eq!(
        last,
        "bad: signature: matched: RSASSA-PKCS1-v1_5 with SHA-1 over the bytes; the documented form is \
         RSASSA-PKCS1-v1_5 with SHA-256 over the bytes"
    );
}

#[test]
fn a_programs_answer_has_all_checks() {
    let ran = run_vector(&vector("tokens/expired.json"), &["--json"]);
    assert_eq!(ran.status, 1);
    let answer: Value = serde_json::from_str(&ran.text).unwrap();
    assert_eq!(answer["Good"], false);
    assert_eq!(answer["Checks"].as_array().unwrap().len(), 12);
    assert_eq!(answer["Checks"][11]["Check"], "expired");
    assert_eq!(answer["Checks"][11]["Verdict"], "Failed");
}

/// A request with the token of one vector and headers and body of another.
fn request(token: &str, signed: &Value, body: &[u8]) -> Vec<u8> {
    let mut head = format!("POST /hooks HTTP/1.1\r\nAuthorization: Bearer {token}\r\n");
    for (name, value) in signed["headers"].as_object().unwrap() {
        let _ = write!(head, "{name}: {}\r\n", value.as_str().unwrap());
    }
    [format!("{head}Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

#[test]
fn the_signature_over_the_body_of_a_captured_request_is_checked_when_asked_for() {
    let token = vector("tokens/documented.json");
    let signed = vector("signatures/one-secret.json");
    let (certificates, now) = (text(&token, "certificates"), "2018-09-04T10:12:08Z");
    let body = decode(text(&signed, "body"));
    let good = request(text(&token, "token"), &signed, &body);
    let secret = signed["secrets"][0].as_str().unwrap();

    let ran = run(certificates, &["--at", now], &good);
    assert!(ran.text.contains("\nbody signature  not checked  --secret adds this check\n"), "{}", ran.text);
    assert_eq!(ran.status, 0);

    let ran = run(certificates, &["--at", now, "--secret", secret], &good);
    assert!(ran.text.contains("\nbody signature  passed\n"), "{}", ran.text);
    assert_eq!(ran.status, 0);

    let tampered = request(text(&token, "token"), &signed, &body.to_ascii_uppercase());
    let ran = run(certificates, &["--at", now, "--secret", secret], &tampered);
    assert!(
        ran.text.ends_with(
            "bad: body signature: no signature fits; the secret is another one, or the body was changed on the way\n"
        ),
        "{}",
        ran.text
    );
    assert_eq!(ran.status, 1);

    let ran = run(certificates, &["--at", now, "--secret", secret], text(&token, "token").as_bytes());
    assert_eq!(ran.status, 2);
    assert_eq!(
        ran.text,
        "--secret checks the body of a captured request; only a token stands on standard input"
    );
}

#[test]
fn every_vector_of_a_body_signature_is_judged_as_it_says() {
    let token = vector("tokens/documented.json");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../wire/vectors/signatures");
    let mut judged = [0, 0];
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let signed = vector(&format!("signatures/{name}"));
        let input = request(text(&token, "token"), &signed, &decode(text(&signed, "body")));
        let at = Timestamp::from_unix_seconds(signed["now"].as_i64().unwrap()).to_string();
        let secrets = signed["secrets"].as_array().unwrap().iter();
        let secrets = secrets.flat_map(|secret| ["--secret", secret.as_str().unwrap()]);
        let options: Vec<&str> = ["--at", &at].into_iter().chain(secrets).collect();
        let ran = run(text(&token, "certificates"), &options, &input);
        let is_valid = signed["valid"].as_bool().unwrap();
        let line = ran.text.lines().find_map(|line| line.strip_prefix("body signature  "));
        let line = line.unwrap_or_else(|| panic!("{name}: {}", ran.text));
        assert!(line.starts_with(if is_valid { "passed" } else { "failed" }), "{name}: {line}");
        assert_eq!(ran.status, u8::from(!is_valid), "{name}\n{}", ran.text);
        judged[usize::from(is_valid)] += 1;
    }
    assert!(judged.iter().all(|count| *count > 4), "{judged:?}");
}

#[test]
fn a_file_without_certificate_and_a_jwt_are_told_apart_from_a_bad_token() {
    let ran = run("hello\n", &[], b"abc<---->def");
    assert_eq!(ran.status, 1);
    assert!(
        ran.text.ends_with(
            "there is no -----BEGIN CERTIFICATE----- in the text; download the certificates from /certificates"
        ),
        "{}",
        ran.text
    );
    let token = vector("tokens/documented.json");
    let ran = run(text(&token, "certificates"), &[], b"eyJhbGciOiJFUzI1NiJ9.eyJhIjoxfQ.c2ln");
    assert_eq!(ran.status, 1);
    assert!(ran.text.contains("\nThis is a JWT:"), "{}", ran.text);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let line = Line::parse_from(["verify", "--certificate", "/nowhere.pem"]);
    let failure = line.verify.judge(b"abc<---->def", &Screen::pipe().captured()).unwrap_err();
    assert_eq!(failure.exit_status(), 1);
    assert!(failure.to_string().starts_with("/nowhere.pem cannot be read: "), "{failure}");
}

#[test]
fn the_url_counts_by_its_origin() {
    assert_eq!(origin("HTTPS://Bücher.Example:443/a?b").unwrap(), "https://xn--bcher-kva.example");
    assert_eq!(origin("http://127.0.0.1:9000/").unwrap(), "http://127.0.0.1:9000");
    assert_eq!(origin("ftp://x").unwrap_err(), "ftp: is no scheme of an endpoint; write https:// or http://");
}

fn decode(base64: &str) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let (mut kept, mut bits) = (0_u32, 0);
    for digit in base64.bytes().filter(|byte| *byte != b'=') {
        let value = ALPHABET.iter().position(|known| *known == digit).unwrap();
        kept = (kept << 6) | u32::try_from(value).unwrap();
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((kept >> bits) & 0xff).unwrap());
        }
    }
    bytes
}
