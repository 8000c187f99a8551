//! Private keys in memory: parsed once, kept, never shown.
//!
//! Parsing an RSA key costs more than signing with it, so a key is parsed when the ring is loaded and never again.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256};
use zeroize::Zeroizing;

use crate::Error;

/// A private key of either kind.
pub(crate) enum Private {
    /// For tokens and access tokens.
    Rsa(RsaKeyPair),
    /// For the JWT form.
    Es256(EcdsaKeyPair),
}

impl Private {
    pub(crate) fn generate_rsa(bits: u32) -> Result<Self, Error> {
        let size = match bits {
            2048 => KeySize::Rsa2048,
            3072 => KeySize::Rsa3072,
            4096 => KeySize::Rsa4096,
            8192 => KeySize::Rsa8192,
            _ => return Err(Error::KeyBits(bits)),
        };
        RsaKeyPair::generate(size)
            .map(Private::Rsa)
            .map_err(|_| Error::Generate(format!("no RSA key of {bits} bits was found")))
    }

    pub(crate) fn generate_es256() -> Result<Self, Error> {
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .map(Private::Es256)
            .map_err(|_| Error::Generate("no P-256 key was made".to_owned()))
    }

    pub(crate) fn rsa_from_pkcs8(pkcs8: &[u8]) -> Result<Self, String> {
        RsaKeyPair::from_pkcs8(pkcs8).map(Private::Rsa).map_err(|error| error.to_string())
    }

    pub(crate) fn rsa_from_pkcs1(der: &[u8]) -> Result<Self, String> {
        RsaKeyPair::from_der(der).map(Private::Rsa).map_err(|error| error.to_string())
    }

    pub(crate) fn es256_from_pkcs8(pkcs8: &[u8]) -> Result<Self, String> {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
            .map(Private::Es256)
            .map_err(|error| error.to_string())
    }

    pub(crate) fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let failed = |_| Error::Generate("the new key has no PKCS#8 form".to_owned());
        Ok(Zeroizing::new(match self {
            Private::Rsa(key) => key.as_der().map_err(failed)?.as_ref().to_vec(),
            Private::Es256(key) => key.to_pkcs8v1().map_err(failed)?.as_ref().to_vec(),
        }))
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256 for RSA; ECDSA with SHA-256 in the fixed-length form of JWS for P-256.
    /// `None` when aws-lc refuses.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Private::Rsa(key) => sign_rsa(key, message),
            Private::Es256(key) => {
                key.sign(&random, message).ok().map(|signature| signature.as_ref().to_vec())
            }
        }
    }

    /// The public point of a P-256 key, `x` and `y` of 32 bytes; `None` for RSA.
    pub(crate) fn point(&self) -> Option<(&[u8], &[u8])> {
        match self {
            Private::Rsa(_) => None,
            // SEC 1 section 2.3.3: 04, then x, then y.
            Private::Es256(key) => {
                key.public_key().as_ref().strip_prefix(&[4]).and_then(|point| point.split_at_checked(32))
            }
        }
    }
}

/// RSASSA-PKCS1-v1_5 with SHA-256.
pub(crate) fn sign_rsa(key: &RsaKeyPair, message: &[u8]) -> Option<Vec<u8>> {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).ok()?;
    Some(signature)
}
