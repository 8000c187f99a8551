//! A receiver behind TLS, and the end of its certificate.

use std::io::Write as _;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use workbell_emulator::SenderOptions;
use workbell_emulator::check::{Grade, Options, Outcome, Probe, Report};

use crate::wrong::{Receiver, Wrong};
use crate::{check, ended, identity, options};

/// What becomes of a receiver whose certificate began and ends this many days from now.
async fn behind_tls((began, ends): (i64, i64)) -> Report {
    let day = |days: i64| rcgen::date_time_ymd(1970, 1, 1) + span(days);
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.distinguished_name.push(DnType::CommonName, "an authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    (authority.not_before, authority.not_after) = (day(-400), day(4000));
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(authority.self_signed(&key).unwrap().pem().as_bytes()).unwrap();
    let issuer = Issuer::new(authority, key);

    let key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    (leaf.not_before, leaf.not_after) = (day(began), day(ends));
    let certificate = leaf.signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let who = identity();
    let receiver = Receiver::start(Wrong::Nothing, who, Some(Arc::new(config)));
    let sender = SenderOptions { ca_file: Some(file.path().to_owned()), ..options().sender };
    let url = format!("https://{}/hooks", receiver.address);
    check(&url, who, Options { sender, ..options() }).await
}

/// From the beginning of 1970 to this many days from now.
fn span(days: i64) -> std::time::Duration {
    let now = crate::now().unix_seconds();
    std::time::Duration::from_secs(u64::try_from(now + days * 86_400).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_ends_soon_is_found() {
    let report = behind_tls((-80, 10)).await;
    assert_eq!(ended(&report, Outcome::Failed), [Probe::Certificate], "{:#?}", report.findings);
    assert_eq!(report.grade(), Grade::B);
    assert!(report.finding(Probe::Tls).unwrap().came.starts_with("TLSv1.3"));
    assert!(report.finding(Probe::Certificate).unwrap().came.contains("in 9 days"), "{report:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_lives_for_a_week_only_is_none_of_those() {
    let report = behind_tls((-1, 6)).await;
    assert_eq!(ended(&report, Outcome::Failed), [], "{:#?}", report.findings);
    assert_eq!(report.grade(), Grade::A);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_session_nothing_else_is_judged() {
    let report = behind_tls((-80, -1)).await;
    assert_eq!(ended(&report, Outcome::Failed), [Probe::Tls], "{:#?}", report.findings);
    assert_eq!(report.grade(), Grade::F);
    assert!(report.finding(Probe::Tls).unwrap().came.contains("expired"), "{report:#?}");
}
