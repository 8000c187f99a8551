//! What the ring signs is verified by others than itself; rotation on a time line; reuse of tokens.

#![expect(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use workbell_signing::{
    Change, Error, Form, KeyKind, KeyRing, KeyState, MasterKey, Options, Recipient, StoredKey, TokenCache,
};
use workbell_wire::Timestamp;
use workbell_wire::token::{Check, Expect, Grant, Purpose, verify};

const BITS: u32 = 2048;
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);
const LEAD: Duration = Duration::from_secs(7 * 24 * 3600);

struct World {
    master: MasterKey,
    stored: Vec<StoredKey>,
    ring: KeyRing,
    /// What a rotation with [`LEAD`] at [`start`] gives.
    rotation: Change,
}

fn start() -> Timestamp {
    "2026-03-01T12:00:00.25Z".parse().unwrap()
}

/// One ring for all tests: RSA keys are dear.
fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let master = MasterKey::from_bytes(&[5; 32]);
        let stored = StoredKey::first_ones(start(), BITS, &master).unwrap();
        let ring = KeyRing::load(stored.clone(), &master, Options::default()).unwrap();
        let rotation = ring.rotate(start(), LEAD, BITS, &master).unwrap();
        World { master, stored, ring, rotation }
    })
}

fn recipient() -> Recipient {
    Recipient {
        client_id: "client-7".into(),
        endpoint: "0198f0a0-0000-7000-8000-000000000001".into(),
        destination: "https://cmms.example:8443".into(),
    }
}

fn expect(now: Timestamp) -> Expect<'static> {
    Expect {
        audience: Some("CorrigoProDirect"),
        endpoint: Some("0198f0a0-0000-7000-8000-000000000001"),
        destination: Some("https://cmms.example:8443"),
        ..Expect::at(now)
    }
}

fn states(ring: &KeyRing, now: Timestamp) -> Vec<KeyState> {
    ring.keys(now).into_iter().filter(|key| key.kind == KeyKind::Token).map(|key| key.state).collect()
}

#[test]
fn a_minted_token_is_valid_with_the_published_certificate_and_lives_twenty_minutes() {
    let ring = &world().ring;
    let token = ring.mint_token(&recipient(), start()).unwrap();
    assert!(token.text.starts_with("H4sI"));
    assert_eq!(token.issued, "2026-03-01T11:59:55Z".parse().unwrap());
    assert_eq!(token.expires, "2026-03-01T12:19:55Z".parse().unwrap());
    let certificates = ring.certificates(start());
    let report = verify(&token.text, &certificates, &expect(start()));
    assert!(report.is_valid(), "{:?}", report.failure());
    let late = verify(&token.text, &certificates, &expect(token.expires.plus(Duration::from_secs(61))));
    assert_eq!(late.failure().map(|(check, _)| check), Some(Check::Expired));
}

#[test]
fn without_gzip_the_token_is_plain_json_and_as_valid() {
    let world = world();
    let options = Options { gzip: false, audience: "Portal".into(), ..Options::default() };
    let ring = KeyRing::load(world.stored.clone(), &world.master, options).unwrap();
    let token = ring.mint_token(&recipient(), start()).unwrap();
    assert!(token.text.starts_with("eyJ"));
    let expect = Expect { audience: Some("Portal"), ..expect(start()) };
    assert!(verify(&token.text, &world.ring.certificates(start()), &expect).is_valid());
}

