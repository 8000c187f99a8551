//! A provider: a company with branches, and the OAuth clients that act for it.

use serde::{Deserialize, Serialize};
use workbell_wire::Timestamp;

use crate::id::{ClientId, CompanyId};

/// A provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Company {
    /// Chosen by the platform, for life.
    pub company_id: CompanyId,
    /// For people; 1 to 200 characters.
    pub name: String,
    /// When it was created.
    pub created: Timestamp,
}

/// A branch of a company; its id is unique over all companies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    /// Whose it is.
    pub company_id: CompanyId,
    /// Greater than 0.
    pub branch_id: i64,
    /// For people; 1 to 200 characters.
    pub name: String,
    /// When it was created.
    pub created: Timestamp,
}

/// Credentials of a company for the Direct API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Whose it is.
    pub company_id: CompanyId,
    /// Public half of the credentials.
    pub client_id: ClientId,
    /// For people; 1 to 200 characters.
    pub name: String,
    /// SHA-256 of the secret.
    pub secret_hash: [u8; 32],
    /// SHA-256 of the secret before the last rotation, and until when it is taken.
    pub previous_secret: Option<([u8; 32], Timestamp)>,
    /// Access tokens issued before this are refused.
    pub tokens_from: Timestamp,
    /// When it was created.
    pub created: Timestamp,
    /// When it was deleted; a deleted client still counts for the echo rule.
    pub deleted: Option<Timestamp>,
}
