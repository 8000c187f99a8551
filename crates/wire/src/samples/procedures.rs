//! Check list and procedure of the story.

use super::Maker;
use super::json::Object;

/// The check list: text, done, remark of the technician, why not done.
const POINTS: [(&str, bool, &str, &str); 3] = [
    ("Shut off the water", true, "Valve behind the oven, hard to turn", ""),
    ("Replace the damaged pipe", true, "", ""),
    ("Dry the ceiling", false, "", "The dryer comes tomorrow"),
];

impl Maker<'_> {
    pub(super) fn check_list_descriptors(&self) -> impl Iterator<Item = String> {
        POINTS.iter().take(self.points()).enumerate().map(|(index, point)| {
            let mut item = Object::new();
            item.integer("Id", 801 + index as i64);
            item.integer("SortingIndex", 1 + index as i64);
            item.text("Description", point.0);
            self.remarks(&mut item, point.2, point.3);
            item.flag("IsDone", point.1);
            item.end()
        })
    }

    pub(super) fn check_list_items(&self) -> impl Iterator<Item = String> {
        POINTS.iter().take(self.points()).enumerate().map(|(index, point)| {
            let mut item = Object::new();
            item.integer("Id", 801 + index as i64);
            item.flag("IsDone", point.1);
            self.remarks(&mut item, point.2, point.3);
            item.end()
        })
    }

    fn points(&self) -> usize {
        if self.typical() { POINTS.len() } else { 1 }
    }

    fn remarks(&self, item: &mut Object, comment: &str, exception: &str) {
        if self.typical() && !comment.is_empty() {
            item.text("Comment", comment);
        }
        if self.typical() && !exception.is_empty() {
            item.text("Exception", exception);
        }
    }

    pub(super) fn procedure(&self) -> String {
        let mut procedure = Object::new();
        procedure.integer("Id", 3_301);
        procedure.integer("Order", 1);
        procedure.text("Name", "Water leak");
        procedure.text("Status", "Open");
        procedure.flag("AllowMarkNotApplicable", true);
        if self.typical() {
            procedure.json("Asset", self.asset());
        }
        procedure.list("Steps", self.step_descriptors());
        procedure.end()
    }

    fn step_descriptors(&self) -> Vec<String> {
        let mut steps = vec![self.step_descriptor(Step::Meter)];
        if self.typical() {
            steps.push(self.step_descriptor(Step::Parts));
        }
        if self.maximal() {
            steps.push(self.step_descriptor(Step::Safety));
        }
        steps
    }

    fn step_descriptor(&self, step: Step) -> String {
        let mut object = Object::new();
        self.step_answer(&mut object, step);
        let (order, required, label, kind, data_type) = match step {
            Step::Meter => (1, true, "Does the meter stand still?", "Field", "Bool"),
            Step::Parts => (2, true, "What did the parts cost?", "Field", "Money"),
            Step::Safety => (3, false, "Keep the power off while the ceiling is wet.", "Text", "String"),
        };
        object.integer("Order", order);
        object.flag("IsRequired", required);
        object.text("Label", label);
        if self.maximal() {
            object.text("Description", "All taps closed, ice machine off.");
        }
        object.text("StepType", kind);
        object.text("DataType", data_type);
        if self.maximal() {
            object.text("FlagReason", "Out of the usual range");
        }
        object.end()
    }

    /// The steps with their answers alone.
    pub(super) fn steps(&self) -> Vec<String> {
        let all = [Step::Meter, Step::Parts, Step::Safety];
        let count = if self.typical() { all.len() } else { 1 };
        all.into_iter()
            .take(count)
            .map(|step| {
                let mut object = Object::new();
                self.step_answer(&mut object, step);
                object.end()
            })
            .collect()
    }

    fn step_answer(&self, object: &mut Object, step: Step) {
        let (id, status, value) = match step {
            Step::Meter => (33_011, "Done", "true"),
            Step::Parts => (33_012, "Done", "184.90"),
            Step::Safety => (33_013, "NA", ""),
        };
        object.integer("Id", id);
        object.text("Status", status);
        if self.typical() && !value.is_empty() {
            object.text("Value", value);
        }
        if self.maximal() {
            object.text("Comment", "Read twice, ten minutes apart.");
        }
        if self.typical() && matches!(step, Step::Parts) {
            object.text("Currency", "USD");
        }
    }
}

#[derive(Clone, Copy)]
enum Step {
    Meter,
    Parts,
    Safety,
}
