//! Reads a private key that somebody brings along. Source: RFC 7468.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use workbell_wire::certificate::{Certificate, MIN_BITS};
use zeroize::Zeroizing;

use crate::Error;
use crate::key::Private;

/// The private key of a PEM text.
pub(crate) fn private_key(pem: &str) -> Result<Private, Error> {
    let bad = |reason: String| Error::Pem(reason);
    if block(pem, "ENCRYPTED PRIVATE KEY").is_some() {
        return Err(bad("the key is encrypted; decrypt it: openssl pkey -in FILE -out PLAIN".to_owned()));
    }
    if block(pem, "EC PRIVATE KEY").is_some() {
        return Err(bad("it is an elliptic-curve key; tokens are signed with RSA".to_owned()));
    }
    let private = match (block(pem, "PRIVATE KEY"), block(pem, "RSA PRIVATE KEY")) {
        (Some(text), _) => Private::rsa_from_pkcs8(&decoded(text)?).map_err(|reason| {
            bad(format!("it holds no RSA key of {MIN_BITS} bits or more in the form PKCS#8: {reason}"))
        })?,
        (None, Some(text)) => Private::rsa_from_pkcs1(&decoded(text)?).map_err(|reason| {
            bad(format!("it holds no RSA key of {MIN_BITS} bits or more in the form PKCS#1: {reason}"))
        })?,
        (None, None) => return Err(bad("there is no -----BEGIN PRIVATE KEY----- in it".to_owned())),
    };
    Ok(private)
}

/// The first certificate of a PEM text, as PEM.
pub(crate) fn certificate(pem: &str) -> Result<Option<String>, Error> {
    let Some(text) = block(pem, "CERTIFICATE") else { return Ok(None) };
    let whole = format!("-----BEGIN CERTIFICATE-----{text}-----END CERTIFICATE-----\n");
    Certificate::read_bundle(&whole).map_err(|error| Error::Pem(error.to_string()))?;
    Ok(Some(whole))
}

/// Whether what the key signs can be verified with the certificate.
pub(crate) fn must_fit(private: &Private, certificate: &str) -> Result<(), Error> {
    let signature = private.sign(b"does it fit").unwrap_or_default();
    let certificates =
        Certificate::read_bundle(certificate).map_err(|error| Error::Pem(error.to_string()))?;
    if certificates.iter().all(|it| it.bits() >= MIN_BITS && it.verify(b"does it fit", &signature)) {
        Ok(())
    } else {
        Err(Error::Pem("the certificate in it is not that of the key, or the key is too short".to_owned()))
    }
}

/// What stands between the lines of the first block with this label.
fn block<'a>(pem: &'a str, label: &str) -> Option<&'a str> {
    let (_, behind) = pem.split_once(&format!("-----BEGIN {label}-----"))?;
    behind.split_once(&format!("-----END {label}-----")).map(|(text, _)| text)
}

fn decoded(text: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    let dense: Zeroizing<String> = Zeroizing::new(text.split_ascii_whitespace().collect());
    let bytes = STANDARD.decode(dense.as_bytes());
    bytes.map(Zeroizing::new).map_err(|_| Error::Pem("a block of it is not base64".to_owned()))
}
