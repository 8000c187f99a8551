//! Which record a sealed secret of an endpoint belongs to: what [`MasterKey::seal`](workbell_signing::MasterKey::seal)
//! binds in, so that a value moved to another endpoint or header opens no more. Who sends opens with the same names.

use workbell_model::EndpointId;

/// The record of an endpoint's signing secret, the present one and the one before; what is sealed is its text,
/// `whsec_…`.
pub fn secret_record(endpoint: EndpointId) -> String {
    format!("endpoint/{endpoint}/secret")
}

/// The record of the value of an endpoint's custom header; case of the name does not matter.
pub fn header_record(endpoint: EndpointId, name: &str) -> String {
    format!("endpoint/{endpoint}/header/{}", name.to_ascii_lowercase())
}
