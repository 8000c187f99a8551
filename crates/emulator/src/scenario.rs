//! Whole lives of work orders: who did what when, one notification after the other.
//!
//! Each keeps to the life cycle of service.md section 5. Contents are the samples of the contract with the words,
//! people, place and amounts of the story laid over them, so that ids, people and times agree over a whole life.

use serde_json::{Value, json};
use workbell_wire::samples::{SampleContext, Variant};
use workbell_wire::{Action, Timestamp};

use crate::{Note, Random, lay_over};

/// A life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "`Scenario::what` says what each one tells")]
pub enum Scenario {
    HappyPath,
    Rejected,
    Recalled,
    OnHoldAndReopened,
    Quote,
    IvrCheckout,
    Dispute,
    Procedures,
    AttachmentsAndMessages,
}

use Action::*;

/// Minutes after the arrival, what happened, members that the sample has otherwise.
type Scene = (i64, Action, Value);

impl Scenario {
    /// All of them.
    pub const ALL: [Scenario; 9] = [
        Scenario::HappyPath,
        Scenario::Rejected,
        Scenario::Recalled,
        Scenario::OnHoldAndReopened,
        Scenario::Quote,
        Scenario::IvrCheckout,
        Scenario::Dispute,
        Scenario::Procedures,
        Scenario::AttachmentsAndMessages,
    ];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        self.facts().0
    }

    /// What it tells, in one line.
    pub const fn what(self) -> &'static str {
        self.facts().1
    }

    /// The scenario with this name.
    pub fn from_name(name: &str) -> Option<Scenario> {
        Scenario::ALL.into_iter().find(|scenario| scenario.name() == name)
    }

    const fn facts(self) -> (&'static str, &'static str) {
        match self {
            Scenario::HappyPath => ("happy-path", "accepted, done, verified, paid"),
            Scenario::Rejected => ("rejected", "the provider has nobody free"),
            Scenario::Recalled => ("recalled", "the customer takes it back"),
            Scenario::OnHoldAndReopened => ("on-hold-and-reopened", "held, opened again, done"),
            Scenario::Quote => ("quote", "a quote is requested, submitted, approved"),
            Scenario::IvrCheckout => ("ivr-checkout", "checked out by telephone, details come later"),
            Scenario::Dispute => {
                ("dispute", "the work is not good, somebody comes again, the invoice is disputed")
            }
            Scenario::Procedures => ("procedures", "a check list becomes a procedure that is worked through"),
            Scenario::AttachmentsAndMessages => ("attachments-and-messages", "photos and questions"),
        }
    }

    /// Its notifications in their order, of a work order that arrives at `first`.
    pub fn notes(self, branch_id: i64, random: &mut Random, first: Timestamp) -> Vec<Note> {
        let story = Story::new(branch_id, random, first);
        self.scenes().iter().map(|scene| story.note(scene, random)).collect()
    }

    fn scenes(self) -> Vec<Scene> {
        let arrival = (0, NewWorkOrder, json!({}));
        let accepted = (24, Accepted, json!({ "Comment": "We come tomorrow morning before you open." }));
        let appointment = (31, AppointmentInfoChanged, json!({}));
        let on_site = (1325, CheckedIn, json!({ "Comment": "On site." }));
        let done = (1460, CheckedOut, json!({ "Comment": "Done and tested." }));
        let verified = (1580, WorkVerified, json!({}));
        let completion = (2900, CompletionInfoChanged, json!({}));
        let start = [arrival, accepted];
        let invoice = |at: i64, status: &str, more: Value| {
            let mut members =
                json!({ "Status": status, "AuthNumber": null, "CheckNumber": null, "PaidDate": null });
            lay_over(&mut members, &more);
            (at, InvoiceStatusChanged, members)
        };
        let quote = |at: i64, status: &str, comment: &str| {
            (at, QuoteChanged, json!({ "Quote": { "QuoteStatus": status, "Comment": comment } }))
        };
        match self {
            Scenario::HappyPath => [
                &start[..],
                &[
                    appointment,
                    on_site,
                    (1352, Paused, json!({ "Comment": "Gone for a part, back in an hour." })),
                    (1410, CheckedIn, json!({ "Comment": "Back with the part." })),
                    done,
                    verified,
                    completion,
                    invoice(4300, "Authorized", json!({ "AuthNumber": "A-20417" })),
                    invoice(18_700, "Paid", json!({ "CheckNumber": "100482" })),
                ],
            ]
            .concat(),
            Scenario::Rejected => vec![
                start[0].clone(),
                (17, InternalNoteChanged, json!({ "InternalNote": "Nobody free before Friday." })),
                (19, Rejected, json!({ "Comment": "All our people are booked until Friday." })),
            ],
            Scenario::Recalled => [
                &start[..],
                &[
                    (55, MessageSent, json!({ "Text": "The landlord may take care of it. Please wait." })),
                    (80, Recalled, json!({ "Comment": "The landlord takes care of it." })),
                ],
            ]
            .concat(),
            Scenario::OnHoldAndReopened => [
                &start[..],
                &[
                    (60, PutOnHold, json!({ "Comment": "Please wait until the ceiling is dry." })),
                    (900, Reopened, json!({ "Comment": "Dry now, please come." })),
                    (914, Accepted, json!({ "Comment": "On our way." })),
                    on_site,
                    done,
                    verified,
                ],
            ]
            .concat(),
            Scenario::Quote => [
                &start[..],
                &[
                    quote(40, "Requested", "What would a new line cost?"),
                    quote(
                        95,
                        "Submitted",
                        "Two metres of copper pipe, one valve, four hours for two people.",
                    ),
                    quote(180, "Approved", "Agreed."),
                    on_site,
                    done,
                    verified,
                ],
            ]
            .concat(),
            Scenario::IvrCheckout => [
                &start[..],
                &[
                    on_site,
                    (1460, NeedsCompletionDetails, json!({})),
                    (1530, CheckedOut, json!({ "Comment": "Details added from the office." })),
                    completion,
                    (2960, WorkVerified, json!({})),
                ],
            ]
            .concat(),
            Scenario::Dispute => [
                &start[..],
                &[
                    on_site.clone(),
                    done,
                    (
                        1580,
                        WorkVerified,
                        json!({ "Feedback": { "Type": "Negative", "Comment": "It still drips." } }),
                    ),
                    (1600, Reopened, json!({ "Comment": "It drips again." })),
                    (1610, Accepted, json!({ "Comment": "We come back today, free of charge." })),
                    (1700, CheckedIn, on_site.2),
                    (1790, CheckedOut, json!({ "Comment": "Joint soldered anew, dry after an hour." })),
                    (1900, WorkVerified, json!({ "Feedback": { "Type": "Positive", "Comment": "Dry." } })),
                    (2900, CompletionInfoChanged, json!({})),
                    invoice(3000, "Disputed", json!({ "Comment": "The second visit was free of charge." })),
                    invoice(4300, "Authorized", json!({ "AuthNumber": "A-20431" })),
                ],
            ]
            .concat(),
            Scenario::Procedures => [
                &start[..],
                &[
                    (40, CheckListUpdated, json!({})),
                    (50, CheckListMigratedToProcedure, json!({})),
                    on_site,
                    (1330, IsmStatusChanged, json!({ "Status": "Started" })),
                    (1335, IsmStatusChanged, json!({ "Status": "Passed" })),
                    (1350, ProcedureUpdated, json!({})),
                    (1390, ProcedureStepUpdated, json!({})),
                    (1400, ProcedureMarked, json!({})),
                    done,
                    verified,
                ],
            ]
            .concat(),
            Scenario::AttachmentsAndMessages => [
                &start[..],
                &[
                    (30, MessageSent, json!({ "Text": "Is the room below dry as well?" })),
                    (42, AttachmentAdded, json!({ "Name": "ceiling.jpg" })),
                    (43, MessageSent, json!({ "Text": "See the photo." })),
                    (60, AttachmentRemoved, json!({})),
                    (70, NteChanged, json!({})),
                    (75, SlaChanged, json!({})),
                    on_site,
                    done,
                    verified,
                ],
            ]
            .concat(),
        }
    }
}

