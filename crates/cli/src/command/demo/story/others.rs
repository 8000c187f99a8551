//! Shorter lives: put on hold and checked out by telephone, rejected, recalled; and what is about no work order.

use serde_json::{Value, json};
use workbell_wire::Action;

use super::{DANA, IVR, JON, MARIA, Order, PRIYA, Scene, TOM, scene};

/// The scenes of these work orders.
pub(super) fn scenes() -> Vec<Scene> {
    let (books, daycare, sign) =
        (|action| (Order::Books, action), |action| (Order::Daycare, action), |action| (Order::Sign, action));
    vec![
        scene(
            (8, 10),
            daycare(Action::NewWorkOrder),
            TOM,
            "No hot water, daycare at 5 Maple Ct",
            daycare_order(),
        ),
        scene(
            (8, 15),
            daycare(Action::Rejected),
            MARIA,
            "Northwall is booked until Friday",
            json!({
                "Comment": "All our plumbers are booked until Friday."
            }),
        ),
        scene(
            (8, 12),
            books(Action::NewWorkOrder),
            PRIYA,
            "Door won't lock, books at 12 Elm Row",
            books_order(),
        ),
        scene(
            (8, 40),
            books(Action::PutOnHold),
            PRIYA,
            "The landlord's locksmith looks first",
            json!({
                "Comment": "Please wait, the landlord's locksmith looks at it first."
            }),
        ),
        scene(
            (12, 0),
            books(Action::Reopened),
            PRIYA,
            "He could not help: open again",
            json!({
                "Comment": "He could not help. Please come."
            }),
        ),
        scene(
            (12, 4),
            books(Action::Accepted),
            MARIA,
            "Accepted for this afternoon",
            json!({
                "Comment": "Jon comes after lunch."
            }),
        ),
        scene(
            (13, 15),
            books(Action::CheckedIn),
            JON,
            "Jon Snow calls in by telephone",
            json!({
                "Comment": "Checked in by telephone.", "Location": null
            }),
        ),
        scene(
            (14, 2),
            books(Action::NeedsCompletionDetails),
            IVR,
            "Out by telephone, details to come",
            json!({}),
        ),
        scene(
            (8, 20),
            (Order::Company, Action::AdditionalFieldDescriptorUpdated),
            DANA,
            "Every order now carries a cost centre",
            json!({}),
        ),
        scene((8, 31), sign(Action::NewWorkOrder), DANA, "Sign flickers, bakery at 9 Canal St", sign_order()),
        scene(
            (9, 16),
            sign(Action::Recalled),
            DANA,
            "It was the timer: recalled",
            json!({
                "Comment": "It was the timer. Sorry for the trouble."
            }),
        ),
    ]
}

/// A work order: customer, message, kind of work, place.
fn order(
    customer: (i64, &str),
    message: &str,
    work: (i64, &str, &str),
    place: (&str, &str, &str, &str),
) -> Value {
    let (name, street, city, state) = place;
    json!({ "Details": {
        "Customer": { "Id": customer.0, "Name": customer.1 },
        "AccompanyingMessage": message,
        "WorkType": { "Id": work.0, "Category": work.1, "Name": work.2, "IsVisit": false },
        "Contact": null,
        "ServiceLocation": {
            "Name": name, "OccupantId": null,
            "Address": { "Street1": street, "City": city, "State": state, "PostalCode": null, "Country": "US" }
        },
        "WorkDetails": { "CheckList": null, "Procedures": null, "Assets": null }
    }, "Attachments": null })
}

fn daycare_order() -> Value {
    order(
        (7_815, "Sunny Days Daycare"),
        "No hot water since this morning. We have forty children here.",
        (33, "Plumbing", "No hot water"),
        ("Sunny Days Reston", "5 Maple Court", "Reston", "VA"),
    )
}

fn books_order() -> Value {
    order(
        (7_820, "Juniper Books"),
        "The back door does not lock any more. The shop opens at ten.",
        (52, "Doors", "Door does not lock"),
        ("Juniper Books", "12 Elm Row", "Alexandria", "VA"),
    )
}

fn sign_order() -> Value {
    order(
        (7_781, "Golden Crust Bakeries"),
        "The sign above the entrance flickers.",
        (61, "Electrical", "Sign"),
        ("Bakery 3", "9 Canal Street", "Washington", "DC"),
    )
}
