//! The self-signed certificate that carries a key's public half to receivers.

use std::time::Duration;

use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::KeyPair as _;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, IsCa, KeyUsagePurpose, PKCS_RSA_SHA256, PublicKeyData,
    SignatureAlgorithm, SigningKey, date_time_ymd,
};
use workbell_wire::Timestamp;

use crate::Error;
use crate::key::sign_rsa;
use crate::secret::random;

/// How long a certificate is valid.
///
/// Ten years of 365.25 days, as the contract says: receivers install it by hand.
const LIFE: Duration = Duration::from_secs(3_652 * 24 * 3600 + 12 * 3600);

/// How far back its validity starts.
///
/// One hour, for receivers whose clock is behind.
const BACK: Duration = Duration::from_secs(3600);

/// The certificate of `key` in PEM, self-signed with it, valid for ten years from `now`.
pub(crate) fn self_signed(key: &RsaKeyPair, key_id: &str, now: Timestamp) -> Result<String, Error> {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Workbell");
    name.push(DnType::CommonName, format!("Workbell token signing {key_id}"));
    let mut serial = random::<16>()?;
    // Positive and of full length, as RFC 5280 section 4.1.2.2 wants it.
    serial[0] = serial[0] & 0x7f | 0x40;
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.serial_number = Some(serial.to_vec().into());
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let moment = |at: Timestamp| {
        let after_1970 = Duration::from_secs(u64::try_from(at.unix_seconds()).unwrap_or(0));
        date_time_ymd(1970, 1, 1) + after_1970
    };
    params.not_before = moment(now.minus(BACK));
    params.not_after = moment(now.plus(LIFE));
    let certificate = params.self_signed(&Signer(key)).map_err(|error| Error::Generate(error.to_string()))?;
    Ok(certificate.pem())
}

/// Lets rcgen sign with a key that stays where it is.
struct Signer<'a>(&'a RsaKeyPair);

impl PublicKeyData for Signer<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_RSA_SHA256
    }
}

impl SigningKey for Signer<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        sign_rsa(self.0, message).ok_or(rcgen::Error::RemoteKeyError)
    }
}
