//! A leaking pipe above the proofing room of a bakery: from the first drop to the paid invoice.

use serde_json::json;
use workbell_wire::Action;

use super::{DANA, JON, MARIA, Order, Scene, Turn, scene};

/// The scenes of this work order.
pub(super) fn scenes() -> Vec<Scene> {
    let it = |action| (Order::Bakery, action);
    vec![
        scene((7, 42), it(Action::NewWorkOrder), DANA, "Water drips, bakery at 1700 Orchard St", json!({})),
        scene(
            (7, 44),
            it(Action::Accepted),
            MARIA,
            "Northwall accepts in its own system",
            json!({
                "Comment": "Jon comes at nine, before you open the shop."
            }),
        )
        .turn(Turn::Direct),
        scene(
            (7, 45),
            it(Action::AppointmentInfoChanged),
            MARIA,
            "Appointment: the plumber comes at nine",
            json!({}),
        ),
        scene((9, 2), it(Action::CheckedIn), JON, "Jon Snow is on site, looks for a valve", json!({})),
        scene((9, 6), it(Action::IsmStatusChanged), JON, "Safety check before work: passed", json!({})),
        scene((9, 12), it(Action::AttachmentAdded), JON, "A photo of the wet ceiling", json!({})),
        scene((9, 13), it(Action::AttachmentRemoved), DANA, "The blurred one is taken away", json!({})),
        scene((9, 35), it(Action::QuoteChanged), MARIA, "Quote for pipe and valve: $1,480.50", json!({})),
        scene((9, 41), it(Action::NteChanged), DANA, "Not to exceed: raised to $1,500.00", json!({})),
        scene(
            (9, 44),
            it(Action::MessageSent),
            JON,
            "\u{201c}Is the oven room dry as well?\u{201d}",
            json!({}),
        ),
        scene(
            (11, 20),
            it(Action::InternalNoteChanged),
            MARIA,
            "Note: key box code is with dispatch",
            json!({}),
        ),
        scene((11, 30), it(Action::CheckedOut), JON, "Pipe and valve replaced, Jon leaves", json!({})),
        scene(
            (8, 30),
            it(Action::CompletionInfoChanged),
            MARIA,
            "Tuesday: repair code, with the invoice",
            json!({}),
        )
        .on_day(1),
        scene(
            (10, 15),
            it(Action::WorkVerified),
            DANA,
            "\u{201c}Quick and tidy, thank you.\u{201d}",
            json!({}),
        )
        .on_day(1),
        scene(
            (12, 0),
            it(Action::InvoiceStatusChanged),
            DANA,
            "Friday: paid $1,480.50, check 0018823",
            json!({}),
        )
        .on_day(4),
    ]
}
