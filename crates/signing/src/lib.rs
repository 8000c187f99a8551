//! The only crate that holds private keys: key ring, certificates, minted tokens, sealed secrets.
//!
//! No I/O and no clock: time is an argument, randomness comes from the operating system through aws-lc-rs.
//! A private key leaves this crate only sealed with the [`MasterKey`].

mod certificate;
mod error;
mod jwt;
mod key;
mod key_ring;
mod master_key;
mod pem;
mod secret;
mod stored_key;
mod token_cache;

pub use error::Error;
pub use key_ring::{Change, KeyInfo, KeyRing, KeyState, MintedToken, Options, Recipient};
pub use master_key::MasterKey;
pub use secret::{
    SecretHash, hash_secret, new_client_secret, new_link_secret, new_platform_key, new_webhook_secret,
    secret_matches,
};
pub use stored_key::{KeyKind, StoredKey};
pub use token_cache::{Form, TokenCache};
