//! Filters of lists, named as in the interface.

use clap::Args;
use serde_json::{Map, Value};
use workbell_model::{CompanyId, EndpointId};
use workbell_wire::Timestamp;

use crate::failure::Failure;
use crate::platform::{Platform, QueryMember};
use crate::screen::Screen;

/// Which rows of the queue or the log are wanted.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Filters")]
pub(crate) struct Filter {
    /// Of this company
    #[arg(long, short, value_name = "COMPANY_ID")]
    company: Option<CompanyId>,
    /// To this endpoint
    #[arg(long, short, value_name = "ENDPOINT_ID")]
    endpoint: Option<EndpointId>,
    /// For this branch
    #[arg(long, short, value_name = "BRANCH_ID")]
    branch: Option<i64>,
    /// About this work order
    #[arg(long, short, value_name = "WORK_ORDER_ID")]
    work_order: Option<i64>,
    /// With this action, such as NewWorkOrder
    #[arg(long, short)]
    action: Option<String>,
    /// With this class of failure, such as Status, Timeout or ConnectionRefused
    #[arg(long, value_name = "CLASS")]
    error: Option<String>,
    /// From this time on: 2018-09-04T10:12:08Z
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
}

impl Filter {
    /// The members of the query.
    pub(crate) fn query(&self) -> Vec<QueryMember<'static>> {
        let mut query = Vec::new();
        add(&mut query, "CompanyId", self.company.as_ref());
        add(&mut query, "EndpointId", self.endpoint.as_ref());
        add(&mut query, "BranchId", self.branch.as_ref());
        add(&mut query, "WorkOrderId", self.work_order.as_ref());
        add(&mut query, "Action", self.action.as_ref());
        add(&mut query, "Error", self.error.as_ref());
        add(&mut query, "From", self.from.as_ref());
        add(&mut query, "To", self.to.as_ref());
        query
    }
}

impl Filter {
    /// Says, where a list is empty, if that is because the filters name what there is not: a list of it is empty, too,
    /// and in a pipe nothing else would tell.
    ///
    /// # Errors
    /// The service does not answer.
    pub(crate) async fn note_unknown(&self, platform: &Platform, screen: &Screen) -> Result<(), Failure> {
        let Some(company) = self.company.as_ref().map(ToString::to_string) else { return Ok(()) };
        let mut names = vec![vec!["v1", "companies", &company]];
        let (endpoint, branch) =
            (self.endpoint.map(|it| it.to_string()), self.branch.map(|it| it.to_string()));
        for (kind, id) in [("endpoints", &endpoint), ("branches", &branch)] {
            // Branch 0 is the company as a whole.
            if let Some(id) = id.as_deref().filter(|id| *id != "0") {
                names.push(vec!["v1", "companies", &company, kind, id]);
            }
        }
        for name in names {
            match platform.get(&name, &[]).await {
                Ok(_) => {}
                Err(Failure::Problem(problem)) if problem.is_not_found() => {
                    screen.note(&problem.to_string());
                    return Ok(());
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }
}

impl Filter {
    /// The members of a job's filter.
    pub(crate) fn members(&self) -> Map<String, Value> {
        let mut members = Map::new();
        let mut add = |name: &str, value: Option<Value>| {
            members.extend(value.map(|value| (name.to_owned(), value)));
        };
        add("CompanyId", self.company.as_ref().map(|it| it.to_string().into()));
        add("EndpointId", self.endpoint.map(|it| it.to_string().into()));
        add("BranchId", self.branch.map(Value::from));
        add("WorkOrderId", self.work_order.map(Value::from));
        add("Action", self.action.clone().map(Value::from));
        add("Error", self.error.clone().map(Value::from));
        add("From", self.from.map(|it| it.to_string().into()));
        add("To", self.to.map(|it| it.to_string().into()));
        members
    }
}

/// Adds a member if it was given.
pub(crate) fn add<T: ToString>(query: &mut Vec<QueryMember<'static>>, name: &'static str, value: Option<&T>) {
    if let Some(value) = value {
        query.push((name, value.to_string()));
    }
}
