//! The work order of the story.

use super::json::{Object, string};
use super::{DAY, HOUR, Maker};

impl Maker<'_> {
    pub(super) fn work_order(&self) -> String {
        let mut order = Object::new();
        order.integer("WorkOrderId", self.context.work_order_id);
        order.text("WorkOrderNumber", self.context.work_order_number);
        order.integer("BranchId", self.context.branch_id);
        order.text("Status", "New");
        order.text("Type", "Request");
        if self.typical() {
            order.json("Customer", r#"{"Id":7781,"Name":"Golden Crust Bakeries"}"#);
            order.text("Created", &self.time(-2 * HOUR));
            order.text("LastUpdate", &self.time(-60));
            order.text(
                "AccompanyingMessage",
                &self.up_to(
                    3000,
                    "Water drips from the ceiling above the proofing room. Please come before we open.",
                ),
            );
            order.text("Currency", "USD");
            order.flag("IsPreBilled", false);
            order.json("Schedule", self.schedule());
            order.json("Nte", self.nte());
            order.json("Sla", self.sla());
            order
                .json("WorkType", r#"{"Id":31,"Category":"Plumbing","Name":"Leaking pipe","IsVisit":false}"#);
            order.json("WorkDetails", self.work_details());
            order.json("Contact", self.contact());
            order.json("ServiceLocation", self.service_location());
        }
        if self.maximal() {
            order.list("AdditionalFields", self.additional_fields());
            order.text("InternalNote", &self.up_to(3000, "Key box code is with dispatch."));
        }
        order.end()
    }

    fn schedule(&self) -> String {
        let mut schedule = Object::new();
        schedule.text("ScheduledStart", &self.time(DAY));
        schedule.text("Pte", "CallFirst");
        schedule.end()
    }

    fn nte(&self) -> String {
        let mut nte = Object::new();
        nte.json("Amount", "1250.00");
        if self.maximal() {
            nte.json("Quote", self.quote());
        }
        nte.end()
    }

    pub(super) fn quote(&self) -> String {
        let mut quote = Object::new();
        quote.json("Amount", "1480.50");
        if self.typical() {
            quote.text("Comment", "Two metres of copper pipe, one valve, four hours for two people.");
        }
        quote.text("QuoteStatus", "Submitted");
        quote.end()
    }

    pub(super) fn sla(&self) -> String {
        let mut sla = Object::new();
        if self.typical() {
            sla.text("DueDate", &self.time(3 * DAY));
            sla.text("OnSiteBy", &self.time(DAY + 4 * HOUR));
            sla.text("AcknowledgeBy", &self.time(2 * HOUR));
            sla.integer("PriorityId", 2);
        }
        sla.text("PriorityName", "P2 - Urgent");
        sla.flag("IsEmergency", false);
        sla.end()
    }

    fn work_details(&self) -> String {
        let mut details = Object::new();
        details.list("CheckList", self.check_list_descriptors());
        details.list("Procedures", [self.procedure()]);
        details.list("Assets", [self.asset()]);
        details.end()
    }

    pub(super) fn asset(&self) -> String {
        let mut asset = Object::new();
        asset.integer("Id", 90_211);
        if self.typical() {
            asset.text("Path", "Bakery 17>Production>Proofing room>Cold water line");
            asset.text("Task", "Leaking pipe");
            asset.text("AssetName", "Cold water line, 22 mm copper");
        }
        if self.maximal() {
            asset.text("Comment", "Insulated in 2014; the shut-off valve is behind the oven.");
        }
        asset.end()
    }

    fn contact(&self) -> String {
        let mut contact = Object::new();
        contact.text("FullName", "Dana Whitfield");
        contact.text("ContactAt", "+12025550163");
        contact.list("Phones", ["+12025550163", "+12025550164"].map(string));
        contact.list("Emails", ["dana.whitfield@goldencrust.example"].map(string));
        contact.end()
    }

    fn service_location(&self) -> String {
        let mut address = Object::new();
        address.text("Street1", &self.up_to(128, "1700 Orchard Street NW"));
        if self.maximal() {
            address.text("Street2", &self.up_to(128, "Rear entrance, loading dock B"));
        }
        address.text("City", &self.up_to(40, "Washington"));
        address.text("State", &self.up_to(128, "DC"));
        address.text("PostalCode", "20009");
        address.text("Country", &self.up_to(50, "United States"));
        let mut location = Object::new();
        location.text("Name", "Golden Crust Bakery 17");
        if self.maximal() {
            location.integer("OccupantId", 5_512);
        }
        location.json("Address", address.end());
        location.end()
    }

    fn additional_fields(&self) -> [String; 2] {
        let mut store = Object::new();
        store.integer("AdditionalField", 11);
        store.text("FieldLabel", "Cost centre");
        store.text("Value", "4711-17");
        let mut plan = Object::new();
        plan.integer("AdditionalField", 12);
        plan.text("FieldLabel", "Floor plan");
        plan.text("URLLabel", "Open the plan");
        plan.text("Value", "https://plans.goldencrust.example/17");
        [store.end(), plan.end()]
    }
}
