//! TLS 1.2 and 1.3, certificates always checked.
//!
//! The machine's authorities are read when the first https endpoint is dialled: a service that has none
//! starts faster and stays smaller, and a machine without authorities can still serve http.

use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, InvalidMessage, PeerIncompatible, crypto::aws_lc_rs,
};
use rustls_platform_verifier::Verifier;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::client::Error;
use crate::dial::Io;
use crate::failure::TlsReason;

/// Makes TLS sessions.
pub(crate) struct Tls {
    extra: Vec<CertificateDer<'static>>,
    config: OnceLock<Result<Arc<ClientConfig>, TlsReason>>,
}

impl Tls {
    pub(crate) fn new(ca_file: Option<&Path>) -> Result<Tls, Error> {
        let extra = match ca_file {
            Some(path) => {
                authorities(path).map_err(|reason| Error::CaFile { path: path.to_owned(), reason })?
            }
            None => Vec::new(),
        };
        Ok(Tls { extra, config: OnceLock::new() })
    }

    /// Agrees on TLS over a connection.
    pub(crate) async fn connect(
        &self,
        name: &ServerName<'static>,
        io: Box<dyn Io>,
    ) -> Result<TlsStream<Box<dyn Io>>, TlsReason> {
        let config = self.config.get_or_init(|| self.configure()).clone()?;
        TlsConnector::from(config).connect(name.clone(), io).await.map_err(reason)
    }

    fn configure(&self) -> Result<Arc<ClientConfig>, TlsReason> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = Verifier::new_with_extra_roots(self.extra.iter().cloned(), Arc::clone(&provider))
            .map_err(|error| TlsReason::NoRoots(error.to_string()))?;
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsReason::Other(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = std::fs::read(path).map_err(|error| error.to_string())?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let found = found.map_err(|error| format!("not PEM: {error}"))?;
    if found.is_empty() {
        return Err("it holds no certificate".to_owned());
    }
    let mut roots = rustls::RootCertStore::empty();
    for certificate in &found {
        roots.add(certificate.clone()).map_err(|error| error.to_string())?;
    }
    Ok(found)
}

/// Version and cipher suite of a session, for the log.
pub(crate) fn describe(stream: &TlsStream<Box<dyn Io>>) -> String {
    let session = stream.get_ref().1;
    let version = session.protocol_version().and_then(|version| version.as_str()).unwrap_or("TLS");
    let suite = session.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str()).unwrap_or("");
    format!("{} {suite}", version.replacen('_', ".", 1))
}

/// The certificate that the other side presented as its own.
pub(crate) fn certificate(stream: &TlsStream<Box<dyn Io>>) -> Option<Arc<[u8]>> {
    let presented = stream.get_ref().1.peer_certificates()?;
    presented.first().map(|leaf| Arc::from(leaf.as_ref()))
}

/// What a failed handshake means.
fn reason(error: io::Error) -> TlsReason {
    let Some(cause) = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>()) else {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => TlsReason::Closed,
            _ => TlsReason::Other(error.to_string()),
        };
    };
    match cause {
        rustls::Error::InvalidCertificate(fault) => certificate_reason(fault),
        rustls::Error::NoCertificatesPresented => {
            TlsReason::BadCertificate("the server presented none".to_owned())
        }
        rustls::Error::AlertReceived(
            AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity,
        )
        | rustls::Error::PeerIncompatible(
            PeerIncompatible::NoCipherSuitesInCommon
            | PeerIncompatible::NoKxGroupsInCommon
            | PeerIncompatible::NoSignatureSchemesInCommon,
        ) => TlsReason::NoCommonCipherSuite,
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)
        | rustls::Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => TlsReason::VersionTooOld,
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            TlsReason::ClientCertificateRequired
        }
        rustls::Error::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        ) => TlsReason::NotTls,
        other => TlsReason::Other(other.to_string()),
    }
}

fn certificate_reason(fault: &CertificateError) -> TlsReason {
    match fault {
        CertificateError::UnknownIssuer => TlsReason::UnknownIssuer,
        CertificateError::Expired => TlsReason::Expired(String::new()),
        CertificateError::ExpiredContext { time, not_after } => {
            let days = time.as_secs().saturating_sub(not_after.as_secs()) / 86_400;
            TlsReason::Expired(format!(", {days} days ago"))
        }
        CertificateError::NotValidYet => TlsReason::NotYetValid(String::new()),
        CertificateError::NotValidYetContext { time, not_before } => {
            let days = not_before.as_secs().saturating_sub(time.as_secs()) / 86_400;
            TlsReason::NotYetValid(format!(", it will be in {days} days"))
        }
        CertificateError::NotValidForName => TlsReason::WrongName(String::new()),
        CertificateError::NotValidForNameContext { expected, presented } => TlsReason::WrongName(format!(
            ": it is asked for as {}, the certificate names {}",
            expected.to_str(),
            if presented.is_empty() { "nobody".to_owned() } else { presented.join(", ") }
        )),
        CertificateError::Revoked => TlsReason::Revoked,
        CertificateError::BadSignature => {
            TlsReason::BadCertificate("its signature is not that of the authority it names".to_owned())
        }
        other => TlsReason::BadCertificate(other.to_string()),
    }
}