#[test]
fn the_verifier_in_python_takes_the_token_with_the_published_pem_and_no_other() {
    let ring = &world().ring;
    let folder = std::env::temp_dir().join(format!("workbell-signing-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let pem = folder.join("certificates.pem");
    std::fs::write(&pem, ring.certificates_pem(start())).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../wire/vectors/verify_token.py");
    let judge = |token: &str, endpoint: &str| {
        let mut child = Command::new("python3")
            .args([script, "--now", "2026-03-01T12:00:00Z", "--audience", "CorrigoProDirect"])
            .args(["--destination", "https://cmms.example:8443", "--endpoint", endpoint, "--certificate"])
            .arg(&pem)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), token.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), answer["failed"].to_string())
    };
    let token = ring.mint_token(&recipient(), start()).unwrap().text;
    let access = ring.mint_access_token("client-7", grant(), start()).unwrap().text;
    let endpoint = &recipient().endpoint;
    let results =
        [judge(&format!("Bearer {token}\n"), endpoint), judge(&token, "another"), judge(&access, endpoint)];
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(results[0], (Some(0), "[]".to_owned()));
    assert_eq!(results[1], (Some(1), r#"["endpoint"]"#.to_owned()));
    assert_eq!(results[2], (Some(1), r#"["signature","use","endpoint","destination"]"#.to_owned()));
}

fn grant() -> Grant {
    Grant { company: "acme".to_owned(), generation: "1".to_owned() }
}

#[test]
fn an_access_token_opens_the_direct_api_and_nothing_else() {
    let ring = &world().ring;
    let access = ring.mint_access_token("client-7", grant(), start()).unwrap();
    assert_eq!(access.expires.since(start()).as_secs(), 1199);
    let direct = Expect { purpose: Purpose::Access, ..Expect::at(start()) };
    assert!(verify(&access.text, &ring.access_certificates(start()), &direct).is_valid());
    let published = verify(&access.text, &ring.certificates(start()), &Expect::at(start()));
    assert_eq!(published.failure().map(|(check, _)| check), Some(Check::Signature));
    let trusting = verify(&access.text, &ring.access_certificates(start()), &Expect::at(start()));
    assert_eq!(trusting.failure().map(|(check, _)| check), Some(Check::Use));
    let token = ring.mint_token(&recipient(), start()).unwrap();
    let report = verify(&token.text, &ring.access_certificates(start()), &direct);
    assert_eq!(report.failure().map(|(check, _)| check), Some(Check::Signature));
    for certificate in ring.access_certificates(start()) {
        assert!(!ring.certificates(start()).iter().any(|it| it.fingerprint() == certificate.fingerprint()));
    }
}

#[derive(serde::Deserialize)]
struct JwtClaims {
    iss: String,
    aud: String,
    sub: String,
    client_id: String,
    iat: i64,
    exp: i64,
    jti: String,
    endpoint: String,
}

#[test]
fn a_jwt_library_verifies_the_other_form_from_the_key_set() {
    use jsonwebtoken::jwk::JwkSet;
    use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
    let ring = &world().ring;
    let minted = ring.mint_jwt(&recipient(), start()).unwrap();
    let header = decode_header(&minted.text).unwrap();
    assert_eq!((header.typ.as_deref(), header.alg), (Some("at+jwt"), Algorithm::ES256));
    let keys: JwkSet = serde_json::from_str(&ring.jwks(start())).unwrap();
    let key = DecodingKey::from_jwk(keys.find(&header.kid.unwrap()).unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_audience(&["https://cmms.example:8443"]);
    validation.set_issuer(&["http://127.0.0.1:8080"]);
    // The library judges by the system clock, which a test must not depend on; the times are compared below.
    validation.validate_exp = false;
    let claims = decode::<JwtClaims>(&minted.text, &key, &validation).unwrap().claims;
    assert_eq!(
        (claims.iss.as_str(), claims.aud.as_str()),
        ("http://127.0.0.1:8080", "https://cmms.example:8443")
    );
    assert_eq!((claims.sub.as_str(), claims.client_id.as_str()), ("client-7", "client-7"));
    assert_eq!((claims.iat, claims.exp), (start().unix_seconds() - 5, start().unix_seconds() - 5 + 1200));
    assert_eq!(claims.endpoint, recipient().endpoint);
    assert_eq!(claims.jti.len(), 36);
    validation.set_audience(&["https://other.example"]);
    assert!(decode::<JwtClaims>(&minted.text, &key, &validation).is_err());
}

#[test]
fn the_certificate_is_of_ten_years_and_2048_bits() {
    let certificates = world().ring.certificates(start());
    let [certificate] = certificates.as_slice() else { panic!("{certificates:?}") };
    assert_eq!(certificate.bits(), 2048);
    assert_eq!(certificate.not_before(), "2026-03-01T11:00:00Z".parse().unwrap());
    assert_eq!(&certificate.not_after().to_string()[..10], "2036-03-01");
    assert_eq!(world().ring.certificate_ends(start()), Some(certificate.not_after()));
}

#[test]
fn a_rotation_publishes_at_once_signs_after_the_lead_and_drops_the_old_key_with_its_last_token() {
    let World { master, ring, rotation, .. } = world();
    let ring = ring.after(rotation, master).unwrap();
    let old = world().ring.signing_key_id(KeyKind::Token, start()).unwrap();
    let switch = start().plus(LEAD);
    let ends = switch.plus(20 * MINUTE).plus(MINUTE);

    assert_eq!(states(&ring, start()), [KeyState::Next, KeyState::Current]);
    assert_eq!(ring.certificates(start()).len(), 2);
    assert_eq!(ring.signing_key_id(KeyKind::Token, switch.minus(Duration::from_secs(1))), Some(old));
    let last = ring.mint_token(&recipient(), switch.minus(Duration::from_secs(1))).unwrap();

    assert_eq!(states(&ring, switch), [KeyState::Current, KeyState::Previous]);
    assert_ne!(ring.mint_token(&recipient(), switch).unwrap().key_id, old);
    let moment = last.expires.plus(MINUTE);
    assert!(verify(&last.text, &ring.certificates(moment), &expect(moment)).is_valid());
    assert_eq!(ring.due_changes(ends.minus(Duration::from_secs(1))), Change::default());

    assert_eq!(states(&ring, ends), [KeyState::Current, KeyState::Retired]);
    assert_eq!(ring.next_change(), Some(ends));
    assert_eq!(ring.certificates(ends).len(), 1);
    let due = ring.due_changes(ends);
    assert_eq!(due.removed.len(), 3);
    let ring = ring.after(&due, master).unwrap();
    assert_eq!(states(&ring, ends), [KeyState::Current]);
    assert_eq!(ring.next_change(), None);
    assert!(ring.due_changes(ends.plus(DAY)).is_empty());
}

#[test]
fn the_newest_certificate_stands_first_and_the_key_set_holds_both_keys() {
    let World { master, ring, rotation, .. } = world();
    let rotated = ring.after(rotation, master).unwrap();
    let pem = rotated.certificates_pem(start());
    let newest =
        rotation.put.iter().find(|key| key.kind == KeyKind::Token && key.retired_at.is_none()).unwrap();
    assert!(pem.starts_with(newest.certificate_pem.as_deref().unwrap()));
    assert!(pem.ends_with(&ring.certificates_pem(start())));
    let keys: serde_json::Value = serde_json::from_str(&rotated.jwks(start())).unwrap();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2);
}

#[test]
fn a_second_rotation_waits_for_the_first() {
    let World { master, ring, rotation, .. } = world();
    let rotated = ring.after(rotation, master).unwrap();
    let signs_from = start().plus(LEAD);
    assert_eq!(
        rotated.rotate(start().plus(DAY), LEAD, BITS, master),
        Err(Error::RotationUnderWay { signs_from })
    );
}

#[test]
fn for_a_leaked_key_all_keys_are_replaced_at_once() {
    let World { master, ring, rotation, .. } = world();
    let rotated = ring.after(rotation, master).unwrap();
    let mut cache = TokenCache::new();
    let old = cache.token(&rotated, Form::Token, &recipient(), start()).unwrap();
    let change = rotated.rotate_now(start(), BITS, master).unwrap();
    assert_eq!((change.put.len(), change.removed.len()), (3, 6));
    let fresh = rotated.after(&change, master).unwrap();
    assert_eq!(states(&fresh, start()), [KeyState::Current]);
    let report = verify(&old.text, &fresh.certificates(start()), &expect(start()));
    assert_eq!(report.failure().map(|(check, _)| check), Some(Check::Signature));
    let new = cache.token(&fresh, Form::Token, &recipient(), start()).unwrap();
    assert!(verify(&new.text, &fresh.certificates(start()), &expect(start())).is_valid());
    // A clock set back finds a key as well.
    assert!(fresh.mint_token(&recipient(), start().minus(DAY)).is_ok());
}

#[test]
fn a_ring_comes_back_from_its_stored_form() {
    let World { master, stored, ring, .. } = world();
    let read: Vec<StoredKey> =
        ring.stored().map(|key| StoredKey::from_record(&key.key_id, &key.to_record()).unwrap()).collect();
    assert_eq!(read.len(), stored.len());
    assert!(StoredKey::from_record("k1", "{}").unwrap_err().to_string().contains("signing key k1"));
    let again = KeyRing::load(read, master, Options::default()).unwrap();
    assert_eq!(again.certificates_pem(start()), ring.certificates_pem(start()));
    assert_eq!(again.keys(start()), ring.keys(start()));
    assert!(!format!("{ring:?}").contains("sealed"));
}

#[test]
fn another_master_key_and_exchanged_records_are_refused() {
    let World { master, stored, .. } = world();
    let other = MasterKey::from_bytes(&[6; 32]);
    let error = KeyRing::load(stored.clone(), &other, Options::default()).unwrap_err();
    assert!(matches!(error, Error::OtherMasterKey { .. }), "{error}");
    let mut exchanged = stored.clone();
    exchanged[0].sealed = stored[2].sealed.clone();
    let error = KeyRing::load(exchanged, master, Options::default()).unwrap_err();
    assert!(matches!(error, Error::SealBroken { .. }), "{error}");
    let mut bare = stored.clone();
    bare[0].certificate_pem = None;
    let error = KeyRing::load(bare, master, Options::default()).unwrap_err();
    assert!(error.to_string().ends_with("its certificate is missing"), "{error}");
}

#[test]
fn only_four_lengths_of_rsa_keys_are_made() {
    let made = StoredKey::generate(KeyKind::Token, start(), start(), 1024, &world().master);
    assert_eq!(made, Err(Error::KeyBits(1024)));
}

#[test]
fn a_token_is_reused_until_half_of_its_life_is_gone() {
    let ring = &world().ring;
    let mut cache = TokenCache::new();
    let first = cache.token(ring, Form::Token, &recipient(), start()).unwrap();
    let half = first.issued.plus(10 * MINUTE);
    let second = Duration::from_secs(1);
    let same = cache.token(ring, Form::Token, &recipient(), half.minus(second)).unwrap();
    assert!(Arc::ptr_eq(&first, &same));
    let next = cache.token(ring, Form::Token, &recipient(), half).unwrap();
    assert!(!Arc::ptr_eq(&first, &next));
    assert_eq!(next.issued, half.minus(5 * second));
    // And anew when the clock was set back before it was issued.
    let back = cache.token(ring, Form::Token, &recipient(), start()).unwrap();
    assert_eq!(back.issued, first.issued);
}

#[test]
fn a_token_is_minted_anew_when_key_client_destination_form_or_settings_change() {
    let World { master, stored, ring, rotation } = world();
    let mut cache = TokenCache::new();
    let mut last = cache.token(ring, Form::Token, &recipient(), start()).unwrap();
    let mut is_new = |cache: &mut TokenCache, ring: &KeyRing, form, recipient: &Recipient, now| {
        let token = cache.token(ring, form, recipient, now).unwrap();
        let new = !Arc::ptr_eq(&token, &last);
        assert!(Arc::ptr_eq(&token, &cache.token(ring, form, recipient, now).unwrap()));
        last = token;
        new
    };
    assert!(!is_new(&mut cache, ring, Form::Token, &recipient(), start()));
    let client = Recipient { client_id: "client-8".into(), ..recipient() };
    assert!(is_new(&mut cache, ring, Form::Token, &client, start()));
    let moved = Recipient { destination: "https://new.example".into(), ..client };
    assert!(is_new(&mut cache, ring, Form::Token, &moved, start()));
    assert!(is_new(&mut cache, ring, Form::Jwt, &moved, start()));
    let options = Options { issuer: "https://bell.example".into(), ..Options::default() };
    let other = KeyRing::load(stored.clone(), master, options).unwrap();
    assert!(is_new(&mut cache, &other, Form::Jwt, &moved, start()));
    // A published next key changes nothing before it signs.
    let rotated = other.after(rotation, master).unwrap();
    assert!(!is_new(&mut cache, &rotated, Form::Jwt, &moved, start()));
    let switch = start().plus(LEAD);
    assert!(is_new(&mut cache, &rotated, Form::Jwt, &moved, switch.minus(Duration::from_secs(1))));
    assert!(is_new(&mut cache, &rotated, Form::Jwt, &moved, switch));
}