/// Where it happens and who are there.
struct Place {
    customer: (i64, &'static str),
    location: &'static str,
    street: &'static str,
    city: (&'static str, &'static str, &'static str),
    contact: (&'static str, &'static str, &'static str),
    asset: (i64, &'static str),
}

const PLACES: [Place; 4] = [
    Place {
        customer: (7781, "Golden Crust Bakeries"),
        location: "Golden Crust Bakery 17",
        street: "1700 Orchard Street NW",
        city: ("Washington", "DC", "20009"),
        contact: ("Dana Whitfield", "+12025550163", "dana.whitfield@goldencrust.example"),
        asset: (90_211, "Cold water line, 22 mm copper"),
    },
    Place {
        customer: (7902, "Harbour Markets"),
        location: "Harbour Market Canton",
        street: "2400 Boston Street",
        city: ("Baltimore", "MD", "21224"),
        contact: ("Luis Ortega", "+14105550117", "luis.ortega@harbourmarkets.example"),
        asset: (90_377, "Walk-in cooler 2"),
    },
    Place {
        customer: (8015, "Little Oak Daycare"),
        location: "Little Oak Fairfax",
        street: "11 Old Lee Highway",
        city: ("Fairfax", "VA", "22030"),
        contact: ("Priya Nair", "+17035550122", "priya.nair@littleoak.example"),
        asset: (90_402, "Water heater, 190 l"),
    },
    Place {
        customer: (8120, "Becker Books"),
        location: "Becker Books Alexandria",
        street: "512 King Street",
        city: ("Alexandria", "VA", "22314"),
        contact: ("Tom Becker", "+17035550188", "tom@beckerbooks.example"),
        asset: (90_455, "Rear door, panic bar"),
    },
];

const WORKERS: [(&str, &str); 3] =
    [("Jon Snow", "+12025550141"), ("Maria Keller", "+12025550140"), ("Sam Okafor", "+14105550142")];

/// What stays the same over one life.
struct Story {
    place: &'static Place,
    worker: (&'static str, &'static str),
    work_order_id: i64,
    number: String,
    branch_id: i64,
    first: Timestamp,
}

impl Story {
    fn new(branch_id: i64, random: &mut Random, first: Timestamp) -> Self {
        let mut pick = |length: usize| usize::try_from(random.below(length as u64)).unwrap_or(0);
        let (place, worker) = (&PLACES[pick(PLACES.len())], WORKERS[pick(WORKERS.len())]);
        let work_order_id = 100_000 + i64::try_from(random.below(900_000)).unwrap_or(0);
        Story { place, worker, work_order_id, number: format!("WO-{work_order_id:07}"), branch_id, first }
    }

    fn note(&self, (minutes, action, members): &Scene, random: &mut Random) -> Note {
        // Not on the second: times of the contract have seven digits.
        let ticks = minutes * 60 * workbell_wire::timestamp::TICKS_PER_SECOND + 1_671_613;
        let at = Timestamp::from_ticks(self.first.ticks().saturating_add(ticks));
        let message_id = random.message_id(at);
        let context = SampleContext {
            work_order_number: &self.number,
            ..SampleContext::new(self.work_order_id, self.branch_id, message_id, at)
        };
        let text = workbell_wire::sample(*action, Variant::Typical, &context);
        let mut value: Value = serde_json::from_slice(&text).expect("samples are JSON");
        if *action == NewWorkOrder {
            lay_over(&mut value["Details"], &self.details());
        }
        let by_customer = value["Header"]["Sender"]["Type"] == "Customer";
        if *action != NeedsCompletionDetails {
            let (name, phone) =
                if by_customer { (self.place.contact.0, self.place.contact.1) } else { self.worker };
            value["Header"]["Sender"]["Name"] = name.into();
            value["Header"]["Sender"]["Phone"] = phone.into();
        }
        lay_over(&mut value, members);
        Note::publish(value.to_string().as_bytes(), message_id, at).expect("scenarios keep to the contract")
    }

    fn details(&self) -> Value {
        let place = self.place;
        let (name, phone, mail) = place.contact;
        json!({
            "Customer": { "Id": place.customer.0, "Name": place.customer.1 },
            "Contact": { "FullName": name, "ContactAt": phone, "Phones": [phone], "Emails": [mail] },
            "ServiceLocation": { "Name": place.location, "Address": {
                "Street1": place.street, "City": place.city.0, "State": place.city.1,
                "PostalCode": place.city.2, "Country": "United States",
            } },
            "WorkDetails": { "Assets": [ {
                "Id": place.asset.0, "AssetName": place.asset.1,
                "Path": format!("{}>{}", place.location, place.asset.1),
            } ] },
        })
    }
}
