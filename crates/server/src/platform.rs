//! The platform interface, `/v1`: one file per noun, each with its part of the table of routes.

mod acting;
pub(crate) mod actions;
pub(crate) mod alerts;
pub(crate) mod audit;
pub(crate) mod branches;
pub(crate) mod clients;
pub(crate) mod companies;
pub(crate) mod customers;
pub(crate) mod deliveries;
pub(crate) mod emulate;
mod endpoint_settings;
pub(crate) mod endpoints;
mod headers;
pub(crate) mod health;
pub(crate) mod jobs;
pub(crate) mod keys;
pub(crate) mod log;
pub(crate) mod notifications;
pub(crate) mod people;
mod publish;
mod strangers;
pub(crate) mod work_orders;
