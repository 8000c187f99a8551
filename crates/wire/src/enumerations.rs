//! The enumerations of the contract.
//!
//! Each keeps a text it does not know as `Other`, so a reader survives values that come later. `VALUES` are the
//! texts that the tables of [`crate::contract`] list.
//!
//! Source: notifications.md section 4, `enumerations` of the public documentation.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! enumeration {
    ($(#[$about:meta])* $name:ident { $($(#[$note:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$note])* #[doc = concat!("`", $text, "`.")] $variant,)+
            /// A text that this version does not know.
            Other(String),
        }

        impl $name {
            /// The texts that the contract lists, in its order.
            pub const VALUES: &'static [&'static str] = &[$($text,)+];

            /// The text on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)+
                    _ => Self::Other(text.to_owned()),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Ok(Self::from(text.as_ref()))
            }
        }
    };
}

enumeration! {
    /// Life of a work order.
    Status {
        New = "New",
        Accepted = "Accepted",
        Rejected = "Rejected",
        Recalled = "Recalled",
        OnHold = "OnHold",
        CheckedIn = "CheckedIn",
        Paused = "Paused",
        CheckedOut = "CheckedOut",
        NeedsCompletionDetails = "NeedsCompletionDetails",
        Verified = "Verified",
    }
}

enumeration! {
    /// Kind of a work order.
    WorkOrderType {
        /// Planned maintenance.
        Pmrm = "PMRM",
        Request = "Request",
    }
}

enumeration! {
    /// Life of an invoice. Partly inferred, so any other text may come.
    InvoiceStatus {
        Draft = "Draft",
        Submitted = "Submitted",
        PendingVerification = "PendingVerification",
        Disputed = "Disputed",
        Authorized = "Authorized",
        Paid = "Paid",
    }
}

enumeration! {
    /// Life of a quote.
    QuoteStatus {
        Requested = "Requested",
        Submitted = "Submitted",
        Approved = "Approved",
        Rejected = "Rejected",
    }
}

enumeration! {
    /// Status of the safety check.
    IsmStatus {
        NotRequired = "NotRequired",
        Waiting = "Waiting",
        Started = "Started",
        Passed = "Passed",
        ManuallyPassed = "ManuallyPassed",
    }
}

enumeration! {
    /// What the customer thinks of the work. Partly inferred, so any other text may come.
    FeedbackType {
        Positive = "Positive",
        Neutral = "Neutral",
        Negative = "Negative",
        NotCompleted = "NotCompleted",
    }
}

enumeration! {
    /// Status of a step, and of a procedure.
    StepStatus {
        Unknown = "Unknown",
        Open = "Open",
        /// Not applicable.
        Na = "NA",
        Done = "Done",
    }
}

enumeration! {
    /// Whether a step is to be filled in or read.
    StepType {
        Field = "Field",
        Text = "Text",
    }
}

enumeration! {
    /// Type of a step's value. The contract's list is open.
    StepDataType {
        String = "String",
        Bool = "Bool",
        Money = "Money",
    }
}

enumeration! {
    /// Type of an additional field's value.
    FieldDataType {
        String = "String",
        Integer = "Integer",
        Float = "Float",
        Money = "Money",
        PhoneNumber = "PhoneNumber",
        Date = "Date",
        Time = "Time",
        Bool = "Bool",
        Url = "Url",
    }
}

enumeration! {
    /// What happened to a procedure. Partly inferred, so any other text may come.
    ProcedureUpdateType {
        Add = "Add",
        Update = "Update",
        Remove = "Remove",
    }
}

enumeration! {
    /// What an attachment is. Inferred, so any other text may come.
    AttachmentSubtype {
        Document = "Document",
        Picture = "Picture",
        Signature = "Signature",
        InvoicePrintout = "InvoicePrintout",
        ServiceContract = "ServiceContract",
        Misc = "Misc",
    }
}

enumeration! {
    /// Permission to enter. The contract's list is open.
    Pte {
        CallFirst = "CallFirst",
        Appointment = "Appointment",
    }
}

enumeration! {
    /// Kind of an actor; any other text passes.
    ActorType {
        /// The provider's people.
        CorrigoPro = "CorrigoPro",
        Customer = "Customer",
    }
}

enumeration! {
    /// Who may see a message or an attachment; only what `All` may see is sent.
    MessageVisibility {
        None = "None",
        CruOnly = "CruOnly",
        CruSubs = "CruSubs",
        CruLeads = "CruLeads",
        CruLead = "CruLead",
        All = "All",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_text_and_any_other_survives_reading_and_writing() {
        for text in Status::VALUES.iter().copied().chain(["Teleported", "new"]) {
            let json = format!("\"{text}\"");
            let status: Status = serde_json::from_str(&json).unwrap();
            assert_eq!(serde_json::to_string(&status).unwrap(), json);
            assert_eq!(matches!(status, Status::Other(_)), !Status::VALUES.contains(&text));
        }
    }
}
