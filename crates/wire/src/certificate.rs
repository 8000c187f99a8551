//! The X.509 certificates that a receiver trusts, read from a PEM bundle.
//!
//! A certificate here is a carrier of an RSA public key with a span of validity: it is self-signed and no chain
//! is followed. Two are published while a key is being rotated and a token carries no key id, so a reader tries
//! each. Source: RFC 5280 for the certificate, RFC 7468 for PEM.

use std::fmt;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, RsaParameters, RsaPssSaltLength, UnparsedPublicKey,
};
use x509_parser::pem::Pem;
use x509_parser::public_key::PublicKey;

use crate::Timestamp;

/// Shortest RSA key that is taken, in bits.
///
/// 2048, as the contract says.
pub const MIN_BITS: usize = 2048;

/// Most certificates that one bundle may hold.
///
/// 16. Two are published while a key is being rotated; more than this is not a bundle of ours.
pub const MAX_CERTIFICATES: usize = 16;

const PSS_MAX_SALT: RsaParameters = RSA_PSS_2048_8192_SHA256.with_pss_salt_length(RsaPssSaltLength::Max);

/// Why a text is no bundle of certificates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no `-----BEGIN CERTIFICATE-----` in it.
    #[error(
        "there is no -----BEGIN CERTIFICATE----- in the text; download the certificates from /certificates"
    )]
    Empty,
    /// A PEM block cannot be decoded.
    #[error("the PEM text cannot be read: {0}")]
    Pem(String),
    /// A block holds something else.
    #[error("PEM block {place} is a {label}, not a CERTIFICATE")]
    OtherBlock {
        /// Which block, from 1.
        place: usize,
        /// Its label.
        label: String,
    },
    /// A certificate cannot be read.
    #[error("certificate {place} cannot be read: {reason}")]
    Certificate {
        /// Which block, from 1.
        place: usize,
        /// What the parser says.
        reason: String,
    },
    /// A certificate carries another kind of key.
    #[error("certificate {0} carries no RSA key; tokens are signed with RSA")]
    NotRsa(usize),
    /// There are too many.
    #[error("the text holds more than {MAX_CERTIFICATES} certificates")]
    TooMany,
}

/// When a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// From when.
    pub not_before: Timestamp,
    /// Until when.
    pub not_after: Timestamp,
}

/// When a certificate (DER) is valid, whatever key it carries: for that of a TLS server.
///
/// # Errors
/// [`Error::Certificate`] when it cannot be read.
pub fn validity(der: &[u8]) -> Result<Validity, Error> {
    let (_, parsed) = x509_parser::parse_x509_certificate(der)
        .map_err(|error| Error::Certificate { place: 1, reason: error.to_string() })?;
    let at = |time: x509_parser::time::ASN1Time| Timestamp::from_unix_seconds(time.timestamp());
    let validity = parsed.validity();
    Ok(Validity { not_before: at(validity.not_before), not_after: at(validity.not_after) })
}

/// One certificate with its RSA key.
#[derive(Clone)]
pub struct Certificate {
    key: ParsedPublicKey,
    bits: usize,
    not_before: Timestamp,
    not_after: Timestamp,
    fingerprint: String,
    subject: String,
}

impl Certificate {
    /// Reads all certificates of a PEM bundle, in their order. Text around the blocks is left out.
    ///
    /// # Errors
    /// When there is none, or one of them is no X.509 certificate with an RSA key.
    pub fn read_bundle(pem: &str) -> Result<Vec<Certificate>, Error> {
        let mut certificates = Vec::new();
        for (index, block) in Pem::iter_from_buffer(pem.as_bytes()).enumerate() {
            let place = index + 1;
            let block = block.map_err(|error| Error::Pem(error.to_string()))?;
            if place > MAX_CERTIFICATES {
                return Err(Error::TooMany);
            }
            if block.label != "CERTIFICATE" {
                return Err(Error::OtherBlock { place, label: block.label });
            }
            certificates.push(Self::from_der(&block.contents, place)?);
        }
        if certificates.is_empty() { Err(Error::Empty) } else { Ok(certificates) }
    }

    fn from_der(der: &[u8], place: usize) -> Result<Self, Error> {
        let bad = |reason: String| Error::Certificate { place, reason };
        let (rest, parsed) =
            x509_parser::parse_x509_certificate(der).map_err(|error| bad(error.to_string()))?;
        if !rest.is_empty() {
            return Err(bad("there are bytes behind its end".to_owned()));
        }
        let info = parsed.public_key();
        let bits = match info.parsed() {
            Ok(PublicKey::RSA(key)) => key.key_size(),
            Ok(_) | Err(_) => return Err(Error::NotRsa(place)),
        };
        let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, info.raw)
            .map_err(|error| bad(format!("its RSA key is refused: {error}")))?;
        Ok(Certificate {
            key,
            bits,
            not_before: Timestamp::from_unix_seconds(parsed.validity().not_before.timestamp()),
            not_after: Timestamp::from_unix_seconds(parsed.validity().not_after.timestamp()),
            fingerprint: hex(digest::digest(&digest::SHA256, der).as_ref()),
            subject: parsed.subject().to_string(),
        })
    }

    /// From when it is valid.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// Until when it is valid.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Length of its RSA key in bits.
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// SHA-256 of the certificate, 64 lower-case hexadecimal digits.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Whom it names, such as `CN=Workbell`.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Whether `signature` is RSASSA-PKCS1-v1_5 with SHA-256 over `message`: the documented form.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verify_sig(message, signature).is_ok()
    }

    /// Whether `signature` is RSASSA-PKCS1-v1_5 with SHA-1 over `message`. For diagnosis only.
    pub(crate) fn verify_sha1(&self, message: &[u8], signature: &[u8]) -> bool {
        self.fits(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, message, signature)
    }

    /// Whether `signature` is RSASSA-PSS with SHA-256 over `message`, salt of the digest's length or of the
    /// greatest possible. For diagnosis only.
    pub(crate) fn verify_pss(&self, message: &[u8], signature: &[u8]) -> bool {
        self.fits(&RSA_PSS_2048_8192_SHA256, message, signature)
            || self.fits(&PSS_MAX_SALT, message, signature)
    }

    fn fits(&self, form: &'static RsaParameters, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(form, self.key.as_ref()).verify(message, signature).is_ok()
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("subject", &self.subject)
            .field("fingerprint", &self.fingerprint)
            .field("bits", &self.bits)
            .field("not_before", &self.not_before)
            .field("not_after", &self.not_after)
            .finish()
    }
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
