//! The endpoints of a company by id and name: for choices and for rows that name them.

use super::endpoint_view::EndpointView;
use super::list::List;
use super::visit::Visit;
use crate::problem::Problem;

/// Endpoints by id.
pub(super) struct Endpoints(Vec<EndpointView>);

impl Endpoints {
    /// All of the company of the path.
    ///
    /// # Errors
    /// What the interface refuses.
    pub(super) async fn read(visit: &Visit) -> Result<Self, Problem> {
        let list: List<EndpointView> = visit.read("listEndpoints", &[], &[("Limit", "500")]).await?;
        Ok(Endpoints(list.items))
    }

    /// Each of them.
    pub(super) fn all(&self) -> &[EndpointView] {
        &self.0
    }

    /// Whether one is still there.
    pub(super) fn is_there(&self, id: &str) -> bool {
        self.0.iter().any(|endpoint| endpoint.endpoint_id == id)
    }

    /// What one is called; the end of its id when it is gone.
    pub(super) fn name(&self, id: Option<&str>) -> String {
        let Some(id) = id else { return String::new() };
        let found = self.0.iter().find(|endpoint| endpoint.endpoint_id == id);
        found.map_or_else(|| "deleted endpoint".to_owned(), EndpointView::name)
    }
}
