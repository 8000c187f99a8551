//! TLS: what is accepted, and how a refusal is named.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use workbell_egress::{Client, Error, Failure, Policy, Pool, Request, TlsReason};

use crate::stage::{OK, Stage, request, status};

/// An authority, as a file for the client.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    file: tempfile::NamedTempFile,
}

/// The years in which a certificate is valid.
type Years = (i32, i32);
const VALID: Years = (2020, 2120);

fn params(names: &[&str], (from, to): Years) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("params");
    (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
    params
}

impl Authority {
    /// Each has a name of its own, as authorities have.
    fn new() -> Authority {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let key = KeyPair::generate().expect("a key");
        let mut params = params(&[], VALID);
        let name = format!("authority {}", COUNT.fetch_add(1, Relaxed));
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate");
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(certificate.pem().as_bytes()).expect("written");
        Authority { issuer: Issuer::new(params, key), file }
    }

    fn acceptor(
        &self,
        name: &str,
        years: Years,
        versions: &[&'static SupportedProtocolVersion],
    ) -> TlsAcceptor {
        let key = KeyPair::generate().expect("a key");
        let certificate = params(&[name], years).signed_by(&key, &self.issuer).expect("a certificate");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
            )
            .expect("a certificate");
        TlsAcceptor::from(Arc::new(config))
    }

    fn pool(&self, stage: &Stage) -> Pool {
        let mut options = stage.options(Policy::public());
        options.ca_file = Some(self.file.path().to_owned());
        Client::new(options).expect("a client").pool(4)
    }
}

fn serve(stage: &Stage, acceptor: TlsAcceptor) {
    stage.server(|wire| async move {
        let Ok(mut stream) = acceptor.accept(wire.into_stream()).await else { return };
        let mut seen = Vec::new();
        let mut buffer = [0; 32 * 1024];
        while let Ok(read) = stream.read(&mut buffer).await
            && read > 0
        {
            seen.extend_from_slice(&buffer[..read]);
            if seen.ends_with(b"{\"Header\":{}}") {
                seen.clear();
                stream.write_all(OK.as_bytes()).await.expect("written");
                stream.flush().await.expect("flushed");
            }
        }
    });
}

fn hook() -> Request {
    request("https://hooks.example.com/in")
}

const BOTH: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS12, &rustls::version::TLS13];

#[tokio::test(start_paused = true)]
async fn a_certificate_of_a_given_authority_is_accepted_and_the_session_told() {
    for (version, described) in [
        (&rustls::version::TLS13, "TLSv1.3 TLS13_AES_256_GCM_SHA384"),
        (&rustls::version::TLS12, "TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
    ] {
        let (authority, stage) = (Authority::new(), Stage::new());
        serve(&stage, authority.acceptor("hooks.example.com", VALID, &[version]));
        let pool = authority.pool(&stage);
        let first = pool.send(hook()).await;
        assert_eq!((status(&first), first.tls.as_deref()), (200, Some(described)));
        assert!(first.certificate.as_ref().is_some_and(|der| der.starts_with(&[0x30])), "the leaf, DER");
        let second = pool.send(hook()).await;
        assert_eq!(second.certificate, first.certificate);
        assert_eq!((status(&second), second.reused, second.tls.as_deref()), (200, true, Some(described)));
        assert_eq!(stage.dialled()[0].port(), 443);
    }
}

#[tokio::test(start_paused = true)]
async fn large_bodies_over_tls_are_not_taken_for_early_answers() {
    let (authority, stage) = (Authority::new(), Stage::new());
    serve(&stage, authority.acceptor("hooks.example.com", VALID, &BOTH));
    let pool = authority.pool(&stage);
    for size in (15_000..17_000).step_by(97).chain([65_536, 262_144, 1_000_000]) {
        let mut body = vec![b'x'; size];
        body.extend_from_slice(b"{\"Header\":{}}");
        let attempted = pool.send(Request { body: body.into(), ..hook() }).await;
        assert_eq!(status(&attempted), 200, "{size}");
    }
}

async fn reason(pool: &Pool) -> TlsReason {
    let attempted = pool.send(hook()).await;
    let Err(Failure::TlsFailed(reason)) = attempted.result else { panic!("{:?}", attempted.result) };
    assert!(attempted.address.is_some() && attempted.request_headers.is_empty(), "nothing was sent");
    reason
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_a_certificate_is_named() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    for (acceptor, expected) in [
        (stranger.acceptor("hooks.example.com", VALID, &BOTH), "unknown issuer"),
        (authority.acceptor("hooks.example.com", (2019, 2020), &BOTH), "has expired"),
        (authority.acceptor("hooks.example.com", (2110, 2120), &BOTH), "not valid yet"),
        (authority.acceptor("other.example.com", VALID, &BOTH), "the certificate names"),
    ] {
        let stage = Stage::new();
        serve(&stage, acceptor);
        let text = reason(&authority.pool(&stage)).await.to_string();
        assert!(text.contains(expected), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_authority_is_refused_without_the_setting() {
    let (authority, other, stage) = (Authority::new(), Authority::new(), Stage::new());
    serve(&stage, authority.acceptor("hooks.example.com", VALID, &BOTH));
    let reason = reason(&other.pool(&stage)).await;
    assert_eq!(reason, TlsReason::UnknownIssuer);
    assert!(reason.to_string().contains("egress.ca_file"));
}

#[tokio::test(start_paused = true)]
async fn handshakes_that_fail_say_why() {
    let authority = Authority::new();
    let alert = |description: u8| vec![0x15, 3, 3, 0, 2, 2, description];
    for (answer, expected) in [
        (alert(40), TlsReason::NoCommonCipherSuite),
        (alert(71), TlsReason::NoCommonCipherSuite),
        (alert(70), TlsReason::VersionTooOld),
        (alert(116), TlsReason::ClientCertificateRequired),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), TlsReason::NotTls),
        (Vec::new(), TlsReason::Closed),
    ] {
        let stage = Stage::new();
        stage.server(|mut wire| async move {
            wire.body(5).await.expect("a client hello");
            wire.say(answer).await;
        });
        assert_eq!(reason(&authority.pool(&stage)).await, expected);
    }
    let text = TlsReason::NoCommonCipherSuite.to_string();
    assert!(text.contains("no common cipher suite"));
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_hangs_is_a_timeout_of_the_connect_time() {
    let (authority, stage) = (Authority::new(), Stage::new());
    stage.server(|mut wire| async move { wire.until_closed().await });
    let attempted = authority.pool(&stage).send(hook()).await;
    let failure = attempted.result.expect_err("a failure");
    assert_eq!(failure.to_string(), "the TLS handshake took longer than 10 s");
}

#[test]
fn a_file_of_authorities_that_holds_none_is_an_error_that_names_it() {
    for content in ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(content.as_bytes()).expect("written");
        let mut options = Stage::new().options(Policy::public());
        options.ca_file = Some(file.path().to_owned());
        let Err(Error::CaFile { path, .. }) = Client::new(options).map(|_| ()) else { panic!("{content}") };
        assert_eq!(path, file.path());
    }
}
