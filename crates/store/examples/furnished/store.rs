//! A store with one company, one branch and one endpoint.

use anyhow::Result;
use workbell_model::{
    Branch, Company, CompanyId, Endpoint, EndpointId, EndpointKey, EndpointSettings, SealedText,
};
use workbell_store::Store as _;
use workbell_store::record::Change;
use workbell_store::sqlite::SqliteStore;
use workbell_wire::Timestamp;

/// Makes them; the endpoint.
pub(crate) async fn furnish(
    store: &SqliteStore,
    company_id: CompanyId,
    now: Timestamp,
) -> Result<EndpointKey> {
    let company = Company { company_id: company_id.clone(), name: "Acme".to_owned(), created: now };
    store.change(Change::CreateCompany(company)).await?;
    let branch =
        Branch { company_id: company_id.clone(), branch_id: 1, name: "North".to_owned(), created: now };
    store.change(Change::CreateBranch(branch)).await?;
    let key = EndpointKey { company_id, endpoint_id: EndpointId::from_uuid(uuid::Uuid::from_u128(1)) };
    let endpoint = Endpoint {
        key: key.clone(),
        settings: EndpointSettings {
            url: Some("http://127.0.0.1:1/".to_owned()),
            ..EndpointSettings::default()
        },
        secret: SealedText(vec![0]),
        previous_secret: None,
        paused: None,
        created: now,
        generation: 0,
    };
    store.change(Change::CreateEndpoint(endpoint, 1)).await?;
    Ok(key)
}
