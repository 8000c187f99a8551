//! A walk-in cooler that gets warm: an emergency with check list and procedure.

use serde_json::{Value, json};
use workbell_wire::Action;

use super::{LUIS, MARIA, Order, SAM, Scene, Turn, scene};

/// Id of the procedure that the check list becomes.
const PROCEDURE: i64 = 3_418;

/// The scenes of this work order.
pub(super) fn scenes() -> Vec<Scene> {
    let it = |action| (Order::Market, action);
    vec![
        scene((7, 58), it(Action::NewWorkOrder), LUIS, "Cooler at 9 °C, market at 88 Pier Ave", order()),
        scene(
            (8, 1),
            it(Action::Accepted),
            MARIA,
            "Northwall's dispatcher accepts",
            json!({
                "Comment": "Sam is on his way."
            }),
        ),
        scene(
            (8, 3),
            it(Action::SlaChanged),
            LUIS,
            "Now an emergency: within the hour",
            json!({
                "Sla": { "PriorityId": 1, "PriorityName": "P1 - Emergency", "IsEmergency": true }
            }),
        ),
        scene(
            (8, 55),
            it(Action::CheckedIn),
            SAM,
            "Sam Okafor is on site",
            json!({
                "Comment": "Compressor does not start.", "Location": location()
            }),
        ),
        scene(
            (9, 5),
            it(Action::CheckListUpdated),
            SAM,
            "Check list: two of three done",
            json!({
                "CheckList": check_list()
            }),
        )
        .turn(Turn::Hiccup),
        scene(
            (9, 10),
            it(Action::CheckListMigratedToProcedure),
            LUIS,
            "The check list becomes a procedure",
            json!({
                "ProcedureId": PROCEDURE, "Steps": [step(1, "Done", "true"), step(2, "Open", "")]
            }),
        ),
        scene(
            (9, 14),
            it(Action::ProcedureUpdated),
            LUIS,
            "Procedure \u{201c}Cooler start-up\u{201d} is added",
            json!({
                "ProcedureUpdates": [{ "Procedure": procedure(), "UpdateType": "Add" }]
            }),
        ),
        scene(
            (9, 20),
            it(Action::ProcedureStepUpdated),
            SAM,
            "Suction pressure measured: 2.1 bar",
            json!({
                "Steps": [step(2, "Done", "2.1")]
            }),
        ),
        scene(
            (9, 24),
            it(Action::ProcedureMarked),
            SAM,
            "Defrost test does not apply here",
            json!({
                "ProcedureId": PROCEDURE + 1, "IsMarkedNa": true
            }),
        ),
        scene(
            (9, 30),
            it(Action::Paused),
            SAM,
            "Gone for a compressor relay",
            json!({
                "Comment": "Relay is in stock, back in an hour.", "Location": location()
            }),
        ),
        scene(
            (10, 50),
            it(Action::CheckedIn),
            SAM,
            "Back with the relay",
            json!({
                "Comment": "Relay is in, pulling down.", "Location": location()
            }),
        ),
        scene(
            (11, 40),
            it(Action::CheckedOut),
            SAM,
            "The cooler stands at 3 °C again",
            json!({
                "Comment": "3 °C after forty minutes.",
                "Location": location(),
                "Procedures": [procedure()],
                "CheckList": check_list().as_array().into_iter().flatten().map(|point| {
                    json!({ "Id": point["Id"], "IsDone": true })
                }).collect::<Value>(),
                "RepairInfo": { "CodeId": 214, "Code": "Replaced relay", "CategoryId": 21, "Category": "Refrigeration" },
                "CustomFields": [{ "Id": 11, "Value": "4711-18" }]
            }),
        ),
    ]
}

fn order() -> Value {
    json!({ "Details": {
        "Customer": { "Id": 7_802, "Name": "Harbor Fresh Markets" },
        "AccompanyingMessage": "The walk-in cooler stands at 9 °C and climbs. Dairy and fish are inside.",
        "WorkType": { "Id": 44, "Category": "Refrigeration", "Name": "Walk-in cooler warm", "IsVisit": false },
        "Contact": {
            "FullName": "Luis Ortega", "ContactAt": "+14105550117", "Phones": ["+14105550117"],
            "Emails": ["luis.ortega@harborfresh.example"]
        },
        "ServiceLocation": {
            "Name": "Harbor Fresh Market 4",
            "Address": {
                "Street1": "88 Pier Avenue", "City": "Baltimore", "State": "MD", "PostalCode": "21230",
                "Country": "US"
            }
        },
        "WorkDetails": {
            "CheckList": open_check_list(), "Procedures": null,
            "Assets": [{ "Id": 90_544, "Path": "Market 4>Back of house>Walk-in cooler 2", "AssetName": "Walk-in cooler 2" }]
        }
    }, "Attachments": null })
}

fn location() -> Value {
    json!({ "Latitude": 39.272_81, "Longitude": -76.603_54 })
}

fn check_list() -> Value {
    points([true, true, false])
}

fn open_check_list() -> Value {
    points([false; 3])
}

fn points(done: [bool; 3]) -> Value {
    let texts = ["Clean the condenser coil", "Test both fans", "Replace the compressor relay"];
    (0..3).map(|place| json!({
        "Id": 811 + place, "SortingIndex": 1 + place, "Description": texts[place], "IsDone": done[place]
    })).collect()
}

fn step(id: i64, status: &str, value: &str) -> Value {
    if value.is_empty() {
        json!({ "Id": 5_200 + id, "Status": status })
    } else {
        json!({ "Id": 5_200 + id, "Status": status, "Value": value })
    }
}

fn procedure() -> Value {
    let described = |id: i64, label: &str, data_type: &str| {
        let mut step = step(id, "Open", "");
        step["Order"] = id.into();
        step["IsRequired"] = true.into();
        step["Label"] = label.into();
        step["StepType"] = "Field".into();
        step["DataType"] = data_type.into();
        step
    };
    json!({
        "Id": PROCEDURE, "Order": 1, "Name": "Cooler start-up", "Status": "Open", "AllowMarkNotApplicable": false,
        "Steps": [described(1, "Does the compressor start?", "Bool"), described(2, "Suction pressure in bar", "String")]
    })
}
