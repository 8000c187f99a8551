//! The key that seals all other secrets at rest.
//!
//! AES-256-GCM with a random nonce. The id of the master key and the id of the record are bound in as additional
//! data, so a sealed value moved to another record, or opened with another master key, is refused. A sealed
//! value is `version (1) | key id (8) | nonce (12) | ciphertext and tag`. Source: NIST SP 800-38D.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::Error;
use crate::secret::random;

/// Length of a master key in bytes.
const LENGTH: usize = 32;
/// First byte of a sealed value: the form described above.
const VERSION: u8 = 1;
/// Length of the id of a master key in bytes.
///
/// 8. It tells keys apart; it does not keep them secret, for it comes out of a one-way function.
const ID_LENGTH: usize = 8;
const HEAD: usize = 1 + ID_LENGTH;

/// The key that seals secrets. Its bytes are overwritten when it is dropped.
pub struct MasterKey {
    bytes: Zeroizing<[u8; LENGTH]>,
    id: [u8; ID_LENGTH],
    cipher: LessSafeKey,
}

impl MasterKey {
    /// A fresh one.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn generate() -> Result<Self, Error> {
        Ok(Self::from_bytes(&random()?))
    }

    /// The master key of these bytes.
    pub fn from_bytes(bytes: &[u8; LENGTH]) -> Self {
        let mut id = [0; ID_LENGTH];
        id.copy_from_slice(&derive(bytes, "workbell master key id")[..ID_LENGTH]);
        let cipher = LessSafeKey::new(
            UnboundKey::new(&AES_256_GCM, bytes).expect("AES-256-GCM takes every key of 32 bytes"),
        );
        MasterKey { bytes: Zeroizing::new(*bytes), id, cipher }
    }

    /// The text to keep: 64 hexadecimal digits. The only way by which the key itself gets out.
    pub fn to_text(&self) -> String {
        hex(self.bytes.as_slice())
    }

    /// Seals `plaintext` for the record with this id; only [`MasterKey::open`] with the same id opens it.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn seal(&self, record: &str, plaintext: &[u8]) -> Result<Vec<u8>, Error> {
        let nonce: [u8; NONCE_LEN] = random()?;
        let mut sealed = Vec::with_capacity(HEAD + NONCE_LEN + plaintext.len() + AES_256_GCM.tag_len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.id);
        sealed.extend_from_slice(&nonce);
        let mut body = plaintext.to_vec();
        self.cipher
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), self.bound(record), &mut body)
            .expect("sealing fails only for plaintexts of many gigabytes");
        sealed.append(&mut body);
        Ok(sealed)
    }

    /// Opens what [`MasterKey::seal`] made for the same record.
    ///
    /// # Errors
    /// When another master key sealed it, or it was changed or belongs to another record.
    pub fn open(&self, record: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let broken = || Error::SealBroken { record: record.to_owned() };
        if sealed.len() < HEAD + NONCE_LEN + AES_256_GCM.tag_len() || sealed[0] != VERSION {
            return Err(broken());
        }
        if sealed[1..HEAD] != self.id {
            return Err(Error::OtherMasterKey { record: record.to_owned() });
        }
        let nonce =
            Nonce::try_assume_unique_for_key(&sealed[HEAD..HEAD + NONCE_LEN]).map_err(|_| broken())?;
        let mut body = Zeroizing::new(sealed[HEAD + NONCE_LEN..].to_vec());
        let length =
            self.cipher.open_in_place(nonce, self.bound(record), &mut body).map_err(|_| broken())?.len();
        body.truncate(length);
        Ok(body)
    }

    /// What a store keeps to find out at start whether the master key is the right one. Reveals nothing of it.
    pub fn check_value(&self) -> Vec<u8> {
        derive(self.bytes.as_slice(), "workbell master key check value").to_vec()
    }

    /// Whether this is the master key that `check_value` came from.
    pub fn matches(&self, check_value: &[u8]) -> bool {
        constant_time::verify_slices_are_equal(&self.check_value(), check_value).is_ok()
    }

    fn bound(&self, record: &str) -> Aad<Vec<u8>> {
        let mut bound = Vec::with_capacity(HEAD + record.len());
        bound.push(VERSION);
        bound.extend_from_slice(&self.id);
        bound.extend_from_slice(record.as_bytes());
        Aad::from(bound)
    }
}

/// Takes 64 hexadecimal digits or the base64 or base64url of 32 bytes; white space around is left out.
impl FromStr for MasterKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let bytes = if text.len() == LENGTH * 2 {
            from_hex(text)
        } else {
            let unpadded = text.trim_end_matches('=');
            STANDARD_NO_PAD.decode(unpadded).or_else(|_| URL_SAFE_NO_PAD.decode(unpadded)).ok()
        };
        let bytes = Zeroizing::new(bytes.ok_or(Error::MasterKeyForm)?);
        let bytes: &[u8; LENGTH] = bytes.as_slice().try_into().map_err(|_| Error::MasterKeyForm)?;
        Ok(Self::from_bytes(bytes))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(hidden)")
    }
}

fn derive(key: &[u8], label: &str) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), label.as_bytes());
    let mut value = [0; 32];
    value.copy_from_slice(tag.as_ref());
    value
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    text.as_bytes().chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_for_the_same_record_only() {
        let key = MasterKey::generate().unwrap();
        let sealed = key.seal("endpoint/1/secret", b"whsec_x").unwrap();
        assert_eq!(*key.open("endpoint/1/secret", &sealed).unwrap(), b"whsec_x");
        assert_eq!(
            key.open("endpoint/2/secret", &sealed),
            Err(Error::SealBroken { record: "endpoint/2/secret".into() })
        );
        assert!(!sealed.windows(5).any(|window| window == b"whsec"));
        assert_ne!(sealed, key.seal("endpoint/1/secret", b"whsec_x").unwrap());
    }

    #[test]
    fn another_master_key_is_told_apart_from_a_changed_record() {
        let (key, other) = (MasterKey::generate().unwrap(), MasterKey::generate().unwrap());
        let sealed = key.seal("r", b"secret").unwrap();
        assert_eq!(other.open("r", &sealed), Err(Error::OtherMasterKey { record: "r".into() }));
        assert!(key.matches(&key.check_value()));
        assert!(!other.matches(&key.check_value()));
        for place in [0, HEAD, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert_eq!(key.open("r", &changed), Err(Error::SealBroken { record: "r".into() }), "{place}");
        }
        for length in 0..sealed.len() {
            assert!(key.open("r", &sealed[..length]).is_err());
        }
    }

    #[test]
    fn the_text_of_a_key_is_hexadecimal_or_base64_of_32_bytes() {
        let key = MasterKey::from_bytes(&[0xfb; 32]);
        for text in [
            "fb".repeat(32),
            format!("{}\n", "FB".repeat(32)),
            "+/v7".repeat(10) + "+/s=",
            "-_v7".repeat(10) + "-_s",
            key.to_text(),
        ] {
            assert!(text.parse::<MasterKey>().unwrap().matches(&key.check_value()), "{text}");
        }
        for text in ["", "fb", &"fb".repeat(31), &"fg".repeat(32), &"é".repeat(32), &"+/v7".repeat(11)] {
            assert_eq!(text.parse::<MasterKey>().err(), Some(Error::MasterKeyForm), "{text}");
        }
        assert_eq!(format!("{key:?}"), "MasterKey(hidden)");
    }
}
