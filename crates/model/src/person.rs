//! People: who may sign in for a company, and what they may do there.

use serde::{Deserialize, Serialize};
use workbell_wire::Timestamp;

use crate::id::{CompanyId, PersonId};

/// What a person may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Changes what is the company's own.
    Admin,
    /// Reads it.
    Reader,
}

impl Role {
    /// Both.
    pub const ALL: [Role; 2] = [Role::Admin, Role::Reader];

    /// As it stands in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Admin => "Admin",
            Role::Reader => "Reader",
        }
    }
}

/// Somebody who signs in for one company.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Whose people they are of.
    pub company_id: CompanyId,
    /// Their id.
    pub person_id: PersonId,
    /// What they sign in with, in lower case; unique within the company.
    pub email: String,
    /// What they may do.
    pub role: Role,
    /// The argon2id hash of their password, as a PHC string; `None` until they set one.
    pub password: Option<String>,
    /// SHA-256 of the secret of their one-time link, and until when it is valid.
    pub link: Option<([u8; 32], Timestamp)>,
    /// When they were created.
    pub created: Timestamp,
}
