//! A customer: who orders work, and what it demands of those who do it.
//!
//! Customers are the platform's, not a company's: work orders name them by id. One that nobody described demands
//! nothing and allows all. Source: service.md section 5.

use serde::{Deserialize, Serialize};

use crate::work_order::Demands;

/// A customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// `Details.Customer.Id` of its work orders.
    pub customer_id: i64,
    /// For people.
    pub name: String,
    /// What a check out must give.
    pub demands: Demands,
    /// The provider may submit quotes.
    pub allows_quotes: bool,
    /// Acts through the Direct API may lie in the past.
    pub allows_back_dating: bool,
}

impl Default for Customer {
    fn default() -> Self {
        Customer {
            customer_id: 0,
            name: String::new(),
            demands: Demands::default(),
            allows_quotes: true,
            allows_back_dating: true,
        }
    }
}
