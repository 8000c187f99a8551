//! `/v1/customers`: what customers demand of those who do their work. They are the platform's, not a company's.

use axum::response::Response;
use serde::Serialize;
use workbell_model::Customer;
use workbell_model::work_order::Demands;
use workbell_store::record::Change;

use crate::answer;
use crate::call::{Call, short};
use crate::fields::Given;
use crate::json::Json;
use crate::problem::Problem;
use crate::route::{Gives, Guard, Method, PAGING, Route, Takes};
use crate::shape::{Form, NAME, Shape, always, maybe};

pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::Put,
        path: "/v1/customers/{CustomerId}",
        id: "putCustomer",
        tag: "Customers",
        summary: "Say what a customer demands; one that nobody described demands nothing and allows all",
        guard: Guard::Platform,
        query: &[],
        takes: Takes::Whole(&NEW),
        gives: &[(200, Gives::One(&CUSTOMER)), (201, Gives::One(&CUSTOMER))],
        codes: &[],
        handler: |call| Box::pin(put(call)),
    },
    Route {
        method: Method::Get,
        path: "/v1/customers",
        id: "listCustomers",
        tag: "Customers",
        summary: "List the customers that were described, highest id first",
        guard: Guard::Platform,
        query: &[PAGING],
        takes: Takes::Nothing,
        gives: &[(200, Gives::Page(&CUSTOMER))],
        codes: &[],
        handler: |call| Box::pin(list(call)),
    },
    Route {
        method: Method::Get,
        path: "/v1/customers/{CustomerId}",
        id: "readCustomer",
        tag: "Customers",
        summary: "Read what a customer demands",
        guard: Guard::Platform,
        query: &[],
        takes: Takes::Nothing,
        gives: &[(200, Gives::One(&CUSTOMER))],
        codes: &[],
        handler: |call| Box::pin(read(call)),
    },
];

/// Most custom fields that a customer demands. 100: a form that people fill in. The value is our choice.
const MOST_FIELDS: usize = 100;

const FIELD: Form = Form::Integer(i64::MIN, i64::MAX);

static NEW: Shape = Shape {
    name: "NewCustomer",
    note: "What a customer demands.",
    members: &[
        always("Name", NAME, "For people."),
        maybe("DemandsRepairInfo", Form::Flag, "A check out must give `RepairInfo`; false when missing."),
        maybe(
            "DemandedCustomFields",
            Form::List(&FIELD, MOST_FIELDS),
            "Ids of the custom fields that a check out must give; none when missing.",
        ),
        maybe("AllowsQuotes", Form::Flag, "The provider may submit quotes; true when missing."),
        maybe(
            "AllowsBackDating",
            Form::Flag,
            "Acts through the Direct API may lie in the past; true when missing.",
        ),
    ],
};

static CUSTOMER: Shape = Shape {
    name: "Customer",
    note: "A customer and what it demands.",
    members: &[
        always("CustomerId", Form::Integer(1, i64::MAX), "`Details.Customer.Id` of its work orders."),
        always("Name", NAME, "For people."),
        always("DemandsRepairInfo", Form::Flag, "A check out must give `RepairInfo`."),
        always("DemandedCustomFields", Form::List(&FIELD, MOST_FIELDS), "What a check out must give."),
        always("AllowsQuotes", Form::Flag, "The provider may submit quotes."),
        always("AllowsBackDating", Form::Flag, "Acts through the Direct API may lie in the past."),
    ],
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    customer_id: i64,
    name: String,
    demands_repair_info: bool,
    demanded_custom_fields: Vec<i64>,
    allows_quotes: bool,
    allows_back_dating: bool,
}

impl From<Customer> for Members {
    fn from(customer: Customer) -> Self {
        Members {
            customer_id: customer.customer_id,
            name: customer.name,
            demands_repair_info: customer.demands.repair_info,
            demanded_custom_fields: customer.demands.custom_fields,
            allows_quotes: customer.allows_quotes,
            allows_back_dating: customer.allows_back_dating,
        }
    }
}

fn id(call: &Call) -> Result<i64, Problem> {
    let text = call.path("CustomerId");
    let id = text.parse().ok().filter(|id| *id >= 1);
    id.ok_or_else(|| Problem::not_found(format_args!("customer {}", short(text))))
}

async fn put(call: Call) -> Result<Response, Problem> {
    let customer_id = id(&call)?;
    let fields = &call.fields;
    let flag = |name: &str, usual: bool| match fields.get(name, Json::as_flag) {
        Given::Value(flag) => flag,
        Given::Not | Given::Null => usual,
    };
    let demanded = fields.get("DemandedCustomFields", Json::as_list).or_keep(None).unwrap_or_default();
    let customer = Customer {
        customer_id,
        name: fields.text("Name").unwrap_or_default().to_owned(),
        demands: Demands {
            repair_info: flag("DemandsRepairInfo", false),
            custom_fields: demanded.iter().filter_map(Json::as_integer).collect(),
        },
        allows_quotes: flag("AllowsQuotes", true),
        allows_back_dating: flag("AllowsBackDating", true),
    };
    let _changing = call.app.changing.lock().await;
    let is_new = call.app.store.customer(customer_id).await?.is_none();
    call.change(Change::PutCustomer(customer.clone())).await?;
    let members = Members::from(customer);
    Ok(if is_new {
        answer::created(&format!("/v1/customers/{customer_id}"), &members)
    } else {
        answer::ok(&members)
    })
}

async fn list(call: Call) -> Result<Response, Problem> {
    Ok(answer::page(call.app.store.customers(call.paging()).await?, Members::from))
}

async fn read(call: Call) -> Result<Response, Problem> {
    let id = id(&call)?;
    let customer = call.app.store.customer(id).await?;
    let customer = customer.ok_or_else(|| Problem::not_found(format_args!("customer {id}")))?;
    Ok(answer::ok(&Members::from(customer)))
}
