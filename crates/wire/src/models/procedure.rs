//! Procedures and their steps.

use serde::{Deserialize, Serialize};

use super::work_order::WorkOrderAsset;
use crate::enumerations::{ProcedureUpdateType, StepDataType, StepStatus, StepType};

/// Steps to be done, perhaps for one asset. What a work order carries is checked for type only, so all may be
/// missing; in the other actions only `asset` may.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Procedure {
    /// Which procedure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// Its place among the procedures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<i64>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How far it has come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<StepStatus>,
    /// Whether it may be marked as not applicable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_mark_not_applicable: Option<bool>,
    /// The thing that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asset: Option<WorkOrderAsset>,
    /// What is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<StepDescriptor>>,
}

/// A step of a procedure, with its question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StepDescriptor {
    /// Which step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// How far it has come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<StepStatus>,
    /// The answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What the technician remarks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// ISO 4217, when the answer is money.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Its place in the procedure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<i64>,
    /// Whether an answer is demanded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_required: Option<bool>,
    /// The question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// More about the question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it is to be filled in or read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_type: Option<StepType>,
    /// Type of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_type: Option<StepDataType>,
    /// Why the answer needs attention.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flag_reason: Option<String>,
}

/// The answer to a step of a procedure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Step {
    /// Which step.
    pub id: i64,
    /// How far it has come.
    pub status: StepStatus,
    /// The answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What the technician remarks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// ISO 4217, when the answer is money.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

/// A procedure, and what happened to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProcedureUpdate {
    /// The procedure as it is now, or as it last was.
    pub procedure: Procedure,
    /// What happened to it.
    pub update_type: ProcedureUpdateType,
}
